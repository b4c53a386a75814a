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
    bytes. `refuses_sender`: where an envelope's sender begins so. `refuses_content`: a mail with it in it.
    `on_mail`: done when it has a mail, before it says so. `tls`: with it STARTTLS, which it wants. `log_ins`: one of
    them it wants, if there are any (as AUTH gives it, decoded). `thanks`:
    how it says that it has one. `to_log_in`: what it says to AUTH, whatever that has. `dawdles`: a second between two
    of its bytes: no wait for one is long, and that for a line is."""

    refused: set[str] = field(default_factory=set)
    busy_for: set[str] = field(default_factory=set)
    busy: bool = False
    hangs_up_after_data: bool = False
    largest: int = 2**30
    refuses_sender: str = ""
    refuses_content: bytes = b""
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

    def talk(self, dialogue: socketserver.StreamRequestHandler) -> None:  # noqa: C901, PLR0912, PLR0915  # verbs
        def say(line: str) -> None:
            said = f"{line}\r\n".encode()
            for each in [said[at : at + 1] for at in range(len(said))] if self.dawdles else [said]:
                dialogue.wfile.write(each)
                time.sleep(1 if self.dawdles else 0)

        sender, recipients = "", []
        is_safe = self.tls is None
        is_in, is_greeted = not self.log_ins and is_safe, False
        self.connections += 1
        say("421 too busy" if self.busy else "220 relay.example")
        while line := dialogue.rfile.readline().decode().strip():
            verb, address = line[:4].upper(), line.partition("<")[2].partition(">")[0]
            if verb in ("EHLO", "HELO", "LHLO"):
                is_greeted = True
                more = ["AUTH PLAIN XOAUTH2"] if is_safe and self.log_ins else [] if is_safe else ["STARTTLS"]
                *first, last = ["relay.example", *more]
                for each in first:
                    say(f"250-{each}")
                say(f"250 {last}")
            elif verb == "STAR" and self.tls is not None:
                say("220 go on")
                dialogue.connection = self.tls.wrap_socket(dialogue.connection, server_side=True)
                dialogue.rfile, dialogue.wfile = (
                    dialogue.connection.makefile("rb"),
                    dialogue.connection.makefile("wb", 0),
                )
                # As if nothing had been said before (RFC 3207, 4.2).
                is_safe, is_greeted = True, False
            elif verb in ("AUTH", "MAIL") and not is_greeted:
                say("503 EHLO first")
            elif verb == "AUTH" and is_safe and self.to_log_in:
                say(self.to_log_in)
            elif verb == "AUTH" and is_safe:
                is_in = base64.b64decode(line.split()[-1]).decode() in self.log_ins
                say("235 welcome" if is_in else "535 who are you")
            elif verb in ("MAIL", "RCPT", "DATA") and not is_in:
                say("530 log in first")
            elif verb == "MAIL" and self.refuses_sender and address.startswith(self.refuses_sender):
                say("553 not in this name")
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
                if self.refuses_content and self.refuses_content in content:
                    say("554 looks bad")
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
