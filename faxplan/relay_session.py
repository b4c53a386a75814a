"""A session with a mail server: mails one after another, each to one recipient."""

import smtplib
from contextlib import suppress
from typing import TYPE_CHECKING

from faxplan import smtp_answers
from faxplan.errors import FaxplanError
from faxplan.language import _
from faxplan.smtp_answers import BrokenOff, ContentRefused, MailFailed, RelayRefused, SenderRefused
from faxplan.smtp_connection import Smtp

if TYPE_CHECKING:
    from faxplan.mail import Relay

_MAIL_SECONDS = 120
"""For one mail, of a host that a tenant has named."""


class RelaySession:
    """An open connection to a mail server."""

    def __init__(self, relay: "Relay", smtp: Smtp) -> None:
        self.relay = relay
        self._smtp = smtp

    def hand_over(self, mail: bytes, *, sender: str, recipient: str) -> str:
        """One mail to one recipient; what the server said when it took it. sender: of the envelope; empty: none.

        Raises RelayRefused (SenderRefused, ContentRefused), MailFailed for this mail alone, ServerAway, and BrokenOff.
        """
        where = self.relay.where
        smtp = self._smtp
        smtp.give_time(_MAIL_SECONDS)
        try:
            smtp.ehlo_or_helo_if_needed()
            options = [f"size={len(mail)}"] if smtp.has_extn("size") else []
            if smtp.has_extn("8bitmime") and not mail.isascii():
                options.append("body=8bitmime")
            code, said = smtp.mail(sender, options)
            if code != 250:
                raise self._turned_away(smtp_answers.error_of(where, code, said, SenderRefused))
            code, said = smtp.rcpt(recipient) if recipient else (501, b"no recipient")
            if code not in (250, 251, 252):
                raise self._turned_away(smtp_answers.error_of(where, code, said))
            code, said = smtp.data(mail)
        except (RelayRefused, MailFailed):
            raise
        except smtplib.SMTPDataError as error:
            raise self._turned_away(smtp_answers.error_of(where, error.smtp_code, error.smtp_error)) from error
        except (OSError, smtplib.SMTPException) as error:
            raise BrokenOff(_("{where} broke off: {why}").format(where=where, why=smtp_answers.why(error))) from error
        if not 200 <= code < 300:
            raise smtp_answers.error_of(where, code, said, ContentRefused)
        return smtp_answers.shown(code, said)

    def _turned_away(self, error: FaxplanError) -> FaxplanError:
        # Where it hangs up now, the next mail says so.
        with suppress(OSError, smtplib.SMTPException):
            self._smtp.rset()
        return error
