--- A transcript in a buffer. Only lines that change are touched: a delta costs the lines that it writes, however long the
--- conversation is.
---
--- The buffer is a row of blocks: the header of a message, its parts, its footer. A block knows how many lines it has; where it
--- stands is counted from the end, where changes happen.
local reducer = require('nexus.reducer')
local render = require('nexus.render')

local M = {}
M.__index = M

local NAMESPACE = vim.api.nvim_create_namespace('nexus.transcript')
M.namespace = NAMESPACE

---@class nexus.Transcript
---@field buffer integer
---@field state nexus.State
---@field blocks table[] { key, count, kind, message, part }
---@field touched integer lines written so far, for measurements

function M.new(buffer, state, options)
  local self = setmetatable({
    buffer = buffer,
    state = state,
    options = options,
    blocks = {},
    open = {},
    touched = 0,
    total = 0,
  }, M)
  self:redraw()
  return self
end

local function write(self, change)
  local buffer = self.buffer
  vim.bo[buffer].modifiable = true
  change(buffer)
  vim.bo[buffer].modifiable = false
end

--- The number of the first line of a block, from 0.
local function line_of(self, index)
  local line = self.total
  for i = #self.blocks, index, -1 do
    line = line - self.blocks[i].count
  end
  return line
end

local function find(self, key)
  for i = #self.blocks, 1, -1 do
    if self.blocks[i].key == key then
      return i
    end
  end
end

local function mark(self, first, marks)
  for _, m in ipairs(marks) do
    local line, from, to, group = first + m[1], m[2], m[3], m[4]
    local options = { hl_group = group, priority = 150 }
    if to < 0 then
      options.end_row, options.end_col, options.hl_eol = line + 1, 0, from == 0
    else
      options.end_row, options.end_col = line, to
    end
    options.strict = false
    vim.api.nvim_buf_set_extmark(self.buffer, NAMESPACE, line, from, options)
  end
end

--- Puts other lines in the place of a block. `old` lines are there now.
local function put(self, first, old, block)
  write(self, function(buffer)
    vim.api.nvim_buf_clear_namespace(buffer, NAMESPACE, first, first + old)
    -- An empty transcript is one empty line; it goes with the first block.
    local last = (self.total == 0) and -1 or first + old
    vim.api.nvim_buf_set_lines(buffer, first, last, false, block.lines)
  end)
  self.total = self.total - old + #block.lines
  self.touched = self.touched + #block.lines
  mark(self, first, block.marks)
end

local function content(self, entry)
  local message = self.state.messages[entry.message]
  if entry.kind == 'header' then
    return render.header(message)
  elseif entry.kind == 'footer' then
    return render.footer(message)
  end
  local open = self.open[entry.key]
  if open == nil then
    open = self.options.unfolded
  end
  return render.part(message.parts[entry.part], { open = open, max = self.options.max_lines })
end

local function update(self, index)
  local entry = self.blocks[index]
  local block = content(self, entry)
  put(self, line_of(self, index), entry.count, block)
  entry.count, entry.prefix, entry.group = #block.lines, block.prefix, block.group
end

local function insert(self, index, entry)
  entry.count = 0
  table.insert(self.blocks, index, entry)
  update(self, index)
end

local function drop(self, index)
  local entry = self.blocks[index]
  if entry.count > 0 then
    put(self, line_of(self, index), entry.count, { lines = {}, marks = {} })
  end
  table.remove(self.blocks, index)
end

local function key_of(message, part)
  return message .. '\0' .. (part or '')
end

