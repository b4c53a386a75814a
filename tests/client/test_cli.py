"""`faxplan remote`, as somebody on another machine has it: a program of its own, at a portal that answers over HTTP."""

import io
import json
import os
import pty
import re
import stat
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path

import pytest

from faxplan import reader_keys
from faxplan.enrolment import Secret
from faxplan.sandbox_numbers import End
from faxplan_client import cli_progress
from faxplan_client.answers import Fax
from faxplan_client.remotes import Remotes
from tests.client.conftest import Server, working
from tests.client.test_transport import AWAY, KEY, answer, named, serving
from tests.client.test_transport import client as scripted
from tests.fax_mails import pdf
from tests.retained import count, execute, received
from tests.world import PHRASE, ready_made

PROJECT = Path(__file__).resolve().parents[2]
WITHOUT_THE_SERVER = """
import sys


class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in "faxplan portal peewee psycopg2 pydantic werkzeug pikepdf PIL babel".split():
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Absent())
from faxplan_client.command import main

sys.exit(main())
"""


@dataclass
class Machine:
    """Somebody's, with a home and a folder of its own, and nothing of the server."""

    home: Path
    environment: dict[str, str]

    def run(self, *arguments: str, typed: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-c", WITHOUT_THE_SERVER, *arguments], cwd=self.home, input=typed, text=True,
            capture_output=True, check=False, timeout=100, env=self.environment,
        )  # fmt: skip

    def said(self, *arguments: str, typed: str = "", code: int = 0) -> str:
        done = self.run(*arguments, typed=typed)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def json(self, *arguments: str, typed: str = "", code: int = 0) -> object:
        return json.loads(self.said(*arguments, "--json", typed=typed, code=code))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    home = tmp_path / "home"
    home.mkdir()
    (home / "letter.txt").write_text("A letter.\n\fIts second page.\n")
    return Machine(home, {"HOME": str(home), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(PROJECT), "TZ": "UTC",
                          "PYTHONDONTWRITEBYTECODE": "1"})  # fmt: skip


@pytest.fixture
def key(server: Server) -> str:
    return server.key(server.world.acme)


@pytest.fixture
def office(server: Server, machine: Machine, key: str) -> Machine:
    """It knows acme's server as office."""
    machine.said("remote", "add", "office", server.address(server.world.acme), typed=f"{key}\n")
    return machine


# ------------------------------------------------------------------------------------------------------------- servers


def test_a_server_is_entered_with_its_key_and_forgotten(server: Server, machine: Machine, key: str) -> None:
    address = server.address(server.world.acme)
    none = machine.run("remote", "list")
    assert (none.returncode, "faxplan remote add NAME ADDRESS" in none.stderr) == (2, True)
    wrong = machine.run("remote", "add", "office", address, typed="fxp_" + "x" * 43)
    assert (wrong.returncode, "This one opens nothing" in wrong.stderr) == (1, True)
    said = machine.said("remote", "add", "office", f"{address}/api/v1/", typed=key)
    assert f"office is Acme at {address}, where you are user@acme.example." in said
    file = machine.home / ".config" / "faxplan" / "remotes.json"
    assert [stat.S_IMODE(each.stat().st_mode) for each in (file.parent, file)] == [0o700, 0o600]
    assert machine.said("remote", "servers") == f"NAME    ADDRESS\noffice  {address}\n"
    again = machine.run("remote", "add", "office", address, typed=key)
    assert (again.returncode, "--replace" in again.stderr) == (1, True)
    machine.said("remote", "add", "office", address, "--replace", typed=key)
    assert key not in said + again.stderr + machine.said("remote", "servers", "--json")
    assert "the API key goes on to count" in machine.said("remote", "remove", "office").replace("The", "the")
    assert key not in file.read_text()


def test_which_server_is_meant(server: Server, office: Machine, key: str) -> None:
    world = server.world
    borea = server.key(world.borea)
    office.said("remote", "add", "other", server.address(world.borea), typed=borea)
    several = office.run("remote", "account")
    assert (several.returncode, "there are: office, other" in several.stderr) == (2, True)
    for arguments in (
        ("remote", "account", "--remote", "other"), ("--remote", "other", "account"), ("--remote=other", "account"),
    ):  # fmt: skip
        assert "of Borea." in office.said(*arguments)
    office.environment["FAXPLAN_REMOTE"] = "other"
    assert "of Borea." in office.said("remote", "account")
    office.environment |= {"FAXPLAN_REMOTE": server.address(world.acme), "FAXPLAN_API_KEY": key}
    assert "of Acme." in office.said("remote", "account")
    # The environment's key goes to the environment's address, and nowhere else.
    office.environment["FAXPLAN_API_KEY"] = borea
    assert "of Acme." in office.said("--remote", "office", "account")
    assert office.run("remote", "account").returncode == 1
    del office.environment["FAXPLAN_REMOTE"]
    assert "FAXPLAN_API_KEY is set, and FAXPLAN_REMOTE is not" in office.run("remote", "account").stderr


