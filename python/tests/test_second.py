"""OpenCode 2 gives the same conversations."""

from __future__ import annotations

import os
import unittest

from opencode_nexus import Nexus, errors
from servers import Server


class Second(unittest.TestCase):
    server: Server

    @classmethod
    def setUpClass(cls) -> None:
        version = os.environ.get("NEXUS_TEST_SECOND")
        if not version:
            raise RuntimeError("NEXUS_TEST_SECOND is not set; run the tests by `cargo xtask python`")
        cls.server = Server(version=version)
        cls.addClassCleanup(cls.server.stop)

    def test_a_turn_tells_what_the_server_has_and_operations_have_their_names(self) -> None:
        with Nexus.connect(self.server.url, directory=self.server.directory) as nexus:
            self.assertEqual(nexus.server.line, "v2")
            chat = nexus.conversation(title="Second")
            self.assertEqual(chat.prompt("Hello").text(), "Echo: Hello")
            self.assertEqual([m.text for m in chat.messages], [m.text for m in chat.read_messages()])
            self.assertIn(chat.session_id, str(nexus.api.v2.session_list()))
            with self.assertRaises(errors.UnsupportedError):
                nexus.api.session_list()
            with self.assertRaises(errors.UnsupportedError):
                chat.share()

    def test_raw_events_have_properties(self) -> None:
        with Nexus.connect(self.server.url, directory=self.server.directory) as nexus, nexus.events() as events:
            nexus.conversation().prompt("Hello").detach()
            for event in events:
                if event.type.startswith("session.") and event.properties.get("sessionID"):
                    return

    def test_the_stream_of_an_operation_is_read_to_its_end(self) -> None:
        with Nexus.connect(self.server.url, directory=self.server.directory) as nexus:
            chat = nexus.conversation()
            chat.prompt("Hello").finish()
            log = [event["type"] for event in nexus.api.v2.session_log(chat.session_id)]
            self.assertEqual(log[-1], "log.synced")
            with self.assertRaises(errors.UnsupportedError):
                nexus.api.event_subscribe()

    def test_a_wrong_password_is_an_unauthorized_error(self) -> None:
        address = self.server.url.split("@")[-1]
        with self.assertRaises(errors.UnauthorizedError):
            Nexus.connect(f"http://{address}", directory=self.server.directory, password="wrong")
