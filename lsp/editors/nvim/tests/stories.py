"""The stories of Neovim, in the order in which they are played. Each begins where the one before has ended it: Neovim is closed."""

import os
import re
import signal

from screen import Failed

STORIES = []

#: Played with the plugin `git-context` installed.
PLUGIN_STORIES = []

#: A linter, as a person has one: it says what is wrong in `broken.json`.
LINTER = """
vim.api.nvim_create_autocmd('BufReadPost', { pattern = '*.json', callback = function(args)
  local lines = vim.api.nvim_buf_get_lines(args.buf, 0, -1, false)
  local found = {}
  for i, line in ipairs(lines) do
    if line:match(',$') and (lines[i + 1] or ''):match('^}') then
      found[#found + 1] = { lnum = i - 1, col = #line - 1, end_lnum = i - 1, end_col = #line,
        severity = vim.diagnostic.severity.ERROR, message = 'Trailing comma', source = 'linter' }
    end
  end
  vim.diagnostic.set(vim.api.nvim_create_namespace('linter'), args.buf, found)
end })
"""


def story(run):
    STORIES.append(run)
    return run


def plugin_story(run):
    PLUGIN_STORIES.append(run)
    return run


def same(what, seen, wanted):
    if seen != wanted:
        raise Failed(f"{what}: {seen!r}, not {wanted!r}")


def read(desk, name, root=0):
    with open(os.path.join(desk.roots[root], name)) as file:
        return file.read()


@story
def chat_with_streaming(desk):
    desk.open(files=["src/sum.js"])
    desk.command("Nexus")
    desk.terminal.wait_for("new chat")
    desk.prompt("STREAM show me a sort")
    desk.terminal.wait_for("function sort")
    same("what the agent does", desk.lua("return require('nexus.winbar').state_text(require('nexus.chat').of(...))", desk.roots[0])[:7], "working")
    desk.shot("while the answer comes")
    desk.done("That is all about sorting.")
    desk.terminal.wait_for("ready")
    desk.shot("the answer")
    desk.picture("chat")
    desk.check()
    # Two lines for a delta with a line break, and what else the view has drawn.
    touched, lines = desk.chat("transcript.touched"), len(desk.lines())
    print(f"streaming: {lines} lines shown, {touched} lines written", flush=True)
    # The end of the answer is in sight: the window follows.
    desk.terminal.wait_for("That is all about sorting.")
    desk.api.command("stopinsert")
    window = desk.chat("transcript_window")
    line = next(i for i, text in enumerate(desk.lines()) if text.startswith("▸ thought"))
    desk.lua("local w, l = ...; vim.api.nvim_set_current_win(w); vim.api.nvim_win_set_cursor(w, { l, 0 })", window, line + 1)
    desk.press("\t")
    desk.terminal.wait_for("They want to see Markdown.")
    desk.press("\t")
    desk.terminal.wait_without("They want to see Markdown.")


@story
def mention_completed(desk):
    desk.open(files=["hello.txt"])
    desk.command("Nexus new")
    desk.eventually("the prompt takes keys", lambda: desk.api.api.get_mode()["mode"] == "i")
    desk.press("look at @hel")
    desk.eventually("there is something to choose from", lambda: desk.lua("return vim.fn.pumvisible()") == 1)
    desk.terminal.wait("hello.txt in the list", lambda rows: sum("hello.txt" in row for row in rows) >= 2)
    desk.shot("what @hel can mean")
    desk.press("\x0e\x19")
    buffer = desk.chat("prompt_buffer")
    desk.eventually("it is taken", lambda: "look at @hello.txt" in desk.api.buffers[buffer][0])
    desk.press(" please\x13")
    desk.done("Heard: look at @hello.txt")
    parts = desk.messages()[0]["parts"]
    if not any(part["type"] == "file" and "hello.txt" in str(part) for part in parts):
        raise Failed(f"the file does not go along: {parts}")
    desk.press("/")
    desk.eventually("there are commands to choose from", lambda: desk.lua("return vim.fn.pumvisible()") == 1)
    desk.terminal.wait_for("/init")
    desk.shot("the commands of the server")


@story
def range_as_context(desk):
    desk.open(files=["poem.md"])
    desk.command("3,5Nexus what is this?")
    desk.done("Heard: what is this?")
    asked = str(desk.messages()[-2]["parts"])
    if "line one" not in asked or "line nine" in asked:
        raise Failed(f"the lines do not go along as they are: {asked}")


