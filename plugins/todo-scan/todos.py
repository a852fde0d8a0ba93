"""What a line with a TODO says, and how a list of them is written. Nothing here knows of the host."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Todo:
    """Something that is to be done."""

    path: str
    line: int  # from 1, as people count
    word: str
    text: str


def pattern(words: list[str]) -> str:
    """A regular expression that finds the words where they mark something: `TODO:`, `FIXME(ann)`, `// HACK this`."""
    return r"\b(" + "|".join(words) + r")\b(\([^)]*\))?[:\s-]"


def read(path: str, line: int, text: str, words: list[str]) -> Todo | None:
    """What a line says, from the word on; `line` counts from 0."""
    found = re.search(r"\b(" + "|".join(words) + r")\b.*", text)
    if found is None:
        return None
    said = found.group(0).strip().removesuffix("*/").removesuffix("-->").rstrip()
    return Todo(path, line + 1, found.group(1), said)


def matching(todos: list[Todo], argument: str | None) -> list[Todo]:
    """Those in a folder or file, or with a word; all without an argument."""
    wanted = (argument or "").strip().lower()
    if not wanted:
        return todos
    inside = [todo for todo in todos if todo.path.lower().startswith(wanted)]
    return inside or [todo for todo in todos if wanted in todo.text.lower()]


def ordered(todos: list[Todo], words: list[str]) -> list[Todo]:
    """What is broken before what is missing, then by place."""

    def rank(todo: Todo) -> tuple[int, int, str, int]:
        return (0 if todo.word == "FIXME" else 1, words.index(todo.word), todo.path, todo.line)

    return sorted(todos, key=rank)


def markdown(todos: list[Todo]) -> str:
    """A heading for each file, in the order in which the files come first."""
    files: dict[str, list[Todo]] = {}
    for todo in todos:
        files.setdefault(todo.path, []).append(todo)
    pieces = []
    for path, inside in files.items():
        lines = [f"- {todo.line}: {todo.text}" for todo in sorted(inside, key=lambda todo: todo.line)]
        pieces.append(f"{path}\n" + "\n".join(lines))
    return "\n\n".join(pieces)
