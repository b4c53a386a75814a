"""The screen of `faxplan top`, as lines of text with their styles: what is drawn, and nothing of how.

Four tables. One of them is in focus: it has the room that the others leave, and keys move in it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from faxplan import history
from faxplan.db import Row
from faxplan.live_figures import Figures
from faxplan.overview import LATE_SECONDS, LONG_QUEUED_SECONDS
from faxplan.priorities import Priority


class Style(Enum):
    """How text is shown; without colour it says the same."""

    PLAIN = "plain"
    TITLE = "title"
    FOCUS = "focus"
    FAINT = "faint"
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


Line = list[tuple[str, Style]]
_GAP = 2
_LEAST_ROWS = 3
"""Of a table that is not in focus, where there is room for no more."""
_WIDEST = 24


@dataclass(frozen=True, slots=True)
class Column:
    """need: the columns with the highest go first where the screen is narrow. style: of a row's cell."""

    heading: str
    text: Callable[[Row], str]
    order: Callable[[Row], Any]
    right: bool = False
    need: int = 0
    style: Callable[[Row], Style] = lambda _row: Style.PLAIN


def ago(seconds: float) -> str:
    """Short: `42s`, `3m20s`, `2h05m`, `4d`."""
    whole = max(int(seconds), 0)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02}m" if whole < 2 * 86400 else f"{whole // 86400}d"


def _pages(row: Row) -> str:
    return str(row["pages"]) if row["of_pages"] is None else f"{row['done']}/{row['of_pages']}"


def _priority(row: Row) -> str:
    return next((each.word for each in Priority if each == row["priority"]), str(row["priority"]))


def _trunk_state(row: Row) -> tuple[str, Style]:
    if not row["enabled"]:
        return "off", Style.FAINT
    if row["rests_seconds"]:
        return f"rests {ago(row['rests_seconds'])}", Style.BAD
    if nodes := row["unregistered_on"] or ", ".join(row["down_on"]):
        return f"{'not registered' if row['unregistered_on'] else 'down'} on {nodes}", Style.BAD
    if row["is_tried"]:
        return "on trial", Style.WARNING
    if row["max_calls"] and row["calls"] >= row["max_calls"]:
        return "full", Style.WARNING
    return "up", Style.GOOD


def _node_state(row: Row) -> tuple[str, Style]:
    if row["stopped"]:
        return "stopped", Style.BAD
    if row["silent"] > LATE_SECONDS:
        return f"silent {ago(row['silent'])}", Style.BAD
    if row["draining_since"] is not None:
        return "drained", Style.WARNING
    return ("paused", Style.WARNING) if row["paused"] else ("at work", Style.GOOD)


def _plain(name: str, key: str, **more: Any) -> Column:
    return Column(name, lambda row: str(row[key] if row[key] is not None else "-"), lambda row: row[key] or "", **more)


def _number(name: str, key: str, **more: Any) -> Column:
    return Column(name, lambda row: str(row[key]), lambda row: row[key], right=True, **more)


def _of(calls: str, most: str) -> Column:
    def text(row: Row) -> str:
        return f"{row[calls]}/{row[most]}" if row[most] is not None else str(row[calls])

    return Column("CALLS", text, lambda row: row[calls], right=True)


def _late(row: Row) -> Style:
    return Style.BAD if row["oldest"] > LONG_QUEUED_SECONDS else Style.PLAIN


@dataclass(frozen=True, slots=True)
class Table:
    """rows: of the figures, in an order of their own."""

    title: str
    rows: Callable[[Figures], list[Row]]
    columns: tuple[Column, ...]
    empty: str


TABLES = (
    Table("Nodes", lambda figures: figures.machines, (
        _plain("NODE", "name"),
        Column("STATE", lambda row: _node_state(row)[0], lambda row: _node_state(row)[0],
               style=lambda row: _node_state(row)[1]),
        _of("calls", "max_channels"),
        Column("REPORTED", lambda row: f"{ago(row['silent'])} ago", lambda row: row["silent"], right=True, need=1),
    ), "No switch has reported yet."),
    Table("Trunks", lambda figures: figures.trunks, (
        _plain("TRUNK", "name"),
        Column("STATE", lambda row: _trunk_state(row)[0], lambda row: _trunk_state(row)[0],
               style=lambda row: _trunk_state(row)[1]),
        _of("calls", "max_calls"),
        _number("FAILED", "failures", need=1),
        _plain("LAST FAILURE", "last_failure", need=2),
    ), "There is no trunk yet."),
    Table("Queue", lambda figures: figures.queue, (
        _plain("TENANT", "tenant"),
        Column("PRIORITY", _priority, lambda row: row["priority"], need=1),
        _plain("THROUGH", "trunks", need=2),
        _number("FAXES", "faxes"),
        _number("DUE", "due"),
        Column("<1 MIN", lambda row: str(row["minute"]), lambda row: row["minute"], right=True, need=3),
        Column("<15 MIN", lambda row: str(row["quarter"]), lambda row: row["quarter"], right=True, need=3),
        Column("OLDEST", lambda row: ago(row["oldest"]) if row["due"] else f"in {ago(row['next_in'])}",
               lambda row: row["oldest"] - row["next_in"], right=True, style=_late),
    ), "No fax waits for a call."),
    Table("Calls", lambda figures: figures.calls, (
        _number("FAX", "fax_id"),
        _plain("TENANT", "tenant"),
        Column("WAY", lambda row: "out" if row["direction"] == history.SENT else "in", lambda row: row["direction"]),
        _plain("TRUNK", "trunk", need=1),
        _plain("NUMBER", "destination", need=2),
        Column("PAGES", _pages, lambda row: row["done"] or 0, right=True),
        Column("FOR", lambda row: ago(row["seconds"]), lambda row: row["seconds"], right=True),
        _plain("NODE", "node", need=3),
    ), "No call runs."),
)  # fmt: skip
CALLS = len(TABLES) - 1


@dataclass(slots=True)
class View:
    """What whoever looks has chosen. sort: the column of each table, None: as it comes. trouble: why what is shown is
    old; empty: it is not."""

    focus: int = CALLS
    sort: list[int | None] = field(default_factory=lambda: [None] * len(TABLES))
    backwards: list[bool] = field(default_factory=lambda: [False] * len(TABLES))
    scroll: list[int] = field(default_factory=lambda: [0] * len(TABLES))
    is_paused: bool = False
    has_help: bool = False
    trouble: str = ""

    def next_sort(self) -> None:
        """The next column of the table in focus, and behind the last one as it comes."""
        now = self.sort[self.focus]
        following = 0 if now is None else now + 1
        self.sort[self.focus] = following if following < len(TABLES[self.focus].columns) else None
        self.backwards[self.focus] = False

    def reverse(self) -> None:
        """The other way round."""
        self.backwards[self.focus] = not self.backwards[self.focus]

    def move(self, rows: int) -> None:
        """Down by so many rows; the screen keeps it within what there is."""
        self.scroll[self.focus] += rows


def screen(figures: Figures | None, view: View, width: int, height: int) -> list[Line]:
    """As many lines as the terminal has, or fewer, none of them wider."""
    body = _help() if view.has_help else _tables(figures, view, width, height - 2) if figures is not None else []
    lines = [_first(figures, view), *body]
    lines = lines[: max(height - 1, 1)]
    lines += [[] for _ in range(height - 1 - len(lines))]
    if height > 1:
        lines.append([(_KEYS, Style.FAINT)])
    return [_cut(line, width) for line in lines]


def everything(figures: Figures) -> list[str]:
    """All rows of all tables, for a pipe."""
    lines: list[Line] = [_first(figures, View())]
    for place in range(len(TABLES)):
        lines += [[], *_table(place, _sorted(figures, View(), place), View(), width=1000, most=None)]
    return ["".join(text for text, _ in line).rstrip() for line in lines]


_KEYS = "q quit  p pause  Tab next table  s sort  r reverse  arrows move  ? help"


def _help() -> list[Line]:
    said = (
        ("q, Ctrl-C", "leave"),
        ("p, space", "pause, and go on"),
        ("Tab, Shift-Tab", "the next table, and the one before: it gets the room"),
        ("left, right", "the same"),
        ("up, down, j, k", "move in it; PgUp, PgDn, Home, End: further"),
        ("s", "sort it by the next column; behind the last: as it comes"),
        ("r", "sort it the other way round"),
        ("+, -", "look less and more often"),
        ("?, h", "this, and back"),
    )
    return [[], *([(f"  {keys:<16}", Style.TITLE), (what, Style.PLAIN)] for keys, what in said)]


def _first(figures: Figures | None, view: View) -> Line:
    if figures is None:
        return [
            ("faxplan top  ", Style.TITLE),
            (_shown(view.trouble) or "looking ...", Style.BAD if view.trouble else Style.FAINT),
        ]
    most = sum(row["max_channels"] for row in figures.machines)
    due = sum(row["due"] for row in figures.queue)
    oldest = max((row["oldest"] for row in figures.queue if row["due"]), default=0.0)
    said = f"{figures.at.astimezone():%H:%M:%S}  {len(figures.calls)} of {most} calls, "
    said += f"{sum(row['faxes'] for row in figures.queue)} wait, {due} due"
    line: Line = [("faxplan top  ", Style.TITLE), (said, Style.PLAIN)]
    if due:
        line.append((f", oldest {ago(oldest)}", Style.BAD if oldest > LONG_QUEUED_SECONDS else Style.PLAIN))
    if view.trouble:
        line.append((f"  OLD: {_shown(view.trouble)}", Style.BAD))
    elif view.is_paused:
        line.append(("  PAUSED", Style.WARNING))
    return line


def _tables(figures: Figures, view: View, width: int, height: int) -> list[Line]:
    rows = [_sorted(figures, view, place) for place in range(len(TABLES))]
    room = _share([len(each) for each in rows], view.focus, height)
    parts: list[list[Line]] = []
    for place, most in enumerate(room):
        if most is not None:
            view.scroll[place] = min(max(view.scroll[place], 0), max(len(rows[place]) - most, 0))
            parts.append(_table(place, rows[place], view, width, most))
    # Apart from each other, where that costs no row.
    apart: list[Line] = [[]] if sum(map(len, parts)) + len(parts) <= height else []
    return [line for part in parts for line in (*apart, *part)]


def _share(rows: Sequence[int], focus: int, height: int) -> list[int | None]:
    """How many rows each table shows, beside its two lines of headings; one without rows is one line. None: it is not
    shown at all."""
    room: list[int | None] = [None] * len(rows)
    left = height
    for place in (focus, *(each for each in range(len(rows)) if each != focus)):
        headings = 2 if rows[place] else 1
        if left < headings + bool(rows[place]):
            continue
        room[place] = given = min(rows[place], _LEAST_ROWS, left - headings)
        left -= headings + given
    for place in (focus, *range(len(rows))):
        if (shown := room[place]) is not None:
            more = min(rows[place] - shown, left)
            room[place] = shown + more
            left -= more
    return room


def _sorted(figures: Figures, view: View, place: int) -> list[Row]:
    rows, by = list(TABLES[place].rows(figures)), view.sort[place]
    if by is not None:
        rows.sort(key=TABLES[place].columns[by].order)
    return rows[::-1] if view.backwards[place] else rows


def _table(place: int, rows: list[Row], view: View, width: int, most: int | None) -> list[Line]:
    table, scroll = TABLES[place], view.scroll[place]
    shown = rows[scroll : None if most is None else scroll + most]
    hidden = f" {scroll + 1} to {scroll + len(shown)} of {len(rows)}" if len(shown) < len(rows) else f" {len(rows)}"
    title: Line = [(table.title, Style.FOCUS if place == view.focus and most is not None else Style.TITLE)]
    title.append((hidden if rows else f" {table.empty}", Style.FAINT))
    if not rows:
        return [title]
    columns = _fitting(table.columns, shown, width)
    widths = [_width(each, shown) for each in columns]
    if not columns[-1].right:
        longest = max([len(columns[-1].heading), *(len(columns[-1].text(row)) for row in shown)])
        widths[-1] = max(min(longest, width - sum(widths[:-1]) - _GAP * (len(widths) - 1)), 1)
    by = view.sort[place]
    headings: Line = []
    for column, wide in zip(columns, widths, strict=True):
        is_by = by is not None and table.columns[by] is column
        headings.append((_cell(column.heading, wide, column.right), Style.FOCUS if is_by else Style.FAINT))
        headings.append((" " * _GAP, Style.PLAIN))
    lines = [title, headings]
    for row in shown:
        line: Line = []
        for column, wide in zip(columns, widths, strict=True):
            line += [(_cell(column.text(row), wide, column.right), column.style(row)), (" " * _GAP, Style.PLAIN)]
        lines.append(line)
    return lines


def _fitting(columns: Sequence[Column], rows: Sequence[Row], width: int) -> list[Column]:
    """Without those that are needed least, where all of them would be too wide."""
    kept = list(columns)
    while len(kept) > 1 and sum(_width(each, rows) + _GAP for each in kept) - _GAP > width:
        least = max(each.need for each in kept)
        if least == 0:
            break
        kept.remove(next(each for each in reversed(kept) if each.need == least))
    return kept


def _width(column: Column, rows: Sequence[Row]) -> int:
    return min(max([len(column.heading), *(len(column.text(row)) for row in rows)]), _WIDEST)


def _cell(text: str, width: int, right: bool) -> str:
    text = _shown(text)
    if len(text) > width:
        text = f"{text[: width - 1]}~"
    return text.rjust(width) if right else text.ljust(width)


def _shown(text: str) -> str:
    """Strangers' text, and PostgreSQL's: nothing in it moves the cursor."""
    return "".join(each if each.isprintable() else "?" for each in text)


def _cut(line: Line, width: int) -> Line:
    cut: Line = []
    for text, style in line:
        if width <= 0:
            break
        cut.append((text[:width], style))
        width -= len(text)
    return cut
