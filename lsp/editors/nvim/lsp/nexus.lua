-- The language server of OpenCode Nexus. `vim.lsp.enable('nexus')` alone works; `vim.lsp.config('nexus', {…})` changes it.
local config = require('nexus.config')

return {
  cmd = config.options.cmd,
  root_dir = function(buffer, use)
    use(require('nexus.roots').of(buffer))
  end,
  -- One language server for all folders, as one person talks in all of them.
  reuse_client = function(client, wanted)
    return require('nexus.client').reuse(client, wanted)
  end,
  capabilities = {
    experimental = { nexus = { chat = true, selection = true, diagnostics = true, symbols = true } },
  },
  settings = { nexus = config.options.settings },
  handlers = require('nexus.editor').handlers,
  on_init = function(client)
    require('nexus.client').on_init(client)
  end,
  on_exit = function(code, signal)
    require('nexus.client').on_exit(code, signal)
  end,
}
