"""What a story has: Neovim in a terminal, the way into it, and the server's own answer."""

import json
import os
import tempfile
import threading
import time
import urllib.parse
import urllib.request

import pynvim
from screen import BOUND, Failed, Terminal, framed

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Only what a person would write; nothing here helps the tests.
INIT = """
vim.opt.runtimepath:prepend(%r)
vim.o.swapfile = false
vim.o.laststatus = 2
vim.o.statusline = "%%f %%m %%= %%{v:lua.require'nexus'.status()}"
vim.o.more = false
"""


class Desk:
    def __init__(self):
        self.told = json.loads(os.environ["NEXUS_DESK"])
        self.roots = self.told["roots"]
        self.url = self.told["url"]
        self.nvim_program = os.environ["NEXUS_NVIM"]
        self.home = self.told["home"]
        self.init = os.path.join(self.home, "init.lua")
        self.terminal = None
        self.api = None
        self.shots = ""

    # Neovim

    def open(self, folder=None, files=(), more="", init=None):
        with open(self.init, "w") as file:
            file.write((INIT % HERE if init is None else init) + more)
        socket = os.path.join(tempfile.mkdtemp(dir=self.home), "nvim")
        environment = {
            "HOME": self.home,
            "PATH": os.environ["PATH"],
            "NEXUS_URL": self.url,
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
        }
        arguments = [self.nvim_program, "-u", self.init, "-i", "NONE", "--listen", socket, *files]
        self.terminal = Terminal(arguments, folder or self.roots[0], environment)
        self.eventually("Neovim listens", lambda: os.path.exists(socket))
        self.api = pynvim.attach("socket", path=socket)
        # Of each command that was typed, a line: the way in by the socket does not wait for the keys of the terminal.
        self.typed = socket + "-commands"
        self.lua(
            "local path = ...; vim.api.nvim_create_autocmd('CmdlineLeave', { callback = function()"
            " vim.fn.writefile({ vim.fn.getcmdline() }, path, 'a') end })",
            self.typed,
        )
        # Neovim answers nothing while it waits for Enter, and a call into it has no bound of its own.
        self.watchdog = threading.Timer(2 * BOUND, self.terminal.end)
        self.watchdog.daemon = True
        self.watchdog.start()

    def close(self):
        if self.terminal is None:
            return
        terminal, self.terminal = self.terminal, None
        self.watchdog.cancel()
        try:
            terminal.press("\x1b\x1b:qa!\r")
            terminal.wait_end()
        finally:
            terminal.kill()
            self.api.close()

    def crash(self):
        self.watchdog.cancel()
        self.terminal.kill()
        self.terminal = None
        self.api.close()

    def lua(self, code, *arguments):
        return self.api.exec_lua(code, *arguments)

    def press(self, keys):
        self.terminal.press(keys)

    def command(self, text):
        """Types a command, and returns when Neovim has taken it; what it shows may wait for Enter then."""
        before = self.commands_typed()
        self.press(f"\x1b\x1b:{text}\r")
        self.eventually(f"`:{text}` is typed", lambda: self.commands_typed() > before)

    def commands_typed(self):
        if not os.path.exists(self.typed):
            return 0
        with open(self.typed) as file:
            return sum(1 for _ in file)

    def eventually(self, what, wanted, bound=BOUND):
        until = time.monotonic() + bound
        last = None
        while time.monotonic() < until:
            last = wanted()
            if last:
                return last
            time.sleep(0.03)
        raise Failed(f"never: {what}{self.seen()}")

    def seen(self):
        if self.terminal is None:
            return ""
        return "\n" + "\n".join("  |" + row for row in self.terminal.rows())

    def shot(self, label):
        self.api.command("redraw")
        self.shots += f"{label}\n{framed(self.terminal.rows())}\n"

    def picture(self, name):
        """Keeps the screen in colours, for the documentation."""
        self.api.command("redraw")
        with open(os.path.join(self.told["shots"], name + ".svg"), "w") as file:
            file.write(self.terminal.picture())

    # The chat

    def chat(self, field, root=0):
        return self.lua(f"return require('nexus.chat').of(...).{field}", self.roots[root])

    def lines(self, root=0):
        return self.api.buffers[self.chat("transcript_buffer", root)][:]

    def prompt(self, text, root=0):
        """Types a prompt and sends it."""
        self.lua("require('nexus.chat').focus(require('nexus.chat').of(...))", self.roots[root])
        self.eventually("the prompt takes keys", lambda: self.api.api.get_mode()["mode"] == "i")
        buffer = self.chat("prompt_buffer", root)
        typed = lambda: "\n".join(self.api.buffers[buffer][:])
        # A message that waits for Enter takes the keys; a person sees that nothing came and types again.
        for _ in range(3):
            self.press(text)
            until = time.monotonic() + 5
            while text not in typed() and time.monotonic() < until:
                time.sleep(0.05)
            if typed().strip():
                break
        self.eventually("what was typed stands there", lambda: text in typed())
        self.press("\x13")

    def rest(self, root=0):
        """Waits until nothing runs."""
        busy = (
            "local one = require('nexus.chat').of(...);"
            "return one.sending ~= nil or require('nexus.reducer').is_busy(one.state)"
        )
        self.eventually("the turn is over", lambda: not self.lua(busy, self.roots[root]))

    def done(self, text, root=0):
        self.eventually(f"`{text}` in the transcript", lambda: any(text in line for line in self.lines(root)))
        self.rest(root)

    # The server

    def ask_server(self, path, root=0):
        directory = urllib.parse.quote(self.roots[root])
        with urllib.request.urlopen(f"{self.url}{path}?directory={directory}", timeout=20) as answer:
            return json.load(answer)

    def messages(self, root=0):
        return self.ask_server(f"/session/{self.chat('session', root)}/message", root)

    def check(self, root=0):
        """The buffer shows what the server has, line by line."""

        def same():
            wanted = expected(self.messages(root))
            return wanted == shown(self.lines(root))

        try:
            self.eventually("the transcript is what the server has", same)
        except Failed as why:
            wanted, seen = expected(self.messages(root)), shown(self.lines(root))
            raise Failed(f"the transcript is not what the server has\nseen   {seen}\nserver {wanted}") from why


ICONS = ("○", "◐", "✓", "✗")


def shown(lines):
    """The lines of the transcript without what is the view's own."""
    out = []
    for line in lines:
        if line.startswith("▌ "):
            out.append("▌ You" if line.startswith("▌ You") else "▌ OpenCode")
        elif line.startswith("▸ thought"):
            out.append("▸ thought")
        elif line.startswith(ICONS):
            out.append(" ".join(line.split()[:2]))
        elif line.startswith("  ") and out and out[-1].startswith("✗ "):
            continue  # why a tool failed
        elif line != "" and not line.startswith("▸ added"):
            out.append(line)
    return out


def expected(messages):
    """What the server has, as it should be shown; by other code than the plugin's."""
    out = []
    for message in messages:
        info = message["info"]
        out.append("▌ You" if info["role"] == "user" else "▌ OpenCode")
        for part in message["parts"]:
            kind = part["type"]
            if kind == "text" and not part.get("synthetic"):
                out.extend(line for line in part["text"].split("\n") if line != "")
            elif kind == "reasoning":
                out.append("▸ thought")
            elif kind == "tool":
                icon = {"completed": "✓", "error": "✗"}.get(part["state"]["status"], "◐")
                out.append(f"{icon} {part['tool']}")
            elif kind == "file":
                out.append("📎 " + part["filename"])
        error = info.get("error")
        if error:
            out.append("■ stopped" if "Abort" in error["name"] else "✗ error")
    return out
