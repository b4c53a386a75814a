"""`faxplan upgrade`: what it does in which order, and what it undoes, with a FreeSWITCH that answers as told."""

import os
import shutil
import signal
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import psycopg2
import pytest

from faxplan import cli, machine_turn, migrations, upgrade
from faxplan.db import Database
from faxplan.machine_turn import MachineBusy
from faxplan.migrations import MigrationFailed
from faxplan.releases import NoRelease, Releases
from faxplan.upgrade import CutOff, DatabaseTooNew, NotTaken, RestartNeeded, Upgrade, Upgraded
from tests.bench.whole import write_settings
from tests.db.test_guard import EventSocketOfFreeSwitch
from tests.killed import HOW_MANY, changes, chosen, kill_before
from tests.world import World

MIGRATED = '#!/bin/sh\necho "$@" >>{log}\n'
FAILED = "#!/bin/sh\necho a lock was not free >&2\nexit 1\n"


class Switch(EventSocketOfFreeSwitch):
    """Answers `python fax_queue::COMMAND` as the server's `answers` have it."""

    def handle(self) -> None:
        self.wfile.write(b"Content-Type: auth/request\n\n")
        while command := self._command():
            self.server.asked.append(command.removeprefix("api python fax_queue::"))
            if command.startswith("auth "):
                self.wfile.write(b"Content-Type: command/reply\nReply-Text: +OK accepted\n\n")
            else:
                name = command.partition("::")[2]
                self._respond(self.server.answers.get(name, f"-ERR no answer for {name}\n"))


@dataclass
class Box:
    """A machine with two releases, of which 0.1.0 is in force."""

    world: World
    releases: Releases
    log: Path
    asked: list[str]
    answers: dict[str, str]
    settings_port: int
    said: list[str] = field(default_factory=list)
    admin: Database | None = None

    def upgrading(self) -> Upgrade:
        password = self.log.with_name("password")
        password.write_text("ClueCon\n")
        settings = replace(
            self.world.settings,
            event_socket=f"127.0.0.1:{self.settings_port}",
            event_socket_password_file=password,
        )
        return Upgrade(settings, self.admin or self.world.admin, self.releases, self.said.append)

    def to(self, version: str, *, switch_later: bool = False) -> Upgraded:
        return self.upgrading().to(version, superuser_url="postgresql://x", switch_later=switch_later)

    def picture(self) -> dict[str, str]:
        """Below the prefix, but for the lock, which tells who had it."""
        found = {}
        for path in self.releases.prefix.rglob("*"):
            if path.name != machine_turn.NAME:
                what = "a folder" if path.is_dir() else path.read_text()
                found[str(path.relative_to(self.releases.prefix))] = str(path.readlink()) if path.is_symlink() else what
        return found

    def questions(self) -> list[str]:
        return [each for each in self.asked if not each.startswith("auth ")]


@contextmanager
def event_socket() -> Iterator[socketserver.ThreadingTCPServer]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Switch) as server:
        server.daemon_threads = True
        server.block_on_close = False
        server.asked, server.answers = [], {}  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


@pytest.fixture
def box(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Box]:
    monkeypatch.setattr(upgrade, "_SYSTEMD", tmp_path / "no-systemd")
    releases, log = Releases(tmp_path / "prefix"), tmp_path / "migrated"
    level = len(migrations.available())
    for version in ("0.1.0", "0.1.1"):
        make(releases, version, level, log)
    releases.put_in_force("0.1.0")
    with event_socket() as server:
        server.answers |= {  # type: ignore[attr-defined]
            "upgrade check 0.1.1": "+OK what is loaded suits 0.1.1\n",
            "upgrade check 0.1.0": "+OK what is loaded suits 0.1.0\n",
            "upgrade": "+OK 0.1.1 is in force; its runtime has taken over from 0.1.0\n",
            "alive": "+OK 0.1.1\n",
            "releases": "0.1.0 ending 1\n0.1.1 in-force 1\n",
        }
        yield Box(world, releases, log, server.asked, server.answers, server.server_address[1])  # type: ignore[attr-defined]


def make(releases: Releases, version: str, level: int, log: Path, program: str = MIGRATED) -> None:
    folder = releases.of(version)
    chain = folder / "share" / "faxplan" / "migrations"
    chain.mkdir(parents=True)
    for number in range(1, level + 1):
        (chain / f"{number:04d}_some.sql").touch()
    (folder / "bin").mkdir()
    (folder / "bin" / "faxplan").write_text(program.format(log=log))
    (folder / "bin" / "faxplan").chmod(0o755)


