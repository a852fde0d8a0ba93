"""history_search.py [--ask PROMPT] WORDS...: finds words in what was ever said, without a server. With ``--ask`` something is said
first, so that there is something to find. The account is opened by ``NEXUS_PASSPHRASE``, or is logged in already."""

from __future__ import annotations

import os
import sys

from opencode_nexus import Nexus, accounts


def ask(prompt: str, passphrase: str | None) -> None:
    """Says something and keeps the answer."""
    with Nexus.local(keep="on", passphrase=passphrase) as nexus:
        chat = nexus.conversation()
        chat.prompt(prompt).finish()
        chat.flush_history()


def main(words: list[str]) -> int:
    passphrase = os.environ.get("NEXUS_PASSPHRASE")
    if words[:1] == ["--ask"] and len(words) > 1:
        ask(words[1], passphrase)
        words = words[2:]
    found = accounts.history(passphrase=passphrase).search(" ".join(words), limit=10)
    for hit in found.messages:
        print(f"{hit.session.session.title}  {hit.snippet}")
    print(f"{len(found.messages)} found{', and more' if found.more else ''}")
    return 0 if found.messages else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
