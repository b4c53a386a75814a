"""Guided trunk set-up: what the command line and the portal ask with, and what they show before it is written.

Neither asks, prints nor writes: cli_trunk_guide and the portal's pages do.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from faxplan import gateways, numbers, sip_dns, trunk_directory
from faxplan.gateways import Gateway
from faxplan.providers import Provider
from faxplan.sip_dns import Located

HIDDEN = "(not shown)"
"""In place of a password."""
_FIRST: Mapping[str, Any] = {
    "transport": "udp", "register": False, "called_format": "e164", "calling_format": "e164", "caller_id_in": "pai",
    "t38": True, "t38_request": "receiver", "codec": "any",
}  # fmt: skip
_GATEWAY = ("host", "port", "transport", "register", "username", "password", "realm", "ping_seconds", "from_user",
            "from_domain")  # fmt: skip
_PASSWORD = re.compile(r'(<param name="password" value=)(?:"[^"]*"|\'[^\']*\')')
PING_SECONDS = 30
"""Offered for trunks that do not register: else nobody would notice a carrier that is away before a call fails."""


def begin(provider: Provider | None) -> dict[str, Any]:
    """The values that a new trunk is asked for with, of trunk_directory.COLUMNS. provider None: another carrier."""
    values = {**_FIRST, **({} if provider is None else provider.values)}
    if provider is not None and len(provider.countries) == 1:
        values["inbound_country"] = provider.countries[0]
    return values


def name_for(provider: Provider | None, taken: set[str]) -> str:
    """A name that no trunk has yet."""
    base = "carrier" if provider is None else provider.key
    return next(each for each in (base, *(f"{base}-{count}" for count in range(2, 1000))) if each not in taken)


def complete(values: Mapping[str, Any]) -> dict[str, Any]:
    """As trunk_provisioning takes them: without what is empty, and with the networks as CIDR. Raises InvalidTrunk."""
    stored = {name: value for name, value in values.items() if value not in (None, "", [])}
    if "inbound_country" in stored:
        stored["inbound_country"] = str(stored["inbound_country"]).upper()
    if "source_networks" in stored:
        stored["source_networks"] = trunk_directory.parse_networks(stored["source_networks"])
    if not stored.get("register"):
        stored.setdefault("ping_seconds", PING_SECONDS)
    return stored


def check(name: str, values: Mapping[str, Any]) -> str:
    """The gateway's file as FreeSWITCH will have it, the password hidden.

    Raises InvalidGateway and InvalidNumber for what could not be written.
    """
    numbers.check_country(values.get("inbound_country", ""))
    given: dict[str, Any] = {column: values.get(column) for column in _GATEWAY}
    given |= {"transport": given["transport"] or "udp", "register": bool(given["register"])}
    text = gateways.gateway_xml(Gateway(name=name, **given))
    return _PASSWORD.sub(rf'\1"{HIDDEN}"', text)


@dataclass(frozen=True, slots=True)
class Sources:
    """Where a carrier's calls may come from, by what the DNS says of its host now. networks: as CIDR."""

    located: Located
    networks: tuple[str, ...]


def sources(values: Mapping[str, Any]) -> Sources:
    """Asks the DNS, for some seconds at most."""
    located = sip_dns.locate(values["host"], values.get("port"), values.get("transport") or "udp")
    return Sources(located, tuple(trunk_directory.parse_networks(located.addresses)))


def other_formats(called_format: str) -> list[str]:
    """How else called numbers can be written, the likeliest first: for a carrier that does not know one."""
    order = {
        "e164": ("e164-no-plus", "national"),
        "e164-no-plus": ("e164", "national"),
        "national": ("e164", "e164-no-plus"),
    }
    return list(order[called_format])
