"""What the package offers is what ``tests/conformance/surface`` lists: a method that is added here alone fails."""

from __future__ import annotations

import inspect
import json
import unittest
from pathlib import Path
from typing import Any

import opencode_nexus
from opencode_nexus import accounts, errors

LISTED: dict[str, Any] = json.loads((Path(__file__).parents[2] / "tests/conformance/surface/names.json").read_text())


def members(kind: type) -> list[str]:
    return sorted(name for name in dir(kind) if not name.startswith("_"))


def listed(kind: str) -> list[str]:
    here = {name.split(".")[1] for name in LISTED["only"]["python"] if name.startswith(f"{kind}.")}
    return sorted({*LISTED["classes"][kind], *here})


class Surface(unittest.TestCase):
    def test_classes_have_what_is_listed(self) -> None:
        for kind in LISTED["classes"]:
            if kind == "accounts":
                continue
            with self.subTest(kind):
                name = LISTED["names"]["python"].get(kind, kind)
                self.assertEqual(members(getattr(opencode_nexus, name)), listed(kind))

    def test_functions_are_those_that_are_listed(self) -> None:
        of_module = (name for name, _ in inspect.getmembers(accounts, inspect.isfunction) if not name.startswith("_"))
        self.assertEqual(sorted(of_module), listed("accounts"))

    def test_asynchronous_classes_have_what_the_others_have(self) -> None:
        for name in opencode_nexus.__all__:
            if name.startswith("Async"):
                with self.subTest(name):
                    other = getattr(opencode_nexus, name.replace("Async", "", 1))
                    self.assertEqual(members(getattr(opencode_nexus, name)), members(other))

    def test_every_public_class_is_listed(self) -> None:
        renamed = {there: kind for kind, there in LISTED["names"]["python"].items()}
        public = {
            renamed.get(name, name)
            for name in opencode_nexus.__all__
            if inspect.isclass(getattr(opencode_nexus, name)) and not name.startswith("Async")
        }
        # The base of what is told, which is data.
        self.assertEqual(public - {"ChatEvent", "NexusError"}, set(LISTED["classes"]) - {"accounts"})

    def test_errors_are_those_that_are_listed(self) -> None:
        found = (name for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Exception))
        self.assertEqual(sorted(found), LISTED["errors"])


if __name__ == "__main__":
    unittest.main()
