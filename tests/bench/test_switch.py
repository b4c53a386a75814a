"""The switch as a whole: calls that come in, many at once, real time, its process, and what it complains about."""

import json
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from bench import Behaviour, InboundCall, Switch
from bench.control import command
from bench.errors import BenchError
from tests.bench.conftest import OWN_PREFIX
from tests.bench.test_far_end import assert_same_pages

MakeTiff = Callable[..., Path]
REPOSITORY = Path(__file__).parents[2]

FAX_IN = """
import json, pathlib
FOLDER = pathlib.Path({folder!r})
def handler(session, args):
    number = session.getVariable("destination_number")
    seen = {{name: session.getVariable(name) for name in ("caller_id_name", "caller_id_number", "sip_network_ip")}}
    if number.endswith("0"):
        session.hangup("UNALLOCATED_NUMBER")
        return
    session.execute("answer")
    session.execute("rxfax", str(FOLDER / (session.get_uuid() + ".tif")))
    for name in ("fax_success", "fax_document_transferred_pages", "fax_result_code", "fax_t38_status"):
        seen[name] = session.getVariable(name)
    (FOLDER / (session.get_uuid() + ".json")).write_text(json.dumps(seen))
    session.hangup("NORMAL_CLEARING")
"""
FAX_OUT = """
import pathlib
def handler(session, args):
    session.execute("txfax", args)
def settle(session, stream, env, args):
    with open(args, "a") as file:
        file.write(env.getHeader("variable_fax_success") + "\\n")
"""


@pytest.fixture
def received(tmp_path: Path, script_dir: Path) -> Path:
    """The folder where `fax_in` writes; numbers ending in 0 are not ours."""
    folder = tmp_path / "received"
    folder.mkdir()
    (script_dir / "fax_in.py").write_text(FAX_IN.format(folder=str(folder)), encoding="utf-8")
    (script_dir / "fax_out.py").write_text(FAX_OUT, encoding="utf-8")
    return folder


def originate(switch: Switch, number: str, tiff: Path, hooks: Path) -> str:
    return switch.api.execute(
        "originate",
        f"{{fax_enable_t38=true,api_hangup_hook='python::fax_out::settle {hooks}',"
        "execute_on_fax_result='sched_hangup +3 normal_clearing'}"
        f"sofia/gateway/carrier/{number} '&python(fax_out {tiff})'",
    )


def only(folder: Path) -> dict[str, str]:
    (file,) = folder.glob("*.json")
    seen: dict[str, str] = json.loads(file.read_text(encoding="utf-8"))
    return seen


@pytest.mark.parametrize("t38", ["accept", "refuse"])
def test_a_fax_from_outside(bench_switch: Switch, received: Path, make_tiff: MakeTiff, t38: str) -> None:
    tiff = make_tiff(3)
    hostile = 'O\'Brien "${system(id)}" <a>,{b}'
    call = InboundCall(OWN_PREFIX + "11", tiff, caller="anonymous", caller_name=hostile, behaviour=Behaviour(t38=t38))
    result = bench_switch.call_in(call)
    assert result.ended.wait(60)
    assert bench_switch.wait_idle()
    assert (result.code, result.pages, result.sip_status) == (0, 3, 200)
    seen = only(received)
    # As FreeSWITCH has it: quotes stay escaped, and nothing in a caller profile can be expanded.
    assert seen["caller_id_name"] == hostile.replace('"', '\\"').replace("$", "%")
    assert seen["caller_id_number"] == "anonymous"
    assert seen["sip_network_ip"] == "127.0.0.1"
    assert seen["fax_success"] == "1"
    assert seen["fax_t38_status"] == ("negotiated" if t38 == "accept" else "refused")
    assert_same_pages(tiff, next(received.glob("*.tif")))


def test_an_unknown_number_is_refused_with_404(bench_switch: Switch, received: Path, make_tiff: MakeTiff) -> None:
    result = bench_switch.call_in(InboundCall(OWN_PREFIX + "10", make_tiff(1)))
    assert result.ended.wait(60)
    assert (result.sip_status, result.code) == (404, None)


