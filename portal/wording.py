"""What the domain says, as a browser shows it: its advice to use a command is for a shell, and is left out.

What was said in English, by a child or by the switch, is told in the language that is spoken.
"""

import re

from faxplan.retelling import retold

_SENTENCE = re.compile(r"(?<=[.!?])\s+")
_COMMAND = "`faxplan "
_CLAUSE = re.compile(r";\s+`faxplan [^.;]*")
_ASIDE = re.compile(r"(?<!\s)\s*\([^()]*\)")


def for_browser(text: str) -> str:
    """In the language that is spoken, and without commands."""
    return without_commands(retold(text))


def without_commands(text: str) -> str:
    """Without the sentences, and what stands in brackets or behind a semicolon, that name a command; all of it where
    nothing else is said."""
    without = _CLAUSE.sub("", _ASIDE.sub(_without_command, text))
    left = [each for each in _SENTENCE.split(without) if _COMMAND not in each]
    return " ".join(left) or text


def _without_command(aside: re.Match[str]) -> str:
    return "" if _COMMAND in aside[0] else aside[0]
