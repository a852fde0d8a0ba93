-- Commands, colours and what is watched. Everything else is loaded when it is needed.
if vim.g.loaded_nexus then
  return
end
vim.g.loaded_nexus = true

if vim.fn.has('nvim-0.11') == 0 then
  vim.notify('nexus: Neovim 0.11 or newer is needed', vim.log.levels.ERROR)
  return
end

for group, link in pairs({
  NexusYou = 'Title',
  NexusAgent = 'Function',
  NexusTitle = 'Title',
  NexusRoot = 'Comment',
  NexusState = 'Comment',
  NexusTool = 'Identifier',
  NexusOutput = 'Comment',
  NexusThought = 'Comment',
  NexusOther = 'NonText',
  NexusPending = 'Comment',
  NexusRunning = 'DiagnosticInfo',
  NexusDone = 'DiagnosticOk',
  NexusError = 'DiagnosticError',
}) do
  vim.api.nvim_set_hl(0, group, { link = link, default = true })
end

require('nexus.commands').create()
require('nexus.editor').watch()

local group = vim.api.nvim_create_augroup('nexus', {})
vim.api.nvim_create_autocmd('LspAttach', {
  group = group,
  callback = function(args)
    local client = vim.lsp.get_client_by_id(args.data.client_id)
    if client and client.name == 'nexus' then
      require('nexus.client').attached(args.buf)
    end
  end,
})
vim.api.nvim_create_autocmd('BufDelete', {
  group = group,
  callback = function(args)
    require('nexus.client').detached(args.buf)
  end,
})
-- Without `setup` the defaults hold. After the person's configuration, so that it can have called it.
local function begin()
  if not require('nexus').started and vim.g.nexus_enable ~= false then
    require('nexus').setup()
  end
end
if vim.v.vim_did_enter == 1 then
  vim.schedule(begin)
else
  vim.api.nvim_create_autocmd('VimEnter', { group = group, callback = begin })
end
