"""How a trunk is now: what FreeSWITCH says about its gateway, and whether the carrier answers an OPTIONS.

The test fax, which goes on from there, is trunk_tests.py's.
"""

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path

from faxplan import guard, sip_options
from faxplan.config import Settings
from faxplan.db import Row
from faxplan.errors import FaxplanError
from faxplan.guard import Asked
from faxplan.language import _
from faxplan.sip_options import Answer, NoAnswer, TlsTrust

_REGISTERED, _WITHOUT = "REGED", "NOREG"
_REGISTERING = frozenset({"UNREGED", "TRYING", "REGISTER"})
"""On the way to REGED, at first and at each renewal; the gateway stays up at a renewal (sofia_reg.c)."""
_TAKES_DOWN = (408, 503)
"""Answers to OPTIONS that FreeSWITCH counts as none (sofia.c, sofia_handle_sip_r_options); from 600 on as well."""


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
    """not_asked: why FreeSWITCH was not asked; empty: it was. problems: sentences, with what to do."""

    trunk: str
    not_asked: str
    gateway: GatewayState | None
    options: Answer | None
    problems: tuple[str, ...]


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
    name, problems = trunk["name"], []
    gateway = gateway_state(switch, name)
    if not trunk["enabled"]:
        problems.append(
            _(
                "The trunk is switched off, and FreeSWITCH has no gateway for it: `faxplan trunk set {name} "
                "--enabled on`."
            ).format(name=name)
        )
    elif gateway is None:
        problems.append(
            _(
                "FreeSWITCH does not know the gateway. It takes a new one up within ten seconds, where gateway_dir "
                "is set and the runtime is at work: `faxplan doctor`."
            )
            + (
                " " + _("For TLS, faxplan_tls must be true in its faxplan/vars.xml.")
                if trunk["transport"] == "tls"
                else ""
            )
        )
    elif gateway.registration in _REGISTERING:
        if not gateway.up:
            problems.append(
                _(
                    "The registration is under way (state {registration}), and calls fail at once until it is done. "
                    "Look again in a moment; where it stays so, the host is wrong or does not answer."
                ).format(registration=gateway.registration)
            )
    elif gateway.registration not in (_REGISTERED, _WITHOUT):
        problems.append(
            _(
                "The registration is in state {registration}: calls fail at once. Check host, user name and "
                "password: `faxplan trunk set {name} --username NAME --password-file -`."
            ).format(registration=gateway.registration, name=name)
        )
    elif not gateway.up:
        problems.append(
            _(
                "The gateway is down, because the carrier does not answer FreeSWITCH's OPTIONS, or with 503 or 408 "
                "only: calls fail at once. Ask the carrier, or stop asking: `faxplan trunk set {name} --clear "
                "ping_seconds`."
            ).format(name=name)
        )
    options = None
    try:
        options = _ask(switch, profile, trunk)
    except NoAnswer as error:
        problems.append(str(error))
    if options is not None and (options.status in _TAKES_DOWN or options.status >= 600):
        follows = _("it takes no calls now, by its own word")
        if gateway is not None and gateway.ping_seconds:
            follows = _("FreeSWITCH takes the gateway down on that, and calls fail at once")
        problems.append(
            _("The carrier answers OPTIONS with {status}: {follows}. Ask the carrier.").format(
                status=options.status, follows=follows
            )
        )
    return Checked(name, "", gateway, options, tuple(problems))


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
        raise NoAnswer(
            _("Profile {profile} does not run in FreeSWITCH, so that nothing can be sent: `faxplan doctor`.").format(
                profile=profile
            )
        )
    trust = None
    if trunk["transport"] == "tls":
        verified = switch.api("global_getvar faxplan_tls_verify").strip()
        folder = Path(switch.api("global_getvar certs_dir").strip())
        trust = TlsTrust(folder, names_host=verified.startswith("subjects"))
    return sip_options.ask(trunk["host"], trunk["port"], trunk["transport"], source=address[1], trust=trust)


def asks_by_name(trunk: Row) -> bool:
    """Whether FreeSWITCH would look up where the trunk is (NAPTR, SRV), which our OPTIONS does not."""
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