def test_freeswitch_takes_it_and_nothing_else_is_changed(box: Box) -> None:
    done = box.to("0.1.1")
    assert (done.version, done.before, done.removed) == ("0.1.1", "0.1.0", [])
    assert (box.releases.current(), box.releases.previous()) == ("0.1.1", "0.1.0")
    assert box.questions() == ["upgrade check 0.1.1", "upgrade", "alive", "releases"]
    assert not box.log.exists()
    (to_do,) = done.to_do
    assert to_do.startswith("There is no systemd here")


def test_migrations_come_before_the_new_release_is_in_force(box: Box) -> None:
    level = len(migrations.available())
    make(box.releases, "0.1.2", level + 1, box.log)
    box.answers["upgrade check 0.1.2"] = "+OK\n"
    box.answers["alive"] = "+OK 0.1.2\n"
    box.to("0.1.2")
    assert box.log.read_text() == "database migrate --superuser-url postgresql://x\n"
    assert "brings the database up to date: 1 migration(s)" in box.said
    assert box.said.index("puts 0.1.2 in force") > box.said.index("brings the database up to date: 1 migration(s)")


def test_a_migration_that_fails_changes_nothing(box: Box) -> None:
    make(box.releases, "0.1.2", len(migrations.available()) + 1, box.log, FAILED)
    box.answers["upgrade check 0.1.2"] = "+OK\n"
    with pytest.raises(MigrationFailed, match=r"nothing else was changed: a lock was not free\nRun it yourself"):
        box.to("0.1.2")
    assert (box.releases.current(), box.questions()) == ("0.1.0", ["upgrade check 0.1.2"])


def test_a_release_from_which_something_was_taken_away_is_refused(box: Box) -> None:
    level = len(migrations.available())
    make(box.releases, "0.0.9", level, box.log)
    box.releases.put_in_force("0.0.9")
    box.releases.put_in_force("0.1.0")
    taken_away(box.world, level + 1)
    make(box.releases, "0.2.0", level + 1, box.log)
    box.releases.put_in_force("0.2.0")
    for attempt in (
        lambda: box.to("0.0.9"),
        lambda: box.upgrading().plan("0.0.9"),
        lambda: box.upgrading().back(switch_later=False),
    ):
        with pytest.raises(DatabaseTooNew, match="_contract_calls, which took away what release"):
            attempt()
    assert (box.releases.current(), box.questions()) == ("0.2.0", [])


def test_a_release_below_a_database_that_only_has_more_is_taken(box: Box) -> None:
    make(box.releases, "0.0.9", len(migrations.available()) - 1, box.log)
    box.answers |= {"upgrade check 0.0.9": "+OK\n", "alive": "+OK 0.0.9\n"}
    assert box.to("0.0.9").version == "0.0.9"
    assert not box.log.exists()


def taken_away(world: World, number: int) -> None:
    """The database has had a migration that took something away."""
    with psycopg2.connect(world.installation.url("postgres")) as connection, connection.cursor() as cursor:
        cursor.execute("insert into schema_migration (number, name) values (%s, 'contract_calls')", (number,))
    connection.close()


@pytest.mark.parametrize(
    "answers",
    [
        {"upgrade": "-ERR not-importable: release 0.1.1 cannot be taken: ValueError: x; 0.1.0 stays in force\n"},
        {"alive": "+OK 0.1.0\n"},
    ],
)
def test_what_freeswitch_does_not_take_is_not_in_force(box: Box, answers: dict[str, str]) -> None:
    box.answers |= answers
    with pytest.raises(NotTaken, match=r"has not taken 0\.1\.1; the release before is in force"):
        box.to("0.1.1")
    assert (box.releases.current(), box.releases.previous()) == ("0.1.0", None)


RESTART = "-ERR restart-needed: this FreeSWITCH has loaded other versions: a 2, and 1 is loaded from /x; b 3, and 1 is \
loaded from /x; 0.1.0 stays in force\n"


def test_where_a_restart_is_needed_nothing_is_changed_but_on_demand(box: Box) -> None:
    box.answers["upgrade check 0.1.1"] = RESTART
    with pytest.raises(RestartNeeded, match=r"a 2, and 1 is loaded from /x; b 3, and 1 is loaded from /x\. Nothing"):
        box.to("0.1.1")
    assert box.releases.current() == "0.1.0"
    done = box.to("0.1.1", switch_later=True)
    assert box.releases.current() == "0.1.1"
    assert "upgrade" not in box.questions()
    assert "fsctl shutdown elegant restart" in done.to_do[0]


