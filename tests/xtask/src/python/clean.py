"""Takes the paths of the machine that built a wheel out of it: `clean.py WHEEL PATH...`.

Panic messages of Rust and the defaults of OpenSSL name the folders in which they were compiled. Each such prefix is written over,
byte by byte and without changing a length, so that nothing in the file moves; the list of checksums is made anew.
"""

import base64
import hashlib
import os
import sys
import zipfile


def main(wheel: str, prefixes: list[bytes]) -> None:
    cleaned = f"{wheel}.cleaned"
    records = []
    with zipfile.ZipFile(wheel) as old, zipfile.ZipFile(cleaned, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as new:
        entries = [entry for entry in old.infolist() if not entry.filename.endswith(".dist-info/RECORD")]
        (record,) = [entry for entry in old.infolist() if entry.filename.endswith(".dist-info/RECORD")]
        for entry in entries:
            content = old.read(entry)
            # The list of what it is made of, too, names where it was made.
            for prefix in prefixes:
                content = content.replace(prefix, b"/" + b"_" * (len(prefix) - 1))
            new.writestr(entry, content, zipfile.ZIP_DEFLATED)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            records.append(f"{entry.filename},sha256={digest},{len(content)}")
        records.append(f"{record.filename},,")
        new.writestr(record, "\n".join(records) + "\n", zipfile.ZIP_DEFLATED)
    os.replace(cleaned, wheel)


main(sys.argv[1], [path.encode() for path in sorted(sys.argv[2:], key=len, reverse=True)])
