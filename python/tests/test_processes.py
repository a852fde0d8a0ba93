"""What happens to a process: Ctrl-C, fork, the end of the interpreter. Nothing hangs, nothing crashes, no server is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest
from typing import Optional

from servers import Server, ServerTest

BEGIN = """
import os, signal, sys, threading, time
from opencode_nexus import AsyncNexus, Nexus, NexusError
# A shell that runs the tests in the background has them ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
url, directory = sys.argv[1:3]
"""


class Processes(ServerTest):
    def start(self, story: str) -> subprocess.Popen[str]:
        """A program of its own."""
        program = BEGIN + textwrap.dedent(story)
        return subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-c", program, self.server.url, self.server.directory],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run_story(self, story: str, status: Optional[int] = 0) -> tuple[str, str]:
        """Runs a program to its end, which it must reach by itself."""
        process = self.start(story)
        try:
            said, errors = process.communicate(timeout=90)
        except subprocess.TimeoutExpired:
            process.kill()
            self.fail(f"it hangs:\n{process.communicate()}")
        if status is not None:
            self.assertEqual(process.returncode, status, f"{said}\n{errors}")
        self.assertNotIn("Fatal Python error", errors)
        self.assertNotIn("panicked", errors)
        return said, errors

    def assert_idle(self) -> None:
        """No turn of ours runs on the server any more."""
        for _ in range(400):
            if not self.nexus.running():
                return
            time.sleep(0.05)
        self.fail("an agent still runs")

    def interrupted(self, story: str) -> tuple[str, str, float]:
        """Presses Ctrl-C when the program says `now`."""
        process = self.start(story)
        assert process.stdout is not None
        self.assertEqual(process.stdout.readline(), "now\n")
        time.sleep(0.3)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        try:
            said, errors = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            self.fail(f"Ctrl-C does nothing:\n{process.communicate()}")
        return said, errors, time.monotonic() - began

    def test_ctrl_c_ends_a_turn_and_stops_the_agent(self) -> None:
        _, errors, _ = self.interrupted(
            """
            nexus = Nexus.connect(url, directory=directory)
            for event in nexus.conversation().prompt("Hang on"):
                if event.type == "text" and "begin" in event.delta:
                    print("now", flush=True)
            """
        )
        self.assertIn("KeyboardInterrupt", errors)
        self.assert_idle()

    def test_ctrl_c_is_heard_in_every_wait(self) -> None:
        for wait in (
            "chat.prompt('Hang on').finish()",
            "chat.prompt('Hang on').text()",
            "[event for event in chat.events()]",
            "[event for event in nexus.events()]",
        ):
            with self.subTest(wait):
                said, errors, _ = self.interrupted(
                    f"""
                    with Nexus.connect(url, directory=directory) as nexus:
                        chat = nexus.conversation()
                        print("now", flush=True)
                        try:
                            {wait}
                        except KeyboardInterrupt:
                            print("heard", flush=True)
                    """
                )
                self.assertEqual(said, "heard\n", errors)
        self.assert_idle()

    def test_ctrl_c_is_heard_by_asyncio(self) -> None:
        _, errors, _ = self.interrupted(
            """
            import asyncio

            async def main():
                async with AsyncNexus.connect(url, directory=directory) as nexus:
                    chat = await nexus.conversation()
                    async for event in chat.prompt("Hang on"):
                        if event.type == "text" and "begin" in event.delta:
                            print("now", flush=True)

            asyncio.run(main())
            """
        )
        self.assertIn("KeyboardInterrupt", errors)
        self.assert_idle()

    def test_the_interpreter_ends_while_a_turn_runs(self) -> None:
        self.run_story(
            """
            nexus = Nexus.connect(url, directory=directory)
            turn = nexus.conversation().prompt("Hang on")
            next(turn)
            """
        )
        self.assert_idle()

    def test_the_interpreter_ends_while_threads_wait(self) -> None:
        self.run_story(
            """
            import logging
            logging.basicConfig(level=1)
            nexus = Nexus.connect(url, directory=directory, providers={"x": lambda _: "y"})
            begun = threading.Barrier(9)

            def wait():
                turn = nexus.conversation().prompt("Hang on")
                next(turn)
                begun.wait()
                turn.finish()

            for _ in range(8):
                threading.Thread(target=wait, daemon=True).start()
            begun.wait()
            """
        )
        self.assert_idle()

    def test_the_interpreter_ends_again_and_again(self) -> None:
        for number in range(12):
            with self.subTest(number):
                self.run_story(
                    f"""
                    nexus = Nexus.connect(url, directory=directory)
                    def wait():
                        for event in nexus.conversation().prompt("Slow words"):
                            pass
                    for _ in range(3):
                        threading.Thread(target=wait, daemon=True).start()
                    time.sleep({number} * 0.04)
                    """
                )
        self.assert_idle()

    def test_an_exception_ends_the_program_and_the_turn(self) -> None:
        _, errors = self.run_story(
            """
            with Nexus.connect(url, directory=directory) as nexus:
                for event in nexus.conversation().prompt("Hang on"):
                    raise ZeroDivisionError
            """,
            status=1,
        )
        self.assertIn("ZeroDivisionError", errors)
        self.assert_idle()

    def test_asyncio_ends_while_a_turn_runs(self) -> None:
        self.run_story(
            """
            import asyncio

            async def main():
                nexus = await AsyncNexus.connect(url, directory=directory)
                chat = await nexus.conversation()
                turn = await chat.prompt("Hang on")
                task = asyncio.ensure_future(turn.finish())
                await asyncio.sleep(0.2)

            asyncio.run(main())
            """
        )
        self.assert_idle()

    def test_a_child_has_a_life_of_its_own(self) -> None:
        said, _ = self.run_story(
            """
            nexus = Nexus.connect(url, directory=directory)
            chat = nexus.conversation()
            turn = chat.prompt("Slow words")
            next(turn)
            child = os.fork()
            if child == 0:
                try:
                    next(turn)
                except RuntimeError as error:
                    print("old:", error, flush=True)
                try:
                    nexus.sessions()
                except RuntimeError as error:
                    print("old:", error, flush=True)
                del turn, chat, nexus
                with Nexus.connect(url, directory=directory) as nexus:
                    print("new:", nexus.conversation().prompt("In the child").text(), flush=True)
                sys.exit(0)
            status = os.waitpid(child, 0)[1]
            print("status:", status)
            print("outcome:", turn.finish().kind)
            print("parent:", chat.prompt("In the parent").text())
            """
        )
        lines = said.splitlines()
        self.assertGreaterEqual(sum("os.fork()" in line for line in lines), 1, said)
        self.assertIn("new: Echo: In the child", lines)
        self.assertIn("status: 0", lines)
        self.assertIn("outcome: completed", lines)
        self.assertIn("parent: Echo: In the parent", lines)

    def test_forks_at_any_moment_do_not_hang(self) -> None:
        said, _ = self.run_story(
            """
            import logging, warnings
            warnings.simplefilter("ignore")
            logging.getLogger("opencode_nexus").setLevel(5)
            logging.getLogger("opencode_nexus").addHandler(logging.NullHandler())
            nexus = Nexus.connect(url, directory=directory)
            stop = threading.Event()

            def talk():
                while not stop.is_set():
                    nexus.conversation(permissions="deny").prompt("Say it").text()

            threads = [threading.Thread(target=talk) for _ in range(4)]
            for thread in threads:
                thread.start()
            for number in range(25):
                child = os.fork()
                if child == 0:
                    signal.alarm(20)
                    with Nexus.connect(url, directory=directory) as other:
                        other.sessions()
                    os._exit(7)
                assert os.waitpid(child, 0)[1] == 7 << 8, number
                time.sleep(0.01)
            stop.set()
            for thread in threads:
                thread.join()
            print("done")
            """
        )
        self.assertEqual(said, "done\n")

    def test_a_pool_of_processes(self) -> None:
        said, _ = self.run_story(
            """
            import multiprocessing

            def talk(number):
                with Nexus.connect(url, directory=directory) as nexus:
                    return nexus.conversation().prompt(f"Number {number}").text()

            nexus = Nexus.connect(url, directory=directory)
            nexus.sessions()
            with multiprocessing.get_context("fork").Pool(3) as pool:
                print(pool.map(talk, range(6)))
            """
        )
        self.assertEqual(said.strip(), str([f"Echo: Number {number}" for number in range(6)]))

    def test_a_subinterpreter_is_told_the_truth(self) -> None:
        said, _ = self.run_story(
            """
            import warnings
            warnings.simplefilter("ignore")
            import _xxsubinterpreters as interpreters
            Nexus.connect(url, directory=directory).close()
            other = interpreters.create()
            code = f"import sys; sys.path[:] = {sys.path!r}; from opencode_nexus import Nexus"
            try:
                interpreters.run_string(other, code)
            except interpreters.RunFailedError as error:
                print("refused:", error)
            """
        )
        self.assertIn("refused:", said)
        self.assertIn("subinterpreter", said)


class LocalServers(unittest.TestCase):
    """Servers that this package starts itself."""

    def processes(self, mark: str) -> list[int]:
        """Those that have a mark in their environment."""
        found: list[int] = []
        for name in os.listdir("/proc"):
            try:
                with open(f"/proc/{name}/environ", "rb") as environ:
                    if mark.encode() in environ.read():
                        found.append(int(name))
            except (OSError, ValueError):
                continue
        return found

    def story(self, code: str, kill: bool = False) -> str:
        """Starts a server in a program of its own, and looks for what is left of it."""
        binary = self.binary()
        with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as project:
            mark = f"NEXUS_TEST_MARK={os.path.basename(home)}"
            environment = {
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
                "HOME": home,
                "OPENCODE_DISABLE_AUTOUPDATE": "1",
                "NEXUS_OPENCODE_BIN": binary,
                "NEXUS_TEST_MARK": os.path.basename(home),
            }
            program = BEGIN.replace("url, directory = sys.argv[1:3]", f"directory = {project!r}")
            process = subprocess.Popen(
                [sys.executable, "-c", program + textwrap.dedent(code)],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            assert process.stdout is not None
            first = process.stdout.readline()
            if kill:
                process.kill()
            said, errors = process.communicate(timeout=90)
            self.assertTrue(first, errors)
            left: list[int] = []
            for _ in range(300):
                left = self.processes(mark)
                if not left:
                    break
                time.sleep(0.1)
            self.assertEqual(left, [], f"{first}{said}\n{errors}")
            return first + said

    def binary(self) -> str:
        """The OpenCode that the test server has installed and runs."""
        server = Server()
        try:
            return os.readlink(f"/proc/{server.pid}/exe")
        finally:
            server.stop()

    def test_a_server_ends_with_its_block(self) -> None:
        said = self.story(
            """
            with Nexus.local(directory, start=True) as nexus:
                print(nexus.has_started, nexus.server.started, flush=True)
                print(len(nexus.sessions()))
            """
        )
        self.assertEqual(said.split(), ["True", "True", "0"])

    def test_a_server_ends_with_the_program_that_forgets_it(self) -> None:
        self.story("nexus = Nexus.local(directory)\nprint(nexus.has_started, flush=True)")

    def test_a_server_ends_with_a_program_that_is_killed(self) -> None:
        self.story("nexus = Nexus.local(directory)\nprint(1, flush=True)\ntime.sleep(60)", kill=True)

    def test_a_child_does_not_end_the_server_of_its_parent(self) -> None:
        said = self.story(
            """
            nexus = Nexus.local(directory)
            child = os.fork()
            if child == 0:
                del nexus
                sys.exit(0)
            os.waitpid(child, 0)
            print(len(nexus.sessions()), flush=True)
            nexus.close()
            """
        )
        self.assertEqual(said, "0\n")

    def test_none_is_started_when_none_may_be(self) -> None:
        said = self.story(
            """
            try:
                Nexus.local(directory, start=False)
            except NexusError as error:
                print(error.code, flush=True)
            """
        )
        self.assertEqual(said, "system.unreachable\n")
