"""Follows conversations for ``cargo xtask faults --through python``: what a person saw, told to the one who breaks the network.

One JSON document a line, both ways; ``tests/xtask/src/faults/through.rs`` is the other end and says what they mean.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any, Callable, Optional, TypeVar

from opencode_nexus import ChatEvent, Nexus, NexusError, Turn
from opencode_nexus.events import PermissionAskedEvent, QuestionAskedEvent

T = TypeVar("T")

#: A person who wants to stop and sees nothing new for this long, stops.
PATIENCE = 3.0


def retried(act: Callable[[], T]) -> T:
    """A person presses the key again when the connection failed."""
    for attempt in range(21):
        try:
            return act()
        except NexusError as error:
            if not error.retryable or attempt == 20:
                raise
            time.sleep(0.05)
    raise AssertionError("the last attempt raises")


class Impatience:
    """Stops a turn when nothing is heard for a while; does nothing for a story that is not to be stopped."""

    def __init__(self, turn: Turn, wanted: bool) -> None:
        self.turn = turn
        self.wanted = wanted
        self.heard()

    def heard(self) -> None:
        self.until = time.monotonic() + PATIENCE
        self.ended = not self.wanted

    def watch(self) -> None:
        while not self.ended:
            time.sleep(0.1)
            if time.monotonic() > self.until:
                self.until = time.monotonic() + PATIENCE
                try:
                    retried(self.turn.abort)
                except NexusError as error:
                    print(f"a turn could not be stopped: {error}", file=sys.stderr)


class Story:
    """One turn of one session."""

    def __init__(self, asked: dict[str, Any]) -> None:
        self.asked = asked
        self.nexus = Nexus.connect(asked["url"], directory=asked["directory"])
        self.chat = self.nexus.conversation(session=asked["session"])
        self.texts: dict[str, str] = {}
        self.events = 0
        self.replaced = 0

    def play(self) -> Optional[str]:
        turn = self.chat.prompt(self.asked["prompt"])
        impatience = Impatience(turn, self.asked["stop_at"] is not None)
        watcher = threading.Thread(target=impatience.watch, daemon=True)
        watcher.start()
        outcome, said = None, ""
        try:
            for event in turn:
                impatience.heard()
                self.events += 1
                inner = event.event if event.type == "child" else event
                self.show(inner)
                if inner.type == "turn_ended":
                    outcome = inner.outcome.kind
                elif inner.type == "text":
                    said += inner.delta
                    word = self.asked["stop_at"]
                    if word not in (None, "?") and word in said:
                        said = ""
                        retried(turn.abort)
                elif inner.type == "permission_asked" and self.asked["stop_at"] == "?":
                    retried(turn.abort)
                elif inner.type in ("permission_asked", "question_asked"):
                    self.answer(inner)
        finally:
            impatience.ended = True
            watcher.join()
        return outcome

    def answer(self, event: PermissionAskedEvent | QuestionAskedEvent) -> None:
        if event.type == "permission_asked":
            reply = self.asked["permission"]
            retried(lambda: self.chat.reply_permission(event.permission, reply))
        elif self.asked["questions"]:
            answers = [[item.options[0].label] for item in event.question.items]
            retried(lambda: self.chat.answer_question(event.question, answers))
        else:
            retried(lambda: self.chat.reject_question(event.question))

    def show(self, event: ChatEvent) -> None:
        if event.type == "child":
            self.show(event.event)
        elif event.type == "text":
            self.texts[event.part_id] = self.texts.get(event.part_id, "") + event.delta
        elif event.type == "text_replaced":
            self.replaced += 1
            self.texts[event.part_id] = event.text
        elif event.type == "part_removed":
            self.texts.pop(event.part_id, None)

    def typed(self) -> None:
        """What the person has typed is on the screen as well."""
        for message in self.messages():
            if message["role"] == "user":
                for part in message["parts"]:
                    if part["body"]["type"] == "text":
                        self.texts[part["id"]] = part["body"]["text"]

    def messages(self) -> Any:
        return json.loads(self.chat.messages_json())

    def close(self) -> None:
        self.nexus.close()


def answered(asked: dict[str, Any], story: Optional[Story]) -> tuple[dict[str, Any], Optional[Story]]:
    """The answer to a line, and the story that is open after it."""
    if story and asked.get("again"):
        return {"messages": story.messages()}, story
    if story and asked.get("done"):
        story.close()
        return {}, None
    story = Story(asked)
    outcome = story.play()
    story.typed()
    seen = {"outcome": outcome, "texts": story.texts, "events": story.events, "replaced": story.replaced}
    return {**seen, "messages": story.messages()}, story


def main() -> None:
    story: Optional[Story] = None
    for line in sys.stdin:
        try:
            answer, story = answered(json.loads(line), story)
        except NexusError as error:
            answer = {"error": f"{error.code}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
