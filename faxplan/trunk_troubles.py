"""What goes wrong with a trunk, what that means, and what to do: one table (trunk_trouble_table) for the command line,
the portal and the docs (docs/troubleshooting-trunks.md is made of it)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from faxplan.language import _
from faxplan.trunk_trouble_table import TABLE, Trouble


@dataclass(frozen=True, slots=True)
class Found:
    """A trouble that was met. facts: what its sentences name."""

    trouble: Trouble
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def means(self) -> str:
        """What it is."""
        return _(self.trouble.means).format(**self.facts)

    @property
    def do(self) -> str:
        """What to do about it."""
        return _(self.trouble.do).format(**self.facts)

    def __str__(self) -> str:
        return f"{self.means} {self.do}"


def met(name: str, **facts: object) -> Found:
    """A trouble of the table, with what its sentences name."""
    return Found(TABLE[name], facts)


# 408, 503 and from 600 on FreeSWITCH counts as no answer (sofia.c, sofia_handle_sip_r_options).
_OPTIONS = {401: "options-401", 407: "options-401", 403: "options-403", 404: "options-404", 408: "options-408"}
# From 900 on they are sofia-sip's own: 904 is a challenge that was answered and comes again, the others are silence.
_OWN = 900
_REGISTRATION = {
    904: "registration-challenge", 401: "registration-401", 407: "registration-401", 403: "registration-403",
    404: "registration-404", 423: "registration-423", 408: "registration-silent", 503: "registration-503",
}  # fmt: skip
HARMLESS = frozenset({"options-401", "options-404"})
"""What is told, and is no fault by itself."""


def of_options(trunk: str, status: int, *, follows: str) -> Found | None:
    """What an answer to OPTIONS means; None: that there is somebody, and nothing else. follows: where it ends calls."""
    if status >= 600 or status == 503:
        return met("options-503", trunk=trunk, status=status, follows=follows)
    name = _OPTIONS.get(status)
    return None if name is None else met(name, trunk=trunk, status=status, follows=follows)


def of_registration(trunk: str, status: int | None, phrase: str) -> Found:
    """Why a registration failed. status: the carrier's, or sofia-sip's; None: no answer came that is one."""
    other = "registration-silent" if status is None or status >= _OWN else "registration-other"
    return met(_REGISTRATION.get(status or _OWN, other), trunk=trunk, status=status, phrase=phrase)
