"""The portal's process is started again and again under full load: no request is refused, and none is cut off.

The socket is another's, as systemd has it (faxplan-portal.socket): here it is this test's.
"""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from faxplan import api_keys
from faxplan.config import to_toml
from tests.api.test_faxes import LETTER, NUMBER
from tests.world import World

PROJECT = Path(__file__).parents[2]
ON = 'exec 3<&"$0"; unset LISTEN_FDNAMES; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"'
"""As systemd hands a socket over."""


class Unit:
    """A service with its socket: the socket stays, the process is restarted."""

    def __init__(self, world: World, folder: Path) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self.socket.getsockname()[1]
        self._file = folder / "faxplan.toml"
        names = ("database_url", "state_dir", "node", "sandbox")
        given = {name: getattr(world.settings, name) for name in names}
        # Where the process would listen by itself nobody comes.
        self._file.write_text(to_toml({**given, "portal_listen": "127.0.0.1:1", "api_requests_per_minute": 10**6}))
        self._log = folder / "portal.log"
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                ["bash", "-c", ON, str(self.socket.fileno()), sys.executable, "-m", "portal"],
                cwd=PROJECT, pass_fds=[self.socket.fileno()], stderr=log,
                env=os.environ | {"FAXPLAN_CONFIG": str(self._file)},
            )  # fmt: skip

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0, self._log.read_text()

    def close(self) -> None:
        if self.process.poll() is None:
            self.stop()
        self.socket.close()


@contextmanager
def unit(world: World, folder: Path) -> Iterator[Unit]:
    made = Unit(world, folder)
    try:
        yield made
    finally:
        made.close()


class Asking:
    """Of one client: over one connection as long as that is kept, or over a new one each time."""

    def __init__(self, port: int, host: str, secret: str, *, keeps: bool) -> None:
        self._port, self._keeps = port, keeps
        self._headers = {"Host": f"{host}:{port}", "Authorization": f"Bearer {secret}"}
        self._connection: http.client.HTTPConnection | None = None
        self.done, self.closed = 0, 0
        self.wrong: list[str] = []

    def ask_until(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self._ask()
            except (OSError, http.client.HTTPException) as error:
                self.wrong.append(repr(error))
                self._connection = None
        if self._connection is not None:
            self._connection.close()

    def _ask(self) -> None:
        connection = self._connection or http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        connection.request("GET", "/api/v1/account", headers=self._headers)
        answer = connection.getresponse()
        said = json.loads(answer.read())
        if answer.status != 200:
            self.wrong.append(f"{answer.status} {said}")
        self.done += 1
        # Whoever is told that it will be closed asks nothing more over it.
        self.closed += answer.will_close
        self._connection = connection if self._keeps and not answer.will_close else None
        if self._connection is None:
            connection.close()


def send_slowly(port: int, host: str, secret: str, begun: threading.Event, go_on: threading.Event) -> int:
    """Hands a fax in, of which the second half comes when it is told to; the status."""
    body = json.dumps({"to": [NUMBER], "documents": [LETTER]}).encode()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.putrequest("POST", "/api/v1/faxes", skip_host=True)
    for name, value in (("Host", f"{host}:{port}"), ("Authorization", f"Bearer {secret}"),
                        ("Content-Type", "application/json"), ("Content-Length", str(len(body)))):  # fmt: skip
        connection.putheader(name, value)
    connection.endheaders(body[: len(body) // 2])
    begun.set()
    go_on.wait(60)
    connection.send(body[len(body) // 2 :])
    with closing(connection), connection.getresponse() as answer:
        return answer.status


@pytest.mark.parametrize("times", [1, pytest.param(20, marks=[pytest.mark.soak, pytest.mark.timeout(1200)])])
def test_no_request_is_refused_and_none_is_cut_off(world: World, tmp_path: Path, times: int) -> None:
    user = world.acme.user
    with world.portal.tenant(user.tenant_id) as tx:
        secret, _ = api_keys.make(tx, user, "test", api_keys.open_to(user), None, actor="test")
    host = f"{world.acme.tenant.slug}.localhost"
    with unit(world, tmp_path) as portal:
        stop = threading.Event()
        clients = [Asking(portal.port, host, secret, keeps=number % 2 == 0) for number in range(6)]
        threads = [threading.Thread(target=each.ask_until, args=(stop,)) for each in clients]
        for each in threads:
            each.start()
        statuses: list[int] = []
        for _turn in range(times):
            before = sum(each.done for each in clients)
            while sum(each.done for each in clients) < before + 50:
                time.sleep(0.02)
            begun, go_on = threading.Event(), threading.Event()
            sending = threading.Thread(
                target=lambda b=begun, g=go_on: statuses.append(send_slowly(portal.port, host, secret, b, g))
            )
            sending.start()
            begun.wait(60)
            time.sleep(0.3)
            # It ends once the half of a fax that it has is a whole one.
            threading.Timer(0.5, go_on.set).start()
            portal.stop()
            sending.join()
            portal.start()
        before = sum(each.done for each in clients)
        while sum(each.done for each in clients) < before + 50:
            time.sleep(0.02)
        stop.set()
        for each in threads:
            each.join()
    asked = sum(each.done for each in clients)
    print(f"{asked} requests, {times} restarts, {sum(each.closed for each in clients[::2])} kept ones told of the end")
    assert [wrong for each in clients for wrong in each.wrong] == []
    assert statuses == [201] * times
    assert all(each.closed for each in clients[::2]), "nobody was at work while the process ended"
