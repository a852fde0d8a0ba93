--- Choosing sessions, models and agents; searching what was said.
local chat = require('nexus.chat')
local client = require('nexus.client')
local select = require('nexus.select')

local M = {}

local function ago(milliseconds)
  local seconds = math.max(0, os.time() - math.floor((milliseconds or 0) / 1000))
  for _, unit in ipairs({ { 86400, 'd' }, { 3600, 'h' }, { 60, 'min' } }) do
    if seconds >= unit[1] then
      return ('%d %s'):format(math.floor(seconds / unit[1]), unit[2])
    end
  end
  return 'now'
end

--- Sessions of a root, the newest first.
function M.sessions(root)
  client.request(root, 'nexus/session/list', { root = client.root_uri(root) }, function(result)
    local sessions = vim.tbl_filter(function(session)
      return not session.parentId
    end, result.sessions)
    table.sort(sessions, function(a, b)
      return a.updated > b.updated
    end)
    if #sessions == 0 then
      return client.notify('there are no sessions in this folder yet')
    end
    select.one(sessions, {
      prompt = 'Sessions',
      format_item = function(session)
        return ('%s  (%s)'):format(session.title, ago(session.updated))
      end,
    }, function(session)
      if session then
        chat.open(root, { session = session.id })
      end
    end)
  end)
end

local function search(root, query)
  client.request(root, 'nexus/session/search', { query = query }, function(result)
    if #result.hits == 0 then
      return client.notify(('nothing was found for "%s"'):format(query))
    end
    select.one(result.hits, {
      prompt = 'Found',
      format_item = function(hit)
        return ('%s: %s'):format(hit.title, hit.snippet)
      end,
    }, function(hit)
      if hit then
        chat.open(vim.fs.normalize(hit.directory), { session = hit.sessionId })
      end
    end)
  end)
end

--- Full text search of the history.
function M.search(root, query)
  if query ~= '' then
    return search(root, query)
  end
  select.input({ prompt = 'Search what was said' }, function(text)
    if text and text ~= '' then
      search(root, text)
    end
  end)
end

--- The model of the next prompts of a chat; an empty name takes the default again.
function M.model(root, name)
  local one = chat.of(root)
  if name ~= '' then
    one.model = name
    return client.notify('model: ' .. name)
  end
  client.request(root, 'nexus/models', { root = client.root_uri(root) }, function(result)
    local models = vim.list_extend({ { id = nil, name = 'default: ' .. (result.default or 'the server decides') } }, result.models)
    select.one(models, {
      prompt = 'Model',
      format_item = function(model)
        return model.id and ('%s  %s'):format(model.id, model.name) or model.name
      end,
    }, function(model)
      if model then
        one.model = model.id
        client.notify('model: ' .. (model.id or 'default'))
      end
    end)
  end)
end

--- The agent of the next prompts of a chat.
function M.agent(root, name)
  local one = chat.of(root)
  if name ~= '' then
    one.agent = name
    return client.notify('agent: ' .. name)
  end
  client.request(root, 'nexus/agents', { root = client.root_uri(root) }, function(result)
    local agents = vim.list_extend({ { description = 'the session\'s, or the server\'s' } }, result.items)
    select.one(agents, {
      prompt = 'Agent',
      format_item = function(agent)
        return ('%s  %s'):format(agent.name or 'default', agent.description or '')
      end,
    }, function(agent)
      if agent then
        one.agent = agent.name
        client.notify('agent: ' .. (agent.name or 'default'))
      end
    end)
  end)
end

return M
