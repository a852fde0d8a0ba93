"""Exceptions: a class for each kind of the core, with what a program needs to know about it."""

from __future__ import annotations

import pickle
import re
import unittest
from pathlib import Path

from opencode_nexus import Nexus, NexusError, errors
from servers import ServerTest

CORE = Path(__file__).parents[2] / "sdk/src/error.rs"


class Errors(ServerTest):
    def test_every_kind_of_the_core_has_a_class(self) -> None:
        codes = set(re.findall(r'=> "((?:user|system|security|recovery)\.\w+)"', CORE.read_text()))
        self.assertGreater(len(codes), 25)
        self.assertEqual(codes, set(errors.KINDS))

    def test_classes_stand_in_groups(self) -> None:
        groups = {
            "user": errors.UserError,
            "system": errors.SystemFailure,
            "security": errors.SecurityError,
            "recovery": errors.RecoveryError,
        }
        for code, kind in errors.KINDS.items():
            self.assertTrue(issubclass(kind, groups[code.split(".")[0]]), code)
            self.assertTrue(issubclass(kind, NexusError))
            self.assertTrue(kind.__doc__)

    def test_an_error_says_what_to_do(self) -> None:
        with self.assertRaises(errors.UnreachableError) as raised:
            Nexus.connect("http://127.0.0.1:1")
        error = raised.exception
        self.assertIsInstance(error, ConnectionError)
        self.assertEqual(error.code, "system.unreachable")
        self.assertTrue(error.retryable)
        self.assertIsNone(error.retry_after)
        self.assertTrue(error.hint)
        self.assertTrue(str(error).endswith("[system.unreachable]"))
        self.assertIn("code='system.unreachable'", repr(error))
        self.assertIn("retry", error.report)

    def test_what_is_not_there(self) -> None:
        with self.assertRaises(errors.NotFoundError) as raised:
            self.nexus.messages("ses_nothing")
        self.assertFalse(raised.exception.retryable)
        self.assertIsInstance(raised.exception, LookupError)

    def test_an_error_survives_being_pickled(self) -> None:
        error = errors.from_core("system.timeout", "too late", "wait", "session.get", 2.5, "report")
        again = pickle.loads(pickle.dumps(error))
        self.assertIsInstance(again, errors.TimedOutError)
        self.assertEqual((again.code, again.hint, again.operation), ("system.timeout", "wait", "session.get"))
        self.assertEqual((again.retryable, again.retry_after, str(again)), (True, 2.5, str(error)))

    def test_a_code_of_a_newer_core_has_the_class_of_its_group(self) -> None:
        error = errors.from_core("security.smell", "it smells", None, None, None, "")
        self.assertIs(type(error), errors.SecurityError)
        self.assertEqual(str(error), "it smells [security.smell]")

    def test_a_secret_is_in_no_error(self) -> None:
        with self.assertRaises(NexusError) as raised:
            Nexus.connect("http://me:made-up-secret@127.0.0.1:1")
        error = raised.exception
        self.assertNotIn("made-up-secret", f"{error} {error!r} {error.report} {error.__dict__}")


if __name__ == "__main__":
    unittest.main()
