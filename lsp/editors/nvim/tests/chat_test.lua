local fake = require('fake')
local chat = require('nexus.chat')
local client = require('nexus.client')
local store = require('nexus.store')
vim.cmd.runtime('plugin/nexus.lua')
vim.g.nexus_enable = false

local said = {}
vim.notify = function(text)
  said[#said + 1] = text
end

local seq = 0
local sessions = 0
local server

--- Tells the chat of a root something.
local function tell(one, value)
  seq = seq + 1
  value.sessionId, value.seq = one.session, value.seq or seq
  server.notify('$/progress', { token = one.token, value = value })
end

local function answers()
  return {
    ['nexus/session/create'] = function()
      sessions = sessions + 1
      return { id = 'ses_' .. sessions, title = 'T', directory = '/', created = 1, updated = 1 }
    end,
    ['nexus/chat/subscribe'] = function()
      return { subscriptionId = 'sub', epoch = 'e1', seq = 0 }
    end,
    ['nexus/chat/send'] = function(params)
      return { sessionId = params.sessionId, messageId = 'm', turnId = 't', leftOut = {} }
    end,
    ['nexus/permission/reply'] = function()
      return { accepted = true }
    end,
    ['nexus/question/reply'] = function()
      return { accepted = true }
    end,
  }
end

server = fake.start(answers())

local function folder()
  local path = vim.fs.normalize(vim.fn.tempname())
  vim.fn.mkdir(path .. '/.git', 'p')
  return path
end

local function text_of(buffer)
  return table.concat(vim.api.nvim_buf_get_lines(buffer, 0, -1, false), '\n')
end

local function opened(root, options)
  local one = chat.open(root, options)
  eventually('the language server is there', function()
    local running = client.get()
    return running and running.initialized
  end)
  return one
end

local function with_session(root)
  local one = opened(root)
  chat.send(one, 'hello')
  eventually('it was sent', function()
    return one.session and (fake.last(server, 'nexus/chat/send') or {}).sessionId == one.session
  end)
  return one
end

test('the first prompt makes a session, which is watched before it is sent', function()
  local root = folder()
  local one = with_session(root)
  local order = {}
  for _, asked in ipairs(server.asked) do
    if asked.method:match('^nexus/') then
      order[#order + 1] = asked.method
    end
  end
  equal({ order[1], order[2], order[3] }, { 'nexus/session/create', 'nexus/chat/subscribe', 'nexus/chat/send' })
  equal(fake.last(server, 'nexus/chat/send').root, vim.uri_from_fname(root))
  equal(fake.last(server, 'nexus/chat/send').parts, { { type = 'text', text = 'hello' } })
  equal(store.get(root), one.session)
  equal(server.initialize.capabilities.experimental.nexus, { chat = true, selection = true, diagnostics = true, symbols = true })
  tell(one, { kind = 'message', messageId = 'm', role = 'user' })
  tell(one, { kind = 'delta', messageId = 'm', partId = 'p', channel = 'text', text = 'hello' })
  equal(text_of(one.transcript_buffer), '▌ You\nhello\n')
end)

test('a prompt of several folders knows its own', function()
  local one, two = folder(), folder()
  opened(one)
  opened(two)
  local named = vim.tbl_map(function(each)
    return each.uri
  end, client.get().workspace_folders)
  equal(vim.list_contains(named, vim.uri_from_fname(one)) and vim.list_contains(named, vim.uri_from_fname(two)), true)
  equal(#vim.lsp.get_clients({ name = 'nexus' }), 1)
  eventually('both prompts are attached', function()
    return #vim.lsp.get_clients({ bufnr = chat.of(one).prompt_buffer }) == 1 and #vim.lsp.get_clients({ bufnr = chat.of(two).prompt_buffer }) == 1
  end)
  equal(vim.uri_from_bufnr(chat.of(two).prompt_buffer), vim.uri_from_fname(two .. '/.nexus-prompt'))
end)

test('what could not be sent stands in the prompt again', function()
  local one = opened(folder())
  local send = server.answers['nexus/chat/send']
  server.answers['nexus/chat/send'] = function()
    return nil, { code = -32803, message = 'unreachable', data = { code = 'system.unreachable', message = 'unreachable', hint = 'Start it.' } }
  end
  vim.api.nvim_buf_set_lines(one.prompt_buffer, 0, -1, false, { 'two', 'lines' })
  chat.send(one)
  equal(text_of(one.prompt_buffer), '')
  eventually('it is given back', function()
    return text_of(one.prompt_buffer) == 'two\nlines'
  end)
  equal(said[#said], 'nexus: unreachable. Start it.')
  server.answers['nexus/chat/send'] = send
end)

test('a request of the agent is shown once, answered once, and goes when it is settled elsewhere', function()
  local one = with_session(folder())
  local function windows()
    return vim.tbl_filter(function(window)
      return vim.bo[vim.api.nvim_win_get_buf(window)].filetype == 'nexus-select'
    end, vim.api.nvim_list_wins())
  end
  local asked = { kind = 'permission', permissionId = 'x1', action = 'bash', patterns = { 'rm -rf' }, always = { 'rm *' } }
  tell(one, asked)
  tell(one, vim.deepcopy(asked))
  equal(#windows(), 1)
  require('nexus.ask').focus()
  vim.api.nvim_feedkeys(vim.keycode('<CR>'), 'xt', false)
  equal(#windows(), 1)
  vim.api.nvim_feedkeys(vim.keycode('3<CR>'), 'xt', false)
  eventually('it is answered', function()
    return fake.last(server, 'nexus/permission/reply')
  end)
  equal(fake.last(server, 'nexus/permission/reply'), { sessionId = one.session, permissionId = 'x1', reply = 'reject' })
  equal(#windows(), 0)
  tell(one, { kind = 'permission', permissionId = 'x2', action = 'edit', patterns = {}, always = {} })
  eventually('the next is shown', function()
    return #windows() == 1
  end)
  tell(one, { kind = 'permissionClosed', permissionId = 'x2' })
  eventually('it goes away', function()
    return #windows() == 0
  end)
  equal(fake.count(server, 'nexus/permission/reply'), 1)
end)

test('several of several answers can be chosen', function()
  local one = with_session(folder())
  local options = { { label = 'Red', description = 'warm' }, { label = 'Blue', description = '' } }
  tell(one, { kind = 'question', questionId = 'q1', items = {
    { header = 'Colour', question = 'Which?', options = options, multiple = true, custom = false },
    { header = 'Shade', question = 'And?', options = options, multiple = false, custom = false },
  } })
  require('nexus.ask').focus()
  vim.api.nvim_feedkeys(vim.keycode('1<Space>2<Space><CR>'), 'xt', false)
  vim.api.nvim_feedkeys(vim.keycode('2<CR>'), 'xt', false)
  eventually('it is answered', function()
    return fake.last(server, 'nexus/question/reply')
  end)
  equal(fake.last(server, 'nexus/question/reply').answers, { { 'Red', 'Blue' }, { 'Blue' } })
end)

test('a request of the agent takes no keys from who types in a file', function()
  local one = with_session(folder())
  vim.cmd.new()
  local window = vim.api.nvim_get_current_win()
  tell(one, { kind = 'permission', permissionId = 'x3', action = 'bash', patterns = {}, always = {} })
  equal(vim.api.nvim_get_current_win(), window)
  tell(one, { kind = 'permissionClosed', permissionId = 'x3' })
end)

test('a language server that died is started again, and the chat goes on where it was', function()
  local one = with_session(folder())
  tell(one, { kind = 'reset', epoch = 'e1' })
  tell(one, { kind = 'message', messageId = 'm', role = 'user' })
  local before = fake.count(server, 'nexus/chat/subscribe')
  local shown = text_of(one.transcript_buffer)
  server.die(1)
  eventually('it is subscribed again', function()
    return fake.count(server, 'nexus/chat/subscribe') > before and not one.lost and one.subscription
  end)
  local found
  for _, asked in ipairs(server.asked) do
    if asked.method == 'nexus/chat/subscribe' and asked.params.sessionId == one.session then
      found = asked.params
    end
  end
  equal({ found.epoch, found.sinceSeq }, { 'e1', one.state.seq })
  equal(text_of(one.transcript_buffer), shown)
end)

test('a prompt that was under way when the language server died is not lost', function()
  local one = with_session(folder())
  eventually('nothing is under way', function()
    return not one.sending
  end)
  chat.send(one, 'do you hear me')
  server.die(1)
  eventually('it stands in the prompt again', function()
    return text_of(one.prompt_buffer) == 'do you hear me'
  end)
  eventually('the chat goes on', function()
    return not one.lost and one.subscription
  end)
end)

test('a session that is gone is forgotten', function()
  local root = folder()
  store.set(root, 'ses_gone')
  local subscribe = server.answers['nexus/chat/subscribe']
  server.answers['nexus/chat/subscribe'] = function()
    return nil, { code = -32803, message = 'not found', data = { code = 'user.not_found', message = 'not found' } }
  end
  opened(root)
  eventually('it is forgotten', function()
    return store.get(root) == nil
  end)
  server.answers['nexus/chat/subscribe'] = subscribe
end)

test('a selection is what is told of, in units of the protocol', function()
  local path = folder() .. '/a.txt'
  vim.fn.writefile({ 'zero', '日本語 and 😀 x' }, path)
  vim.cmd.edit(path)
  vim.api.nvim_win_set_cursor(0, { 2, 0 })
  vim.api.nvim_feedkeys(vim.keycode('vll<Esc>'), 'xt', false)
  local seen = require('nexus.editor').selection()
  equal(seen.text, '日本語')
  equal(seen.range, { start = { line = 1, character = 0 }, ['end'] = { line = 1, character = 3 } })
  vim.api.nvim_feedkeys(vim.keycode('Vj<Esc>'), 'xt', false)
  seen = require('nexus.editor').selection()
  equal(seen.range['end'], { line = 1, character = 12 })
end)

test('diagnostics are told in the words of the protocol', function()
  local path = folder() .. '/b.txt'
  vim.fn.writefile({ '日本 broken' }, path)
  vim.cmd.edit(path)
  local buffer = vim.api.nvim_get_current_buf()
  local space = vim.api.nvim_create_namespace('test')
  vim.diagnostic.set(space, buffer, { { lnum = 0, col = 7, end_lnum = 0, end_col = 13, severity = 2, message = 'no', source = 'us', code = 5 } })
  local seen = server.request('nexus/editor/diagnostics', { root = vim.uri_from_fname(vim.fs.dirname(path)) })()
  equal(#seen, 1)
  equal(seen[1].severity, 'warning')
  equal(seen[1].code, '5')
  equal(seen[1].range, { start = { line = 0, character = 3 }, ['end'] = { line = 0, character = 9 } })
end)

test('symbols come from the other language servers, and none that hangs holds them up', function()
  local root = folder()
  local uri = vim.uri_from_fname(root .. '/x.lua')
  local function other(name, answer)
    local id = vim.lsp.start({
      name = name,
      cmd = function()
        return {
          request = function(method, _, callback)
            if method == 'initialize' then
              callback(nil, { capabilities = { workspaceSymbolProvider = true } })
            elseif answer then
              callback(nil, answer)
            end
            return true, 1
          end,
          notify = function() end,
          is_closing = function()
            return false
          end,
          terminate = function() end,
        }
      end,
    }, { attach = false })
    return id
  end
  local range = { start = { line = 0, character = 0 }, ['end'] = { line = 0, character = 1 } }
  other('answers', { { name = 'f', kind = 12, location = { uri = uri, range = range } } })
  other('hangs', nil)
  local result = server.request('nexus/editor/symbols', { query = 'f', root = vim.uri_from_fname(root) })
  eventually('it is answered', function()
    return result()
  end)
  equal(result(), { { name = 'f', kind = 'function', uri = uri, range = range } })
end)
