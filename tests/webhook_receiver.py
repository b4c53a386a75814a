"""A program on the loopback that webhooks tell, over https; and senders of a world."""

import json
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

from faxplan import webhooks
from faxplan.listener import Listener
from faxplan.web_client import WebClient
from faxplan.webhook_sender import WebhookSender
from faxplan.webhooks import Endpoint, Event
from tests.certificates import Authority
from tests.world import Office, World


@dataclass(frozen=True)
class Told:
    """One request. headers: by their names in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def said(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """answers: the status of the next requests, and then 204. then: what happens before it answers."""

    folder: Path
    answers: list[int] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    then: Callable[[], object] = lambda: None
    content: bytes = b""
    location: str = ""

    def __enter__(self) -> "Receiver":
        receiver = self
        Authority(self.folder.name).install(self.folder, "localhost")
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self.folder / "agent.pem")

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                named = {name.lower(): value for name, value in self.headers.items()}
                receiver.told.append(Told(self.path, named, body))
                receiver.then()
                self.send_response(receiver.answers.pop(0) if receiver.answers else 204)
                if receiver.location:
                    self.send_header("Location", receiver.location)
                self.send_header("Content-Length", str(len(receiver.content)))
                self.end_headers()
                self.wfile.write(receiver.content)

            def log_message(self, *_args: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
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
    def address(self) -> str:
        return f"https://localhost:{self._server.server_port}/faxes"

    def allowed(self, world: World) -> None:
        """An operator of the world lets tenants name this one."""
        world.settings = replace(
            world.settings, web_private_networks="127.0.0.0/8", web_ca_file=self.folder / "cafile.pem"
        )


def an_endpoint(
    world: World, office: Office, address: str, types: tuple[Event, ...] = tuple(Event), *, own_only: bool = True
) -> tuple[str, Endpoint]:
    with world.portal.tenant(office.tenant.id) as tx:
        return webhooks.make(
            tx, office.user, address, types, WebClient.of(world.settings), own_only=own_only, actor="test"
        )


def a_sender(world: World, name: str = "test") -> WebhookSender:
    """One that does not run yet."""
    return WebhookSender(
        world.worker, Listener(world.installation.url("faxplan_worker"), ()), world.settings, name=name
    )


def tell_all(world: World) -> None:
    """Until nothing is due."""
    sender = a_sender(world)
    while sender.work():
        pass
