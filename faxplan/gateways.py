"""Gateways and the access list of the fax profile, as XML files written from trunk values.

Pure but for `write_gateways`, which owns one folder. Every value is checked against what FreeSWITCH reads (sofia.c,
where it parses a gateway), then escaped: values come from forms, and FreeSWITCH's preprocessor would expand `$${...}`.
"""

import ipaddress
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal
from xml.sax.saxutils import quoteattr

from faxplan.channel_variables import TRUNK_ACCOUNT
from faxplan.errors import FaxplanError
from faxplan.language import _, marked

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

ACL_LIST = "faxplan-trunks"
"""The name that conf/sip_profiles/faxplan.xml refers to."""

# FreeSWITCH takes ^[\w.-]+$; ours starts with a letter or digit, because the name is a file name too, and is ASCII.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*")
# The user part of a SIP URI (RFC 3261) without ";" and "?", which start parameters.
_SIP_USER = re.compile(r"[A-Za-z0-9_.!~*'()&=+,/%-]{1,64}")
_PRINTABLE = re.compile(r"[\x21-\x7e]{1,128}")
_REALM = re.compile(r"[\x20-\x7e]{1,128}")

_SHORTEST_PING = 5
_LONGEST_PING = 3600


class InvalidGateway(FaxplanError):
    """A trunk's value cannot be written into a gateway."""

    error_id: ClassVar[str] = "invalid-gateway"


@dataclass(frozen=True, slots=True)
class Gateway:
    """One trunk as FreeSWITCH dials it: sofia/gateway/<name>/<number>.

    `host` is a name or an address without port. `username` and `password` are needed where `register` is true, and
    are used for digest authentication of calls in any case. `ping_seconds`: an OPTIONS that often; without an
    answer the gateway is down, and originate fails at once with GATEWAY_DOWN. `proxy`: host[:port] that calls go to, if
    not `host`.
    """

    name: str
    host: str
    port: int | None = None
    transport: Literal["udp", "tcp", "tls"] = "udp"
    register: bool = False
    username: str | None = None
    password: str | None = None
    realm: str | None = None
    from_user: str | None = None
    from_domain: str | None = None
    proxy: str | None = None
    ping_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class GatewayChanges:
    """Names, sorted.

    `sofia profile faxplan rescan` takes up added ones; a changed one needs killgw first, a removed one killgw alone.
    """

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


def gateway_xml(gateway: Gateway) -> str:
    """The gateway's file for the profile's gateways folder. Raises InvalidGateway."""
    name = _checked(
        gateway.name, _NAME, marked("name"), marked("letters, digits, dot, hyphen and underscore, at most 63")
    )
    address = _address(gateway.host, gateway.port)
    if gateway.transport not in ("udp", "tcp", "tls"):
        raise InvalidGateway(_("Trunk {name}: transport must be udp, tcp or tls.").format(name=name))
    _check_account(gateway)
    params = {
        "proxy": _proxy(gateway.proxy) if gateway.proxy else address,
        "realm": _checked(
            gateway.realm or _bare_host(gateway.host), _REALM, marked("realm"), marked("printable ASCII, at most 128")
        ),
        "register": "true" if gateway.register else "false",
        "register-transport": gateway.transport,
        # Left out, FreeSWITCH would call itself by its vendor's name in From.
        "username": _checked(gateway.username or "fax", _SIP_USER, "user name", "the characters of a SIP user"),
        # The calling number in From (dial_string.py); an explicit From user is what such a trunk wants instead.
        "caller-id-in-from": "false" if gateway.from_user else "true",
        # A registered trunk calls our Contact, and the called number stands in To.
        "extension": "auto_to_user",
    }
    if gateway.register:
        params["register-proxy"] = address
    if gateway.password:
        params["password"] = _checked(
            gateway.password, _PRINTABLE, marked("password"), marked("printable ASCII without space, at most 128")
        )
    if gateway.from_user:
        params["from-user"] = _checked(
            gateway.from_user, _SIP_USER, marked("From user"), marked("the characters of a SIP user")
        )
    if gateway.from_domain or gateway.proxy:
        # With a proxy the trunk's own name stands in From and in the request's domain.
        params["from-domain"] = _bare_host(gateway.from_domain or gateway.host)
    if gateway.ping_seconds is not None:
        if not _SHORTEST_PING <= gateway.ping_seconds <= _LONGEST_PING:
            raise InvalidGateway(
                _("Trunk {name}: ping must be {shortest_ping} to {longest_ping} seconds.").format(
                    name=name, shortest_ping=_SHORTEST_PING, longest_ping=_LONGEST_PING
                )
            )
        params["ping"] = str(gateway.ping_seconds)
    # <include> and </include> alone on their lines: the preprocessor drops what shares them.
    lines = ["<include>", f"  <gateway name={_attribute(name)}>"]
    lines += [f"    <param name={_attribute(key)} value={_attribute(value)}/>" for key, value in params.items()]
    if gateway.register:
        # Told to fax_in, because some carriers call the account, and write the number into To.
        account = f"name={_attribute(TRUNK_ACCOUNT)} value={_attribute(params['username'])}"
        lines.append(f'    <variables><variable {account} direction="inbound"/></variables>')
    lines += ["  </gateway>", "</include>", ""]
    return "\n".join(lines)


