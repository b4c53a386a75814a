"""docs/backup.md: its commands make a backup and restore it on a new server, and what becomes of which fax."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from faxplan import cli, documents, mailboxes, postgres, purge_state, transient_readers
from faxplan.call_result import CallResult
from faxplan.config import to_toml
from faxplan.db import Database
from faxplan.document_store import Store
from faxplan.installation import create_installation
from faxplan.purge_state import Restored
from faxplan.transient_readers import KeyGone
from tests import secrets_sought
from tests.db.test_failing_over import settle
from tests.db.test_inbound import arrived, deliver
from tests.faxes import claim, queued
from tests.installations import Installation, server
from tests.world import World, world_on

PROJECT = Path(__file__).parents[2]
PAGE = PROJECT / "docs" / "backup.md"
CARRIER_SAYS_SENT = CallResult("NORMAL_CLEARING", fax_success=True, fax_result_code=0, pages=3)


def commands(chapter: str) -> list[str]:
    """Those of a chapter of the page, in order."""
    (text,) = re.findall(rf"^## {chapter}\n(.*?)(?=^## )", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return re.findall(r"^    (\S.*)$", text, re.MULTILINE)


@contextmanager
def cluster() -> Iterator[postgres.Cluster]:
    """A PostgreSQL server of our own: a backup is restored on another one, and the database has the page's name."""
    directory = Path(tempfile.mkdtemp(prefix="faxplan-backup-test-"))
    directory.chmod(0o711)
    made = postgres.start(directory / "data", durable=False)
    try:
        yield made
    finally:
        made.kill9()
        for folder in {made.data_dir, made.socket_dir, directory}:
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def installation() -> Iterator[Installation]:
    with cluster() as made:
        create_installation(made.superuser_url(), "faxplan")
        yield Installation(made, "faxplan")


@pytest.fixture
def world(installation: Installation, tmp_path: Path) -> Iterator[World]:
    with world_on(installation, tmp_path) as made:
        yield made


