"""The small HTTP server that monitoring asks: /metrics, /health/live and /health/ready. Of the worker, in a thread.

It shows figures of all tenants and asks nobody who they are: it listens on an address of its own, which no tenant
reaches (the setting metrics_listen).
"""

import logging
import socket
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder

from faxplan import monitored_address, readiness
from faxplan.config import Settings
from faxplan.db import Database
from faxplan.document_store import Store
from faxplan.metrics import Metrics

LOG = logging.getLogger("faxplan.monitoring")
CONTENT_TYPE = "text/plain; charset=utf-8"
SLOWEST_SECONDS = 10
"""A client that says nothing for so long is hung up on; a statement takes half of it at most."""


class Monitoring:
    """Answers from `start` to `stop`. db: as role metrics. is_alive: whether the process still works."""

    def __init__(
        self, listen: str, db: Database, store: Store, *, by_tenant: bool, is_alive: Callable[[], bool]
    ) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(Metrics(db, store, by_tenant=by_tenant))
        ProcessCollector(registry=self._registry)
        self._db = db
        self._store = store
        self._is_alive = is_alive
        # One look at a time: whoever asks again and again waits, and the database does not.
        self._turn = threading.Lock()
        self._server = _Server(monitored_address.parse(listen), self)
        self._thread = threading.Thread(target=self._server.serve_forever, name="monitoring", daemon=True)

    @property
    def port(self) -> int:
        """On which it listens."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Hears nobody any more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._db.close()

    def answer(self, path: str, accepts: str) -> tuple[HTTPStatus, str, bytes]:
        """Status, content type and body."""
        if path == "/metrics":
            encoder, content_type = choose_encoder(accepts)
            with self._turn:
                return HTTPStatus.OK, content_type, encoder(self._registry)
        if path == "/health/live":
            if self._is_alive():
                return HTTPStatus.OK, CONTENT_TYPE, b"alive\n"
            return HTTPStatus.SERVICE_UNAVAILABLE, CONTENT_TYPE, b"The worker has hung for longer than any job takes.\n"
        if path == "/health/ready":
            with self._turn:
                missing = readiness.missing(self._db, self._store)
            status = HTTPStatus.SERVICE_UNAVAILABLE if missing else HTTPStatus.OK
            return status, CONTENT_TYPE, "".join(f"{each}\n" for each in missing or ["ready"]).encode()
        return HTTPStatus.NOT_FOUND, CONTENT_TYPE, b"There are /metrics, /health/live and /health/ready.\n"


def of(settings: Settings, store: Store, is_alive: Callable[[], bool]) -> Monitoring | None:
    """This installation's, started; None: it has none, or the address is taken, which the log says: it is no reason to
    render nothing. Raises InvalidSetting."""
    if not settings.metrics_listen:
        return None
    db = Database(settings.database_url_for("metrics"), max_connections=2, connect_seconds=3, statement_seconds=5)
    try:
        made = Monitoring(settings.metrics_listen, db, store, by_tenant=settings.metrics_tenants, is_alive=is_alive)
    except OSError as error:
        LOG.error("Monitoring cannot listen at %s (%s). Another worker may.", settings.metrics_listen, error.strerror)
        return None
    made.start()
    LOG.info("monitoring at http://%s/metrics", settings.metrics_listen)
    return made


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, where: tuple[str, int], monitoring: Monitoring) -> None:
        self.monitoring = monitoring
        self.address_family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET
        super().__init__(where, _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = SLOWEST_SECONDS
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "metrics", ""

    def do_GET(self) -> None:
        try:
            path = urlsplit(self.path).path
            status, content_type, body = self.server.monitoring.answer(path, self.headers.get("Accept", ""))
        except Exception:
            LOG.exception("monitoring: %s", ascii(self.path)[:100])
            status, content_type, body = HTTPStatus.INTERNAL_SERVER_ERROR, CONTENT_TYPE, b"It is in the worker's log.\n"
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Not each scrape."""
