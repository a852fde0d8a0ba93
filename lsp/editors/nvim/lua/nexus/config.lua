--- The options: defaults, and what `setup` was given.
local M = {}

---@class nexus.Config
M.defaults = {
  --- How the language server is started.
  cmd = { 'nexus', 'lsp' },
  --- What the language server reads as its settings (`nexus.*` of `workspace/configuration`).
  settings = {},
  --- A file or folder with one of these names makes a folder a root.
  root_markers = { '.git', 'opencode.json', 'opencode.jsonc', '.opencode' },
  --- Start the language server for every file, for code actions and chats in files.
  --- `false`: it is started when a chat is opened.
  enable = true,
  chat = {
    --- `split` or `float`.
    layout = 'split',
    --- Columns (a share of the editor when below 1), and lines of the prompt.
    width = 0.42,
    prompt_height = 5,
    --- Open what was said last in this root.
    resume = true,
    --- Show thoughts and the output of tools unfolded.
    unfolded = false,
    --- Lines of one unfolded output that are shown.
    max_lines = 2000,
    --- Highlight Markdown with treesitter.
    highlight = true,
  },
  --- How the person is asked: `auto` takes `vim.ui.select` where something has replaced it, because the one that comes with
  --- Neovim blocks everything; else `float`. `select` and `float` take one of them always.
  ask = 'auto',
  --- Complete `@` and `/` in the prompt while typing; without it, by `<C-x><C-o>`.
  autocomplete = true,
  review = {
    --- Write files after a hunk was taken back, where nothing else was changed in them.
    write = true,
  },
  keys = {
    send = { n = '<CR>', i = '<C-s>' },
    stop = { n = '<C-c>', i = '<C-c>' },
    fold = '<Tab>',
    close = 'q',
  },
}

M.options = vim.deepcopy(M.defaults)

--- Options that nobody knows are told, because a misspelled one would be silently ignored.
local function unknown(given, defaults, path, found)
  for key, value in pairs(given) do
    local name = path == '' and tostring(key) or path .. '.' .. tostring(key)
    if defaults[key] == nil then
      found[#found + 1] = name
    elseif type(defaults[key]) ~= type(value) then
      found[#found + 1] = ('%s (a %s is expected)'):format(name, type(defaults[key]))
    elseif type(value) == 'table' and not vim.islist(defaults[key]) and name ~= 'settings' then
      unknown(value, defaults[key], name, found)
    end
  end
  table.sort(found)
  return found
end

---@param given? table
---@return string[] problems
function M.set(given)
  given = given or {}
  local wrong = unknown(given, M.defaults, '', {})
  M.options = vim.tbl_deep_extend('force', vim.deepcopy(M.defaults), given)
  return wrong
end

return M
