"""Each example runs against a real server with a scripted model, as a person would run it."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any, Optional

from opencode_nexus import accounts
from servers import Server, behaviour

EXAMPLES = Path(os.environ.get("NEXUS_EXAMPLES", Path(__file__).parents[2] / "examples/python"))

MODEL = behaviour(
    List=[[{"tool": "bash", "args": {"command": "ls", "description": "List"}}], [{"text": "One file."}]],
    Remove=[[{"tool": "bash", "args": {"command": "rm hello.txt", "description": "Remove"}}], [{"text": "Then not."}]],
    Review=[[{"text": "high src/lib.rs:3 a key stands in the code\nlow README.md:1 a | typing mistake"}]],
)


class Examples(unittest.TestCase):
    server: Server
    environment: dict[str, str]

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Server(MODEL)
        cls.addClassCleanup(cls.server.stop)
        cls.environment = {**os.environ, "NEXUS_URL": cls.server.url, "PYTHONIOENCODING": "utf-8"}

    def play(
        self, name: str, *arguments: str, status: int = 0, said: str = "", own: Optional[dict[str, str]] = None
    ) -> str:
        """Runs one; gives what it printed."""
        ended = subprocess.run(
            [sys.executable, str(EXAMPLES / name), *arguments],
            cwd=self.server.directory,
            env={**self.environment, **(own or {})},
            input=said,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        self.assertEqual(ended.returncode, status, f"{ended.stdout}\n{ended.stderr}")
        return ended.stdout

    def test_a_first_prompt_is_answered(self) -> None:
        self.assertEqual(self.play("quickstart.py", "Hello"), "Echo: Hello\n")

    def test_looking_is_allowed_and_removing_is_not(self) -> None:
        text = self.play("permissions.py", "List the files")
        self.assertIn("[bash ls: allowed once]", text)
        self.assertIn("One file.", text)
        text = self.play("permissions.py", "Remove hello.txt")
        self.assertIn("[bash rm hello.txt: refused]", text)
        self.assertIn("Then not.", text)
        self.assertTrue(os.path.exists(f"{self.server.directory}/hello.txt"))

    def test_many_files_are_asked_about_and_each_has_its_answer(self) -> None:
        names = [f"file-{number}.txt" for number in range(9)]
        for name in names:
            Path(self.server.directory, name).write_text(name)
        text = self.play("batch.py", *names)
        for name in names:
            self.assertIn(f"{name}: Echo: Say in one sentence what {name} is for.", text)
        self.play("batch.py", status=2)

    def test_a_review_names_its_findings_and_fails_when_one_is_high(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            report = f"{folder}/report.md"
            text = self.play("review_bot.py", "-", report, status=1, said='+let key = "made-up";\n')
            self.assertIn("2 findings", text)
            self.assertEqual(
                Path(report).read_text(),
                "# Review\n\n| severity | place | finding |\n|---|---|---|\n"
                "| high | `src/lib.rs:3` | a key stands in the code |\n"
                "| low | `README.md:1` | a \\| typing mistake |\n",
            )

    def test_what_was_said_is_found_without_a_server(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            code = "from opencode_nexus import accounts; accounts.create(passphrase='made up')"
            own = {"NEXUS_DATA_DIR": folder, "NEXUS_PASSPHRASE": "made up"}
            subprocess.run([sys.executable, "-c", code], env={**self.environment, **own}, check=True, timeout=60)
            text = self.play("history_search.py", "--ask", "Where is the hippopotamus?", "hippopotamus", own=own)
            self.assertIn("hippopotamus", text)
            own["NEXUS_URL"] = "http://127.0.0.1:1"
            self.assertIn("2 found", self.play("history_search.py", "hippo*", own=own))
            self.play("history_search.py", "rhinoceros", status=1, own=own)
            self.assertTrue(callable(accounts.history))

    def test_the_cells_of_the_notebook_run_in_order(self) -> None:
        cells = json.loads((EXAMPLES / "notebook.ipynb").read_text(encoding="utf-8"))["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        shown: list[Any] = []
        said = io.StringIO()

        async def notebook() -> None:
            names: dict[str, Any] = {}
            for source in sources:
                # As IPython does it: the last expression is shown, and `await` is allowed at the top.
                tree = ast.parse(source)
                last = tree.body[-1]
                steps: list[tuple[ast.Module | ast.Expression, str]] = [(tree, "exec")]
                if isinstance(last, ast.Expr):
                    tree.body.pop()
                    steps.append((ast.Expression(last.value), "eval"))
                for node, mode in steps:
                    code = compile(node, "notebook", mode, flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
                    value = eval(code, names)
                    if inspect.iscoroutine(value):
                        value = await value
                    if mode == "eval":
                        shown.append(value)

        before, folder = dict(os.environ), os.getcwd()
        os.environ["NEXUS_URL"] = self.server.url
        os.chdir(self.server.directory)
        try:
            with contextlib.redirect_stdout(said):
                asyncio.run(notebook())
        finally:
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(before)
        self.assertIn("Echo: What is in this folder?", said.getvalue())
        self.assertIn(["Echo: Question 0", "Echo: Question 1", "Echo: Question 2"], shown)
        markdown = [value._repr_markdown_() for value in shown if hasattr(value, "_repr_markdown_")]
        self.assertTrue(any("**assistant**: Echo" in text for text in markdown), markdown)
