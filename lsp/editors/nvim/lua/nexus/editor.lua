--- What the language server asks the editor, and tells it.
local roots = require('nexus.roots')

local M = {}

--- What a person has selected last, until the cursor moves on: `{ buffer, tick, cursor, from, to }`; lines and bytes from 1.
local selected
--- The last file that was in front.
local front

local SEVERITY = { 'error', 'warning', 'information', 'hint' }
--- How long other language servers may look for symbols, in milliseconds.
local SYMBOLS_BOUND = 1500
local MAX_SYMBOLS = 200

local function is_file(buffer)
  return vim.api.nvim_buf_is_valid(buffer) and vim.bo[buffer].buftype == '' and vim.api.nvim_buf_get_name(buffer) ~= ''
end

--- A position as the protocol has it; `line` from 0, `column` in bytes from 0.
local function position(buffer, line, column)
  local text = vim.api.nvim_buf_get_lines(buffer, line, line + 1, false)[1] or ''
  local encoding = (require('nexus.client').get() or {}).offset_encoding or 'utf-16'
  return { line = line, character = vim.str_utfindex(text, encoding, math.min(column, #text), false) }
end

--- The column behind the character at a place of 1 on, which may have several bytes.
local function last_column(buffer, to)
  local text = vim.api.nvim_buf_get_lines(buffer, to[1] - 1, to[1], false)[1] or ''
  local last = math.min(to[2], #text)
  return last > 0 and last + vim.str_utf_end(text, last) or 0
end

--- A range from lines and columns of 1 on, the last character included.
local function range_of(buffer, from, to)
  return { start = position(buffer, from[1] - 1, from[2] - 1), ['end'] = position(buffer, to[1] - 1, last_column(buffer, to)) }
end

--- Whole lines as a range of the protocol, from 1 on, both included.
function M.lines_range(buffer, first, last)
  local text = vim.api.nvim_buf_get_lines(buffer, last - 1, last, false)[1] or ''
  return range_of(buffer, { first, 1 }, { last, math.max(#text, 1) })
end

local function is_before(a, b)
  return a[2] < b[2] or (a[2] == b[2] and a[3] <= b[3])
end

--- From one place to another, as `getpos` gives them, in a mode of selecting.
local function selection_of(buffer, mode, a, b)
  if not is_before(a, b) then
    a, b = b, a
  end
  local from, to = { a[2], math.max(a[3], 1) }, { b[2], b[3] }
  if mode == 'V' then
    from, to = { a[2], 1 }, { b[2], vim.v.maxcol }
  end
  return { buffer = buffer, tick = vim.api.nvim_buf_get_changedtick(buffer), from = from, to = to }
end

local SELECTING = { v = true, V = true, ['\22'] = true }

--- What is being selected now.
local function selecting()
  local mode, buffer = vim.fn.mode(), vim.api.nvim_get_current_buf()
  if SELECTING[mode] and is_file(buffer) then
    return selection_of(buffer, mode, vim.fn.getpos('v'), vim.fn.getpos('.'))
  end
end

--- The marks stand when the mode has ended.
local function has_selected()
  local buffer = vim.api.nvim_get_current_buf()
  if is_file(buffer) then
    selected = selection_of(buffer, vim.fn.visualmode(), vim.fn.getpos("'<"), vim.fn.getpos("'>"))
    selected.cursor = vim.api.nvim_win_get_cursor(0)
  end
end

--- Watches what is in front and what is selected.
function M.watch()
  local group = vim.api.nvim_create_augroup('nexus.editor', {})
  vim.api.nvim_create_autocmd({ 'BufEnter', 'WinEnter' }, {
    group = group,
    callback = function(args)
      if is_file(args.buf) then
        front = args.buf
      end
    end,
  })
  vim.api.nvim_create_autocmd('ModeChanged', { group = group, pattern = '[vV\22]*:[^vV\22]*', callback = has_selected })
  vim.api.nvim_create_autocmd('CursorMoved', {
    group = group,
    callback = function(args)
      if selected and args.buf == selected.buffer and not vim.deep_equal(selected.cursor, vim.api.nvim_win_get_cursor(0)) then
        selected = nil
      end
    end,
  })
  if is_file(vim.api.nvim_get_current_buf()) then
    front = vim.api.nvim_get_current_buf()
  end
end

--- The file that is in front, or was before a chat was.
function M.front()
  local buffer = vim.api.nvim_get_current_buf()
  if is_file(buffer) then
    return buffer
  end
  return front and is_file(front) and front or nil
end

--- What is selected, or where the cursor is.
---@return table? EditorSelectionInfo
function M.selection()
  local buffer = M.front()
  if not buffer then
    return nil
  end
  local uri = vim.uri_from_bufnr(buffer)
  local now = selecting() or selected
  if now and now.buffer == buffer and now.tick == vim.api.nvim_buf_get_changedtick(buffer) then
    local text = vim.api.nvim_buf_get_text(buffer, now.from[1] - 1, now.from[2] - 1, now.to[1] - 1, last_column(buffer, now.to), {})
    return { uri = uri, range = range_of(buffer, now.from, now.to), text = table.concat(text, '\n') }
  end
  local window = vim.fn.bufwinid(buffer)
  local cursor = window ~= -1 and vim.api.nvim_win_get_cursor(window) or vim.api.nvim_buf_get_mark(buffer, '"')
  local at = position(buffer, math.max(cursor[1] - 1, 0), cursor[2])
  return { uri = uri, range = { start = at, ['end'] = at }, text = '' }
end

--- Diagnostics of one file, or of all files of a root.
function M.diagnostics(params)
  local only = params.uri and vim.uri_to_fname(params.uri)
  local root = params.root and vim.uri_to_fname(params.root)
  local out = {}
  for _, item in ipairs(vim.diagnostic.get(nil)) do
    local name = item.bufnr and vim.api.nvim_buf_get_name(item.bufnr) or ''
    local wanted = name ~= '' and (only and vim.fs.normalize(name) == vim.fs.normalize(only))
      or (not only and name ~= '' and (not root or roots.contains(root, name)))
    if wanted then
      local buffer = item.bufnr
      local start = position(buffer, item.lnum, item.col)
      out[#out + 1] = {
        uri = vim.uri_from_bufnr(buffer),
        range = { start = start, ['end'] = item.end_lnum and position(buffer, item.end_lnum, item.end_col or 0) or start },
        severity = SEVERITY[item.severity] or 'error',
        message = item.message,
        source = item.source,
        code = item.code and tostring(item.code) or nil,
      }
    end
  end
  return out
end

local function is_between(range, other)
  local function behind(a, b)
    return a.line > b.line or (a.line == b.line and a.character > b.character)
  end
  return not behind(range.start, other['end']) and not behind(other.start, range['end'])
end

--- What comes next in a buffer can be undone by itself. Neovim joins changes of a buffer that is not in front.
function M.break_undo(buffer)
  if vim.api.nvim_buf_is_loaded(buffer) then
    vim.api.nvim_buf_call(buffer, function()
      vim.go.undolevels = vim.go.undolevels
    end)
  end
end

--- The diagnostics on the lines of a range, as the protocol has them.
function M.diagnostics_in(uri, range)
  local lines = {
    start = { line = range.start.line, character = 0 },
    ['end'] = { line = range['end'].line, character = vim.v.maxcol },
  }
  local out = {}
  for _, item in ipairs(M.diagnostics({ uri = uri })) do
    if is_between(item.range, lines) then
      local severity = vim.iter(ipairs(SEVERITY)):find(function(_, word)
        return word == item.severity
      end)
      out[#out + 1] = { range = item.range, severity = severity, message = item.message, source = item.source, code = item.code }
    end
  end
  return out
end

local function symbol(item)
  local location = item.location
  return location
    and location.range
    and {
      name = item.name,
      kind = (vim.lsp.protocol.SymbolKind[item.kind] or 'symbol'):lower(),
      container = item.containerName,
      uri = location.uri,
      range = location.range,
    }
end

--- Symbols that the other language servers know; calls once, with what has come in time.
function M.symbols(params, done)
  local own = require('nexus.client').get()
  local root = params.root and vim.uri_to_fname(params.root)
  local out, over = {}, false
  local function finish()
    if not over then
      over = true
      done(out)
    end
  end
  local asked = {}
  for _, client in ipairs(vim.lsp.get_clients({ method = 'workspace/symbol' })) do
    if not own or client.id ~= own.id then
      asked[#asked + 1] = client
    end
  end
  local open = #asked
  for _, client in ipairs(asked) do
    local sent = client:request('workspace/symbol', { query = params.query or '' }, function(_, result)
      for _, item in ipairs(result or {}) do
        local known = #out < MAX_SYMBOLS and symbol(item)
        if known and (not root or roots.contains(root, vim.uri_to_fname(known.uri))) then
          out[#out + 1] = known
        end
      end
      open = open - 1
      if open == 0 then
        finish()
      end
    end)
    open = sent and open or open - 1
  end
  if open <= 0 then
    finish()
  else
    vim.defer_fn(finish, SYMBOLS_BOUND)
  end
end

--- A handler may wait, because Neovim runs it in a coroutine.
local function symbols_handler(_, params)
  local running = coroutine.running()
  local result, waits
  M.symbols(params or {}, function(found)
    result = found
    if waits then
      coroutine.resume(running)
    end
  end)
  if not result then
    waits = true
    coroutine.yield()
  end
  return result
end

M.handlers = {
  ['nexus/chat/show'] = function(_, params)
    require('nexus.chat').show(params)
    return vim.NIL
  end,
  ['nexus/status'] = function(_, params)
    require('nexus.status').set(params)
    return vim.NIL
  end,
  ['nexus/editor/selection'] = function()
    return M.selection() or vim.NIL
  end,
  ['nexus/editor/diagnostics'] = function(_, params)
    return M.diagnostics(params or {})
  end,
  ['nexus/editor/symbols'] = symbols_handler,
  ['$/progress'] = function(err, params, context)
    if require('nexus.chat').progress(params.token, params.value) then
      return vim.NIL
    end
    return vim.lsp.handlers['$/progress'](err, params, context)
  end,
}

return M
