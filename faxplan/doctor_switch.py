"""The doctor on FreeSWITCH: whole, of our Python, profile and gateways up, an address in SDP that can be reached."""

import importlib.util
import ipaddress
import re
import stat
import sys
import sysconfig
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from faxplan import doctor_certificates, entry_scripts, freeswitch_found, guard, shipped
from faxplan.config import Settings
from faxplan.errors import InvalidSetting, SwitchUnavailable
from faxplan.findings import Finding, Level, error, ok, warning
from faxplan.freeswitch_found import INSTALL_PAGE, FreeSwitchFound
from faxplan.guard import Asked


def installed(*, works: bool) -> list[Finding]:
    """What lies on the disk. works: the runtime reports, so that the scripts evidently run."""
    found = freeswitch_found.find()
    if found is None:
        return [
            ok("FreeSWITCH", f"not installed: `make run` uses the bench. {INSTALL_PAGE} says how to get a FreeSWITCH")
        ]
    findings = [ok("FreeSWITCH", str(found.binary))]
    findings += [error("FreeSWITCH module", lack, f"See {INSTALL_PAGE}.") for lack in found.missing]
    return findings + _python(found, works=works)


def _python(found: FreeSwitchFound, *, works: bool) -> list[Finding]:
    ours = f"{sys.version_info.major}.{sys.version_info.minor}"
    module = found.mod_dir / "mod_python3.so"
    if not module.is_file():
        return []
    theirs = linked_python(module)
    if theirs is not None and theirs != ours:
        return [
            error(
                "Python in FreeSWITCH",
                f"mod_python3 runs Python {theirs}, and Faxplan is installed for Python {ours}: it cannot be imported",
                f"Make the virtual environment with python{theirs}.",
            )
        ]
    findings = [ok("Python in FreeSWITCH", f"{theirs or 'unknown'}, as Faxplan's")]
    # A release needs none: its entry scripts run in the system's Python, which has it.
    is_release = shipped.folder().is_relative_to(sys.prefix)
    if not is_release and not works and found.python_module and importlib.util.find_spec("freeswitch") is None:
        findings.append(
            warning(
                "freeswitch.py",
                "not in Faxplan's environment: the scripts cannot import it, unless PYTHONPATH leads FreeSWITCH to it",
                f"cp {found.python_module} {sysconfig.get_path('purelib')}/",
            )
        )
    return findings


def linked_python(module: Path) -> str | None:
    """The Python version that mod_python3 is linked against, such as `3.11`; None where it does not say."""
    names = re.search(rb"libpython(3\.\d+)", module.read_bytes())
    return names[1].decode() if names else None


def running(
    settings: Settings, trunk_addresses: Sequence[str], transports: Mapping[str, str], reported: str | None = None
) -> list[Finding]:
    """What the running switch says, where its event socket is configured. transports: of enabled trunks, by name.

    reported: the core UUID of the switch that reports as this node; None: none does.
    """
    if settings.event_socket is None:
        if freeswitch_found.find() is None:
            return []
        return [
            warning(
                "event socket",
                "not configured: the guard cannot start a silent runtime again, and gateways, addresses and a stuck "
                "Python go unnoticed",
                "Set event_socket and event_socket_password_file; docs/settings.md describes them.",
            )
        ]
    findings: list[Finding] = []
    try:
        with guard.connect(settings) as switch:
            findings.append(ok("event socket", f"{settings.event_socket} answers"))
            findings += same_switch(switch, settings.node, reported)
            findings += profile(switch, settings.sip_profile, trunk_addresses)
            findings += tls(switch, transports)
            findings += doctor_certificates.of_switch(switch, transports)
            findings += gateways(switch, settings.sip_profile, transports)
            findings += inbound_cap(switch, settings.call_cap_seconds)
            findings += configuration_copy(switch)
            # Last: the socket is of no use after a question that was not answered.
            findings.append(scripts(switch))
            if findings[-1].level is Level.OK:
                findings += entries(switch, shipped.folder())
    except SwitchUnavailable as failed:
        what = "event socket, lost" if findings else "event socket"
        findings.append(error(what, str(failed), "Start FreeSWITCH, or mend the settings of its event socket."))
    except InvalidSetting as unset:
        findings.append(error("event socket", str(unset), "docs/settings.md describes every setting."))
    return findings


def same_switch(switch: Asked, node: str, reported: str | None) -> list[Finding]:
    """Whether it is this switch that reports as this node, and not another machine's of the same name."""
    if reported is None or (here := switch.api("global_getvar core_uuid").strip()) in ("", reported):
        return []
    return [
        error(
            "node, name",
            f"{node} is reported by another FreeSWITCH (core {reported}, and this one's is {here}): where this goes on "
            "for a minute, two machines have that name, and what is received here is delivered by nobody",
            "Give each machine a name of its own: the setting node. Then start its FreeSWITCH again.",
        )
    ]


def scripts(switch: Asked) -> Finding:
    """Whether Python in FreeSWITCH answers."""
    what, stuck = "scripts in FreeSWITCH", guard.why_stuck(switch)
    return error(what, stuck, guard.WHEN_STUCK) if stuck else ok(what, "Python answers")


def entries(switch: Asked, release: Path) -> list[Finding]:
    """Whether FreeSWITCH runs the entry scripts of this release. release: what is shipped with it; a checkout has none
    there: its FreeSWITCH runs fs_scripts itself."""
    if not release.is_relative_to(sys.prefix):
        return []
    what, to_do = "entry scripts in FreeSWITCH", entry_scripts.older(switch, release)
    return [ok(what, "this release's")] if to_do is None else [warning(what, "of another release", to_do)]


