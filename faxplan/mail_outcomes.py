"""What becomes of a mail that comes in, for each of its recipients, and in which words."""

import errno
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from faxplan import plain_words
from faxplan.document_store import StoreUnavailable
from faxplan.errors import FaxplanError, InvalidNumber, InvalidSetting
from faxplan.files import UnsafeFolder
from faxplan.language import _
from faxplan.mail_refusals import MailRefused, MailTooLarge, WrongAddress
from faxplan.refusals import DocumentTooLarge
from faxplan.tries import TooManyTries

LOG = logging.getLogger("faxplan.mail_in")
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_OURS = (InvalidSetting, UnsafeFolder)
"""What somebody has to mend here, and no mail is lost meanwhile."""


class UnknownHost(MailRefused):
    """No tenant has this host."""

    error_id = "unknown-host"


class NotProven(MailRefused):
    """Nobody who may fax is known to have sent it."""

    error_id = "not-proven"


class MachineMail(MailRefused):
    """An automatic answer, a report, a list's mail, or one that goes in circles: no fax was meant."""

    error_id = "machine-mail"


class State(StrEnum):
    """What became of a mail for one recipient."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    """For good."""
    LATER = "later"
    """It may be taken if it is sent again."""
    FULL = "full"
    """Likewise, once there is room."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """code: an enhanced status code (RFC 3463). words: for who has sent it. fax_id: the fax; None: there is none (any
    more)."""

    recipient: str = field(repr=False)
    state: State
    code: str
    words: str
    fax_id: int | None = None


def accepted(recipient: str, fax_id: int | None) -> Outcome:
    """There is a fax of it."""
    words = "Taken" if fax_id is None else f"Fax {fax_id}"
    return Outcome(recipient, State.ACCEPTED, "2.0.0", words, fax_id)


def away(recipient: str) -> Outcome:
    """It is no fault of the mail."""
    return Outcome(
        recipient, State.LATER, "4.3.0", _("Something that this needs is away for the moment. It is tried again.")
    )


def _full(recipient: str) -> Outcome:
    return Outcome(recipient, State.FULL, "4.3.1", _("There is no room for this mail at present. It is tried again."))


def of_error(recipient: str, error: Exception) -> Outcome:
    """What an error means to who has sent the mail."""
    if isinstance(error, StoreUnavailable) or (isinstance(error, OSError) and error.errno in _NO_ROOM):
        LOG.error("A mail waits at the mail server: %s", error)
        return _full(recipient)
    if isinstance(error, TooManyTries):
        return Outcome(
            recipient, State.LATER, "4.7.0", _("Too many wrong PINs came in this name. It is tried again later.")
        )
    if not isinstance(error, FaxplanError):
        # Not its words: they may have been written by who has sent the mail.
        LOG.error("A mail waits at the mail server: %s (%s)", type(error).__name__, _whence(error))
        return away(recipient)
    if error.retryable or isinstance(error, _OURS):
        LOG.error("A mail waits at the mail server: %s", error)
        return away(recipient)
    code = next((code for kind, code in _CODES if isinstance(error, kind)), "5.7.0")
    return Outcome(recipient, State.REFUSED, code, plain_words.without_commands(str(error)))


_CODES: Sequence[tuple[type[FaxplanError], str]] = (
    (UnknownHost, "5.1.2"),
    (WrongAddress, "5.1.3"),
    (InvalidNumber, "5.1.3"),
    (NotProven, "5.7.1"),
    (MailTooLarge, "5.3.4"),
    (DocumentTooLarge, "5.3.4"),
    (MailRefused, "5.6.0"),
)


def _whence(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
