"""What tenants name is fetched from public addresses alone, or from networks that an operator allows; and it ends."""

import contextlib
import gzip
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from faxplan import bounded_line, web_client
from faxplan.config import Settings
from faxplan.errors import InvalidSetting
from faxplan.web_client import AddressRefused, FetchFailed, WebClient
from tests.certificates import Authority

HERE = (ipaddress.ip_network("127.0.0.0/8"),)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n" + b'{"a": 1}'


@contextmanager
def answering(
    answer: bytes, *, tls: ssl.SSLContext | None = None, then: threading.Event | None = None
) -> Iterator[tuple[int, list[bytes]]]:
    """A server that says this to whoever asks; its port, and what was asked. then: it hangs up once that is set."""
    asked: list[bytes] = []
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while not over.is_set():
                taken, _from = listening.accept()
                # Whoever asks hangs up where it has had enough: that is theirs to say, by what they raise.
                with taken, suppress(BrokenPipeError, ConnectionResetError, ssl.SSLError):
                    spoken = tls.wrap_socket(taken, server_side=True) if tls else taken
                    if request := whole(spoken):
                        asked.append(request)
                        spoken.sendall(answer)
                        if then is not None:
                            then.wait(30)
                    spoken.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1], asked
        finally:
            over.set()
            socket.create_connection(listening.getsockname()).close()
            thread.join()


def whole(spoken: socket.socket) -> bytes:
    """A request, with its body."""
    request = b""
    while True:
        request += (read := spoken.recv(65536))
        head, ended, body = request.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
        if not read or (ended and len(body) >= length):
            return request


def test_what_lies_there_is_fetched_where_the_network_is_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    # Not by a proxy of the environment: which address that one goes to nobody would look at.
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with answering(OK) as (port, asked):
        assert WebClient(HERE).get(f"http://127.0.0.1:{port}/x?y=1").json() == {"a": 1}
        answer = WebClient(HERE).post(f"http://127.0.0.1:{port}/", {"code": "ä&="}, basic=("me:", "p w"))
    assert answer.status == 200
    assert asked[0].startswith(b"GET /x?y=1 HTTP/1.1\r\n")
    assert f"Host: 127.0.0.1:{port}\r\n".encode() in asked[0]
    assert asked[1].endswith(b"\r\n\r\ncode=%C3%A4%26%3D")
    assert b"Authorization: Basic bWUlM0E6cCUyMHc=\r\n" in asked[1]


