"""Runs an example with the interpreter that runs this, against a test server: ``installed.py NEXUS_TEST_SERVER EXAMPLE``.

``cargo xtask python`` calls it in an environment in which nothing but the wheel is installed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys


def main(server: str, example: str) -> int:
    """Prints what the example says."""
    with subprocess.Popen([server], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        said = json.loads(running.stdout.readline())
        environment = {**os.environ, "NEXUS_URL": said["url"]}
        command = [sys.executable, "-I", example, "Hello"]
        ended = subprocess.run(command, cwd=said["directory"], env=environment, check=False)
        running.communicate()
    return ended.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
