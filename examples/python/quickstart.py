"""quickstart.py [PROMPT]: asks an agent about the current folder and prints what it answers, while it answers."""

import sys

from opencode_nexus import Nexus


def main(prompt: str = "What is in this folder?") -> None:
    with Nexus.local() as nexus:  # finds a server, or starts one
        for event in nexus.conversation().prompt(prompt):
            if event.type == "text":
                print(event.delta, end="", flush=True)
    print()


if __name__ == "__main__":
    main(*sys.argv[1:2])
