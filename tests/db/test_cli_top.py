"""`faxplan top`, in a pseudo-terminal and in a pipe."""

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from faxplan import cli, cli_top, live_figures, nodes, top_screen
from faxplan.config import to_toml
from faxplan.db import Database
from faxplan.live_figures import Figures
from tests.faxes import claim, queued
from tests.world import World

INTERRUPTIBLE = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
"""Also where these tests run in the background of a shell, which has Ctrl-C ignored."""


@pytest.fixture
def shop(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """With two calls and something that waits."""
    file = tmp_path / "faxplan.toml"
    file.write_text(to_toml({name: getattr(world.settings, name) for name in ("database_url", "state_dir")}))
    monkeypatch.setenv("FAXPLAN_CONFIG", str(file))
    for number in range(2):
        queued(world, world.acme, number=f"+49309900123{number}")
    claim(world)
    queued(world, world.borea, due_in=3600)
    with world.switch.across_tenants() as tx:
        nodes.report(tx, "node1", switch_uuid="switch-1", max_channels=30)
    return world


def test_once_and_json_have_what_there_is(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["top"]) == 0
    said = capsys.readouterr().out
    assert "2 of 30 calls, 1 wait, 0 due" in said
    assert "+493099001231" in said
    assert "\x1b" not in said
    assert cli.main(["top", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["tenant"] for row in told["queue"]] == ["borea"]
    assert len(told["calls"]) == 2


def test_lanes_say_through_which_trunks_and_since_when(shop: World) -> None:
    for due_in in (-5, -100, -2000):
        queued(shop, shop.acme, due_in=due_in)
    queued(shop, shop.acme, number=shop.borea.did)
    with shop.admin.across_tenants() as tx:
        tx.execute("update trunks set enabled = false")
    queued(shop, shop.acme, number="+493099001239", priority=1000)
    with shop.admin.across_tenants() as tx:
        found = {(row["tenant"], row["trunks"], row["priority"]): row for row in live_figures.lanes(tx)}
    row = found["acme", "carrier", 100]
    assert (row["faxes"], row["due"], row["minute"], row["quarter"]) == (3, 3, 1, 2)
    assert 2000 <= row["oldest"] < 2100
    assert found["borea", "carrier", 100]["due"] == 0
    assert 3500 < found["borea", "carrier", 100]["next_in"] <= 3600
    assert ("acme", "trunks off", 1000) in found
    assert any("within" in trunks for _, trunks, _ in found)


def test_whatever_keeps_it_from_looking_is_told(shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A column that an upgrade has taken away, say: the thread that looks must not end without a word."""
    first = live_figures.look(shop.admin)

    def broken(_admin: Database) -> Figures:
        raise ValueError("no column\n\x1b[2J")

    monkeypatch.setattr(live_figures, "look", broken)
    watcher = cli_top.Watcher(shop.admin, first, 0.01)
    try:
        deadline = time.monotonic() + 20
        while not watcher.trouble and time.monotonic() < deadline:
            time.sleep(0.01)
        assert watcher._thread.is_alive()
        shown = top_screen.screen(first, top_screen.View(trouble=watcher.trouble), 120, 10)
        assert shown[0][-1][0] == "  OLD: ValueError: no column??[2J"
    finally:
        watcher.stop()


COLOUR = re.compile("\x1b\\[3[0-7]m")


class Terminal:
    """A pseudo-terminal with `faxplan top` in it."""

    def __init__(self, columns: int, lines: int, **environment: str) -> None:
        self.master, slave = pty.openpty()
        self.resize(columns, lines)
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                INTERRUPTIBLE + "from faxplan import cli; sys.exit(cli.main())",
                "top",
            ],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color", "LINES": "24", "COLUMNS": "80", **environment},
        )
        self.shown = ""

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def until(self, text: str, seconds: float = 60) -> str:
        """What was written since the last time, up to a text."""
        deadline = time.monotonic() + seconds
        while text not in self.shown:
            assert time.monotonic() < deadline, (text, self.shown)
            if select.select([self.master], [], [], 0.2)[0]:
                # EIO: it has ended, and nobody holds the terminal.
                with contextlib.suppress(OSError):
                    self.shown += os.read(self.master, 65536).decode()
        found, self.shown = self.shown, ""
        return found

    def type(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def terminal(shop: World, request: pytest.FixtureRequest) -> Iterator[Terminal]:
    made = Terminal(80, 24, **getattr(request, "param", {"NO_COLOR": ""}))
    yield made
    made.close()


def test_it_is_drawn_obeys_keys_follows_the_size_and_leaves_the_terminal_as_it_was(terminal: Terminal) -> None:
    drawn = terminal.until("? help")
    assert "+493099001230" in drawn
    assert "\x1b[?1049h" in drawn
    assert COLOUR.search(drawn)
    terminal.type("?")
    terminal.until("Shift-Tab")
    terminal.type("?p")
    terminal.until("PAUSED")
    terminal.resize(40, 12)
    os.kill(terminal.process.pid, signal.SIGWINCH)
    terminal.until("q quit")
    terminal.type("q")
    assert "\x1b[?1049l" in terminal.until("\x1b[?1049l")
    assert terminal.process.wait(30) == 0
    assert termios.tcgetattr(terminal.slave) == terminal.before


@pytest.mark.parametrize("terminal", [{"NO_COLOR": "1"}], indirect=True)
def test_without_colour_where_nobody_wants_any(terminal: Terminal) -> None:
    drawn = terminal.until("? help")
    assert not COLOUR.search(drawn)
    os.kill(terminal.process.pid, signal.SIGINT)
    terminal.process.wait(30)
    assert termios.tcgetattr(terminal.slave) == terminal.before


@pytest.mark.parametrize("terminal", [{"TERM": "no-such-terminal"}], indirect=True)
def test_a_terminal_that_nobody_knows_is_said_so(terminal: Terminal) -> None:
    said = terminal.until("`faxplan top --once` needs none.")
    assert "TERM='no-such-terminal'" in said
    assert terminal.process.wait(30) == 1
