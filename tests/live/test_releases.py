"""Faxplan is upgraded in a running FreeSWITCH: a voice call stays up, a fax ends with the code that began it."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from faxplan import cli
from faxplan.freeswitch_found import find
from faxplan.freeswitch_instance import InstanceOptions
from faxplan.gateways import Gateway
from tests.bench.test_releases import told_in
from tests.bench.test_whole_way import inbox
from tests.bench.whole import wait_for, write_settings
from tests.live.calls import Live
from tests.live.running import send
from tests.live.shared_pbx import SharedPbx
from tests.live.test_shared_number import call
from tests.releases import of_checkout, prefix_with_scripts, put_in_force, telling
from tests.routing import add_trunk
from tests.world import World

UPGRADES = 20


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    return prefix_with_scripts(tmp_path)[0]


@pytest.fixture
def pbx(world: World, live: Live, tmp_path: Path, prefix: Path) -> Iterator[SharedPbx]:
    """A FreeSWITCH with calls of its own, which finds Faxplan by the entry files in its script_dir alone: its Python is
    the system's."""
    found = find()
    assert found is not None
    if not (found.mod_dir / "mod_loopback.so").is_file():
        pytest.skip("the PBX of this test needs mod_loopback: apt-get install freeswitch-mod-loopback")
    put_in_force(of_checkout(prefix, "0.1.0", telling("0.1.0")))
    add_trunk(world, "pstn")
    instance = SharedPbx(
        found,
        InstanceOptions(
            base=tmp_path / "fs",
            script_dir=prefix.with_name("scripts"),
            python=Path("/usr/bin/python3"),
            name="faxplan",
            sip_port=live.faxplan_port,
            environment={"FAXPLAN_CONFIG": str(write_settings(world)), "PATH": "/usr/bin:/bin"},
            gateways=(Gateway("carrier", "127.0.0.1", live.carrier.sip_port),),
        ),
    )
    instance.start()
    try:
        yield instance
    finally:
        instance.stop()


def figures(pid: int) -> dict[str, int]:
    """Of a process: memory in KiB, threads, open files."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = {name: int(re.search(rf"^{name}:\s+(\d+)", status, re.MULTILINE)[1]) for name in ("VmRSS", "Threads")}  # type: ignore[index]
    return found | {"files": len(list(Path(f"/proc/{pid}/fd").iterdir()))}


def settings_with_event_socket(world: World, pbx: SharedPbx, folder: Path) -> Path:
    file, password = write_settings(world), folder / "password"
    password.write_text(f"{pbx.password}\n")
    with file.open("a") as settings:
        settings.write(f'event_socket = "127.0.0.1:{pbx.event_socket_port}"\n')
        settings.write(f'event_socket_password_file = "{password}"\n')
    return file


def faxplan(*arguments: str) -> int:
    return cli.main(arguments)


def talk(live: Live, pbx: SharedPbx, world: World) -> str:
    """A voice call that both sides are in; its channel at the caller's."""
    channel = call(live, pbx, world.acme.did, "playback(silence_stream://600000)")
    wait_for(lambda: "loopback/reception" in pbx.api("show channels"), "somebody to take the call")
    return channel


