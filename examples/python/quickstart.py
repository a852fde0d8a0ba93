"""quickstart.py [PROMPT]: asks an agent about the current folder and prints what it answers, while it answers."""

import sys

from opencode_nexus import Nexus


def main(prompt: str = "What is in this folder?") -> None:
    with Nexus.local() as nexus:  # finds a server, or starts one
        turn = nexus.conversation().prompt(prompt)
        for event in turn:
            if event.type == "text" and event.message_id != turn.message_id:
                print(event.delta, end="", flush=True)
    print()


if __name__ == "__main__":
    main(*sys.argv[1:2])
