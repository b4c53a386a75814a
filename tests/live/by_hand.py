"""SIP over TLS by hand, for what no honest switch does."""

import base64
import os
import re
import socket
import ssl
import threading
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

HERE = "127.0.0.1"


@dataclass
class Liar:
    """A carrier that answers an offer of SRTP with audio in the clear, and listens to what then comes."""

    certificate: Path
    offers: list[str] = field(default_factory=list)
    heard: bytes = b""

    def __post_init__(self) -> None:
        self._listener = socket.create_server((HERE, 0))
        self.port = self._listener.getsockname()[1]
        self._media = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._media.bind((HERE, 0))
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._listener.close()
        self._media.close()

    def _run(self) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        try:
            plain, _ = self._listener.accept()
        except OSError:
            return  # nobody called
        with context.wrap_socket(plain, server_side=True) as connection:
            for head, body in messages(connection):
                self._take(connection, head, body)

    def _take(self, connection: ssl.SSLSocket, head: str, body: str) -> None:
        method = head.split(" ", 1)[0]
        if method == "INVITE":
            self.offers.append(body)
            port = self._media.getsockname()[1]
            lines = ["v=0", f"o=- 1 1 IN IP4 {HERE}", "s=-", f"c=IN IP4 {HERE}", "t=0 0", f"m=audio {port} RTP/AVP 0"]
            connection.sendall(answer(head, "\r\n".join([*lines, ""]), self.port))
        elif method == "BYE":
            self._media.setblocking(False)
            with suppress(BlockingIOError):
                self.heard += self._media.recv(2000)
            connection.sendall(answer(head, "", self.port))


class Caller:
    """Calls a number by TLS, with media that nobody sends."""

    def __init__(self, port: int, number: str) -> None:
        self._uri = f"sip:{number}@{HERE}:{port};transport=tls"
        self._call = uuid.uuid4().hex
        self._to = f"<{self._uri}>"
        self._sequence = 0
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self._connection = context.wrap_socket(socket.create_connection((HERE, port), 10))
        self._connection.settimeout(20)
        self._messages = messages(self._connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def invite(self, profile: str, *, keys: bool) -> str:
        """The final answer's status line."""
        lines = ["v=0", f"o=- 1 {self._sequence} IN IP4 {HERE}", "s=-", f"c=IN IP4 {HERE}", "t=0 0"]
        lines += [f"m=audio 40000 {profile} 0"]
        if keys:
            secret = base64.b64encode(os.urandom(30)).decode()
            lines += [f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{secret}"]
        return self.request("INVITE", "\r\n".join([*lines, ""]))

    def request(self, method: str, body: str = "") -> str:
        """The final answer's status line; an INVITE's is acknowledged."""
        self._sequence += 1
        self._send(method, self._sequence, body)
        for head, _ in self._messages:
            status = head.split("\r\n", 1)[0]
            if not head.startswith("SIP/2.0"):
                self._connection.sendall(answer(head, "", 5061))
            elif status.split()[1][0] != "1" and f"{self._sequence} {method}" in head:
                self._to = next(line[3:].strip() for line in head.split("\r\n") if line.lower().startswith("to:"))
                if method == "INVITE":
                    self._send("ACK", self._sequence, "")
                return status
        raise AssertionError(f"the connection ended before an answer to {method}")

    def _send(self, method: str, sequence: int, body: str) -> None:
        lines = [
            f"{method} {self._uri} SIP/2.0",
            f"Via: SIP/2.0/TLS {HERE}:5061;branch=z9hG4bK{uuid.uuid4().hex};rport",
            f"From: <sip:+493099001234@{HERE}>;tag=byhand",
            f"To: {self._to}",
            f"Call-ID: {self._call}",
            f"CSeq: {sequence} {method}",
            f"Contact: <sip:byhand@{HERE}:5061;transport=tls>",
            "Max-Forwards: 70",
            "Content-Type: application/sdp",
            f"Content-Length: {len(body)}",
        ]
        self._connection.sendall("\r\n".join([*lines, "", body]).encode())


def messages(connection: ssl.SSLSocket) -> Iterator[tuple[str, str]]:
    """Head and body of each message that comes, until the connection ends."""
    text = ""
    while data := connection.recv(65536):
        text += data.decode()
        while True:
            text = text.lstrip("\r\n")
            head, separator, body = text.partition("\r\n\r\n")
            length = re.search(r"(?mi)^(?:content-length|l):\s*(\d+)", head)
            if not separator or length is None or len(body) < int(length[1]):
                break
            text = body[int(length[1]) :]
            yield head, body[: int(length[1])]


def answer(request: str, body: str, port: int) -> bytes:
    """200 to a request."""
    kept = [line for line in request.split("\r\n") if re.match(r"(?i)(via|from|to|call-id|cseq|record-route):", line)]
    kept = [f"{line};tag=liar" if line.lower().startswith("to:") and ";tag=" not in line else line for line in kept]
    lines = ["SIP/2.0 200 OK", *kept, f"Contact: <sip:liar@{HERE}:{port};transport=tls>"]
    lines += ["Content-Type: application/sdp", f"Content-Length: {len(body)}", "", body]
    return "\r\n".join(lines).encode()
