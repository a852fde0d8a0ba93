"""What the core says arrives at the logger ``opencode_nexus``, as far as its level lets it."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time

from opencode_nexus import Nexus
from servers import ServerTest

STORY = """
import logging, sys
logging.basicConfig(level=logging.DEBUG, format="%(name)s %(levelname)s %(message)s")
from opencode_nexus import Nexus
Nexus.connect(sys.argv[1])
"""


class Logging(ServerTest):
    def test_lines_of_the_core_arrive(self) -> None:
        with self.assertLogs("opencode_nexus", "DEBUG") as logs:
            with Nexus.connect(self.server.url, directory=self.server.directory) as nexus:
                nexus.conversation().prompt("Say it").finish()
            for _ in range(100):
                if any("connected" in record.getMessage() for record in logs.records):
                    break
                time.sleep(0.05)
        self.assertTrue(any("connected" in record.getMessage() for record in logs.records), logs.output)
        self.assertTrue(all(record.name.startswith("opencode_nexus") for record in logs.records))

    def test_what_the_level_does_not_let_through_is_not_even_made(self) -> None:
        seen: list[logging.LogRecord] = []

        class Handler(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                seen.append(record)

        logger, handler = logging.getLogger("opencode_nexus"), Handler()
        logger.addHandler(handler)
        logger.setLevel(logging.ERROR)
        try:
            with Nexus.connect(self.server.url, directory=self.server.directory) as nexus:
                nexus.conversation().prompt("Say it").finish()
            time.sleep(0.2)
        finally:
            logger.removeHandler(handler)
            logger.setLevel(logging.NOTSET)
        self.assertEqual([record.getMessage() for record in seen], [])

    def test_a_handler_may_use_the_package_itself(self) -> None:
        done = threading.Event()

        class Handler(logging.Handler):
            def emit(handler, record: logging.LogRecord) -> None:
                if not done.is_set():
                    done.set()
                    self.nexus.sessions()

        logger, handler = logging.getLogger("opencode_nexus"), Handler()
        logger.addHandler(handler)
        logger.setLevel(5)
        try:
            with Nexus.connect(self.server.url, directory=self.server.directory) as nexus:
                nexus.conversation().prompt("Say it").finish()
                self.assertTrue(done.wait(10))
        finally:
            logger.removeHandler(handler)
            logger.setLevel(logging.NOTSET)

    def test_the_last_lines_are_told_when_the_program_ends(self) -> None:
        ended = subprocess.run(
            [sys.executable, "-c", STORY, self.server.url], capture_output=True, text=True, timeout=60
        )
        self.assertEqual(ended.returncode, 0, ended.stderr)
        self.assertIn("opencode_nexus.client DEBUG connected", ended.stderr)
