"""DTMF that applications send: digits and when each of them ends, in milliseconds.

`send_dtmf` queues them as telephone-events (RFC 4733) and returns; they go out while the channel is read
(switch_rtp.c, do_2833). A tone_stream plays them into the audio, and lasts as long (libteletone_generate.c). As in
FreeSWITCH w is half a second, W a second.
"""

import re

from bench.channel import Channel
from bench.errors import BenchError

_PAUSES_MS = {"w": 500, "W": 1000}
_DIGIT_MS = 250
_SEND_DTMF = re.compile("[0-9*#A-DwW]+")
_SILENCE = re.compile(r"%\(0,(\d+),0\)")
_TONE_STREAM = "tone_stream://"


class NoDtmf(BenchError):
    """Not something that the bench can send: more than digits and pauses, or a tone that is no digit."""


def queued(text: str) -> list[tuple[int, str]]:
    """Of send_dtmf. Raises NoDtmf."""
    if not _SEND_DTMF.fullmatch(text):
        raise NoDtmf(f"send_dtmf takes digits and pauses here, not {text!r}")
    digits, now = [], 0
    for each in text:
        now += _PAUSES_MS.get(each, _DIGIT_MS)
        if each not in _PAUSES_MS:
            digits.append((now, each))
    return digits


def played(path: str) -> tuple[list[tuple[int, str]], int]:
    """Of playback: the digits, and how long it lasts. Raises NoDtmf for other files than such a tone_stream."""
    if not path.startswith(_TONE_STREAM):
        raise NoDtmf(f"playback plays tone_streams here, not {path!r}")
    digits: list[tuple[int, str]] = []
    now, sound_ms, wait_ms = 0, 0, 0
    for part in path.removeprefix(_TONE_STREAM).split(";"):
        name, separator, value = part.partition("=")
        if separator and name in "vdw" and value.lstrip("-").isdigit():
            sound_ms = int(value) if name == "d" else sound_ms
            wait_ms = int(value) if name == "w" else wait_ms
        elif silence := _SILENCE.fullmatch(part):
            now += int(silence[1])
        elif re.fullmatch("[0-9*#A-D]+", part):
            for each in part:
                digits.append((now + sound_ms, each))
                now += sound_ms + wait_ms
        else:
            raise NoDtmf(f"{part!r} of {path!r} is neither digits nor silence")
    return digits, now


def send(channel: Channel, digits: list[tuple[int, str]], *, in_band: bool) -> None:
    """Lets the other side hear them. Lock held."""
    for at, digit in digits:
        channel.line.schedule(at, lambda digit=digit: _heard(channel, digit, in_band))  # type: ignore[misc]


def _heard(channel: Channel, digit: str, in_band: bool) -> None:
    if channel.ready():
        channel.line.other(channel).heard_digit(digit, in_band=in_band)
