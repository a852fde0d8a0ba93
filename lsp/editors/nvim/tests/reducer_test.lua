local reducer = require('nexus.reducer')

local function fold(events)
  local state = reducer.new('s')
  for i, event in ipairs(events) do
    event.seq, event.sessionId = event.seq or i, 's'
    reducer.apply(state, event)
  end
  return state
end

local function delta(message, part, text, channel)
  return { kind = 'delta', messageId = message, partId = part, channel = channel or 'text', text = text }
end

test('deltas joined are the text', function()
  local state = fold({ delta('m1', 'p1', 'a'), delta('m1', 'p1', 'b\n'), delta('m1', 'p1', 'c') })
  equal(reducer.text(state.messages.m1.parts.p1), 'ab\nc')
  equal(state.messages.m1.parts.p1.breaks, 1)
end)

test('a text that was replaced is forgotten', function()
  local state = fold({ delta('m1', 'p1', 'wrong'), { kind = 'replaced', messageId = 'm1', partId = 'p1', channel = 'text', text = 'right' }, delta('m1', 'p1', '!') })
  equal(reducer.text(state.messages.m1.parts.p1), 'right!')
end)

test('a reset forgets everything but the session', function()
  local state = fold({ delta('m1', 'p1', 'a'), { kind = 'reset', epoch = 'e' } })
  equal({ state.order, state.epoch, state.session_id }, { {}, 'e', 's' })
end)

test('what is removed is gone', function()
  local state = fold({ delta('m1', 'p1', 'a'), delta('m1', 'p2', 'b'), { kind = 'removed', messageId = 'm1', partId = 'p1' } })
  equal(state.messages.m1.order, { 'p2' })
  reducer.apply(state, { kind = 'removed', messageId = 'm1', seq = 9 })
  equal({ state.order, state.messages }, { {}, {} })
  equal(reducer.apply(state, { kind = 'removed', messageId = 'm1', seq = 10 }), {})
end)

test('messages stand by their time, however late they come', function()
  local function message(id, created)
    return { kind = 'message', messageId = id, role = 'user', created = created }
  end
  equal(fold({ message('a', 10), message('c', 30), message('b', 20) }).order, { 'a', 'b', 'c' })
end)

test('parts of 1.x stand by their names', function()
  equal(fold({ delta('m', 'prt_2', 'b'), delta('m', 'prt_1', 'a'), delta('m', 'prt_3', 'c') }).messages.m.order, { 'prt_1', 'prt_2', 'prt_3' })
end)

test('a request is open until it is closed, whoever closes it', function()
  local asked = { kind = 'permission', permissionId = 'x', action = 'bash', patterns = {}, always = {} }
  local state = fold({ asked, vim.deepcopy(asked), { kind = 'question', questionId = 'q', items = {} } })
  equal(#state.asks, 2)
  reducer.apply(state, { kind = 'permissionClosed', permissionId = 'x', seq = 5 })
  reducer.apply(state, { kind = 'questionClosed', questionId = 'q', seq = 6 })
  equal(state.asks, {})
end)

test('a turn runs from its first word to its end, and no word after it makes it run again', function()
  local one = delta('m', 'p', 'a')
  one.turnId = 't'
  local state = fold({ one })
  equal(reducer.is_busy(state), true)
  reducer.apply(state, { kind = 'end', reason = 'completed', turnId = 't', seq = 2 })
  reducer.apply(state, { kind = 'session', id = 's', title = 'x', turnId = 't', seq = 3 })
  equal(reducer.is_busy(state), false)
end)

test('a sub-agent is a part of the message that runs', function()
  local inner = delta('c1', 'cp', 'I looked')
  inner.child = 'child'
  local state = fold({ { kind = 'message', messageId = 'm', role = 'assistant' }, inner })
  equal(state.messages.m.order, { 'child:child' })
  equal(state.messages.m.parts['child:child'].child.order, { 'c1' })
  equal(state.messages.c1, nil)
end)

test('what nobody knows changes nothing', function()
  local state = reducer.new('s')
  equal(reducer.apply(state, { kind = 'fromTheFuture', seq = 1 }), {})
end)
