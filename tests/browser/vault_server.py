"""A server for one browser: the vault's modules with the portal's policy, and a page that tests ask."""

import itertools
import json
import queue
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any

from portal.policy import CONTENT_SECURITY_POLICY

VAULT = Path(__file__).parents[2] / "portal" / "static" / "vault"
WORDS = VAULT.parent / "pages" / "language.js"
"""Which the modules have beside them."""
PAGE = Path(__file__).parent / "page"
TYPES = {".js": "text/javascript", ".html": "text/html", ".txt": "text/plain; charset=utf-8"}
WITHOUT_WASM = CONTENT_SECURITY_POLICY.replace(" 'wasm-unsafe-eval'", "")
LONGEST_WAIT = 10
"""Seconds that the page's question for work is kept waiting."""


@dataclass(frozen=True)
class Mutant:
    """A module in which a text was replaced."""

    module: str
    text: str


@dataclass(frozen=True)
class ServedFile:
    """What lies under an address. how: "ranges", "whole" (knows no ranges), or how its answers are wrong.

    asked: the ranges, in order.
    """

    content: bytes
    how: str
    asked: list[tuple[int, int]]


class VaultServer(ThreadingHTTPServer):
    """Give it jobs; it gives outcomes.

    `/vault/` has the modules as they are, `/mutant-N/` with one of them changed, `/no-wasm/` under a policy without
    WebAssembly.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.jobs: queue.Queue[dict[str, Any]] = queue.Queue()
        self.outcomes: dict[int, queue.Queue[dict[str, Any]]] = {}
        self.mutants: dict[str, Mutant] = {}
        self.files: dict[str, ServedFile] = {}
        self.arrived = threading.Event()
        """Set once the page has asked for work."""
        self._numbers = itertools.count(1)

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that was ended lets its connections go."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/page/index.html"

    def put(self, action: str, given: dict[str, Any], base: str) -> "queue.Queue[dict[str, Any]]":
        """Where the outcome will be."""
        number = next(self._numbers)
        waiting = self.outcomes[number] = queue.Queue()
        self.jobs.put({"id": number, "action": action, "given": given, "base": base})
        return waiting

    def publish(self, content: bytes, how: str = "ranges") -> tuple[str, ServedFile]:
        """The path at which it can be fetched from then on."""
        path = f"/file/{len(self.files)}"
        self.files[path] = ServedFile(content, how, [])
        return path, self.files[path]

    def mutate(self, module: str, old: str, new: str) -> str:
        """The path of all modules, one of them with `new` in the place of `old`, which it has once."""
        text = (VAULT / module).read_text()
        assert text.count(old) == 1, f"{module} does not have this once: {old}"
        base = f"/mutant-{len(self.mutants)}"
        self.mutants[base] = Mutant(module, text.replace(old, new))
        return base


class _Handler(BaseHTTPRequestHandler):
    server: VaultServer
    protocol_version = "HTTP/1.1"
    # An answer goes out in two pieces; the second must not wait for word of the first.
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        if self.path == "/next":
            self.server.arrived.set()
            try:
                self._answer(json.dumps(self.server.jobs.get(timeout=LONGEST_WAIT), default=_written).encode())
            except queue.Empty:
                self._answer(b"", status=HTTPStatus.NO_CONTENT)
            return
        if self.path.startswith("/file/"):
            self._answer_file(self.server.files.get(self.path))
            return
        if self.path == "/pages/language.js":
            self._answer(WORDS.read_bytes(), TYPES[WORDS.suffix])
            return
        base, _, name = self.path[1:].partition("/")
        mutant = self.server.mutants.get(f"/{base}")
        folder = PAGE if base == "page" else VAULT
        if mutant and (folder / name).suffix == ".js":
            text = mutant.text if mutant.module == name else (folder / name).read_text()
            # The packages of others are not changed, and need not be loaded again.
            self._answer(text.replace('"./vendor/', '"/vault/vendor/').encode(), "text/javascript")
        elif (base in ("page", "vault", "no-wasm") or mutant) and ".." not in name and (folder / name).is_file():
            self._answer((folder / name).read_bytes(), TYPES[Path(name).suffix])
        else:
            self._answer(b"", status=HTTPStatus.NOT_FOUND)

    def _answer_file(self, file: ServedFile | None) -> None:
        if file is None:
            self._answer(b"", status=HTTPStatus.NOT_FOUND)
            return
        first, _, last = self.headers["Range"].removeprefix("bytes=").partition("-")
        start, end = int(first), min(int(last) + 1, len(file.content))
        file.asked.append((start, end))
        if file.how == "whole":
            self._answer(file.content, "application/octet-stream")
            return
        if file.how == "shifted" and start:
            start, end = start + 1, end + 1
        piece = file.content[start:end]
        said = f"bytes {start}-{end - 1}/{len(file.content) + (1 if file.how == 'grown' and start else 0)}"
        if file.how == "short" and start:
            piece = piece[:-1]
        if file.how == "gone" and start:
            self._answer(b"", status=HTTPStatus.NOT_FOUND)
            return
        kind, status = "application/octet-stream", HTTPStatus.PARTIAL_CONTENT
        self._answer(piece, kind, status, {} if file.how == "unsaid" else {"Content-Range": said})

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        outcome = json.loads(content, object_hook=_revived)
        self.server.outcomes.pop(outcome["id"]).put(outcome)
        self._answer(b"", status=HTTPStatus.NO_CONTENT)

    def _answer(
        self,
        content: bytes,
        kind: str = "application/json",
        status: HTTPStatus = HTTPStatus.OK,
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.send_response(status)
        blocked = self.path.startswith("/no-wasm/")
        self.send_header("Content-Security-Policy", WITHOUT_WASM if blocked else CONTENT_SECURITY_POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        for name, value in more.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name for it
        """Says nothing."""


def _written(value: object) -> dict[str, str]:
    assert isinstance(value, bytes), value
    return {"bytes": value.hex()}


def _revived(found: dict[str, Any]) -> Any:
    return bytes.fromhex(found["bytes"]) if found.keys() == {"bytes"} else found
