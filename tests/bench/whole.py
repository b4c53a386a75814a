"""The whole of Faxplan on the bench switch, in one process: our scripts, real T.30, real PostgreSQL."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench import dialplan
from bench.config import BenchConfig
from bench.numbering_plan import NumberingPlan
from bench.switch import Switch
from faxplan.config import Settings, to_toml
from tests.world import World

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "fs_scripts"
DIALPLAN = ROOT / "conf" / "dialplan" / "faxplan.xml"
OUR_NUMBERS = "+4930231250"


def write_settings(world: World, settings: Settings | None = None) -> Path:
    """The settings file of this world, or of another node of it, for the switch's scripts."""
    settings = settings or world.settings
    file = settings.state_dir.parent / f"faxplan-{settings.node}.toml"
    names = (
        "database_url",
        "state_dir",
        "store_dir",
        "store_bucket",
        "store_endpoint",
        "store_credentials_file",
        "sandbox",
        "spool_dir",
        "node",
        "gateway_dir",
        "max_channels",
        "calls_per_second",
        "calls_to_one_number",
        "internal_delivery",
        "lookup_seconds",
        "call_cap_seconds",
        "lease_margin_seconds",
    )
    given = {name: getattr(settings, name) for name in names if getattr(settings, name) not in (None, "")}
    file.write_text(to_toml(given))
    return file


@contextmanager
def faxplan_on_bench(world: World, monkeypatch: pytest.MonkeyPatch, **options: object) -> Iterator[Switch]:
    """Runs fax_queue, fax_out and fax_in on a bench switch whose trunk brings our own DIDs back to us.

    plan: more of the numbering plan's tables; gateways: in place of `carrier` alone; own: of that one's table.
    """
    monkeypatch.setenv("FAXPLAN_CONFIG", str(write_settings(world)))
    own = {"prefix": OUR_NUMBERS, "from_address": "127.0.0.1", **options.pop("own", {})}  # type: ignore[dict-item]
    plan = NumberingPlan({"own": [own], **options.pop("plan", {})})  # type: ignore[dict-item]
    inbound = options.pop("inbound", None) or dialplan.actions(DIALPLAN, {"faxplan_inbound_cap": "3600"})
    config = BenchConfig(
        script_dir=options.pop("script_dir", SCRIPTS),  # type: ignore[arg-type]
        startup_scripts=["fax_queue"],
        plan=plan,
        gateways=options.pop("gateways", ["carrier"]),  # type: ignore[arg-type]
        inbound=inbound,  # type: ignore[arg-type]
        **options,  # type: ignore[arg-type]
    )
    with Switch(config) as switch:
        yield switch
        assert switch.wait_idle()


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Waits until a condition holds; fails, saying what was waited for."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for: {what}"
        time.sleep(0.05)
