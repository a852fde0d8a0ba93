"""`@words:TERM`: what the documents of the project say of a term."""

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.context_guest import Content_Text, Item, Provider, Request, Suggestion, TextContent
from wit_world.imports import workspace
from wit_world.imports.types import Error, ErrorCode

#: So many lines are given.
LINES = 50


class Lifecycle(exports.Lifecycle):
    """Nothing is kept between two calls."""

    def start(self, state):
        pass

    def stop(self, reason):
        return None


class ContextGuest(exports.ContextGuest):
    """The mention `@words`."""

    def describe(self) -> list[Provider]:
        summary = "What the documents say of a term"
        return [Provider(name="words", summary=summary, argument="term", needs_argument=True)]

    def suggest(self, provider: str, typed: str, limit: int) -> list[Suggestion]:
        """Headings that hold what was typed."""
        hits = workspace.search(f"(?i)^#+ .*{escaped(typed)}", "*.md", limit)
        headings = [(hit.text.lstrip("#").strip(), hit.path) for hit in hits]
        return [Suggestion(argument=text, label=text, detail=path) for text, path in headings]

    def provide(self, request: Request) -> list[Item]:
        term = request.argument or ""
        hits = workspace.search(f"(?i){escaped(term)}", "*.md", LINES)
        if not hits:
            # An error of the interface; any other exception ends the plugin.
            raise Err(Error(ErrorCode.NOT_FOUND, f"no document says anything of {term}", None))
        text = "\n".join(f"{hit.path}:{hit.line + 1}: {hit.text.strip()}" for hit in hits)
        return [Item(title=f"{term} in the documents", content=Content_Text(TextContent(text, "")), priority=500)]


def escaped(text: str) -> str:
    """The text as a regular expression that means just that text."""
    marks = "\\.+*?()|[]{}^$#&-~"
    return "".join("\\" + letter if letter in marks else letter for letter in text)
