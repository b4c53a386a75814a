"""Mail to people, through a mail server that takes it: this machine's own, one in its network, or a tenant's.

What a session is told stands in the outbox, and is read in the portal; what is wrong with the settings, or with a mail
that `send` sends, is for who runs the server, and in English.
"""

import ipaddress
import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from email.utils import formataddr, formatdate, make_msgid
from enum import StrEnum
from pathlib import Path

from faxplan import smtp_answers
from faxplan.config import Settings
from faxplan.errors import InvalidSetting
from faxplan.language import _
from faxplan.relay_session import RelaySession
from faxplan.smtp_answers import MailFailed, ServerAway
from faxplan.smtp_connection import Bounded, Smtp
from faxplan.web_client import AddressRefused, FetchFailed, WebClient

_SECONDS = 30
"""For an answer; of a host that a tenant has named, for all of them until we are in."""
_QUIT_SECONDS = 5
"""To say goodbye to a host that a tenant has named."""
_ATOM, _LABEL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+", r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?"
_ADDRESS = re.compile(rf"(?!.*=\?)(?=.{{1,64}}@){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*")
"""RFC 5321, 4.1.2, without quotes and address literals: what every server on the way takes, and no header breaks on."""
_LONGEST_ADDRESS = 254
_IN = 235
"""RFC 4954."""


