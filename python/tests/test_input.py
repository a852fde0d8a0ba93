"""What cannot be meant is refused before it is sent, with the name of the argument."""

from __future__ import annotations

from typing import Any, Callable

from opencode_nexus import AsyncNexus, Nexus, parts
from servers import ServerTest

CYCLE: dict[str, Any] = {"type": "text"}
CYCLE["text"] = CYCLE
LIST: list[Any] = []
LIST.append(LIST)
DEEP: Any = "x"
for _ in range(100_000):
    DEEP = [DEEP]


class Input(ServerTest):
    def test_every_wrong_value_names_its_argument(self) -> None:
        chat = self.nexus.conversation()
        n: Any = self.nexus
        c: Any = chat
        p: Any = parts
        huge = "x" * (64 * 1024 * 1024 + 1)
        table: list[tuple[str, type[Exception], str, Callable[[], Any]]] = [
            ("None", TypeError, "prompt", lambda: c.prompt(None)),
            ("a number", TypeError, "prompt", lambda: c.prompt(7)),
            ("bytes", TypeError, "prompt", lambda: c.prompt(b"x")),
            ("nothing", ValueError, "prompt", lambda: c.prompt("")),
            ("no parts", ValueError, "prompt", lambda: c.prompt([])),
            ("a surrogate", ValueError, "prompt", lambda: c.prompt("a\ud800")),
            ("a surrogate in a part", ValueError, r"prompt", lambda: c.prompt([{"type": "text", "text": "\udfff"}])),
            ("huge", ValueError, "prompt", lambda: c.prompt(huge)),
            ("an unknown part", ValueError, r"prompt\[0\]", lambda: c.prompt([{"type": "smell"}])),
            ("a part of nothing", TypeError, r"prompt\[0\]", lambda: c.prompt([None])),
            ("an unknown field", ValueError, "prompt", lambda: c.prompt([{"type": "text", "txt": "x"}])),
            ("a cycle", ValueError, "prompt", lambda: c.prompt([CYCLE])),
            ("a list in itself", TypeError, r"prompt\[0\]", lambda: c.prompt(LIST)),
            ("an object", TypeError, "prompt", lambda: c.prompt([{"type": "text", "text": object()}])),
            ("a number for a name", TypeError, "model", lambda: c.prompt("x", model=1)),
            ("no model", ValueError, "model", lambda: c.prompt("x", model="gpt")),
            ("a number for an agent", TypeError, "agent", lambda: c.prompt("x", agent=1)),
            ("a word for a flag", TypeError, "no_reply", lambda: c.prompt("x", no_reply="yes")),
            ("a wrong word", ValueError, "delivery", lambda: c.prompt("x", delivery="soon")),
            ("a past", ValueError, "deadline", lambda: c.prompt("x", deadline=-1)),
            ("no number", ValueError, "deadline", lambda: c.prompt("x", deadline=float("nan"))),
            ("a word for a time", TypeError, "deadline", lambda: c.prompt("x", deadline="1")),
            ("context of numbers", TypeError, r"context\[0\]", lambda: c.prompt("x", context=[1])),
            ("no context", ValueError, "@nothing", lambda: c.prompt("x", context=["nothing-of-that-name:x"])),
            ("None", TypeError, "name", lambda: c.command(None)),
            ("None", TypeError, "command", lambda: c.shell(None)),
            ("None", TypeError, "title", lambda: c.rename(None)),
            ("a surrogate", ValueError, "title", lambda: c.rename("\ud800")),
            ("None", TypeError, "permission", lambda: c.reply_permission(None, "once")),
            ("a wrong word", ValueError, "reply", lambda: c.reply_permission("per_1", "maybe")),
            ("a wrong dict", ValueError, "reply", lambda: c.reply_permission("per_1", {"no": "x"})),
            ("a number", TypeError, "answers", lambda: c.answer_question("que_1", 7)),
            ("numbers", TypeError, r"answers\[0\]", lambda: c.answer_question("que_1", [[1]])),
            ("None", TypeError, "message", lambda: c.revert(None)),
            ("nothing", ValueError, "message", lambda: c.revert("")),
            ("a number", TypeError, "within", lambda: c.flush_history("soon")),
            ("None", TypeError, "url", lambda: Nexus.connect(None)),  # type: ignore[arg-type]
            ("no address", ValueError, "not a url|URL|address", lambda: Nexus.connect("not a url")),
            ("a number", TypeError, "directory", lambda: Nexus.connect("http://127.0.0.1:1", directory=7)),  # type: ignore[arg-type]
            ("a null", ValueError, "directory", lambda: Nexus.connect("http://127.0.0.1:1", directory="a\0b")),
            ("a wrong word", ValueError, "keep", lambda: Nexus.local(keep="maybe")),  # type: ignore[arg-type]
            ("a user alone", ValueError, "user", lambda: Nexus.connect("http://127.0.0.1:1", user="me")),
            ("no providers", TypeError, "providers", lambda: Nexus.local(providers=7)),  # type: ignore[arg-type]
            ("a bad name", ValueError, "name", lambda: Nexus.local(providers={"Bad Name": lambda _: "x"})),
            ("no provider", TypeError, "provider", lambda: Nexus.local(providers={"x": 7})),  # type: ignore[dict-item]
            ("asynchronous", TypeError, "url", lambda: AsyncNexus.connect(None)),  # type: ignore[arg-type]
            ("a wrong word", ValueError, "permissions", lambda: n.conversation(permissions="maybe")),
            ("a wrong word", ValueError, "questions", lambda: n.conversation(questions="allow")),
            ("a number", TypeError, "rules", lambda: n.conversation(rules=7)),
            ("a wrong rule", TypeError, r"rules\[0\]", lambda: n.conversation(rules=["bash"])),
            ("a wrong field", ValueError, r"rules\[0\]", lambda: n.conversation(rules=[{"actoin": "x"}])),
            ("a wrong decision", ValueError, r"rules\[0\]", lambda: n.conversation(rules={"bash": "yes"})),
            ("no callback", TypeError, "on_permission", lambda: n.conversation(on_permission="once")),
            ("no callback", TypeError, "on_question", lambda: n.conversation(on_question=7)),
            ("both", ValueError, "title", lambda: n.conversation("ses_1", title="x")),
            ("a number", TypeError, "session", lambda: n.conversation(7)),
            ("a past", ValueError, "give_up", lambda: n.conversation(give_up=-1)),
            ("a word", TypeError, "limit", lambda: n.sessions(limit="many")),
            ("a past", ValueError, "limit", lambda: n.sessions(limit=-1)),
            ("None", TypeError, "session", lambda: n.messages(None)),
            ("a cycle", ValueError, "patch", lambda: n.patch_configuration(CYCLE)),
            ("a depth", ValueError, "patch", lambda: n.patch_configuration({"x": DEEP})),
            ("a set", TypeError, "patch", lambda: n.patch_configuration({"x": {1}})),
            ("no number", ValueError, "patch", lambda: n.patch_configuration({"x": float("inf")})),
            ("None", TypeError, "said", lambda: p.text(None)),
            ("three lines", ValueError, "lines", lambda: p.file("x", lines=(1, 2, 3))),
            ("None", ValueError, "path", lambda: p.file(None)),
            ("no type", ValueError, "mime", lambda: p.image(b"x")),
        ]
        for what, kind, name, call in table:
            with self.subTest(f"{name}: {what}"), self.assertRaisesRegex(kind, name):
                call()
        self.assertEqual(chat.messages, [], "nothing of it was sent")

    def test_the_core_names_what_it_cannot_use(self) -> None:
        with self.assertRaisesRegex(LookupError, "not.found|NotFound"):
            self.nexus.conversation("ses_nothing_of_that_name")
        with self.assertRaises(ValueError):
            self.nexus.api.session_get("")  # type: ignore[call-arg,unused-ignore]
