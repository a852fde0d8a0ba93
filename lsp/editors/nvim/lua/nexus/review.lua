--- What a session has changed, as a buffer of files and hunks that are accepted or taken back. Taking back is an edit of the
--- file's buffer, made by the language server through the editor: undo there takes it back again.
local client = require('nexus.client')
local config = require('nexus.config')
local break_undo = require('nexus.editor').break_undo

local M = {}

local NAMESPACE = vim.api.nvim_create_namespace('nexus.review')
---@type table<integer, table> reviews by buffer
local reviews = {}

local STATE = {
  pending = { ' ', 'NexusPending' },
  accepted = { '✓', 'NexusDone' },
  rejected = { '✗', 'NexusError' },
  changed = { '!', 'NexusError' },
}
local GROUP = { ['+'] = 'DiffAdd', ['-'] = 'DiffDelete' }

local function add(review, line, group, at)
  review.lines[#review.lines + 1] = line
  review.at[#review.lines] = at
  if group then
    review.groups[#review.lines] = group
  end
end

local function layout(review)
  review.lines, review.at, review.groups = {}, {}, {}
  if #review.files == 0 then
    add(review, 'This session has changed nothing.', 'NexusOther')
  end
  for _, file in ipairs(review.files) do
    add(review, ('%s  %s'):format(file.path, file.status), 'NexusAgent', { file = file })
    for _, hunk in ipairs(file.hunks) do
      local state = STATE[hunk.state] or STATE.pending
      local first = hunk.range.start.line + 1
      add(review, ('  %s line %d  %s'):format(state[1], first, hunk.state), state[2], { file = file, hunk = hunk })
      for i, line in ipairs(hunk.lines) do
        add(review, '    ' .. line, GROUP[line:sub(1, 1)], { file = file, hunk = hunk, offset = i })
      end
    end
    add(review, '')
  end
  add(review, 'a accept · r reject · A/R whole file · <CR> go there · ]h [h next/previous · g? help', 'NexusOther')
end

local function draw(review)
  layout(review)
  local buffer = review.buffer
  vim.bo[buffer].modifiable = true
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, review.lines)
  vim.bo[buffer].modifiable = false
  vim.api.nvim_buf_clear_namespace(buffer, NAMESPACE, 0, -1)
  for line, group in pairs(review.groups) do
    vim.api.nvim_buf_set_extmark(buffer, NAMESPACE, line - 1, 0, { line_hl_group = group })
  end
end

local function take(review, result)
  review.files = result.files
  if vim.api.nvim_buf_is_valid(review.buffer) then
    local view = vim.fn.win_findbuf(review.buffer)[1]
    local cursor = view and vim.api.nvim_win_get_cursor(view)
    draw(review)
    if cursor then
      local last = vim.api.nvim_buf_line_count(review.buffer)
      vim.api.nvim_win_set_cursor(view, { math.min(cursor[1], last), cursor[2] })
    end
  end
end

--- Reads it again from the language server.
function M.refresh(review, done)
  client.request(review.root, 'nexus/review/list', { sessionId = review.session, root = client.root_uri(review.root) }, function(result)
    take(review, result)
    if done then
      done()
    end
  end)
end

--- The files whose buffers hold nothing of the person's: what is taken back there can be written at once.
local function unchanged(decisions)
  local out = {}
  for _, decision in ipairs(decisions) do
    local buffer = vim.uri_to_bufnr(decision.uri)
    if not decision.accept and not (vim.api.nvim_buf_is_loaded(buffer) and vim.bo[buffer].modified) then
      out[buffer] = true
    end
  end
  return out
end

local function write(buffers)
  for buffer in pairs(buffers) do
    if vim.api.nvim_buf_is_loaded(buffer) and vim.bo[buffer].modified then
      vim.api.nvim_buf_call(buffer, function()
        vim.cmd.update({ mods = { silent = true } })
      end)
    end
  end
end

local function decide(review, hunks, accept)
  local decisions = {}
  for _, entry in ipairs(hunks) do
    decisions[#decisions + 1] = { uri = entry.file.uri, hunkId = entry.hunk.id, accept = accept }
  end
  if #decisions == 0 then
    return client.notify('there is no hunk here')
  end
  local function separate()
    for _, decision in ipairs(decisions) do
      break_undo(vim.uri_to_bufnr(decision.uri))
    end
  end
  separate()
  local to_write = config.options.review.write and unchanged(decisions) or {}
  client.request(review.root, 'nexus/review/decide', {
    sessionId = review.session,
    root = client.root_uri(review.root),
    decisions = decisions,
  }, function(result)
    separate()
    write(to_write)
    take(review, result)
  end)
end

local function here(review)
  return review.at[vim.api.nvim_win_get_cursor(0)[1]]
end

local function hunk_here(review)
  local at = here(review)
  return at and at.hunk and { at } or {}
end

local function hunks_of_file(review)
  local at = here(review)
  return at and vim.tbl_map(function(hunk)
    return { file = at.file, hunk = hunk }
  end, at.file.hunks) or {}
end

--- Goes to the file, in a window that shows files.
local function jump(review)
  local at = here(review)
  if not at then
    return
  end
  local line = at.hunk and at.hunk.range.start.line or 0
  for _, window in ipairs(vim.api.nvim_tabpage_list_wins(0)) do
    if vim.bo[vim.api.nvim_win_get_buf(window)].buftype == '' then
      vim.api.nvim_set_current_win(window)
      break
    end
  end
  if vim.bo.buftype ~= '' then
    vim.cmd.new({ mods = { split = 'aboveleft' } })
  end
  local buffer = vim.uri_to_bufnr(at.file.uri)
  vim.bo[buffer].buflisted = true
  vim.api.nvim_set_current_buf(buffer)
  vim.api.nvim_win_set_cursor(0, { math.min(line + 1, vim.api.nvim_buf_line_count(buffer)), 0 })
end

local function is_hunk_head(review, line)
  local at = review.at[line]
  return at and at.hunk and not at.offset
end

local function step(review, by)
  local line = vim.api.nvim_win_get_cursor(0)[1] + by
  while line >= 1 and line <= #review.lines do
    if is_hunk_head(review, line) then
      return vim.api.nvim_win_set_cursor(0, { line, 0 })
    end
    line = line + by
  end
end

local HELP = {
  { 'a', 'accept the hunk under the cursor' },
  { 'r', 'take the hunk under the cursor back' },
  { 'A', 'accept all hunks of the file' },
  { 'R', 'take all hunks of the file back' },
  { '<CR>', 'go to the place in the file' },
  { ']h', 'to the next hunk' },
  { '[h', 'to the hunk before' },
  { 'gr', 'read it again' },
  { 'q', 'close' },
}

local function keys(review)
  local run = {
    a = function()
      decide(review, hunk_here(review), true)
    end,
    r = function()
      decide(review, hunk_here(review), false)
    end,
    A = function()
      decide(review, hunks_of_file(review), true)
    end,
    R = function()
      decide(review, hunks_of_file(review), false)
    end,
    ['<CR>'] = function()
      jump(review)
    end,
    [']h'] = function()
      step(review, 1)
    end,
    ['[h'] = function()
      step(review, -1)
    end,
    gr = function()
      M.refresh(review)
    end,
    q = function()
      vim.api.nvim_win_close(0, true)
    end,
    ['g?'] = function()
      local lines = vim.tbl_map(function(entry)
        return ('%-5s %s'):format(entry[1], entry[2])
      end, HELP)
      client.notify('keys of the review\n' .. table.concat(lines, '\n'))
    end,
  }
  for key, action in pairs(run) do
    vim.keymap.set('n', key, action, { buffer = review.buffer, nowait = true })
  end
end

--- Files change under the review, also by undo; then it is read again.
local function watch(review)
  local group = vim.api.nvim_create_augroup('nexus.review.' .. review.buffer, {})
  local waits = false
  local function soon()
    if waits then
      return
    end
    waits = true
    vim.defer_fn(function()
      waits = false
      if vim.api.nvim_buf_is_valid(review.buffer) and #vim.fn.win_findbuf(review.buffer) > 0 then
        M.refresh(review)
      end
    end, 200)
  end
  vim.api.nvim_create_autocmd({ 'TextChanged', 'BufWritePost', 'InsertLeave', 'FileChangedShellPost' }, {
    group = group,
    callback = function(args)
      local uri = vim.bo[args.buf].buftype == '' and vim.uri_from_bufnr(args.buf)
      for _, file in ipairs(uri and review.files or {}) do
        if file.uri == uri then
          return soon()
        end
      end
    end,
  })
  -- A server may know the whole of a turn's changes only after its end.
  vim.api.nvim_create_autocmd('User', { group = group, pattern = { 'NexusTurnEnd', 'NexusDiff' }, callback = soon })
  vim.api.nvim_create_autocmd('BufWipeout', {
    group = group,
    buffer = review.buffer,
    callback = function()
      reviews[review.buffer] = nil
      vim.api.nvim_del_augroup_by_id(group)
    end,
  })
end

--- Opens the review of a session.
function M.open(root, session)
  local name = 'nexus://review/' .. session
  local buffer = vim.fn.bufnr('^' .. name .. '$')
  local review = reviews[buffer]
  if not review then
    buffer = vim.api.nvim_create_buf(false, true)
    vim.api.nvim_buf_set_name(buffer, name)
    vim.bo[buffer].bufhidden = 'hide'
    vim.bo[buffer].undolevels = -1
    vim.bo[buffer].filetype = 'nexus-review'
    vim.b[buffer].nexus_root = root
    review = { buffer = buffer, root = root, session = session, files = {}, lines = {}, at = {}, groups = {} }
    reviews[buffer] = review
    keys(review)
    watch(review)
  end
  M.refresh(review, function()
    local window = vim.fn.bufwinid(buffer)
    if window ~= -1 then
      vim.api.nvim_set_current_win(window)
    else
      vim.cmd.tabnew()
      local empty = vim.api.nvim_get_current_buf()
      vim.api.nvim_set_current_buf(buffer)
      vim.api.nvim_buf_delete(empty, { force = true })
    end
    vim.cmd.stopinsert()
    for line = 1, #review.lines do
      if is_hunk_head(review, line) then
        vim.api.nvim_win_set_cursor(0, { line, 0 })
        break
      end
    end
  end)
end

return M
