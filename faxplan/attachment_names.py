"""Names of files that strangers give, as they may be shown and kept. No file on a disk is ever called so."""

import re
import unicodedata

from faxplan.mail_headers import decoded

MOST = 150
"""Characters."""
_MOST_ENDING, _MOST_READ = 20, 1000
_SEPARATOR = re.compile(r"[/\\]")
_OUT_OF_PLACE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Unicode categories: controls, what turns the direction of writing, surrogates, and what is no character."""


def safe(written: str, number: int) -> str:
    """Without folders, controls and what is unseen, and not too long. number: of the file in its mail, for one that has
    no name then."""
    # Some programs encode a name twice.
    text = decoded(decoded(written)).rstrip("/\\")
    # Of a long one its end tells what it is. To normalise takes time by the square of many marks on one letter.
    name = unicodedata.normalize("NFC", _SEPARATOR.split(text)[-1][-_MOST_READ:])
    name = "".join(each for each in name if unicodedata.category(each) not in _OUT_OF_PLACE)
    name = " ".join(name.replace("\ufffd", "_").split()).lstrip(".").strip()
    if not name.strip("._- "):
        return f"attachment-{number}"
    if len(name) > MOST:
        stem, dot, ending = name.rpartition(".")
        keeps = dot and stem and len(ending) <= _MOST_ENDING
        name = f"{stem[: MOST - 1 - len(ending)].strip()}.{ending}" if keeps else name[:MOST].strip()
    return name


def ending(name: str) -> str:
    """Behind its last dot, in lower case; empty where there is none."""
    return name.rpartition(".")[2].lower() if "." in name else ""
