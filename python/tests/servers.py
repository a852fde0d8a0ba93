"""Real OpenCode servers with a scripted model, for tests: each is started by the test kit's ``nexus-test-server``."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import tempfile
import unittest
from typing import Any, Optional

from opencode_nexus import Nexus
from opencode_nexus.records import Message

PROGRAM = os.environ.get("NEXUS_TEST_SERVER", "")

Action = dict[str, Any]


def behaviour(**conversations: list[list[Action]]) -> dict[str, Any]:
    """A model that does this: for each word with which a prompt begins, its turns. Everything else it echoes."""
    listed: list[dict[str, Any]] = [
        {"match": f"^{word}\\b", "turns": turns} for word, turns in conversations.items()
    ]
    return {"conversations": [*listed, {"match": "", "turns": [[{"text": "Echo: {{user}}"}]]}]}


TOOLS = behaviour(
    Run=[
        [{"tool": "bash", "args": {"command": "echo made > made.txt", "description": "Make a file"}}],
        [{"text": "It is done."}],
    ],
    Ask=[
        [
            {
                "tool": "question",
                "args": {
                    "questions": [
                        {
                            "question": "Which colour?",
                            "header": "Colour",
                            "options": [
                                {"label": "Red", "description": "As a rose"},
                                {"label": "Blue", "description": "As the sky"},
                            ],
                        }
                    ]
                },
            }
        ],
        [{"text": "I have heard."}],
    ],
    Hang=[[{"text": "I begin."}, {"hang": True}]],
    Slow=[[{"tokens": 400, "seed": 1, "tps": 40}]],
    Long=[[{"tokens": 3000, "seed": 2}]],
    Fail=[[{"status": 401, "body": "no"}]],
)


class Server:
    """A server that lives until ``stop``."""

    def __init__(
        self,
        model: Optional[dict[str, Any]] = None,
        permission: Optional[dict[str, str]] = None,
        version: Optional[str] = None,
    ) -> None:
        if not PROGRAM:
            raise RuntimeError("NEXUS_TEST_SERVER is not set; run the tests by `cargo xtask python`")
        with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as file:
            json.dump(TOOLS if model is None else model, file)
        self._behaviour = file.name
        asks = {"bash": "ask", "edit": "ask"} if permission is None else permission
        self._process = subprocess.Popen(
            [PROGRAM, file.name, "--permission", json.dumps(asks), *(["--version", version] if version else [])],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the test server did not start")
        said = json.loads(line)
        self.url: str = said["url"]
        self.directory: str = said["directory"]
        self.pid: int = said["pid"]

    def stop(self) -> None:
        """Ends it with everything that it has started."""
        self._process.communicate(timeout=60)
        os.unlink(self._behaviour)


_shared: Optional[Server] = None


def shared() -> Server:
    """The server that most tests use."""
    global _shared
    if _shared is None:
        _shared = Server()
        atexit.register(stop_shared)
    return _shared




def stop_shared() -> None:
    """Ends it."""
    global _shared
    if _shared is not None:
        _shared.stop()
        _shared = None


class ServerTest(unittest.TestCase):
    """A test with a connection to the shared server."""

    nexus: Nexus
    server: Server

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = shared()
        cls.nexus = Nexus.connect(cls.server.url, directory=cls.server.directory)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.nexus.close()


def texts(messages: list[Message]) -> list[tuple[str, str]]:
    """What was said, by whom."""
    return [(message.role, message.text) for message in messages]