def profile(switch: Asked, name: str, trunk_addresses: Sequence[str]) -> list[Finding]:
    """Whether the SIP profile runs, and whether trunks can reach what it tells them."""
    status = switch.api(f"sofia status profile {name}")
    values = dict(re.findall(r"^([A-Za-z-]+)[ \t]+(\S+)", status, re.MULTILINE))
    if "RTP-IP" not in values:
        return [
            error(
                "SIP profile",
                f"{name} does not run: {status.strip().splitlines()[0][:80] if status.strip() else 'no answer'}",
                f"See FreeSWITCH's log; start it with: sofia profile {name} start.",
            )
        ]
    findings = [ok("SIP profile", f"{name} runs on {values.get('SIP-IP', '?')}")]
    for what, keys in (("address in SDP", ("Ext-RTP-IP", "RTP-IP")), ("address in SIP", ("Ext-SIP-IP", "SIP-IP"))):
        told = next((values[key] for key in keys if key in values), "")
        findings.append(_address(what, told, trunk_addresses))
    return findings


def _address(what: str, told: str, trunk_addresses: Sequence[str]) -> Finding:
    outside = sorted({address for address in trunk_addresses if is_public(address)})
    if outside and told and not is_public(told):
        return error(
            what,
            f"{told} is private, and {outside[0]} cannot reach it: calls connect, and no T.38 or sound arrives",
            "Set faxplan_ext_rtp_ip and faxplan_ext_sip_ip in FreeSWITCH's faxplan/vars.xml to the public address.",
        )
    return ok(what, f"{told}, which the trunks can reach" if told else "not told")


def is_public(address: str) -> bool:
    """Whether an address or network is of the public Internet. A host name is taken for it."""
    try:
        return ipaddress.ip_network(address, strict=False).is_global
    except ValueError:
        return True


def inbound_cap(switch: Asked, call_cap_seconds: int) -> list[Finding]:
    """Whether received calls end before Faxplan takes them for dead."""
    what, told = "cap of received calls", switch.api("global_getvar faxplan_inbound_cap").strip()
    if not (told.isascii() and told.isdigit()):
        return []
    if int(told) > call_cap_seconds:
        return [
            error(
                what,
                f"{told} s, and call_cap_seconds is {call_cap_seconds}: longer ones are taken for dead while they run",
                f"Set faxplan_inbound_cap in FreeSWITCH's faxplan/vars.xml to {call_cap_seconds}, or raise that.",
            )
        ]
    return [ok(what, f"{told} s, within call_cap_seconds")]


def tls(switch: Asked, transports: Mapping[str, str]) -> list[Finding]:
    """Whether the profile has TLS, where a trunk wants it."""
    wanting = sorted(name for name, transport in transports.items() if transport == "tls")
    if not wanting:
        return []
    what, told = "TLS", switch.api("global_getvar faxplan_tls").strip()
    if told == "true":
        return [ok(what, f"on, for {', '.join(wanting)}")]
    return [
        error(
            what,
            f"off, and {', '.join(wanting)} can be reached by it only: calls through it fail at once",
            f"Set faxplan_tls in FreeSWITCH's faxplan/vars.xml to true; {INSTALL_PAGE} says what else TLS needs.",
        )
    ]


def configuration_copy(switch: Asked) -> list[Finding]:
    """Whether others can read the whole configuration, which FreeSWITCH writes into its log folder as it loads it
    (switch_xml.c): the passwords of all gateways stand in it."""
    folder = switch.api("global_getvar log_dir").strip()
    copy = Path(folder) / "freeswitch.xml.fsxml"
    try:
        if not folder.startswith("/") or not copy.stat().st_mode & stat.S_IROTH:
            return []
        # Whoever may not enter a folder above it cannot read it.
        if not all(above.stat().st_mode & stat.S_IXOTH for above in copy.parents):
            return []
    except OSError:
        return []
    return [
        warning(
            "FreeSWITCH's copy of its configuration",
            f"everybody on this machine can read {copy}, with the passwords of all gateways",
            f"chmod o-rwx {folder}",
        )
    ]


def gateways(switch: Asked, of_profile: str, wanted: Iterable[str]) -> list[Finding]:
    """Each gateway of the profile: registered, up, or not; and each that FreeSWITCH should have, and has not."""
    findings = []
    missing = set(wanted)
    for line in switch.api("sofia status gateway").splitlines():
        # profile::name, where it leads, its state and counters (mod_sofia.c).
        row = re.match(rf"\s*{re.escape(of_profile)}::(\S+)\s+\S+\s+(\S+)", line)
        if row is None:
            continue
        name, state = row[1], row[2]
        missing.discard(name)
        # The list does not tell whether OPTIONS are answered; the gateway's own page does.
        down = re.search(r"^Status\s+DOWN", switch.api(f"sofia status gateway {name}"), re.MULTILINE)
        if state in ("REGED", "NOREG") and not down:
            findings.append(ok(f"gateway {name}", "registered" if state == "REGED" else "up, without registration"))
            continue
        findings.append(
            error(
                f"gateway {name}",
                f"{'down' if down else f'in state {state}'}: calls through it fail at once",
                "Check the trunk's host, user name and password, and whether the carrier answers OPTIONS.",
            )
        )
    findings += [
        error(
            f"gateway {name}",
            "unknown to FreeSWITCH: calls through it fail at once",
            f"A new one is taken up within ten seconds, where gateway_dir is set and the runtime is at work; "
            f"`faxplan trunk test {name}` looks closer.",
        )
        for name in sorted(missing)
    ]
    return findings