@story
def permission_allowed(desk):
    desk.open(files=["hello.txt"])
    desk.command("Nexus new")
    desk.command("Nexus")
    desk.prompt("ALLOW run it")
    desk.terminal.wait_for("May the agent use bash?")
    desk.terminal.wait_for("1 Allow once")
    desk.shot("what is asked")
    desk.picture("permission")
    desk.press("1\r")
    desk.done("The command has run.")
    same("allowed.txt", read(desk, "allowed.txt"), "allowed\n")
    desk.terminal.wait_without("May the agent")
    desk.check()


@story
def permission_denied(desk):
    desk.open(files=["hello.txt"])
    desk.command("Nexus DENY run it")
    desk.terminal.wait_for("May the agent use bash?")
    desk.press("4")
    desk.press("\r")
    desk.terminal.wait_for("What shall the agent know?")
    desk.press("never do that\r")
    desk.done("Then I leave it.")
    if os.path.exists(os.path.join(desk.roots[0], "denied.txt")):
        raise Failed("what was denied has happened")
    desk.shot("denied")
    desk.check()


@story
def asked_while_typing(desk):
    desk.open(files=["poem.md"])
    desk.command("Nexus ALLOW again")
    desk.api.command("stopinsert")
    desk.command("wincmd t")
    desk.press("ggOtyped ")
    desk.terminal.wait_for("May the agent use bash?")
    desk.press("1 more")
    desk.eventually("it is typed into the file", lambda: desk.api.current.buffer[0] == "typed 1 more")
    desk.command("Nexus answer")
    desk.press("3\r")
    desk.rest()
    desk.terminal.wait_without("May the agent")


@story
def question_answered(desk):
    desk.open(files=["hello.txt"])
    desk.command("Nexus QUESTION ask me")
    desk.terminal.wait_for("Which colour do you like?")
    desk.shot("the question")
    desk.press("2\r")
    desk.done("A fine colour.")
    if "Red" not in str(desk.messages()):
        raise Failed("the server has another answer")
    desk.check()


@story
def stopped(desk):
    desk.open(files=["hello.txt"])
    desk.command("Nexus STOP me")
    desk.terminal.wait_for("on until")
    desk.press("\x03")
    desk.rest()
    desk.terminal.wait_for("aborted")
    desk.shot("stopped")
    desk.prompt("and now something else")
    desk.done("Heard: and now something else")
    desk.check()


@story
def fix_this(desk):
    desk.open(files=["broken.json"], more=LINTER)
    desk.eventually("the language server is there", lambda: desk.lua("local c = require('nexus.client').get(); return c and c.initialized"))
    desk.eventually("the linter has spoken", lambda: desk.lua("return #vim.diagnostic.get(0)") == 1)
    desk.press("2G")
    offered = (
        "vim.ui.select = function(items, _, done) if _G.taken then return end for i, one in ipairs(items) do"
        " if one.action.title:lower():find('fix') then _G.taken = true return done(one, i) end end _G.offered = items end;"
        " if not _G.taken and vim.uv.now() - (_G.asked or 0) > 2000 then _G.asked = vim.uv.now() vim.lsp.buf.code_action() end return _G.taken"
    )
    # Asked before the keys have moved the cursor, nothing is offered: a person would ask again.
    desk.eventually("a fix is offered", lambda: desk.lua(offered))
    fixed = '{\n    "name": "first"\n}\n'
    desk.eventually("the file is put right", lambda: read(desk, "broken.json") == fixed)
    desk.done("The comma is gone.")
    buffer = desk.lua("return vim.fn.bufnr('broken.json')")
    desk.eventually("its buffer is read again", lambda: "\n".join(desk.api.buffers[buffer][:]) + "\n" == fixed)
    desk.shot("the file is put right")
    desk.check()


