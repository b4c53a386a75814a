"""OPTIONS to something that answers as it should, late, oddly, or not at all; on loopback."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from faxplan import sip_options
from faxplan.sip_options import NoAnswer, TlsTrust
from tests.certificates import Authority

HERE = "127.0.0.1"
OK = (
    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1\r\nAllow: INVITE, ACK\r\nAllow: BYE\r\nk: timer\r\n"
    "Server: Carrier \x1b[31m1\r\nContent-Length: 0\r\n\r\n"
)


@contextmanager
def udp_peer(answers: Callable[[bytes], list[str]], patience: float = 10) -> Iterator[int]:
    """Answers each datagram with these, until it is asked no more for so many seconds."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.bind((HERE, 0))
        peer.settimeout(patience)

        def run() -> None:
            while True:
                try:
                    request, sender = peer.recvfrom(65536)
                except OSError:
                    return
                for each in answers(request):
                    peer.sendto(each.encode(), sender)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield peer.getsockname()[1]
        peer.close()


def test_what_answers_is_told_with_what_it_said() -> None:
    asked: list[bytes] = []

    def answers(request: bytes) -> list[str]:
        asked.append(request)
        return ["SIP/2.0 100 Trying\r\n\r\n", OK]

    with udp_peer(answers) as port:
        found = sip_options.ask(HERE, port, "udp", source=HERE)
    assert (found.status, found.reason, found.sent) == (200, "OK", 1)
    assert found.allow == "INVITE, ACK, BYE"
    assert found.user_agent == "Carrier \x1b[31m1"
    assert found.headers["supported"] == "timer"
    assert found.address == f"{HERE} port {port}"
    assert found.milliseconds > 0
    (request,) = asked
    assert request.startswith(f"OPTIONS sip:{HERE}:{port} SIP/2.0\r\nVia: SIP/2.0/UDP {HERE}:".encode())
    assert b"\r\nCSeq: 1 OPTIONS\r\n" in request
    assert b"faxplan" not in request.lower()


def test_a_request_that_is_lost_is_sent_again() -> None:
    asked: list[bytes] = []

    def answers(request: bytes) -> list[str]:
        asked.append(request)
        return [OK] if len(asked) == 2 else []

    with udp_peer(answers) as port:
        assert sip_options.ask(HERE, port, "udp", source=HERE, seconds=30).sent == 2
    assert asked[0] == asked[1]


@pytest.mark.parametrize("kept_alive", [["\r\n\r\n", OK], ["\r\n", OK], [f"\r\n\r\n{OK}"]])
def test_a_keep_alive_before_the_answer_is_none(kept_alive: list[str]) -> None:
    with udp_peer(lambda _: kept_alive) as port:
        assert sip_options.ask(HERE, port, "udp", source=HERE).status == 200


@pytest.mark.parametrize("status", ["404 Not Found", "405 Method Not Allowed", "503 Service Unavailable", "401 "])
def test_any_answer_is_one(status: str) -> None:
    with udp_peer(lambda _: [f"SIP/2.0 {status}\r\nContent-Length: 0\r\n\r\n"]) as port:
        assert sip_options.ask(HERE, port, "udp", source=HERE).status == int(status[:3])


