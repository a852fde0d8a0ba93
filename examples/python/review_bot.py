"""review_bot.py DIFF REPORT.md: has an agent review a diff (a file, or ``-`` for standard input), writes what it found as Markdown,
and ends with 1 when there is a finding of severity high: then a job in continuous integration fails."""

from __future__ import annotations

import sys
from pathlib import Path

from opencode_nexus import Nexus, NexusError, parts

TASK = """Review this change. Answer with one line for each finding, nothing else, in this form:
SEVERITY FILE:LINE what is wrong
where SEVERITY is high, medium or low. Answer `none` when nothing is wrong."""

# A review that takes longer than this many seconds will not come.
BOUND = 600


def review(diff: str) -> str:
    """What the agent says. It may read the repository and nothing else."""
    rules = {"read": "allow", "bash:git log*": "allow"}
    with Nexus.local() as nexus:
        chat = nexus.conversation(title="Review", permissions="deny", questions="deny", rules=rules)
        turn = chat.prompt([TASK, parts.context(f"```diff\n{diff}\n```")], deadline=BOUND)
        try:
            return turn.text()
        except NexusError as error:
            raise SystemExit(str(error)) from None


def findings(said: str) -> list[list[str]]:
    """Severity, place, and what is wrong."""
    lines = (line.split(" ", 2) for line in map(str.strip, said.splitlines()))
    return [line for line in lines if len(line) == 3 and line[0] in ("high", "medium", "low")]


def markdown(found: list[list[str]]) -> str:
    if not found:
        return "# Review\n\nNothing was found.\n"
    rows = "".join(f"| {severity} | `{place}` | {what.replace('|', chr(92) + '|')} |\n" for severity, place, what in found)
    return f"# Review\n\n| severity | place | finding |\n|---|---|---|\n{rows}"


def main(diff: str, report: str) -> int:
    text = sys.stdin.read() if diff == "-" else Path(diff).read_text(encoding="utf-8")
    found = findings(review(text))
    Path(report).write_text(markdown(found), encoding="utf-8")
    print(f"{len(found)} findings, written to {report}")
    return 1 if any(severity == "high" for severity, _, _ in found) else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("this needs a diff and a report: git diff main | review_bot.py - review.md")
    sys.exit(main(*sys.argv[1:]))
