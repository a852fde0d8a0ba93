--- The commands: `:Nexus …` with what follows completed, and each by its own name.
local client = require('nexus.client')
local roots = require('nexus.roots')

local M = {}

local function chat()
  return require('nexus.chat')
end

--- The lines of a range as context.
local function attachment(command)
  if command.range == 0 then
    return nil
  end
  local buffer = vim.api.nvim_get_current_buf()
  if vim.bo[buffer].buftype ~= '' or vim.api.nvim_buf_get_name(buffer) == '' then
    return nil
  end
  local range = require('nexus.editor').lines_range(buffer, command.line1, command.line2)
  return { { uri = vim.uri_from_bufnr(buffer), range = range } }
end

local function with_current(run)
  local one = chat().current()
  if one then
    return run(one)
  end
  client.notify('no chat is open; :Nexus opens one')
end

local function with_session(run)
  with_current(function(one)
    if one.session then
      return run(one)
    end
    client.notify('nothing was said here yet')
  end)
end

--- `{ about, run(argument, command) }` by name.
M.all = {
  Send = {
    'send what stands in the prompt',
    function()
      with_current(function(one)
        chat().send(one)
      end)
    end,
  },
  Stop = {
    'stop the answer',
    function()
      with_current(chat().stop)
    end,
  },
  New = {
    'begin a new session',
    function()
      roots.choose(chat().new)
    end,
  },
  Close = {
    'close the windows of the chat',
    function()
      with_current(chat().close)
    end,
  },
  Answer = {
    'go to what the agent asks',
    function()
      require('nexus.ask').focus()
    end,
  },
  Sessions = {
    'choose a session',
    function()
      roots.choose(function(root)
        require('nexus.pick').sessions(root)
      end)
    end,
  },
  Search = {
    'search what was said',
    function(argument)
      roots.choose(function(root)
        require('nexus.pick').search(root, argument)
      end)
    end,
  },
  Model = {
    'choose the model',
    function(argument)
      roots.choose(function(root)
        require('nexus.pick').model(root, argument)
      end)
    end,
  },
  Agent = {
    'choose the agent',
    function(argument)
      roots.choose(function(root)
        require('nexus.pick').agent(root, argument)
      end)
    end,
  },
  Review = {
    'review what the session has changed',
    function()
      with_session(function(one)
        require('nexus.review').open(one.root, one.session)
      end)
    end,
  },
  Status = {
    'show the state of every folder',
    function()
      roots.choose(function(root)
        client.request(root, 'nexus/status', vim.empty_dict(), function(result)
          client.notify(table.concat(require('nexus.status').report(result), '\n'))
        end)
      end)
    end,
  },
  Restart = {
    'start the language server again',
    function()
      client.restart()
    end,
  },
}

function M.names()
  local names = vim.tbl_keys(M.all)
  table.sort(names)
  return names
end

--- `:Nexus`, `:Nexus review`, `:Nexus explain this`: a command's name alone is the command, everything else a prompt.
local function nexus(command)
  local word, rest = command.args:match('^(%S+)%s*(.*)$')
  for _, name in ipairs(M.names()) do
    if word == name:lower() and (rest == '' or name == 'Search' or name == 'Model' or name == 'Agent') then
      return M.all[name][2](rest, command)
    end
  end
  local attachments = attachment(command)
  roots.choose(function(root)
    chat().open(root, { prompt = command.args, attachments = attachments })
  end)
end

local function complete(lead)
  return vim.tbl_filter(function(name)
    return vim.startswith(name, lead)
  end, vim.tbl_map(string.lower, M.names()))
end

function M.create()
  local options = { nargs = '*', range = true, complete = complete, desc = 'Nexus: open the chat, or say something' }
  vim.api.nvim_create_user_command('Nexus', nexus, options)
  for name, entry in pairs(M.all) do
    vim.api.nvim_create_user_command('Nexus' .. name, function(command)
      entry[2](command.args, command)
    end, { nargs = '*', desc = 'Nexus: ' .. entry[1] })
  end
end

return M
