"""`faxplan top`: what runs now, in a terminal, looked at again every other second; or once, for a pipe.

Standard curses: it works over ssh and in any terminal that terminfo knows, and follows its size.
"""

import argparse
import curses
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from faxplan import cli_output, live_figures, top_screen
from faxplan.db import Database
from faxplan.errors import DatabaseUnavailable, FaxplanError
from faxplan.live_figures import Figures
from faxplan.top_screen import Line, Style, View

if TYPE_CHECKING:
    from faxplan.cli import Context

USUAL_SECONDS = 2.0
_SHORTEST_SECONDS, _LONGEST_SECONDS = 0.5, 60.0
_DRAW_MS = 200
"""So late does a key, another size or what was looked at show."""
_SHARE = 5
"""Of the time, at most one part in so many is spent looking: a database that is slow is asked less often."""


class NoTerminal(FaxplanError):
    """There is no terminal to draw in."""

    error_id = "no-terminal"


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Enters this command into the parser."""
    watching = commands.add_parser(
        "top", parents=[common], help="calls, queue, trunks and nodes, live in the terminal; ? there lists its keys"
    )
    watching.add_argument("--once", action="store_true", help="print all of it once; also where the output is a pipe")
    watching.add_argument(
        "--interval", type=cli_output.above_zero, default=USUAL_SECONDS, metavar="SECONDS",
        help="between two looks (default: 2)",
    )  # fmt: skip
    watching.set_defaults(command=_top)


def _top(context: "Context", options: argparse.Namespace) -> int:
    if options.json:
        cli_output.print_json(live_figures.look(context.admin))
        return 0
    if options.once or not sys.stdout.isatty():
        print("\n".join(top_screen.everything(live_figures.look(context.admin))))
        return 0
    if not sys.stdin.isatty():
        raise NoTerminal("Keys cannot be read: the input is no terminal. `faxplan top --once` prints it once.")
    # At once, and not on the screen, if there is no database, or nobody may ask it.
    first = live_figures.look(context.admin)
    watcher = Watcher(context.admin, first, min(max(options.interval, _SHORTEST_SECONDS), _LONGEST_SECONDS))
    os.environ.setdefault("ESCDELAY", "25")
    for name in ("LINES", "COLUMNS"):
        # Curses would believe them for ever, whatever size the terminal takes.
        os.environ.pop(name, None)
    try:
        with _terminal() as window:
            _watch(window, watcher)
    except curses.error as error:
        term = os.environ.get("TERM", "")
        raise NoTerminal(
            f"This terminal (TERM={term!r}) cannot be drawn in ({error}). Set TERM to what it is, such as xterm; "
            "`faxplan top --once` needs none."
        ) from error
    finally:
        watcher.stop()
    return 0


class Watcher:
    """Looks again and again, in a thread: a database that does not answer keeps no key waiting."""

    def __init__(self, admin: Database, first: Figures, interval: float) -> None:
        self.figures = first
        self.trouble = ""
        self.interval = interval
        self._admin = admin
        self._ends = threading.Event()
        self._may = threading.Event()
        self._may.set()
        self._thread = threading.Thread(target=self._look, name="looking", daemon=True)
        self._thread.start()

    def pause(self, is_paused: bool) -> None:
        """Whether what is shown stays as it is."""
        if is_paused:
            self._may.clear()
        else:
            self._may.set()

    def stop(self) -> None:
        """Looks no more."""
        self._ends.set()
        self._may.set()
        self._thread.join(timeout=_SHORTEST_SECONDS)

    def _look(self) -> None:
        took = 0.0
        while not self._ends.wait(max(self.interval, _SHARE * took)):
            self._may.wait()
            if self._ends.is_set():
                return
            began = time.monotonic()
            try:
                self.figures, self.trouble = live_figures.look(self._admin), ""
            except DatabaseUnavailable as error:
                self.trouble = str(error)
            except Exception as error:  # noqa: BLE001 - else this thread ends, and what is shown looks as new as ever
                self.trouble = f"{type(error).__name__}: {error}"
            took = time.monotonic() - began


@contextmanager
def _terminal() -> "Iterator[curses.window]":
    """The terminal as a window, and as it was again afterwards. Not curses.wrapper: that takes colours in any case.

    Raises curses.error.
    """
    window = curses.initscr()
    try:
        curses.noecho()
        curses.cbreak()
        window.keypad(True)
        yield window
    finally:
        window.keypad(False)
        curses.nocbreak()
        curses.echo()
        curses.endwin()


def _watch(window: "curses.window", watcher: Watcher) -> None:
    window.timeout(_DRAW_MS)
    with suppress(curses.error):  # of a terminal that cannot hide it
        curses.curs_set(0)
    styles = _styles()
    view = View()
    while True:
        view.trouble = watcher.trouble
        _draw(window, watcher.figures, view, styles)
        if not _obey(window.getch(), window, view, watcher):
            return


def _styles() -> dict[Style, int]:
    styles = {
        Style.PLAIN: curses.A_NORMAL, Style.TITLE: curses.A_BOLD, Style.FOCUS: curses.A_REVERSE | curses.A_BOLD,
        Style.FAINT: curses.A_NORMAL, Style.GOOD: curses.A_NORMAL, Style.WARNING: curses.A_BOLD,
        Style.BAD: curses.A_BOLD,
    }  # fmt: skip
    # https://no-color.org: present and not empty.
    if os.environ.get("NO_COLOR"):
        return styles
    curses.start_color()
    if not curses.has_colors():
        return styles
    curses.use_default_colors()
    shown = {Style.FAINT: curses.COLOR_CYAN, Style.GOOD: curses.COLOR_GREEN, Style.WARNING: curses.COLOR_YELLOW,
             Style.BAD: curses.COLOR_RED}  # fmt: skip
    for pair, (style, colour) in enumerate(shown.items(), start=1):
        curses.init_pair(pair, colour, -1)
        styles[style] |= curses.color_pair(pair)
    return styles


def _draw(window: "curses.window", figures: Figures, view: View, styles: dict[Style, int]) -> None:
    height, width = window.getmaxyx()
    window.erase()
    for number, line in enumerate(top_screen.screen(figures, view, width, height)):
        _draw_line(window, number, line, styles)
    window.refresh()


def _draw_line(window: "curses.window", number: int, line: Line, styles: dict[Style, int]) -> None:
    column = 0
    for text, style in line:
        try:
            window.addstr(number, column, text, styles[style])
        except curses.error:
            # The last cell of the last line, which curses draws and complains of; or a size that has just changed.
            return
        column += len(text)


def _obey(key: int, window: "curses.window", view: View, watcher: Watcher) -> bool:
    """False: it is to end. Keys that mean nothing do nothing."""
    page = max(window.getmaxyx()[0] - 8, 1)
    moves = {
        curses.KEY_UP: -1, ord("k"): -1, curses.KEY_DOWN: 1, ord("j"): 1, curses.KEY_PPAGE: -page,
        curses.KEY_NPAGE: page, curses.KEY_HOME: -(10**9), curses.KEY_END: 10**9,
    }  # fmt: skip
    tables = {ord("\t"): 1, curses.KEY_RIGHT: 1, curses.KEY_BTAB: -1, curses.KEY_LEFT: -1}
    if key == ord("q"):
        return False
    if key in moves:
        view.move(moves[key])
    elif key in tables:
        view.focus = (view.focus + tables[key]) % len(top_screen.TABLES)
    elif key == ord("s"):
        view.next_sort()
    elif key == ord("r"):
        view.reverse()
    elif key in (ord("p"), ord(" ")):
        view.is_paused = not view.is_paused
        watcher.pause(view.is_paused)
    elif key in (ord("?"), ord("h")):
        view.has_help = not view.has_help
    elif key in (ord("+"), ord("-")):
        faster = watcher.interval * (2 if key == ord("+") else 0.5)
        watcher.interval = min(max(faster, _SHORTEST_SECONDS), _LONGEST_SECONDS)
    return True
