"""Fetching from addresses that tenants name: over https, from public addresses, a bounded answer in a bounded time.

Whoever names an address must not reach by us what they cannot reach themselves: the machine's own services, its
network, a cloud's metadata. The host is looked up once, and the connection goes to an address that was looked at.
Networks that an operator names (settings `web_private_networks`, `document_private_networks`) are reached as well, and
there without TLS too.
"""

import base64
import http.client
import ipaddress
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any
from urllib.parse import SplitResult, quote, urlencode, urljoin, urlsplit

from faxplan.bounded_line import MOST_BYTES, Line, SecuredLine, Spoken, TooMuch, Until
from faxplan.config import Settings
from faxplan.errors import FaxplanError, InvalidSetting
from faxplan.language import _
from faxplan.public_addresses import Address, is_public

SECONDS = 10.0
"""For an answer, from the look-up to the last byte."""
_MOST_ADDRESSES = 4
"""Of a host, that are tried."""
_MOST_LOOK_UPS = 16
"""At once, in a process."""
_LONGEST_ADDRESS = 2000
_MOST_REDIRECTS = 5
_MOST_BESIDE = 4 * 1024 * 1024
"""Bytes beside a file that is saved: heads, chunks and TLS's own."""
_REDIRECTS = (301, 302, 303, 307, 308)
_MAY_PASS = (408, 425, 429)
"""What the other side may answer with at one time, and at another not."""
_PIECE = 16384
_MOST_SHOWN = 80
_AUTHORITY = re.compile(r"([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]+\])(:[0-9]*)?")
"""A host and a port: nobody's name stands before it."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], Sequence[str]]


class AddressRefused(FaxplanError):
    """An address that is none, or leads where nothing is fetched from."""

    error_id = "address-refused"


class FetchFailed(FaxplanError):
    """The other side did not answer, or not as it should."""

    error_id = "fetch-failed"
    retryable = True


class FetchRefused(FaxplanError):
    """The other side does not give it, or what is not taken: to ask again changes nothing."""

    error_id = "fetch-refused"


class Busy(FetchFailed):
    """As much is fetched already as may be at once; of the other side this says nothing."""

    error_id = "fetch-busy"


@dataclass(frozen=True, slots=True)
class Fetched:
    """status: of HTTP; redirects are not followed. content: less than bounded_line.MOST_BYTES."""

    status: int
    content: bytes
    is_private: bool = False
    """Whether it comes from one of the networks that an operator has named."""

    def json(self) -> Any:
        """Raises FetchFailed for what is none, and for another status than 200."""
        if self.status != http.client.OK:
            raise FetchFailed(_("The other server answers with {status}.").format(status=self.status))
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError) as error:
            raise FetchFailed(_("What the other server answers cannot be read: it is no JSON.")) from error


@dataclass(frozen=True, slots=True)
class Saved:
    """address: where it lay, behind all redirects. size: in bytes. disposition: as Content-Disposition has it."""

    address: str
    size: int
    disposition: str


def _resolved(host: str, port: int) -> Sequence[str]:
    return [str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _networks(setting: str, value: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(each) for each in value.replace(",", " ").split())
    except ValueError as error:
        raise InvalidSetting(f"{setting}: {error}. Name networks, such as 10.1.0.0/16.") from error


@dataclass(frozen=True, slots=True)
class WebClient:
    """private: networks that may be reached though they are not public. trusted: a file of further CA certificates."""

    private: tuple[Network, ...] = ()
    trusted: Path | None = None
    resolver: Resolver = field(default=_resolved)

    @classmethod
    def of(cls, settings: Settings) -> "WebClient":
        """As the settings have it. Raises InvalidSetting."""
        return cls(_networks("web_private_networks", settings.web_private_networks), settings.web_ca_file)

    @classmethod
    def for_documents(cls, settings: Settings) -> "WebClient":
        """For documents that are named by their addresses: of networks that are not public only those are open that
        are so for this. Raises InvalidSetting."""
        networks = _networks("document_private_networks", settings.document_private_networks)
        return cls(networks, settings.web_ca_file)

    def get(self, address: str) -> Fetched:
        """What lies there. Raises AddressRefused and FetchFailed."""
        return self._fetch("GET", address, {}, None)

    def post(self, address: str, fields: Mapping[str, str], *, basic: tuple[str, str] | None = None) -> Fetched:
        """What a form is answered with. basic: a name and a password (RFC 6749, 2.3.1). Raises as `get`."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if basic is not None:
            pair = ":".join(quote(each, safe="") for each in basic)
            headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
        return self._fetch("POST", address, headers, urlencode(fields).encode())

    def hand(self, address: str, content: bytes, headers: Mapping[str, str], *, most: int) -> Fetched:
        """Hands a body over. What is answered besides the status is read as far as it comes, and no more than `most`
        bytes of it. Raises as `get`."""
        return self._fetch("POST", address, headers, content, most)

    @property
    def outside(self) -> "WebClient":
        """One that reaches public addresses alone."""
        return replace(self, private=())

    def connected(self, host: str, port: int, seconds: float) -> socket.socket:
        """A connection for a protocol that begins TLS itself, such as SMTP. Raises AddressRefused, FetchFailed and
        OSError."""
        made, _is_private = self._connected("https", host, port, Until.after(seconds))
        made.settimeout(seconds)
        return made

    def check(self, address: str) -> None:
        """Whether anything would be fetched from there, but for the look-up. Raises AddressRefused."""
        self._split(address)

    def _split(self, address: str) -> tuple[SplitResult, int]:
        try:
            parts = urlsplit(address)
            port = parts.port
        except ValueError as error:
            raise AddressRefused(_("{address} is no address.").format(address=shown(address))) from error
        plain = len(address) <= _LONGEST_ADDRESS and address.isascii() and address.isprintable() and " " not in address
        if not plain or parts.scheme not in ("https", "http") or not _AUTHORITY.fullmatch(parts.netloc):
            raise AddressRefused(
                _("{address} is no address of a web server. Write it whole, such as https://id.example.com.").format(
                    address=shown(address)
                )
            )
        return parts, port or (443 if parts.scheme == "https" else 80)

    def save(self, address: str, target: Path, most: int, until: Until) -> Saved:
        """Writes what lies there to a new file. Redirects are followed, each looked at like the address itself, and on
        other hosts to public addresses alone. Raises AddressRefused, FetchRefused and FetchFailed."""
        client = self
        for _each in range(_MOST_REDIRECTS + 1):
            found = client._saved(address, target, most, until)
            if isinstance(found, Saved):
                return found
            onward = urljoin(address, found)
            if client._place(onward) != client._place(address):
                client = self.outside
            address = onward
        raise FetchRefused(
            _("{host} leads on more often than {most} times.").format(
                host=shown(urlsplit(address).hostname or ""), most=_MOST_REDIRECTS
            )
        )

    def _place(self, address: str) -> tuple[str, str, int]:
        parts, port = self._split(address)
        return parts.scheme, parts.hostname or "", port

    def _saved(self, address: str, target: Path, most: int, until: Until) -> Saved | str:
        """A text: there it goes on."""
        headers = {"Accept": "*/*", "User-Agent": "Mozilla/5.0 (compatible; fax)"}
        with self._asked("GET", address, headers, None, until, most + _MOST_BESIDE) as (answer, host, _is_private):
            onward = answer.getheader("Location")
            if answer.status in _REDIRECTS and onward:
                return onward
            if answer.status in _MAY_PASS or answer.status >= http.client.INTERNAL_SERVER_ERROR:
                raise FetchFailed(_("{host} answers with {status}.").format(host=host, status=answer.status))
            if answer.status != http.client.OK:
                raise FetchRefused(_("{host} answers with {status}.").format(host=host, status=answer.status))
            if answer.getheader("Content-Encoding", "identity").lower() != "identity":
                raise FetchRefused(_("{host} answers in an encoding that was not asked for.").format(host=host))
            too_large = FetchRefused(
                _("What lies at {host} is too large: {most} bytes at most, with all of one request together.").format(
                    host=host, most=most
                )
            )
            if (answer.length or 0) > most:
                raise too_large
            size = 0
            with target.open("xb") as writer:
                for piece in _pieces(answer, host):
                    size += len(piece)
                    if size > most:
                        raise too_large
                    writer.write(piece)
            return Saved(address, size, answer.getheader("Content-Disposition", ""))

    def _fetch(
        self, method: str, address: str, headers: Mapping[str, str], body: bytes | None, most: int | None = None
    ) -> Fetched:
        """most: of its content; None: all, or it has failed."""
        with self._asked(method, address, headers, body, Until.after(SECONDS), MOST_BYTES) as (
            answer,
            host,
            is_private,
        ):
            content = b"".join(_pieces(answer, host)) if most is None else _beginning(answer, most)
            return Fetched(answer.status, content, is_private)

    @contextmanager
    def _asked(
        self, method: str, address: str, headers: Mapping[str, str], body: bytes | None, until: Until, most: int
    ) -> Iterator[tuple[http.client.HTTPResponse, str, bool]]:
        """The answer, but for its content; the host; whether it is in one of the operator's networks."""
        parts, port = self._split(address)
        host = parts.hostname or ""
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            made, is_private = self._connected(parts.scheme, host, port, until)
        except OSError as error:
            raise _failed(host, error) from error
        with made:
            try:
                line = Line(made, until, most)
                connection = http.client.HTTPConnection(host)
                connection.sock = Spoken(SecuredLine(line, self.tls(), host) if parts.scheme == "https" else line)
                connection.request(method, path, body, {"Host": parts.netloc, "Accept": "application/json", **headers})
                answer = connection.getresponse()
            except (OSError, http.client.HTTPException) as error:
                raise _failed(host, error) from error
            yield answer, host, is_private

    def _connected(self, scheme: str, host: str, port: int, until: Until) -> tuple[socket.socket, bool]:
        looked_up = _looked_up(self.resolver, host, port, until)
        allowed = [each for each in dict.fromkeys(looked_up) if self._is_allowed(each, scheme)][:_MOST_ADDRESSES]
        failed: OSError | None = None
        for tried, each in enumerate(allowed):
            try:
                # Its share, and one is left for the answer.
                made = socket.create_connection((str(each), port), until.left() / (len(allowed) - tried + 1))
                return made, self._is_private(each)
            except OSError as error:
                failed = error
        if failed is not None:
            raise failed
        if looked_up and scheme != "https":
            raise AddressRefused(_("Nothing is fetched without TLS: the address has to begin with https."))
        if looked_up:
            raise AddressRefused(
                _(
                    "{host} is in a private network, and nothing is fetched from there. Who runs this server can allow "
                    "the network; a provider in it has all that it names on its own host."
                ).format(host=host)
            )
        raise _nowhere(host)

    def _is_allowed(self, found: Address, scheme: str) -> bool:
        return self._is_private(found) or (scheme == "https" and is_public(found))

    def _is_private(self, found: Address) -> bool:
        return any(found in each for each in self.private if each.version == found.version)

    def tls(self) -> ssl.SSLContext:
        """What a certificate is checked by: the system's authorities, and those that the settings name."""
        context = ssl.create_default_context()
        if self.trusted is not None:
            context.load_verify_locations(self.trusted)
            # From Python 3.13 on a CA must be as RFC 5280 has it, and `openssl req -x509` writes none of that kind.
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context


