--- The two buffers of a chat, and their keys.
local config = require('nexus.config')

local M = {}

--- Keys of one action in the modes that the options name.
local function map(buffer, keys, run, about)
  keys = type(keys) == 'table' and keys or { n = keys }
  for mode, key in pairs(keys) do
    if key and key ~= '' then
      vim.keymap.set(mode, key, run, { buffer = buffer, desc = 'Nexus: ' .. about, nowait = true })
    end
  end
end

local function common_keys(chat, buffer)
  local keys = config.options.keys
  map(buffer, keys.stop, function()
    require('nexus.chat').stop(chat)
  end, 'stop the answer')
  map(buffer, keys.close, function()
    require('nexus.chat').close(chat)
  end, 'close the chat')
end

--- Markdown in colours, where Neovim has the parser.
local function highlight(buffer)
  if config.options.chat.highlight and vim.treesitter.language.add('markdown') then
    pcall(vim.treesitter.start, buffer, 'markdown')
  end
end

---@return integer
function M.transcript(chat)
  local buffer = vim.api.nvim_create_buf(false, true)
  vim.api.nvim_buf_set_name(buffer, 'nexus://chat/' .. chat.number)
  vim.bo[buffer].bufhidden = 'hide'
  -- What is shown is the server's, so there is nothing to undo.
  vim.bo[buffer].undolevels = -1
  vim.bo[buffer].modifiable = false
  vim.bo[buffer].filetype = 'nexus'
  vim.b[buffer].nexus_root = chat.root
  highlight(buffer)
  common_keys(chat, buffer)
  map(buffer, config.options.keys.fold, function()
    local line = vim.api.nvim_win_get_cursor(0)[1]
    if chat.transcript:toggle(line - 1) then
      vim.api.nvim_win_set_cursor(0, { math.min(line, vim.api.nvim_buf_line_count(buffer)), 0 })
    end
  end, 'fold or unfold')
  map(buffer, 'zR', function()
    chat.transcript:toggle_all(true)
  end, 'unfold everything')
  map(buffer, 'zM', function()
    chat.transcript:toggle_all(false)
  end, 'fold everything')
  for _, key in ipairs({ 'i', 'a', 'o' }) do
    map(buffer, key, function()
      require('nexus.chat').focus(chat)
    end, 'write')
  end
  return buffer
end

---@return integer
function M.prompt(chat)
  local buffer = vim.api.nvim_create_buf(false, true)
  -- A name in the root, so that the language server knows which folder is meant. It is never written.
  vim.api.nvim_buf_set_name(buffer, vim.fs.joinpath(chat.root, '.nexus-prompt'))
  vim.bo[buffer].buftype = 'nofile'
  vim.bo[buffer].bufhidden = 'hide'
  vim.bo[buffer].swapfile = false
  vim.bo[buffer].filetype = 'nexus-prompt'
  vim.b[buffer].nexus_root = chat.root
  pcall(vim.api.nvim_set_option_value, 'completeopt', 'menuone,noselect,popup', { buf = buffer })
  common_keys(chat, buffer)
  map(buffer, config.options.keys.send, function()
    require('nexus.chat').send(chat)
  end, 'send')
  return buffer
end

--- What was typed before the language server was there is completed now.
local function catch_up(buffer)
  if vim.api.nvim_get_current_buf() ~= buffer or vim.fn.mode() ~= 'i' then
    return
  end
  local before = vim.api.nvim_get_current_line():sub(1, vim.api.nvim_win_get_cursor(0)[2])
  if before:match('@%S*$') or before:match('^/%S*$') then
    vim.lsp.completion.get()
  end
end

--- Lets the language server complete in the prompt.
function M.attach(chat, client)
  local buffer = chat.prompt_buffer
  if not vim.api.nvim_buf_is_valid(buffer) or not vim.lsp.buf_attach_client(buffer, client.id) then
    return
  end
  if client:supports_method('textDocument/completion') then
    local options = { autotrigger = config.options.autocomplete }
    vim.lsp.completion.enable(true, client.id, buffer, options)
    vim.bo[buffer].omnifunc = 'v:lua.vim.lsp.omnifunc'
    if config.options.autocomplete then
      vim.schedule(function()
        catch_up(buffer)
      end)
    end
  end
end

return M
