"""Addresses in SIP headers (name-addr and addr-spec, RFC 3261, 20.10 and 25.1), read strictly: strangers write them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_NAME_ADDR = re.compile(rf'(?P<display>{_QUOTED}\s*|[^"<>]*)<(?P<uri>[^<>"\s]*)>\s*(?P<parameters>(?:;.*)?)', re.DOTALL)
# Without brackets what follows a semicolon belongs to the header; a comma or question mark cannot stand (RFC 3261, 20).
_ADDR_SPEC = re.compile(r'(?P<display>)(?P<uri>[^<>"\s;,?]+)\s*(?P<parameters>(?:;.*)?)', re.DOTALL)
_PARAMETER = re.compile(rf"\s*(?P<name>[A-Za-z0-9.!%*_+`'~-]+)\s*(?:=\s*(?P<value>{_QUOTED}|[^\s\";,<>]*)\s*)?")
_HOST = re.compile(r"[A-Za-z0-9.-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\]")
_PORT = re.compile(r":[0-9]{1,5}")
_PIECE = re.compile(rf'{_QUOTED}|<[^<>]*>|[^,"<>]+')
_NUMBER = re.compile(r"\+?[0-9]{3,15}")
_VISUAL_SEPARATORS = str.maketrans("", "", "-.() ")


@dataclass(frozen=True, slots=True)
class SipAddress:
    """One address. display: unquoted. user: percent-decoded, without parameters. host: lower case; empty with tel:.

    uri_parameters: of user part (RFC 3966) and URI; parameters: of the header. Their names are lower case.
    """

    display: str
    user: str
    host: str
    uri_parameters: Mapping[str, str]
    parameters: Mapping[str, str]

    @property
    def number(self) -> str:
        """The user part where that is a telephone number, without visual separators (RFC 3966, 3); else empty."""
        bare = self.user.translate(_VISUAL_SEPARATORS)
        return bare if _NUMBER.fullmatch(bare) else ""

    def parameter(self, name: str) -> str | None:
        """A parameter, wherever it stands; None where there is none, or where two places say two things."""
        said = {each[name] for each in (self.uri_parameters, self.parameters) if name in each}
        return said.pop() if len(said) == 1 else None


def parse(text: str) -> SipAddress | None:
    """One header value; None for what is no address of scheme sip, sips or tel."""
    bare = text.strip()
    found = _NAME_ADDR.fullmatch(bare) or _ADDR_SPEC.fullmatch(bare)
    if found is None:
        return None
    parameters = _parameters(found["parameters"])
    uri = _uri(found["uri"])
    if parameters is None or uri is None:
        return None
    return SipAddress(_unquoted(found["display"].strip()), *uri, parameters)


def split(text: str) -> list[str] | None:
    """The values of a list, in order; None where quotes or brackets do not match, or a value is empty."""
    values, here = [], ""
    at = 0
    while at < len(text):
        if text[at] == ",":
            values.append(here)
            here, at = "", at + 1
            continue
        found = _PIECE.match(text, at)
        if found is None:
            return None
        here, at = here + found[0], found.end()
    values.append(here)
    return None if any(not value.strip() for value in values) else [value.strip() for value in values]


def _uri(text: str) -> tuple[str, str, dict[str, str]] | None:
    """User, host and parameters."""
    scheme, colon, rest = text.partition(":")
    if not colon or scheme.lower() not in ("sip", "sips", "tel"):
        return None
    if scheme.lower() == "tel":
        return _with_user(rest, "", "")
    user, at, place = rest.rpartition("@")
    if "@" in user or (at and not user):
        return None
    host = _HOST.match(place)
    if host is None:
        return None
    after = place[host.end() :].partition("?")[0]
    if (port := _PORT.match(after)) is not None:
        after = after[port.end() :]
    return _with_user(user.partition(":")[0], host[0].lower(), after)


def _with_user(user: str, host: str, after: str) -> tuple[str, str, dict[str, str]] | None:
    name, semicolon, of_user = user.partition(";")
    parameters, more = _parameters(semicolon + of_user), _parameters(after)
    if parameters is None or more is None:
        return None
    return unquote(name, errors="backslashreplace"), host, {**parameters, **more}


def _parameters(text: str) -> dict[str, str] | None:
    """What stands behind semicolons; None where it is not made of parameters, or one is there twice."""
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        parameter = _PARAMETER.match(text, at + 1) if text[at] == ";" else None
        if parameter is None or parameter["name"].lower() in found:
            return None
        found[parameter["name"].lower()] = _unquoted(parameter["value"] or "")
        at = parameter.end()
    return found


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL) if text.startswith('"') else text
