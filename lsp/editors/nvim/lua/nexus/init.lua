--- OpenCode in Neovim. `:help nexus`.
local M = {}

--- Changes the defaults; need not be called. Problems are told and the rest is taken.
---@param options? table see `nexus.config`
function M.setup(options)
  local config = require('nexus.config')
  for _, problem in ipairs(config.set(options)) do
    require('nexus.client').notify('unknown option ' .. problem, vim.log.levels.WARN)
  end
  -- Only what was given: `vim.lsp.config('nexus', …)` of the person counts otherwise.
  if options and options.cmd then
    vim.lsp.config('nexus', { cmd = config.options.cmd })
  end
  if options and options.settings then
    vim.lsp.config('nexus', { settings = { nexus = config.options.settings } })
  end
  vim.lsp.enable('nexus', config.options.enable)
  M.started = true
end

--- Opens the chat of the folder in front: `{ prompt?, session?, focus?, attachments? }`.
function M.open(options)
  require('nexus.roots').choose(function(root)
    require('nexus.chat').open(root, options)
  end)
end

--- A short text for statuslines, empty where nothing runs. `User NexusStatus` says when it has changed.
---@param root? string
---@return string
function M.status(root)
  return require('nexus.status').line(root)
end

return M
