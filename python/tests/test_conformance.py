"""Plays the cases of ``tests/conformance``: the same files as Rust and Node, against the same real servers."""

from __future__ import annotations

import json
import os
import unittest
from pathlib import Path
from typing import Any, Optional

from opencode_nexus import Conversation, Nexus, NexusError, Turn
from opencode_nexus.records import Record
from servers import Server

CASES = Path(__file__).parents[2] / "tests/conformance"
SECOND = os.environ.get("NEXUS_TEST_SECOND", "")


def cases(line: str) -> list[dict[str, Any]]:
    """Every case that holds on a line, with the line's names of tools."""
    shell, path = ("bash", "filePath") if line == "1" else ("shell", "path")
    found: list[dict[str, Any]] = []
    for file in sorted(CASES.glob("*.json")):
        text = file.read_text(encoding="utf-8").replace("{{shell}}", shell).replace("{{path}}", path)
        found.extend(case for case in json.loads(text) if line in case.get("lines", ["1", "2"]))
    return found


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, Record):
        return value.to_dict()
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def matches(wanted: Any, found: Any) -> bool:
    """Whether a value is as expected."""
    if isinstance(wanted, dict):
        if "$some" in wanted:
            return isinstance(found, list) and all(any(matches(w, f) for f in found) for w in wanted["$some"])
        if "$has" in wanted:
            return isinstance(found, str) and wanted["$has"] in found
        if "$type" in wanted:
            kinds: dict[str, Any] = {
                "string": str,
                "number": (int, float),
                "boolean": bool,
                "null": type(None),
                "object": dict,
                "array": list,
            }
            right = isinstance(found, kinds[wanted["$type"]])
            return right and (wanted["$type"] == "boolean" or not isinstance(found, bool))
        return isinstance(found, dict) and all(name in found and matches(w, found[name]) for name, w in wanted.items())
    if isinstance(wanted, list):
        return isinstance(found, list) and len(found) == len(wanted) and all(map(matches, wanted, found))
    return bool(wanted == found) and isinstance(wanted, bool) == isinstance(found, bool)


def in_order(wanted: list[Any], found: list[Any]) -> Optional[Any]:
    """The first that does not come in its turn."""
    rest = iter(found)
    for one in wanted:
        if not any(matches(one, other) for other in rest):
            return one
    return None