def test_a_file_of_servers_that_is_damaged_says_so(office: Machine) -> None:
    file = Remotes(office.environment).file
    for content in ("{", "[]", '{"office": 1}', '{"office": {}}'):
        file.write_text(content)
        done = office.run("remote", "account")
        assert (done.returncode, "is damaged" in done.stderr) == (1, True), done.stderr


def test_the_servers_commands_are_for_the_servers_machine(machine: Machine) -> None:
    done = machine.run("doctor")
    assert (done.returncode, "`faxplan remote --help`" in done.stderr) == (2, True)
    assert "campaign" in machine.said("remote", "--help")


def test_the_servers_own_command_has_it_too(server: Server, office: Machine) -> None:
    program = str(Path(sys.executable).with_name("faxplan"))
    for arguments in (["remote", "servers"], ["--remote", "office", "servers"]):
        done = subprocess.run([program, *arguments], env=office.environment, capture_output=True, text=True, check=True)
        assert "office" in done.stdout
    listed = subprocess.run([program, "--help"], env=office.environment, capture_output=True, text=True, check=True)
    assert "with your API key" in " ".join(listed.stdout.split())


# -------------------------------------------------------------------------------------------------------------- sending


def test_a_fax_is_sent_and_watched_until_it_has_ended(server: Server, office: Machine) -> None:
    with working(server):
        done = office.run("remote", "send", "letter.txt", End.SENT.number)
        assert done.returncode == 0, done.stderr
        first, *_between, last = done.stdout.splitlines()
        assert (first, last[8:]) == (f"Fax 1 to {End.SENT.number}: accepted.", "  All 2 pages arrived.")
        assert done.stderr.startswith("At office (http://acme.localhost:")
        bad = office.run("remote", "send", "letter.txt", "+1 555 555 0104")
        assert (bad.returncode, "SIP 404" in bad.stdout) == (1, True), bad.stdout
        both = office.run("remote", "send", "letter.txt", "letter.txt", "--to", End.SENT.number, "--to",
                          End.BAD_NUMBER.number, "--cover-subject", "Hello", "--json")  # fmt: skip
    assert both.returncode == 1
    assert [(each["state"], each["pages"]) for each in json.loads(both.stdout)] == [("sent", 5), ("failed", 5)]
    early = [json.loads(line) for line in both.stderr.splitlines() if line.startswith("{")]
    assert [each["state"] for each in early] == ["accepted", "accepted"]
    shown = office.said("remote", "show", "1")
    assert "Call 1" in shown
    assert "All 2 pages arrived." in shown
    assert "sent. All 2 pages arrived." in office.said("remote", "status", "1")
    listed = office.said("remote", "list").splitlines()
    assert [re.split(r"  +", line)[0] for line in listed] == ["FAX", "4", "3", "2", "1"]
    assert office.said("--remote", "office", "watch", "1", "2", code=1).count("Fax ") == 2


def test_wrong_usage_says_what_is_right(office: Machine) -> None:
    for arguments, code, said in (
        (("send", "letter.txt"), 2, "say to which number"),
        (("send", "letter.txt", "+49", "30"), 2, '"+49 30", in quotes'),
        (("send", "letter.txt", "letter.txt", "x"), 2, "say with --to"),
        (("send", "not-there.pdf", "+4930123456"), 1, "There is no file not-there.pdf"),
        (("send", "letter.txt", "110"), 1, "mergency"),
        (("send", "letter.txt", "+4930123456", "--at", "tomorrow"), 2, "write it as"),
        (("status", "99"), 1, "You have no fax 99"),
        (("status", "99", "--remote", "x"), 2, "There is no server called x. There are: office."),
    ):
        done = office.run("remote", *arguments)
        assert (done.returncode, said.lower() in done.stderr.lower()) == (code, True), done.stderr


