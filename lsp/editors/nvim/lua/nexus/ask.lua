--- What agents ask: one at a time, in order, never in the way of who types. A request that is settled elsewhere goes away.
local client = require('nexus.client')
local select = require('nexus.select')

local M = {}

--- What is on the screen: `{ chat, ask, choice }`.
local current
--- Requests that the person put off; `:NexusAnswer` brings them back.
local later = {}
--- Requests that were answered, by their names.
local answered = {}

local function is_open(chat, id)
  for _, ask in ipairs(chat.state.asks) do
    if ask.id == id then
      return true
    end
  end
  return false
end

local function reply(chat, ask, method, params)
  -- It is still open until the server says so, and must not be asked again meanwhile.
  answered[ask.id] = true
  client.request(chat.root, method, params, function(result)
    if result and result.accepted == false then
      client.notify('that was settled already')
    end
  end, function()
    answered[ask.id] = nil
    later[ask.id] = true
  end)
end

local function put_off(ask)
  later[ask.id] = true
  client.notify('the agent still waits for an answer; :NexusAnswer shows it again')
end

local function done_with()
  current = nil
  vim.schedule(M.sync)
end

local function permission_body(value)
  local body = vim.list_extend({}, value.patterns or {})
  local diff = value.detail and vim.split(value.detail, '\n', { plain = true }) or {}
  for i, line in ipairs(diff) do
    if i > 20 then
      body[#body + 1] = ('… %d more lines'):format(#diff - 20)
      break
    end
    body[#body + 1] = line
  end
  return body
end

local PERMISSION = {
  { 'Allow once', 'once' },
  { 'Always allow', 'always' },
  { 'Reject', 'reject' },
  { 'Reject and say why', 'reject', true },
}

local function permission(chat, ask, enter)
  local value = ask.value
  local labels = vim.tbl_map(function(entry)
    return entry[1]
  end, PERMISSION)
  if value.always and #value.always > 0 then
    labels[2] = labels[2] .. ': ' .. table.concat(value.always, ', ')
  end
  local who = ask.session and 'a sub-agent' or 'the agent'
  local title = ('May %s use %s?'):format(who, value.action)
  local function settle(kind, message)
    reply(chat, ask, 'nexus/permission/reply', {
      sessionId = chat.session,
      permissionId = ask.id,
      reply = kind,
      message = message,
    })
    done_with()
  end
  return select.choose({ title = title, body = permission_body(value), labels = labels, enter = enter, unmarked = true }, function(chosen)
    local entry = chosen and PERMISSION[chosen[1]]
    if not entry then
      put_off(ask)
      return done_with()
    end
    if not entry[3] then
      return settle(entry[2])
    end
    select.input({ prompt = 'What shall the agent know?' }, function(text)
      if text then
        settle('reject', text ~= '' and text or nil)
      else
        put_off(ask)
        done_with()
      end
    end)
  end)
end

--- Options of an item, and what can be done beside them.
local function question_labels(item)
  local labels = {}
  for _, option in ipairs(item.options) do
    labels[#labels + 1] = option.description ~= '' and ('%s – %s'):format(option.label, option.description) or option.label
  end
  local custom = item.custom and #labels + 1 or nil
  if custom then
    labels[custom] = 'Something else …'
  end
  labels[#labels + 1] = 'No answer'
  return labels, custom, #labels
end

local function question(chat, ask, enter)
  local items, answers = ask.value.items, {}
  local handle
  local function finish(given)
    reply(chat, ask, 'nexus/question/reply', {
      sessionId = chat.session,
      questionId = ask.id,
      answers = given,
    })
    done_with()
  end
  local function next_item(at, focus)
    local item = items[at]
    if not item then
      return finish(answers)
    end
    local labels, custom, none = question_labels(item)
    local body = #items > 1 and { ('%d of %d'):format(at, #items), item.question } or { item.question }
    local function take(chosen)
      answers[at] = chosen
      next_item(at + 1, true)
    end
    local options = { title = item.header, body = body, labels = labels, multiple = item.multiple, enter = focus, unmarked = true }
    handle = select.choose(options, function(chosen)
      if not chosen then
        put_off(ask)
        return done_with()
      elseif vim.list_contains(chosen, none) then
        return finish(nil)
      end
      local picked = {}
      for _, index in ipairs(chosen) do
        picked[#picked + 1] = item.options[index] and item.options[index].label
      end
      if not (custom and vim.list_contains(chosen, custom)) then
        return take(picked)
      end
      select.input({ prompt = item.question }, function(text)
        if text and text ~= '' then
          picked[#picked + 1] = text
        end
        if #picked == 0 then
          put_off(ask)
          return done_with()
        end
        take(picked)
      end)
    end)
  end
  next_item(1, enter)
  return {
    close = function()
      handle.close()
    end,
    focus = function()
      handle.focus()
    end,
    is_open = function()
      return handle.is_open()
    end,
  }
end

--- Whether the window of a request may take the keys: only from a chat in which nothing is being written.
local function may_enter()
  return require('nexus.chat').is_resting()
end

local function show(chat, ask, focus)
  local enter = focus or may_enter()
  current = { chat = chat, ask = ask }
  current.choice = (ask.kind == 'permission' and permission or question)(chat, ask, enter)
  if not enter then
    client.notify('the agent asks; :NexusAnswer goes there')
  end
end

--- Brings the screen in line with what is open.
function M.sync()
  if current and not is_open(current.chat, current.ask.id) then
    current.choice.close()
    current = nil
  end
  if current then
    return
  end
  for _, chat in ipairs(require('nexus.chat').all()) do
    for _, ask in ipairs(chat.state.asks) do
      if not later[ask.id] and not answered[ask.id] then
        return show(chat, ask, false)
      end
    end
  end
end

--- Goes to what is asked, also to what was put off; whether there is anything.
function M.focus()
  if current then
    if current.choice.is_open() then
      current.choice.focus()
    end
    return true
  end
  later = {}
  for _, chat in ipairs(require('nexus.chat').all()) do
    for _, ask in ipairs(chat.state.asks) do
      if not answered[ask.id] then
        show(chat, ask, true)
        return true
      end
    end
  end
  client.notify('the agent asks nothing')
  return false
end

return M
