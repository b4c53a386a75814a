"""Digits that are dialled after the answer, for an extension or an access code: DTMF before the fax begins.

A user writes them behind the number, after `w` (half a second's pause) or `p` (two seconds): 030 123456p22w1#. They are
kept apart from the number, decide nothing about its route, and stand in no dial string.
"""

import re

from faxplan.errors import InvalidNumber
from faxplan.language import _

MOST_DIGITS = 20
MOST_PAUSES = 19
"""So that no more than 99 characters come of it: FreeSWITCH sends none of a longer text (switch_core_io.c)."""
_AFTER_A_DIGIT = re.compile(r"(?<=[0-9)])\s*([wWpP].*)$", re.DOTALL)
_WRITTEN = re.compile(r"[0-9*#A-DwpWP]+")
_GROUPS = str.maketrans("", "", " .-/()")
_PAUSES = {"w": "w", "p": "wwww"}
_TONE_MS, _PAUSE_MS, _MARGIN_MS = 300, 500, 300
_TONES = re.compile("[0-9*#ABCDw]{1,99}")


def split(text: str) -> tuple[str, str]:
    """The number as it was written, and what is dialled after the answer: `w`, `p` and DTMF digits, or nothing.

    Raises InvalidNumber; what it says has none of the digits after the number, which may be a secret.
    """
    found = _AFTER_A_DIGIT.search(text)
    if found is None:
        return text, ""
    number, written = text[: found.start()], found[1].translate(_GROUPS)
    written = re.sub("[wp]+$", "", written, flags=re.IGNORECASE) if _WRITTEN.fullmatch(written) else ""
    digits = re.sub("[wpWP]", "", written)
    if not digits or len(digits) > MOST_DIGITS or len(written) - len(digits) > MOST_PAUSES:
        raise InvalidNumber(
            _(
                "What is dialled after {number} is answered has 1 to {most_digits} of the digits 0 to 9, *, #, A to "
                "D, and at most {most_pauses} pauses: w for half a second, p for two seconds."
            ).format(number=repr(number.strip()[:40]), most_digits=MOST_DIGITS, most_pauses=MOST_PAUSES)
        )
    return number, re.sub("[WP]", lambda pause: pause[0].lower(), written)


def tones(digits: str) -> str:
    """As FreeSWITCH's send_dtmf takes it: DTMF digits, and w, its own pause of half a second.

    digits: as `split` gives them, or as they were kept. Raises InvalidNumber where anything else is in them, since this
    becomes an argument of an application.
    """
    translated = "".join(_PAUSES.get(each, each) for each in digits)
    if not _TONES.fullmatch(translated):
        raise InvalidNumber(_("What is dialled after the answer has more than DTMF digits and pauses in it."))
    return translated


def tone_stream(translated: str) -> str:
    """The same as a tone_stream of mod_tone_stream, to be played into the audio. translated: what `tones` gave."""
    parts = re.findall("w+|[^w]+", translated)
    return "tone_stream://" + ";".join(
        f"%(0,{_PAUSE_MS * len(part)},0)" if part.startswith("w") else f"v=-10;d=150;w=100;{part}" for part in parts
    )


def milliseconds(translated: str) -> int:
    """How long send_dtmf takes over them, and a bit more: it returns at once. translated: what `tones` gave."""
    pauses = translated.count("w")
    return _PAUSE_MS * pauses + _TONE_MS * (len(translated) - pauses) + _MARGIN_MS
