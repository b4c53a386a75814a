"""What the domain says, without its advice to use a command: that is for a shell, and nobody else knows one here."""

import re

_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_COMMAND = "`faxplan "
_CLAUSE = re.compile(r";\s+`faxplan [^.;]*")
_ASIDE = re.compile(r"(?<!\s)\s*\([^()]*\)")


def without_commands(text: str) -> str:
    """Without the sentences, and what stands in brackets or behind a semicolon, that name a command; all of it where
    nothing else is said."""
    without = _CLAUSE.sub("", _ASIDE.sub(_without_command, text))
    left = [each for each in _SENTENCE.split(without) if _COMMAND not in each]
    return " ".join(left) or text


def _without_command(aside: re.Match[str]) -> str:
    return "" if _COMMAND in aside[0] else aside[0]
