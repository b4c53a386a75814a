"""A unix socket through which other processes run API commands: one JSON line in, one JSON line out.

{"command": "show channels count"}   ->   {"reply": "\\n0 total.\\n"}
"""

import json
import logging
import socket
import socketserver
import threading
from pathlib import Path
from typing import TYPE_CHECKING, cast

from bench.errors import BenchError

if TYPE_CHECKING:
    from bench.api import Api

_log = logging.getLogger("bench.control")


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        server = cast(_Server, self.server)
        for line in self.rfile:
            try:
                command = str(json.loads(line)["command"])
                name, _, argument = command.partition(" ")
                answer = {"reply": server.api.execute(name, argument)}
            except (ValueError, KeyError, TypeError, BenchError) as error:
                answer = {"error": str(error)}
            self.wfile.write(json.dumps(answer).encode() + b"\n")
            self.wfile.flush()


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, path: str, api: "Api") -> None:
        super().__init__(path, _Handler)
        self.api = api


class ControlSocket:
    """Listens while the switch runs; readable and writable by its owner only."""

    def __init__(self, path: Path, api: "Api") -> None:
        self._path = path
        self._api = api
        self._server: _Server | None = None

    def start(self) -> None:
        """Listen, in a thread of its own; a socket left behind by a dead switch is replaced."""
        self._path.unlink(missing_ok=True)
        self._server = _Server(str(self._path), self._api)
        self._path.chmod(0o600)
        threading.Thread(target=self._server.serve_forever, name="bench-control", daemon=True).start()
        _log.info("control socket %s", self._path)

    def stop(self) -> None:
        """Stop listening and remove the socket."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._path.unlink(missing_ok=True)


def command(path: Path, text: str, timeout_s: float = 60.0) -> str:
    """Run one API command on the switch that listens there. Raises BenchError if none does, or for its error."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout_s)
            connection.connect(str(path))
            connection.sendall(json.dumps({"command": text}).encode() + b"\n")
            with connection.makefile("rb") as replies:
                line = replies.readline()
    except OSError as error:
        raise BenchError(f"no bench switch answers on {path} ({error}): is it running?") from error
    if not line:
        raise BenchError(f"the bench switch on {path} hung up without an answer")
    answer = json.loads(line)
    if "error" in answer:
        raise BenchError(str(answer["error"]))
    return str(answer["reply"])
