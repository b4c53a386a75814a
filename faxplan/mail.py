"""Mail to people, through a relay that takes it without a log-in: this machine's own, or one in its network."""

import re
import smtplib
from dataclasses import dataclass, replace
from email.message import EmailMessage
from email.utils import formataddr, formatdate, make_msgid

from faxplan.config import Settings
from faxplan.errors import FaxplanError, InvalidSetting

_SECONDS = 30
_ADDRESS = re.compile(r"[^\s@<>(),:;\"\\]+@[^\s@<>(),:;\"\\]+")


class MailFailed(FaxplanError):
    """The relay did not take a mail; another try may succeed."""

    error_id = "mail-failed"
    retryable = True


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file, of whatever bytes."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Relay:
    """Where mail is handed in. sender: the address that it comes from."""

    host: str
    port: int
    sender: str

    @classmethod
    def of(cls, settings: Settings) -> "Relay":
        """As the settings have it."""
        return cls(settings.smtp_host, settings.smtp_port, settings.smtp_from)

    def of_sender(self, address: str) -> "Relay":
        """The same in another's name, where there is one."""
        return replace(self, sender=address) if address else self

    def send(
        self, recipients: list[str], subject: str, text: str, attachment: Attachment | None = None, *, name: str = ""
    ) -> None:
        """One mail to all. name: of the sender. Raises InvalidSetting for an address that is none, and MailFailed."""
        for address in (self.sender, *recipients):
            if not _ADDRESS.fullmatch(address):
                raise InvalidSetting(
                    f"{address!r} is no mail address. Correct smtp_from, or whoever is to have mail, in the settings."
                )
        message = EmailMessage()
        message["From"] = formataddr((name, self.sender)) if name else self.sender
        message["To"] = ", ".join(recipients)
        message["Subject"], message["Date"] = subject, formatdate()
        message["Message-ID"] = make_msgid(domain=self.sender.rpartition("@")[2])
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        if attachment is not None:
            message.add_attachment(
                attachment.content, maintype="application", subtype="octet-stream", filename=attachment.name
            )
        where = f"{self.host}:{self.port} (smtp_host, smtp_port)"
        try:
            with smtplib.SMTP(self.host, self.port, timeout=_SECONDS) as smtp:
                refused = smtp.send_message(message, self.sender, recipients)
        except smtplib.SMTPRecipientsRefused as error:
            raise MailFailed(f"{where} takes no mail for {_said(error.recipients)}. Correct the addresses.") from error
        except (OSError, smtplib.SMTPException) as error:
            raise MailFailed(
                f"{where} did not take a mail: {error}. Is there a mail relay, and may we use it?"
            ) from error
        if refused:
            raise MailFailed(f"{where} takes no mail for {_said(refused)}; the others have it. Correct the addresses.")


def _said(refused: dict[str, tuple[int, bytes]]) -> str:
    return ", ".join(
        f"{address} ({code} {said.decode('utf-8', 'replace')})" for address, (code, said) in refused.items()
    )
