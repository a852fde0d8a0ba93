"""A turn ends early: by leaving it, by stopping it, by its deadline, by cancelling a task. The agent stops each time."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import unittest

from opencode_nexus import AsyncConversation, AsyncNexus, NexusError
from servers import ServerTest


class Ending(ServerTest):
    def assert_idle(self, session: str) -> None:
        """The agent has stopped."""
        for _ in range(400):
            if session not in self.nexus.running():
                return
            time.sleep(0.05)
        self.fail("the agent still runs")

    def test_breaking_out_of_the_loop_stops_the_agent(self) -> None:
        chat = self.nexus.conversation()
        for event in chat.prompt("Hang on"):
            if event.type == "text" and "begin" in event.delta:
                break
        self.assert_idle(chat.session_id)

    def test_an_exception_in_the_loop_stops_the_agent(self) -> None:
        chat = self.nexus.conversation()
        with self.assertRaises(ZeroDivisionError):
            for event in chat.prompt("Hang on"):
                if event.type == "text" and "begin" in event.delta:
                    raise ZeroDivisionError
        gc.collect()
        self.assert_idle(chat.session_id)

    def test_leaving_the_block_stops_the_agent(self) -> None:
        chat = self.nexus.conversation()
        with chat.prompt("Hang on") as turn:
            next(turn)
        self.assert_idle(chat.session_id)

    def test_a_detached_turn_goes_on(self) -> None:
        chat = self.nexus.conversation()
        turn = chat.prompt("Slow words")
        turn.detach()
        del turn
        time.sleep(0.5)
        self.assertIn(chat.session_id, self.nexus.running())
        chat.abort()
        self.assert_idle(chat.session_id)

    def test_another_thread_aborts(self) -> None:
        chat = self.nexus.conversation()
        turn = chat.prompt("Hang on")
        threading.Timer(0.3, turn.abort).start()
        self.assertEqual(turn.finish().kind, "aborted")
        self.assert_idle(chat.session_id)

    def test_a_deadline_stops_the_agent(self) -> None:
        chat = self.nexus.conversation()
        with self.assertRaises(NexusError) as raised:
            chat.prompt("Hang on", deadline=0.5).finish()
        self.assertEqual(raised.exception.code, "system.timeout")
        self.assertIsInstance(raised.exception, TimeoutError)
        self.assert_idle(chat.session_id)

    def test_a_conversation_is_stopped_as_a_whole(self) -> None:
        chat = self.nexus.conversation()
        turn = chat.prompt("Hang on")
        threading.Timer(0.3, chat.abort).start()
        self.assertEqual(turn.finish().kind, "aborted")

    def test_a_turn_is_used_after_its_end(self) -> None:
        chat = self.nexus.conversation()
        turn = chat.prompt("Say it")
        turn.finish()
        self.assertEqual(list(turn), [])
        turn.abort()
        turn.close()
        turn.detach()

    def test_a_closed_conversation_stops_its_turn_and_ends_its_events(self) -> None:
        with self.nexus.conversation() as chat:
            session, feed, turn = chat.session_id, chat.events(), chat.prompt("Hang on")
            while "begin" not in turn.answer:
                next(turn)
            self.assertEqual((chat.status.type, chat.sessions), ("busy", [session]))
        self.assertNotEqual(list(feed), [])
        self.assert_idle(session)
        chat.close()
        with self.assertRaises(NexusError) as raised:
            chat.messages
        self.assertEqual(raised.exception.code, "user.aborted")
        again = self.nexus.conversation(session)
        self.assertEqual(again.prompt("Say it").text(), "Echo: Say it")

    def test_what_was_closed_says_so(self) -> None:
        from opencode_nexus import Nexus

        nexus = Nexus.connect(self.server.url, directory=self.server.directory)
        chat = nexus.conversation()
        nexus.close()
        nexus.close()
        for use in (nexus.sessions, nexus.conversation, lambda: chat.prompt("x"), chat.abort):
            with self.assertRaises(NexusError) as raised:
                use()
            self.assertEqual(raised.exception.code, "user.aborted")


class AsyncEnding(ServerTest, unittest.IsolatedAsyncioTestCase):
    async def idle(self, nexus: AsyncNexus, session: str) -> bool:
        for _ in range(400):
            if session not in await nexus.running():
                return True
            await asyncio.sleep(0.05)
        return False

    async def test_a_closed_conversation_stops_its_turn_and_ends_its_events(self) -> None:
        async with AsyncNexus.connect(self.server.url, directory=self.server.directory) as nexus:
            async with await nexus.conversation() as chat:
                session, feed, turn = chat.session_id, chat.events(), await chat.prompt("Hang on")
                while "begin" not in turn.answer:
                    await turn.__anext__()
            self.assertNotEqual([event async for event in feed], [])
            self.assertTrue(await self.idle(nexus, session))
            with self.assertRaises(NexusError):
                await chat.abort()

    async def test_a_stopped_turn_has_no_text(self) -> None:
        async with AsyncNexus.connect(self.server.url, directory=self.server.directory) as nexus:
            chat = await nexus.conversation()
            turn = await chat.prompt("Hang on")
            while "begin" not in turn.answer:
                await turn.__anext__()
            await turn.abort()
            with self.assertRaises(NexusError) as raised:
                await turn.text()
            self.assertEqual((raised.exception.code, "begin" in turn.answer), ("user.aborted", True))

    async def test_cancelling_a_task_stops_the_agent(self) -> None:
        async with AsyncNexus.connect(self.server.url, directory=self.server.directory) as nexus:
            chat = await nexus.conversation()
            begun = asyncio.Event()

            async def read() -> None:
                async for event in chat.prompt("Hang on"):
                    if event.type == "text" and "begin" in event.delta:
                        begun.set()

            task = asyncio.ensure_future(read())
            await asyncio.wait_for(begun.wait(), 30)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            self.assertTrue(await self.idle(nexus, chat.session_id))

    async def test_cancelling_while_a_prompt_is_sent_leaves_nothing_running(self) -> None:
        async with AsyncNexus.connect(self.server.url, directory=self.server.directory) as nexus:
            chats = [await nexus.conversation() for _ in range(5)]
            for number, chat in enumerate(chats):
                task = asyncio.ensure_future(chat.prompt("Hang on").finish())
                await asyncio.sleep(0.002 * number)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            await asyncio.sleep(0.5)
            for chat in chats:
                self.assertTrue(await self.idle(nexus, chat.session_id))

    async def test_a_task_that_is_kept_keeps_no_turn(self) -> None:
        async with AsyncNexus.connect(self.server.url, directory=self.server.directory) as nexus:

            async def read(chat: AsyncConversation, begun: asyncio.Event) -> None:
                async for event in chat.prompt("Hang on"):
                    if event.type == "text" and "begin" in event.delta:
                        begun.set()

            kept: list[asyncio.Future[None]] = []
            for _ in range(3):
                chat, begun = await nexus.conversation(), asyncio.Event()
                kept.append(asyncio.ensure_future(read(chat, begun)))
                await asyncio.wait_for(begun.wait(), 30)
                kept[-1].cancel()
                await asyncio.gather(kept[-1], return_exceptions=True)
                self.assertTrue(await self.idle(nexus, chat.session_id))
            self.assertEqual(len(kept), 3)

    async def test_breaking_out_of_the_loop_stops_the_agent(self) -> None:
        async with AsyncNexus.connect(self.server.url, directory=self.server.directory) as nexus:
            chat = await nexus.conversation()
            async for event in chat.prompt("Hang on"):
                if event.type == "text" and "begin" in event.delta:
                    break
            self.assertTrue(await self.idle(nexus, chat.session_id))

    async def test_another_task_aborts(self) -> None:
        async with AsyncNexus.connect(self.server.url, directory=self.server.directory) as nexus:
            chat = await nexus.conversation()
            turn = await chat.prompt("Hang on")
            asyncio.get_running_loop().call_later(0.3, lambda: asyncio.ensure_future(turn.abort()))
            self.assertEqual((await turn.finish()).kind, "aborted")

    async def test_a_time_limit_of_asyncio_stops_the_agent(self) -> None:
        async with AsyncNexus.connect(self.server.url, directory=self.server.directory) as nexus:
            chat = await nexus.conversation()
            with self.assertRaises(asyncio.TimeoutError):
                await asyncio.wait_for(chat.prompt("Hang on").finish(), 0.5)
            self.assertTrue(await self.idle(nexus, chat.session_id))

    async def test_a_hundred_conversations_at_once(self) -> None:
        async with AsyncNexus.connect(self.server.url, directory=self.server.directory) as nexus:

            async def talk(number: int) -> str:
                chat = await nexus.conversation(permissions="deny")
                return await chat.prompt(f"Number {number}").text()

            said = await asyncio.gather(*(talk(number) for number in range(100)))
            self.assertEqual(said, [f"Echo: Number {number}" for number in range(100)])


class Threads(ServerTest):
    def test_thirty_threads_talk_at_once(self) -> None:
        said: dict[int, str] = {}

        def talk(number: int) -> None:
            said[number] = self.nexus.conversation(permissions="deny").prompt(f"Number {number}").text()

        threads = [threading.Thread(target=talk, args=(number,)) for number in range(30)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        self.assertEqual(said, {number: f"Echo: Number {number}" for number in range(30)})
