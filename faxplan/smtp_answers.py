"""What mail servers answer, in our words: which error it is, and what is kept of what they said."""

import smtplib

from faxplan.errors import FaxplanError
from faxplan.language import _

_LONGEST_SAID = 500
_TOO_LARGE = 552
"""RFC 1870."""
_WANTS_A_LOG_IN = (530, 534, 535, 538)
"""RFC 4954: no mail is at fault for that, nor its recipient."""


class MailFailed(FaxplanError):
    """The mail server did not take a mail; another try may succeed."""

    error_id = "mail-failed"
    retryable = True


class ServerAway(MailFailed):
    """The mail server is not there, or takes nothing from us now: neither would it take the next mail."""


class BrokenOff(ServerAway):
    """It ended the conversation over a mail, which it may have or not."""


class RelayRefused(FaxplanError):
    """The mail server takes no such mail for this recipient, and will not."""

    error_id = "relay-refused"


class SenderRefused(RelayRefused):
    """It takes none in this sender's name."""


class ContentRefused(RelayRefused):
    """It takes none with what is in it."""


class SizeRefused(ContentRefused):
    """It takes none of this size."""


def error_of(where: str, code: int, said: bytes | str, for_good: type[RelayRefused] = RelayRefused) -> FaxplanError:
    """That a mail server does not take a mail. for_good: what it is where the server says that it never will."""
    words = _("{where} said: {said}").format(where=where, said=shown(code, said))
    if code == 421:
        return BrokenOff(words)
    if code in _WANTS_A_LOG_IN:
        return ServerAway(words)
    if code == _TOO_LARGE:
        return SizeRefused(words)
    return for_good(words) if 500 <= code < 600 else MailFailed(words)


def why(error: Exception) -> str:
    """What has gone wrong, in a line."""
    if isinstance(error, smtplib.SMTPResponseException):
        return shown(error.smtp_code, error.smtp_error)
    return _printable(str(error)) or type(error).__name__


def shown(code: int, said: bytes | str) -> str:
    """What a server said, on one line, as much as is worth keeping."""
    written = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return f"{code} {_printable(written)}"[:_LONGEST_SAID]


def _printable(said: str) -> str:
    """On one line, in signs that can be kept (PostgreSQL takes no NUL), and do nothing where they are shown."""
    return "".join(each if each.isprintable() else "\ufffd" for each in " ".join(said.split()))