def test_a_voice_call_stays_up_and_a_fax_ends_with_the_code_that_began_it(
    world: World,
    live: Live,
    prefix: Path,
    pbx: SharedPbx,
    letter: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("FAXPLAN_CONFIG", str(settings_with_event_socket(world, pbx, tmp_path)))
    voice = talk(live, pbx, world)
    core, legs = pbx.core_uuid(), set(re.findall(r"^[0-9a-f-]{36}", pbx.api("show channels"), re.MULTILINE))
    assert pbx.api("python fax_queue::alive") == "+OK 0.1.0"
    running = send(world, letter, world.borea.did)
    wait_for(lambda: world.fax(world.acme, running)["state"] == "sending", "the fax to be under way", 60)
    of_checkout(prefix, "0.1.1", telling("0.1.1"))
    assert faxplan("upgrade", "0.1.1", "--prefix", str(prefix)) == 0
    told = capsys.readouterr().out
    assert "0.1.1 is in force; its runtime has taken over from 0.1.0\n" in told
    # FreeSWITCH has loaded the entry scripts that 0.1.1 has, too.
    assert re.fullmatch(r"\+OK [0-9a-f]{64}", pbx.api("python fax_queue::loader"))
    assert "entry scripts" not in told
    assert world.fax(world.acme, running)["state"] == "sending"
    assert pbx.api("python fax_queue::alive") == "+OK 0.1.1"
    wait_for(lambda: world.fax(world.acme, running)["state"] in ("sent", "failed"), "the fax that ran", 120)
    later = send(world, letter, world.borea.did)
    wait_for(lambda: world.fax(world.acme, later)["state"] in ("sent", "failed"), "the next fax", 120)
    wait_for(lambda: len(inbox(world, world.borea)) == 2, "both to lie in the mailbox")
    for fax_id in (running, later):
        assert [attempt["outcome"] for attempt in world.attempts(world.acme, fax_id)] == ["sent"]
        assert world.fax(world.acme, fax_id)["pages_done"] == 3
    received = [world.fax(world.borea, entry.fax_id) for entry in inbox(world, world.borea)]
    assert len(received) == 2
    for fax in received:
        assert None not in [fax[column] for column in ("tiff_id", "pdf_id", "images_id", "thumbnail_id")]
    log = pbx.log_path.read_text(errors="replace")
    assert told_in(log, "settles") == [
        "0.1.0 settles, faxplan_release_0_1_0.faxplan.post_dial",
        "0.1.1 settles, faxplan_release_0_1_1.faxplan.post_dial",
    ]
    assert told_in(log, "delivers") == ["0.1.0 delivers", "0.1.1 delivers"]
    with_another_loader(prefix / "releases" / "0.1.0")
    assert faxplan("upgrade", "--back", "--prefix", str(prefix)) == 0
    assert pbx.api("python fax_queue::alive") == "+OK 0.1.0"
    assert f"The entry scripts in {prefix.with_name('scripts')} are not this release's" in capsys.readouterr().out
    # The same FreeSWITCH, and the same call.
    assert pbx.core_uuid() == core
    assert live.carrier.api(f"uuid_exists {voice}") == "true"
    assert legs <= set(re.findall(r"^[0-9a-f-]{36}", pbx.api("show channels"), re.MULTILINE))


def with_another_loader(release: Path) -> None:
    """Ships other entry scripts than FreeSWITCH has."""
    conf = release / "share" / "faxplan" / "conf"
    theirs = conf.resolve()
    conf.unlink()
    shutil.copytree(theirs, conf)
    with (conf / "scripts" / "faxplan_loading.py").open("a") as loading:
        loading.write("# of another release\n")


def test_twenty_upgrades_leave_nothing_behind(
    world: World, live: Live, prefix: Path, pbx: SharedPbx, letter: Path
) -> None:
    voice = talk(live, pbx, world)
    first = send(world, letter, world.borea.did)
    wait_for(lambda: world.fax(world.acme, first)["state"] == "sent", "the first fax", 120)
    measured = []
    for number in range(1, UPGRADES + 1):
        put_in_force(of_checkout(prefix, f"0.1.{number}"))
        assert f"0.1.{number} is in force" in pbx.api("python fax_queue::upgrade", 60)
        measured.append(figures(pbx.pid))
        print(number, measured[-1])
    wait_for(lambda: pbx.api("python fax_queue::releases").count("\n") == 2, "what is still in use")
    print(pbx.api("python fax_queue::releases"))
    last = send(world, letter, world.borea.did)
    wait_for(lambda: world.fax(world.acme, last)["state"] == "sent", "a fax after all", 120)
    assert live.carrier.api(f"uuid_exists {voice}") == "true"
    tenth, twentieth = measured[9], measured[19]
    assert twentieth["Threads"] <= tenth["Threads"] + 2
    assert twentieth["files"] <= tenth["files"] + 2
    # Ten releases of some 7 MiB each would be 70.
    assert twentieth["VmRSS"] - tenth["VmRSS"] < 30 * 1024
