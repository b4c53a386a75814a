"""One OPTIONS to a trunk, sent by ourselves (RFC 3261, 11): whether somebody answers there, how fast, and who.

FreeSWITCH sends OPTIONS by its own clock only (a gateway's ping), and does not tell what they were answered with.
"""

import contextlib
import ipaddress
import os
import re
import secrets
import socket
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faxplan import trunk_troubles
from faxplan.errors import FaxplanError
from faxplan.language import _
from faxplan.trunk_troubles import Found

TRANSPORTS = ("udp", "tcp", "tls")
_DEFAULT_PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061}
_FIRST_REPEAT_SECONDS = 0.5
"""T1 of RFC 3261, 17.1.2: over UDP a request is sent again, each time after twice as long."""
_LARGEST_ANSWER = 65536
_LONGEST_SHOWN = 300
_COMPACT = {"k": "supported"}
_STATUS_LINE = re.compile(r"SIP/2\.0 ([1-6]\d\d) ?(.*)")


class NoAnswer(FaxplanError):
    """Nobody answers, or not as SIP does. found: why, and what to do."""

    error_id = "no-sip-answer"
    retryable = True

    def __init__(self, found: Found) -> None:
        super().__init__(str(found))
        self.found = found


class _NoSip(ConnectionError):
    """What answers there does not speak SIP."""


@dataclass(frozen=True, slots=True)
class Answer:
    """address: where it came from. milliseconds: from the first sending on; sent: how often that was needed.

    headers: by name as here, what stood in the answer, written by whoever answers.
    """

    address: str
    status: int
    reason: str
    milliseconds: float
    sent: int
    headers: dict[str, str]

    @property
    def allow(self) -> str:
        """The methods that it knows; empty where it does not say."""
        return self.headers.get("allow", "")

    @property
    def user_agent(self) -> str:
        """What it calls itself; empty where it does not say."""
        return self.headers.get("server") or self.headers.get("user-agent", "")


@dataclass(frozen=True, slots=True)
class TlsTrust:
    """As FreeSWITCH has it: agent.pem and cafile.pem in a folder, and whether the certificate must name the host."""

    certificates: Path
    names_host: bool = True


def ask(
    host: str,
    port: int | None,
    transport: str,
    *,
    source: str,
    trust: TlsTrust | None = None,
    at: tuple[str, int] | None = None,
    seconds: float = 4.0,
) -> Answer:
    """Sends OPTIONS from the address `source`, and waits so long for a final answer. trust: for TLS.

    Any answer counts: 404 or 405 come from something that speaks SIP. at: where the DNS says that the host is
    (sip_dns); None: at the host itself, and without a port at SIP's own. Raises NoAnswer.
    """
    where = at or (host.strip("[]"), port or _DEFAULT_PORTS[transport])
    shown = f"{host if at is None else at[0]} port {where[1]} by {transport.upper()}"
    try:
        target = _resolved(where, source, transport)
        return _ask_over(target, host, transport, source, trust, seconds)
    except (TimeoutError, ssl.SSLError, OSError) as error:
        raise NoAnswer(_reason(error, shown, where[0], seconds)) from error


def _ask_over(
    target: tuple[str, int], host: str, transport: str, source: str, trust: TlsTrust | None, seconds: float
) -> Answer:
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    with contextlib.ExitStack() as stack:
        connection = stack.enter_context(socket.socket(_family(target[0]), kind))
        connection.bind((source, 0))
        connection.settimeout(seconds)
        connection.connect(target)
        if transport == "tls":
            connection = stack.enter_context(_secured(connection, host, trust))
        request = _request(target, transport, connection.getsockname())
        return _exchange(connection, request, target, seconds, repeats=transport == "udp")


def _exchange(
    connection: socket.socket, request: bytes, target: tuple[str, int], seconds: float, *, repeats: bool
) -> Answer:
    """Sends the request, again and again over UDP, until its final answer has come. Raises TimeoutError."""
    began, sent, text = time.monotonic(), 0, b""
    send_at, deadline = began, began + seconds
    while (now := time.monotonic()) < deadline:
        if now >= send_at:
            connection.sendall(request)
            send_at = now + _FIRST_REPEAT_SECONDS * 2**sent if repeats else deadline
            sent += 1
        connection.settimeout(max(min(deadline, send_at) - now, 0.001))
        with contextlib.suppress(TimeoutError):
            data = connection.recv(_LARGEST_ANSWER)
            if not data:
                raise ConnectionResetError("it closed the connection")
            text = data if repeats else text + data
            if len(text) > _LARGEST_ANSWER:
                raise _NoSip
            if (answer := _answer(text)) is not None:
                took = (time.monotonic() - began) * 1000
                return Answer(f"{target[0]} port {target[1]}", answer[0], answer[1], took, sent, answer[2])
    raise TimeoutError


