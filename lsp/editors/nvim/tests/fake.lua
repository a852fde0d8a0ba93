-- A language server inside of Neovim, for tests: answers what it is told to, and keeps what it was asked.
local M = {}

---@param answers table<string, fun(params: table, server: table): any, table?>
function M.start(answers)
  local server = { asked = {}, told = {}, answers = answers or {}, closing = false }
  local function cmd(dispatchers)
    server.closing = false
    server.lives = (server.lives or 0) + 1
    local life = server.lives
    server.notify = function(method, params)
      dispatchers.notification(method, params)
    end
    server.request = function(method, params)
      local result, err
      coroutine.wrap(function()
        result, err = dispatchers.server_request(method, params)
      end)()
      return function()
        return result, err
      end
    end
    server.die = function(code)
      server.closing = true
      dispatchers.on_exit(code, 0)
    end
    local id = 0
    return {
      request = function(method, params, callback)
        id = id + 1
        server.asked[#server.asked + 1] = { method = method, params = params }
        vim.schedule(function()
          if server.closing or server.lives ~= life then
            return
          end
          if method == 'initialize' then
            server.initialize = params
            return callback(nil, {
              capabilities = { completionProvider = { triggerCharacters = { '@', '/' } } },
              serverInfo = { name = 'nexus' },
            })
          end
          local answer = server.answers[method]
          if answer then
            local result, err = answer(params, server)
            callback(err, result)
          else
            callback(nil, {})
          end
        end)
        return true, id
      end,
      notify = function(method, params)
        server.told[#server.told + 1] = { method = method, params = params }
        if method == 'exit' then
          server.die(0)
        end
        return true
      end,
      is_closing = function()
        return server.closing
      end,
      terminate = function()
        server.die(0)
      end,
    }
  end
  vim.lsp.config('nexus', { cmd = cmd })
  return server
end

--- The parameters of the last request of a method.
function M.last(server, method)
  for i = #server.asked, 1, -1 do
    if server.asked[i].method == method then
      return server.asked[i].params
    end
  end
end

function M.count(server, method)
  return #vim.tbl_filter(function(one)
    return one.method == method
  end, server.asked)
end

return M
