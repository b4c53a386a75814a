"""The numbering plan: which dialled number is one of ours, and how every other one behaves. Read from a TOML file.

default = "unallocated"            # or "fax": numbers that nothing below matches
test_numbers = true                # the built-in test numbers, see TEST_SUFFIXES
down_gateways = ["dead"]           # dialling through them fails with GATEWAY_DOWN

[[own]]                            # comes back to us as an inbound call
prefix = "+493020"
from_address = "127.0.0.1"         # sip_network_ip of the inbound call
gateway = "carrier"                # optional: only when dialled through this gateway
deliver_as = "+493020"             # optional: replaces the prefix in the number delivered
loss_percent = 5                   # optional; and seed = 2, refuses_t38 = true

[[number]]                         # `exact`, `suffix` or `prefix`, then keys of Behaviour (far_end.py)
exact = "+49301234567"
gateway = "carrier"                # optional: only when dialled through this gateway
kind = "fax"
drop_after_pages = 2
"""

import re
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from bench import causes
from bench.errors import InvalidBenchConfig
from bench.far_end import Behaviour

TEST_SUFFIX = "9900"
"""A number that ends in 9900 and three digits is a test number, whatever stands before."""

MID_PAGE_MS = 4000

_FIXED_TESTS: dict[str, Behaviour] = {
    "000": Behaviour(),
    "001": Behaviour(t38="refuse"),
    "002": Behaviour(ecm=False),
    "003": Behaviour(t38="accept"),
    "004": Behaviour(v17=False),
    "005": Behaviour(t38="refuse", ecm=False),
    "010": Behaviour(kind="voice"),
    "011": Behaviour(kind="silence"),
    "012": Behaviour(kind="no_answer"),
    "060": Behaviour(stays_silent=True),
    "070": Behaviour(wants_digits="12#A"),
    "071": Behaviour(wants_digits="12#A", telephone_events=False, t38="refuse"),
}


@dataclass(frozen=True)
class OwnNumber:
    """A called number that is delivered to us."""

    number: str
    from_address: str
    loss_percent: float
    refuses_t38: bool
    seed: int = 1


@dataclass(frozen=True)
class _Own:
    prefix: str
    from_address: str
    gateway: str | None
    deliver_as: str | None
    loss_percent: float
    refuses_t38: bool
    seed: int


@dataclass(frozen=True)
class _Rule:
    how: str
    text: str
    gateway: str | None
    behaviour: Behaviour

    def matches(self, number: str, gateway: str | None) -> bool:
        if self.gateway not in (None, gateway):
            return False
        if self.how == "exact":
            return number == self.text
        return number.endswith(self.text) if self.how == "suffix" else number.startswith(self.text)


class NumberingPlan:
    """What becomes of a called number."""

    def __init__(self, table: dict[str, Any] | None = None) -> None:
        table = dict(table or {})
        self._default = str(table.pop("default", "unallocated"))
        self._test_numbers = bool(table.pop("test_numbers", True))
        self.down_gateways: set[str] = set(table.pop("down_gateways", []))
        self._own = [_own(entry) for entry in table.pop("own", [])]
        self._rules = [_rule(entry) for entry in table.pop("number", [])]
        if table:
            raise InvalidBenchConfig(f"numbering plan: unknown keys {sorted(table)}")
        if self._default not in ("unallocated", "fax"):
            raise InvalidBenchConfig(f'numbering plan: default must be "unallocated" or "fax", not {self._default!r}')

    @classmethod
    def read(cls, path: Path) -> "NumberingPlan":
        """Raises InvalidBenchConfig."""
        try:
            return cls(tomllib.loads(path.read_text(encoding="utf-8")))
        except tomllib.TOMLDecodeError as error:
            raise InvalidBenchConfig(f"{path}: not TOML: {error}") from error

    def look_up(self, number: str, gateway: str | None) -> OwnNumber | Behaviour:
        """Rules first, then test numbers, then our own prefixes, then the default. `gateway` None: from outside."""
        for rule in self._rules:
            if rule.matches(number, gateway):
                return rule.behaviour
        if self._test_numbers and (tested := re.search(TEST_SUFFIX + r"(\d{3})$", number)):
            return behaviour_of_test_number(tested.group(1))
        for own in self._own:
            if number.startswith(own.prefix) and own.gateway in (None, gateway):
                delivered = number if own.deliver_as is None else own.deliver_as + number[len(own.prefix) :]
                return OwnNumber(delivered, own.from_address, own.loss_percent, own.refuses_t38, own.seed)
        return Behaviour() if self._default == "fax" else Behaviour(kind="refuse", sip_status=404)


def behaviour_of_test_number(digits: str) -> Behaviour:
    """The last three digits of a test number (docs/bench.md has the table)."""
    if digits in _FIXED_TESTS:
        return _FIXED_TESTS[digits]
    family, value = int(digits) // 10, int(digits) % 10
    if family == 2:
        return Behaviour(drop_after_pages=value)
    if family == 3:
        return Behaviour(drop_after_pages=value, drop_delay_ms=MID_PAGE_MS)
    if family == 4:
        return Behaviour(drop_after_pages=value, t38="refuse")
    if 100 < int(digits) < 200:
        return Behaviour(loss_percent=int(digits) - 100)
    known = 400 <= int(digits) < 700 or int(digits) in causes.REDIRECTIONS
    return Behaviour(kind="refuse", sip_status=int(digits) if known else 404)


def _own(entry: dict[str, Any]) -> _Own:
    known = {"prefix", "from_address", "gateway", "deliver_as", "loss_percent", "refuses_t38", "seed"}
    if "prefix" not in entry or entry.keys() - known:
        raise InvalidBenchConfig(f"[[own]] needs prefix and takes only {sorted(known)}: {entry}")
    return _Own(
        prefix=str(entry["prefix"]),
        from_address=str(entry.get("from_address", "127.0.0.1")),
        gateway=entry.get("gateway"),
        deliver_as=entry.get("deliver_as"),
        loss_percent=float(entry.get("loss_percent", 0)),
        refuses_t38=bool(entry.get("refuses_t38", False)),
        seed=int(entry.get("seed", 1)),
    )


def _rule(entry: dict[str, Any]) -> _Rule:
    selectors = [how for how in ("exact", "suffix", "prefix") if how in entry]
    settings = {name: value for name, value in entry.items() if name not in (*selectors, "gateway")}
    unknown = settings.keys() - {field.name for field in fields(Behaviour)}
    if len(selectors) != 1 or unknown:
        raise InvalidBenchConfig(
            f"[[number]] needs exactly one of exact, suffix, prefix; unknown keys {sorted(unknown)}: {entry}"
        )
    return _Rule(selectors[0], str(entry[selectors[0]]), entry.get("gateway"), Behaviour(**settings))
