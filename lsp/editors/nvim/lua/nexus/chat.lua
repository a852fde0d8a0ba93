--- The chats: one for each root. A chat shows one session, which it watches; what happens in it comes as `$/progress`.
local buffers = require('nexus.buffers')
local client = require('nexus.client')
local config = require('nexus.config')
local reducer = require('nexus.reducer')
local roots = require('nexus.roots')
local store = require('nexus.store')
local transcript = require('nexus.transcript')
local windows = require('nexus.windows')

local M = {}

---@type table<string, table> chats by root
local chats = {}
---@type table<string, table> chats by the token on which they hear
local tokens = {}
local count = 0

--- All of them, the oldest first.
function M.all()
  local out = vim.tbl_values(chats)
  table.sort(out, function(a, b)
    return a.number < b.number
  end)
  return out
end

--- The chat of a root, made if there is none.
function M.of(root)
  local chat = chats[root]
  if not chat then
    count = count + 1
    chat = { number = count, root = root, state = reducer.new(), attachments = {} }
    chats[root] = chat
  end
  if not (chat.transcript_buffer and vim.api.nvim_buf_is_valid(chat.transcript_buffer)) then
    chat.transcript_buffer = buffers.transcript(chat)
    chat.transcript = transcript.new(chat.transcript_buffer, chat.state, {
      unfolded = config.options.chat.unfolded,
      max_lines = config.options.chat.max_lines,
    })
  end
  if not (chat.prompt_buffer and vim.api.nvim_buf_is_valid(chat.prompt_buffer)) then
    chat.prompt_buffer = buffers.prompt(chat)
  end
  return chat
end

--- The chat that a buffer belongs to.
local function of_buffer(buffer)
  for _, chat in pairs(chats) do
    if buffer == chat.transcript_buffer or buffer == chat.prompt_buffer then
      return chat
    end
  end
end

