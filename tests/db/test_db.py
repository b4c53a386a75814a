"""Connections over TCP; the embedded PostgreSQL has a Unix socket only, so a forwarder stands before it."""

import socket
import socketserver
import threading
from collections.abc import Iterator

import pytest

from faxplan.db import Database, Listener
from faxplan.postgres import SOCKET_NAME
from tests.installations import Installation


class Forwarder(socketserver.BaseRequestHandler):
    """One connection, passed on in both directions until either end closes it."""

    def handle(self) -> None:
        with socket.socket(socket.AF_UNIX) as server:
            server.connect(self.server.unix_socket)  # type: ignore[attr-defined]
            answering = threading.Thread(target=_pass_on, args=(server, self.request), daemon=True)
            answering.start()
            _pass_on(self.request, server)
            answering.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    while block := source.recv(65536):
        target.sendall(block)
    target.shutdown(socket.SHUT_WR)


@pytest.fixture
def url(installation: Installation) -> Iterator[str]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Forwarder) as server:
        server.daemon_threads = True
        server.block_on_close = False
        server.unix_socket = str(installation.cluster.socket_dir / SOCKET_NAME)  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"postgresql://faxplan_switch@127.0.0.1:{server.server_address[1]}/{installation.database}"
        server.shutdown()


def patience(descriptor: int) -> list[int]:
    """Seconds of silence, seconds between probes, probes; and milliseconds until an answer is given up."""
    with socket.socket(fileno=descriptor) as connection:
        options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)
        try:
            assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            return [connection.getsockopt(socket.IPPROTO_TCP, option) for option in options]
        finally:
            connection.detach()


def test_a_server_that_goes_away_without_a_word_is_noticed_by_both_kinds_of_connection(url: str) -> None:
    db, listener = Database(url), Listener(url, ("faxplan_queue",))
    try:
        with db.across_tenants() as tx:
            assert patience(tx._database.connection().fileno()) == [5, 2, 3, 10_000]
        listener.heard()
        assert patience(listener._connection.fileno()) == [5, 2, 3, 10_000]
    finally:
        listener.close()
        db.close()
