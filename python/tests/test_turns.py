"""A prompt and its turn: what is streamed is what the server has in the end, for programs that wait and for asyncio."""

from __future__ import annotations

import asyncio
import copy
import pickle
import struct
import threading
import unittest
import zlib

from opencode_nexus import AsyncNexus, ChatEvent, Conversation, Nexus, errors, parts
from opencode_nexus.records import Message, Part
from servers import ServerTest


class Reader:
    """Folds events into texts by part, as somebody would who knows nothing else."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def read(self, event: ChatEvent) -> None:
        if event.type == "text":
            self.texts[event.part_id] = self.texts.get(event.part_id, "") + event.delta
        elif event.type == "text_replaced":
            self.texts[event.part_id] = event.text
        elif event.type == "part_removed":
            self.texts.pop(event.part_id, None)


def texts_of(messages: list[Message]) -> dict[str, str]:
    """The texts of the parts that the server has."""
    every: list[Part] = [part for message in messages for part in message.parts]
    return {part.id: part.text for part in every if part.text}


def png() -> bytes:
    """A picture of one red point."""

    def chunk(name: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)

    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    points = zlib.compress(b"\0\xff\0\0")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", points) + chunk(b"IEND", b"")


class Turns(ServerTest):
    def conversation(self) -> Conversation:
        return self.nexus.conversation(permissions="deny")

    def test_five_lines_stream_an_answer(self) -> None:
        with Nexus.connect(self.server.url, directory=self.server.directory) as nexus:
            chat = nexus.conversation(directory=self.server.directory)
            said = ""
            for event in chat.prompt("Explain src/lib.rs"):
                if event.type == "text":
                    said += event.delta
        self.assertEqual(said, "Echo: Explain src/lib.rs")

    def test_what_is_streamed_is_what_the_server_has(self) -> None:
        chat = self.conversation()
        for prompt in ("Long text, please", "Run something", "Déjà vu 🦀 \u202e"):
            reader = Reader()
            turn = chat.prompt(prompt)
            for event in turn:
                reader.read(event)
            self.assertIsNotNone(turn.outcome)
            stored = texts_of(chat.read_messages())
            for part, text in reader.texts.items():
                self.assertEqual(stored.get(part, ""), text)
            self.assertEqual(stored, texts_of(chat.messages))

    def test_text_is_the_answer_and_not_the_question(self) -> None:
        chat = self.conversation()
        self.assertEqual(chat.prompt("Say it").text(), "Echo: Say it")
        self.assertEqual([m.role for m in chat.messages], ["user", "assistant"])

    def test_an_outcome_says_how_it_ended(self) -> None:
        chat = self.conversation()
        outcome = chat.prompt("Say it").finish()
        self.assertTrue(outcome.is_completed)
        self.assertEqual(outcome.finish, "stop")
        self.assertGreater(outcome.usage.tokens.output, 0)
        failed = chat.prompt("Fail now").finish()
        self.assertEqual(failed.kind, "failed")
        assert failed.error is not None
        self.assertTrue(failed.error.name)
        with self.assertRaises(errors.ProviderError) as raised:
            chat.prompt("Fail again").text()
        self.assertIn(failed.error.name, str(raised.exception))

    def test_a_prompt_has_parts(self) -> None:
        chat = self.conversation()
        pixel = png()
        prompt: list[str | parts.Piece] = ["Look", parts.file(f"{self.server.directory}/hello.txt"), parts.image(pixel, "image/png"), parts.context("aside")]
        self.assertTrue(chat.prompt(prompt).finish().is_completed)
        kinds = [part.type for part in chat.messages[0].parts]
        self.assertIn("file", kinds)

    def test_a_message_alone_runs_no_turn(self) -> None:
        chat = self.conversation()
        chat.prompt("Only a note", no_reply=True).finish()
        self.assertEqual([m.role for m in chat.messages], ["user"])

    def test_shell_and_summary_are_turns(self) -> None:
        chat = self.conversation()
        chat.prompt("Begin").finish()
        chat.shell("echo from-the-shell").finish()
        tools = [part.tool for message in chat.messages for part in message.parts if part.tool]
        self.assertTrue(any("from-the-shell" in (tool.output or "") for tool in tools), tools)
        chat.summarize().finish()

    def test_a_session_is_renamed_forked_taken_back_and_deleted(self) -> None:
        chat = self.nexus.conversation(title="One")
        chat.prompt("First").finish()
        chat.prompt("Second").finish()
        self.assertEqual(chat.rename("Another").title, "Another")
        fork = chat.fork()
        self.assertEqual([m.text for m in fork.messages], [m.text for m in chat.messages])
        second = chat.messages[2]
        self.assertEqual(second.text, "Second")
        reverted = chat.revert(second)
        assert reverted.revert is not None
        self.assertEqual(reverted.revert.message_id, second.id)
        self.assertIsNone(chat.unrevert().revert)
        self.assertIn(chat.session_id, [session.id for session in self.nexus.sessions()])
        self.assertEqual(self.nexus.conversation(chat.session_id).messages[0].text, "First")
        chat.delete()
        self.assertNotIn(chat.session_id, [session.id for session in self.nexus.sessions()])
        self.assertEqual(fork.diff(), [])
        self.assertEqual(fork.todos(), [])
        self.assertEqual(fork.children(), [])

    def test_a_feed_tells_what_others_do(self) -> None:
        chat = self.conversation()
        feed, heard = chat.events(), list[str]()

        def read() -> None:
            for event in feed:
                heard.append(event.type)
                if event.type == "turn_ended":
                    return

        thread = threading.Thread(target=read)
        thread.start()
        chat.prompt("Say it").finish()
        thread.join(30)
        self.assertFalse(thread.is_alive())
        self.assertIn("text", heard)

    def test_a_record_is_copied_pickled_and_shown(self) -> None:
        chat = self.conversation()
        chat.prompt("<script>alert(1)</script>").finish()
        message = chat.messages[0]
        self.assertEqual(pickle.loads(pickle.dumps(message)), message)
        self.assertEqual(copy.deepcopy(message), message)
        self.assertNotIn("<script>", message._repr_html_())
        self.assertIn("role='user'", repr(message))
        self.assertEqual(message["role"], "user")
        with self.assertRaises(AttributeError):
            getattr(message, "smell")


class AsyncTurns(ServerTest, unittest.IsolatedAsyncioTestCase):
    async def test_five_lines_stream_an_answer(self) -> None:
        async with AsyncNexus.connect(self.server.url, directory=self.server.directory) as nexus:
            chat = await nexus.conversation(directory=self.server.directory)
            said = ""
            async for event in chat.prompt("Explain src/lib.rs"):
                if event.type == "text":
                    said += event.delta
        self.assertEqual(said, "Echo: Explain src/lib.rs")

    async def test_what_is_streamed_is_what_the_server_has(self) -> None:
        async with AsyncNexus.connect(self.server.url, directory=self.server.directory) as nexus:
            chat = await nexus.conversation(permissions="deny")
            for prompt in ("Long text, please", "Run something"):
                reader = Reader()
                async for event in chat.prompt(prompt):
                    reader.read(event)
                stored = texts_of(await chat.read_messages())
                for part, text in reader.texts.items():
                    self.assertEqual(stored.get(part, ""), text)
                self.assertEqual(stored, texts_of(chat.messages))

    async def test_a_reader_that_gives_up_again_and_again_loses_nothing(self) -> None:
        async with AsyncNexus.connect(self.server.url, directory=self.server.directory) as nexus:
            chat = await nexus.conversation()
            turn, reader = chat.prompt("Slow words"), Reader()
            given_up = 0
            while True:
                try:
                    reader.read(await asyncio.wait_for(turn.__anext__(), 0.003))
                except asyncio.TimeoutError:
                    given_up += 1
                except StopAsyncIteration:
                    break
            self.assertGreater(given_up, 10)
            stored = texts_of(await chat.read_messages())
            self.assertEqual(reader.texts, {part: stored[part] for part in reader.texts})
            self.assertTrue(any(text.count(" ") > 100 for text in reader.texts.values()))

    async def test_a_turn_begins_when_it_is_awaited(self) -> None:
        async with AsyncNexus.connect(self.server.url, directory=self.server.directory) as nexus:
            chat = await nexus.conversation()
            turn = await chat.prompt("Say it")
            self.assertTrue(turn.message_id)
            self.assertEqual(await turn.text(), "Echo: Say it")
            with self.assertWarns(RuntimeWarning):
                chat.prompt("Never sent")
            self.assertEqual(len(await chat.read_messages()), 2)

    async def test_a_loop_that_cannot_watch_a_pipe_is_woken_by_a_thread(self) -> None:
        def talk() -> str:
            class Loop(asyncio.SelectorEventLoop):
                def add_reader(self, *_: object) -> None:
                    raise NotImplementedError

            async def story() -> str:
                async with AsyncNexus.connect(self.server.url, directory=self.server.directory) as nexus:
                    chat = await nexus.conversation()
                    return await chat.prompt("Say it").text()

            runner = Loop()
            try:
                return runner.run_until_complete(story())
            finally:
                runner.close()

        self.assertEqual(await asyncio.to_thread(talk), "Echo: Say it")
