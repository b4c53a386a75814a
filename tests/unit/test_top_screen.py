"""What `faxplan top` draws, in terminals of every size."""

from datetime import UTC, datetime
from typing import Any

import pytest

from faxplan import top_screen
from faxplan.live_figures import Figures
from faxplan.top_screen import CALLS, TABLES, Line, Style, View


def call(number: int, **more: Any) -> dict[str, Any]:
    return {
        "fax_id": number, "tenant": "acme", "direction": "outbound", "trunk": "carrier", "destination": "+493099001234",
        "pages": 1, "done": 1, "of_pages": 3, "seconds": 10.0 * number, "node": "node1", **more,
    }  # fmt: skip


def lane(number: int, **more: Any) -> dict[str, Any]:
    return {
        "tenant": f"tenant{number}", "priority": 100, "trunks": "carrier", "faxes": number, "due": 1, "minute": 1,
        "quarter": 1, "oldest": 5.0, "next_in": 0.0, **more,
    }  # fmt: skip


def trunk(name: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name, "enabled": True, "rests_seconds": 0, "down_on": [], "unregistered_on": None, "is_tried": False,
        "calls": 2,
        "max_calls": None, "failures": 0, "last_failure": None, **more,
    }  # fmt: skip


def node(name: str, **more: Any) -> dict[str, Any]:
    known = {
        "name": name, "silent": 2.0, "stopped": False, "paused": False, "draining_since": None, "calls": 3,
        "max_channels": 30,
    }  # fmt: skip
    return {**known, **more}


def figures(calls: int = 0, lanes: int = 0, trunks: int = 1, nodes: int = 1) -> Figures:
    return Figures(
        datetime(2026, 11, 27, tzinfo=UTC),
        [call(number) for number in range(1, calls + 1)],
        [lane(number) for number in range(1, lanes + 1)],
        [trunk(f"carrier{number}") for number in range(1, trunks + 1)],
        [node(f"node{number}") for number in range(1, nodes + 1)],
    )


def texts(lines: list[Line]) -> list[str]:
    return ["".join(text for text, _ in line).rstrip() for line in lines]


def faxes(seen: Figures, view: View) -> list[str]:
    """Numbers of the calls that are shown."""
    return [line.split()[0] for line in texts(top_screen.screen(seen, view, 80, 24)) if "+493099" in line]


def style_of(lines: list[Line], text: str) -> Style:
    return next(style for line in lines for part, style in line if part.strip() == text)


@pytest.mark.parametrize("size", [(80, 24), (132, 50), (40, 10), (20, 3), (1, 1), (200, 2)])
@pytest.mark.parametrize("focus", range(len(TABLES)))
def test_no_line_is_wider_and_none_is_below_the_screen(size: tuple[int, int], focus: int) -> None:
    width, height = size
    lines = texts(top_screen.screen(figures(50, 30, 9, 9), View(focus=focus), width, height))
    assert len(lines) == height
    assert all(len(line) <= width for line in lines)


def test_in_80_by_24_every_table_is_there_and_the_one_in_focus_has_the_room() -> None:
    lines = texts(top_screen.screen(figures(50, 30, 9, 9), View(), 80, 24))
    assert [line.split()[0] for line in lines if line.split()[0] in ("Nodes", "Trunks", "Queue", "Calls")] == [
        "Nodes", "Trunks", "Queue", "Calls",
    ]  # fmt: skip
    assert "Calls 1 to 5 of 50" in lines
    assert "Queue 1 to 3 of 30" in lines
    lines = texts(top_screen.screen(figures(50, 0, 1, 1), View(), 80, 24))
    assert "Calls 1 to 13 of 50" in lines
    assert "Queue No fax waits for a call." in lines


