"""By which words contacts are found: text as people remember it, without case and accents, and the number.

Under row-level security only operators that tell nothing reach an index (no LIKE): what begins with something is a
range of text in byte order. So each contact has its words as rows, folded, and a search has ranges of them.
"""

import re
import unicodedata
from collections.abc import Iterable

from faxplan import numbers

LONGEST = 40
"""Of a word's characters, so many are looked at."""
MOST_TERMS = 8
"""Of a search's words, so many are looked at."""
_END = "\U0010ffff"
_LIKE_A_NUMBER = re.compile(r"[+0-9\s()/.\-]*[0-9][+0-9\s()/.\-]*")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa"})
_WITHOUT_ACCENT = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "\u0131": "i", "ħ": "h", "ŋ": "n"}
)


def folded(text: str) -> str:
    """As it is compared: small letters, without accents."""
    parts = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(each for each in parts if not unicodedata.category(each).startswith("M"))
    return bare.casefold().translate(_WITHOUT_ACCENT)


def keys(texts: Iterable[str], number: str) -> list[str]:
    """What a contact is found by. number: E.164."""
    return sorted({key for text in texts for token in _tokens(text) for key in _spellings(token)} | {number})


def terms(text: str, country: str) -> list[list[str]]:
    """What a search is for: of each of these, a contact has a key that begins with one of its beginnings.

    Empty: nothing is found by it. country: in which a number is written (ISO 3166-1 alpha-2).
    """
    written = unicodedata.normalize("NFKC", text).strip()
    if _LIKE_A_NUMBER.fullmatch(written):
        beginnings = numbers.beginnings(written, country)
        # 1860 may also be a word of a name.
        return [[*beginnings, *(_tokens(written) if written.isdigit() else [])]]
    return [spellings for token in _tokens(text)[:MOST_TERMS] if (spellings := _spellings(token))]


def ranges(term: Iterable[str]) -> list[tuple[str, str]]:
    """From where to where, in byte order, keys lie that begin so."""
    return [(beginning[:LONGEST], beginning[:LONGEST] + _END) for beginning in term]


def _tokens(text: str) -> list[str]:
    composed = unicodedata.normalize("NFC", text)
    kept = (each if each.isalnum() or unicodedata.category(each).startswith("M") else " " for each in composed)
    return "".join(kept).split()


def _spellings(token: str) -> list[str]:
    """Müller is muller, and mueller: who looks for either has meant this one."""
    small = token.casefold()
    return sorted({folded(each)[:LONGEST] for each in (small, small.translate(_UMLAUTS))} - {""})
