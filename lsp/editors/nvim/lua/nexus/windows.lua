--- The two windows of a chat: the transcript, and the prompt below it; beside the files, or floating above them.
local config = require('nexus.config')

local M = {}

local function size()
  local wanted = config.options.chat.width
  local columns = wanted < 1 and math.floor(vim.o.columns * wanted) or wanted
  return math.max(20, math.min(columns, vim.o.columns - 10))
end

local function valid(window)
  return window and vim.api.nvim_win_is_valid(window)
end
M.valid = valid

local function dress(chat)
  for _, window in ipairs({ chat.transcript_window, chat.prompt_window }) do
    for name, value in pairs({
      number = false,
      relativenumber = false,
      signcolumn = 'no',
      foldcolumn = '0',
      foldenable = false,
      list = false,
      spell = false,
      wrap = true,
      linebreak = true,
      fillchars = 'eob: ',
      winfixwidth = config.options.chat.layout == 'split',
    }) do
      vim.api.nvim_set_option_value(name, value, { win = window, scope = 'local' })
    end
  end
  vim.wo[chat.transcript_window][0].conceallevel = 0
  vim.wo[chat.transcript_window][0].winbar = "%{%v:lua.require'nexus.winbar'.title()%}"
  vim.wo[chat.prompt_window][0].winbar = "%{%v:lua.require'nexus.winbar'.state_line()%}"
  vim.wo[chat.prompt_window][0].winfixheight = true
end

local function split(chat)
  chat.transcript_window = vim.api.nvim_open_win(chat.transcript_buffer, false, { split = 'right', win = -1, width = size() })
  chat.prompt_window = vim.api.nvim_open_win(chat.prompt_buffer, false, {
    split = 'below',
    win = chat.transcript_window,
    height = config.options.chat.prompt_height + 1,
  })
end

local function float(chat)
  local width = math.max(size(), math.min(80, vim.o.columns - 4))
  local below = config.options.chat.prompt_height + 1
  local height = math.max(3, vim.o.lines - below - 8)
  local column = math.max(0, math.floor((vim.o.columns - width) / 2))
  local function open(buffer, row, tall)
    return vim.api.nvim_open_win(buffer, false, {
      relative = 'editor',
      row = row,
      col = column,
      width = width,
      height = tall,
      border = 'rounded',
      zindex = 40,
    })
  end
  chat.transcript_window = open(chat.transcript_buffer, 1, height)
  chat.prompt_window = open(chat.prompt_buffer, height + 3, below)
end

--- Opens what is not open on this tabpage. The window in front stays in front.
function M.open(chat)
  local here = vim.api.nvim_get_current_tabpage()
  local is_here = valid(chat.transcript_window) and vim.api.nvim_win_get_tabpage(chat.transcript_window) == here
  if is_here and valid(chat.prompt_window) then
    return
  end
  M.close(chat)
  if config.options.chat.layout == 'float' then
    float(chat)
  else
    split(chat)
  end
  dress(chat)
  M.to_end(chat)
end

--- Closes them; the last window of Neovim stays and shows an empty buffer.
function M.close(chat)
  for _, name in ipairs({ 'prompt_window', 'transcript_window' }) do
    if valid(chat[name]) and not pcall(vim.api.nvim_win_close, chat[name], true) then
      vim.api.nvim_win_set_buf(chat[name], vim.api.nvim_create_buf(true, false))
    end
    chat[name] = nil
  end
end

--- The windows that show the end of the transcript, and shall go on showing it.
function M.at_end(chat)
  local last = vim.api.nvim_buf_line_count(chat.transcript_buffer)
  return vim.tbl_filter(function(window)
    return vim.api.nvim_win_get_cursor(window)[1] >= last
  end, vim.fn.win_findbuf(chat.transcript_buffer))
end

--- Moves windows to the end of the transcript.
function M.follow(chat, windows)
  local last = vim.api.nvim_buf_line_count(chat.transcript_buffer)
  for _, window in ipairs(windows) do
    if valid(window) then
      vim.api.nvim_win_set_cursor(window, { last, 0 })
    end
  end
end

function M.to_end(chat)
  M.follow(chat, vim.fn.win_findbuf(chat.transcript_buffer))
end

return M