def test_a_script_that_tries_again_sends_once(server: Server, office: Machine) -> None:
    for _try in range(2):
        said = office.said("remote", "send", "letter.txt", End.SENT.number, "--no-wait", "--idempotency-key", "order-1")
        assert said == f"Fax 1 to {End.SENT.number}: accepted.\n`faxplan remote watch 1` says how it fares.\n"
    assert count(server.world, "faxes") == 1
    assert office.said("remote", "cancel", "1") == "Fax 1 is cancelled.\n"
    assert office.said("remote", "delete", "1").startswith("Fax 1 is deleted")


def test_where_the_server_is_away_it_may_work_later(machine: Machine) -> None:
    machine.environment |= {"FAXPLAN_REMOTE": "http://127.0.0.1:9", "FAXPLAN_API_KEY": "fxp_" + "x" * 43}
    done = machine.run("remote", "account", "--json")
    said = json.loads(done.stderr)
    assert (done.returncode, said["error_id"], said["retryable"]) == (3, "connection-failed", True)


def test_progress_is_drawn_on_a_terminal(server: Server, office: Machine) -> None:
    parent, child = pty.openpty()
    with working(server):
        program = subprocess.Popen(
            [sys.executable, "-c", WITHOUT_THE_SERVER, "remote", "send", "letter.txt", End.SENT.number],
            cwd=office.home, env=office.environment | {"COLUMNS": "100"}, stdout=child, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(child)
        drawn = b""
        with suppress(OSError):
            while part := os.read(parent, 4096):
                drawn += part
        assert program.wait(60) == 0
    os.close(parent)
    assert b"\r\x1b[K[========================]  2 of 2 pages" in drawn
    assert drawn.endswith(b"All 2 pages arrived.\r\n")


# -------------------------------------------------------------------------------------------------------------- opening


def test_a_received_fax_is_opened_here_and_written_for_its_reader_alone(server: Server, office: Machine) -> None:
    world = server.world
    execute(world, "update faxes set calling_number = null")
    number = received(world, world.acme, "one")
    inbox = office.said("remote", "inbox")
    assert inbox.splitlines()[0].split() == ["FAX", "TIME", "FROM", "PAGES", "STATE", "MAILBOX"]
    wrong = office.run("remote", "open", str(number), typed="not the right one\n")
    assert (wrong.returncode, "not your password" in wrong.stderr) == (1, True)
    assert office.said("remote", "open", str(number), typed=f"{PHRASE}\n") == f"fax-{number}.pdf\n"
    saved = office.home / f"fax-{number}.pdf"
    assert (saved.read_bytes()[:5], stat.S_IMODE(saved.stat().st_mode)) == (b"%PDF-", 0o600)
    before = saved.read_bytes()
    again = office.run("remote", "open", str(number), typed=PHRASE)
    assert (again.returncode, "is not overwritten" in again.stderr, saved.read_bytes()) == (1, True, before)
    # A link that leads nowhere yet is no way round.
    (office.home / "link.pdf").symlink_to("elsewhere.pdf")
    assert office.run("remote", "open", str(number), "-o", "link.pdf", typed=PHRASE).returncode == 1
    assert not (office.home / "elsewhere.pdf").exists()
    (office.home / "secret").write_text(
        reader_keys.make(world.portal, world.acme.user, Secret(PHRASE), "archive", [world.acme.user.email]) + "\n"
    )
    (office.home / "code").write_text(ready_made(world.acme.tenant.id)[2])
    (office.home / "password").write_text(PHRASE + "\n")
    (office.home / "pages").mkdir()
    for name, more in (("reader-key-file", "secret"), ("code-file", "code"), ("password-file", "password")):
        said = office.json("remote", "open", str(number), "--as", "tiff", f"--{name}", more, "-o", f"pages/{name}.tif")
        assert said == {"fax": number, "file": f"pages/{name}.tif", "document": None, "kind": "tiff"}
    assert len({each.read_bytes() for each in (office.home / "pages").iterdir()}) == 1
    assert office.said(
        "remote", "open", str(number), "--code", "-o", "pages", typed=ready_made(world.acme.tenant.id)[2]
    )


# ----------------------------------------------------------------------------------------------- contacts and campaigns


def test_contacts(office: Machine) -> None:
    assert office.said("remote", "contact", "add", "Ann", "030 23125009", "--company", "Büro") == (
        "Contact 1, Ann: +493023125009.\n"
    )
    assert office.said("remote", "contact", "list", "ann").splitlines()[1].split() == [
        "1", "Ann", "Büro", "+493023125009", "mine",
    ]  # fmt: skip
    assert office.json("remote", "contact", "remove", "1") == {"contact": 1, "removed": True}
    assert office.said("remote", "contact", "list").startswith("There is none.")


def test_a_campaign_from_its_making_to_its_end(server: Server, office: Machine) -> None:
    (office.home / "offer.pdf").write_bytes(pdf(1))
    (office.home / "list.csv").write_text(f"Fax;Name\n{End.SENT.number};A\n{End.SENT.number};B\nx;C\n")
    with working(server):
        made = office.said("remote", "campaign", "make", "Spring", "offer.pdf", "--per-minute", "6000", "--between",
                           "00:00", "24:00")  # fmt: skip
        assert made.startswith("Campaign 1, Spring, is made.")
        added = office.said("remote", "campaign", "add", "1", "--csv", "list.csv")
        assert added == "Spring goes to 1 recipient. Left out: 1 already there, 1 no number.\n"
        assert "goes to 2 recipients" in office.said("remote", "campaign", "add", "1", End.BAD_NUMBER.number)
        assert "It is running" in office.said("remote", "campaign", "start", "1")
        watched = office.said("remote", "campaign", "watch", "1", code=1)
    assert watched.splitlines()[-1] == "Campaign 1, Spring. It is finished: 1 sent, 1 failed."
    rows = [line.split()[1:] for line in office.said("remote", "campaign", "recipients", "1").splitlines()]
    assert [End.SENT.number, "A", "sent", "1"] in rows or [End.SENT.number, "A", "sent", "2"] in rows
    assert "6000 faxes a minute, 10 at once." in office.said("remote", "campaign", "show", "1")
    assert office.said("remote", "campaign", "list").splitlines()[1].split()[-3:] == ["2", "1", "1"]
    office.said("remote", "campaign", "make", "Never", "offer.pdf")
    assert office.run("remote", "campaign", "pause", "2").returncode == 1
    assert office.said("remote", "campaign", "remove", "2") == "Campaign 2 is removed.\n"
    both = office.run("remote", "campaign", "add", "1")
    assert (both.returncode, "either numbers, or --csv" in both.stderr) == (2, True)


# ----------------------------------------------------------------------------------------------------- the server's end


def test_a_server_that_is_away_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever were told to try again would send it twice."""
    monkeypatch.setattr(cli_progress.time, "sleep", lambda _seconds: None)
    shown = {each.name: None for each in fields(Fax)} | {
        "id": 1, "direction": "outbound", "to": "+4930123456", "pages": 2, "pages_done": 2, "attempts": 1,
        "most_attempts": 5, "labels": [], "test": False, "created_at": "2026-11-27T12:00:00Z", "final": True,
        "state": "sent",
    }  # fmt: skip
    open_one = shown | {"state": "sending", "final": False, "pages_done": 1}
    answers = [*[AWAY] * 4, answer("200 OK", json.dumps(open_one).encode()), *[b""] * 4, AWAY,
               answer("200 OK", json.dumps(shown).encode())]  # fmt: skip
    said = io.StringIO()
    with serving(answers) as (port, _asked):
        (fax,) = cli_progress.follow(scripted(port, []), [1], cli_progress.Display(said))
    assert fax.state == "sent"
    assert [line[10:] for line in said.getvalue().splitlines()] == [
        "The server is away; waiting for it. The fax is accepted, and not lost.", "Sending: 1 of 2 pages arrived.",
        "The server is away; waiting for it. The fax is accepted, and not lost.", "All 2 pages arrived.",
    ]  # fmt: skip


def test_a_script_is_not_told_to_try_again_what_may_have_been_done(machine: Machine) -> None:
    for more, code, retryable in (((), 1, False), (("--idempotency-key", "order-1"), 3, True)):
        with serving([b""] * 4) as (port, asked):
            machine.environment |= {"FAXPLAN_REMOTE": f"http://127.0.0.1:{port}", "FAXPLAN_API_KEY": KEY}
            done = machine.run("remote", "send", "letter.txt", "+4930123456", "--json", *more)
        said = json.loads(done.stderr)
        key = named(asked[0], "idempotency-key").decode()
        assert (done.returncode, said["retryable"]) == (code, retryable)
        assert f"Repeat the command with --idempotency-key {key}: then it is done once." in said["message"]
        assert KEY not in done.stderr + done.stdout


def test_what_a_server_says_does_not_obey_the_terminal(machine: Machine) -> None:
    wicked = "\\u001b]0;x\\u0007\\u202e"
    named = f'"organisation": "{wicked}", "user": "{wicked}", "email": "e", "key": "k"'
    said = f'{{{named}, "scopes": [], "expires_at": null}}'
    none = b'{"numbers": [], "quotas": []}'
    with serving([answer("200 OK", said.encode()), *[answer("200 OK", none)] * 2]) as (port, _asked):
        machine.environment |= {"FAXPLAN_REMOTE": f"http://127.0.0.1:{port}", "FAXPLAN_API_KEY": KEY}
        done = machine.run("remote", "account")
    assert done.returncode == 0, done.stderr
    assert "\\x1b]0;x\\x07\\u202e" in done.stdout
    assert not {"\x1b", "\x07", "\u202e"} & set(done.stdout)


def test_a_table_of_strangers_does_not_obey_the_terminal(machine: Machine) -> None:
    """What stands in a file of recipients, its author wrote: to a file it goes as it is, and not to a terminal."""
    table = "\ufeffname\r\n\x1b]0;owned\x07Ann\r\n".encode()
    parent, child = pty.openpty()
    with serving([answer("200 OK", table)] * 2) as (port, _asked):
        machine.environment |= {"FAXPLAN_REMOTE": f"http://127.0.0.1:{port}", "FAXPLAN_API_KEY": KEY}
        program = subprocess.run(
            [sys.executable, "-c", WITHOUT_THE_SERVER, "remote", "campaign", "results", "1"], cwd=machine.home,
            env=machine.environment, stdout=child, stderr=subprocess.DEVNULL, check=True, timeout=100,
        )  # fmt: skip
        os.close(child)
        drawn = b""
        with suppress(OSError):
            while part := os.read(parent, 4096):
                drawn += part
        os.close(parent)
        assert "\x1b]0;owned\x07Ann" in machine.said("remote", "campaign", "results", "1")
    assert (program.returncode, drawn) == (0, b"name\r\n\\x1b]0;owned\\x07Ann\r\n")


def test_a_name_with_a_line_in_it_is_no_row(machine: Machine) -> None:
    found = [
        {
            "id": 1,
            "written": "x\n2  +4930123456",
            "number": None,
            "name": "",
            "state": "left-out",
            "why": None,
            "fax": None,
        }
    ]
    none = b'{"recipients": []}'
    with serving([answer("200 OK", json.dumps({"recipients": found}).encode()), answer("200 OK", none)]) as (
        port,
        _asked,
    ):
        machine.environment |= {"FAXPLAN_REMOTE": f"http://127.0.0.1:{port}", "FAXPLAN_API_KEY": KEY}
        assert len(machine.said("remote", "campaign", "recipients", "1").splitlines()) == 2


def test_a_fax_is_sent_again_by_its_readers_key_and_results_are_written(server: Server, office: Machine) -> None:
    (office.home / "password").write_text(PHRASE)
    with working(server):
        office.said("remote", "send", "letter.txt", End.SENT.number)
        again = office.run("remote", "resend", "1", "--password-file", "password", "--to", End.SENT.number)
        assert again.returncode == 0, again.stderr
        assert "It is opened here, by your key." in again.stderr
        office.said("remote", "campaign", "make", "Spring", "letter.txt", "--max-attempts", "1")
        office.said("remote", "campaign", "add", "1", End.BAD_NUMBER.number)
        without = "There is no cover page. Its texts may have: number, name.\n"
        assert office.said("remote", "campaign", "cover", "1") == without
        cover = office.said("remote", "campaign", "cover", "1", "--cover-subject", "Hello")
        assert cover.startswith("Each fax has a cover page.")
        assert office.said("remote", "campaign", "test", "1", End.SENT.number).endswith("shows it.\n")
        assert office.said("remote", "campaign", "cover", "1", "--none") == without
        office.said("remote", "campaign", "start", "1")
        office.said("remote", "campaign", "watch", "1", code=1)
    assert "+15555550104" in office.said("remote", "campaign", "results", "1")
    for code in (0, 1):
        office.said("remote", "campaign", "results", "1", "-o", "results.csv", code=code)
    assert stat.S_IMODE((office.home / "results.csv").stat().st_mode) == 0o600
    made = office.said("remote", "campaign", "clone", "1", "letter.txt", "--recipients", "failed", "--name", "Again")
    assert made.startswith("Campaign 2, Again, is made.")
