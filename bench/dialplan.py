"""The actions of a dialplan file, so that the bench runs inbound calls through the same file as FreeSWITCH."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path

from bench.errors import InvalidBenchConfig


def actions(path: Path, variables: Mapping[str, str]) -> list[str]:
    """`application data` of each action, in order, `$${name}` replaced as FreeSWITCH's preprocessor does.

    The file has one extension whose one condition every number meets; anything else is refused (InvalidBenchConfig),
    since the bench matches nothing.
    """
    root = ET.parse(path).getroot()  # noqa: S314 - our own file
    conditions = root.findall("./context/extension/condition")
    if len(conditions) != 1 or conditions[0].get("expression") != "^.*$":
        raise InvalidBenchConfig(f"{path}: the bench takes one extension with one condition, expression ^.*$")
    return [
        _expanded(f"{a.get('application')} {a.get('data', '')}".strip(), variables)
        for a in conditions[0].iter("action")
    ]


def _expanded(text: str, variables: Mapping[str, str]) -> str:
    return re.sub(r"\$\$\{(\w+)\}", lambda found: variables.get(found[1], ""), text)
