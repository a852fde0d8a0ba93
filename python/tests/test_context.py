"""Context that is written in Python goes along with a prompt."""

from __future__ import annotations

import asyncio
import threading
from typing import Any, Optional

from opencode_nexus import AsyncNexus, Nexus, NexusError
from servers import ServerTest


class Docs:
    """The documents of this house."""

    argument = "page"

    def provide(self, argument: Optional[str]) -> list[dict[str, object]]:
        return [{"title": f"Page {argument}", "text": f"Doors open at nine. ({argument})", "foreign": False}]

    def suggest(self, typed: str) -> list[str]:
        return [name for name in ("install", "use") if name.startswith(typed)]


class Context(ServerTest):
    def everything(self, nexus: Nexus, session: str) -> str:
        return str([message.to_dict() for message in nexus.messages(session)])

    def test_functions_objects_and_coroutines_give_context(self) -> None:
        async def weather(_: Optional[str]) -> str:
            await asyncio.sleep(0.01)
            return "It rains."

        providers: dict[str, Any] = {"docs": Docs(), "weather": weather, "note": lambda argument: ["One.", {"text": f"Two {argument}."}]}
        with Nexus.connect(self.server.url, directory=self.server.directory, providers=providers) as nexus:
            chat = nexus.conversation()
            chat.prompt("Say it", context=["docs:install", "@weather", "note:x"]).finish()
            sent = self.everything(nexus, chat.session_id)
        for text in ("Doors open at nine. (install)", "It rains.", "One.", "Two x."):
            self.assertIn(text, sent)

    def test_context_of_the_core_goes_along_too(self) -> None:
        chat = self.nexus.conversation()
        chat.prompt("Say it", context=["hello.txt", "git-log"]).finish()
        sent = self.everything(self.nexus, chat.session_id)
        self.assertIn("hello.txt", sent)
        self.assertIn("Say hello", sent)

    def test_a_provider_that_fails_says_why_and_nothing_is_sent(self) -> None:
        def fail(_: Optional[str]) -> str:
            raise LookupError("the shelf is empty")

        with Nexus.connect(self.server.url, directory=self.server.directory, providers={"shelf": fail}) as nexus:
            chat = nexus.conversation()
            with self.assertRaisesRegex(NexusError, "the shelf is empty"):
                chat.prompt("Say it", context=["shelf"])
            self.assertEqual(chat.read_messages(), [])

    def test_what_is_no_context_names_the_provider(self) -> None:
        with Nexus.connect(self.server.url, directory=self.server.directory) as nexus:
            nexus.provide("odd", lambda _: [7])  # type: ignore[list-item]
            with self.assertRaisesRegex(NexusError, "@odd"):
                nexus.conversation().prompt("Say it", context=["odd"])

    def test_a_provider_comes_and_goes(self) -> None:
        with Nexus.connect(self.server.url, directory=self.server.directory) as nexus:
            chat = nexus.conversation()
            nexus.provide("note", lambda _: "One.")
            nexus.provide("note", lambda _: "Two.")
            chat.prompt("Say it", context=["note"]).finish()
            self.assertIn("Two.", self.everything(nexus, chat.session_id))
            nexus.withdraw("note")
            with self.assertRaises(NexusError):
                chat.prompt("Say it", context=["note:x"])
            with self.assertRaises(KeyError):
                nexus.withdraw("note")

    def test_a_provider_may_use_the_package_itself(self) -> None:
        with Nexus.connect(self.server.url, directory=self.server.directory) as nexus:
            nexus.provide("titles", lambda _: [session.title for session in nexus.sessions()] or "none")
            self.assertTrue(nexus.conversation().prompt("Say it", context=["titles"]).finish().is_completed)

    def test_threads_end_with_their_connection(self) -> None:
        before = {thread.ident for thread in threading.enumerate()}
        for _ in range(5):
            with Nexus.connect(self.server.url, directory=self.server.directory, providers={"docs": Docs()}):
                pass
        for thread in threading.enumerate():
            if thread.ident not in before and thread.name == "opencode-nexus-context":
                thread.join(5)
                self.assertFalse(thread.is_alive())

    def test_asyncio(self) -> None:
        async def story() -> str:
            async with AsyncNexus.connect(
                self.server.url, directory=self.server.directory, providers={"docs": Docs()}
            ) as nexus:
                chat = await nexus.conversation()
                await chat.prompt("Say it", context=["docs:use"]).finish()
                return str([message.to_dict() for message in await nexus.messages(chat.session_id)])

        self.assertIn("Doors open at nine. (use)", asyncio.run(story()))