@pytest.mark.parametrize(
    ("answer", "content"),
    [
        (OK, b'{"a"'),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab", b"ab"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\nnonsense", b"ab"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * bounded_line.MOST_BYTES * 2, b"xxxx"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    ],
)
def test_what_is_handed_over_is_answered_by_a_status_whatever_comes_after_it(answer: bytes, content: bytes) -> None:
    with answering(answer) as (port, asked):
        said = WebClient(HERE).hand(f"http://127.0.0.1:{port}/x", b"{}", {"webhook-id": "1"}, most=4)
    assert (said.status // 100, said.content) == (2, content)
    assert asked[0].startswith(b"POST /x HTTP/1.1\r\n")
    assert b"webhook-id: 1\r\n" in asked[0]
    assert asked[0].endswith(b"\r\n\r\n{}")


@pytest.mark.parametrize(
    "found",
    [
        "127.0.0.1", "10.0.0.1", "169.254.169.254", "0.0.0.1", "::1", "fe80::1%eth0", "::ffff:127.0.0.1",
        "64:ff9b::7f00:1",
    ],
)  # fmt: skip
def test_nothing_is_fetched_from_what_is_not_public_whatever_its_name(found: str) -> None:
    asked = []

    def resolver(host: str, _port: int) -> list[str]:
        asked.append(host)
        return [found]

    with pytest.raises(AddressRefused, match="private network"):
        WebClient(resolver=resolver).get("https://looks.example/")
    assert asked == ["looks.example"]


def test_the_connection_goes_to_what_was_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is not looked up again."""
    called = []

    def connect(address: tuple[str, int], _seconds: float) -> socket.socket:
        called.append(address)
        raise ConnectionRefusedError("no")

    monkeypatch.setattr(socket, "create_connection", connect)
    answers = iter([["10.0.0.1", "9.9.9.9"], ["127.0.0.1"]])
    with pytest.raises(FetchFailed, match="cannot be reached"):
        WebClient(resolver=lambda _host, _port: next(answers)).get("https://rebinds.example:8443/")
    assert called == [("9.9.9.9", 8443)]


def test_of_many_addresses_a_few_are_tried_each_for_its_share_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now, tried = [100.0], []

    def connect(address: tuple[str, int], seconds: float) -> socket.socket:
        tried.append((address[0], round(seconds, 3)))
        now[0] += seconds
        raise TimeoutError

    monkeypatch.setattr(bounded_line, "monotonic", lambda: now[0])
    monkeypatch.setattr(socket, "create_connection", connect)

    def resolver(_host: str, _port: int) -> list[str]:
        now[0] += 5  # half of all of it
        return ["10.0.0.1", "9.9.9.1", "9.9.9.1", *(f"9.9.9.{each}" for each in range(2, 99))]

    with pytest.raises(FetchFailed, match="in time"):
        WebClient(resolver=resolver).get("https://many.example/")
    assert tried == [("9.9.9.1", 1.0), ("9.9.9.2", 1.0), ("9.9.9.3", 1.0), ("9.9.9.4", 1.0)]


def test_a_look_up_that_hangs_is_left_and_there_are_not_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_client, "SECONDS", 0.05)
    answers, begun = threading.Event(), []

    def resolver(_host: str, _port: int) -> list[str]:
        begun.append(threading.current_thread())
        answers.wait(10)
        return ["127.0.0.1"]

    there = WebClient(resolver=resolver)
    try:
        for why in ["in time"] * 16 + ["Too many hosts"] * 3:
            with pytest.raises(FetchFailed, match=why):
                there.get("https://hangs.example/")
        assert len(begun) == 16
    finally:
        answers.set()
        for thread in begun:
            thread.join()
    # And it is over once they have ended.
    with pytest.raises(AddressRefused, match="private network"):
        there.get("https://hangs.example/")


def test_without_tls_only_from_networks_that_are_allowed() -> None:
    with pytest.raises(AddressRefused, match="https"):
        WebClient(HERE, resolver=lambda _host, _port: ["9.9.9.9"]).get("http://looks.example/")


@pytest.mark.parametrize(
    "address",
    [
        "", "id.example.com", "ftp://id.example.com/", "file:///etc/passwd", "https://", "https://me@id.example/",
        "https://me:secret@id.example/", "https://" + "a." * 130,
        "https://a b/", "https://id.example:99999/", "https://id.example\r\nX: y/", "https://ïd.example/", "https://[::1",
        "https://" + "a" * 2000, "gopher://x/", "https://a\\b/", "javascript:alert(1)",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_before_anything_is_looked_up(address: str) -> None:
    def resolver(_host: str, _port: int) -> list[str]:
        raise AssertionError("looked up")

    with pytest.raises(AddressRefused):
        WebClient(HERE, resolver=resolver).get(address)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "cannot be reached"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "cannot be reached"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort", "cannot be reached"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "cannot be reached"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (bounded_line.MOST_BYTES + 1), "more than is read"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n", "302"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnope", "no JSON"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"[" * 100_000, "no JSON"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999999\r\n\r\nshort", "cannot be reached"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\n1\r\n" * 200_000 + b"0\r\n\r\n",
            "more than is",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"a: b\r\n" * 200_000 + b"\r\n",
            "more than is",
        ),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 50_000 + OK, "more than is"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200_000, "cannot be reached"),
        (b"HTTP/1.1 200 OK\r\na: " + b"b" * 200_000, "cannot be reached"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"1", mtime=0), "no JSON"),
    ],
)
def test_an_answer_that_is_none_is_told_of(answer: bytes, why: str) -> None:
    with answering(answer) as (port, asked), pytest.raises(FetchFailed, match=why):
        WebClient(HERE).get(f"http://127.0.0.1:{port}/").json()
    assert len(asked) == 1


@pytest.mark.parametrize("answer", [b"a (b). " * 5000, b"HTTP/1.1 a (b). \xe2\x80\xae\r\n", b"HTTP/a (b). 1 OK\r\n"])
def test_what_the_other_side_says_is_not_said_again(answer: bytes) -> None:
    with answering(answer) as (port, _asked), pytest.raises(FetchFailed) as failed:
        WebClient(HERE).get(f"http://127.0.0.1:{port}/")
    assert "a (b)" not in str(failed.value)
    assert len(str(failed.value)) < 120


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nbeg"])
def test_who_never_comes_to_an_end_is_left(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_client, "SECONDS", 0.4)
    with answering(answer, then=(over := threading.Event())) as (port, _asked):
        with pytest.raises(FetchFailed, match="in time"):
            WebClient(HERE).get(f"http://127.0.0.1:{port}/")
        over.set()


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\n\r\n"], ids=["head", "content"])
def test_who_sends_a_byte_at_a_time_is_left(
    scheme: str, begun: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each comes in time, and there is hardly an end of them."""
    monkeypatch.setattr(web_client, "SECONDS", 0.5)
    tls = served_by("id.example", tmp_path)
    stopped = threading.Event()

    def drip(listening: socket.socket) -> None:
        taken = listening.accept()[0]
        spoken = tls.wrap_socket(taken, server_side=True) if scheme == "https" else taken
        with spoken, contextlib.suppress(OSError):
            whole(spoken)
            spoken.sendall(begun)
            for byte in b"HTTP/1.1 200 OK\r\n\r\n" + b"." * 40:
                if stopped.wait(0.05):
                    return
                spoken.sendall(bytes([byte]))

    with socket.create_server(("127.0.0.1", 0)) as listening:
        dripping = threading.Thread(target=drip, args=(listening,))
        dripping.start()
        try:
            there = WebClient(HERE, tmp_path / "cafile.pem", resolver=lambda _host, _port: ["127.0.0.1"])
            with pytest.raises(FetchFailed, match="in time"):
                there.get(f"{scheme}://id.example:{listening.getsockname()[1]}/")
        finally:
            stopped.set()
            dripping.join()


def served_by(host: str, folder: Path) -> ssl.SSLContext:
    """With a certificate of that host, by whoever stands in cafile.pem there."""
    Authority("Somebody").install(folder, host)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "agent.pem")
    return tls


def test_a_certificate_has_to_be_of_the_host_and_of_somebody_who_is_trusted(tmp_path: Path) -> None:
    with answering(OK, tls=served_by("id.example", tmp_path)) as (port, _asked):
        there = WebClient(HERE, tmp_path / "cafile.pem", resolver=lambda _host, _port: ["127.0.0.1"])
        assert there.get(f"https://id.example:{port}/").json() == {"a": 1}
        with pytest.raises(FetchFailed, match="certificate of other"):
            there.get(f"https://other.example:{port}/")
        with pytest.raises(FetchFailed, match="certificate of id"):
            WebClient(HERE, resolver=there.resolver).get(f"https://id.example:{port}/")


def test_the_settings_networks_are_read(tmp_path: Path) -> None:
    settings = Settings(database_url="postgresql:///x", web_private_networks="10.1.0.0/16, fd00::/8")
    assert WebClient.of(settings).private == (ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00::/8"))
    with pytest.raises(InvalidSetting, match="web_private_networks"):
        WebClient.of(Settings(database_url="postgresql:///x", web_private_networks="10.1.0.5/16"))