--- The entries that a message should have, in order.
local function entries(message)
  local out = { { key = key_of(message.id, '<'), kind = 'header', message = message.id } }
  for _, id in ipairs(message.order) do
    out[#out + 1] = { key = key_of(message.id, id), kind = 'part', message = message.id, part = id }
  end
  out[#out + 1] = { key = key_of(message.id, '>'), kind = 'footer', message = message.id }
  return out
end

--- Where the blocks of a message begin, or would begin.
local function start_of(self, id)
  local at = find(self, key_of(id, '<'))
  if at then
    return at
  end
  local order, passed = self.state.order, false
  for i = #order, 1, -1 do
    if order[i] == id then
      passed = true
    elseif passed then
      local footer = find(self, key_of(order[i], '>'))
      if footer then
        return footer + 1
      end
    end
  end
  return 1
end

local function remove_message(self, id)
  local first = find(self, key_of(id, '<'))
  while first and self.blocks[first] and self.blocks[first].message == id do
    drop(self, first)
  end
end

local function show_message(self, message)
  if find(self, key_of(message.id, '<')) then
    update(self, find(self, key_of(message.id, '<')))
    update(self, find(self, key_of(message.id, '>')))
    return
  end
  local at = start_of(self, message.id)
  for i, entry in ipairs(entries(message)) do
    insert(self, at + i - 1, entry)
  end
end

local function show_part(self, message, id)
  local index = find(self, key_of(message.id, id))
  if not message.parts[id] then
    if index then
      drop(self, index)
    end
    return
  end
  if index then
    return update(self, index)
  end
  if not find(self, key_of(message.id, '<')) then
    return show_message(self, message)
  end
  -- Behind the part before it, or behind the header.
  local at = find(self, key_of(message.id, '<'))
  for _, known in ipairs(message.order) do
    if known == id then
      break
    end
    at = find(self, key_of(message.id, known)) or at
  end
  insert(self, at + 1, { key = key_of(message.id, id), kind = 'part', message = message.id, part = id })
end

--- More text at the end of a block: the last line grows, and lines follow.
local function append(self, change)
  local message = self.state.messages[change.message]
  local index = find(self, key_of(change.message, change.part))
  local entry = index and self.blocks[index]
  if not entry or not entry.prefix or entry.count == 0 then
    return show_part(self, message, change.part)
  end
  local lines = vim.split(change.text, '\n', { plain = true })
  for i = 2, #lines do
    lines[i] = entry.prefix .. lines[i]
  end
  local row = line_of(self, index) + entry.count - 1
  write(self, function(buffer)
    local last = vim.api.nvim_buf_get_lines(buffer, row, row + 1, false)[1]
    vim.api.nvim_buf_set_text(buffer, row, #last, row, #last, lines)
  end)
  entry.count = entry.count + #lines - 1
  self.total = self.total + #lines - 1
  self.touched = self.touched + #lines
  if entry.group then
    for i = 0, #lines - 1 do
      mark(self, row + i, { { 0, 0, -1, entry.group } })
    end
  end
end

--- Everything anew.
function M:redraw()
  write(self, function(buffer)
    vim.api.nvim_buf_clear_namespace(buffer, NAMESPACE, 0, -1)
    vim.api.nvim_buf_set_lines(buffer, 0, -1, false, {})
  end)
  self.blocks, self.total = {}, 0
  local lines, marks = {}, {}
  for _, id in ipairs(self.state.order) do
    for _, entry in ipairs(entries(self.state.messages[id])) do
      local block = content(self, entry)
      for _, m in ipairs(block.marks) do
        marks[#marks + 1] = { m[1] + #lines, m[2], m[3], m[4] }
      end
      vim.list_extend(lines, block.lines)
      entry.count, entry.prefix, entry.group = #block.lines, block.prefix, block.group
      self.blocks[#self.blocks + 1] = entry
    end
  end
  if #lines > 0 then
    put(self, 0, 0, { lines = lines, marks = marks })
  end
end

--- Shows changes that `reducer.apply` has told.
---@param changes table[]
function M:apply(changes)
  for _, change in ipairs(changes) do
    local message = change.message and self.state.messages[change.message]
    if change.what == 'reset' then
      self:redraw()
    elseif change.what == 'append' then
      append(self, change)
    elseif change.what == 'part' and message then
      show_part(self, message, change.part)
    elseif change.what == 'message' then
      if not message or change.moved then
        remove_message(self, change.message)
      end
      if message then
        show_message(self, message)
      end
    end
  end
end

--- Folds or unfolds what stands in a line (from 0); whether there was anything.
function M:toggle(line)
  local first = 0
  for i, entry in ipairs(self.blocks) do
    if line < first + entry.count then
      local part = entry.part and self.state.messages[entry.message].parts[entry.part]
      if not part or not render.folds(part) then
        return false
      end
      local open = self.open[entry.key]
      if open == nil then
        open = self.options.unfolded
      end
      self.open[entry.key] = not open
      update(self, i)
      return true
    end
    first = first + entry.count
  end
  return false
end

--- Folds or unfolds everything.
function M:toggle_all(open)
  self.options.unfolded, self.open = open, {}
  self:redraw()
end

--- What the conversation says, without the marks of the view: for tests and for copying.
function M:texts()
  local out = {}
  for _, id in ipairs(self.state.order) do
    local message = self.state.messages[id]
    for _, part in ipairs(message.order) do
      out[#out + 1] = { role = message.role, kind = message.parts[part].kind, text = reducer.text(message.parts[part]) }
    end
  end
  return out
end

return M
