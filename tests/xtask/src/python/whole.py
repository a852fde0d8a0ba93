"""Adds to a source distribution what a crate of it reads from beside itself: `whole.py SDIST ROOT`.

maturin takes along what lies in the crates. The interface of plugins (`plugins/wit`) lies between the crate that runs them and the
one that they are written with.
"""

import copy
import os
import pathlib
import sys
import tarfile


def main(sdist: str, root: pathlib.Path) -> None:
    whole = f"{sdist}.whole"
    with tarfile.open(sdist) as old, tarfile.open(whole, "w:gz") as new:
        members = old.getmembers()
        for member in members:
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
        top = members[0].name.split("/")[0]
        for file in sorted((root / "plugins/wit").rglob("*.wit")):
            # Its owner, rights and time are those of the others.
            entry = copy.copy(members[0])
            entry.name = f"{top}/{file.relative_to(root).as_posix()}"
            entry.size = file.stat().st_size
            with file.open("rb") as content:
                new.addfile(entry, content)
    os.replace(whole, sdist)


main(sys.argv[1], pathlib.Path(sys.argv[2]))