def test_a_sender_that_drops_leaves_its_pages(bench_switch: Switch, received: Path, make_tiff: MakeTiff) -> None:
    behaviour = Behaviour(t38="accept", drop_after_pages=2)
    result = bench_switch.call_in(InboundCall(OWN_PREFIX + "11", make_tiff(4), behaviour=behaviour))
    assert result.ended.wait(60)
    assert bench_switch.wait_idle()
    seen = only(received)
    assert seen["fax_success"] == "0"
    assert seen["fax_document_transferred_pages"] == "2"


def test_a_paused_switch_refuses_calls_that_come_in(bench_switch: Switch, received: Path, make_tiff: MakeTiff) -> None:
    bench_switch.api.execute("fsctl", "pause inbound")
    result = bench_switch.call_in(InboundCall(OWN_PREFIX + "11", make_tiff(1)))
    assert result.ended.wait(60)
    assert result.sip_status == 503


def test_many_calls_at_once_each_exactly_once(
    bench_switch: Switch, received: Path, make_tiff: MakeTiff, tmp_path: Path
) -> None:
    tiff, hooks, calls = make_tiff(2, length=400), tmp_path / "hooks", 40
    for number in range(calls):
        bench_switch.api.execute(
            "bgapi",
            f"originate {{fax_enable_t38=true,api_hangup_hook='python::fax_out::settle {hooks}'}}"
            f"sofia/gateway/carrier/{OWN_PREFIX}{number}1 '&python(fax_out {tiff})'",
        )
    deadline = time.monotonic() + 120
    while not hooks.exists() or len(hooks.read_text().split()) < calls:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert bench_switch.wait_idle()
    assert hooks.read_text().split() == ["1"] * calls
    assert len(list(received.glob("*.json"))) == calls
    assert len(bench_switch.channels) == 0


def test_real_time(start_bench: Callable[..., Switch], received: Path, make_tiff: MakeTiff, tmp_path: Path) -> None:
    switch = start_bench(time="real", speed=100)
    started = time.monotonic()
    assert originate(switch, OWN_PREFIX + "1", make_tiff(1, length=400), tmp_path / "hooks").startswith("+OK ")
    assert switch.wait_idle()
    assert (tmp_path / "hooks").read_text() == "1\n"
    # A one-page fax takes at least ten seconds on any line: a tenth of a second here.
    assert time.monotonic() - started > 0.1
    assert switch.complaints == []


def test_a_quoting_mistake_is_a_complaint(start_bench: Callable[..., Switch]) -> None:
    switch = start_bench()
    assert switch.api.execute("originate", "{b='x,y'}sofia/gateway/carrier/1 &park()").startswith("-ERR")
    assert len(switch.complaints) == 1
    assert "b=x" in switch.complaints[0] or "'y'" in switch.complaints[0]


def test_an_unknown_application_ends_the_call_and_is_a_complaint(start_bench: Callable[..., Switch]) -> None:
    switch = start_bench()
    switch.api.execute("originate", "sofia/gateway/carrier/15559900000 &bridge(x)")
    assert switch.wait_idle()
    assert switch.complaints == ["Invalid Application bridge"]


def test_one_switch_at_a_time(bench_switch: Switch, start_bench: Callable[..., Switch]) -> None:
    with pytest.raises(BenchError, match="another bench switch"):
        start_bench()


