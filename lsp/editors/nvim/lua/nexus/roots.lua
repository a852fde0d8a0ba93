--- Which folder a file belongs to, and which one is meant.
local config = require('nexus.config')

local M = {}

--- The root of a buffer: the folder above it with one of the markers, else the folder that Neovim is in.
---@param buffer integer
---@return string
function M.of(buffer)
  local named = vim.b[buffer].nexus_root
  if named then
    return named
  end
  local name = vim.api.nvim_buf_get_name(buffer)
  local is_file = name ~= '' and vim.bo[buffer].buftype == '' and not name:match('^%a[%w+.-]*://')
  local found = is_file and vim.fs.root(name, config.options.root_markers)
  if found then
    return vim.fs.normalize(found)
  end
  local here = vim.fn.getcwd()
  -- A file outside of everything belongs to its own folder, not to where Neovim happens to be.
  if is_file and not M.contains(here, name) then
    return vim.fs.normalize(vim.fs.dirname(vim.fs.abspath(name)))
  end
  return vim.fs.normalize(vim.fs.root(here, config.options.root_markers) or here)
end

--- Whether a path is in a folder, or the folder itself.
function M.contains(root, path)
  path = vim.fs.normalize(vim.fs.abspath(path))
  root = vim.fs.normalize(root)
  return path == root or vim.startswith(path, root:gsub('/$', '') .. '/')
end

--- All roots of files that are open, each once, in order.
function M.open()
  local seen, out = {}, {}
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    local named = vim.api.nvim_buf_get_name(buffer) ~= '' and vim.bo[buffer].buftype == ''
    if vim.api.nvim_buf_is_loaded(buffer) and (named or vim.b[buffer].nexus_root) then
      local root = M.of(buffer)
      if not seen[root] then
        seen[root] = true
        out[#out + 1] = root
      end
    end
  end
  table.sort(out)
  return out
end

--- The root that is meant: that of the buffer in front; the person is asked when there is none and several are open.
---@param done fun(root: string)
function M.choose(done)
  local buffer = vim.api.nvim_get_current_buf()
  local named = vim.api.nvim_buf_get_name(buffer) ~= '' and vim.bo[buffer].buftype == ''
  if named or vim.b[buffer].nexus_root then
    return done(M.of(buffer))
  end
  local open = M.open()
  if #open <= 1 then
    return done(open[1] or M.of(buffer))
  end
  require('nexus.select').one(open, {
    prompt = 'Nexus: which folder?',
    format_item = function(root)
      return vim.fn.fnamemodify(root, ':~')
    end,
  }, function(root)
    if root then
      done(root)
    end
  end)
end

return M