def test_arrows_move_within_what_there_is() -> None:
    view, seen = View(), figures(50)
    view.move(10**9)
    assert faxes(seen, view)[-1] == "50"
    view.move(-1)
    assert faxes(seen, view)[-1] == "49"
    view.move(-(10**9))
    assert faxes(seen, view)[0] == "1"
    assert view.scroll[CALLS] == 0
    # Calls that end take the rows away on which somebody stood.
    view.move(30)
    assert faxes(seen, view)[0] == "31"
    assert faxes(figures(5), view) == ["1", "2", "3", "4", "5"]


def test_rows_are_sorted_by_the_columns_in_turn_and_backwards() -> None:
    view, seen = View(), figures(3)
    seen.calls[0]["tenant"] = "zeta"
    assert faxes(seen, view) == ["1", "2", "3"]
    view.next_sort()
    view.reverse()
    assert faxes(seen, view) == ["3", "2", "1"]
    view.next_sort()
    assert faxes(seen, view) == ["2", "3", "1"]
    for _ in TABLES[CALLS].columns:
        view.next_sort()
    assert view.sort[CALLS] == 0
    assert style_of(top_screen.screen(seen, view, 80, 24), "FAX") is Style.FOCUS


def test_narrow_screens_lose_what_is_needed_least() -> None:
    wide = "\n".join(texts(top_screen.screen(figures(1), View(), 80, 24)))
    narrow = "\n".join(texts(top_screen.screen(figures(1), View(), 50, 24)))
    assert "NODE" in next(line for line in wide.splitlines() if "PAGES" in line)
    assert "NODE" not in next(line for line in narrow.splitlines() if "PAGES" in line)
    assert "1/3" in narrow


@pytest.mark.parametrize(
    ("more", "said", "style"),
    [
        ({}, "up", Style.GOOD),
        ({"enabled": False}, "off", Style.FAINT),
        ({"rests_seconds": 75}, "rests 1m15s", Style.BAD),
        ({"down_on": ["node2"]}, "down on node2", Style.BAD),
        ({"unregistered_on": "node2"}, "not registered on node2", Style.BAD),
        ({"is_tried": True}, "on trial", Style.WARNING),
        ({"max_calls": 2}, "full", Style.WARNING),
    ],
)
def test_what_a_trunk_does(more: dict[str, Any], said: str, style: Style) -> None:
    seen = Figures(datetime.now(UTC), [], [], [trunk("carrier", **more)], [node("node1")])
    assert style_of(top_screen.screen(seen, View(), 80, 24), said) is style


def test_a_node_that_is_silent_or_paused_and_a_queue_that_is_old_stand_out() -> None:
    machines = [node("a", silent=400.0), node("b", paused=True), node("c"), node("d", draining_since=datetime.now(UTC))]
    seen = Figures(datetime.now(UTC), [], [lane(1, oldest=5000.0)], [], machines)
    lines = top_screen.screen(seen, View(), 80, 24)
    assert style_of(lines, "silent 6m40s") is Style.BAD
    assert style_of(lines, "paused") is Style.WARNING
    assert style_of(lines, "drained") is Style.WARNING
    assert style_of(lines, "at work") is Style.GOOD
    assert style_of(lines, "1h23m") is Style.BAD


def test_old_figures_say_that_they_are_old() -> None:
    lines = texts(top_screen.screen(figures(1), View(trouble="PostgreSQL is out of reach."), 120, 24))
    assert lines[0].endswith("OLD: PostgreSQL is out of reach.")
    assert texts(top_screen.screen(figures(1), View(is_paused=True), 80, 24))[0].endswith("PAUSED")


def test_what_a_stranger_has_written_draws_nothing() -> None:
    seen = Figures(datetime.now(UTC), [], [], [trunk("carrier", last_failure="503 \x1b[2J\nNo")], [node("a")])
    assert any("503 ?[2J?No" in line for line in texts(top_screen.screen(seen, View(), 80, 24)))


def test_once_has_all_rows() -> None:
    lines = top_screen.everything(figures(50, 30, 9, 9))
    assert sum("+493099" in line for line in lines) == 50
    assert "Queue 30" in lines
    assert not any("quit" in line for line in lines)