class Security(StrEnum):
    """What protects a mail on its way to the mail server."""

    NONE = "none"
    OPPORTUNISTIC = "opportunistic"
    """TLS where it is offered, whoever that is (RFC 7435)."""
    STARTTLS = "starttls"
    """TLS begun within (RFC 3207), with a certificate that proves the host; or nothing is sent."""
    TLS = "tls"
    """TLS from the start (RFC 8314), likewise."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file, of whatever bytes."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Relay:
    """Where mail is handed in. sender: the address that it comes from. user: to log in, if not empty, by the password,
    or by a token (XOAUTH2). ca_file: CA certificates that may prove the server beside the system's. client: by which a
    host is reached that a tenant has named; None: an operator has.
    """

    host: str
    port: int
    sender: str
    security: Security = Security.OPPORTUNISTIC
    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    ca_file: Path | None = None
    client: WebClient | None = None

    @classmethod
    def of(cls, settings: Settings) -> "Relay":
        """As the settings have it. Raises InvalidSetting."""
        file = settings.smtp_password_file
        try:
            password = "" if file is None else file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidSetting(f"The password of smtp_user cannot be read ({error}). Mend {file}.") from error
        return cls(
            settings.smtp_host, settings.smtp_port, settings.smtp_from, Security(settings.smtp_security),
            settings.smtp_user, password, ca_file=settings.smtp_ca_file,
        )  # fmt: skip

    def of_sender(self, address: str) -> "Relay":
        """The same in another's name, where there is one."""
        return replace(self, sender=address) if address else self

    @property
    def is_safe(self) -> bool:
        """Whether what is handed in there is read by nobody on the way: by TLS, or within this machine."""
        return self.security in (Security.STARTTLS, Security.TLS) or self._is_here

    @property
    def _is_here(self) -> bool:
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def where(self) -> str:
        """The mail server, as errors name it."""
        return f"{self.host}:{self.port}"

    def send(
        self, recipients: list[str], subject: str, text: str, attachment: Attachment | None = None, *, name: str = ""
    ) -> None:
        """One mail to all. name: of the sender. Raises InvalidSetting for an address that is none, and MailFailed."""
        for address in (self.sender, *recipients):
            check_address(address)
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
        try:
            with self._connected() as smtp:
                refused = smtp.send_message(message, self.sender, recipients)
        except smtplib.SMTPRecipientsRefused as error:
            raise MailFailed(
                f"{self._told} takes no mail for {_refusals(error.recipients)}. Correct the addresses."
            ) from error
        except (OSError, smtplib.SMTPException) as error:
            raise MailFailed(
                f"{self._told} did not take a mail: {error}. Is there a mail relay, and may we use it?"
            ) from error
        if refused:
            raise MailFailed(
                f"{self._told} takes no mail for {_refusals(refused)}; the others have it. Correct the addresses."
            )

    @contextmanager
    def session(self, seconds: float | None = None) -> Iterator[RelaySession]:
        """A connection for mails one after another, each of one recipient. seconds: to wait for each answer; None: as
        long as is usual. Raises ServerAway; at its end nothing."""
        try:
            smtp = self._opened(seconds)
        except (OSError, smtplib.SMTPException, AddressRefused, FetchFailed, ValueError) as error:
            # ValueError: smtplib's, of what a server says while we log in.
            raise ServerAway(
                _("{where} takes no mail: {why}. Is there a mail server, and may we use it?").format(
                    where=self._told, why=smtp_answers.why(error)
                )
            ) from error
        try:
            yield RelaySession(self, smtp)
        finally:
            try:
                smtp.give_time(_QUIT_SECONDS)
                smtp.quit()
            except (OSError, smtplib.SMTPException):
                smtp.close()

    @property
    def _told(self) -> str:
        return self.where if self.client is not None else f"{self.where} (smtp_host, smtp_port)"

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        with self._opened() as smtp:
            yield smtp

    def _opened(self, seconds: float | None = None) -> Smtp:
        checked = self._checked() if self.client is None else Bounded(self.client.tls())
        smtp = Smtp(
            self.host,
            self.port,
            # What servers write into each mail that they take: whose it is, and not how this machine is called.
            self.sender.rpartition("@")[2],
            seconds or _SECONDS,
            client=self.client,
            at_once=checked if self.security is Security.TLS else None,
        )
        try:
            if self.security is Security.STARTTLS:
                smtp.starttls(context=checked)  # type: ignore[arg-type]  # what it asks of it
            elif self.security is Security.OPPORTUNISTIC:
                smtp.ehlo()
                if smtp.has_extn("starttls"):
                    smtp.starttls(context=_unchecked())
            self._log_in(smtp)
        except BaseException:
            smtp.close()
            raise
        return smtp

    def _log_in(self, smtp: smtplib.SMTP) -> None:
        try:
            if self.token:
                # As login does by itself. Without it servers say 503, which smtplib takes for "you are in already".
                smtp.ehlo_or_helo_if_needed()
                code, said = smtp.auth("XOAUTH2", lambda why=None: "" if why else _xoauth2(self.user, self.token))
                if code != _IN:
                    raise smtplib.SMTPAuthenticationError(code, said)
            elif self.user:
                smtp.login(self.user, self.password)
        except UnicodeEncodeError:
            # Its own words have a letter of the password: nor does it come along as the cause.
            raise smtplib.SMTPException(_("user name and password can have signs of ASCII alone")) from None

    def _checked(self) -> ssl.SSLContext:
        checked = ssl.create_default_context()
        if self.ca_file is not None:
            try:
                checked.load_verify_locations(self.ca_file)
            except OSError as error:
                raise InvalidSetting(f"smtp_ca_file {self.ca_file} cannot be read ({error}). Correct it.") from error
            # From Python 3.13 on a CA must be as RFC 5280 has it, and `openssl req -x509` writes none of that kind.
            checked.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return checked


def _xoauth2(user: str, token: str) -> str:
    return f"user={user}\x01auth=Bearer {token}\x01\x01"


def is_address(text: str) -> bool:
    """Whether mail can be sent to it, or in its name."""
    return len(text) <= _LONGEST_ADDRESS and _ADDRESS.fullmatch(text) is not None


def check_address(address: str) -> None:
    """Raises InvalidSetting for what is no mail address."""
    if not is_address(address):
        raise InvalidSetting(
            f"{address!r} is no mail address. Correct smtp_from, or whoever is to have mail, in the settings."
        )


def _unchecked() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _refusals(refused: dict[str, tuple[int, bytes]]) -> str:
    return ", ".join(f"{address} ({smtp_answers.shown(code, said)})" for address, (code, said) in refused.items())
