"""Why a registration fails, out of FreeSWITCH's events; by an event socket that is played on loopback."""

import socket
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from faxplan import trunk_registration
from faxplan.config import Settings


def event(gateway: str, **headers: str) -> bytes:
    lines = {"Event-Name": "CUSTOM", "Event-Subclass": "sofia::gateway_state", "Gateway": gateway, **headers}
    body = "".join(f"{name}: {quote(value)}\n" for name, value in lines.items()) + "\n"
    return f"Content-Length: {len(body)}\nContent-Type: text/event-plain\n\n{body}".encode()


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Settings]:
    """Of a switch that sends these events once it is told to register."""

    def make(events: list[bytes], said: bytes = b"+OK\n") -> Settings:
        listening = socket.create_server(("127.0.0.1", 0))
        listening.settimeout(20)

        def run() -> None:
            with listening, listening.accept()[0] as peer:
                peer.sendall(b"Content-Type: auth/request\n\n")
                for reply in (b"Reply-Text: +OK accepted", b"Reply-Text: +OK event listener enabled plain"):
                    peer.recv(1000)
                    peer.sendall(b"Content-Type: command/reply\n" + reply + b"\n\n")
                asked = peer.recv(1000)
                assert b"api sofia profile faxplan register office" in asked
                answer = b"Content-Type: api/response\nContent-Length: %d\n\n%s" % (len(said), said)
                peer.sendall(answer + b"".join(events))
                peer.recv(1000)

        threading.Thread(target=run, daemon=True).start()
        password = tmp_path / "password"
        password.write_text("w0rd")
        where = f"127.0.0.1:{listening.getsockname()[1]}"
        return replace(Settings("postgresql:///"), event_socket=where, event_socket_password_file=password)

    return make


Make = Callable[..., Settings]


def test_one_that_is_taken(settings: Make) -> None:
    given = [event("other", State="FAILED", Status="403"), event("office", State="TRYING"),
             event("office", State="REGISTER", Status="200", Phrase="OK"), event("office", State="REGED")]  # fmt: skip
    found = trunk_registration.register(settings(given), "office")
    assert (found.state, found.found) == ("REGED", None)


@pytest.mark.parametrize(
    ("headers", "status", "told"),
    [
        ({"State": "FAILED", "Status": "403", "Phrase": "Forbidden"}, 403, "403 Forbidden: mostly a wrong password"),
        ({"State": "FAILED", "Status": "404", "Phrase": "Not Found"}, 404, "no such user at this domain"),
        ({"State": "FAILED", "Status": "503", "Phrase": "DNS Error"}, 503, "503 DNS Error: the host cannot be found"),
        ({"State": "TIMEOUT"}, None, "was not answered."),
    ],
)
def test_one_that_is_refused(settings: Make, headers: dict[str, str], status: int | None, told: str) -> None:
    found = trunk_registration.register(
        settings([event("office", State="TRYING"), event("office", **headers)]), "office"
    )
    assert found.status == status
    assert found.found is not None
    assert told in found.found.means


def test_nothing_that_comes_in_time_is_told_as_silence(settings: Make) -> None:
    found = trunk_registration.register(settings([event("office", State="TRYING")]), "office", seconds=0.2)
    assert found.found is not None
    assert found.found.trouble.name == "registration-silent"


def test_a_node_that_has_no_such_gateway_tells_of_no_silence(settings: Make) -> None:
    found = trunk_registration.register(settings([], b"Invalid gateway!\n"), "office", seconds=0.2)
    assert (found.state, found.found) == ("", None)
    assert "no such gateway (Invalid gateway!): another node registers" in found.why


def test_a_switch_that_cannot_be_asked_is_told() -> None:
    found = trunk_registration.register(Settings("postgresql:///"), "office")
    assert (found.state, found.found) == ("", None)
    assert "event_socket is not set" in found.why
