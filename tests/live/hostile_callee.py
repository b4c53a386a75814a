"""A carrier by hand that answers calls, or refuses them, with whatever text it likes; SIP over UDP on 127.0.0.1."""

import re
import socket
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

HERE = "127.0.0.1"
_KEPT = re.compile(r"(?i)(via|from|to|call-id|cseq|record-route):")
Header = tuple[str, str]
MOST = 2000
SECONDS_TO_BYE = 1.5
"""Long enough for txfax to begin."""


class HostileCallee:
    """A context manager. says: the text that it says to a called number, and of which no more than 2000 characters go
    out; numbers that end in 1 are answered and ended by a BYE, all others are refused with `refusal`. contact: of
    those; None: its own.
    """

    def __init__(
        self,
        says: Callable[[str], str],
        headers: Callable[[str], Sequence[Header]],
        *,
        refusal: int = 486,
        contact: str | None = None,
    ) -> None:
        self._says = says
        self._refusal = refusal
        self._contact = contact
        self._headers = headers
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HERE, 0))
        self.port = int(self._socket.getsockname()[1])
        self._answered: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="hostile-callee", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.sendto(b"end", (HERE, self.port))
        self._thread.join(10)
        self._socket.close()

    def _run(self) -> None:
        while True:
            data, peer = self._socket.recvfrom(65536)
            if data == b"end":
                return
            request = data.decode("utf-8", "replace")
            method = request.split(" ", 1)[0]
            called = re.search(r"sip:([^@;>]+)@", request)
            if method == "INVITE" and called is not None:
                self._invited(request, called[1], peer)
            elif method == "ACK" and called is not None and _call_id(request) in self._answered:
                self._answered.discard(_call_id(request))
                bye = self._bye(request, self._says(called[1]))
                threading.Timer(SECONDS_TO_BYE, self._send, (bye, peer)).start()
            elif method in ("BYE", "OPTIONS", "CANCEL"):
                self._send(_reply(request, "200 OK", []), peer)

    def _invited(self, request: str, called: str, peer: tuple[str, int]) -> None:
        text = on_one_line(self._says(called))[:MOST]
        more = [each for each in self._headers(text) if each[0] not in ("From", "To")]
        more += [
            ("Contact", self._contact or f"<sip:{called}@{HERE}:{self.port}>"),
            ("Server", text),
            ("Warning", f'399 {HERE} "{text}"'),
            ("Reason", f'Q.850;cause=17;text="{text}"'),
        ]
        if not called.endswith("1"):
            self._send(_reply(request, f"{self._refusal} {text}", more), peer)
            return
        self._answered.add(_call_id(request))
        lines = [
            "v=0",
            f"o=- 1 1 IN IP4 {HERE}",
            f"s={text}",
            f"c=IN IP4 {HERE}",
            "t=0 0",
            "m=audio 40000 RTP/AVP 0",
            "",
        ]
        self._send(_reply(request, f"200 {text}", more, "\r\n".join(lines)), peer)

    def _bye(self, ack: str, text: str) -> str:
        values = dict(re.findall(r"(?m)^(From|To|Call-ID): (.*?)\r?$", ack))
        text = on_one_line(text)[:MOST]
        lines = [
            f"BYE sip:faxplan@{HERE} SIP/2.0",
            f"Via: SIP/2.0/UDP {HERE}:{self.port};branch=z9hG4bKbye{abs(hash(values['Call-ID']))}",
            f"From: {values['To']}",
            f"To: {values['From']}",
            f"Call-ID: {values['Call-ID']}",
            "CSeq: 1 BYE",
            f'Reason: Q.850;cause=16;text="{text}"',
            f"User-Agent: {text}",
            "Content-Length: 0",
        ]
        return "\r\n".join([*lines, "", ""])

    def _send(self, message: str, peer: tuple[str, int]) -> None:
        self._socket.sendto(message.encode("utf-8", "surrogatepass"), peer)


def on_one_line(text: str) -> str:
    """Without what ends a line or a message, and what no datagram can hold."""
    return text.replace("\r", " ").replace("\n", " ").replace("\0", " ")


def _call_id(message: str) -> str:
    found = re.search(r"(?mi)^call-id: *(.*?)\r?$", message)
    return found[1] if found else ""


def _reply(request: str, status: str, more: Sequence[Header], body: str = "") -> str:
    kept = [line for line in request.split("\r\n") if _KEPT.match(line)]
    kept = [f"{line};tag=callee" if line.lower().startswith("to:") and ";tag=" not in line else line for line in kept]
    lines = [f"SIP/2.0 {status}", *kept, *(f"{name}: {value}" for name, value in more)]
    lines += ["Content-Type: application/sdp"] if body else []
    return "\r\n".join([*lines, f"Content-Length: {len(body.encode('utf-8', 'surrogatepass'))}", "", body])