class Player:
    """One case on one connection."""

    def __init__(self, test: unittest.TestCase, nexus: Nexus) -> None:
        self.test, self.nexus = test, nexus
        self.names: dict[str, Any] = {}

    def filled(self, value: Any) -> Any:
        if isinstance(value, str) and value.startswith("$"):
            name, _, attributes = value[1:].partition(".")
            found = self.names[name]
            for attribute in filter(None, attributes.split(".")):
                if attribute.isdigit():
                    found = found[int(attribute)]
                else:
                    found = found[attribute] if isinstance(found, dict) else getattr(found, attribute)
            return found
        if isinstance(value, dict):
            return {key: self.filled(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.filled(item) for item in value]
        return value

    def step(self, step: dict[str, Any]) -> None:
        expected = step.get("expect", {})
        try:
            result = self.done(step, expected)
        except (NexusError, ValueError) as error:
            wanted = expected.get("error")
            if wanted is None:
                raise
            # What this side refuses before it is sent is the same mistake.
            code = getattr(error, "code", "user.invalid_input")
            self.test.assertEqual(code, wanted["code"])
            self.test.assertIn(wanted.get("says", ""), str(error))
            return
        self.test.assertNotIn("error", expected, f"{step} did not fail")
        if "as" in step:
            self.names[step["as"]] = result
        if "result" in expected:
            self.test.assertTrue(matches(self.filled(expected["result"]), plain(result)), f"{step}\n{plain(result)}")

    def done(self, step: dict[str, Any], expected: dict[str, Any]) -> Any:
        what, given = step["do"], self.filled(step.get("with", {}))
        target: Any = self.filled(f"${step['on']}") if "on" in step else self.nexus
        if what == "api":
            # The cases have the names of the wire, so it is called by them and not by a generated method.
            line: Any = self.nexus.server.line
            return self.nexus.call(line, given["id"], given.get("arguments", {}))
        if what == "raw_events":
            return self.raw(given, expected)
        if what == "conversation":
            answer = {"on_permission": None, "on_question": None}
            return target.conversation(**{**answer, **given})
        if what in ("prompt", "command", "shell", "summarize"):
            if what == "prompt":
                given = dict(given)
                first = given.pop("parts") if "parts" in given else given.pop("text")
                return self.turn(target, target.prompt(first, **given), step, expected)
            return self.turn(target, getattr(target, what)(**given), step, expected)
        if what == "messages":
            return target.read_messages()
        return getattr(target, what)(**given)

    def turn(self, chat: Conversation, turn: Turn, step: dict[str, Any], expected: dict[str, Any]) -> Any:
        answer, told = step.get("answer", {}), list[dict[str, Any]]()
        texts: dict[str, str] = {}
        others: set[str] = {turn.message_id}
        stop = step.get("stop_at")
        for event in turn:
            told.append(event.to_dict())
            if event.type == "message" and event.message.role != "assistant":
                others.add(event.message.id)
            elif event.type == "text" and event.kind == "text" and event.message_id not in others:
                texts[event.part_id] = texts.get(event.part_id, "") + event.delta
            elif event.type == "text_replaced" and event.kind == "text" and event.message_id not in others:
                texts[event.part_id] = event.text
            elif event.type == "permission_asked" and "permission" in answer:
                chat.reply_permission(event.permission, answer["permission"])
            elif event.type == "question_asked" and "question" in answer:
                if answer["question"] is None:
                    chat.reject_question(event.question)
                else:
                    label = event.question.items[0].options[answer["question"]].label
                    chat.answer_question(event.question, [[label]])
            if stop is not None and stop in "".join(texts.values()):
                stop = None
                turn.abort()
        missing = in_order(self.filled(expected.get("events", [])), told)
        self.test.assertIsNone(missing, f"{step}\n{told}")
        for never in expected.get("none", []):
            self.test.assertFalse(any(matches(never, event) for event in told), f"{never} came\n{told}")
        if "text" in expected:
            self.test.assertTrue(matches(expected["text"], "".join(texts.values())), f"{step}\n{texts}\n{told}")
        if "outcome" in expected:
            self.test.assertTrue(matches(expected["outcome"], plain(turn.outcome)), f"{step}\n{plain(turn.outcome)}")
        return turn.outcome

    def raw(self, given: dict[str, Any], expected: dict[str, Any]) -> list[str]:
        with self.nexus.events() as events:
            self.nexus.conversation().prompt(given["prompt"]).detach()
            kinds: list[str] = []
            for event in events:
                self.test.assertEqual(event.type, json.loads(event.json)["type"])
                kinds.append(event.type)
                if event.type == given["until"]:
                    break
        self.test.assertIsNone(in_order(expected.get("types", []), list(kinds)), kinds)
        return kinds


class Conformance(unittest.TestCase):
    def play(self, line: str, version: Optional[str]) -> None:
        every = cases(line)
        self.assertGreater(len(every), 5)
        model = {"conversations": [conversation for case in every for conversation in case.get("model", [])]}
        server = Server(model, version=version)
        try:
            with Nexus.connect(server.url, directory=server.directory) as nexus:
                for case in every:
                    with self.subTest(case["name"]):
                        player = Player(self, nexus)
                        for step in case["steps"]:
                            player.step(step)
        finally:
            server.stop()

    def test_opencode_1(self) -> None:
        self.play("1", None)

    def test_opencode_2(self) -> None:
        self.assertTrue(SECOND, "NEXUS_TEST_SECOND is not set; run the tests by `cargo xtask python`")
        self.play("2", SECOND)
