"""The numbering plan: which number does what."""

from pathlib import Path

import pytest

from bench import Behaviour, NumberingPlan
from bench.errors import InvalidBenchConfig
from bench.numbering_plan import OwnNumber


def plan(text: str, tmp_path: Path) -> NumberingPlan:
    (tmp_path / "plan.toml").write_text(text, encoding="utf-8")
    return NumberingPlan.read(tmp_path / "plan.toml")


def test_our_numbers_and_rules(tmp_path: Path) -> None:
    read = plan(
        """
        down_gateways = ["dead"]
        [[own]]
        prefix = "0049301"
        gateway = "carrier"
        deliver_as = "+49301"
        from_address = "127.0.0.3"
        refuses_t38 = true
        [[number]]
        exact = "+49301999"
        kind = "refuse"
        sip_status = 486
        [[number]]
        suffix = "77"
        drop_after_pages = 1
        """,
        tmp_path,
    )
    assert read.down_gateways == {"dead"}
    assert read.look_up("0049301234", "carrier") == OwnNumber("+49301234", "127.0.0.3", 0, True)
    assert read.look_up("0049301234", "other") == Behaviour(kind="refuse", sip_status=404)
    assert read.look_up("+49301999", None) == Behaviour(kind="refuse", sip_status=486)
    assert read.look_up("+4977", None) == Behaviour(drop_after_pages=1)


@pytest.mark.parametrize(
    ("digits", "behaviour"),
    [
        ("000", Behaviour()),
        ("001", Behaviour(t38="refuse")),
        ("023", Behaviour(drop_after_pages=3)),
        ("043", Behaviour(drop_after_pages=3, t38="refuse")),
        ("115", Behaviour(loss_percent=15)),
        ("486", Behaviour(kind="refuse", sip_status=486)),
        ("999", Behaviour(kind="refuse", sip_status=404)),
    ],
)
def test_test_numbers(digits: str, behaviour: Behaviour) -> None:
    assert NumberingPlan().look_up(f"+4930{9900}{digits}", "any") == behaviour


def test_test_numbers_can_be_left_out() -> None:
    read = NumberingPlan({"test_numbers": False, "default": "fax"})
    assert read.look_up("+49309900486", "any") == Behaviour()


@pytest.mark.parametrize(
    "table",
    [
        {"surprise": 1},
        {"default": "anything"},
        {"own": [{"number": "1"}]},
        {"number": [{"kind": "fax"}]},
        {"number": [{"exact": "1", "suffix": "2"}]},
        {"number": [{"exact": "1", "no_such": 2}]},
    ],
)
def test_mistakes_are_refused(table: dict[str, object]) -> None:
    with pytest.raises(InvalidBenchConfig):
        NumberingPlan(table)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidBenchConfig, match=r"plan\.toml"):
        plan("= nothing", tmp_path)
