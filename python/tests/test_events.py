"""The events of a server in its own words."""

from __future__ import annotations

import asyncio
import json
import threading
import unittest

from opencode_nexus import AsyncNexus, Event, Nexus
from servers import Server, ServerTest


class Events(ServerTest):
    def test_events_are_those_of_the_server(self) -> None:
        chat = self.nexus.conversation()
        with self.nexus.events() as events:
            chat.prompt("Say it").detach()
            seen: list[Event] = []
            for event in events:
                seen.append(event)
                if event.type == "session.idle" and event.properties.get("sessionID") == chat.session_id:
                    break
        deltas = ""
        for event in seen:
            self.assertEqual(json.loads(event.json), event.data)
            self.assertEqual(event.data["type"], event.type)
            self.assertIs(event.data, event.data, "decoded once")
            if event.type == "message.part.delta":
                deltas += event.properties["delta"]
        self.assertIn("Echo: Say it", deltas)
        self.assertTrue(repr(seen[0]).startswith(f"<Event {seen[0].type}: "))

    def test_types_are_the_same_object(self) -> None:
        with self.nexus.events() as events:
            self.nexus.conversation().prompt("Long text").detach()
            kinds: dict[str, int] = {}
            for event in events:
                kinds.setdefault(event.type, id(event.type))
                self.assertEqual(kinds[event.type], id(event.type))
                if event.type == "session.idle":
                    break

    def test_two_streams_tell_the_same(self) -> None:
        told: list[list[str]] = [[], []]
        streams = [self.nexus.events(), self.nexus.events()]
        chat = self.nexus.conversation()

        def read(number: int) -> None:
            for event in streams[number]:
                told[number].append(str(event.data.get("id")))
                if event.type == "session.idle" and event.properties.get("sessionID") == chat.session_id:
                    return

        threads = [threading.Thread(target=read, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        chat.prompt("Long text").finish()
        for thread in threads:
            thread.join(30)
        last = [[name for name in names if name != "None"] for names in told]
        self.assertEqual(last[0][-50:], last[1][-50:])

    def test_a_lost_connection_is_told(self) -> None:
        server = Server()
        with Nexus.connect(server.url, directory=server.directory) as nexus:
            events = nexus.events()
            server.stop()
            for event in events:
                if event.type == "nexus.disconnected":
                    self.assertTrue(event.properties["reason"])
                    break
            events.close()

    def test_an_event_can_be_made_for_tests(self) -> None:
        event = Event('{"type": "a.b", "properties": {"x": 1}}')
        self.assertEqual((event.type, event.properties), ("a.b", {"x": 1}))
        self.assertEqual(Event('{"type": "a.b", "data": {"x": 1}}').properties, {"x": 1})
        self.assertEqual(Event('{"type": "a.b"}').properties, {})


class AsyncEvents(ServerTest, unittest.IsolatedAsyncioTestCase):
    async def test_events_are_those_of_the_server(self) -> None:
        async with AsyncNexus.connect(self.server.url, directory=self.server.directory) as nexus:
            chat = await nexus.conversation()
            deltas = ""
            async with nexus.events() as events:
                await (await chat.prompt("Say it")).detach()
                async for event in events:
                    if event.type == "message.part.delta":
                        deltas += event.properties["delta"]
                    if event.type == "session.idle" and event.properties.get("sessionID") == chat.session_id:
                        break
            self.assertIn("Echo: Say it", deltas)

    async def test_a_reader_that_gives_up_again_and_again_loses_nothing(self) -> None:
        async with AsyncNexus.connect(self.server.url, directory=self.server.directory) as nexus:
            chat = await nexus.conversation()
            events, given_up, deltas = await nexus.events(), 0, ""
            await (await chat.prompt("Slow words")).detach()
            while True:
                try:
                    event = await asyncio.wait_for(events.__anext__(), 0.002)
                except asyncio.TimeoutError:
                    given_up += 1
                    continue
                if event.type == "message.part.delta" and event.properties["sessionID"] == chat.session_id:
                    deltas += event.properties["delta"]
                if event.type == "session.idle" and event.properties.get("sessionID") == chat.session_id:
                    break
            events.close()
            self.assertGreater(given_up, 10)
            answer = (await chat.read_messages())[-1]
            self.assertEqual(deltas, answer.text)