@story
def review(desk):
    desk.open(files=["poem.md"])
    desk.command("Nexus new")
    desk.command("Nexus EDIT the poem")
    desk.done("The poem is better now.")
    poem = desk.lua("return vim.fn.bufnr('poem.md')")
    desk.eventually("the file is read again", lambda: desk.api.buffers[poem][0] == "# A better poem")
    desk.command("Nexus review")
    desk.terminal.wait_for("poem.md  modified")
    desk.terminal.wait_for("the very end")
    desk.shot("two hunks")
    desk.press("]h")
    desk.press("r")
    desk.eventually("the second is taken back", lambda: desk.api.buffers[poem][-1] == "the end")
    same("the first stays", desk.api.buffers[poem][0], "# A better poem")
    desk.eventually("it is written", lambda: read(desk, "poem.md").endswith("\nthe end\n"))
    desk.terminal.wait_for("rejected")
    desk.press("[ha")
    desk.terminal.wait_for("accepted")
    desk.shot("one accepted, one rejected")
    desk.picture("review")
    desk.press("]h\r")
    desk.eventually("the cursor is in the file", lambda: desk.api.current.buffer.number == poem)
    desk.press("u")
    desk.eventually("undo takes it back", lambda: desk.api.buffers[poem][-1] == "the very end")
    desk.command("Nexus review")
    desk.terminal.wait("the hunk is open again", lambda rows: any("pending" in row for row in rows))
    desk.shot("after undo")


@story
def restarted(desk):
    desk.open(files=["hello.txt"])
    desk.command("Nexus new")
    desk.command("Nexus STREAM before the restart")
    desk.terminal.wait_for("insertion sort")
    # In the middle of the answer, and not in a friendly way.
    desk.crash()
    desk.open(files=["hello.txt"])
    desk.command("Nexus")
    desk.done("That is all about sorting.")
    desk.shot("replayed after a restart")
    desk.check()
    desk.prompt("and this")
    desk.done("Heard: and this")
    desk.check()


@story
def language_server_killed(desk):
    desk.open(files=["hello.txt"])
    desk.command("Nexus STREAM and die")
    desk.terminal.wait_for("insertion sort")
    pid = desk.lua("return vim.tbl_map(function(p) return p.pid end, vim.tbl_filter(function(p) return p.name == 'nexus' end, vim.tbl_map(vim.api.nvim_get_proc, vim.api.nvim_get_proc_children(vim.fn.getpid()))))")[0]
    os.kill(pid, signal.SIGKILL)
    # Neovim tells of it itself, and waits for Enter where that is too long for the screen.
    desk.terminal.wait("that it has ended", lambda rows: any("quit with exit code" in row or "started again" in row for row in rows))
    desk.press("\r")
    desk.done("That is all about sorting.")
    desk.check()
    running = "local c = require('nexus.client').get(); return c and c.initialized and c.id"
    before = desk.lua(running)
    desk.command("Nexus restart")
    desk.eventually("another one runs", lambda: desk.lua(running) not in (None, False, before))
    desk.prompt("still there?")
    desk.done("Heard: still there?")
    desk.check()


@story
def two_roots(desk):
    desk.open(files=["hello.txt"])
    desk.command("Nexus new")
    desk.command("Nexus in the first")
    desk.done("Heard: in the first")
    desk.api.command("stopinsert")
    desk.command("wincmd t")
    desk.command("edit " + os.path.join(desk.roots[1], "second.txt"))
    desk.command("Nexus in the second")
    desk.done("Heard: in the second", root=1)
    desk.shot("two folders")
    desk.check(root=0)
    desk.check(root=1)
    for root in (0, 1):
        session = desk.ask_server(f"/session/{desk.chat('session', root)}", root)
        same("the session's folder", os.path.realpath(session["directory"]), os.path.realpath(desk.roots[root]))
    same("language servers", desk.lua("return #vim.lsp.get_clients({ name = 'nexus' })"), 1)
    desk.command("NexusStatus")
    desk.terminal.wait_for("OpenCode 1.")
    # A message of several lines waits for Enter.
    desk.press("\r")
    same("the statusline", bool(re.search("ready", desk.lua("return require('nexus').status(...)", desk.roots[1]))), True)


@story
def sessions_chosen(desk):
    desk.open(files=["hello.txt"])
    desk.command("Nexus new")
    desk.command("Nexus the one before")
    desk.done("Heard: the one before")
    first = desk.chat("session")
    desk.command("Nexus new")
    desk.command("Nexus another")
    desk.done("Heard: another")
    desk.api.command("stopinsert")
    desk.command("Nexus sessions")
    desk.terminal.wait_for("Sessions")
    desk.shot("the sessions")
    desk.press("2\r")
    desk.eventually("it is shown", lambda: desk.chat("session") == first)
    desk.done("Heard: the one before")
    desk.check()
    desk.api.command("stopinsert")
    desk.command("NexusModel")
    desk.terminal.wait_for("1 default: scripted/scripted")
    desk.press("2\r")
    desk.eventually("the model is chosen", lambda: desk.chat("model") == "scripted/scripted")


