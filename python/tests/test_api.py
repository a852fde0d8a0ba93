"""Every operation of a server by its name, as generated."""

from __future__ import annotations

import unittest

from opencode_nexus import AsyncNexus, NexusError
from servers import ServerTest


class Api(ServerTest):
    def test_operations_answer_what_the_server_says(self) -> None:
        api = self.nexus.api
        made = api.session_create(title="By name")
        self.assertEqual(api.session_get(made["id"])["title"], "By name")
        self.assertIn(made["id"], [session["id"] for session in api.session_list()])
        self.assertEqual(api.session_messages(made["id"]), [])
        self.assertTrue(api.session_delete(made["id"]))
        self.assertTrue(api.global_health()["healthy"])
        self.assertIs(self.nexus.api, api)

    def test_an_operation_is_called_by_its_identifier(self) -> None:
        made = self.nexus.call("v1", "session.create", {"body": {"title": "By identifier"}})
        self.assertEqual(self.nexus.call("v1", "session.get", {"sessionID": made["id"]})["title"], "By identifier")
        self.assertTrue(self.nexus.call("v1", "global.health")["healthy"])
        for wrong, names in ((("v3", "x"), "line"), (("v1", "no.such"), "no.such"), (("v1", "x", [1]), "given")):
            with self.assertRaises((ValueError, TypeError, NexusError)) as raised:
                self.nexus.call(*wrong)
            self.assertIn(names, str(raised.exception))

    def test_the_other_line_is_refused(self) -> None:
        with self.assertRaises(NexusError) as raised:
            self.nexus.api.v2.session_list()
        self.assertEqual(raised.exception.code, "user.unsupported")

    def test_what_is_not_there(self) -> None:
        with self.assertRaises(NexusError) as raised:
            self.nexus.api.session_get("ses_nothing")
        self.assertEqual(raised.exception.code, "user.not_found")

    def test_a_stream_of_events(self) -> None:
        for event in self.nexus.api.event_subscribe():
            self.assertIn("type", event)
            break


class AsyncApi(ServerTest, unittest.IsolatedAsyncioTestCase):
    async def test_operations_answer_what_the_server_says(self) -> None:
        async with AsyncNexus.connect(self.server.url, directory=self.server.directory) as nexus:
            made = await nexus.api.session_create(title="By name")
            self.assertEqual((await nexus.api.session_get(made["id"]))["title"], "By name")
            self.assertTrue(await nexus.api.session_delete(made["id"]))
            async for event in nexus.api.event_subscribe():
                self.assertIn("type", event)
                break


class Server(ServerTest):
    def test_what_a_server_offers(self) -> None:
        self.assertIn("build", [agent.name for agent in self.nexus.agents()])
        models = self.nexus.models()
        self.assertTrue(any(model.usable for model in models.models))
        self.assertIn("init", [command.name for command in self.nexus.commands()])
        self.assertIsInstance(self.nexus.configuration().effective, dict)
        server = self.nexus.server
        self.assertEqual((server.line, server.started, server.kept), ("v1", False, "off"))
        self.assertIn(server.version, repr(self.nexus))

    def test_a_configuration_is_changed(self) -> None:
        self.nexus.patch_configuration({"username": "Somebody"})
        self.assertEqual(self.nexus.configuration().changeable.get("username"), "Somebody")
        self.nexus.patch_configuration({"username": None})
        self.assertNotIn("username", self.nexus.configuration().changeable)