def test_silence_is_told_with_what_to_check() -> None:
    with (
        udp_peer(lambda _: []) as port,
        pytest.raises(NoAnswer, match=r"nothing came within 1 s\. Check host and port"),
    ):
        sip_options.ask(HERE, port, "udp", source=HERE, seconds=1)


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_a_port_where_nobody_listens(transport: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as taken:
        taken.bind((HERE, 0))  # and does not listen
        with pytest.raises(NoAnswer, match="nobody listens there"):
            sip_options.ask(HERE, taken.getsockname()[1], transport, source=HERE)


def test_a_name_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(NoAnswer, match="cannot be resolved"):
        sip_options.ask("sip.carrier.example", None, "udp", source=HERE)


def test_an_address_that_is_not_ours_is_said() -> None:
    with pytest.raises(NoAnswer, match="assign"):
        sip_options.ask(HERE, 5060, "udp", source="192.0.2.1")


@contextmanager
def tcp_peer(*parts: bytes) -> Iterator[int]:
    """Answers one connection with these pieces."""
    with socket.create_server((HERE, 0)) as server:

        def run() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                for part in parts:
                    connection.sendall(part)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(10)


def test_an_answer_in_pieces_over_tcp() -> None:
    whole = OK.encode()
    with tcp_peer(b"SIP/2.0 100 Trying\r\n\r\n" + whole[:20], whole[20:]) as port:
        assert sip_options.ask(HERE, port, "tcp", source=HERE).status == 200


@pytest.mark.parametrize(
    ("answer", "told"),
    [(b"HTTP/1.1 400 Bad Request\r\n\r\n", "does not speak SIP"), (b"", "closed the connection")],
)
def test_what_does_not_speak_sip(answer: bytes, told: str) -> None:
    with tcp_peer(answer) as port, pytest.raises(NoAnswer, match=told):
        sip_options.ask(HERE, port, "tcp", source=HERE)


def test_what_sends_without_end_is_no_sip() -> None:
    with socket.create_server((HERE, 0)) as server:

        def run() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                while True:
                    connection.sendall(b"x" * 65536)

        threading.Thread(target=run, daemon=True).start()
        with pytest.raises(NoAnswer) as refused:
            sip_options.ask(HERE, server.getsockname()[1], "tcp", source=HERE, seconds=5)
    assert refused.value.found.trouble.name == "no-sip"


def test_what_does_not_speak_tls() -> None:
    with tcp_peer(OK.encode()) as port, pytest.raises(NoAnswer, match="Check the certificates"):
        sip_options.ask(HERE, port, "tls", source=HERE)


@contextmanager
def tls_peer(certificates: Path) -> Iterator[int]:
    """Answers one request over TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates / "agent.pem")
    with socket.create_server((HERE, 0)) as server:

        def run() -> None:
            with suppress(OSError):
                plain, _ = server.accept()
                with context.wrap_socket(plain, server_side=True) as connection:
                    connection.recv(65536)
                    connection.sendall(OK.encode())

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(10)


def test_tls_takes_whom_freeswitch_takes(tmp_path: Path) -> None:
    authority, other = Authority("The test's authority"), Authority("Somebody else's authority")
    authority.install(tmp_path / "ours", "fax.example")
    authority.install(tmp_path / "carrier", HERE)
    authority.install(tmp_path / "misnamed", "other.example")
    other.install(tmp_path / "stranger", HERE)
    trust = TlsTrust(tmp_path / "ours")

    def ask(peer: str, trust: TlsTrust = trust) -> int:
        with tls_peer(tmp_path / peer) as port:
            return sip_options.ask(HERE, port, "tls", source=HERE, trust=trust).status

    assert ask("carrier") == 200
    with pytest.raises(NoAnswer, match=r"certificate is for other\.example, not for 127\.0\.0\.1"):
        ask("misnamed")
    assert ask("misnamed", TlsTrust(tmp_path / "ours", names_host=False)) == 200
    with pytest.raises(NoAnswer, match="CERTIFICATE_VERIFY_FAILED"):
        ask("stranger")
    with pytest.raises(NoAnswer, match=r"cafile\.pem is missing"):
        ask("carrier", TlsTrust(tmp_path / "nowhere"))


def test_it_goes_where_the_dns_says_that_the_host_is() -> None:
    with udp_peer(lambda _: [OK]) as port:
        found = sip_options.ask("carrier.invalid", None, "udp", source=HERE, at=(HERE, port))
    assert found.address == f"{HERE} port {port}"


@pytest.mark.parametrize(
    ("error", "name"),
    [(TimeoutError(), "silent"), (ConnectionRefusedError(), "nobody-listens"), (ConnectionResetError(), "closed"),
     (BrokenPipeError(), "closed"), (socket.gaierror(), "unresolved"), (ssl.SSLError(), "tls"),
     (OSError(101, "Network is unreachable"), "unreachable")],
)  # fmt: skip
def test_each_failure_has_its_line_in_the_table(monkeypatch: pytest.MonkeyPatch, error: Exception, name: str) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(sip_options, "_ask_over", fails)
    with pytest.raises(NoAnswer) as told:
        sip_options.ask(HERE, 5060, "udp", source=HERE)
    assert told.value.found.trouble.name == name
    assert str(told.value) == f"{told.value.found.means} {told.value.found.do}"
