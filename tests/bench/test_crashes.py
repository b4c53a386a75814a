"""Crashes: kill -9 of switch and worker, PostgreSQL away.

Every fax ends in a final state; no recorded page goes out again.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from faxplan import outbound, postgres
from faxplan.outbound import SendRequest
from tests.bench.switch_process import SwitchProcess
from tests.bench.whole import ROOT, faxplan_on_bench, wait_for, write_settings
from tests.world import World


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.txt"
    path.write_text("\f".join(f"Page {number} of five.\n" + "abcdefghij" * 200 for number in range(1, 6)))
    return path


@pytest.fixture
def switch(world: World, tmp_path: Path) -> Iterator[SwitchProcess]:
    running = SwitchProcess(world, tmp_path)
    yield running
    if running.process.poll() is None:
        running.stop()


def pages_recorded(world: World) -> int:
    with world.switch.across_tenants() as tx:
        return int(tx.value("select coalesce(min(pages), 0) from calls"))


def due_now(world: World) -> None:
    with world.switch.across_tenants() as tx:
        tx.execute("update fax_queue set not_before = now()")
        tx.notify("faxplan_queue")


def submit(world: World, letter: Path) -> int:
    request = SendRequest(world.borea.did, letter, letter.name)
    return outbound.submit(world.portal, world.store, world.acme.user, request).fax_id


def test_a_switch_killed_in_mid_call_resumes_after_the_last_recorded_page(
    world: World, switch: SwitchProcess, letter: Path
) -> None:
    fax_id = submit(world, letter)
    world.render_all()
    wait_for(lambda: pages_recorded(world) >= 2, "two pages on both sides")
    switch.kill9()
    recorded = pages_recorded(world)
    switch.start()
    wait_for(lambda: world.fax(world.acme, fax_id)["state"] == "queued", "the call to be given up")
    assert world.fax(world.acme, fax_id)["pages_done"] >= recorded
    due_now(world)
    wait_for(lambda: world.fax(world.acme, fax_id)["state"] == "sent", "the rest to be sent")
    first, second = world.attempts(world.acme, fax_id)
    assert (first["outcome"], second["outcome"]) == ("unknown", "sent")
    assert second["start_page"] == first["pages"]
    assert first["pages"] + second["pages"] == 5
    # The receiving side of the killed switch kept what had arrived.
    wait_for(lambda: _received(world) == ["partial", "received"], "both received faxes to be delivered")


def _received(world: World) -> list[str]:
    with world.portal.tenant(world.borea.tenant.id) as tx:
        return [row["state"] for row in tx.rows("select state from faxes where direction = 'inbound' order by state")]


@contextmanager
def worker_process(world: World) -> Iterator[subprocess.Popen[bytes]]:
    environment = {**os.environ, "FAXPLAN_CONFIG": str(write_settings(world))}
    process = subprocess.Popen([sys.executable, "-m", "faxplan.cli", "worker"], cwd=ROOT, env=environment)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def test_a_worker_killed_in_mid_rendering_loses_nothing(world: World, tmp_path: Path) -> None:
    long = tmp_path / "long.txt"
    long.write_text("\f".join("abcdefghij " * 300 for _ in range(60)))
    fax_id = submit(world, long)
    with worker_process(world) as first:
        wait_for(lambda: _jobs_in_hand(world) == 1, "the worker to take the job")
        first.kill()
        first.wait()
    assert world.fax(world.acme, fax_id)["state"] == "accepted"
    with worker_process(world) as second:
        wait_for(lambda: world.fax(world.acme, fax_id)["state"] == "queued", "another worker to render it", 120)
    assert second.returncode == 0
    assert _jobs_in_hand(world) == 0


def _jobs_in_hand(world: World) -> int:
    with world.worker.across_tenants() as tx:
        return int(tx.value("select count(*) from render_jobs where worker is not null"))


def test_postgresql_stopped_while_a_fax_succeeds(
    own_world: tuple[World, postgres.Cluster], letter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, cluster = own_world
    with faxplan_on_bench(world, monkeypatch, time="real", speed=8) as switch:
        fax_id = submit(world, letter)
        world.render_all()
        wait_for(lambda: pages_recorded(world) >= 1, "a page on both sides")
        cluster.kill9()
        assert switch.wait_idle(120)
        assert list(world.settings.journal.iterdir()), "the outcome waits in the journal"
        assert list(world.settings.pending.iterdir()), "the received fax waits in pending/"
        postgres.start(cluster.data_dir)
        wait_for(lambda: _state(world, fax_id) == "sent", "the outcome to be settled")
        wait_for(lambda: _received(world) == ["received"], "the received fax to be delivered")
    assert len(world.attempts(world.acme, fax_id)) == 1
    assert not list(world.settings.journal.iterdir())
    assert not list(world.settings.pending.iterdir())


def _state(world: World, fax_id: int) -> object:
    try:
        return world.fax(world.acme, fax_id)["state"]
    except Exception:  # noqa: BLE001 - PostgreSQL is still starting
        time.sleep(0.1)
        return None
