--- What is shown of a part or a message, as lines with highlights. Pure.
local reducer = require('nexus.reducer')

local M = {}

---@class nexus.Block
---@field lines string[]
---@field marks table[] { line, from, to, group }, lines from 0, columns in bytes; `to` -1 is the end of the line
---@field prefix? string more text can be appended to the last line; what stands before each line that follows
---@field group? string the highlight of those lines

local ICON = { pending = '○', running = '◐', completed = '✓', error = '✗' }
local GROUP = { pending = 'NexusPending', running = 'NexusRunning', completed = 'NexusDone', error = 'NexusError' }

--- Lines of a text, without an empty one at its end.
local function split(text)
  local lines = vim.split(text, '\n', { plain = true })
  if #lines > 1 and lines[#lines] == '' then
    lines[#lines] = nil
  end
  return lines
end

--- One line, and not a long one.
local function short(text, width)
  local line = vim.trim((tostring(text):gsub('%s+', ' ')))
  if vim.fn.strchars(line) <= width then
    return line
  end
  return vim.fn.strcharpart(line, 0, width - 1) .. '…'
end
M.short = short

local NAMED = { 'command', 'filePath', 'path', 'pattern', 'url', 'query', 'description' }

--- What a tool is about, in a line.
local function about(tool)
  local input = type(tool.input) == 'table' and tool.input or {}
  if type(input.command) == 'string' then
    return '$ ' .. input.command
  end
  if tool.title and tool.title ~= '' then
    return tool.title
  end
  for _, name in ipairs(NAMED) do
    if type(input[name]) == 'string' then
      return input[name]
    end
  end
  return ''
end

local function quote(out, text, limit)
  local lines = split(text)
  for i, line in ipairs(lines) do
    if i > limit then
      out[#out + 1] = ('  │ … %d more lines'):format(#lines - limit)
      break
    end
    out[#out + 1] = '  │ ' .. line
  end
end

local function tool_block(part, view)
  local tool = part.tool or { name = 'tool', status = 'running' }
  local icon = ICON[tool.status] or ICON.running
  local head = ('%s %s  %s'):format(icon, tool.name, short(about(tool), 200))
  local lines = { (head:gsub('%s+$', '')) }
  local marks = { { 0, 0, #icon, GROUP[tool.status] or 'NexusRunning' }, { 0, #icon + 1, #icon + 1 + #tool.name, 'NexusTool' } }
  if tool.error then
    lines[#lines + 1] = '  ' .. short(tool.error, 400)
    marks[#marks + 1] = { #lines - 1, 0, -1, 'NexusError' }
  end
  if view.open then
    local input = tool.input
    if type(input) == 'table' and not input.command and next(input) then
      quote(lines, vim.json.encode(input), view.max)
    end
    local output = tool.output or (part.output and table.concat(part.output))
    if output and output ~= '' then
      quote(lines, output, view.max)
    end
    for i = 1, #lines - 1 do
      marks[#marks + 1] = { i, 0, -1, 'NexusOutput' }
    end
  end
  return { lines = lines, marks = marks }
end

--- Folded it is a line that says how long it is; unfolded, more can be appended.
local function reasoning_block(part, view)
  if not view.open then
    local size = part.breaks > 0 and ('  %d lines'):format(part.breaks + 1) or ''
    return { lines = { '▸ thought' .. size }, marks = { { 0, 0, -1, 'NexusThought' } } }
  end
  local lines, marks = { '▾ thought' }, { { 0, 0, -1, 'NexusThought' } }
  for _, line in ipairs(vim.split(reducer.text(part), '\n', { plain = true })) do
    lines[#lines + 1] = '  │ ' .. line
    marks[#marks + 1] = { #lines - 1, 0, -1, 'NexusThought' }
  end
  return { lines = lines, marks = marks, prefix = '  │ ', group = 'NexusThought' }
end

local function text_block(part)
  local body = part.body
  local text = reducer.text(part)
  if body and (body.synthetic or body.ignored) then
    -- What a server puts into a prompt by itself is there, but small.
    if text == '' then
      return { lines = {}, marks = {} }
    end
    return { lines = { '▸ added by the server: ' .. short(text, 60) }, marks = { { 0, 0, -1, 'NexusThought' } } }
  end
  if text == '' then
    return { lines = {}, marks = {} }
  end
  -- Not `split`: the end of the text must be the end of the last line, or nothing could be appended.
  return { lines = vim.split(text, '\n', { plain = true }), marks = {}, prefix = '' }
end

local OTHER = {
  file = function(body)
    return '📎 ' .. (body.filename or body.url or 'file')
  end,
  agent = function(body)
    return '@' .. (body.name or 'agent')
  end,
  compaction = function()
    return '── the history was made shorter here ──'
  end,
  retry = function(body)
    local message = type(body.error) == 'table' and body.error.message or body.message
    return 'tried again' .. (message and ': ' .. short(message, 200) or '')
  end,
}

local function other_block(part)
  local show = part.body and OTHER[part.body.type]
  if not show then
    return { lines = {}, marks = {} }
  end
  return { lines = { show(part.body) }, marks = { { 0, 0, -1, 'NexusOther' } } }
end

--- A sub-agent's work: its tools, and when unfolded its words.
local function child_block(part, view)
  local lines, marks = { '⤷ sub-agent' }, { { 0, 0, -1, 'NexusTool' } }
  for _, id in ipairs(part.child.order) do
    local message = part.child.messages[id]
    for _, inner in ipairs(message.order) do
      local piece = message.parts[inner]
      if piece.kind == 'tool' or (view.open and piece.kind == 'text') then
        local block = M.part(piece, { open = view.open and piece.kind == 'tool', max = view.max })
        for _, mark in ipairs(block.marks) do
          local to = mark[3] < 0 and -1 or mark[3] + 2
          marks[#marks + 1] = { mark[1] + #lines, mark[2] + 2, to, mark[4] }
        end
        for _, line in ipairs(block.lines) do
          lines[#lines + 1] = '  ' .. line
        end
      end
    end
  end
  return { lines = lines, marks = marks }
end

local SHOW = { text = text_block, reasoning = reasoning_block, tool = tool_block, other = other_block, child = child_block }

--- A part. `view.open` unfolds it, `view.max` bounds what is shown then.
---@return nexus.Block
function M.part(part, view)
  return SHOW[part.kind](part, view)
end

--- Whether a part can be unfolded.
function M.folds(part)
  return part.kind == 'tool' or part.kind == 'reasoning' or part.kind == 'child'
end

--- The line above a message.
---@return nexus.Block
function M.header(message)
  local name
  if message.role == 'user' then
    name = message.queued and 'You (waits)' or 'You'
  else
    local by = {}
    by[#by + 1] = message.agent
    by[#by + 1] = message.model
    name = 'OpenCode' .. (#by > 0 and '  ' .. table.concat(by, ' · ') or '')
  end
  local line = '▌ ' .. name
  local group = message.role == 'user' and 'NexusYou' or 'NexusAgent'
  return { lines = { line }, marks = { { 0, 0, -1, group } } }
end

--- What stands below a message: why it ended badly.
---@return nexus.Block
function M.footer(message)
  local lines, marks = {}, {}
  if message.error then
    local text = message.error.message ~= '' and message.error.message or message.error.name
    local stopped = message.error.name == 'MessageAbortedError' or (message.error.name or ''):lower():find('abort')
    lines[1] = stopped and '■ stopped' or '✗ ' .. short(text, 600)
    marks[1] = { 0, 0, -1, stopped and 'NexusOther' or 'NexusError' }
  end
  lines[#lines + 1] = ''
  return { lines = lines, marks = marks }
end

M.split = split
return M
