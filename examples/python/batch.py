"""batch.py FILE...: asks about many files, at most four at a time, with a bar that shows how far it is; then prints each answer."""

from __future__ import annotations

import asyncio
import sys

from opencode_nexus import AsyncNexus, NexusError, parts

AT_ONCE = 4
WIDTH = 30


async def summary(nexus: AsyncNexus, file: str) -> str:
    """One sentence about a file. Nobody sits in front of it, so everything that the agent asks for is refused."""
    chat = await nexus.conversation(title=file, permissions="deny", questions="deny")
    return await chat.prompt([f"Say in one sentence what {file} is for.", parts.file(file)]).text()


async def main(files: list[str]) -> int:
    if not files:
        print("there is no file to ask about; name some: batch.py src/*.py", file=sys.stderr)
        return 2
    free, done, failed = asyncio.Semaphore(AT_ONCE), 0, 0

    async with AsyncNexus.local() as nexus:

        async def ask(file: str) -> str:
            nonlocal done, failed
            async with free:
                try:
                    said = await summary(nexus, file)
                except (NexusError, OSError) as error:
                    failed += 1
                    said = f"failed: {error}"
            done += 1
            filled = WIDTH * done // len(files)
            print(f"\r[{'█' * filled}{' ' * (WIDTH - filled)}] {done}/{len(files)}", end="", file=sys.stderr)
            return said

        answers = await asyncio.gather(*map(ask, files))
    print(file=sys.stderr)
    for file, answer in zip(files, answers):
        print(f"{file}: {answer}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main(sys.argv[1:])))
