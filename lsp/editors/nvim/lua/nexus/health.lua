--- `:checkhealth nexus`: what is needed, what is there, and what to do.
local M = {}

local function neovim()
  local version = tostring(vim.version())
  if vim.fn.has('nvim-0.11') == 1 then
    vim.health.ok('Neovim ' .. version)
  else
    vim.health.error('Neovim ' .. version, 'Install Neovim 0.11 or newer.')
  end
end

local function executable()
  local cmd = (vim.lsp.config.nexus or {}).cmd
  if type(cmd) ~= 'table' then
    return vim.health.ok('the language server is started by a function')
  end
  if vim.fn.executable(cmd[1]) == 0 then
    return vim.health.error(('`%s` is not on PATH'):format(cmd[1]), {
      'Install OpenCode Nexus, or name the executable:',
      "require('nexus').setup({ cmd = { '/path/to/nexus', 'lsp' } })",
    })
  end
  local done = vim.system({ cmd[1], '--version' }, { text = true, timeout = 5000 }):wait()
  if done.code == 0 then
    vim.health.ok(('%s (%s)'):format(vim.trim(done.stdout), vim.fn.exepath(cmd[1])))
  else
    vim.health.error(('`%s --version` failed: %s'):format(cmd[1], vim.trim(done.stderr or '')), 'Install it again.')
  end
end

local function root(one)
  local client = require('nexus.client')
  local line = ('%s: %s'):format(vim.fn.fnamemodify(vim.uri_to_fname(one.root), ':~'), one.state)
  if one.error then
    local text = client.describe({ message = one.error.message, data = one.error })
    return vim.health.error(line .. ': ' .. text, one.error.hint and { one.error.hint } or nil)
  end
  if one.server then
    line = ('%s, OpenCode %s at %s'):format(line, one.server.version, one.server.address)
  end
  vim.health.ok(line)
  if one.history == 'locked' then
    vim.health.warn('the history is locked', 'Run `nexus login` to open it.')
  end
end

local function server()
  local client = require('nexus.client').get()
  if not client then
    return vim.health.info('the language server does not run; `:Nexus` or opening a file starts it')
  end
  local info = client.server_info or {}
  vim.health.ok(('the language server runs: %s %s'):format(info.name or client.name, info.version or ''))
  local answer, err = client:request_sync('nexus/status', vim.empty_dict(), 3000)
  if not answer or answer.err then
    local why = answer and answer.err.message or err or 'no answer'
    return vim.health.error('it does not answer: ' .. why, ':NexusRestart starts it again.')
  end
  for _, one in ipairs(answer.result.roots) do
    root(one)
  end
end

local function comforts()
  if vim.treesitter.language.add('markdown') then
    vim.health.ok('Markdown is highlighted by treesitter')
  else
    vim.health.warn('no treesitter parser for Markdown: answers have no colours', 'Install the parser `markdown`.')
  end
  local own = debug.getinfo(vim.ui.select, 'S').source:match('vim/ui%.lua$')
  vim.health.info(own and 'choices are shown in windows of this plugin' or '`vim.ui.select` was replaced and is used')
  local folder = vim.fs.dirname(require('nexus.store').path())
  if vim.fn.mkdir(folder, 'p', tonumber('700', 8)) == 1 and vim.fn.filewritable(folder) == 2 then
    vim.health.ok('sessions are remembered in ' .. vim.fn.fnamemodify(folder, ':~'))
  else
    vim.health.warn(folder .. ' cannot be written: the last session is not remembered', 'Change its permissions.')
  end
end

function M.check()
  vim.health.start('nexus')
  neovim()
  executable()
  vim.health.start('nexus: language server')
  server()
  vim.health.start('nexus: comforts')
  comforts()
end

return M
