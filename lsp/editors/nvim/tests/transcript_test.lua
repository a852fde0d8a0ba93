local reducer = require('nexus.reducer')
local transcript = require('nexus.transcript')

local OPTIONS = { unfolded = false, max_lines = 100 }

local function view(unfolded)
  local state = reducer.new('s')
  local buffer = vim.api.nvim_create_buf(false, true)
  local options = { unfolded = unfolded or false, max_lines = OPTIONS.max_lines }
  return state, transcript.new(buffer, state, options), buffer
end

local function lines(buffer)
  return vim.api.nvim_buf_get_lines(buffer, 0, -1, false)
end

--- What a whole new drawing of the same state shows.
local function anew(state, shown)
  local buffer = vim.api.nvim_create_buf(false, true)
  local other = transcript.new(buffer, state, shown.options)
  other.open = shown.open
  other:redraw()
  return lines(buffer), other.blocks
end

local function random_event(i)
  local message, part = 'm' .. math.random(4), 'p' .. math.random(3)
  local pick = math.random(12)
  local texts = { 'word ', 'two\nlines', '\n', '\n\nend\n', '日本 ', '```lua\nx\n```' }
  local text = texts[math.random(#texts)]
  local channel = part == 'p1' and 'reasoning' or 'text'
  if pick <= 5 then
    return { kind = 'delta', messageId = message, partId = part, channel = channel, text = text }
  elseif pick == 6 then
    return { kind = 'replaced', messageId = message, partId = part, channel = channel, text = text }
  elseif pick == 7 then
    return { kind = 'removed', messageId = message, partId = math.random(2) == 1 and part or nil }
  elseif pick == 8 then
    local created = math.random(2) == 1 and math.random(20) or nil
    return { kind = 'message', messageId = message, role = math.random(2) == 1 and 'user' or 'assistant', created = created }
  elseif pick == 9 then
    local status = ({ 'pending', 'running', 'completed', 'error' })[math.random(4)]
    return { kind = 'tool', messageId = message, partId = 't' .. part, callId = 'c', tool = 'bash', status = status, input = { command = 'ls ' .. i }, output = status == 'completed' and 'a\nb' or nil, error = status == 'error' and 'no\nway' or nil }
  elseif pick == 10 then
    return { kind = 'toolOutput', messageId = message, partId = 't' .. part, text = text }
  elseif pick == 11 then
    return { kind = 'delta', child = 'kid', messageId = 'c' .. message, partId = part, channel = 'text', text = text }
  end
  return math.random(10) == 1 and { kind = 'reset', epoch = tostring(i) } or { kind = 'queued', messageId = message }
end

test('touching only what changes shows what drawing everything would', function()
  for seed = 1, 150 do
    math.randomseed(seed)
    local state, shown, buffer = view(seed % 2 == 0)
    for i = 1, 80 do
      local event = random_event(i)
      event.seq = i
      shown:apply(reducer.apply(state, event))
      if math.random(10) == 1 then
        shown:toggle(math.random(0, math.max(0, shown.total - 1)))
      end
      local wanted, blocks = anew(state, shown)
      if not vim.deep_equal(lines(buffer), wanted) then
        error(('seed %d, event %d: %s\n%s\n%s'):format(seed, i, vim.inspect(event), vim.inspect(lines(buffer)), vim.inspect(wanted)))
      end
      equal(#shown.blocks, #blocks)
      equal(shown.total, shown.total == 0 and 0 or vim.api.nvim_buf_line_count(buffer))
    end
    shown:redraw()
  end
end)

test('a delta touches the lines that it writes, however long the answer is', function()
  local state, shown, buffer = view()
  shown:apply(reducer.apply(state, { kind = 'message', messageId = 'm', role = 'assistant', seq = 1 }))
  local function say(text)
    shown:apply(reducer.apply(state, { kind = 'delta', messageId = 'm', partId = 'p', channel = 'text', text = text, seq = 1 }))
  end
  say('first')
  local changed = 0
  vim.api.nvim_buf_attach(buffer, false, {
    on_lines = function(_, _, _, first, _, last)
      changed = changed + last - first
    end,
  })
  for _ = 1, 20000 do
    say('one more word and\n')
  end
  equal(vim.api.nvim_buf_line_count(buffer), 20003)
  -- The line that grows and the one that is new.
  equal(changed, 40000)
end)

test('a fold opens and closes again', function()
  local state, shown, buffer = view()
  local function tell(event)
    event.seq = 1
    shown:apply(reducer.apply(state, event))
  end
  tell({ kind = 'tool', messageId = 'm', partId = 'p', callId = 'c', tool = 'bash', status = 'completed', input = { command = 'ls' }, output = 'a\nb' })
  local folded = lines(buffer)
  equal(folded, { '▌ OpenCode', '✓ bash  $ ls', '' })
  equal(shown:toggle(0), false)
  equal(shown:toggle(1), true)
  equal(lines(buffer), { '▌ OpenCode', '✓ bash  $ ls', '  │ a', '  │ b', '' })
  shown:toggle(3)
  equal(lines(buffer), folded)
end)

test('what follows the folded is still where it was', function()
  local state, shown, buffer = view(true)
  local function tell(event)
    event.seq = 1
    shown:apply(reducer.apply(state, event))
  end
  tell({ kind = 'delta', messageId = 'm', partId = 'a', channel = 'reasoning', text = 'one\ntwo' })
  tell({ kind = 'delta', messageId = 'm', partId = 'b', channel = 'text', text = 'answer' })
  tell({ kind = 'delta', messageId = 'm', partId = 'a', channel = 'reasoning', text = '\nthree' })
  tell({ kind = 'delta', messageId = 'm', partId = 'b', channel = 'text', text = ' goes on' })
  equal(lines(buffer), { '▌ OpenCode', '▾ thought', '  │ one', '  │ two', '  │ three', 'answer goes on', '' })
end)