class Machine:
    """Runs lines of the page: with our folders for /var/lib/faxplan, /var/backups and /etc, and without root's rights.

    A `runuser -u postgres` is PostgreSQL's superuser, by its name; all others are whom they say they are.
    """

    def __init__(self, world: World, folder: Path) -> None:
        self.state, self.backups, self.etc = world.settings.state_dir, folder / "backups", folder / "etc" / "faxplan"
        self._settings, self._bin = world.settings, folder / "bin"
        self._bin.mkdir()
        self._write("runuser", 'shift 3; PGUSER=postgres exec "$@"')
        self._write("faxplan", f'exec {sys.executable} -m faxplan.cli "$@"')
        self.etc.mkdir(parents=True)
        self.connect(world.installation.cluster)

    def connect(self, to: postgres.Cluster) -> None:
        """From now on this is the PostgreSQL server."""
        url = f"postgresql:///faxplan?host={to.socket_dir}"
        names = ("state_dir", "node", "sandbox")
        given = {name: getattr(self._settings, name) for name in names}
        self.etc.joinpath("faxplan.toml").write_text(to_toml({"database_url": url, **given}))
        self._environment = {
            **os.environ,
            "PATH": f"{self._bin}:{to.programs}:{os.environ['PATH']}",
            "PGHOST": str(to.socket_dir),
            "FAXPLAN_CONFIG": str(self.etc / "faxplan.toml"),
        }

    def run(self, line: str) -> str:
        """What it said. A command that failed fails the test, but for the doctor, who speaks of this machine."""
        line = self._here(line)
        done = subprocess.run(
            ["bash", "-c", line], cwd=PROJECT, env=self._environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0 or line.startswith("faxplan doctor"), f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def call(self, line: str, capfd: pytest.CaptureFixture[str]) -> str:
        """As `run`, of a command of Faxplan, in this process: what it has others do are processes all the same."""
        capfd.readouterr()
        with pytest.MonkeyPatch.context() as patch:
            for name in ("PATH", "PGHOST", "FAXPLAN_CONFIG"):
                patch.setenv(name, self._environment[name])
            code = cli.main(shlex.split(self._here(line))[1:])
        said = "".join(capfd.readouterr())
        assert code == 0, said
        return said

    def _here(self, line: str) -> str:
        for named, ours in (
            ("/var/lib/faxplan", self.state),
            ("/var/backups/faxplan", self.backups),
            ("/etc/faxplan", self.etc),
            ("/usr/local/lib/faxplan/current/share/faxplan", PROJECT),
        ):
            line = line.replace(named, str(ours))
        return line

    def _write(self, name: str, line: str) -> None:
        self._bin.joinpath(name).write_text(f"#!/bin/sh\n{line}\n")
        self._bin.joinpath(name).chmod(0o755)


def tiffs(world: World) -> list[bytes]:
    """What acme's user reads in the own mailbox, the newest first."""
    with world.portal.tenant(world.acme.tenant.id) as tx:
        entries = mailboxes.entries(tx, world.acme.tenant.id, world.acme.user.id)
        ids = [tx.value("select tiff_id from faxes where id = %s", (each.fax_id,)) for each in entries]
        stored = [documents.get(tx, world.acme.tenant.id, each) for each in ids]
    return [world.opened(each) for each in stored]


def test_the_page_s_commands_lead_to_a_backup_and_back(world: World, tmp_path: Path) -> None:
    machine = Machine(world, tmp_path)
    assert deliver(world, arrived(world, uuid="before")) == "received"
    kept = tiffs(world)
    waiting = queued(world, world.acme)
    (key,) = world.store.keys.root.glob("*.key")
    key_of_the_day = key.read_bytes()

    prepared, *taken = commands("Make one by hand")
    machine.run(prepared)
    for line in taken:
        machine.run(line)
        # Between dump and copy as well.
        assert deliver(world, arrived(world, uuid=line.split()[0])) == "received"
    taken_along = list(secrets_sought.files_below(machine.backups))
    assert secrets_sought.in_files(taken_along, {"key": key_of_the_day}) == set()
    assert {path.name for path in taken_along} >= {"faxplan.dump", "faxplan.toml", ".faxplan-store"}

    # What waited goes out; then database and store burn down, and the machine's keys do not.
    (fax,) = claim(world)
    settle(world, fax, CARRIER_SAYS_SENT)
    shutil.rmtree(world.store.root)
    with cluster() as other:
        machine.connect(other)
        restored = Installation(other, "faxplan")
        with restored_world(world, restored, machine) as now:
            assert tiffs(now) == kept
            assert now.fax(now.acme, waiting)["state"] == "queued"
            # As a switch that starts does.
            transient_readers.renew(now.switch, now.store.keys, now.settings.node)
            (again,) = claim(now)
            with pytest.raises(KeyGone):
                now.store.copy_to_send(again.rendering, tmp_path / "pages.tif")
            settle(now, again, CallResult("key-gone", channel=False))
            row = now.fax(now.acme, waiting)
            assert (row["state"], "send it again" in str(row["explanation"])) == ("failed", True)
            with now.admin.across_tenants() as tx:
                assert tx.value("select count(*) from audit where action = 'audit.restored'") == 1


def test_the_page_s_commands_of_faxplan_itself_lead_there_as_well(
    world: World, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The dump is brought back by the account postgres, as root has it done."""
    machine = Machine(world, tmp_path)
    assert deliver(world, arrived(world, uuid="before")) == "received"
    kept = tiffs(world)
    prepared, *taken = commands("Take one")
    machine.run(prepared)
    for line in taken:
        assert "is whole" in machine.call(line, capfd)
    shutil.rmtree(world.store.root)
    with server(world.installation.cluster) as cursor:
        cursor.execute("drop database faxplan with (force)")
    tried, done = commands("Bring one back")
    assert "This would be done" in machine.call(tried, capfd)
    assert not world.store.root.exists()
    keys = world.store.keys.root
    assert len(list(keys.glob("*.key"))) == 1
    assert "faxplan doctor --adopt" in machine.call(done, capfd)
    assert tiffs(world) == kept
    assert list(keys.rglob("*.key")) == []


@contextmanager
def restored_world(world: World, on: Installation, machine: Machine) -> Iterator[World]:
    """The same tenants, once the page's commands have been run; purge refuses until the last one."""
    *lines, last = commands("Restore by hand")
    assert last == "faxplan doctor --adopt"
    for line in lines:
        machine.run(line)
    dbs = {role: Database(on.url(f"faxplan_{role}")) for role in ("admin", "portal", "switch", "worker", "purge")}
    try:
        now = replace(world, installation=on, store=Store.of(world.settings), **dbs)
        with pytest.raises(Restored):
            purge_state.begin(now.purge, now.store)
        assert "are adopted" in machine.run(last)
        purge_state.begin(now.purge, now.store)
        with server(on.cluster) as cursor:
            cursor.execute("create role stranger login")
        assert (may_connect(on, "faxplan_backup"), may_connect(on, "stranger")) == (True, False)
        yield now
    finally:
        for db in dbs.values():
            db.close()


def may_connect(on: Installation, role: str) -> bool:
    with server(on.cluster) as cursor:
        cursor.execute("select has_database_privilege(%s, 'faxplan', 'connect')", (role,))
        return cursor.fetchone() == (True,)
