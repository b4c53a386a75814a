"""What is asked again, what is not, and where the key goes: against servers of the test's own."""

import json
import pickle
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

import pytest

from faxplan_client import (
    Client,
    ClientError,
    ConnectionFailed,
    File,
    InvalidAddress,
    Problem,
    TooManyRequests,
    Unavailable,
    UnexpectedAnswer,
    transport,
)
from faxplan_client.transport import Key, Transport
from tests.certificates import Authority

KEY = "fxp_" + "k" * 43
LETTER = File("a.txt", b"Hello")
SENT = b'{"batch": 1, "faxes": [{"id": 1, "to": "+4930123456", "pages": null, "colour": "new"}]}'


def answer(status: str, content: bytes = b"", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


def problem(status: str, error_id: str, *, retryable: bool, **headers: str) -> bytes:
    said = {"status": int(status[:3]), "error_id": error_id, "detail": "Because.", "retryable": retryable}
    return answer(status, json.dumps(said).encode(), Content_Type="application/problem+json", **headers)


AWAY = problem("503 Service Unavailable", "database-unavailable", retryable=True, Retry_After="5")


@contextmanager
def serving(answers: Sequence[bytes], tls: ssl.SSLContext | None = None) -> Iterator[tuple[int, list[bytes]]]:
    """A server on this machine that answers so, one after the other; empty: it breaks off. Its port, and what it was
    asked."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            for each in answers:
                try:
                    taken, _address = listening.accept()
                    with tls.wrap_socket(taken, server_side=True) if tls else taken as connection:
                        asked.append(_request(connection))
                        connection.sendall(each)
                except OSError:
                    continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listening.getsockname()[1], asked
        # What was not asked for is waited for no more.
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def _request(connection: socket.socket) -> bytes:
    content = b""
    while b"\r\n\r\n" not in content:
        content += connection.recv(65536)
    head, _blank, rest = content.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(rest) < length:
        rest += connection.recv(65536)
    return head + b"\r\n\r\n" + rest


def client(port: int, waited: list[float], **more: object) -> Client:
    made = Client(f"http://127.0.0.1:{port}", KEY, **more)  # type: ignore[arg-type]
    made._connection.transport._sleep = waited.append
    return made


def named(request: bytes, name: str) -> bytes:
    return next(line for line in request.split(b"\r\n") if line.lower().startswith(name.encode())).partition(b": ")[2]


def test_sending_is_repeated_with_the_same_key(tmp_path: Path) -> None:
    waited: list[float] = []
    in_hand = problem("409 Conflict", "request-in-hand", retryable=True)
    with serving([b"", AWAY, in_hand, answer("201 Created", SENT)]) as (port, asked):
        (fax,) = client(port, waited).send("+4930123456", LETTER).faxes
    assert fax.id == 1
    assert len({named(each, "idempotency-key") for each in asked}) == 1
    # The boundary, too: it is the same to the byte.
    assert len(set(asked)) == 1
    assert len(asked) == 4
    assert waited[0] < waited[2]
    assert 5 <= waited[1] <= 6


def test_it_ends_some_time_and_says_with_which_key_to_go_on() -> None:
    waited: list[float] = []
    with serving([AWAY] * 4) as (port, asked), pytest.raises(Unavailable) as caught:
        client(port, waited).send("+4930123456", LETTER, once="order-1")
    assert (caught.value.once, caught.value.retryable) == ("order-1", True)
    assert (len(asked), len(waited)) == (4, 3)


def test_what_may_have_been_done_is_not_done_twice() -> None:
    waited: list[float] = []
    for first in (b"", AWAY):
        with (
            serving([first, answer("200 OK", b'{"cancelled": true}')]) as (port, asked),
            pytest.raises((ConnectionFailed, Unavailable)),
        ):
            client(port, waited).cancel(1)
        assert (len(asked), waited) == (1, [])


def test_who_asks_too_much_waits_as_long_as_is_said() -> None:
    waited: list[float] = []
    many = problem("429 Too Many Requests", "too-many-requests", retryable=True, Retry_After="7")
    with serving([many, answer("200 OK", b'{"cancelled": true}')]) as (port, _asked):
        assert client(port, waited).cancel(1)
    assert waited == [7.0]
    for said in ({}, {"Retry_After": "900"}):
        tries = problem("429 Too Many Requests", "too-many-tries", retryable=True, **said)
        with serving([tries]) as (port, asked), pytest.raises(TooManyRequests):
            client(port, waited).fax(1)
        assert (len(asked), waited) == (1, [7.0])


def test_where_nobody_listens_it_is_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    waited: list[float] = []
    with pytest.raises(ConnectionFailed, match=r"Nothing answers at 127\.0\.0\.1") as caught:
        client(port, waited).cancel(1)
    assert (len(waited), caught.value.may_have_arrived, caught.value.retryable) == (3, False, True)


def test_what_is_refused_is_not_asked_again() -> None:
    waited: list[float] = []
    refused = problem("422 Unprocessable Entity", "invalid-number", retryable=False)
    with serving([refused]) as (port, asked), pytest.raises(Problem, match="Because") as caught:
        client(port, waited).send("x", LETTER)
    assert (caught.value.status, len(asked), waited) == (422, 1, [])


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"])
def test_the_key_goes_nowhere_else(status: str) -> None:
    with serving([answer("200 OK", b"{}")]) as (other, stolen):
        leading = answer(status, Location=f"http://127.0.0.1:{other}/api/v1/account")
        said = f"leads on to http://127.0.0.1:{other}"
        with serving([leading]) as (port, asked), pytest.raises(UnexpectedAnswer, match=said):
            client(port, []).account()
        assert KEY.encode() in asked[0]
    assert stolen == []


@pytest.mark.parametrize(
    "content", [b"", b"<html>", b"[]", b"null", b'{"organisation": 1}', b'{"organisation": "\xff"}', b"[" * 100_000]
)
def test_another_answer_than_there_is_is_said_to_be_none(content: bytes) -> None:
    with serving([answer("200 OK", content)]) as (port, _asked), pytest.raises(UnexpectedAnswer):
        client(port, []).account()
    with serving([answer("502 Bad Gateway", content)] * 4) as (port, _asked), pytest.raises(Problem) as caught:
        client(port, []).account()
    assert (caught.value.status, caught.value.error_id) == (502, "no-problem")


def test_what_was_cut_off_is_fetched_again(tmp_path: Path) -> None:
    cut = answer("200 OK", b"whole").replace(b"whole", b"wh")
    with serving([cut, answer("200 OK", b"whole")]) as (port, _asked), (tmp_path / "x").open("w+b") as target:
        client(port, []).download(1, "pdf", target)
        target.flush()
        assert (tmp_path / "x").read_bytes() == b"whole"


# ------------------------------------------------------------------------------------------------------------ TLS, keys


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    Authority("Test").install(tmp_path, "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "agent.pem")
    return context


def test_a_certificate_is_checked(tls: ssl.SSLContext, tmp_path: Path) -> None:
    said = b'{"organisation": "A", "user": "B", "email": "c", "key": "d", "scopes": [], "expires_at": null}'
    for host, ca_file, is_good in (
        ("localhost", tmp_path / "cafile.pem", True),
        ("localhost", None, False),
        ("127.0.0.1", tmp_path / "cafile.pem", False),
    ):
        with serving([answer("200 OK", said)], tls) as (port, asked):
            made = Client(f"https://{host}:{port}", KEY, ca_file=ca_file)
            if is_good:
                assert made.account().organisation == "A"
            else:
                with pytest.raises(ConnectionFailed, match="certificate") as caught:
                    made.account()
                assert (asked, caught.value.retryable) == ([], False)


@pytest.mark.parametrize(
    "address",
    [
        "", "fax.example.com", "http://fax.example.com", "http://localhost.example.com", "ftp://localhost",
        "https://user:pw@fax.example.com", "https://fax.example.com/?a=b", "https://[::1", "https://x:99999",
        "http://8.8.8.8", "https:///x", "https://a\n.b",
    ],
)  # fmt: skip
def test_addresses_that_are_none(address: str) -> None:
    with pytest.raises(InvalidAddress):
        Client(address, KEY)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://a.example.com/", "https://a.example.com"),
        (" https://a.example.com/api/v1/ ", "https://a.example.com"),
        ("http://a.localhost:8080/fax/api/v1", "http://a.localhost:8080/fax"),
        ("http://127.0.0.1:1", "http://127.0.0.1:1"),
    ],
)
def test_addresses(address: str, shown: str) -> None:
    assert Client(address, KEY).address == shown


@pytest.mark.parametrize("key", ["", "short", f"{KEY}\r\nX: y", "fxp_ä" * 10, "a b" * 20])
def test_what_is_no_key_is_not_said_again(key: str) -> None:
    with pytest.raises(InvalidAddress) as caught:
        Client("https://a.example.com", key)
    assert not key or key not in str(caught.value)


def test_the_key_shows_nowhere() -> None:
    made = Client("http://127.0.0.1:1", KEY, tries=1)
    with pytest.raises(ConnectionFailed) as caught:
        made.account()
    seen: list[object] = [made, vars(made), vars(made._connection.transport), caught.value, Key(KEY)]
    error: BaseException | None = caught.value
    while error is not None:
        seen += [repr(error), *error.args]
        trace = error.__traceback__
        while trace is not None:
            if "faxplan_client" in trace.tb_frame.f_code.co_filename:
                # As what reports errors writes them down.
                seen += [trace.tb_frame.f_locals]
            trace = trace.tb_next
        error = error.__cause__
    assert KEY not in repr(seen)
    with pytest.raises(TypeError):
        pickle.dumps(Key(KEY))


def test_a_request_that_is_asked_through_a_proxy_is_tunnelled(
    tls: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "http://user:p%40ss@127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    connection = Transport("https://fax.example.com", KEY)._connection()
    assert (connection.host, connection.port, connection._tunnel_host) == ("127.0.0.1", 9, "fax.example.com")  # type: ignore[attr-defined]
    assert KEY not in repr(connection._tunnel_headers)  # type: ignore[attr-defined]


def test_a_list_that_goes_on_where_it_was_ends() -> None:
    part = answer("200 OK", b'{"faxes": [], "next": "again"}')
    with serving([part] * 3) as (port, asked), pytest.raises(UnexpectedAnswer, match="never end"):
        list(client(port, [], seconds=2.0, tries=1).faxes("inbound"))
    assert len(asked) == 2


@pytest.mark.parametrize("moment", ["2026-11-30T08:00:00", "0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59+00:00"])
def test_a_time_that_cannot_be_shown_is_no_answer(moment: str) -> None:
    said = {"organisation": "A", "user": "U", "email": "e", "key": "k", "scopes": [], "expires_at": moment}
    content = json.dumps(said).encode()
    with serving([answer("200 OK", content)]) as (port, _asked), pytest.raises(UnexpectedAnswer, match=moment[:10]):
        client(port, []).account()


def test_a_file_that_goes_on_and_on_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_MOST_FILE_BYTES", 100_000)
    with serving([answer("200 OK", bytes(400_000))]) as (port, _asked), SpooledTemporaryFile() as taken:
        with pytest.raises(UnexpectedAnswer, match="more than 100000 bytes"):
            client(port, []).download(1, "pdf", cast("BinaryIO", taken))
        assert taken.tell() < 200_000


@pytest.mark.parametrize("once", ["a b", "a\r\nX-Other: 1", "schl\u00fcssel", "x" * 256])
def test_what_is_no_idempotency_key_is_refused_before_anything_is_sent(once: str) -> None:
    with serving([]) as (port, asked), pytest.raises(ClientError) as caught:
        client(port, []).resend(1, once=once)
    assert (caught.value.error_id, asked) == ("invalid-idempotency-key", [])