_look_ups = threading.BoundedSemaphore(_MOST_LOOK_UPS)


def _looked_up(resolver: Resolver, host: str, port: int, until: Until) -> list[Address]:
    """A host's addresses. Raises FetchFailed, and TimeoutError where it takes too long: it goes on by itself then.

    The system's resolver knows no time but that of resolv.conf (5 seconds for each server, twice, for each name that
    it tries), and cannot be broken off. So it has a thread of its own, of which there are not more than so many.
    """
    if not _look_ups.acquire(blocking=False):
        raise _busy()
    found: SimpleQueue[Sequence[str] | Exception] = SimpleQueue()

    def look_up() -> None:
        try:
            found.put(resolver(host, port))
        except Exception as error:  # noqa: BLE001  # for whoever waits
            found.put(error)
        finally:
            _look_ups.release()

    try:
        threading.Thread(target=look_up, daemon=True, name="look-up").start()
    except RuntimeError as error:
        _look_ups.release()
        raise _busy() from error
    try:
        said = found.get(timeout=until.left())
    except Empty:
        raise TimeoutError from None
    if isinstance(said, OSError | UnicodeError):
        raise _nowhere(host) from said
    if isinstance(said, Exception):
        raise said
    return [ipaddress.ip_address(each.partition("%")[0]) for each in said]


