local config = require('nexus.config')

test('a misspelled option is told, and so is one of another kind', function()
  equal(config.set({ chat = { layuot = 'float' }, ask = 1 }), { 'ask (a string is expected)', 'chat.layuot' })
  equal(config.set({ chat = { layout = 'float' }, settings = { anything = { goes = true } }, cmd = { 'x' } }), {})
  equal(config.options.chat.layout, 'float')
  equal(config.set(nil), {})
end)

test('help tags are made of the help file, and every command has one', function()
  local here = vim.fs.dirname(vim.api.nvim_get_runtime_file('doc/nexus.txt', false)[1])
  local copy = vim.fn.tempname()
  vim.fn.mkdir(copy)
  vim.fn.filecopy(here .. '/nexus.txt', copy .. '/nexus.txt')
  vim.cmd.helptags(copy)
  local tags = table.concat(vim.fn.readfile(copy .. '/tags'), '\n')
  for _, name in ipairs(require('nexus.commands').names()) do
    if not tags:find(':Nexus' .. name .. '\t', 1, true) then
      error(':Nexus' .. name .. ' has no tag')
    end
  end
end)
