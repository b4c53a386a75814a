"""What was said in English before, told in the language that is spoken: a fax's explanation, a refusal of a child.

What the switch and the worker say lies in the database, and is read by people of several languages. It is found among
the messages of the code, by its whole text or sentence by sentence, with what stands for their placeholders; what is
none of them stays as it is.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from faxplan import language

_LONGEST = 1000
"""In characters: what is longer is nothing that we have said."""
_DEEPEST = 4
_FEWEST_LETTERS = 4
"""Of a message with placeholders, outside of them: with fewer it would be found in anything."""
_FIELD = re.compile(r"\{(\w+)(?:![rsa])?(?::[^{}]*)?\}")
_SENTENCES = re.compile(r"(?<=[.!?)])\s+")
_ASIDE = re.compile(r"(.+) (\([^()]+\))")


@dataclass(frozen=True, slots=True)
class _Told:
    """A message with placeholders. parts: what stands between them, in order."""

    pattern: re.Pattern[str]
    parts: tuple[str, ...]
    said: tuple[str, ...]
    """Its translations: one, or one for each form."""

    @property
    def letters(self) -> int:
        return sum(map(len, self.parts))

    def match(self, text: str) -> Mapping[str, str] | None:
        at = 0
        for part in self.parts:
            found = text.find(part, at)
            if found < 0:
                return None
            at = found + len(part)
        matched = self.pattern.fullmatch(text)
        return None if matched is None else matched.groupdict()


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
    sentences, told, begun = _SENTENCES.split(text), [], 0
    while begun < len(sentences):
        for end in range(len(sentences), begun, -1):
            part = _found(known, " ".join(sentences[begun:end]), depth)
            if part is not None or end == begun + 1:
                told.append(part or sentences[begun])
                begun = end
                break
    return " ".join(told)


def _found(known: _Messages, text: str, depth: int) -> str | None:
    """None: it is no message of ours."""
    if text in known.plain:
        return known.plain[text]
    for each in known.filled:
        values = each.match(text)
        if values is not None:
            return _fill(known, each, values, depth)
    if text.endswith("."):
        inner = _found(known, text[:-1], depth)
        return None if inner is None else f"{inner}."
    # What the machines said.
    aside = _ASIDE.fullmatch(text)
    if aside is not None:
        inner = _found(known, aside[1], depth)
        return None if inner is None else f"{inner} {known.plain.get(aside[2], aside[2])}"
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
        names = _FIELD.findall(message)
        parts = tuple(_FIELD.split(message)[::2])
        if not names:
            plain[message] = said[0]
        elif sum(each.isalpha() for part in parts for each in part) >= _FEWEST_LETTERS:
            filled.append(_Told(_pattern(message), tuple(part for part in parts if part), said))
    filled.sort(key=lambda each: each.letters, reverse=True)
    return _Messages(plain, tuple(filled))


def _pattern(message: str) -> re.Pattern[str]:
    seen: set[str] = set()
    written, at = "", 0
    for field in _FIELD.finditer(message):
        name = field[1]
        written += re.escape(message[at : field.start()])
        written += f"(?P={name})" if name in seen else f"(?P<{name}>.+?)"
        seen.add(name)
        at = field.end()
    return re.compile(written + re.escape(message[at:]), re.DOTALL)
