--- Which session was open last in each root. Survives the editor.
local M = {}

local function path()
  return vim.fs.joinpath(vim.fn.stdpath('state'), 'nexus', 'sessions.json')
end
M.path = path

local function read()
  local file = io.open(path(), 'r')
  if not file then
    return {}
  end
  local text = file:read('*a')
  file:close()
  local ok, value = pcall(vim.json.decode, text)
  return ok and type(value) == 'table' and value or {}
end

---@return string? session
function M.get(root)
  local entry = read()[root]
  return type(entry) == 'table' and entry.session or nil
end

--- Remembers a session, or forgets that of a root. Written beside and renamed, because another Neovim may read meanwhile.
---@param session string?
function M.set(root, session)
  local all = read()
  if (all[root] or {}).session == session then
    return
  end
  all[root] = session and { session = session, time = os.time() } or nil
  local target = path()
  if vim.fn.mkdir(vim.fs.dirname(target), 'p', tonumber('700', 8)) == 0 then
    return
  end
  local beside = ('%s.%d'):format(target, vim.fn.getpid())
  local file = io.open(beside, 'w')
  if not file then
    return
  end
  file:write(vim.json.encode(next(all) and all or vim.empty_dict()))
  file:close()
  vim.uv.fs_rename(beside, target)
end

return M
