"""How a trunk is now: what FreeSWITCH says about its gateway, and whether the carrier answers an OPTIONS.

The test fax, which goes on from there, is trunk_tests.py's.
"""

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faxplan import guard, sip_dns, sip_options, trunk_troubles
from faxplan.config import Settings
from faxplan.db import Row
from faxplan.errors import FaxplanError
from faxplan.guard import Asked
from faxplan.language import _
from faxplan.sip_options import Answer, NoAnswer, TlsTrust
from faxplan.trunk_troubles import Found

_REGISTERED, _WITHOUT = "REGED", "NOREG"
_REGISTERING = frozenset({"UNREGED", "TRYING", "REGISTER"})
"""On the way to REGED, at first and at each renewal; the gateway stays up at a renewal (sofia_reg.c)."""


@dataclass(frozen=True, slots=True)
class GatewayState:
    """What `sofia status gateway` says. registration: FreeSWITCH's word; NOREG: none is wanted.

    ping_seconds 0: FreeSWITCH sends no OPTIONS, and takes the gateway for up. ping_milliseconds: of its last one. Calls
    are counted since the gateway was loaded.
    """

    registration: str
    up: bool
    ping_seconds: int
    ping_milliseconds: float
    calls_out: int
    failed_calls_out: int
    calls_in: int
    failed_calls_in: int


@dataclass(frozen=True, slots=True)
class Checked:
    """not_asked: why FreeSWITCH was not asked; empty: it was. problems: sentences, with what to do.

    notes: sentences about what is no fault by itself.
    """

    trunk: str
    not_asked: str
    gateway: GatewayState | None
    options: Answer | None
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()


def check(settings: Settings, trunk: Row) -> Checked:
    """Looks at a trunk (a row of trunk_directory.everyone). Sends nothing where FreeSWITCH cannot be asked.

    The carrier lets in what comes from FreeSWITCH's address, and that address only FreeSWITCH knows.
    """
    try:
        with guard.connect(settings) as switch:
            return _checked(switch, settings.sip_profile, trunk)
    except FaxplanError as error:
        return Checked(trunk["name"], str(error), None, None, ())


def _checked(switch: Asked, profile: str, trunk: Row) -> Checked:
    name = trunk["name"]
    gateway = gateway_state(switch, name)
    standing = _standing(trunk, gateway)
    found = [] if standing is None else [standing]
    options = None
    try:
        options = _ask(switch, profile, trunk)
    except NoAnswer as error:
        found.append(error.found)
    if options is not None:
        follows = _("it takes no calls now, by its own word")
        if gateway is not None and gateway.ping_seconds:
            follows = _("FreeSWITCH takes the gateway down on that, and calls fail at once")
        told = trunk_troubles.of_options(name, options.status, follows=follows)
        found += [] if told is None else [told]
    problems = [each for each in found if each.trouble.name not in trunk_troubles.HARMLESS]
    notes = [each for each in found if each.trouble.name in trunk_troubles.HARMLESS]
    return Checked(name, "", gateway, options, tuple(map(str, problems)), tuple(map(str, notes)))


def _standing(trunk: Row, gateway: GatewayState | None) -> Found | None:
    """What is wrong with the gateway; None: nothing."""
    name = trunk["name"]
    if not trunk["enabled"]:
        return trunk_troubles.met("off", trunk=name)
    if gateway is None:
        return trunk_troubles.met("no-gateway-tls" if trunk["transport"] == "tls" else "no-gateway")
    if gateway.registration in _REGISTERING:
        return None if gateway.up else trunk_troubles.met("registering", state=gateway.registration)
    if gateway.registration not in (_REGISTERED, _WITHOUT):
        return trunk_troubles.met("registration-failed", trunk=name, state=gateway.registration)
    return None if gateway.up else trunk_troubles.met("ping-down", trunk=name)


def gateway_state(switch: Asked, name: str) -> GatewayState | None:
    """None: FreeSWITCH has no such gateway."""
    values = dict(re.findall(r"^(\w+) *\t(.*)$", switch.api(f"sofia status gateway {name}"), re.MULTILINE))
    if "State" not in values:
        return None
    return GatewayState(
        registration=values["State"],
        up=values.get("Status", "").startswith("UP"),
        ping_seconds=int(_number(values.get("PingFreq"))),
        ping_milliseconds=_number(values.get("PingTime")),
        calls_out=int(_number(values.get("CallsOUT"))),
        failed_calls_out=int(_number(values.get("FailedCallsOUT"))),
        calls_in=int(_number(values.get("CallsIN"))),
        failed_calls_in=int(_number(values.get("FailedCallsIN"))),
    )


def _ask(switch: Asked, profile: str, trunk: Row) -> Answer:
    status = switch.api(f"sofia status profile {profile}")
    address = re.search(r"^SIP-IP\s+(\S+)", status, re.MULTILINE)
    if address is None:
        raise NoAnswer(trunk_troubles.met("no-profile", profile=profile))
    trust = None
    if trunk["transport"] == "tls":
        verified = switch.api("global_getvar faxplan_tls_verify").strip()
        folder = Path(switch.api("global_getvar certs_dir").strip())
        trust = TlsTrust(folder, names_host=verified.startswith("subjects"))
    how: dict[str, Any] = {"source": address[1], "trust": trust}
    if asks_by_name(trunk) and (services := sip_dns.services(trunk["host"], trunk["transport"])):
        how["at"] = services[0]
    return sip_options.ask(trunk["host"], trunk["port"], trunk["transport"], **how)


def address_in_sdp(switch: Asked, profile: str) -> str:
    """What FreeSWITCH tells carriers as its address for media; empty where the profile does not run."""
    status = switch.api(f"sofia status profile {profile}")
    found = re.search(r"^Ext-RTP-IP\s+(\S+)", status, re.MULTILINE) or re.search(
        r"^RTP-IP\s+(\S+)", status, re.MULTILINE
    )
    return found[1] if found else ""


def asks_by_name(trunk: Row) -> bool:
    """Whether FreeSWITCH looks up where the trunk is (NAPTR, SRV); our OPTIONS goes to the first that SRV names."""
    if trunk["port"] is not None:
        return False
    try:
        ipaddress.ip_address(trunk["host"].strip("[]"))
    except ValueError:
        return True
    return False


def _number(text: str | None) -> float:
    try:
        return float(text or 0)
    except ValueError:
        return 0.0
