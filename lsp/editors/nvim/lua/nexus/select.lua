--- Choosing and writing in a small window that blocks nothing and can be closed from outside. `vim.ui.select` and
--- `vim.ui.input` are used where something has replaced Neovim's own, which stop everything until they are answered.
local config = require('nexus.config')

local M = {}

local NAMESPACE = vim.api.nvim_create_namespace('nexus.select')

local function replaced(name)
  if config.options.ask ~= 'auto' then
    return config.options.ask == 'select'
  end
  local source = debug.getinfo(vim.ui[name], 'S').source
  return not source:match('vim/ui%.lua$')
end

local function one_line(text)
  return (tostring(text):gsub('[\r\n]+', ' '))
end

--- A window of so many lines in the middle, never larger than the editor.
local function window(buffer, lines, options)
  local width = math.max(vim.fn.strdisplaywidth(options.title or '') + 4, vim.fn.strdisplaywidth(options.footer or '') + 2)
  for _, line in ipairs(lines) do
    width = math.max(width, vim.fn.strdisplaywidth(line) + 2)
  end
  width = math.max(30, math.min(width, vim.o.columns - 4, 100))
  local height = 0
  for _, line in ipairs(lines) do
    height = height + math.max(1, math.ceil(vim.fn.strdisplaywidth(line) / width))
  end
  height = math.max(1, math.min(height, vim.o.lines - 6))
  return vim.api.nvim_open_win(buffer, options.enter, {
    relative = 'editor',
    row = math.max(0, math.floor((vim.o.lines - height) / 2) - 1),
    col = math.max(0, math.floor((vim.o.columns - width) / 2)),
    width = width,
    height = height,
    style = 'minimal',
    border = 'rounded',
    title = ' ' .. one_line(options.title or 'Nexus') .. ' ',
    footer = options.footer and ' ' .. options.footer .. ' ' or nil,
    zindex = 60,
  })
end

local function scratch(lines)
  local buffer = vim.api.nvim_create_buf(false, true)
  vim.bo[buffer].bufhidden = 'wipe'
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, lines)
  return buffer
end

---@class nexus.Choice
---@field close fun() without an answer
---@field focus fun()
---@field is_open fun(): boolean

