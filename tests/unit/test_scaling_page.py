"""docs/scaling.md reckons with what was measured, and its drawing shows that."""

import importlib
import re
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree as ET

import pytest

DOCS = Path(__file__).parents[2] / "docs"
BENCHMARKS = DOCS.parent / "benchmarks"


@pytest.fixture
def million(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("million")


def test_the_page_has_what_the_arithmetic_says(million: ModuleType) -> None:
    again = "write it anew: python benchmarks/million.py --write docs/scaling.md"
    assert million.table(million.Day()) in (DOCS / "scaling.md").read_text(), again
    assert (DOCS / "benchmarks" / "million.svg").read_text() == million.drawing(million.Day()), again


def test_it_reckons_with_what_was_measured(million: ModuleType) -> None:
    """Of the bucket, as its benchmark has written it."""
    page = (DOCS / "benchmarks.md").read_text()
    measured = dict(re.findall(r"^\| (put|deleted by itself|deleted by 1000) \| ([0-9.]+) \|", page, re.MULTILINE))
    reckoned = [million.PUT_MS, million.DELETE_ONE_MS, million.DELETE_MANY_MS]
    assert [round(float(each), 1) for each in measured.values()] == reckoned


def test_each_line_follows_from_the_day(million: ModuleType) -> None:
    day = million.Day()
    assert (round(day.rate, 2), round(day.calls)) == (27.78, 2083)
    twice = replace(day, faxes=2 * day.faxes)
    assert twice.calls == pytest.approx(2 * day.calls)
    parts = {each.what: each.part for each in million.lines(day) if each.part is not None}
    for each in million.lines(twice):
        if each.what != "connections to PostgreSQL" and each.part is not None:
            assert each.part == pytest.approx(2 * parts[each.what]), each.what
    assert all(part < 1 for part in parts.values()), "more than is set up"


def test_the_drawing_is_one(million: ModuleType) -> None:
    drawn = ET.fromstring(million.drawing(million.Day()))  # noqa: S314 - our own
    bars = [each for each in drawn if each.tag.endswith("rect") and each.get("x")]
    assert len(bars) == len([each for each in million.lines(million.Day()) if each.part is not None])
