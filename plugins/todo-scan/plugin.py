"""`@todo`: what is marked TODO or FIXME in the project."""

import json

import todos
from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.context_guest import Content_Text, Item, Provider, Request, Suggestion, TextContent
from wit_world.imports import config, workspace
from wit_world.imports.types import Error, ErrorCode

#: So many lines are looked at, and so many are given.
LOOKED_AT = 1000
GIVEN = 200


class Lifecycle(exports.Lifecycle):
    """Nothing is kept between two calls."""

    def start(self, state):
        pass

    def stop(self, reason):
        return None


class ContextGuest(exports.ContextGuest):
    """The mention `@todo`."""

    def describe(self) -> list[Provider]:
        summary = "What is marked TODO or FIXME"
        return [Provider(name="todo", summary=summary, argument="folder or word", needs_argument=False)]

    def suggest(self, provider: str, typed: str, limit: int) -> list[Suggestion]:
        counts: dict[str, int] = {}
        for todo in scan():
            counts[todo.path] = counts.get(todo.path, 0) + 1
        paths = [path for path in sorted(counts) if typed.lower() in path.lower()]
        return [
            Suggestion(argument=path, label=path, detail=f"{counts[path]} to do") for path in paths[:limit]
        ]

    def provide(self, request: Request) -> list[Item]:
        words = marks()
        found = todos.ordered(todos.matching(scan(), request.argument), words)
        if not found:
            where = f" in {request.argument}" if request.argument else ""
            raise Err(Error(ErrorCode.NOT_FOUND, f"nothing is marked {' or '.join(words)}{where}", None))
        title = f"{len(found)} to do" if len(found) <= GIVEN else f"{GIVEN} of {len(found)} to do"
        text = todos.markdown(found[:GIVEN])
        return [Item(title=title, content=Content_Text(TextContent(text, "markdown")), priority=500)]


def marks() -> list[str]:
    """The words of the settings."""
    return json.loads(config.get_json()).get("words") or ["TODO", "FIXME", "HACK", "XXX"]


def scan() -> list[todos.Todo]:
    """Everything in the project that is marked."""
    words = marks()
    hits = workspace.search(todos.pattern(words), None, LOOKED_AT)
    found = (todos.read(hit.path, hit.line, hit.text, words) for hit in hits)
    return [todo for todo in found if todo is not None]
