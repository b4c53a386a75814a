"""A milter that checks DKIM signatures as opendkim does, and writes what it has found; keys come from no DNS.

As much of Sendmail's milter protocol, version 6, as Postfix needs for that.
"""

import socketserver
import struct
import threading
from dataclasses import dataclass, field
from types import TracebackType

import dkim

_VERSION, _ADDS_HEADERS = 6, 0x1
_WANTS_NOT = 0x1 | 0x2 | 0x4 | 0x8 | 0x40 | 0x100 | 0x200
"""To be told of connections, HELO, MAIL, RCPT, the end of headers, unknown commands and DATA."""


@dataclass
class DkimMilter:
    """authserv_id: in whose name. keys: TXT records, by name."""

    authserv_id: str
    keys: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> "DkimMilter":
        milter = self

        class Dialogue(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                milter.talk(self)

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

    def talk(self, dialogue: socketserver.StreamRequestHandler) -> None:
        def say(command: bytes, data: bytes = b"") -> None:
            dialogue.wfile.write(struct.pack(">I", 1 + len(data)) + command + data)

        headers: list[bytes] = []
        body: list[bytes] = []
        while len(head := dialogue.rfile.read(4)) == 4:
            packet = dialogue.rfile.read(struct.unpack(">I", head)[0])
            command, data = packet[:1], packet[1:]
            if command == b"O":
                say(b"O", struct.pack(">III", _VERSION, _ADDS_HEADERS, struct.unpack(">III", data)[2] & _WANTS_NOT))
            elif command == b"L":
                name, value, _ = data.split(b"\0")
                headers.append(name + b": " + value.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") + b"\r\n")
                say(b"c")
            elif command == b"B":
                body.append(data)
                say(b"c")
            elif command == b"E":
                found = self._found(b"".join([*headers, b"\r\n", *body, data]))
                say(b"i", struct.pack(">I", 0) + b"Authentication-Results\0" + found.encode() + b"\0")
                say(b"c")
                headers, body = [], []
            elif command == b"A":
                headers, body = [], []
            elif command in b"QK":
                return

    def _found(self, mail: bytes) -> str:
        verifier = dkim.DKIM(mail)
        try:
            passed = verifier.verify(dnsfunc=lambda name, **_: self.keys.get(name.decode().rstrip("."), "").encode())
        except dkim.DKIMException:
            passed = False
        if verifier.domain is None:
            return f"{self.authserv_id}; dkim=none"
        return f"{self.authserv_id}; dkim={'pass' if passed else 'fail'} header.d={verifier.domain.decode()}"
