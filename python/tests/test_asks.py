"""What the agent asks is answered by callbacks; whatever they do, nothing waits for ever."""

from __future__ import annotations

import asyncio
import os
import unittest
from typing import Callable

from opencode_nexus import AsyncNexus, Conversation
from opencode_nexus.records import Permission, Question
from servers import ServerTest


def answers(answer: bool | None) -> Callable[[Permission], bool | None]:
    """A callback that always says the same."""
    return lambda _: answer


class Asks(ServerTest):
    def made(self, chat: Conversation) -> str:
        """How the tool call of the last turn has ended."""
        tools = [part.tool for message in chat.messages for part in message.parts if part.tool]
        return tools[-1].status

    def test_a_callback_allows(self) -> None:
        asked: list[Permission] = []

        def allow(permission: Permission) -> str:
            asked.append(permission)
            return "once"

        chat = self.nexus.conversation(on_permission=allow)
        self.assertTrue(chat.prompt("Run it").finish().is_completed)
        self.assertEqual([permission.action for permission in asked], ["bash"])
        self.assertEqual(self.made(chat), "completed")
        self.assertTrue(os.path.exists(f"{self.server.directory}/made.txt"))

    def test_a_callback_refuses_with_a_reason(self) -> None:
        chat = self.nexus.conversation(on_permission=lambda _: {"reject": "not on a Sunday"})
        chat.prompt("Run it").finish()
        self.assertEqual(self.made(chat), "error")

    def test_truth_and_falsehood_are_answers(self) -> None:
        for answer, status in ((True, "completed"), (False, "error"), (None, "error")):
            chat = self.nexus.conversation(on_permission=answers(answer))
            chat.prompt("Run it").finish()
            self.assertEqual(self.made(chat), status)

    def test_a_callback_may_be_asynchronous_where_nothing_else_is(self) -> None:
        async def allow(_: Permission) -> str:
            await asyncio.sleep(0.01)
            return "once"

        chat = self.nexus.conversation(on_permission=allow)
        self.assertTrue(chat.prompt("Run it").finish().is_completed)
        self.assertEqual(self.made(chat), "completed")

    def test_an_exception_in_a_callback_is_raised_and_the_request_refused(self) -> None:
        class Bad(Exception):
            pass

        def fail(_: Permission) -> str:
            raise Bad("no idea")

        chat = self.nexus.conversation(on_permission=fail)
        turn = chat.prompt("Run it")
        with self.assertRaisesRegex(Bad, "no idea"):
            turn.finish()
        # The turn goes on and ends: nobody waits any more.
        self.assertIn(turn.finish().kind, ("completed", "aborted"))
        self.assertEqual(self.made(chat), "error")

    def test_an_answer_that_is_none_names_the_callback(self) -> None:
        chat = self.nexus.conversation(on_permission=lambda _: "maybe")
        with self.assertRaisesRegex(ValueError, "on_permission"):
            chat.prompt("Run it").finish()
        chat = self.nexus.conversation(on_permission=lambda _: 7)  # type: ignore[arg-type,return-value]
        with self.assertRaisesRegex(TypeError, "on_permission"):
            chat.prompt("Run it").finish()

    def test_rules_answer_before_callbacks(self) -> None:
        asked: list[Permission] = []
        chat = self.nexus.conversation(rules={"bash:echo *": "allow"}, on_permission=asked.append)
        chat.prompt("Run it").finish()
        self.assertEqual((asked, self.made(chat)), ([], "completed"))

    def test_an_event_can_be_answered_by_hand(self) -> None:
        chat = self.nexus.conversation(permissions="ask")
        with self.assertLogs("opencode_nexus", "INFO"):
            for event in chat.prompt("Run it"):
                if event.type == "permission_asked":
                    self.assertTrue(chat.reply_permission(event.permission, "once"))
                    self.assertFalse(chat.reply_permission(event.permission, "once"))
        self.assertEqual(self.made(chat), "completed")

    def test_a_question_is_answered_by_label(self) -> None:
        asked: list[Question] = []

        def choose(question: Question) -> list[str | list[str]]:
            asked.append(question)
            return ["Blue"]

        chat = self.nexus.conversation(on_question=choose)
        self.assertTrue(chat.prompt("Ask me").finish().is_completed)
        self.assertEqual([option.label for option in asked[0].items[0].options], ["Red", "Blue"])
        self.assertIn("Blue", str([part.tool for message in chat.messages for part in message.parts if part.tool]))

    def test_a_question_is_not_answered(self) -> None:
        chat = self.nexus.conversation(on_question=lambda _: None)
        self.assertIn(chat.prompt("Ask me").finish().kind, ("completed", "aborted"))

    def test_nobody_answers_in_time(self) -> None:
        chat = self.nexus.conversation(answer_within=0.2)
        with self.assertLogs("opencode_nexus", "INFO"):
            chat.prompt("Run it").finish()
        self.assertEqual(self.made(chat), "error")


class AsyncAsks(ServerTest, unittest.IsolatedAsyncioTestCase):
    async def test_callbacks_are_called_in_the_loop(self) -> None:
        loops: list[asyncio.AbstractEventLoop] = []

        async def allow(_: Permission) -> str:
            loops.append(asyncio.get_running_loop())
            await asyncio.sleep(0)
            return "once"

        async with AsyncNexus.connect(self.server.url, directory=self.server.directory) as nexus:
            chat = await nexus.conversation(on_permission=allow)
            self.assertTrue((await chat.prompt("Run it").finish()).is_completed)
            chat = await nexus.conversation(on_permission=lambda _: "once", on_question=lambda _: "Red")
            self.assertTrue((await chat.prompt("Run it").finish()).is_completed)
            self.assertTrue((await chat.prompt("Ask me").finish()).is_completed)
        self.assertEqual(loops, [asyncio.get_running_loop()])

    async def test_an_exception_in_a_callback_is_raised_and_the_request_refused(self) -> None:
        async def fail(_: Permission) -> str:
            raise LookupError("no idea")

        async with AsyncNexus.connect(self.server.url, directory=self.server.directory) as nexus:
            chat = await nexus.conversation(on_permission=fail)
            turn = chat.prompt("Run it")
            with self.assertRaisesRegex(LookupError, "no idea"):
                await turn.finish()
            self.assertIn((await turn.finish()).kind, ("completed", "aborted"))

    async def test_a_task_that_is_cancelled_while_a_callback_waits_refuses(self) -> None:
        waiting = asyncio.Event()

        async def never(_: Permission) -> str:
            waiting.set()
            await asyncio.sleep(3600)
            return "once"

        async with AsyncNexus.connect(self.server.url, directory=self.server.directory) as nexus:
            chat = await nexus.conversation(on_permission=never)
            task = asyncio.ensure_future(chat.prompt("Run it").finish())
            await asyncio.wait_for(waiting.wait(), 30)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            for _ in range(200):
                if not await nexus.running():
                    break
                await asyncio.sleep(0.05)
            self.assertEqual(await nexus.running(), [])
