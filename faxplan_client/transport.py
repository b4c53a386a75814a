"""HTTP with a server: TLS that is checked, requests that are repeated where that is safe, and a key that goes nowhere
else."""

import http.client
import ipaddress
import json
import random
import re
import socket
import ssl
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import SplitResult, unquote, urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

from faxplan_client.bodies import Body
from faxplan_client.errors import (
    ClientError,
    ConnectionFailed,
    InvalidAddress,
    Problem,
    UnexpectedAnswer,
    Wrong,
    class_of,
)

ROOT = "/api/v1"
SECONDS = 90.0
"""That a server may be silent: what it fetches itself it may fetch for 45."""
MOST_TRIES = 4
LONGEST_WAIT = 60.0
_FIRST_WAIT = 0.5
_MOST_BYTES = 64 * 1024**2
_MOST_FILE_BYTES = 4 * 1024**3
"""No file of the API's is larger: a server that sends on and on is not to fill this machine's disk."""
_PIECE = 65536
_KEY = re.compile(r"[!-~]{8,200}")
_OK, _MULTIPLE, _BAD, _TOO_MANY, _CONFLICT = 200, 300, 400, 429, 409
_AWAY = (502, 503, 504)
_IN_HAND = "request-in-hand"


class Key:
    """An API key. It is not shown wherever this is printed."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Raises InvalidAddress."""
        if not _KEY.fullmatch(text.strip()):
            raise InvalidAddress("This is no API key. One begins with fxp_, and is one line without spaces.")
        self._text = text.strip()

    def __repr__(self) -> str:
        return "Key(...)"

    def __reduce__(self) -> str:
        raise TypeError("an API key is not to be written anywhere")

    @property
    def header(self) -> str:
        """For the server alone."""
        return f"Bearer {self._text}"


@dataclass(frozen=True, slots=True)
class Request:
    """path: below the API's address. once: an Idempotency-Key."""

    method: str
    path: str
    query: Mapping[str, str] | None = None
    body: Body | None = None
    once: str | None = None

    @property
    def is_repeatable(self) -> bool:
        """Whether it may be done twice."""
        return self.method == "GET" or self.once is not None


