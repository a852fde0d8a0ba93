--- The state of each root, and a line for statuslines.
local M = {}

---@type table<string, table> RootStatus by root
local roots = {}

--- A `nexus/status` notification: one root, or all of them.
function M.set(value)
  for _, one in ipairs(value.roots or { value }) do
    if one.root then
      local path = vim.fs.normalize(vim.uri_to_fname(one.root))
      local before = roots[path]
      roots[path] = one
      if one.state == 'failed' and one.error and not (before and before.state == 'failed') then
        require('nexus.client').show_error({ message = one.error.message, data = one.error })
      end
    end
  end
  M.changed()
end

--- Statuslines are drawn again, and whoever listens to `User NexusStatus` is told.
function M.changed()
  vim.api.nvim_exec_autocmds('User', { pattern = 'NexusStatus', modeline = false })
  vim.cmd.redrawstatus({ bang = true })
end

function M.clear()
  roots = {}
  M.changed()
end

function M.of(root)
  return roots[vim.fs.normalize(root)]
end

function M.all()
  return roots
end

--- One short text: what the server of a root does. Empty where there is none.
---@param root? string
function M.line(root)
  local one = roots[vim.fs.normalize(root or require('nexus.roots').of(vim.api.nvim_get_current_buf()))]
  if not one then
    return ''
  end
  local text = 'nexus: ' .. one.state
  if one.turns and one.turns > 0 then
    text = ('%s · %d running'):format(text, one.turns)
  end
  if one.history == 'locked' then
    text = text .. ' · history locked'
  end
  return text
end

--- All of it, in lines.
function M.report(value)
  local lines = {}
  for _, one in ipairs(value.roots or {}) do
    local line = ('%s  %s'):format(vim.fn.fnamemodify(vim.uri_to_fname(one.root), ':~'), one.state)
    if one.server then
      line = ('%s  OpenCode %s at %s%s'):format(line, one.server.version, one.server.address, one.server.ours and ' (started by nexus)' or '')
    end
    lines[#lines + 1] = ('%s  history %s  %d running'):format(line, one.history or 'off', one.turns or 0)
    if one.error then
      lines[#lines + 1] = '  ' .. require('nexus.client').describe({ message = one.error.message, data = one.error })
    end
  end
  return #lines > 0 and lines or { 'no folder is open yet' }
end

return M
