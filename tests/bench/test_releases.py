"""Releases on the bench: one is replaced by another while a fax runs, which keeps the old code to its end."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.switch import Switch
from tests.bench.test_whole_way import inbox, send
from tests.bench.whole import faxplan_on_bench, wait_for
from tests.releases import of_checkout, prefix_with_scripts, put_in_force, telling
from tests.world import World


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.txt"
    path.write_text("\f".join(f"Page {number} of four.\n" * 40 for number in range(1, 5)))
    return path


def ask(switch: Switch, command: str) -> str:
    return switch.api.execute("python", f"fax_queue::{command}")


def told_in(log: str, word: str) -> list[str]:
    """What releases changed by `telling` have logged."""
    lines = [line.partition("faxplan: ")[2] for line in log.splitlines() if f" {word}" in line and "faxplan: " in line]
    # Without what it is about.
    return [re.sub(r" \w+=\d.*", "", line) for line in lines]


def is_sent(world: World, fax_id: int) -> Callable[[], bool]:
    return lambda: world.fax(world.acme, fax_id)["state"] in ("sent", "failed")


def test_a_release_is_replaced_while_a_fax_runs(
    world: World, letter: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    prefix, scripts = prefix_with_scripts(tmp_path)
    put_in_force(of_checkout(prefix, "0.1.0", telling("0.1.0")))
    new = of_checkout(prefix, "0.1.1", telling("0.1.1"))
    broken = of_checkout(prefix, "0.1.2", {"faxplan/spool.py": ("import json\n", "import jsonn\n")})
    with faxplan_on_bench(world, monkeypatch, script_dir=scripts, time="real", speed=8) as switch:
        running = send(world, letter, world.borea.did)
        wait_for(lambda: len(switch.channels) == 2, "the call")
        assert ask(switch, "alive") == "+OK 0.1.0\n"
        put_in_force(broken)
        answer = ask(switch, "upgrade")
        assert answer.startswith("-ERR not-importable: release 0.1.2 cannot be taken: ModuleNotFoundError: No module")
        assert answer.endswith("jsonn'; 0.1.0 stays in force\n")
        assert ask(switch, "alive") == "+OK 0.1.0\n"
        put_in_force(new)
        assert ask(switch, "upgrade") == "+OK 0.1.1 is in force; its runtime has taken over from 0.1.0\n"
        assert len(switch.channels) == 2
        assert ask(switch, "alive") == "+OK 0.1.1\n"
        assert ask(switch, "releases") == "0.1.0 ending 2\n0.1.1 in-force 1\n"
        wait_for(is_sent(world, running), "the fax that ran")
        wait_for(lambda: len(inbox(world, world.borea)) == 1, "the fax to lie in the mailbox")
        later = send(world, letter, world.borea.did)
        wait_for(is_sent(world, later), "the next fax")
        wait_for(lambda: len(inbox(world, world.borea)) == 2, "the next fax to lie in the mailbox")
        assert ask(switch, "releases") == "0.1.0 ending 0\n0.1.1 in-force 1\n"
        assert switch.complaints == []
    log = "\n".join(text.strip() for _, text in switch.console)
    for fax_id in (running, later):
        fax = world.fax(world.acme, fax_id)
        assert (fax["state"], fax["pages_done"]) == ("sent", 4)
    assert [attempt["outcome"] for attempt in world.attempts(world.acme, running)] == ["sent"]
    # Drawn in processes of the release's own Python.
    for entry in inbox(world, world.borea):
        received = world.fax(world.borea, entry.fax_id)
        assert None not in [received[column] for column in ("tiff_id", "pdf_id", "images_id", "thumbnail_id")]
    assert told_in(log, "settles") == [
        "0.1.0 settles, faxplan_release_0_1_0.faxplan.post_dial",
        "0.1.1 settles, faxplan_release_0_1_1.faxplan.post_dial",
    ]
    assert told_in(log, "delivers") == ["0.1.0 delivers", "0.1.1 delivers"]