class Transport:
    """To one server, with one key. May be used by several threads: each request has a connection of its own.

    address: as `https://acme.fax.example.com`. http goes to this machine alone. ca_file: certificates of an authority
    of your own, besides those of the system. Raises InvalidAddress.
    """

    def __init__(
        self, address: str, key: str, *, seconds: float = SECONDS, ca_file: Path | None = None,
        tries: int = MOST_TRIES, sleep: Callable[[float], None] = time.sleep,
    ) -> None:  # fmt: skip
        self._parts, self._prefix = _server(address)
        self._key = Key(key)
        self._seconds = seconds
        self._tries = tries
        self._sleep = sleep
        self._tls = ssl.create_default_context() if self._parts.scheme == "https" else None
        if ca_file is not None and self._tls is not None:
            self._tls.load_verify_locations(ca_file)
            # From Python 3.13 on a CA must be as RFC 5280 has it, and `openssl req -x509` writes none of that kind.
            self._tls.verify_flags &= ~ssl.VERIFY_X509_STRICT

    def __repr__(self) -> str:
        return f"Transport({self.address!r})"

    @property
    def address(self) -> str:
        """Of the server."""
        return f"{self._parts.scheme}://{self._parts.netloc}{self._prefix}"

    def ask(self, request: Request) -> bytes:
        """What is answered. Raises Problem, ConnectionFailed and UnexpectedAnswer."""
        return self._repeated(request, lambda answer: _whole(answer, _MOST_BYTES))

    def fetch(self, request: Request, target: BinaryIO) -> None:
        """Writes what is answered from the target's beginning on; its size was looked at. Raises as `ask`."""

        def save(answer: http.client.HTTPResponse) -> bytes:
            target.seek(0)
            target.truncate()
            while piece := answer.read(_PIECE):
                target.write(piece)
                if target.tell() > _MOST_FILE_BYTES:
                    raise UnexpectedAnswer(f"The server answers with more than {_MOST_FILE_BYTES} bytes.")
            if answer.length:
                raise http.client.IncompleteRead(b"", answer.length)
            return b""

        self._repeated(request, save)

    def _repeated(self, request: Request, take: Callable[[http.client.HTTPResponse], bytes]) -> bytes:
        tried = 0
        while True:
            tried += 1
            try:
                return self._once(request, take)
            except (Problem, ConnectionFailed) as error:
                wait = _wait(request, error, tried)
                if wait is None or tried >= self._tries:
                    raise
                self._sleep(wait)

    def _once(self, request: Request, take: Callable[[http.client.HTTPResponse], bytes]) -> bytes:
        host = self._parts.hostname or ""
        connection = self._connection()
        sent = False
        try:
            connection.connect()
            sent = True
            try:
                connection.request(
                    request.method, self._path(request), body=request.body, headers=self._headers(request)
                )
            except (BrokenPipeError, ConnectionResetError):
                # It may have said already why it takes no more.
                if request.body is None:
                    raise
            answer = connection.getresponse()
            if answer.status >= _BAD:
                raise _problem(answer, _whole(answer, _MOST_BYTES))
            if answer.status >= _MULTIPLE:
                raise _leads_on(answer, host)
            return take(answer)
        except (OSError, http.client.HTTPException) as error:
            raise _failed(host, error, sent=sent) from error
        finally:
            connection.close()

    def _path(self, request: Request) -> str:
        asked = {name: value for name, value in (request.query or {}).items() if value}
        return f"{self._prefix}{ROOT}{request.path}" + (f"?{urlencode(asked)}" if asked else "")

    def _headers(self, request: Request) -> dict[str, str]:
        headers = {
            "Authorization": self._key.header,
            "Accept": "application/json, application/octet-stream, application/problem+json",
            "User-Agent": "faxplan-client",
        }
        if request.body is not None:
            headers |= {"Content-Type": request.body.kind, "Content-Length": str(request.body.size)}
        elif request.method != "GET":
            headers["Content-Length"] = "0"
        if request.once is not None:
            headers["Idempotency-Key"] = request.once
        return headers

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._tls is None:
            return _Here(host, port or 80, timeout=self._seconds)
        proxy = urlsplit("" if proxy_bypass(host) else getproxies().get("https", ""))
        if not proxy.hostname:
            return http.client.HTTPSConnection(host, port or 443, timeout=self._seconds, context=self._tls)
        connection = http.client.HTTPSConnection(
            proxy.hostname, proxy.port or 3128, timeout=self._seconds, context=self._tls
        )
        headers = {}
        if proxy.username:
            pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
            headers["Proxy-Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        # The key is inside the tunnel, which ends at the server.
        connection.set_tunnel(host, port or 443, headers)
        return connection


class _Here(http.client.HTTPConnection):
    """To this machine, without TLS. Names below localhost are this machine, whatever a resolver says (RFC 6761)."""

    def connect(self) -> None:
        last: OSError | None = None
        for each in [self.host] if _is_address(self.host) else ["127.0.0.1", "::1"]:
            try:
                self.sock = socket.create_connection((each, self.port), self.timeout)
                return
            except OSError as error:
                last = last or error
        raise last or OSError("there is no address of this machine")


def check_address(address: str) -> None:
    """Raises InvalidAddress for what is no address of a server."""
    _server(address)


def _server(address: str) -> tuple[SplitResult, str]:
    """The parts of an address, and what stands before the API's in its path."""
    try:
        parts = urlsplit(address.strip())
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidAddress("This is no address. Write it as https://acme.fax.example.com.") from error
    if parts.scheme not in ("https", "http") or not host:
        raise InvalidAddress("This is no address of a server. Write it whole, as https://acme.fax.example.com.")
    if parts.username is not None or parts.query or parts.fragment or not address.strip().isprintable():
        raise InvalidAddress("The address of a server has no user, and nothing behind ? or #.")
    if parts.scheme == "http" and not _is_here(host):
        raise InvalidAddress(
            f"The address begins with http, and {host} is another machine: everybody in between could read the key. "
            "Write https."
        )
    return parts, parts.path.rstrip("/").removesuffix(ROOT).rstrip("/")


def _is_here(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    return _is_address(host) and ipaddress.ip_address(host).is_loopback


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _whole(answer: http.client.HTTPResponse, most: int) -> bytes:
    content = answer.read(most + 1)
    if len(content) > most:
        raise UnexpectedAnswer(f"The server answers with more than {most} bytes.")
    return content


def _wait(request: Request, error: Problem | ConnectionFailed, tried: int) -> float | None:
    """In how many seconds the request may be made again; None: not by itself."""
    again = _FIRST_WAIT * 2 ** (tried - 1) * random.uniform(0.75, 1.25)  # noqa: S311 - not to meet others
    if isinstance(error, ConnectionFailed):
        if not error.retryable:
            return None
        return again if request.is_repeatable or not error.may_have_arrived else None
    asked = error.retry_after
    if error.status == _TOO_MANY:
        # It was not worked on. Without a time it is not for a moment.
        return asked if asked is not None and asked <= LONGEST_WAIT else None
    is_passing = error.status in _AWAY and error.retryable
    if not request.is_repeatable or not (is_passing or error.error_id == _IN_HAND):
        return None
    return again if asked is None else max(again, asked) if asked <= LONGEST_WAIT else None


def _problem(answer: http.client.HTTPResponse, content: bytes) -> Problem:
    status = answer.status
    try:
        said = json.loads(content)
        errors = [Wrong(str(each["pointer"]), str(each["detail"])) for each in said.get("errors", ())]
        error_id, detail, retryable = str(said["error_id"]), str(said["detail"]), said["retryable"] is True
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        # A proxy before the server, say.
        error_id, errors, retryable = "no-problem", [], status in _AWAY
        detail = f"The server answers with {status} {answer.reason}, and does not say why."
    return class_of(status)(
        status, error_id, detail, retryable=retryable, errors=errors,
        retry_after=_seconds(answer.getheader("Retry-After")),
    )  # fmt: skip


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isdecimal() and len(text) < 10 else None


def _leads_on(answer: http.client.HTTPResponse, host: str) -> ClientError:
    """Nothing is followed: the key is for the server that was named."""
    place = urlsplit(answer.getheader("Location", ""))
    other = f"{place.scheme}://{place.netloc}" if place.netloc else "another address"
    return UnexpectedAnswer(
        f"{host} leads on to {ascii(other[:200])[1:-1]}, and the key is not sent there. If that is the server's "
        "address, use it."
    )


def _failed(host: str, error: Exception, *, sent: bool) -> ConnectionFailed:
    if isinstance(error, ssl.SSLCertVerificationError):
        why = f"the certificate of {host} is not one that this machine trusts: {error.verify_message}"
    elif isinstance(error, socket.gaierror):
        why = f"there is no host {host}"
    elif isinstance(error, TimeoutError):
        why = f"{host} does not answer in time"
    elif isinstance(error, ConnectionRefusedError):
        why = f"nothing answers at {host}"
    elif isinstance(error, OSError):
        why = f"{host} cannot be reached: {error.strerror or type(error).__name__}"
    else:
        why = f"{host} breaks off: {type(error).__name__}"
    failed = ConnectionFailed(f"{why[0].upper()}{why[1:]}.", may_have_arrived=sent)
    # No such host, say: the same again is answered the same.
    if isinstance(error, ssl.SSLCertVerificationError) or getattr(error, "errno", None) == socket.EAI_NONAME:
        failed.retryable = False
    return failed
