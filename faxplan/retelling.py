"""What was said in English before, told in the language that is spoken: a fax's explanation, a refusal of a child.

What the switch and the worker say lies in the database, and is read by people of several languages. It is found among
the messages of the code, by its whole text or sentence by sentence, with what stands for their placeholders; what is
none of them stays as it is.

What strangers write is in such texts as well, of whatever length and form: the work is bounded by the text's length
times the number of messages, however it is made up (no backtracking, few sentences, few of them at once).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from faxplan import language

_LONGEST = 1000
"""In characters: what is longer is nothing that we have said."""
_MOST_SENTENCES = 12
"""What stands behind them stays as it is."""
_WINDOW = 3
"""Sentences that are looked for as one message: none of ours has more."""
_DEEPEST = 4
_FEWEST_LETTERS = 4
"""Of a message with placeholders, outside of them: with fewer it would be found in anything."""
_FIELD = re.compile(r"\{(\w+)(?:![rsa])?(?::[^{}]*)?\}")
_SENTENCES = re.compile(r"(?<=[.!?)])\s+")


@dataclass(frozen=True, slots=True)
class _Told:
    """A message with placeholders. parts: what stands before, between and behind them; names: theirs, in order."""

    parts: tuple[str, ...]
    names: tuple[str, ...]
    said: tuple[str, ...]
    """Its translations: one, or one for each form."""

    @property
    def letters(self) -> int:
        return sum(map(len, self.parts))

    def match(self, text: str) -> Mapping[str, str] | None:
        """What stands for the placeholders, none of them nothing: each part is looked for once, from the left."""
        first, *between, last = self.parts
        if not (text.startswith(first) and text.endswith(last)):
            return None
        at, end, values = len(first), len(text) - len(last), dict[str, str]()
        for name, part in zip(self.names, (*between, None), strict=True):
            if name in values:
                # The same again, however often what follows stands in it.
                found = at + len(values[name])
            elif part is None:
                found = end
            else:
                found = text.find(part, at + 1, end)
            if found <= at or values.setdefault(name, text[at:found]) != text[at:found]:
                return None
            if not text.startswith(part or "", found) or (part is None and found != end):
                return None
            at = found + len(part or "")
        return values


@dataclass(frozen=True, slots=True)
class _Messages:
    plain: Mapping[str, str]
    filled: tuple[_Told, ...]
    """The one with the most letters first."""


def retold(text: str) -> str:
    """The text in the language that is spoken, as far as its sentences are messages of ours."""
    spoken = language.current()
    return text if spoken == language.SOURCE or len(text) > _LONGEST else _retold(spoken, text)


@lru_cache(maxsize=4096)
def _retold(spoken: str, text: str) -> str:
    return _told(_messages(spoken), text, 0)


def _told(known: _Messages, text: str, depth: int) -> str:
    """As many sentences at once as are a message; one that is none stays."""
    sentences, told, begun = _SENTENCES.split(text), list[str](), 0
    looked_at = min(len(sentences), _MOST_SENTENCES)
    while begun < looked_at:
        for end in range(min(begun + _WINDOW, looked_at), begun, -1):
            part = _found(known, " ".join(sentences[begun:end]), depth)
            if part is not None or end == begun + 1:
                told.append(part or sentences[begun])
                begun = end
                break
    return " ".join([*told, *sentences[looked_at:]])


def _found(known: _Messages, text: str, depth: int) -> str | None:
    """None: it is no message of ours, nor one without its full stop, or with what the machines said behind it."""
    for whole, ending in _endings(text):
        said = _message(known, whole, depth)
        if said is not None:
            return said + "".join(known.plain.get(each, each) for each in ending)
    return None


def _endings(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What may be a message, and what stands behind it then."""
    yield text, ()
    stop = "." if text.endswith(".") else ""
    if stop:
        yield text.removesuffix(stop), (stop,)
    inner, _space, aside = text.removesuffix(stop).rpartition(" (")
    if inner and len(aside) > 1 and aside.endswith(")") and not set("()") & set(aside[:-1]):
        yield inner, (" ", f"({aside}", stop)


def _message(known: _Messages, text: str, depth: int) -> str | None:
    if text in known.plain:
        return known.plain[text]
    for each in known.filled:
        values = each.match(text)
        if values is not None:
            return _fill(known, each, values, depth)
    return None


def _fill(known: _Messages, told: _Told, values: Mapping[str, str], depth: int) -> str:
    count = values.get("count", "")
    said = told.said[language.form(int(count)) if len(told.said) > 1 and count.isdecimal() else 0]

    def filled(field: re.Match[str]) -> str:
        value = values[field[1]]
        return _told(known, value, depth + 1) if depth < _DEEPEST else value

    return _FIELD.sub(filled, said)


@cache
def _messages(spoken: str) -> _Messages:
    plain: dict[str, str] = {}
    filled: list[_Told] = []
    for message, said in language.of_domain(spoken):
        split = _FIELD.split(message)
        parts, names = tuple(split[::2]), tuple(split[1::2])
        if not names:
            plain[message] = said[0]
        elif sum(each.isalpha() for part in parts for each in part) >= _FEWEST_LETTERS:
            filled.append(_Told(parts, names, said))
    filled.sort(key=lambda each: each.letters, reverse=True)
    return _Messages(plain, tuple(filled))
