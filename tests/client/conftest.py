"""A client of a portal that really answers over HTTP, on this machine."""

import threading
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from faxplan import api_keys, sandbox_calls
from faxplan.api_keys import Scope
from faxplan_client import Client
from portal.app import Portal
from tests.db.test_campaigns import campaigner
from tests.db.test_sandbox_calls import pick
from tests.forks import forks
from tests.passwords import derived_once
from tests.world import Office, World, world

__all__ = ["derived_once", "forks", "world"]


@dataclass
class Server:
    """One of the world's. port: on this machine."""

    world: World
    portal: Portal
    port: int

    def address(self, office: Office) -> str:
        return f"http://{office.tenant.slug}.localhost:{self.port}"

    def key(self, office: Office, scopes: Collection[Scope] | None = None, name: str = "test") -> str:
        wanted = api_keys.open_to(office.user) if scopes is None else scopes
        with self.world.portal.tenant(office.tenant.id) as tx:
            secret, _key = api_keys.make(tx, office.user, name, wanted, None, actor="test")
        return secret

    def client(self, office: Office, scopes: Collection[Scope] | None = None, name: str = "test") -> Client:
        return Client(self.address(office), self.key(office, scopes, name))

    def work(self) -> None:
        """What worker and switch do: renders, goes on with campaigns, and calls the sandbox numbers that wait."""
        self.world.render_all()
        campaigner(self.world).work()
        while (picked := pick(self.world)) is not None:
            sandbox_calls.call(self.world.switch, self.world.store, picked, node="node1")


class Quiet(WSGIRequestHandler):
    """Says nothing of each request."""

    def log_request(self, *_given: object) -> None:
        """Nothing."""


@contextmanager
def served(world: World) -> Iterator[Server]:
    portal = Portal(world.portal, world.store, "localhost", admin=world.admin, settings=world.settings)
    server = make_server("127.0.0.1", 0, portal, threaded=True, request_handler=Quiet)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    try:
        yield Server(world, portal, server.port)
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


@pytest.fixture
def server(world: World) -> Iterator[Server]:
    with served(world) as made:
        yield made


@pytest.fixture
def acme(server: Server) -> Client:
    return server.client(server.world.acme)


@contextmanager
def working(server: Server) -> Iterator[None]:
    """Worker and switch beside the test, as long as it lasts."""
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(0.05):
            server.work()

    with ThreadPoolExecutor(1) as threads:
        working = threads.submit(work)
        try:
            yield
        finally:
            ended.set()
        # What went wrong there is no fault of who waited for it.
        working.result()