local function draw(list)
  local lines = vim.list_extend({}, list.body)
  for i, label in ipairs(list.labels) do
    local box = list.multiple and (list.chosen[i] and '[x] ' or '[ ] ') or ''
    lines[#lines + 1] = ('%d %s%s'):format(i, box, label)
  end
  return lines
end

local function redraw(list)
  vim.bo[list.buffer].modifiable = true
  vim.api.nvim_buf_set_lines(list.buffer, 0, -1, false, draw(list))
  vim.bo[list.buffer].modifiable = false
  vim.api.nvim_buf_clear_namespace(list.buffer, NAMESPACE, 0, -1)
  for i, line in ipairs(list.body) do
    local first = line:sub(1, 1)
    local group = first == '+' and 'DiffAdd' or first == '-' and 'DiffDelete' or 'NexusOutput'
    vim.api.nvim_buf_set_extmark(list.buffer, NAMESPACE, i - 1, 0, { line_hl_group = group })
  end
end

--- The entry under the cursor; none above the first one.
local function current(list)
  local line = vim.api.nvim_win_get_cursor(list.window)[1] - #list.body
  return line >= 1 and math.min(line, #list.labels) or nil
end

local function keys(list, finish)
  local function map(key, run)
    vim.keymap.set('n', key, run, { buffer = list.buffer, nowait = true })
  end
  map('<CR>', function()
    local chosen = {}
    for i = 1, #list.labels do
      if list.chosen[i] then
        chosen[#chosen + 1] = i
      end
    end
    if #chosen == 0 then
      chosen = { current(list) }
    end
    if #chosen > 0 then
      finish(chosen)
    end
  end)
  for i = 1, math.min(9, #list.labels) do
    -- A number marks and does not choose: a digit that was typed for something else must allow nothing.
    map(tostring(i), function()
      vim.api.nvim_win_set_cursor(list.window, { #list.body + i, 0 })
    end)
  end
  if list.multiple then
    map('<Space>', function()
      local i = current(list)
      if i then
        list.chosen[i] = not list.chosen[i] or nil
        redraw(list)
        vim.api.nvim_win_set_cursor(list.window, { #list.body + i, 0 })
      end
    end)
  end
  map('q', function()
    finish(nil)
  end)
  map('<Esc>', function()
    finish(nil)
  end)
end

--- Inserting that was wanted for the prompt a moment ago may begin only here.
local function stay_normal(buffer)
  vim.api.nvim_create_autocmd('InsertEnter', {
    buffer = buffer,
    callback = function()
      vim.schedule(vim.cmd.stopinsert)
    end,
  })
end

--- Our own window with a list. With `unmarked` nothing is marked at first: an Enter that was typed for something else must allow
--- nothing. `done` is called once, with the numbers of what was chosen, or nil; not after `close`.
---@return nexus.Choice
function M.list(options, done)
  local list = { labels = {}, body = {}, chosen = {}, multiple = options.multiple }
  for _, item in ipairs(options.labels) do
    list.labels[#list.labels + 1] = one_line(item)
  end
  for _, line in ipairs(options.body or {}) do
    list.body[#list.body + 1] = one_line(line)
  end
  if options.unmarked then
    list.body[#list.body + 1] = ''
  end
  list.buffer = scratch({})
  redraw(list)
  local footer = options.multiple and '<Space> marks, <CR> answers, q later' or 'number or j/k, then <CR>; q later'
  list.window = window(list.buffer, draw(list), { title = options.title, enter = options.enter ~= false, footer = footer })
  vim.bo[list.buffer].filetype = 'nexus-select'
  vim.wo[list.window].cursorline = true
  vim.wo[list.window].wrap = true
  vim.api.nvim_win_set_cursor(list.window, { #list.body + (options.unmarked and 0 or 1), 0 })
  stay_normal(list.buffer)
  if options.enter ~= false then
    vim.cmd.stopinsert()
  end
  local over = false
  local function shut()
    over = true
    if vim.api.nvim_win_is_valid(list.window) then
      vim.api.nvim_win_close(list.window, true)
    end
  end
  local function finish(chosen)
    if not over then
      shut()
      done(chosen)
    end
  end
  keys(list, finish)
  vim.api.nvim_create_autocmd('WinClosed', {
    pattern = tostring(list.window),
    once = true,
    callback = function()
      vim.schedule(function()
        finish(nil)
      end)
    end,
  })
  return {
    close = shut,
    focus = function()
      if vim.api.nvim_win_is_valid(list.window) then
        vim.api.nvim_set_current_win(list.window)
        vim.cmd.stopinsert()
      end
    end,
    is_open = function()
      return not over
    end,
  }
end

--- Like a list, through `vim.ui.select`; what was shown before an answer cannot be closed, so a late answer is let go.
local function through_ui(options, done)
  local over = false
  local labels = vim.deepcopy(options.labels)
  local chosen = {}
  local function ask()
    local shown = vim.deepcopy(labels)
    if options.multiple then
      for i in ipairs(labels) do
        shown[i] = (chosen[i] and '[x] ' or '[ ] ') .. labels[i]
      end
      table.insert(shown, 1, 'Done')
    end
    local prompt = options.title
    if options.body and options.body[1] then
      prompt = prompt .. ': ' .. options.body[1]
    end
    vim.ui.select(shown, { prompt = one_line(prompt), kind = 'nexus' }, function(_, index)
      if over then
        return
      elseif not index or not options.multiple then
        over = true
        return done(index and { index })
      elseif index == 1 then
        over = true
        local out = vim.tbl_keys(chosen)
        table.sort(out)
        return done(out)
      end
      chosen[index - 1] = not chosen[index - 1] or nil
      vim.schedule(ask)
    end)
  end
  ask()
  return {
    close = function()
      over = true
    end,
    focus = function() end,
    is_open = function()
      return not over
    end,
  }
end

--- A list in whichever way the person has chosen: `{ title, labels, body?, multiple?, enter?, unmarked? }`.
---@return nexus.Choice
function M.choose(options, done)
  return replaced('select') and through_ui(options, done) or M.list(options, done)
end

--- In the manner of `vim.ui.select`.
function M.one(items, options, done)
  local labels = vim.tbl_map(options.format_item or tostring, items)
  return M.choose({ title = (options.prompt or 'Nexus'):gsub(':%s*$', ''), labels = labels }, function(chosen)
    local index = chosen and chosen[1]
    done(index and items[index], index)
  end)
end

--- One line of text, in the manner of `vim.ui.input`.
function M.input(options, done)
  if replaced('input') then
    return vim.ui.input(options, done)
  end
  local buffer = scratch({ options.default or '' })
  local win = window(buffer, { (' '):rep(60) }, { title = options.prompt, enter = true, footer = '<CR> done, <Esc> back' })
  vim.bo[buffer].filetype = 'nexus-input'
  local over = false
  local function finish(text)
    if over then
      return
    end
    over = true
    vim.cmd.stopinsert()
    if vim.api.nvim_win_is_valid(win) then
      vim.api.nvim_win_close(win, true)
    end
    done(text)
  end
  vim.keymap.set({ 'i', 'n' }, '<CR>', function()
    finish(table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, false), ' '))
  end, { buffer = buffer })
  vim.keymap.set({ 'i', 'n' }, '<Esc>', function()
    finish(nil)
  end, { buffer = buffer, nowait = true })
  vim.cmd('startinsert!')
end

return M