def _resolved(where: tuple[str, int], source: str, transport: str) -> tuple[str, int]:
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    found = socket.getaddrinfo(*where, family=_family(source), type=kind)
    return str(found[0][4][0]), where[1]


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET


def _secured(connection: socket.socket, host: str, trust: TlsTrust | None) -> ssl.SSLSocket:
    """TLS as FreeSWITCH has it: a certificate of a known authority, which names the host as sofia-sip reads it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = False
    if trust is None:
        context.load_default_certs()
    else:
        for file in (trust.certificates / name for name in ("cafile.pem", "agent.pem")):
            if not os.access(file, os.R_OK):
                raise ConnectionError(f"it could not be asked, because {file} is missing, or not readable for you")
        context.load_verify_locations(trust.certificates / "cafile.pem")
        context.load_cert_chain(trust.certificates / "agent.pem")
    secured = context.wrap_socket(connection, server_hostname=host.strip("[]"))
    names = _names(secured)
    if (trust is None or trust.names_host) and host.lower() not in names:
        secured.close()
        raise ssl.SSLError(
            _("its certificate is for {names}, not for {host}").format(
                names=", ".join(sorted(names))[:_LONGEST_SHOWN], host=host
            )
        )
    return secured


def _names(secured: ssl.SSLSocket) -> set[str]:
    """Common Name and DNS names, as tport_tls.c compares them: whole, without wildcards."""
    certificate: dict[str, Any] = dict(secured.getpeercert() or {})
    subject = [pair for part in certificate.get("subject", ()) for pair in part]
    names = [value for key, value in subject if key == "commonName"]
    names += [value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"]
    return {str(name).lower() for name in names}


def _request(target: tuple[str, int], transport: str, own: tuple[str, int]) -> bytes:
    there, here = f"{_bracketed(target[0])}:{target[1]}", f"{_bracketed(own[0])}:{own[1]}"
    uri = f"sip:{there}" + ("" if transport == "udp" else f";transport={transport}")
    tag, branch, call = (secrets.token_hex(8) for _ in range(3))
    lines = [
        f"OPTIONS {uri} SIP/2.0",
        f"Via: SIP/2.0/{transport.upper()} {here};branch=z9hG4bK{branch};rport",
        "Max-Forwards: 70",
        f"From: <sip:fax@{_bracketed(own[0])}>;tag={tag}",
        f"To: <{uri}>",
        f"Call-ID: {call}",
        "CSeq: 1 OPTIONS",
        f"Contact: <sip:fax@{here}>",
        "Accept: application/sdp",
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def _answer(data: bytes) -> tuple[int, str, dict[str, str]] | None:
    """Status, reason and headers of a final answer; None: there is none yet."""
    text = data.decode("utf-8", "replace")
    # Line ends before a message count for nothing (RFC 3261, 7.5); some peers send them to keep a way open (RFC 5626).
    while text := text.lstrip("\r\n"):
        head, separator, rest = text.partition("\r\n\r\n")
        if not separator:
            return None
        first, *lines = head.split("\r\n")
        status = _STATUS_LINE.fullmatch(first)
        if status is None:
            raise _NoSip
        if int(status[1]) >= 200:
            return int(status[1]), status[2][:_LONGEST_SHOWN], _headers(lines)
        text = rest
    return None


def _headers(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        name = _COMPACT.get(name.strip().lower(), name.strip().lower())
        if colon:
            found[name] = f"{found[name]}, {value.strip()}" if name in found else value.strip()
    return {name: value[:_LONGEST_SHOWN] for name, value in found.items()}


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _reason(error: Exception, where: str, host: str, seconds: float) -> Found:
    facts: dict[str, object] = {"where": where, "host": host, "seconds": f"{seconds:.0f}"}
    if isinstance(error, ssl.SSLError):
        return trunk_troubles.met("tls", error=getattr(error, "reason", None) or error, **facts)
    name = next((name for kind, name in _REASONS if isinstance(error, kind)), "unreachable")
    return trunk_troubles.met(name, error=getattr(error, "strerror", None) or error, **facts)


_REASONS = (
    (TimeoutError, "silent"),
    (ConnectionRefusedError, "nobody-listens"),
    (socket.gaierror, "unresolved"),
    (ConnectionResetError, "closed"),
    (BrokenPipeError, "closed"),
    (_NoSip, "no-sip"),
)
