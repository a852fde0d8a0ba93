--- The state of a session, folded from the values of `$/progress`. Pure: no editor, no I/O.
---
--- `apply` changes the state and says what has changed, so that a view touches only that:
---   { what = 'reset' }                             everything
---   { what = 'append', message, part, text }       text at the end of a part
---   { what = 'part', message, part }               a part is new or has changed
---   { what = 'message', message }                  a message is new, has changed, or is gone
---   { what = 'asks' }                              what the agent asks
---   { what = 'state' }                             everything that stands beside the conversation
local M = {}

---@class nexus.Part
---@field id string
---@field kind 'text'|'reasoning'|'tool'|'other'|'child'
---@field pieces string[] text, in the pieces in which it came
---@field breaks integer line breaks in it
---@field tool? table
---@field output? string[] what a tool that runs has written so far
---@field body? table
---@field child? nexus.State

---@class nexus.Message
---@field id string
---@field role string
---@field created? integer
---@field model? string
---@field agent? string
---@field error? { name: string, message: string }
---@field queued? boolean
---@field parts table<string, nexus.Part>
---@field order string[]

---@class nexus.State
---@field session_id? string
---@field epoch? string
---@field seq integer
---@field messages table<string, nexus.Message>
---@field order string[]
---@field asks table[] open, in the order in which they were asked
---@field turn? string the turn that runs

---@return nexus.State
function M.new(session_id)
  return {
    session_id = session_id,
    epoch = nil,
    seq = 0,
    messages = {},
    order = {},
    asks = {},
    children = {},
    todos = {},
    files = {},
    status = { type = 'idle' },
  }
end

--- What a reset leaves: what the server will not say again is none of it.
local function clear(state, epoch)
  local fresh = M.new(state.session_id)
  for key in pairs(state) do
    state[key] = nil
  end
  for key, value in pairs(fresh) do
    state[key] = value
  end
  state.epoch = epoch
end

--- Where a message belongs: by its time, and behind those of the same time.
local function place(state, message)
  local at = #state.order + 1
  while at > 1 do
    local before = state.messages[state.order[at - 1]]
    if not (before.created and message.created and before.created > message.created) then
      break
    end
    at = at - 1
  end
  table.insert(state.order, at, message.id)
end

