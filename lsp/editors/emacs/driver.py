"""Emacs with eglot and nothing else, in a terminal, driven by keys: `cargo xtask editors --editor emacs` runs it.

What Emacs has in its buffer is compared with what the server has.
"""

import json
import os
import sys
import time
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "nvim", "tests"))

from screen import BOUND, Failed, Terminal, framed  # noqa: E402

DESK = json.loads(os.environ["NEXUS_DESK"])
ROOT = DESK["roots"][0]


#: Emacs compiles its packages while it runs, and would tell of it in a window.
QUIET = "(setq native-comp-async-report-warnings-errors nil)"


class Emacs:
    def __init__(self, name):
        self.path = os.path.join(ROOT, name)
        environment = {
            "HOME": DESK["home"],
            "PATH": os.environ["PATH"],
            "NEXUS_URL": DESK["url"],
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
        }
        arguments = [os.environ["NEXUS_EMACS"], "-nw", "-q", "--eval", QUIET, "--load", os.path.join(HERE, "init.el"), self.path]
        self.terminal = Terminal(arguments, ROOT, environment)
        self.shots = ""

    def shot(self, label):
        self.shots += f"{label}\n{framed(self.terminal.rows())}\n"

    def text(self):
        """What stands in the buffer, through the file."""
        self.terminal.press("\x18\x13")
        with open(self.path) as file:
            return file.read()

    def wait_text(self, wanted, without=None):
        until = time.monotonic() + BOUND
        while True:
            text = self.text()
            if wanted in text and (without is None or without not in text):
                return
            if time.monotonic() > until:
                raise Failed(f"`{wanted}` never stood in the buffer\n" + "\n".join(self.terminal.rows()))
            time.sleep(0.3)

    def close(self):
        # Save, leave, and let processes end.
        self.terminal.press("\x18\x13")
        self.terminal.press("\x18\x03")
        try:
            self.terminal.wait("the end, or a question about processes", lambda rows: any("exit anyway" in row for row in rows))
            self.terminal.press("yes\r")
        except Failed:
            pass
        try:
            self.terminal.wait_end()
        finally:
            self.terminal.kill()


def server(path):
    directory = urllib.parse.quote(ROOT)
    with urllib.request.urlopen(f"{DESK['url']}{path}?directory={directory}", timeout=20) as answer:
        return json.load(answer)


def answers():
    """Every text of every agent's message that the server has, in all sessions of the folder."""
    out = []
    for session in server("/session"):
        for message in server(f"/session/{session['id']}/message"):
            if message["info"]["role"] == "assistant":
                out.extend(part["text"] for part in message["parts"] if part["type"] == "text")
    return out


def chat_in_a_file(emacs):
    emacs.terminal.wait_for("hello from Emacs")
    emacs.terminal.wait_for("eglot")
    emacs.press = emacs.terminal.press
    emacs.shot("before it is sent")
    emacs.press("\x03n")
    emacs.terminal.wait_for("Heard: hello from Emacs")
    emacs.shot("the answer")
    # A second prompt, typed at the end of the file, and one that is asked about.
    emacs.wait_text("Heard: hello from Emacs", without="answering:")
    emacs.press("\x1b>ALLOW run it")
    emacs.wait_text("ALLOW run it")
    emacs.press("\x03n")
    emacs.terminal.wait_for("Allow once")
    emacs.shot("what is asked")
    # Emacs has written the first choice already.
    emacs.press("\r")
    emacs.wait_text("The command has run.", without="answering:")
    emacs.shot("allowed")
    text = emacs.text()
    for answer in answers():
        if answer not in text:
            raise Failed(f"the buffer has not what the server has: {answer!r}\n{text}")


def main():
    name = "emacs.nexus.md"
    with open(os.path.join(ROOT, name), "w") as file:
        file.write("## You\n\nhello from Emacs\n")
    started = time.monotonic()
    why, emacs = "", Emacs(name)
    try:
        chat_in_a_file(emacs)
        emacs.close()
    except Exception as error:  # told, whatever it is
        why = str(error) if isinstance(error, Failed) else repr(error)
        emacs.shot("where it went wrong")
        emacs.terminal.kill()
    with open(os.path.join(DESK["shots"], "chat-in-a-file.txt"), "w") as file:
        file.write(emacs.shots)
    told = {"story": "chat in a file", "ok": not why, "seconds": time.monotonic() - started, "why": why}
    print(json.dumps(told, ensure_ascii=False), flush=True)


main()