def test_switches_one_after_the_other_share_nothing(
    start_bench: Callable[..., Switch], script_dir: Path, tmp_path: Path
) -> None:
    (script_dir / "state.py").write_text("seen = []\n", encoding="utf-8")
    (script_dir / "counter.py").write_text(
        "import state\n"
        "def fsapi(session, stream, env, args):\n"
        "    state.seen.append(1)\n"
        "    stream.write(str(len(state.seen)))\n",
        encoding="utf-8",
    )
    # As load_once.py and faxplan_switch.py do: Python asks this finder before its own, in the whole process.
    (script_dir / "finder.py").write_text(
        "import sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        return None\n"
        "def fsapi(session, stream, env, args):\n"
        "    sys.meta_path.insert(0, Finder())\n"
        "    sys.setswitchinterval(0.0001)\n",
        encoding="utf-8",
    )
    uuids, before = set(), (list(sys.meta_path), sys.getswitchinterval())
    for _ in range(2):
        switch = start_bench()
        assert switch.api.execute("python", "counter") == "1"
        switch.api.execute("python", "finder")
        assert len(sys.meta_path) == len(before[0]) + 1
        uuids.add(switch.api.execute("global_getvar", "core_uuid"))
        switch.stop()
        assert (sys.meta_path, sys.getswitchinterval()) == before
    assert len(uuids) == 2


def test_a_startup_script_runs_until_the_switch_stops(
    start_bench: Callable[..., Switch], script_dir: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    (script_dir / "runner.py").write_text(
        "import pathlib, freeswitch\n"
        "def runtime(args):\n"
        "    consumer = freeswitch.EventConsumer('BACKGROUND_JOB')\n"
        "    pathlib.Path(args).write_text('begins')\n"
        "    while freeswitch.running():\n"
        "        consumer.pop(1, 20)\n"
        "    pathlib.Path(args + '-end').write_text('ends')\n",
        encoding="utf-8",
    )
    switch = start_bench(startup_scripts=[f"runner {log}"])
    while not log.exists():
        time.sleep(0.01)
    switch.stop()
    assert log.with_name("log-end").read_text() == "ends"
    assert switch.complaints == []


def test_the_process(tmp_path: Path, script_dir: Path, received: Path, make_tiff: MakeTiff) -> None:
    (tmp_path / "plan.toml").write_text(f'[[own]]\nprefix = "{OWN_PREFIX}"\n', encoding="utf-8")
    config = tmp_path / "bench.toml"
    config.write_text(
        'script_dir = "scripts"\nnumbering_plan = "plan.toml"\ngateways = ["carrier"]\ncontrol_socket = "s"\n'
        'log_file = "bench.log"\nfreeswitch_stack = true\n',
        encoding="utf-8",
    )
    switch = subprocess.Popen([sys.executable, "-m", "bench", "--config", str(config)], cwd=REPOSITORY)
    try:
        while not (tmp_path / "s").exists():
            assert switch.poll() is None
            time.sleep(0.02)
        asked = json.dumps({"number": OWN_PREFIX + "11", "tiff": str(make_tiff(2)), "behaviour": {"t38": "refuse"}})
        assert json.loads(command(tmp_path / "s", f"bench_call_in {asked}")) == {
            "code": 0,
            "pages": 2,
            "sip_status": 200,
        }
        printed = subprocess.run(
            [sys.executable, "-m", "bench.cli", "--socket", str(tmp_path / "s"), "show", "channels", "count"],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert printed.endswith(" total.\n")
        assert command(tmp_path / "s", "bench_complaints") == "[]"
    finally:
        switch.send_signal(signal.SIGTERM)
        assert switch.wait(30) == 0
    assert not (tmp_path / "s").exists()
    with pytest.raises(BenchError, match="is it running"):
        command(tmp_path / "s", "status")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("python fax_out::settle", "thread that drives all calls"),
        ("sched_hangup soon", "time"),
        # As the application takes it.
        ("sched_hangup +600 allotted_timeout", "No such channel"),
    ],
)
def test_what_is_not_for_the_thread_that_drives_the_line(
    start_bench: Callable[..., Switch], received: Path, make_tiff: MakeTiff, command: str, said: str
) -> None:
    """Or does nothing there: in FreeSWITCH both would go without a word."""
    switch, call, tiff = start_bench(), str(uuid.uuid4()), make_tiff(1)
    variables = f"origination_uuid={call},api_on_answer='{command} {call}'"
    switch.api.execute("originate", f"{{{variables}}}sofia/gateway/carrier/{OWN_PREFIX}11 '&python(fax_out {tiff})'")
    assert switch.wait_idle()
    (complaint,) = switch.complaints
    assert said in complaint
