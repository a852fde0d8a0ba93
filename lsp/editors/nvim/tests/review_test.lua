local fake = require('fake')
local review = require('nexus.review')
vim.cmd.runtime('plugin/nexus.lua')

local folder = vim.fs.normalize(vim.fn.tempname())
vim.fn.mkdir(folder .. '/.git', 'p')
local path = folder .. '/poem.txt'
vim.fn.writefile({ 'new', 'middle', 'newer' }, path)
local uri = vim.uri_from_fname(path)

local function hunk(id, line, state, new, old)
  local range = { start = { line = line, character = 0 }, ['end'] = { line = line + 1, character = 0 } }
  return { id = id, range = range, lines = { '-' .. old, '+' .. new }, state = state }
end

local states = { h1 = 'pending', h2 = 'pending' }
local function list()
  return { files = { { uri = uri, path = 'poem.txt', status = 'modified', hunks = { hunk('h1', 0, states.h1, 'new', 'old'), hunk('h2', 2, states.h2, 'newer', 'older') } } } }
end

-- Under the name that the tests before have made.
local running = require('nexus.client').get()
if running then
  running:stop(true)
end
local server = fake.start({
  ['nexus/review/list'] = list,
  ['nexus/review/decide'] = function(params, self)
    for _, decision in ipairs(params.decisions) do
      states[decision.hunkId] = decision.accept and 'accepted' or 'rejected'
      if not decision.accept then
        local range = { start = { line = 2, character = 0 }, ['end'] = { line = 3, character = 0 } }
        self.request('workspace/applyEdit', { edit = { changes = { [uri] = { { range = range, newText = 'older\n' } } } } })
      end
    end
    return list()
  end,
})

local function text()
  return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), '\n')
end

test('a hunk is accepted, another taken back through the editor, written, and brought again by undo', function()
  eventually('the one before is gone', function()
    return require('nexus.client').get() == nil
  end)
  vim.cmd.edit(path)
  local file = vim.api.nvim_get_current_buf()
  review.open(folder, 'ses_r')
  eventually('it is shown', function()
    return vim.bo.filetype == 'nexus-review' and text():find('poem.txt  modified', 1, true) ~= nil
  end)
  vim.api.nvim_feedkeys('a', 'xt', false)
  eventually('it is accepted', function()
    return text():find('✓ line 1  accepted', 1, true)
  end)
  vim.api.nvim_feedkeys(']hr', 'xt', false)
  eventually('it is rejected', function()
    return text():find('✗ line 3  rejected', 1, true)
  end)
  equal(vim.api.nvim_buf_get_lines(file, 0, -1, false), { 'new', 'middle', 'older' })
  equal(vim.fn.readfile(path), { 'new', 'middle', 'older' })
  vim.api.nvim_buf_call(file, function()
    vim.cmd.undo()
  end)
  equal(vim.api.nvim_buf_get_lines(file, 0, -1, false), { 'new', 'middle', 'newer' })
  equal(fake.last(server, 'nexus/review/decide').decisions, { { uri = uri, hunkId = 'h2', accept = false } })
end)
