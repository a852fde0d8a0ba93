-- Runs the tests of the plugin: `nvim --headless -u NONE -i NONE -n -l tests/run.lua [FILE]`, from the plugin's folder.
local here = vim.fs.dirname(vim.fs.dirname(vim.fs.abspath(arg[0])))
vim.opt.runtimepath:prepend(here)
vim.env.XDG_STATE_HOME = vim.fn.tempname()
package.path = here .. '/tests/?.lua;' .. package.path

local passed, failed = 0, {}

--- A test by its sentence.
function _G.test(name, run)
  local ok, why = xpcall(run, debug.traceback)
  if ok then
    passed = passed + 1
  else
    failed[#failed + 1] = name
    print(('FAILED %s\n%s'):format(name, why))
  end
end

function _G.equal(seen, wanted)
  if not vim.deep_equal(seen, wanted) then
    error(('seen\n%s\nwanted\n%s'):format(vim.inspect(seen), vim.inspect(wanted)), 2)
  end
end

--- Waits until something is so; a bound, not a pause.
function _G.eventually(what, run)
  if not vim.wait(5000, run, 5) then
    error('never: ' .. what, 2)
  end
end

for name in vim.fs.dir(here .. '/tests') do
  if name:match('_test%.lua$') and (not arg[1] or name:find(arg[1], 1, true)) then
    dofile(here .. '/tests/' .. name)
  end
end
print(('\n%d passed, %d failed'):format(passed, #failed))
os.exit(#failed == 0 and 0 or 1)
