"""The spool of one node takes no files: it dials nothing, and takes no fax from the nodes that are well."""

import errno
import shutil
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from faxplan import spool_watch
from faxplan.spool import OutboundSidecar, Spool
from tests.faxes import claim, due_now, queued
from tests.runtime import SENT, Runtime
from tests.world import World


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture
def runtime(world: World, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    monkeypatch.setattr(spool_watch, "AGAIN_SECONDS", 0.0)
    made = Runtime(world, monkeypatch)
    made.switch.on_originate = lambda call: made.switch.ends(call, SENT)
    return made


def for_seconds(runtime: Runtime, seconds: float, until: Callable[[], bool] = lambda: False) -> Callable[[], bool]:
    end = runtime.switch.clock.monotonic() + seconds
    return lambda: until() or runtime.switch.clock.monotonic() > end


def test_without_room_nothing_is_claimed_and_another_node_has_it(
    world: World, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    fax_id = queued(world, world.acme)
    with monkeypatch.context() as full:
        full.setattr(shutil, "disk_usage", lambda _path: Usage(1 << 30, 1 << 30, 4096))
        runtime.run(for_seconds(runtime, 60))
    assert world.attempts(world.acme, fax_id) == []
    (told,) = [line for line in runtime.switch.logged if "other nodes dial" in line]
    assert "has less than 8 MB of room" in told
    assert len(claim(world, node="two")) == 1


def test_a_file_system_that_counts_no_room_is_not_full(
    world: World, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ramfs, and a tmpfs without a limit (size=0)."""
    fax_id = queued(world, world.acme)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(0, 0, 0))
    runtime.run(for_seconds(runtime, 60, runtime.final(world.acme, fax_id)))
    assert world.fax(world.acme, fax_id)["state"] == "sent"


def test_a_disk_that_fails_costs_one_try_and_no_more(
    world: World, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read-only, say, or broken: there is room."""
    first, later, breaks = queued(world, world.acme), list[int](), [True]
    stage, tries = Spool.stage, spool_watch.SpoolWatch._try

    def broken(does: Callable[..., Any]) -> Callable[..., Any]:
        def fails(*arguments: Any) -> Any:
            if breaks[0]:
                raise OSError(errno.EROFS, "Read-only file system")
            return does(*arguments)

        return fails

    monkeypatch.setattr(Spool, "stage", broken(stage))
    monkeypatch.setattr(spool_watch.SpoolWatch, "_try", broken(tries))
    began = runtime.switch.clock.monotonic()

    def all_sent() -> bool:
        due_now(world)
        if not later and runtime.settled(world.acme, first)():
            later.append(queued(world, world.acme))
        if runtime.switch.clock.monotonic() - began > 60 and breaks[0]:
            assert world.attempts(world.acme, later[0]) == []
            assert len(world.attempts(world.acme, first)) == 1
            breaks[0] = False
        return bool(later) and runtime.final(world.acme, first, later[0])()

    runtime.run(for_seconds(runtime, 120, all_sent))
    assert [world.fax(world.acme, each)["state"] for each in (first, *later)] == ["sent", "sent"]
    assert any("cannot be written (Read-only file system)" in line for line in runtime.switch.logged)
    assert any("takes files again" in line for line in runtime.switch.logged)
    assert not list(world.spool.outbound.glob(".*"))


def test_what_is_wrong_with_one_fax_keeps_no_other_waiting(
    world: World, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, stage = queued(world, world.acme), Spool.stage

    def fails(self: Spool, sidecar: OutboundSidecar) -> None:
        if sidecar.fax_id == bad:
            raise OSError(errno.EIO, "Input/output error")
        stage(self, sidecar)

    monkeypatch.setattr(Spool, "stage", fails)
    good = queued(world, world.acme)
    runtime.run(for_seconds(runtime, 60, runtime.final(world.acme, good)))
    assert world.fax(world.acme, good)["state"] == "sent"