def _check_account(gateway: Gateway) -> None:
    if gateway.register and not (gateway.username and gateway.password):
        raise InvalidGateway(
            _("Trunk {name}: to register it needs a user name and a password; enter both.").format(name=gateway.name)
        )
    if ":" in (gateway.password or ""):
        # Handed to the stack as scheme:realm:user:password (sofia_reg.c, sofia_reg_handle_sip_r_challenge).
        raise InvalidGateway(
            _(
                "Trunk {name}: its password has a colon, and FreeSWITCH's SIP stack uses only what stands before "
                "that; have the carrier give it a password without."
            ).format(name=gateway.name)
        )


def write_gateways(folder: Path, gateways: Iterable[Gateway]) -> GatewayChanges:
    """Make `folder` hold exactly one file a gateway, readable by its owner only (passwords), and say what changed.

    All gateways are checked first: an invalid one (InvalidGateway), or two of one name, leaves the folder as it was.
    Each file is replaced by rename, so that FreeSWITCH never reads half of one.
    """
    wanted = _files(gateways)
    found = _changes(folder, wanted)
    folder.mkdir(parents=True, exist_ok=True)
    for name in sorted((*found.added, *found.changed)):
        _replace(folder / f"{name}.xml", wanted[name])
    for name in found.removed:
        (folder / f"{name}.xml").unlink()
    return found


def changes(folder: Path, gateways: Iterable[Gateway]) -> GatewayChanges:
    """What write_gateways would change. Raises InvalidGateway as that does."""
    return _changes(folder, _files(gateways))


def _files(gateways: Iterable[Gateway]) -> dict[str, str]:
    """Each gateway's file, by its name."""
    wanted: dict[str, str] = {}
    for gateway in gateways:
        if gateway.name in wanted:
            raise InvalidGateway(
                _("Two trunks are named {name}; names are one namespace for the whole switch.").format(
                    name=gateway.name
                )
            )
        wanted[gateway.name] = gateway_xml(gateway)
    return wanted


def _changes(folder: Path, wanted: dict[str, str]) -> GatewayChanges:
    present = {path.stem: path.read_text(encoding="ascii", errors="replace") for path in folder.glob("*.xml")}
    return GatewayChanges(
        tuple(sorted(wanted.keys() - present.keys())),
        tuple(sorted(name for name in wanted.keys() & present.keys() if wanted[name] != present[name])),
        tuple(sorted(present.keys() - wanted.keys())),
    )


def acl_xml(networks: Iterable[Network]) -> str:
    """The list of who may call the fax profile; nobody for no networks.

    It belongs into <conf>/faxplan/trunks_acl.xml, and is taken up by `reloadacl`.
    A network of every address is refused (InvalidGateway): the profile asks nobody for a password.
    """
    lines = ["<include>", f'  <list name="{ACL_LIST}" default="deny">']
    for network in sorted(set(networks), key=lambda net: (net.version, net)):
        if network.prefixlen == 0:
            raise InvalidGateway(
                _("{network} would let the whole Internet call in; enter the trunk's own networks.").format(
                    network=network
                )
            )
        lines.append(f'    <node type="allow" cidr="{network}"/>')
    lines += ["  </list>", "</include>", ""]
    return "\n".join(lines)


def _replace(path: Path, text: str) -> None:
    # Not ending in .xml until it is whole: the profile includes *.xml.
    part = path.with_suffix(".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _checked(value: str, pattern: re.Pattern[str], what: str, allowed: str) -> str:
    # The preprocessor drops a line that holds its own name.
    if not pattern.fullmatch(value) or "x-pre-process" in value.lower():
        # A password is never repeated in a message.
        shown = "" if what == "password" else f" {value[:80]!a}"
        raise InvalidGateway(
            _("The trunk's {what}{shown} cannot be used; allowed: {allowed}.").format(
                what=_(what), shown=shown, allowed=_(allowed)
            )
        )
    return value


def _attribute(value: str) -> str:
    # "$" as an entity: the preprocessor, which runs before the XML parser, then sees no variable to expand.
    return quoteattr(value, {"$": "&#36;", "'": "&#39;"})


def _bare_host(host: str) -> str:
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return _checked(host, _HOST_NAME, marked("host"), marked("a host name or an IP address, without port"))
    return f"[{address}]" if address.version == 6 else str(address)


def _address(host: str, port: int | None) -> str:
    if port is not None and not 1 <= port <= 65535:
        raise InvalidGateway(
            _("The trunk's port {port} is not a port; enter 1 to 65535, or none for the default.").format(port=port)
        )
    return _bare_host(host) if port is None else f"{_bare_host(host)}:{port}"


def _proxy(proxy: str) -> str:
    host, colon, port = proxy.rpartition(":")
    if colon and port.isascii() and port.isdigit() and (":" not in host or host.endswith("]")):
        return _address(host, int(port))
    return _address(proxy, None)
