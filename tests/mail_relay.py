"""A mail relay on the loopback that keeps what it is handed: as much of RFC 5321 as smtplib speaks."""

import base64
import socketserver
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from types import TracebackType


@dataclass
class Mail:
    sender: str
    recipients: list[str]
    message: EmailMessage
    content: bytes = b""


@dataclass
class MailRelay:
    """`refused`: addresses that it takes no mail for; `busy_for`: not now; `busy`: it takes none at all.
    `hangs_up_after_data`: it takes a mail, and does not say so. `hangs_up_on`: when it hears of them. `largest`: in
    bytes. `on_mail`: done when it has a mail, before it says so. `thanks`: how it says so. `tls`: with it STARTTLS, and
    a log-in behind it, which is one of `log_ins` (as AUTH gives it, decoded); `to_log_in`: what it says to AUTH then,
    whatever that has. `dawdles`: a second between two of its bytes: no wait for one is long, and that for a line is."""

    refused: set[str] = field(default_factory=set)
    busy_for: set[str] = field(default_factory=set)
    busy: bool = False
    hangs_up_after_data: bool = False
    largest: int = 2**30
    hangs_up_on: set[str] = field(default_factory=set)
    on_mail: Callable[[], object] = lambda: None
    thanks: str = "250 taken"
    to_log_in: str = ""
    dawdles: bool = False
    connections: int = 0
    tls: ssl.SSLContext | None = None
    log_ins: set[str] = field(default_factory=set)
    mails: list[Mail] = field(default_factory=list)

    def __enter__(self) -> "MailRelay":
        relay = self

        class Dialogue(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                plain = self.connection
                with suppress(BrokenPipeError, ConnectionResetError):
                    relay.talk(self)
                for each in (self.rfile, self.wfile, self.connection):
                    if self.connection is not plain:
                        each.close()

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Dialogue)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def talk(self, dialogue: socketserver.StreamRequestHandler) -> None:  # noqa: C901, PLR0912  # as many verbs there are
        def say(line: str) -> None:
            said = f"{line}\r\n".encode()
            for each in [said[at : at + 1] for at in range(len(said))] if self.dawdles else [said]:
                dialogue.wfile.write(each)
                time.sleep(1 if self.dawdles else 0)

        sender, recipients = "", []
        is_safe = is_in = self.tls is None
        self.connections += 1
        say("421 too busy" if self.busy else "220 relay.example")
        while line := dialogue.rfile.readline().decode().strip():
            verb, address = line[:4].upper(), line.partition("<")[2].partition(">")[0]
            if verb == "EHLO" and self.tls is not None:
                say("250-relay.example")
                say("250 AUTH PLAIN XOAUTH2" if is_safe else "250 STARTTLS")
            elif verb == "STAR" and self.tls is not None:
                say("220 go on")
                dialogue.connection = self.tls.wrap_socket(dialogue.connection, server_side=True)
                dialogue.rfile, dialogue.wfile = (
                    dialogue.connection.makefile("rb"),
                    dialogue.connection.makefile("wb", 0),
                )
                is_safe = True
            elif verb == "AUTH" and is_safe and self.to_log_in:
                say(self.to_log_in)
            elif verb == "AUTH" and is_safe:
                is_in = base64.b64decode(line.split()[-1]).decode() in self.log_ins
                say("235 welcome" if is_in else "535 who are you")
            elif verb in ("MAIL", "RCPT", "DATA") and not is_in:
                say("530 log in first")
            elif verb == "MAIL":
                sender, recipients = address, []
                say("250 ok")
            elif verb == "RCPT":
                if address in self.hangs_up_on:
                    return
                answer = self._answer(address)
                recipients += [address] if answer == "250 ok" else []
                say(answer)
            elif verb == "DATA":
                say("354 go on")
                content = self._data(dialogue)
                if len(content) > self.largest:
                    say("552 too large")
                    continue
                message = message_from_bytes(content, policy=policy.SMTP)
                assert isinstance(message, EmailMessage)
                self.mails.append(Mail(sender, recipients, message, content))
                self.on_mail()
                if self.hangs_up_after_data:
                    return
                say(self.thanks)
            elif verb == "QUIT":
                say("221 bye")
                return
            else:
                say("250 ok")

    def _answer(self, address: str) -> str:
        if address in self.refused:
            return "550 no such mailbox"
        return "450 not just now" if address in self.busy_for else "250 ok"

    def _data(self, dialogue: socketserver.StreamRequestHandler) -> bytes:
        lines = []
        while (line := dialogue.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)
