"""The encrypted history: kept while one talks, found without a server."""

from __future__ import annotations

import os
import tempfile
import unittest

from opencode_nexus import AsyncNexus, Nexus, NexusError, accounts, errors
from servers import ServerTest

PASSPHRASE = "a passphrase for tests only"


class History(ServerTest, unittest.IsolatedAsyncioTestCase):
    account: str

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.account = f"test-{os.getpid()}"
        made = accounts.create(cls.account, passphrase=PASSPHRASE)
        assert made.recovery_key and made.recovery_key not in repr(made)

    def open(self) -> Nexus:
        return Nexus.connect(
            self.server.url,
            directory=self.server.directory,
            keep="on",
            account=self.account,
            passphrase=PASSPHRASE,
        )

    def test_what_is_said_is_found(self) -> None:
        with self.open() as nexus:
            self.assertEqual(nexus.server.kept, "on")
            chat = nexus.conversation()
            chat.prompt("Where is the hippopotamus?").finish()
            chat.flush_history()
            history = nexus.history
            found = history.search("hippopotamus", role="user")
            self.assertEqual([hit.message.text for hit in found.messages], ["Where is the hippopotamus?"])
            self.assertIn("hippopotamus", str(found.messages[0].snippet))
            self.assertEqual(found.messages[0].session.session.id, chat.session_id)
            self.assertIn(chat.session_id, [stored.session.id for stored in history.sessions()])
            stored = history.conversation(chat.session_id)
            self.assertEqual([m.text for m in stored.messages], [m.text for m in chat.messages])
            self.assertEqual(history.check().problems, [])
            self.assertGreaterEqual(history.status().usage["groups"] if "groups" in history.status().usage else 1, 1)
            self.assertGreaterEqual(history.sync().sessions, 1)
            with tempfile.TemporaryDirectory() as folder:
                file = os.path.join(folder, "all.jsonl")
                self.assertGreaterEqual(history.export(file, sessions=[chat.session_id]).messages, 2)
                self.assertEqual(history.import_file(file, dry_run=True).unchanged, 1)
                markdown = os.path.join(folder, "all.md")
                history.export(markdown, format="markdown", sessions=[chat.session_id])
                with open(markdown, encoding="utf-8") as text:
                    self.assertIn("hippopotamus", text.read())
            self.assertEqual(history.delete(chat.session_id).sessions, [chat.session_id])
            self.assertEqual(history.search("hippopotamus").messages, [])

    def test_without_one_there_is_none(self) -> None:
        with self.assertRaises(errors.NotFoundError):
            _ = self.nexus.history

    def test_a_wrong_passphrase_opens_nothing(self) -> None:
        with self.assertRaises(errors.WrongPassphraseError):
            Nexus.connect(
                self.server.url, directory=self.server.directory, keep=True, account=self.account, passphrase="x"
            )

    def test_accounts_are_listed_and_not_made_twice(self) -> None:
        self.assertIn(self.account, [account.name for account in accounts.all()])
        with self.assertRaises(NexusError) as raised:
            accounts.create(self.account, passphrase=PASSPHRASE)
        self.assertEqual(raised.exception.code, "user.conflict")

    async def test_asyncio(self) -> None:
        async with AsyncNexus.connect(
            self.server.url,
            directory=self.server.directory,
            keep="on",
            account=self.account,
            passphrase=PASSPHRASE,
        ) as nexus:
            chat = await nexus.conversation()
            await chat.prompt("Where is the rhinoceros?").finish()
            await chat.flush_history()
            found = await nexus.history.search("rhinoceros", role="user")
            self.assertEqual(len(found.messages), 1)
