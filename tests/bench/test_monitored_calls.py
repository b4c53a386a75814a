"""What monitoring is told of real calls, and by the worker as systemd starts it."""

import sys
import urllib.request
from pathlib import Path

import pytest

from faxplan.config import to_toml
from faxplan.free_ports import free_tcp_port
from faxplan.home import PROJECT
from faxplan.processes import Child
from tests.bench.test_whole_way import inbox, letter, send
from tests.bench.whole import faxplan_on_bench, wait_for
from tests.db.test_monitoring import read
from tests.world import World

__all__ = ["letter"]


def scraped(port: int) -> dict[tuple[str, ...], float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        return read(answer.read().decode())


def answers(port: int) -> bool:
    try:
        return bool(scraped(port))
    except OSError:
        return False


def test_a_call_is_told_by_the_worker_of_both_who_send_and_who_receive(
    world: World, letter: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    port = free_tcp_port()
    file = tmp_path / "worker.toml"
    file.write_text(
        to_toml(
            {
                "database_url": world.settings.database_url,
                "state_dir": world.settings.state_dir,
                "node": world.settings.node,
                "sandbox": world.settings.sandbox,
                "metrics_listen": f"127.0.0.1:{port}",
            }
        )
    )
    worker = Child(
        "the worker",
        [sys.executable, "-m", "faxplan.cli", "worker"],
        log=tmp_path / "worker.log",
        cwd=PROJECT,
        environment={"FAXPLAN_CONFIG": str(file)},
    )
    worker.start()
    try:
        wait_for(lambda: answers(port), "the worker to answer")
        with faxplan_on_bench(world, monkeypatch):
            fax_id = send(world, letter, world.borea.did)
            wait_for(lambda: world.fax(world.acme, fax_id)["state"] in ("sent", "failed"), "the fax to be final")
            wait_for(lambda: bool(inbox(world, world.borea)), "the fax to lie in the mailbox")
            found = scraped(port)
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=30) as answer:
                assert answer.read() == b"ready\n"
    finally:
        worker.stop()
    assert found["faxplan_faxes_submitted_total",] == 1
    for direction, result in (("outbound", "sent"), ("inbound", "received")):
        of = f"direction={direction}"
        assert found["faxplan_faxes_ended_total", of, "error_id=", f"result={result}"] == 1
        assert found["faxplan_calls_ended_total", of, f"result={result}", "rule=", "trunk=carrier"] == 1
        assert found["faxplan_pages_total", of, "transport=t38"] == 3
        assert found["faxplan_call_duration_seconds_count", of] == 1
        assert found["faxplan_calls_running", of, "node=node1"] == 0
    assert found["faxplan_first_call_wait_seconds_count",] == 1
    assert found["faxplan_trunk_resting", "trunk=carrier"] == 0
