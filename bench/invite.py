"""The channel variables that mod_sofia makes of an INVITE (sofia.c: sofia_handle_sip_i_invite, extract_header_vars)."""

import re
from collections.abc import Iterable

_IN_BRACKETS = re.compile(r'^(?P<display>"(?:[^"\\]|\\.)*"\s*|[^<"]*)<sips?:(?:(?P<user>[^@>]*)@)?', re.DOTALL)
_WHOLE = {
    "from": "sip_full_from",
    "to": "sip_full_to",
    "p-asserted-identity": "sip_P-Asserted-Identity",
    "remote-party-id": "sip_Remote-Party-ID",
    "p-preferred-identity": "sip_P-Preferred-Identity",
    "privacy": "sip_Privacy",
    "identity": "sip_h_identity",
}
_CALLER_ID_FROM = ("from", "remote-party-id", "p-asserted-identity", "p-preferred-identity")


def addresses(
    caller: str, name: str, called: str, address: str, headers: Iterable[tuple[str, str]]
) -> Iterable[tuple[str, str]]:
    """From and To of a call, but for those that are among `headers`."""
    given = {each.lower() for each, _ in headers}
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    for header, value in (
        ("From", f'"{quoted}" <sip:{caller}@{address}>;tag=1'),
        ("To", f"<sip:{called}@127.0.0.1>"),
    ):
        if header.lower() not in given:
            yield header, value


def variables(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """By name and value, in the order of the INVITE; From and To are among them. Of a header that is there twice only
    Diversion's last, and all of History-Info, are to be had. p-asserted-id-parse is verbatim.
    """
    found: dict[str, str] = {}
    for name, value in headers:
        lower = name.lower()
        if lower in ("from", "to"):
            found |= _parts(lower, value)
        if lower in _WHOLE:
            found.setdefault(_WHOLE[lower], value)
        elif lower.startswith("history-info"):
            earlier = found.get("sip_history_info")
            found["sip_history_info"] = value if earlier is None else f"{earlier}, {value}"
        elif lower.startswith(("diversion", "x-", "p-")):
            found[f"sip_h_{name}"] = value
    # switch_channel_set_variable refuses what could be expanded, and says so in the log only.
    return {name: value for name, value in found.items() if value and "${" not in value}


def caller_id(headers: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """caller_id_number and caller_id_name: of the last of these headers that has them, whoever wrote it."""
    number, name = "", "unknown"
    given = {each.lower(): value for each, value in reversed(list(headers))}
    for header in _CALLER_ID_FROM:
        parts = _parts("x", given.get(header, ""))
        number = parts.get("sip_x_user") or number
        name = parts.get("sip_x_display") or (number if header == "from" and number else name)
    # profile_dup_clean: what a caller profile holds can never be expanded.
    return number.replace("$", "%"), name.replace("$", "%")


def _parts(which: str, value: str) -> dict[str, str]:
    """User and display of an address, and its header parameters, which overwrite them (set_variable_sip_param)."""
    found = _IN_BRACKETS.match(value)
    if found is None:
        return {}
    display = found["display"].strip()
    parts = {f"sip_{which}_display": display[1:-1] if display.startswith('"') else display}
    parts[f"sip_{which}_user"] = found["user"] or "nobody"
    for parameter in value.partition(">")[2].split(";")[1:]:
        name, _, said = parameter.partition("=")
        parts[f"sip_{which}_{name}"] = said or "true"
    return parts
