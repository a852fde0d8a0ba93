"""Writes the reference of the Python package as pages: `pages.py FOLDER`. Ends with an error that names every public thing
without a docstring, and everything that pdoc does not understand. Prints how many pages there are.
"""

import importlib
import inspect
import sys
import types
import typing
import warnings
from pathlib import Path

PACKAGE = "opencode_nexus"
LINES = ("v1", "v2")
MODULES = [PACKAGE, f"{PACKAGE}.api"]


def public(module):
    """The names of a module that belong to it."""
    names = getattr(module, "__all__", None)
    for name in names or [name for name in vars(module) if not name.startswith("_")]:
        value = getattr(module, name)
        is_own = inspect.isclass(value) or inspect.isfunction(value) or inspect.ismodule(value)
        if is_own and (names or getattr(value, "__module__", None) == module.__name__):
            yield name, value


def undocumented(place, value, seen):
    """Everything public in a module or class that has no docstring."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if not inspect.getdoc(value):
        yield place
    if inspect.ismodule(value):
        for name, member in public(value):
            yield from undocumented(f"{place}.{name}", member, seen)
    elif inspect.isclass(value):
        for name, member in vars(value).items():
            is_member = inspect.isroutine(member) or isinstance(member, (property, classmethod, staticmethod))
            is_native = inspect.isgetsetdescriptor(member)
            if not name.startswith("_") and (is_member or is_native) and not inspect.getdoc(member):
                yield f"{place}.{name}"


def prepare():
    """Gives annotations what they name and what only type checkers see, and both conversations what they have in common, which has no
    page of its own."""
    native = importlib.import_module(f"{PACKAGE}._native")
    native.Pending = types.new_class("Pending", (typing.Generic[typing.TypeVar("T")],))
    package = importlib.import_module(PACKAGE)
    for kind in (package.Conversation, package.AsyncConversation):
        for name, member in vars(kind.__base__).items():
            if not name.startswith("_"):
                setattr(kind, name, member)
    for line in LINES:
        operations = importlib.import_module(f"{PACKAGE}.api.{line}")
        for name, kind in vars(importlib.import_module(f"{PACKAGE}.api.{line}_types")).items():
            if inspect.isclass(kind) and not hasattr(operations, name):
                setattr(operations, name, kind)


def listing(line, folder):
    """The types of a line as they stand in the package. They are thousands of dictionaries, for which pdoc takes minutes."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    module = importlib.import_module(f"{PACKAGE}.api.{line}_types")
    look = HtmlFormatter(full=True, title=module.__name__, linenos=False)
    text = highlight(Path(module.__file__).read_text("utf-8"), PythonLexer(), look)
    (folder / f"{line}_types.html").write_text(text, "utf-8")


def main(folder):
    """Looks, and writes."""
    import pdoc

    seen = set()
    wrong = []
    for name in MODULES:
        found = undocumented(name, importlib.import_module(name), seen)
        wrong += [f"{place} has no docstring" for place in found]
    prepare()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        pdoc.render.configure(docformat="restructuredtext", show_source=False)
        pdoc.pdoc(*MODULES, "!opencode_nexus.api.*_types", "!opencode_nexus.api._call", output_directory=folder)
    wrong += [f"pdoc: {warning.message}" for warning in said]
    for line in LINES:
        listing(line, folder / PACKAGE / "api")
    if wrong:
        sys.exit("\n".join(wrong))
    print(len(list(folder.rglob("*.html"))))


main(Path(sys.argv[1]))
