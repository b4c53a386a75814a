"""A mail as the bytes that are handed over, and what of it stays outside when its content is sealed.

Lines end with CRLF and all is ASCII, so no relay has a reason to write it anew, which would break what is signed or
sealed. A relay reads what is outside: of the headers only those named here, and nothing of the attachments, not even
their names. A mail is in memory several times over while it is made: `fax_attachment` has the limit.
"""

import re
from email.message import EmailMessage
from email.policy import SMTP

OUTSIDE = (
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Subject",
    "Auto-Submitted",
    "Precedence",
    "X-Auto-Response-Suppress",
)
"""The headers of a sealed mail that everybody reads. All others go inside."""
_HIDDEN = ("Bcc", "Resent-Bcc")
_ADDRESS = re.compile(r"[^\s\x00-\x20<>@]+@[^\s\x00-\x20<>@]+")
_FORM = SMTP.clone(cte_type="7bit")


def is_address(text: str) -> bool:
    """Whether a key or certificate that says this names an e-mail address by it."""
    return _ADDRESS.fullmatch(text) is not None


def flat(message: EmailMessage) -> bytes:
    """The mail as it is handed over; nobody learns from it who gets a blind copy. Holds it once more."""
    shown = _without(message, _HIDDEN) if any(name in message for name in _HIDDEN) else message
    return shown.as_bytes(policy=_FORM)


def content(message: EmailMessage) -> bytes:
    """What is sealed of it: all of it but what stays outside (RFC 8551, 3.1; RFC 3156, 4). Holds it once more."""
    return _without(message, (*OUTSIDE, *_HIDDEN)).as_bytes(policy=_FORM)


def around(message: EmailMessage, sealed: EmailMessage) -> bytes:
    """The mail with `sealed` for its content, as it is handed over. sealed: without headers of its own but those of
    its content."""
    whole = EmailMessage()
    for name in OUTSIDE:
        for value in message.get_all(name, ()):
            whole[name] = value
    for name, value in sealed.items():
        whole[name] = value
    whole.set_payload(sealed.get_payload())
    return flat(whole)


def _without(message: EmailMessage, names: tuple[str, ...]) -> EmailMessage:
    """A copy that shares the content."""
    left_out = {name.lower() for name in names}
    copy = EmailMessage(policy=message.policy)
    for name, value in message.items():
        if name.lower() not in left_out:
            copy[name] = value
    copy.set_payload(message.get_payload())
    return copy