--- The chat that is meant by a command: the one in front, else that of the file in front, else the only one.
function M.current()
  local buffer = vim.api.nvim_get_current_buf()
  local chat = of_buffer(buffer) or chats[roots.of(buffer)]
  local all = M.all()
  return chat or (#all == 1 and all[1] or nil)
end

local function redraw_state()
  vim.cmd.redrawstatus({ bang = true })
end

--- Another session, or none: what was shown is gone.
local function begin(chat, session)
  if chat.token then
    tokens[chat.token] = nil
  end
  if chat.subscription and client.get() then
    client.request(chat.root, 'nexus/chat/unsubscribe', { subscriptionId = chat.subscription }, nil, function()
      return true
    end)
  end
  chat.token, chat.subscription, chat.epoch = nil, nil, nil
  chat.session = session
  chat.state = reducer.new(session)
  chat.transcript.state = chat.state
  chat.transcript.open = {}
  chat.transcript:redraw()
  require('nexus.ask').sync()
  redraw_state()
end

local function forget(chat, err)
  local code = type(err.data) == 'table' and err.data.code or ''
  if code == 'user.not_found' then
    store.set(chat.root, nil)
    begin(chat, nil)
  end
end

--- Watches the session from where it was left; calls when that stands.
local function subscribe(chat, done)
  local token = ('nexus.nvim.%d.%d.%d'):format(vim.fn.getpid(), chat.number, vim.uv.hrtime())
  if chat.token then
    tokens[chat.token] = nil
  end
  chat.token = token
  tokens[token] = chat
  local session = chat.session
  client.request(chat.root, 'nexus/chat/subscribe', {
    sessionId = session,
    root = client.root_uri(chat.root),
    sinceSeq = chat.epoch and chat.state.seq or nil,
    epoch = chat.epoch,
    partialResultToken = token,
  }, function(result)
    if chat.token ~= token then
      return
    end
    chat.subscription, chat.epoch = result.subscriptionId, result.epoch
    chat.lost = nil
    store.set(chat.root, session)
    redraw_state()
    if done then
      done()
    end
  end, function(err)
    tokens[token] = nil
    if chat.token == token then
      chat.token = nil
      forget(chat, err)
    end
    return false
  end)
end

--- Files that are open and were not changed here are read again, because agents write files.
local reload_waits = false
local function reload_files()
  if reload_waits then
    return
  end
  reload_waits = true
  vim.defer_fn(function()
    reload_waits = false
    for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
      local is_file = vim.api.nvim_buf_is_loaded(buffer) and vim.bo[buffer].buftype == ''
      if is_file and not vim.bo[buffer].modified and vim.api.nvim_buf_get_name(buffer) ~= '' then
        vim.cmd.checktime({ args = { tostring(buffer) }, mods = { silent = true, emsg_silent = true } })
        require('nexus.editor').break_undo(buffer)
      end
    end
  end, 50)
end

local function told(chat, value)
  if value.kind == 'end' then
    reload_files()
    if value.reason == 'lost' or (value.reason == 'failed' and value.error) then
      client.show_error(value.error and { message = value.error.message, data = value.error } or { message = 'the end of the turn is not known' })
    end
    vim.api.nvim_exec_autocmds('User', { pattern = 'NexusTurnEnd', modeline = false, data = { session = value.sessionId, reason = value.reason } })
  elseif value.kind == 'tool' and value.status == 'completed' then
    reload_files()
  elseif value.kind == 'diff' and not value.child then
    local data = { session = value.sessionId }
    vim.api.nvim_exec_autocmds('User', { pattern = 'NexusDiff', modeline = false, data = data })
  elseif value.kind == 'reset' then
    chat.epoch = value.epoch
  end
end

--- A value of `$/progress`; whether it was for a chat.
function M.progress(token, value)
  local chat = tokens[token]
  if not chat then
    return type(token) == 'string' and vim.startswith(token, 'nexus.nvim.')
  end
  local followers = windows.at_end(chat)
  local changes = reducer.apply(chat.state, value)
  if vim.api.nvim_buf_is_valid(chat.transcript_buffer) then
    chat.transcript:apply(changes)
    windows.follow(chat, followers)
  end
  told(chat, value)
  for _, change in ipairs(changes) do
    if change.what == 'asks' or change.what == 'reset' then
      require('nexus.ask').sync()
    end
    if change.what ~= 'append' and change.what ~= 'part' then
      redraw_state()
    end
  end
  return true
end

--- The windows of a chat, with the session that was open last in its root, or the given one.
---@param root string
---@param options? { session?: string, focus?: boolean, prompt?: string, attachments?: table[], fresh?: boolean }
function M.open(root, options)
  options = options or {}
  local chat = M.of(root)
  local known = chat.session ~= nil
  windows.open(chat)
  local wanted = options.session
  if not wanted and not known and not options.fresh and config.options.chat.resume then
    wanted = store.get(root)
  end
  vim.list_extend(chat.attachments, options.attachments or {})
  if options.focus ~= false then
    M.focus(chat)
  end
  client.ensure(root, function(running)
    buffers.attach(chat, running)
    if options.fresh then
      begin(chat, nil)
    elseif wanted and wanted ~= chat.session then
      begin(chat, wanted)
      subscribe(chat)
    end
    if options.prompt and options.prompt ~= '' then
      M.send(chat, options.prompt)
    end
  end)
  redraw_state()
  return chat
end

function M.focus(chat)
  windows.open(chat)
  vim.api.nvim_set_current_win(chat.prompt_window)
  vim.cmd.startinsert()
end

function M.close(chat)
  windows.close(chat)
end

--- Whether keys may be taken: the person is in a chat, and writes nothing.
function M.is_resting()
  local chat = of_buffer(vim.api.nvim_get_current_buf())
  if not chat then
    return false
  end
  return vim.api.nvim_buf_line_count(chat.prompt_buffer) == 1 and vim.api.nvim_buf_get_lines(chat.prompt_buffer, 0, 1, false)[1] == ''
end

local function parts_of(chat, text)
  local parts = { { type = 'text', text = text } }
  for _, attachment in ipairs(chat.attachments) do
    parts[#parts + 1] = { type = 'file', uri = attachment.uri, range = attachment.range }
  end
  return parts
end

local function left_out(result)
  for _, one in ipairs(result.leftOut or {}) do
    client.notify(('%s does not go along: %s'):format(one.title, one.reason), vim.log.levels.WARN)
  end
end

--- Nothing that was written is lost: what could not be sent stands in the prompt again.
local function give_back(chat)
  local text, attachments = chat.sending.text, chat.sending.attachments
  chat.sending = nil
  if vim.api.nvim_buf_is_valid(chat.prompt_buffer) then
    local now = vim.api.nvim_buf_get_lines(chat.prompt_buffer, 0, -1, false)
    local lines = vim.split(text, '\n', { plain = true })
    if table.concat(now) ~= '' then
      vim.list_extend(lines, now)
    end
    vim.api.nvim_buf_set_lines(chat.prompt_buffer, 0, -1, false, lines)
  end
  vim.list_extend(chat.attachments, attachments)
  redraw_state()
  return false
end

local function submit(chat, parts)
  client.request(chat.root, 'nexus/chat/send', {
    sessionId = chat.session,
    root = client.root_uri(chat.root),
    parts = parts,
    model = chat.model,
    agent = chat.agent,
  }, function(result)
    chat.sending = nil
    redraw_state()
    left_out(result)
    -- A plugin's command has answered, and nothing was sent.
    if type(result.shown) == 'string' and result.shown ~= '' then
      client.notify(result.shown)
    end
  end, function()
    return give_back(chat)
  end)
end

--- Sends what stands in the prompt, or a text, in the session of the chat, or in a new one.
---@param text? string
function M.send(chat, text)
  if not text then
    text = vim.trim(table.concat(vim.api.nvim_buf_get_lines(chat.prompt_buffer, 0, -1, false), '\n'))
    if text == '' then
      return client.notify('there is nothing to send')
    end
    vim.api.nvim_buf_set_lines(chat.prompt_buffer, 0, -1, false, {})
  end
  local parts = parts_of(chat, text)
  chat.sending = { text = text, attachments = chat.attachments }
  chat.attachments = {}
  windows.to_end(chat)
  redraw_state()
  if chat.session then
    return submit(chat, parts)
  end
  client.request(chat.root, 'nexus/session/create', { root = client.root_uri(chat.root) }, function(info)
    begin(chat, info.id)
    -- Watched first, so that nothing of the turn is missed.
    subscribe(chat, function()
      submit(chat, parts)
    end)
  end, function()
    return give_back(chat)
  end)
end

function M.stop(chat)
  if not chat.session then
    return client.notify('nothing runs')
  end
  client.request(chat.root, 'nexus/chat/cancel', { sessionId = chat.session })
end

--- A new session with the next prompt.
function M.new(root)
  store.set(root, nil)
  return M.open(root, { fresh = true })
end

--- `nexus/chat/show`: the language server has begun something, for example by a code action.
function M.show(params)
  M.open(vim.fs.normalize(vim.uri_to_fname(params.root)), { session = params.sessionId, focus = false })
end

--- The language server is gone; what is shown stays.
function M.disconnected()
  for _, chat in pairs(chats) do
    chat.lost, chat.subscription = true, nil
    chat.state.asks = {}
    if chat.sending then
      -- Whether it has come to the server is seen when the chat goes on.
      give_back(chat)
    end
  end
  require('nexus.ask').sync()
  redraw_state()
end

--- It is there again: go on where each chat was.
function M.reconnect()
  for _, chat in pairs(chats) do
    if chat.lost and chat.session then
      subscribe(chat)
    end
    local running = client.get()
    if running then
      buffers.attach(chat, running)
    end
    chat.lost = nil
  end
end

--- Starts it for the chats that are open.
function M.restart()
  for _, chat in pairs(chats) do
    client.ensure(chat.root, function() end)
  end
end

M.of_buffer = of_buffer

return M
