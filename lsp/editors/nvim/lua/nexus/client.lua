--- The language server: found, started, started again; requests whose errors the person sees.
local M = {}

local NAME = 'nexus'
--- How often it is started again by itself within `WINDOW` seconds.
local RESTARTS, WINDOW = 3, 300

local state = { exits = {}, waiting = {}, stopping = false, attached = {} }

function M.notify(text, level)
  vim.notify('nexus: ' .. text, level or vim.log.levels.INFO, { title = 'Nexus' })
end

--- One line for a person: what went wrong, and what to do.
function M.describe(err)
  local data = type(err.data) == 'table' and err.data or {}
  local text = data.message or err.message or tostring(err)
  local hint = data.hint
  return hint and not text:find(hint, 1, true) and ('%s. %s'):format(text:gsub('%.$', ''), hint) or text
end

function M.show_error(err)
  M.notify(M.describe(err), vim.log.levels.ERROR)
end

--- The language server that runs, whoever has configured it.
---@return vim.lsp.Client?
function M.get()
  for _, client in ipairs(vim.lsp.get_clients({ _uninitialized = true })) do
    local info = client.server_info or {}
    if (client.name == NAME or info.name == NAME) and not client:is_stopped() then
      return client
    end
  end
end

local function folder(root)
  return { uri = vim.uri_from_fname(root), name = vim.fs.basename(root) }
end

--- Tells the language server of a folder that it does not know yet.
---@param client vim.lsp.Client
local function add_root(client, root)
  local new = folder(root)
  client.workspace_folders = client.workspace_folders or {}
  for _, known in ipairs(client.workspace_folders) do
    if known.uri == new.uri then
      return
    end
  end
  table.insert(client.workspace_folders, new)
  local tell = function()
    client:notify('workspace/didChangeWorkspaceFolders', { event = { added = { new }, removed = {} } })
  end
  if client.initialized then
    tell()
  else
    state.waiting[#state.waiting + 1] = tell
  end
end

--- One language server for all roots: `reuse_client` of its configuration.
function M.reuse(client, wanted)
  if client.name ~= wanted.name or client:is_stopped() then
    return false
  end
  if wanted.root_dir then
    add_root(client, wanted.root_dir)
  end
  return true
end

--- Neovim sends a language server only its own diagnostics along when it asks for code actions. What there is to fix was found
--- by others.
local function with_diagnostics(client)
  local request = client.request
  client.request = function(self, method, params, ...)
    if method == 'textDocument/codeAction' and params.context then
      params = vim.deepcopy(params)
      params.context.diagnostics = require('nexus.editor').diagnostics_in(params.textDocument.uri, params.range)
    end
    return request(self, method, params, ...)
  end
end

--- `on_init` of its configuration.
function M.on_init(client)
  with_diagnostics(client)
  local waiting = state.waiting
  state.waiting = {}
  for _, run in ipairs(waiting) do
    run()
  end
  vim.schedule(function()
    require('nexus.chat').reconnect()
  end)
end

local function may_restart()
  local now = os.time()
  state.exits = vim.tbl_filter(function(time)
    return now - time < WINDOW
  end, state.exits)
  state.exits[#state.exits + 1] = now
  return #state.exits <= RESTARTS
end

--- `on_exit` of its configuration: what was not asked for is made good, a few times.
function M.on_exit(code, signal)
  state.waiting = {}
  if state.stopping or vim.v.exiting ~= vim.NIL then
    return
  end
  vim.schedule(function()
    require('nexus.chat').disconnected()
    require('nexus.status').clear()
    if code == 0 and signal == 0 then
      return
    end
    if not may_restart() then
      M.notify('the language server keeps ending; look at :checkhealth nexus, then :NexusRestart', vim.log.levels.ERROR)
      return
    end
    -- First, because a message may wait for Enter.
    M.start_again()
    M.notify('the language server was started again', vim.log.levels.WARN)
  end)
end

--- The configuration as the person has it: `lsp/nexus.lua` of this plugin, and what was merged into it.
local function resolved(root)
  local own = vim.deepcopy(vim.lsp.config[NAME])
  own.name, own.root_dir = NAME, root
  return own
end

--- Why it cannot be started; nil when it can.
function M.missing()
  local cmd = (vim.lsp.config[NAME] or {}).cmd
  if type(cmd) == 'table' and vim.fn.executable(cmd[1]) == 0 then
    return ('`%s` is not on PATH; install OpenCode Nexus or set `cmd`, see :checkhealth nexus'):format(cmd[1])
  end
end

--- Starts it if need be, with a root, and calls when it can be talked to.
---@param root string
---@param done fun(client: vim.lsp.Client)
function M.ensure(root, done)
  local problem = M.missing()
  if not M.get() and problem then
    M.notify(problem, vim.log.levels.ERROR)
    return
  end
  local id = vim.lsp.start(resolved(root), { attach = false, reuse_client = M.reuse })
  local client = id and vim.lsp.get_client_by_id(id)
  if not client then
    M.notify('the language server could not be started; see :checkhealth nexus', vim.log.levels.ERROR)
    return
  end
  if client.initialized then
    done(client)
  else
    state.waiting[#state.waiting + 1] = function()
      done(client)
    end
  end
end

--- A request about a root. Errors are shown; `failed` is called as well, if given.
---@param root string
---@param method string
---@param params table
---@param done? fun(result: any)
---@param failed? fun(err: table): boolean? `true` when the error need not be shown
function M.request(root, method, params, done, failed)
  M.ensure(root, function(client)
    local sent = client:request(method, params, function(err, result)
      if err then
        if not (failed and failed(err)) then
          M.show_error(err)
        end
      elseif done then
        done(result)
      end
    end)
    if not sent and failed then
      failed({ message = 'the language server is gone' })
    end
  end)
end

function M.root_uri(root)
  return vim.uri_from_fname(root)
end

--- Attaches it again to the files that it had, and goes on with the chats.
function M.start_again()
  for buffer in pairs(state.attached) do
    if vim.api.nvim_buf_is_loaded(buffer) and vim.bo[buffer].buftype == '' then
      vim.lsp.start(resolved(require('nexus.roots').of(buffer)), { bufnr = buffer, reuse_client = M.reuse })
    end
  end
  require('nexus.chat').restart()
end

--- It is attached to a buffer now.
function M.attached(buffer)
  state.attached[buffer] = true
end

function M.detached(buffer)
  state.attached[buffer] = nil
end

--- Stops it and starts it again; chats go on where they were.
function M.restart()
  local client = M.get()
  state.exits = {}
  if not client then
    return M.start_again()
  end
  state.stopping = true
  require('nexus.chat').disconnected()
  client:stop()
  local function again(left)
    if not client:is_stopped() and left > 0 then
      if left == 20 then
        client:stop(true)
      end
      return vim.defer_fn(function()
        again(left - 1)
      end, 100)
    end
    state.stopping = false
    M.start_again()
  end
  again(50)
end

return M