@story
def floating(desk):
    desk.open(files=["hello.txt"], more="require('nexus').setup({ chat = { layout = 'float' } })\n")
    desk.command("Nexus new")
    desk.command("Nexus STREAM in a float")
    desk.done("That is all about sorting.")
    desk.terminal.wait_for("That is all about sorting.")
    desk.shot("a floating chat")
    desk.check()
    desk.api.command("stopinsert")
    desk.press("q")
    desk.eventually("it is closed", lambda: len(desk.api.windows) == 1)


@story
def health(desk):
    desk.open(files=["hello.txt"])
    desk.command("Nexus hello")
    desk.done("Heard: hello")
    desk.api.command("stopinsert")
    desk.command("checkhealth nexus")
    desk.terminal.wait_for("the language server runs")
    text = "\n".join(desk.api.current.buffer[:])
    if "ERROR" in text:
        raise Failed(text)
    desk.shot("checkhealth")
    desk.close()
    desk.open(files=["hello.txt"], more="require('nexus').setup({ cmd = { 'no-such-nexus', 'lsp' } })\n")
    desk.command("Nexus hello")
    desk.terminal.wait_for("is not on PATH")
    desk.shot("not installed")


#: No plugin: what any editor can do.
PLAIN = """
vim.o.swapfile = false
vim.o.autoread = true
vim.lsp.config('nexus', { cmd = { 'nexus', 'lsp' }, filetypes = { 'markdown' }, root_markers = { '.git' } })
vim.lsp.enable('nexus')
"""


@story
def without_the_plugin(desk):
    path = os.path.join(desk.roots[0], "talk.nexus.md")
    with open(path, "w") as file:
        file.write("## You\n\nhello from a file\n")
    desk.open(files=["talk.nexus.md"], init=PLAIN)
    desk.eventually("the language server is there", lambda: desk.lua("local c = vim.lsp.get_clients({ bufnr = 0 })[1]; return c and c.initialized"))
    desk.eventually("there is a lens", lambda: desk.lua("vim.lsp.codelens.refresh({ bufnr = 0 }); return #vim.lsp.codelens.get(0) > 0"))
    desk.press("3G")
    desk.lua("local lens = vim.lsp.codelens.get(0)[1]; vim.lsp.get_clients({ bufnr = 0 })[1]:exec_cmd(lens.command, { bufnr = 0 })")
    desk.eventually("the answer is in the file", lambda: any("Heard: hello from a file" in line for line in desk.api.current.buffer[:]))
    desk.shot("a chat in a file, without the plugin")


@plugin_story
def plugin_completed(desk):
    desk.open(files=["hello.txt"])
    desk.command("Nexus new")
    desk.eventually("the prompt takes keys", lambda: desk.api.api.get_mode()["mode"] == "i")
    desk.press("look at @git-sh")
    # It is asked what it offers in the background, and may be there a moment later.
    desk.eventually("there is something to choose from", lambda: desk.lua("return vim.fn.pumvisible()") == 1)
    desk.terminal.wait("git-show in the list", lambda rows: sum("git-sh" in row for row in rows) >= 2)
    desk.shot("what @git-sh can mean")
    desk.press("\x0e\x19")
    buffer = desk.chat("prompt_buffer")
    desk.eventually("it is taken", lambda: "look at @git-show" in desk.api.buffers[buffer][0])
    desk.press("HEAD" if desk.api.buffers[buffer][0].endswith(":") else ":HEAD")
    desk.eventually("a commit is named", lambda: "look at @git-show:HEAD" in desk.api.buffers[buffer][0])
    desk.press(" please\x13")
    desk.done("Heard: look at @git-show:HEAD")
    desk.shot("the answer")
    parts = str(desk.messages()[0]["parts"])
    if "Files for editors" not in parts:
        raise Failed(f"what the plugin knows does not go along: {parts}")
    desk.check()
