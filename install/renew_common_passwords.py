"""Writes the list of common passwords anew, of a package's (`make vendored`). Needs `npm`, as renew_vendored does.

Twice, since a new password is checked in the browser and by the command line; a test compares the two.
"""

import json
import tempfile
from pathlib import Path

from renew_vendored import Package, fetched

PROJECT = Path(__file__).resolve().parents[1]
LISTS = (PROJECT / "faxplan" / "data" / "common-passwords.txt", PROJECT / "portal/static/vault/common-passwords.txt")
PACKAGE = Package(
    "@zxcvbn-ts/language-common",
    "4.1.3",
    "bf3027c16c069d7877e25dc8751bc819e10e479afcc5ee1a323eb2ab73129ca9",
    "src/passwords.json",
    "MIT",
    "the list of common passwords",
    ("LICENSE.txt",),
)
MOST_COMMON = 12_000
# No password of ours is shorter; what is shorter stands for itself with digits and signs around it.
SHORTEST_PASSWORD, SHORTEST_WORD = 12, 4


def main() -> None:
    """Of the package's list, which has the most common ones first."""
    with tempfile.TemporaryDirectory() as scratch:
        files = fetched(PACKAGE, Path(scratch))
    ranked = json.loads(files[PACKAGE.entry])
    kept = {each.lower() for rank, each in enumerate(ranked) if _matters(each, rank)}
    lines = [
        f"# Common passwords in small letters, of {PACKAGE.name} {PACKAGE.version}: words among the {MOST_COMMON} most",
        f"# common ones, and all of {SHORTEST_PASSWORD} letters or more. Its licence (MIT):",
        *(f"# {line}".rstrip() for line in files["LICENSE.txt"].decode().splitlines()),
        *sorted(kept),
    ]
    for file in LISTS:
        file.write_text("\n".join(lines) + "\n")


def _matters(password: str, rank: int) -> bool:
    is_word = password[0].isalpha() and password[-1].isalpha() and len(password) >= SHORTEST_WORD
    return len(password) >= SHORTEST_PASSWORD or (is_word and rank < MOST_COMMON)


if __name__ == "__main__":
    main()
