"""INVITEs written by hand, to 127.0.0.1 only: what no telephone would send, but anybody can."""

import re
import socket
from collections.abc import Sequence
from types import TracebackType
from typing import Self

_TO = re.compile(r"^To:.*$", re.MULTILINE | re.IGNORECASE)


class RawCall:
    """One call from 127.0.0.1. `invite` waits for the final answer and acknowledges it; leaving hangs up.

    `begin`, then `finish` or `cancel`: the same in two steps.
    """

    def __init__(self, port: int, name: str) -> None:
        self._port = port
        self._name = name
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(30)
        self._here = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._lines: list[str] = []
        self.status = 0
        self.heard: list[bytes] = []
        """Every answer, as it came."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if 200 <= self.status < 300:
            self._send("BYE", 2)
            self._answer("BYE")
        self._socket.close()

    def invite(self, user: str, headers: Sequence[tuple[str, str]]) -> int:
        """The status. headers: From and To among them; user: of the Request-URI, as it goes out."""
        self.begin(user, headers)
        return self.finish()

    def begin(self, user: str, headers: Sequence[tuple[str, str]]) -> None:
        """Sends the INVITE, and waits until the switch works on it (100)."""
        self._uri = f"sip:{user}@127.0.0.1:{self._port}"
        self._lines = [f"{name}: {value}" for name, value in headers]
        sdp = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0", "m=audio 40000 RTP/AVP 0", ""]
        self._send("INVITE", 1, "\r\n".join(sdp))
        self._socket.recv(65536, socket.MSG_PEEK)

    def cancel(self) -> int:
        """Takes the INVITE back (RFC 3261, 9.1); what it is answered with."""
        self._send("CANCEL", 1)
        return self.finish()

    def finish(self) -> int:
        """Waits for the final answer to the INVITE, and acknowledges it; its status."""
        answer = self._answer("INVITE")
        self.status = int(answer.split(" ")[1])
        # The dialogue's tag comes with the answer.
        if (to := _TO.search(answer)) is not None:
            self._lines = [line for line in self._lines if not line.lower().startswith("to:")] + [to[0].strip()]
        self._send("ACK", 1)
        return self.status

    def _send(self, method: str, number: int, body: str = "") -> None:
        branch = f"z9hG4bK{self._name}-{method if method == 'BYE' else 'INVITE'}"
        lines = [
            f"{method} {self._uri} SIP/2.0",
            f"Via: SIP/2.0/UDP {self._here};branch={branch};rport",
            f"Call-ID: {self._name}@{self._here}",
            f"CSeq: {number} {method}",
            f"Contact: <sip:raw@{self._here}>",
            "Max-Forwards: 70",
            *self._lines,
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
            "",
            body,
        ]
        self._socket.sendto("\r\n".join(lines).encode("utf-8", "surrogatepass"), ("127.0.0.1", self._port))

    def _answer(self, method: str) -> str:
        """The next final answer to a request of this method."""
        while True:
            self.heard.append(self._socket.recv(65536))
            answer = self.heard[-1].decode(errors="replace")
            is_final = answer.startswith("SIP/2.0 ") and not answer.startswith("SIP/2.0 1")
            if is_final and re.search(rf"^CSeq: \d+ {method}\r?$", answer, re.MULTILINE | re.IGNORECASE):
                return answer
