"""The argument of the API `originate`, read as FreeSWITCH reads it, and no more than our dial-string function may emit.

    {name=value,name='value'}sofia/gateway/<gateway>/<number> '&application(arguments)'

The API splits at spaces and eats one level of quotes and backslashes (switch_separate_string); the braces are then
split at commas by the same rules (switch_event_create_brackets). So `{b='x,y'}` gives b=x: here that is an error, not
a lost value.
"""

import re
from dataclasses import dataclass

from bench.errors import InvalidDialString

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "s": " "}
_NAME = re.compile(r"[A-Za-z_][\w-]*")
_ENDPOINT = re.compile(r"sofia/gateway/([\w.-]+)/(\+?[0-9*#]+)")
_APPLICATION = re.compile(r"&([a-z_]+)(?:\(([^()]*)\))?")


@dataclass(frozen=True)
class DialString:
    """One leg through one gateway, and the application that gets the call once it is answered."""

    variables: dict[str, str]
    gateway: str
    number: str
    application: str
    application_data: str


def separate(text: str, delimiter: str, limit: int) -> list[str]:
    """switch_separate_string: split at `delimiter` outside quotes, drop quotes and escapes; the last keeps the rest."""
    parts: list[str] = []
    start, position, quoted = 0, 0, False
    blank = delimiter == " "
    while position < len(text):
        character = text[position]
        if character == "\\":
            position += 1
        elif character == "'" and (blank or quoted or "'" in text[position + 1 :]):
            quoted = not quoted
        elif character == delimiter and not quoted and len(parts) < limit - 1:
            parts.append(text[start:position])
            while blank and position + 1 < len(text) and text[position + 1] == " ":
                position += 1
            start = position + 1
        position += 1
    if start < len(text):
        parts.append(text[start:])
    return [_clean(part, "" if blank else delimiter) for part in parts]


def _clean(text: str, delimiter: str) -> str:
    """cleanup_separated_string: strip quotes, escapes, and spaces at both ends that were not quoted."""
    out: list[str] = []
    kept = 0
    quoted = False
    text = text.lstrip(" ")
    position = 0
    while position < len(text):
        character = text[position]
        following = text[position + 1 : position + 2]
        if (
            character == "\\"
            and following
            and (following in "'\"\\" or following == delimiter or following in _ESCAPES)
        ):
            out.append(_ESCAPES.get(following, following))
            position += 1
            kept = len(out)
        elif character == "'" and (quoted or "'" in text[position + 1 :]):
            quoted = not quoted
            if quoted:
                kept = len(out)
        else:
            out.append(character)
            if character != " " or quoted:
                kept = len(out)
        position += 1
    return "".join(out[:kept])


def parse_originate(argument: str) -> DialString:
    """Read the argument of `originate`. Raises InvalidDialString for everything that we never emit on purpose."""
    words = separate(argument, " ", 10)
    if len(words) != 2:
        raise InvalidDialString(
            f"originate takes a dial string and an application, got {len(words)} words: {words!r}. "
            "The application needs its quotes: '&python(fax_out 17)'"
        )
    leg, extension = words
    braces, endpoint = _split_braces(leg)
    matched = _ENDPOINT.fullmatch(endpoint)
    if not matched:
        raise InvalidDialString(f"expected sofia/gateway/<gateway>/<number>, got {endpoint!r}")
    application = _APPLICATION.fullmatch(extension)
    if not application:
        raise InvalidDialString(f"expected &application(arguments), got {extension!r}")
    return DialString(
        variables=_variables(braces),
        gateway=matched.group(1),
        number=matched.group(2),
        application=application.group(1),
        application_data=application.group(2) or "",
    )


def _split_braces(leg: str) -> tuple[str, str]:
    if not leg.startswith("{"):
        return "", leg
    depth = 0
    for position, character in enumerate(leg):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth == 0:
            return leg[1:position], leg[position + 1 :]
    raise InvalidDialString(f"no closing brace in {leg!r}")


def _variables(braces: str) -> dict[str, str]:
    if braces.startswith("^^"):
        raise InvalidDialString("another delimiter (^^) is not something we emit; escape commas as \\,")
    variables: dict[str, str] = {}
    for item in separate(braces, ",", 1024) if braces else []:
        name, separator, raw = item.partition("=")
        value = _clean(raw, "=")
        if not separator or not _NAME.fullmatch(name):
            raise InvalidDialString(
                f"{item!r} is not name=value: FreeSWITCH would drop it without a word. "
                "The API eats one level of quotes, so a comma in a value is \\,"
            )
        if "${" in value:
            raise InvalidDialString(f"FreeSWITCH drops {name}, because its value contains ${{")
        if name in variables:
            raise InvalidDialString(f"{name} is given twice")
        variables[name] = value
    return variables