def test_a_freeswitch_that_does_not_run_takes_it_when_it_starts(box: Box) -> None:
    box.settings_port = 1
    done = box.to("0.1.1")
    assert box.releases.current() == "0.1.1"
    assert done.to_do[0].endswith("It takes 0.1.1 when it starts.")


@pytest.mark.parametrize("answer", ["", "-ERR fax_queue::upgrade no reply\n"])
def test_a_freeswitch_with_other_scripts_is_left_alone(box: Box, answer: str) -> None:
    box.answers["upgrade check 0.1.1"] = answer
    with pytest.raises(NotTaken, match="come with `faxplan install`"):
        box.to("0.1.1")
    assert box.releases.current() == "0.1.0"


def test_back_leads_to_the_release_before_and_to_and_fro(box: Box) -> None:
    with pytest.raises(NoRelease, match=r"no release before 0\.1\.0"):
        box.upgrading().back(switch_later=False)
    box.to("0.1.1")
    box.answers |= {"upgrade": "+OK 0.1.0 is in force\n", "alive": "+OK 0.1.0\n"}
    assert box.upgrading().back(switch_later=False).version == "0.1.0"
    assert (box.releases.current(), box.releases.previous()) == ("0.1.0", "0.1.1")


def cut_off(box: Box, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    """An upgrade whose process was killed when `current` led to the new release, and nobody had been told."""
    with monkeypatch.context() as patch:
        patch.setattr(Upgrade, "_have_taken", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        assert kill_before(lambda: in_a_fork(box).to(version), 1_000_000)
    assert box.releases.current() == version
    box.asked.clear()


def in_a_fork(box: Box) -> Box:
    """With connections of its own."""
    return replace(box, admin=Database(box.world.settings.database_url_for("admin")))


def test_one_that_was_cut_off_is_brought_to_its_end_by_the_next(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    cut_off(box, monkeypatch, "0.1.1")
    with pytest.raises(CutOff, match=r"from 0\.1\.0 to 0\.1\.1 was cut off"):
        box.upgrading().back(switch_later=False)
    assert (box.to("0.1.1").before, box.releases.previous()) == ("0.1.0", "0.1.0")
    assert box.questions() == ["upgrade check 0.1.1", "upgrade", "alive", "releases"]
    assert box.to("0.1.1").before == "0.1.1"
    assert box.said[-1] == "release 0.1.1 is in force already"


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_free(box: Box) -> bool:
    try:
        with box.releases.turn("a test"):
            return True
    except MachineBusy:
        return False


@HOW_MANY
def test_one_that_was_killed_anywhere_is_brought_to_its_end_or_undone(box: Box, some: int | None) -> None:
    """From 0.1.0, before which 0.0.9 was in force, to 0.1.1, while nobody needs 0.0.8 and 0.0.9 any more."""
    level = len(migrations.available())
    for version in ("0.0.8", "0.0.9"):
        make(box.releases, version, level, box.log)
    make(box.releases, "0.1.2", level + 1, box.log)
    box.answers |= {"upgrade check 0.1.2": "+OK\n", "alive": "+OK 0.1.2\n", "releases": "0.1.2 in-force 1\n"}
    kept = box.releases.prefix.with_name("kept")
    shutil.copytree(box.releases.prefix, kept, symlinks=True)

    def anew() -> None:
        shutil.rmtree(box.releases.prefix)
        shutil.copytree(kept, box.releases.prefix, symlinks=True)
        box.releases.put_in_force("0.0.9")
        box.releases.put_in_force("0.1.0")

    anew()
    count = len(changes(lambda: in_a_fork(box).to("0.1.2")))
    there = box.picture()
    assert (box.releases.current(), box.releases.previous(), box.releases.made()) == (
        "0.1.2", "0.1.0", ["0.1.0", "0.1.2"],
    )  # fmt: skip
    assert count > 20
    for number in chosen(count, some, 4):
        for undone in (False, True):
            anew()
            box.answers |= {"alive": "+OK 0.1.2\n", "releases": "0.1.2 in-force 1\n"}
            assert kill_before(lambda: in_a_fork(box).to("0.1.2"), number)
            if not undone:
                box.to("0.1.2")
                assert box.picture() == there, number
                continue
            box.answers |= {"alive": "+OK 0.1.0\n", "releases": "0.1.0 in-force 1\n0.0.9 packages 0\n"}
            was_over = box.releases.half_taken() is None and box.releases.current() == "0.1.2"
            box.to("0.1.0")
            # One that was over is no more undone, but gone back from.
            before = "0.1.2" if was_over else "0.0.9"
            assert (box.releases.current(), box.releases.previous()) == ("0.1.0", before), number
            box.answers |= {"alive": f"+OK {before}\n", f"upgrade check {before}": "+OK\n"}
            assert box.upgrading().back(switch_later=False).version == before


def test_a_way_back_that_was_cut_off_names_both_releases(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed after the note, before a link was turned: both links lead to the release before."""
    make(box.releases, "0.0.9", len(migrations.available()), box.log)
    box.releases.put_in_force("0.0.9")
    box.releases.put_in_force("0.1.0")
    with monkeypatch.context() as patch:
        patch.setattr(Releases, "lead", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        assert kill_before(lambda: in_a_fork(box).to("0.1.1"), 1_000_000)
    with pytest.raises(CutOff, match=r"faxplan upgrade 0\.1\.1, or faxplan upgrade 0\.1\.0"):
        box.upgrading().back(switch_later=False)


def test_what_a_killed_one_has_started_keeps_the_next_out(box: Box) -> None:
    """A migration goes on without whoever started it."""
    started, over = box.log.with_name("started"), box.log.with_name("over")
    waits = f"#!/bin/sh\ntouch {started}\nfor i in $(seq 400); do test -e {over} && exit 0; sleep 0.05; done\n"
    make(box.releases, "0.1.2", len(migrations.available()) + 1, box.log, waits)
    box.answers |= {"upgrade check 0.1.2": "+OK\n", "alive": "+OK 0.1.2\n"}
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            in_a_fork(box).to("0.1.2")
        os._exit(1)
    until(started.exists)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    killed = r"upgrade 0\.1\.2, process \d+, since .*, was killed, and what it had started .*: process \d+ \(faxplan\)"
    with pytest.raises(MachineBusy, match=killed):
        box.to("0.1.2")
    assert box.releases.current() == "0.1.0"
    over.touch()
    until(lambda: is_free(box))
    assert box.to("0.1.2").version == "0.1.2"


def test_one_that_was_cut_off_can_be_undone(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    cut_off(box, monkeypatch, "0.1.1")
    box.answers |= {"upgrade": "+OK 0.1.0 is in force already\n", "alive": "+OK 0.1.0\n"}
    box.to("0.1.0")
    assert (box.releases.current(), box.questions()[:3]) == ("0.1.0", ["upgrade check 0.1.0", "upgrade", "alive"])


def test_releases_that_nobody_needs_go(box: Box) -> None:
    for version in ("0.0.7", "0.0.8"):
        make(box.releases, version, 1, box.log)
    box.answers["releases"] = "0.1.0 ending 0\n0.1.1 in-force 1\n0.0.8 packages 0\n"
    assert box.to("0.1.1").removed == ["0.0.7"]
    assert box.releases.made() == ["0.0.8", "0.1.0", "0.1.1"]


def test_none_goes_while_nobody_says_what_is_used(box: Box) -> None:
    make(box.releases, "0.0.7", 1, box.log)
    box.answers["releases"] = "-ERR NameError\n"
    assert box.to("0.1.1").removed == []


def test_the_command_says_what_it_would_do_and_does_it(
    box: Box, world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_settings(world)
    password = box.log.with_name("password")
    password.write_text("ClueCon\n")
    with file.open("a") as settings:
        settings.write(f'event_socket = "127.0.0.1:{box.settings_port}"\nevent_socket_password_file = "{password}"\n')
    monkeypatch.setenv("FAXPLAN_CONFIG", str(file))
    prefix = ["--prefix", str(box.releases.prefix)]
    assert cli.main(["upgrade", "0.1.1", "--dry-run", *prefix]) == 0
    planned = capsys.readouterr().out
    assert "current would lead to 0.1.1, and no more to 0.1.0" in planned
    assert box.questions() == []
    assert cli.main(["upgrade", "0.1.1", *prefix]) == 0
    done = capsys.readouterr().out
    assert "FreeSWITCH says: 0.1.1 is in force; its runtime has taken over from 0.1.0" in done
    assert done.endswith("Release 0.1.1 is in force. `faxplan upgrade --back` leads back to 0.1.0.\n")
    assert cli.main(["upgrade", "0.1.1", *prefix]) == 0
    assert capsys.readouterr().out == "release 0.1.1 is in force already\n"
    for wrong in ([], ["0.1.0", "--back"], ["--back", "--dry-run"]):
        with pytest.raises(SystemExit):
            cli.main(["upgrade", *wrong, *prefix])
