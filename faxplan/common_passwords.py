"""Passwords that many have, or that others guess of somebody (NIST SP 800-63B-4, 3.1.1.2).

The browser's new-password.js does the same. All take a password in NFC and small letters.
"""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

_LIST = Path(__file__).with_name("data") / "common-passwords.txt"
_FEWEST_OWN_LETTERS = 6
"""What is left beside known words: letters of one's own."""
_SHORTEST_WORD = 4
# How people write letters as digits and signs. A 1 or ! is i or l.
_LOOKALIKES = [str.maketrans("01!345$7@", f"o{one}{one}eassta") for one in "il"]


def is_common(plain: str) -> bool:
    """Whether it is in the list; also with digits and signs around it or for its letters, or twice."""
    known = _common_ones()
    return any(variant in known or _once(variant) in known for variant in _variants(plain))


def is_row(plain: str) -> bool:
    """Letters or digits one after another, up or down, as abcdefghijkl."""
    steps = {ord(following) - ord(letter) for letter, following in pairwise(plain)}
    return steps in ({1}, {-1})


def is_of(plain: str, words: Iterable[str]) -> bool:
    """Whether it is made of these words (a name, an e-mail address) and little else."""
    known = {part for word in words for part in re.split(r"[\W_]+", word) if len(part) >= _SHORTEST_WORD}
    left = plain
    for word in sorted(known, key=len, reverse=True):
        left = left.replace(word, "")
    return left != plain and sum(letter.isalpha() for letter in left) < _FEWEST_OWN_LETTERS


def _variants(plain: str) -> Iterator[str]:
    """As it stands; without digits and signs before a word, behind it, and both; each also read as letters."""
    for cut in (
        plain,
        _without_start(plain),
        _without_start(plain[::-1])[::-1],
        _without_start(_without_start(plain)[::-1])[::-1],
    ):
        yield cut
        yield from (cut.translate(letters) for letters in _LOOKALIKES)


def _without_start(text: str) -> str:
    return next((text[at:] for at, letter in enumerate(text) if letter.isalpha()), "")


def _once(text: str) -> str:
    """What is there twice or more often, once: passwordpassword."""
    found = re.fullmatch(r"(.+?)\1+", text, re.DOTALL)
    return found[1] if found else text


@cache
def _common_ones() -> frozenset[str]:
    return frozenset(line for line in _LIST.read_text().splitlines() if not line.startswith("#"))