def _pieces(answer: http.client.HTTPResponse, host: str) -> Iterator[bytes]:
    """Piece by piece: as many bytes as an answer announces would be made room for at once. Raises FetchFailed."""
    try:
        while piece := answer.read1(_PIECE):
            yield piece
        if answer.length:
            raise http.client.IncompleteRead(b"", answer.length)
    except (OSError, http.client.HTTPException) as error:
        raise _failed(host, error) from error


def _beginning(answer: http.client.HTTPResponse, most: int) -> bytes:
    content = bytearray()
    # Whatever becomes of the rest: the status says what was asked.
    with suppress(OSError, http.client.HTTPException):
        while len(content) < most and (piece := answer.read1(most - len(content))):
            content += piece
    return bytes(content)


def _busy() -> Busy:
    return Busy(_("Too many hosts are looked up at this moment. Try again in a minute."))


def _nowhere(host: str) -> FetchFailed:
    return FetchFailed(_("There is no host {host} in the DNS.").format(host=host))


def _failed(host: str, error: Exception) -> FetchFailed:
    if isinstance(error, ssl.SSLCertVerificationError):
        return FetchFailed(
            _("The certificate of {host} is not one that this server trusts: {why}.").format(
                host=host, why=shown(error.verify_message)
            )
        )
    if isinstance(error, TooMuch):
        return FetchFailed(_("{host} answers with more than is read.").format(host=host))
    if isinstance(error, TimeoutError):
        return FetchFailed(_("{host} does not answer in time.").format(host=host))
    # What http.client does not understand it says again, in the other side's words.
    why = type(error).__name__ if isinstance(error, http.client.HTTPException) else shown(str(error))
    return FetchFailed(_("{host} cannot be reached: {why}.").format(host=host, why=why))


def shown(text: str) -> str:
    """What somebody else has written, short."""
    return ascii(text[:_MOST_SHOWN])[1:-1][:_MOST_SHOWN]
