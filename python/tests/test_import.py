"""Importing the package loads what it needs and nothing else."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
import unittest

import opencode_nexus


class Import(unittest.TestCase):
    def test_what_is_not_used_is_not_loaded(self) -> None:
        code = "import sys; from opencode_nexus import Nexus, NexusError; print(*sys.modules)"
        loaded = subprocess.run([sys.executable, "-S", "-E", "-c", f"import sys; sys.path[:] = {sys.path!r}\n{code}"], capture_output=True, text=True, check=True)
        modules = set(loaded.stdout.split())
        self.assertIn("opencode_nexus._native", modules)
        for heavy in ("asyncio", "json", "logging", "typing", "re", "threading", "dataclasses", "opencode_nexus.api"):
            self.assertNotIn(heavy, modules)

    def test_every_public_name_is_there_and_says_what_it_is(self) -> None:
        for name in opencode_nexus.__all__:
            value = getattr(opencode_nexus, name)
            if name not in ("__version__", "ChatEvent"):
                self.assertTrue(inspect.getdoc(value), name)
        self.assertEqual(set(opencode_nexus.__all__) - set(dir(opencode_nexus)), set())
        with self.assertRaises(AttributeError):
            getattr(opencode_nexus, "Smell")

    def test_every_public_method_says_what_it_does(self) -> None:
        for name in opencode_nexus.__all__:
            kind = getattr(opencode_nexus, name)
            if inspect.isclass(kind) and kind.__module__.startswith("opencode_nexus"):
                for method, value in vars(kind).items():
                    if not method.startswith("_") and (callable(value) or isinstance(value, property)):
                        self.assertTrue(inspect.getdoc(value), f"{name}.{method}")

    def test_asyncio_has_every_method_of_the_classes_that_wait(self) -> None:
        for name in ("Nexus", "Conversation", "Turn", "Feed", "History", "Events"):
            waits, awaits = getattr(opencode_nexus, name), getattr(opencode_nexus, f"Async{name}")
            public = {method for method in vars(waits) if not method.startswith("_")}
            self.assertEqual(public - set(dir(awaits)), set(), name)
            for method in public:
                one, other = getattr(waits, method), getattr(awaits, method)
                if inspect.isfunction(one):
                    names = [list(inspect.signature(call).parameters) for call in (one, other)]
                    self.assertEqual(names[0], names[1], f"{name}.{method}")

    def test_the_version_is_that_of_the_native_half(self) -> None:
        native = importlib.import_module("opencode_nexus._native")
        self.assertEqual(native.VERSION, opencode_nexus.__version__)
