"""Mail to people, through a mail server that takes it: this machine's own, one in its network, or a tenant's.

What a session is told stands in the outbox, and is read in the portal; what is wrong with the settings, or with a mail
that `send` sends, is for who runs the server, and in English.
"""

import ipaddress
import re
import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from email.utils import formataddr, formatdate, make_msgid
from enum import StrEnum
from pathlib import Path
from time import monotonic
from typing import Any

from faxplan.bounded_line import Line, SecuredLine, Spoken, Until
from faxplan.config import Settings
from faxplan.errors import FaxplanError, InvalidSetting
from faxplan.language import _
from faxplan.web_client import AddressRefused, FetchFailed, WebClient

_SECONDS = 30
"""For an answer; of a host that a tenant has named, for all of them until we are in."""
_TAKING_SECONDS = 600
"""RFC 5321, 4.5.3.2.6: many look into a mail before they say that they have it, and who does not wait for that hands it
over again and again."""
_MAIL_SECONDS = 120
_SESSION_SECONDS = 60
_QUIT_SECONDS = 5
"""Of a host that a tenant has named: for one mail; after so long it gets no further one in the same session; and to say
goodbye."""
_ATOM, _LABEL = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+", r"[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?"
_ADDRESS = re.compile(rf"(?!.*=\?)(?=.{{1,64}}@){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*")
"""RFC 5321, 4.1.2, without quotes and address literals: what every server on the way takes, and no header breaks on."""
_LONGEST_ADDRESS = 254
_LONGEST_SAID = 500
_IN = 235
"""RFC 4954."""
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
    def session(self, seconds: float | None = None) -> Iterator["RelaySession"]:
        """A connection for mails one after another, each of one recipient. seconds: to wait for each answer; None: as
        long as is usual. Raises ServerAway; at its end nothing."""
        try:
            smtp = self._opened(seconds)
        except (OSError, smtplib.SMTPException, AddressRefused, FetchFailed, ValueError) as error:
            # ValueError: smtplib's, of what a server says while we log in.
            raise ServerAway(
                _("{where} takes no mail: {why}. Is there a mail server, and may we use it?").format(
                    where=self._told, why=_reason(error)
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

    def _opened(self, seconds: float | None = None) -> "_Smtp":
        checked = self._checked() if self.client is None else _Bounded(self.client.tls())
        smtp = _Smtp(self, checked if self.security is Security.TLS else None, seconds or _SECONDS)
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
        except UnicodeEncodeError as error:
            raise smtplib.SMTPException(_("user name and password can have signs of ASCII alone")) from error

    def _checked(self) -> ssl.SSLContext:
        checked = ssl.create_default_context()
        if self.ca_file is not None:
            try:
                checked.load_verify_locations(self.ca_file)
            except OSError as error:
                raise InvalidSetting(f"smtp_ca_file {self.ca_file} cannot be read ({error}). Correct it.") from error
        return checked


class _Smtp(smtplib.SMTP):
    """One that reaches only what may be reached. at_once: TLS from the start."""

    def __init__(self, relay: Relay, at_once: "ssl.SSLContext | _Bounded | None", seconds: float) -> None:
        self._relay = relay
        self._at_once = at_once
        self._line: Line | None = None
        # What servers write into each mail that they take: whose it is, and not how this machine is called.
        super().__init__(relay.host, relay.port, relay.sender.rpartition("@")[2], timeout=seconds)

    def give_time(self, seconds: float) -> None:
        """A host that a tenant has named has so long from now on. Else it could say a byte now and then, and keep us,
        and all others' mail, for as long as it likes."""
        if self._line is not None:
            self._line.until = Until.after(seconds)

    def _get_socket(self, host: str, port: int, timeout: float) -> Any:
        client = self._relay.client
        if client is None:
            made: Any = socket.create_connection((host, port), timeout)
        else:
            until = Until.after(timeout)
            reached = client.connected(host, port, timeout)
            self._line = Line(reached, until)
            made = _Conversation(self._line, reached)
        try:
            return made if self._at_once is None else self._at_once.wrap_socket(made, server_hostname=host)
        except BaseException:
            made.close()
            raise

    def data(self, msg: Any) -> tuple[int, bytes]:
        """Hands a mail over, and waits until it is taken."""
        if self._line is not None or self.sock is None:
            return super().data(msg)
        self.sock.settimeout(_TAKING_SECONDS)
        try:
            return super().data(msg)
        finally:
            if self.sock is not None:
                self.sock.settimeout(self.timeout)


class _Conversation(Spoken):
    """A line, as smtplib takes a socket; closed with that."""

    def __init__(self, line: Line | SecuredLine, reached: socket.socket) -> None:
        super().__init__(line)
        self.reached = reached

    def close(self) -> None:
        self.reached.close()


@dataclass(frozen=True, slots=True)
class _Bounded:
    """A context of TLS, as smtplib takes one, on lines."""

    context: ssl.SSLContext

    def wrap_socket(self, made: _Conversation, *, server_hostname: str) -> _Conversation:
        return _Conversation(made.secured(self.context, server_hostname), made.reached)


class RelaySession:
    """An open connection to a mail server."""

    def __init__(self, relay: Relay, smtp: _Smtp) -> None:
        self.relay = relay
        self._smtp = smtp
        self._until = monotonic() + _SESSION_SECONDS

    @property
    def has_time(self) -> bool:
        """Whether it may have another mail now: others wait meanwhile."""
        return self.relay.client is None or monotonic() < self._until

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
                raise self._turned_away(_not_taken(where, code, said, SenderRefused))
            code, said = smtp.rcpt(recipient) if recipient else (501, b"no recipient")
            if code not in (250, 251, 252):
                raise self._turned_away(_not_taken(where, code, said))
            code, said = smtp.data(mail)
        except (RelayRefused, MailFailed):
            raise
        except smtplib.SMTPDataError as error:
            raise self._turned_away(_not_taken(where, error.smtp_code, _as_bytes(error.smtp_error))) from error
        except (OSError, smtplib.SMTPException) as error:
            raise BrokenOff(_("{where} broke off: {why}").format(where=where, why=_reason(error))) from error
        if not 200 <= code < 300:
            raise _not_taken(where, code, said, ContentRefused)
        return _text(code, said)

    def _turned_away(self, error: FaxplanError) -> FaxplanError:
        # Where it hangs up now, the next mail says so.
        with suppress(OSError, smtplib.SMTPException):
            self._smtp.rset()
        return error


def _xoauth2(user: str, token: str) -> str:
    return f"user={user}\x01auth=Bearer {token}\x01\x01"


def _unchecked() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def is_address(text: str) -> bool:
    """Whether mail can be sent to it, or in its name."""
    return len(text) <= _LONGEST_ADDRESS and _ADDRESS.fullmatch(text) is not None


def check_address(address: str) -> None:
    """Raises InvalidSetting for what is no mail address."""
    if not is_address(address):
        raise InvalidSetting(
            f"{address!r} is no mail address. Correct smtp_from, or whoever is to have mail, in the settings."
        )


def _not_taken(where: str, code: int, said: bytes, for_good: type[RelayRefused] = RelayRefused) -> FaxplanError:
    words = _("{where} said: {said}").format(where=where, said=_text(code, said))
    if code == 421:
        return BrokenOff(words)
    if code in _WANTS_A_LOG_IN:
        return ServerAway(words)
    if code == _TOO_LARGE:
        return SizeRefused(words)
    return for_good(words) if 500 <= code < 600 else MailFailed(words)


def _reason(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _text(error.smtp_code, _as_bytes(error.smtp_error))
    if isinstance(error, UnicodeEncodeError):
        # Its own words have a letter of the password.
        return "user name and password can have letters, digits and signs of ASCII alone"
    return _shown(str(error)) or type(error).__name__


def _as_bytes(said: bytes | str) -> bytes:
    return said if isinstance(said, bytes) else said.encode()


def _text(code: int, said: bytes) -> str:
    """On one line, as much as is worth keeping."""
    return f"{code} {_shown(said.decode('utf-8', 'replace'))}"[:_LONGEST_SAID]


def _shown(said: str) -> str:
    """On one line, in signs that can be kept (PostgreSQL takes no NUL), and do nothing where they are shown."""
    return "".join(each if each.isprintable() else "\ufffd" for each in " ".join(said.split()))


def _refusals(refused: dict[str, tuple[int, bytes]]) -> str:
    return ", ".join(f"{address} ({_text(code, said)})" for address, (code, said) in refused.items())
