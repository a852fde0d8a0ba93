"""A terminal with Neovim in it: keys go in, and what a person sees comes out."""

import fcntl
import os
import pty
import signal
import struct
import termios
import threading
import time

import pyte
from picture import svg

BOUND = 40.0
ROWS, COLUMNS = 36, 120


class Failed(Exception):
    """Why a story went wrong."""


class Terminal:
    def __init__(self, arguments, folder, environment):
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self.stream = pyte.ByteStream(self.screen)
        self.lock = threading.Condition()
        self.ended = False
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execve(arguments[0], arguments, environment)
        size = struct.pack("HHHH", ROWS, COLUMNS, 0, 0)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, size)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        while True:
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                data = b""
            with self.lock:
                if data:
                    self.stream.feed(data)
                else:
                    self.ended = True
                self.lock.notify_all()
            if not data:
                return

    def press(self, keys):
        os.write(self.fd, keys.encode())

    def rows(self):
        with self.lock:
            return [row.rstrip() for row in self.screen.display]

    def picture(self):
        with self.lock:
            return svg(self.screen)

    def wait(self, what, wanted):
        until = time.monotonic() + BOUND
        with self.lock:
            while not wanted([row.rstrip() for row in self.screen.display]):
                left = until - time.monotonic()
                if left <= 0 or self.ended:
                    shown = "\n".join("  |" + row.rstrip() for row in self.screen.display)
                    raise Failed(f"the screen never showed: {what}\n{shown}")
                self.lock.wait(min(left, 1.0))

    def wait_for(self, text):
        self.wait(f"`{text}`", lambda rows: any(text in row for row in rows))

    def wait_without(self, text):
        self.wait(f"no `{text}`", lambda rows: not any(text in row for row in rows))

    def wait_end(self):
        until = time.monotonic() + BOUND
        while time.monotonic() < until:
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                self.pid = None
                os.close(self.fd)
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        raise Failed("Neovim did not end")

    def end(self):
        """Ends the program from another thread; who waits for it sees its end."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)

    def kill(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = None
            os.close(self.fd)


def framed(rows):
    """A screen with a frame around it."""
    line = "─" * COLUMNS
    inside = "\n".join(f"│{row.ljust(COLUMNS)}│" for row in rows)
    return f"┌{line}┐\n{inside}\n└{line}┘\n"
