--- The lines above the windows of a chat: what it is, and what happens.
local reducer = require('nexus.reducer')

local M = {}

local function escaped(text)
  return (text:gsub('%%', '%%%%'):gsub('[\r\n]', ' '))
end

--- The chat of the window whose winbar is drawn: Neovim makes it the current one meanwhile.
local function drawn()
  return require('nexus.chat').of_buffer(vim.api.nvim_get_current_buf())
end

--- Above the transcript: the session's title.
function M.title()
  local chat = drawn()
  if not chat then
    return ''
  end
  local info = chat.state.info
  local title = info and info.title ~= '' and info.title or (chat.session and 'chat' or 'new chat')
  return ('%%#NexusTitle# %s %%#NexusRoot#%s'):format(escaped(title), escaped(vim.fs.basename(chat.root)))
end

local function tokens_text(usage)
  local sum = 0
  for _, key in ipairs({ 'input', 'output', 'reasoning' }) do
    sum = sum + (tonumber((usage.tokens or {})[key]) or 0)
  end
  local shown = sum >= 1000 and ('%.1fk'):format(sum / 1000) or ('%d'):format(sum)
  local cost = usage.cost and usage.cost > 0 and (' $%.3f'):format(usage.cost) or ''
  return shown .. ' tokens' .. cost
end

local function doing(chat)
  local state = chat.state
  if chat.lost then
    return 'language server lost'
  elseif state.connection then
    return 'reconnecting: ' .. state.connection
  elseif #state.asks > 0 then
    return 'asks'
  elseif state.status.type == 'retry' then
    return 'tries again: ' .. (state.status.message or '')
  elseif chat.sending or reducer.is_busy(state) then
    return 'working'
  elseif state.ended and state.ended.reason ~= 'completed' then
    return state.ended.reason
  end
  return 'ready'
end

--- What stands above the prompt, without markup.
function M.state_text(chat)
  local state = chat.state
  local pieces = { doing(chat) }
  if #state.todos > 0 then
    local done = #vim.tbl_filter(function(todo)
      return todo.status == 'completed'
    end, state.todos)
    pieces[#pieces + 1] = ('to do %d of %d'):format(done, #state.todos)
  end
  if #state.files > 0 then
    pieces[#pieces + 1] = ('%d %s changed'):format(#state.files, #state.files == 1 and 'file' or 'files')
  end
  if #chat.attachments > 0 then
    pieces[#pieces + 1] = ('%d attached'):format(#chat.attachments)
  end
  pieces[#pieces + 1] = chat.model
  pieces[#pieces + 1] = chat.agent
  if state.usage then
    pieces[#pieces + 1] = tokens_text(state.usage)
  end
  return table.concat(pieces, ' · ')
end

--- Above the prompt: what the agent does.
function M.state_line()
  local chat = drawn()
  return chat and ('%%#NexusState# %s'):format(escaped(M.state_text(chat))) or ''
end

return M