---@return nexus.Message
local function message_of(state, id, role)
  local message = state.messages[id]
  if not message then
    message = { id = id, role = role or 'assistant', parts = {}, order = {} }
    state.messages[id] = message
    state.order[#state.order + 1] = id
  end
  return message
end

local function index_of(list, value)
  for i = #list, 1, -1 do
    if list[i] == value then
      return i
    end
  end
end

---@return nexus.Part, boolean whether it is new
local function part_of(message, id, kind)
  local part = message.parts[id]
  if part then
    return part, false
  end
  part = { id = id, kind = kind, pieces = {}, breaks = 0 }
  message.parts[id] = part
  local at = #message.order + 1
  -- Servers of 1.x name parts so that their names sort; one that was missed comes late.
  if id:sub(1, 4) == 'prt_' then
    while at > 1 and message.order[at - 1]:sub(1, 4) == 'prt_' and message.order[at - 1] > id do
      at = at - 1
    end
  end
  table.insert(message.order, at, id)
  return part, true
end

local function breaks(text)
  return select(2, text:gsub('\n', ''))
end

--- The whole text of a part.
function M.text(part)
  if #part.pieces > 1 then
    part.pieces = { table.concat(part.pieces) }
  end
  return part.pieces[1] or ''
end

local function touched(message, part)
  return { { what = 'part', message = message.id, part = part.id } }
end

local on = {}

function on.reset(state, value)
  clear(state, value.epoch)
  return { { what = 'reset' } }
end

function on.message(state, value)
  local known = state.messages[value.messageId]
  local message = known or { id = value.messageId, parts = {}, order = {} }
  local moved = known and value.created and known.created ~= value.created
  message.role, message.created = value.role, value.created
  message.model, message.agent = value.model, value.agent
  message.error, message.queued = value.error, nil
  state.messages[message.id] = message
  if moved then
    table.remove(state.order, index_of(state.order, message.id))
  end
  if moved or not known then
    place(state, message)
  end
  return { { what = 'message', message = message.id, moved = moved or nil } }
end

function on.queued(state, value)
  local message = message_of(state, value.messageId, 'user')
  message.queued = true
  return { { what = 'message', message = message.id } }
end

function on.removed(state, value)
  local message = state.messages[value.messageId]
  if not message then
    return {}
  end
  if value.partId then
    local at = index_of(message.order, value.partId)
    if not at then
      return {}
    end
    table.remove(message.order, at)
    message.parts[value.partId] = nil
    return { { what = 'part', message = message.id, part = value.partId } }
  end
  table.remove(state.order, index_of(state.order, message.id))
  state.messages[message.id] = nil
  return { { what = 'message', message = message.id } }
end

function on.delta(state, value)
  local message = message_of(state, value.messageId)
  local part, new = part_of(message, value.partId, value.channel)
  part.kind = value.channel
  part.pieces[#part.pieces + 1] = value.text
  part.breaks = part.breaks + breaks(value.text)
  if new then
    return touched(message, part)
  end
  return { { what = 'append', message = message.id, part = part.id, text = value.text } }
end

function on.replaced(state, value)
  local message = message_of(state, value.messageId)
  local part = part_of(message, value.partId, value.channel)
  part.kind, part.pieces, part.breaks = value.channel, { value.text }, breaks(value.text)
  return touched(message, part)
end

function on.part(state, value)
  local message = message_of(state, value.messageId)
  local body = value.body or {}
  local is_text = body.type == 'text' or body.type == 'reasoning'
  local part = part_of(message, value.partId, is_text and body.type or 'other')
  part.body = body
  if not is_text then
    part.kind = 'other'
  end
  return touched(message, part)
end

function on.tool(state, value)
  local message = message_of(state, value.messageId)
  local part = part_of(message, value.partId, 'tool')
  local before = part.tool or {}
  part.kind = 'tool'
  part.tool = {
    call = value.callId,
    name = value.tool,
    status = value.status,
    title = value.title or before.title,
    input = value.input or before.input,
    output = value.output,
    error = value.error,
  }
  if value.output then
    part.output = nil
  end
  return touched(message, part)
end

function on.toolOutput(state, value)
  local message = message_of(state, value.messageId)
  local part = part_of(message, value.partId, 'tool')
  part.output = part.output or {}
  part.output[#part.output + 1] = value.text
  return touched(message, part)
end

local function open_ask(state, ask)
  for i, known in ipairs(state.asks) do
    if known.id == ask.id then
      state.asks[i] = ask
      return { { what = 'asks' } }
    end
  end
  state.asks[#state.asks + 1] = ask
  return { { what = 'asks' } }
end

local function close_ask(state, id)
  for i, known in ipairs(state.asks) do
    if known.id == id then
      table.remove(state.asks, i)
      return { { what = 'asks' } }
    end
  end
  return {}
end

function on.permission(state, value)
  return open_ask(state, { kind = 'permission', id = value.permissionId, session = value.child, value = value })
end

function on.question(state, value)
  return open_ask(state, { kind = 'question', id = value.questionId, session = value.child, value = value })
end

function on.permissionClosed(state, value)
  return close_ask(state, value.permissionId)
end

function on.questionClosed(state, value)
  return close_ask(state, value.questionId)
end

local function beside()
  return { { what = 'state' } }
end

function on.usage(state, value)
  state.usage = { cost = value.cost, tokens = value.tokens }
  return beside()
end

function on.todo(state, value)
  state.todos = value.todos or {}
  return beside()
end

function on.diff(state, value)
  state.files = value.files or {}
  return beside()
end

function on.status(state, value)
  state.status = value.status or { type = 'idle' }
  return beside()
end

function on.session(state, value)
  state.info = value
  return beside()
end

function on.connection(state, value)
  state.connection = value.state ~= 'recovered' and (value.reason or value.state) or nil
  return beside()
end

function on.error(state, value)
  state.failure = { name = value.name, message = value.message }
  return beside()
end

on['end'] = function(state, value)
  state.turn, state.last_turn = nil, value.turnId or state.turn
  state.ended = { reason = value.reason, finish = value.finish, error = value.error }
  state.usage = value.usage or state.usage
  state.status = { type = 'idle' }
  return beside()
end

--- What a sub-agent does is a conversation of its own, shown as one part of the message that runs.
local function apply_child(state, value)
  local id = value.child
  if value.kind:match('^permission') or value.kind:match('^question') then
    return on[value.kind](state, value)
  end
  local child = state.children[id]
  if not child then
    child = { state = M.new(id), message = state.order[#state.order], part = 'child:' .. id }
    state.children[id] = child
  end
  local inner = on[value.kind]
  local changes = inner and inner(child.state, value) or {}
  local message = child.message and state.messages[child.message]
  if #changes == 0 or not message then
    return {}
  end
  local part = part_of(message, child.part, 'child')
  part.child = child.state
  return touched(message, part)
end

--- Folds one value in; what has changed by it.
---@param state nexus.State
---@param value table
---@return table[]
function M.apply(state, value)
  local handler = on[value.kind]
  local changes = {}
  if value.child then
    changes = apply_child(state, value)
  elseif handler then
    changes = handler(state, value)
  end
  state.seq = math.max(state.seq, value.seq or 0)
  local turn = value.turnId
  if turn and turn ~= state.turn and turn ~= state.last_turn and not value.child then
    state.turn, state.ended, state.failure = turn, nil, nil
    changes[#changes + 1] = { what = 'state' }
  end
  return changes
end

--- Whether a turn runs.
function M.is_busy(state)
  return state.turn ~= nil or (state.status.type ~= 'idle')
end

return M
