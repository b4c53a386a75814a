"""`faxplan trunk test` with a real FreeSWITCH and a carrier: gateway, OPTIONS, and a page through that trunk."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faxplan import cli
from faxplan.config import to_toml
from faxplan.free_ports import free_sip_port
from faxplan.freeswitch_instance import Instance
from tests.bench.whole import wait_for
from tests.live.calls import Live
from tests.live.running import TEST_NUMBER
from tests.routing import change
from tests.world import World

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(
    world: World,
    live: Live,
    faxplan: Instance,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """A command's exit code and output, on the machine of the switch. No route leads anywhere."""
    change(world, "trunks", port=live.carrier.sip_port)
    with world.admin.across_tenants() as tx:
        tx.execute("delete from routes")
    password = tmp_path / "password"
    password.write_text(faxplan.password)
    file = tmp_path / "command-line.toml"
    settings: dict[str, Any] = {
        "database_url": world.settings.database_url,
        "state_dir": world.settings.state_dir,
        "sandbox": world.settings.sandbox,
        "node": world.settings.node,
        "event_socket": f"127.0.0.1:{faxplan.event_socket_port}",
        "event_socket_password_file": password,
    }
    file.write_text(to_toml(settings))
    monkeypatch.setenv("FAXPLAN_CONFIG", str(file))
    monkeypatch.setenv("FAXPLAN_USER", "user@acme.example")

    def reported() -> bool:
        with world.admin.across_tenants() as tx:
            return bool(tx.value("select count(*) from nodes"))

    def command(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        code = cli.main(arguments)
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out + err

    wait_for(reported, "the runtime to report")
    return command


def test_a_trunk_is_asked_and_sends_a_page(run: Run, live: Live) -> None:
    code, told = run("trunk", "test", "carrier")
    assert code == 0, told
    assert "gateway   up; FreeSWITCH sends it no OPTIONS" in told
    assert f"OPTIONS   200 OK from 127.0.0.1 port {live.carrier.sip_port} in " in told
    assert "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS" in told
    assert "User-Agent: Fax" in told
    code, told = run("trunk", "test", "carrier", "--to", TEST_NUMBER + "000")
    assert code == 0, told
    assert "The page arrived." in told
    assert "through carrier" in told
    assert "T.38, 14,400 bit/s, ECM" in told


def test_what_fails_is_explained(run: Run, world: World, live: Live) -> None:
    code, told = run("trunk", "test", "carrier", "--to", TEST_NUMBER + "486")
    assert code == 1
    assert "The line was busy (SIP 486)." in told
    assert "dialled again" not in told
    change(world, "trunks", port=free_sip_port())
    code, told = run("trunk", "test", "carrier")
    assert code == 1
    assert "PROBLEM   127.0.0.1 port" in told
    assert "nobody listens there" in told
    code, told = run("trunk", "test", "carrier", "--json")
    assert code == 1
    found = json.loads(told)
    assert (found["options"], found["gateway"]["up"], found["fax"]) == (None, True, None)
    change(world, "trunks", name="unheard-of", port=live.carrier.sip_port)
    code, told = run("trunk", "test", "unheard-of")
    assert code == 1
    assert "does not know the gateway" in told
