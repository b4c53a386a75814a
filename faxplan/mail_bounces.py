"""Bounces: reports of mail servers that a mail of ours, which one had taken, has not reached its recipient.

Mails about faxes go out in an envelope with an address of their own, so that what comes back is known by it, whatever
is written in it. What is read of a report is what failed, and why: by RFC 3464, or as qmail and old Exims write it.
"""

import re
from dataclasses import dataclass
from typing import BinaryIO

from faxplan.mail_headers import Headers
from faxplan.mail_parts import STANDARD_LIMITS, Content, MailLimits, Part, Reader

_LOCAL = "bounce-"
_TOKEN = re.compile(r"bounce-([0-9a-f]{32})", re.IGNORECASE)
_STATUS = ("message/delivery-status", "message/global-delivery-status")
_MOST_READ = 64 * 1024
"""Of a part."""
_LONGEST_SAID = 500
_FIELD = re.compile(r"([!-9;-~]+)[ \t]*:[ \t]*(.*)")
_QMAIL = re.compile(r"Hi\. This is the .{1,200}\n(?:.*\n){0,6}?\n<[^>\n]*>:\n((?:.+\n){0,40})")
"""QSBMF: an apology in a paragraph, then one for each recipient."""


@dataclass(frozen=True, slots=True)
class Bounce:
    """A recipient was not reached, for good. said: why, as a mail server said, on one line; it may be empty."""

    said: str


def address(token: str, host: str) -> str:
    """To which what comes back of a mail is sent. token: of the outbox."""
    return f"{_LOCAL}{token}@{host}"


def parsed(recipient: str) -> tuple[str, str] | None:
    """Of which mail it is: token and host, in lower case; None: it is no such address."""
    local, _at, host = recipient.strip().rpartition("@")
    found = _TOKEN.fullmatch(local)
    return None if found is None else (found[1].lower(), host.lower().removesuffix("."))


def read(source: BinaryIO, *, limits: MailLimits = STANDARD_LIMITS) -> Bounce | None:
    """None: it does not say so; it tells of a delay, say, or that somebody is out of office. Raises MailRefused."""
    root = Reader(_opened, limits).read(source)
    for part in root.leaves():
        if isinstance(part.content, _Text) and part.media_type in _STATUS:
            return _of_status(part.content.text)
    text = next((each.content.text for each in root.leaves() if isinstance(each.content, _Text)), "")
    if root.headers.all("x-failed-recipients"):
        return Bounce(_one_line(text))
    found = _QMAIL.match(f"{text}\n")
    return None if found is None else Bounce(_one_line(found[1]))


class _Text(Content):
    def __init__(self) -> None:
        self._read = b""

    def write(self, piece: bytes) -> None:
        self._read += piece[: _MOST_READ - len(self._read)]

    @property
    def text(self) -> str:
        """As much as is looked at."""
        return self._read.decode("utf-8", "replace").replace("\r\n", "\n")


def _opened(part: Part) -> Content:
    """What is in the mail that came back is thrown away."""
    above = part.within
    while above is not None:
        if above.media_type.startswith("message/"):
            return Content()
        above = above.within
    return _Text() if part.media_type in (*_STATUS, "text/plain") else Content()


def _of_status(text: str) -> Bounce | None:
    for group in text.split("\n\n"):
        fields = _fields(group)
        if fields.first("action").partition("(")[0].strip().lower() == "failed":
            _kind, semicolon, said = fields.first("diagnostic-code").partition(";")
            return Bounce(_one_line(said if semicolon and said.strip() else fields.first("status")))
    return None


def _fields(group: str) -> Headers:
    lines = re.sub(r"\n[ \t]+", " ", group).split("\n")
    found = (_FIELD.fullmatch(line) for line in lines)
    return Headers([(each[1].lower(), each[2]) for each in found if each is not None])


def _one_line(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in " ".join(text.split()))[:_LONGEST_SAID]
