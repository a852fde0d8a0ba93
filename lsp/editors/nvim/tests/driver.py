"""Plays the stories of the plugin in a real Neovim: `cargo xtask editors --editor neovim` runs it. Says a line of JSON for each."""

import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from desk import Desk  # noqa: E402
from screen import Failed  # noqa: E402
from stories import PLUGIN_STORIES, STORIES  # noqa: E402


def play(desk, story, name):
    desk.shots = ""
    why = None
    try:
        story(desk)
    except Exception as error:  # whatever goes wrong in a story is told, and the next one is played
        why = str(error) if isinstance(error, Failed) else repr(error)
        if desk.terminal is not None:
            rows = "\n".join(desk.terminal.rows())
            desk.shots += f"where it went wrong\n{rows}\n"
    try:
        desk.close()
    except Exception as error:
        why = why or f"Neovim did not close: {error}"
        desk.terminal = None
    with open(os.path.join(desk.told["shots"], name.replace(" ", "-") + ".txt"), "w") as file:
        file.write(desk.shots)
    return why


def main():
    desk = Desk()
    for story in PLUGIN_STORIES if desk.told["plugin"] else STORIES:
        name = story.__name__.replace("_", " ")
        if desk.told["only"] and desk.told["only"] not in name:
            continue
        started = time.monotonic()
        why = play(desk, story, name)
        told = {"story": name, "ok": why is None, "seconds": time.monotonic() - started, "why": why or ""}
        print(json.dumps(told, ensure_ascii=False), flush=True)


main()
