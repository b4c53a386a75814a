"""Carriers that guided trunk set-up knows: presets of a trunk's values, and notes on T.38 with their sources.

All of it stands in data/providers.toml; docs/providers.md is made of that (provider_page).
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from faxplan.errors import NotFound
from faxplan.language import _, marked

FILE = Path(__file__).parent / "data" / "providers.toml"
ANOTHER = "another"
"""In place of a provider's key: none of them."""
PRESETS = ("host", "transport", "port", "register", "called_format", "calling_format", "caller_id_in", "codec",
           "t38_request")  # fmt: skip
T38 = {
    "yes": marked("T.38: yes, its documentation says so."),
    "no": marked("No T.38, by its documentation."),
    "unknown": marked("T.38: nothing was found in public documentation; ask the carrier."),
}


@dataclass(frozen=True, slots=True)
class Note:
    """What a page said. source: its name; read: on which day."""

    text: str
    source: str
    url: str
    read: date


@dataclass(frozen=True, slots=True)
class Provider:
    """countries: ISO codes of where it serves; empty: many. presets: of PRESETS. t38: a key of T38. searched: what was
    looked for in vain."""

    key: str
    name: str
    countries: Sequence[str]
    presets: Mapping[str, Any]
    t38: str
    notes: Sequence[Note]
    searched: Sequence[str]

    @property
    def host_is_own(self) -> bool:
        """Whether each customer has a host of its own there: the preset is then an example, with a part in <>."""
        return "<" in self.presets.get("host", "")

    @property
    def values(self) -> dict[str, Any]:
        """A trunk's values that are taken over as they are."""
        return {name: value for name, value in self.presets.items() if not (name == "host" and self.host_is_own)}


@cache
def everyone() -> Sequence[Provider]:
    """By name."""
    found = tomllib.loads(FILE.read_text(encoding="utf-8"))["provider"]
    return sorted((_provider(each) for each in found), key=lambda each: each.name.lower())


def named(key: str) -> Provider | None:
    """None for ANOTHER. Raises NotFound."""
    if key == ANOTHER:
        return None
    found = next((each for each in everyone() if each.key == key), None)
    if found is None:
        raise NotFound(
            _("There is no provider {key} here. Take one of {known}, or {another}.").format(
                key=repr(key[:40]), known=", ".join(each.key for each in everyone()), another=ANOTHER
            )
        )
    return found


def _provider(entry: Mapping[str, Any]) -> Provider:
    known = {"key", "name", "countries", "t38", "notes", "searched", *PRESETS}
    if unknown := entry.keys() - known:
        raise ValueError(f"providers.toml: {entry['key']} has {unknown}")
    if entry["t38"] not in T38:
        raise ValueError(f"providers.toml: {entry['key']} has t38 = {entry['t38']}")
    return Provider(
        entry["key"],
        entry["name"],
        tuple(entry["countries"]),
        {name: entry[name] for name in PRESETS if name in entry},
        entry["t38"],
        tuple(Note(**note) for note in entry["notes"]),
        tuple(entry.get("searched", ())),
    )
