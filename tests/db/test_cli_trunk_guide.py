"""`faxplan trunk add` step by step: the dialogue, what is written, how it ends, and what fails, with a played switch.

Carriers answer OPTIONS on loopback, by a script. tests/live/test_guided_trunk.py has a FreeSWITCH and a whole fax.
"""

import io
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faxplan import cli, cli_trunk_bringing_up, cli_trunk_test, guard, node_trunks, nodes, sip_dns, trunk_provisioning
from faxplan.config import to_toml
from faxplan.db import Transaction
from tests.terminal import terminal
from tests.unit.test_call_troubles import call, fax
from tests.unit.test_sip_options import HERE, OK, udp_peer
from tests.world import World

INTERRUPTIBLE = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
"""Also where these tests run in the background of a shell, which has Ctrl-C ignored."""

Run = Callable[..., tuple[int, str]]
ANSWERS = {
    "provider": "another", "name": "office", "host": HERE, "transport": "udp", "port": "5099", "register": "n",
    "account": "n", "country": "DE", "called": "e164", "calling": "", "where": "pai", "sources": "192.0.2.0/24",
    "t38": "receiver", "channels": "4", "write": "y", "route": "+", "test": "none",
}  # fmt: skip


class Switch:
    """A FreeSWITCH that has every gateway up, and says that it is at 127.0.0.1."""

    gateway = "Name\toffice\nState   \tNOREG\nStatus  \tUP\nPingFreq\t30\nPingTime\t1.0\n"

    def api(self, command: str) -> str:
        if command.startswith("sofia status gateway"):
            return self.gateway
        return "SIP-IP           \t127.0.0.1\nRTP-IP           \t127.0.0.1\n"

    def __enter__(self) -> "Switch":
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to close."""


@pytest.fixture
def run(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """A command's exit code, and what it says."""
    file = tmp_path / "faxplan.toml"
    names = ("database_url", "state_dir", "sandbox")
    file.write_text(to_toml({name: getattr(world.settings, name) for name in names}))
    monkeypatch.setenv("FAXPLAN_CONFIG", str(file))
    monkeypatch.setenv("FAXPLAN_USER", "user@acme.example")
    monkeypatch.setattr(guard, "connect", lambda _: Switch())
    monkeypatch.setattr(cli_trunk_bringing_up, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(cli_trunk_bringing_up, "ARRIVAL_SECONDS", 0.1)
    monkeypatch.setattr(sip_dns, "services", lambda *_: ())

    def command(*arguments: str, answers: str = "") -> tuple[int, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(answers))
        capsys.readouterr()
        code = cli.main(("trunk", "add", *arguments))
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out + err

    return command


@pytest.fixture
def at_work(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that takes up what was written before anybody looks."""
    with world.switch.across_tenants() as tx:
        nodes.report(tx, "node1", switch_uuid="s", max_channels=10)
    asked = node_trunks.reached

    def reached(tx: Transaction, trunk: str) -> list[tuple[str, bool]]:
        with world.switch.across_tenants() as own:
            node_trunks.applied(own, "node1", node_trunks.versions(own))
        return asked(tx, trunk)

    monkeypatch.setattr(node_trunks, "reached", reached)


def lines(**changed: str) -> str:
    return "\n".join({**ANSWERS, **changed}.values()) + "\n"


def trunk(world: World, name: str) -> dict[str, Any] | None:
    return next((row for row in trunk_provisioning.all_trunks(world.admin) if row["name"] == name), None)


@pytest.mark.usefixtures("at_work")
def test_what_is_answered_is_written_and_checked(run: Run, world: World) -> None:
    with udp_peer(lambda _: [OK]) as port:
        code, told = run("--guided", answers=lines(port=str(port)))
    assert code == 0, told
    assert "taken up by node1" in told
    assert "OPTIONS   200 OK from 127.0.0.1" in told
    assert "nothing is wrong" in told
    row = trunk(world, "office")
    assert row is not None
    wanted = {"host": HERE, "port": port, "source_networks": ["192.0.2.0/24"], "max_calls": 4, "t38": True,
              "register": False, "ping_seconds": 30, "inbound_country": "DE", "password_set": False}  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted
    assert ("+", "office") in [(each["prefix"], each["trunk"]) for each in trunk_provisioning.all_routes(world.admin)]


@pytest.mark.usefixtures("at_work")
@pytest.mark.parametrize(
    ("status", "told"),
    [("401 Unauthorized", "it wants a user name and a password"), ("404 Not Found", "it speaks SIP with you"),
     ("403 Forbidden", "PROBLEM   The carrier answers OPTIONS with 403"),
     ("408 Timeout", "PROBLEM   The carrier answers OPTIONS with 408"),
     ("503 Away", "PROBLEM   The carrier answers OPTIONS with 503")],
)  # fmt: skip
def test_each_answer_to_options_is_explained(run: Run, status: str, told: str) -> None:
    with udp_peer(lambda _: [f"SIP/2.0 {status}\r\nContent-Length: 0\r\n\r\n"]) as port:
        code, said = run("--guided", answers=lines(port=str(port)))
    assert told in said
    assert code == (1 if "PROBLEM" in told else 0)


@pytest.mark.usefixtures("at_work")
def test_a_host_where_nobody_listens_is_explained(run: Run) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind((HERE, 0))
        port = free.getsockname()[1]
    code, told = run("--guided", answers=lines(port=str(port)))
    assert code == 1
    assert "nobody listens there. Check host, port and transport." in told


@pytest.mark.usefixtures("at_work")
def test_enter_leads_no_faxes_to_a_trunk_that_does_not_work(run: Run, world: World) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind((HERE, 0))
        port = free.getsockname()[1]
    _code, told = run("--guided", answers=lines(port=str(port), route="", test="y\nnone"))
    assert "This trunk does not work yet" in told
    assert "y is no number" in told
    assert "office" not in {each["trunk"] for each in trunk_provisioning.all_routes(world.admin)}


@pytest.mark.usefixtures("at_work")
def test_enter_leads_all_numbers_to_a_trunk_that_works_unless_another_has_them(run: Run, world: World) -> None:
    with udp_peer(lambda _: [OK]) as port:
        _code, told = run("--guided", answers=lines(port=str(port), route=""))
        assert "+ leads to carrier already" in told
        assert "office" not in {each["trunk"] for each in trunk_provisioning.all_routes(world.admin)}
        trunk_provisioning.remove_route(world.admin, "test", "+", "carrier", only_for=None)
        run("--guided", answers=lines(name="second", port=str(port), route=""))
    assert ("+", "second") in [(each["prefix"], each["trunk"]) for each in trunk_provisioning.all_routes(world.admin)]


def test_every_answer_can_be_an_option(run: Run, world: World, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("s3cret-word\n")
    code, told = run(
        "office", "--guided", "--provider", "sipgate", "--host", "sipconnect.sipgate.de", "--transport", "udp",
        "--port", "5060", "--register", "on", "--username", "u", "--password-file", str(password), "--country", "DE",
        "--called-format", "e164", "--calling-format", "e164-no-plus", "--caller-id-in", "pai", "--source",
        "192.0.2.1", "--t38-request", "receiver", "--max-calls", "2", "--route", "none", "--test", "none", "--yes",
    )  # fmt: skip
    assert code == 1  # no switch is at work
    assert "No switch is at work" in told
    assert "s3cret" not in told
    row = trunk(world, "office")
    assert row is not None
    assert (row["register"], row["password_set"], row["calling_format"]) == (True, True, "e164-no-plus")
    assert "no route leads to it" in told


def test_a_provider_s_values_are_what_enter_takes(run: Run, world: World) -> None:
    answers = lines(provider="twilio", host="acme.pstn.twilio.com", country="us", port="", register="", called="")
    code, told = run("--guided", answers=answers)
    assert "such as <trunk>.pstn.twilio.com" in told
    assert "T.38: nothing was found in public documentation" in told
    row = trunk(world, "office")
    assert row is not None
    assert (row["host"], row["inbound_country"], row["called_format"]) == ("acme.pstn.twilio.com", "US", "e164")
    assert code == 1


def test_wrong_answers_are_said_and_asked_again(run: Run, world: World) -> None:
    answers = lines(name="a b\ncarrier\noffice", port="70000\n5099", country="XX\nde", sources="nonsense\n192.0.2.1")
    _code, told = run("--guided", answers=answers)
    for said in ("letters, digits", "There is a trunk carrier already", "A port is a number", "is no country",
                 "is not a network"):  # fmt: skip
        assert said in told
    assert trunk(world, "office") is not None


def test_who_does_not_agree_writes_nothing(run: Run, world: World) -> None:
    code, told = run("--guided", answers=lines(write="n"))
    assert (code, "Nothing was written." in told) == (1, True)
    assert trunk(world, "office") is None


@pytest.mark.parametrize("before", ["name", "country", "write"])
def test_answers_that_end_before_it_is_written_write_nothing(run: Run, world: World, before: str) -> None:
    whole = lines()
    names = list(ANSWERS)
    cut = "\n".join(whole.split("\n")[: names.index(before)]) + "\n"
    code, told = run("--guided", answers=cut)
    assert code == 1
    assert "Nothing was written." in told
    assert "The answers ended here." in told
    assert trunk(world, "office") is None


def test_answers_that_end_after_it_say_how_to_go_on_and_to_undo(run: Run, world: World) -> None:
    cut = "\n".join(lines().split("\n")[: list(ANSWERS).index("route")]) + "\n"
    code, told = run("--guided", answers=cut)
    assert code == 1
    assert "Trunk office is written, and no route leads to it." in told
    assert "To go on: `faxplan trunk test office`" in told
    assert "To undo: `faxplan trunk remove office`." in told
    assert trunk(world, "office") is not None


@pytest.mark.usefixtures("at_work")
def test_ctrl_c_says_what_there_is(run: Run, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli_trunk_test, "send", interrupted)
    code, told = run("--guided", answers=lines(test="030 99001234"))
    assert code == 130
    assert "Interrupted." in told
    assert "To undo: `faxplan route remove + office`, then `faxplan trunk remove office`." in told
    monkeypatch.setattr(sip_dns, "locate", interrupted)
    code, told = run("--guided", answers=lines(name="other"))
    assert (code, "Nothing was written." in told) == (130, True)


@pytest.mark.usefixtures("at_work")
def test_a_number_that_is_not_known_is_written_otherwise_and_tried_again(
    run: Run, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    formats: list[str] = []

    def send(*_: object, **__: object) -> tuple[Any, Any]:
        row = trunk(world, "office")
        assert row is not None
        formats.append(row["called_format"])
        if row["called_format"] == "e164":
            return fax(), [call(sip_code=404, hangup_cause="UNALLOCATED_NUMBER", dialled="+493099001234")]
        return fax("sent"), [call(outcome="sent", pages=1)]

    monkeypatch.setattr(cli_trunk_test, "send", send)
    with udp_peer(lambda _: [OK]) as port:
        code, told = run("--guided", answers=lines(port=str(port), test="030 99001234") + "y\n")
    assert formats == ["e164", "e164-no-plus"]
    assert "PROBLEM   The carrier knows no such number (SIP 404); it was dialled +493099001234." in told
    assert "TO DO     Where the number is right" in told
    assert code == 0


def test_a_node_that_takes_nothing_up_is_told(run: Run, world: World) -> None:
    with world.switch.across_tenants() as tx:
        nodes.report(tx, "node1", switch_uuid="s", max_channels=10)
    code, told = run("--guided", answers=lines())
    assert code == 1
    assert "node1 did not take it up in time" in told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("office", "--host", "h"), "required: --country"), ((), "required: TRUNK, --host, --country"),
     (("--guided", "--json"), "leave one out"),
     (("o", "--host", "h", "--country", "DE", "--route", "+"), "--route: of --guided alone"),
     (("o", "--host", "h", "--country", "DE", "--as", "x"), "--as: of --guided alone")],
)  # fmt: skip
def test_wrong_usage_is_said(
    run: Run, arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run(*arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_an_unknown_provider_is_refused_with_those_there_are(run: Run) -> None:
    code, told = run("--guided", "--provider", "nobody")
    assert (code, "telnyx" in told, "Nothing was written." in told) == (1, True, True)


def test_at_a_terminal_without_arguments_it_asks(run: Run, world: World) -> None:
    """And Ctrl-C in the middle."""
    with terminal(INTERRUPTIBLE + "from faxplan import cli; sys.exit(cli.main(['trunk', 'add']))") as seen:
        for question, answer in (("Number or word [another]: ", "\n"), ("[carrier-2]: ", "office\n"),
                                 ("sip.carrier.example): ", "\x03")):  # fmt: skip
            seen.until(question)
            seen.write(answer)
        seen.until("Nothing was written.", press="\x03")
        assert seen.program.wait(60) == 130
        assert b"\x1b" not in seen.shown
    assert trunk(world, "office") is None
