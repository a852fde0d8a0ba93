"""permissions.py [PROMPT]: shows the tools that an agent uses, and decides what it may do: commands that only look are allowed,
everything else is refused with a reason."""

from __future__ import annotations

import sys

from opencode_nexus import Nexus
from opencode_nexus.records import Permission

# Commands that change nothing.
HARMLESS = ("ls", "cat ", "git status", "git log", "git diff")


def decide(permission: Permission) -> str | dict[str, str]:
    harmless = all(pattern.startswith(HARMLESS) for pattern in permission.patterns)
    answer = "allowed once" if harmless else "refused"
    print(f"\n[{permission.action} {', '.join(permission.patterns)}: {answer}]")
    return "once" if harmless else {"reject": "only look, change nothing"}


def main(prompt: str = "List the files of this folder.") -> None:
    with Nexus.local() as nexus:
        turn = nexus.conversation(on_permission=decide).prompt(prompt)
        for event in turn:
            if event.type == "text" and event.kind == "text":
                print(event.delta, end="", flush=True)
            elif event.type == "part" and event.part.tool is not None:
                print(f"[{event.part.tool.tool} {event.part.tool.status}]")
            elif event.type == "turn_ended":
                print(f"\n{event.outcome.kind}")


if __name__ == "__main__":
    main(*sys.argv[1:2])
