"""Fetching from addresses that tenants name: over https, from public addresses, a bounded answer in a bounded time.

Whoever names an address must not reach by us what they cannot reach themselves: the machine's own services, its
network, a cloud's metadata. The host is looked up once, and the connection goes to an address that was looked at.
Networks that an operator names (setting `web_private_networks`) are reached as well, and there without TLS too.
"""

import base64
import contextlib
import http.client
import ipaddress
import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from faxplan.config import Settings
from faxplan.errors import FaxplanError, InvalidSetting
from faxplan.language import _
from faxplan.public_addresses import is_public

SECONDS = 10.0
"""For an answer, from the connection to the last byte."""
MOST_BYTES = 1024 * 1024
_LONGEST_ADDRESS = 2000
_PIECE = 16384
_HOST = re.compile(r"[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int], Sequence[str]]


class AddressRefused(FaxplanError):
    """An address that is none, or leads where nothing is fetched from."""

    error_id = "address-refused"


class FetchFailed(FaxplanError):
    """The other side did not answer, or not as it should."""

    error_id = "fetch-failed"
    retryable = True


@dataclass(frozen=True, slots=True)
class Fetched:
    """status: of HTTP; redirects are not followed. content: at most MOST_BYTES."""

    status: int
    content: bytes

    def json(self) -> Any:
        """Raises FetchFailed for what is none, and for another status than 200."""
        if self.status != http.client.OK:
            raise FetchFailed(_("The other server answers with {status}.").format(status=self.status))
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError) as error:
            raise FetchFailed(_("What the other server answers cannot be read: it is no JSON.")) from error


def _resolved(host: str, port: int) -> Sequence[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FetchFailed(_("There is no host {host} in the DNS.").format(host=host)) from error
    return [str(each[4][0]) for each in found]


@dataclass(frozen=True, slots=True)
class WebClient:
    """private: networks that may be reached though they are not public. trusted: a file of further CA certificates."""

    private: tuple[Network, ...] = ()
    trusted: Path | None = None
    resolver: Resolver = field(default=_resolved)

    @classmethod
    def of(cls, settings: Settings) -> "WebClient":
        """As the settings have it. Raises InvalidSetting."""
        try:
            networks = tuple(
                ipaddress.ip_network(each) for each in settings.web_private_networks.replace(",", " ").split()
            )
        except ValueError as error:
            raise InvalidSetting(f"web_private_networks: {error}. Name networks, such as 10.1.0.0/16.") from error
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

    def check(self, address: str) -> None:
        """Whether anything would be fetched from there, but for the look-up. Raises AddressRefused."""
        self._split(address)

    def _split(self, address: str) -> tuple[SplitResult, int]:
        try:
            parts = urlsplit(address)
            port = parts.port
        except ValueError as error:
            raise AddressRefused(_("{address} is no address.").format(address=_shown(address))) from error
        plain = len(address) <= _LONGEST_ADDRESS and address.isascii() and address.isprintable() and " " not in address
        if (
            not plain
            or parts.scheme not in ("https", "http")
            or not _HOST.fullmatch(parts.netloc.rpartition(":")[0] or parts.netloc)
        ):
            raise AddressRefused(
                _("{address} is no address of a web server. Write it whole, such as https://id.example.com.").format(
                    address=_shown(address)
                )
            )
        return parts, port or (443 if parts.scheme == "https" else 80)

    def _fetch(self, method: str, address: str, headers: Mapping[str, str], body: bytes | None) -> Fetched:
        parts, port = self._split(address)
        host = parts.hostname or ""
        made = self._connected(parts, host, port)
        with _Watched(made) as watched:
            try:
                connection = http.client.HTTPConnection(host)
                if parts.scheme == "https":
                    # Watched from here on: that one has no connection any more, and this one shakes hands on it.
                    watched.socket = secured = self._secured(host, made)
                    secured.do_handshake()
                connection.sock = watched.socket
                path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                connection.request(method, path, body, {"Host": parts.netloc, "Accept": "application/json", **headers})
                answer = connection.getresponse()
                content = _read(answer, host)
                if watched.is_over:
                    # What is cut off looks like one that ends, where nobody has said how long it is.
                    raise TimeoutError
                return Fetched(answer.status, content)
            except (OSError, http.client.HTTPException) as error:
                raise _failed(host, TimeoutError() if watched.is_over else error) from error

    def _connected(self, parts: SplitResult, host: str, port: int) -> socket.socket:
        refused = False
        failed: OSError | None = None
        for text in self.resolver(host, port):
            found = ipaddress.ip_address(text.partition("%")[0])
            is_private = any(found in each for each in self.private if each.version == found.version)
            if not (is_private or (parts.scheme == "https" and is_public(found))):
                refused = True
                continue
            try:
                return socket.create_connection((str(found), port), SECONDS / 2)
            except OSError as error:
                failed = error
        if failed is not None:
            raise _failed(host, failed) from failed
        if refused and parts.scheme != "https":
            raise AddressRefused(_("Nothing is fetched without TLS: the address has to begin with https."))
        if refused:
            raise AddressRefused(
                _(
                    "{host} is in a private network, and nothing is fetched from there. Who runs this server can allow "
                    "the network."
                ).format(host=host)
            )
        raise FetchFailed(_("There is no host {host} in the DNS.").format(host=host))

    def _secured(self, host: str, made: socket.socket) -> ssl.SSLSocket:
        context = ssl.create_default_context()
        if self.trusted is not None:
            context.load_verify_locations(self.trusted)
        return context.wrap_socket(made, server_hostname=host, do_handshake_on_connect=False)


class _Watched:
    """Shuts a connection once its time is over: the other side may send a byte a second, and each would be in time."""

    def __init__(self, made: socket.socket) -> None:
        self.socket = made
        self.is_over = False
        self._timer = threading.Timer(SECONDS, self._end)
        self._timer.daemon = True

    def __enter__(self) -> "_Watched":
        self._timer.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._timer.cancel()
        self.socket.close()

    def _end(self) -> None:
        self.is_over = True
        with contextlib.suppress(OSError):
            # Not TLS's own: whoever reads meanwhile is to see the end of the connection, and nothing else.
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)


def _read(answer: http.client.HTTPResponse, host: str) -> bytes:
    content = bytearray()
    while piece := answer.read1(_PIECE):
        content += piece
        if len(content) > MOST_BYTES:
            raise FetchFailed(_("{host} answers with more than is read.").format(host=host))
    if answer.length:
        raise http.client.IncompleteRead(bytes(content), answer.length)
    return bytes(content)


def _failed(host: str, error: Exception) -> FetchFailed:
    if isinstance(error, ssl.SSLCertVerificationError):
        return FetchFailed(
            _("The certificate of {host} is not one that this server trusts: {why}.").format(
                host=host, why=error.verify_message
            )
        )
    if isinstance(error, TimeoutError):
        return FetchFailed(_("{host} does not answer in time.").format(host=host))
    return FetchFailed(_("{host} cannot be reached: {why}.").format(host=host, why=error))


def _shown(address: str) -> str:
    return ascii(address[:100])[1:-1]
