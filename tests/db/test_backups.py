"""`faxplan backup` and `faxplan restore`: on another server, which never had the first one's secrets, a sealed fax is
opened with its owner's password; and what is missing or damaged is named."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from faxplan import (
    audit_key,
    backup_manifest,
    cli,
    documents,
    enrolment,
    mailboxes,
    postgres,
    postgres_programs,
    purge_state,
    transient_readers,
)
from faxplan.call_result import CallResult
from faxplan.config import Settings, to_toml
from faxplan.db import Database
from faxplan.document_store import Store
from faxplan.enrolment import Secret
from faxplan.keyring import Keyring
from faxplan.purge_state import Restored
from faxplan.transient_readers import KeyGone
from tests import secrets_sought
from tests.db.test_backup import CARRIER_SAYS_SENT, cluster
from tests.db.test_failing_over import settle
from tests.db.test_inbound import arrived, deliver
from tests.db.test_what_a_dump_opens import submit
from tests.faxes import claim, queued
from tests.installations import Installation
from tests.world import PHRASE, World, world

__all__ = ["world"]


@contextmanager
def machine(settings: Settings, at: Installation, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Commands run on this one: its settings file, and PostgreSQL's programs in PATH."""
    folder.mkdir(exist_ok=True)
    file = folder / "faxplan.toml"
    # A password that the server does not ask for.
    url = f"postgresql://:hunter2@/{at.database}?host={at.cluster.socket_dir}"
    given = {name: getattr(settings, name) for name in ("state_dir", "node", "sandbox")}
    secret = folder / "event_socket_password"
    secret.write_text("topsecret of the switch")
    file.write_text(to_toml({"database_url": url, "event_socket_password_file": secret, **given}))
    with monkeypatch.context() as patch:
        patch.setenv("FAXPLAN_CONFIG", str(file))
        patch.setenv("PATH", f"{at.cluster.programs}:{os.environ['PATH']}")
        yield file


def said(capfd: pytest.CaptureFixture[str], *words: object, code: int = 0) -> str:
    capfd.readouterr()
    got = cli.main([str(each) for each in words])
    out, err = capfd.readouterr()
    assert got == code, out + err
    assert "Traceback" not in err
    return out + err


def letters(office_world: World) -> dict[str, list[bytes]]:
    """The PDF of each fax that acme's user received, and the pages and original of each that was sent, opened with what
    the password opens."""
    tenant = office_world.acme.tenant.id
    ring = by_password(office_world)
    found: dict[str, list[bytes]] = {"received": [], "sent": []}
    with office_world.portal.tenant(tenant) as tx:
        entries = mailboxes.entries(tx, tenant, office_world.acme.user.id)
        ids = {"received": [tx.value("select pdf_id from faxes where id = %s", (each.fax_id,)) for each in entries]}
        rows = tx.rows(
            """select r.document_id, r.original_id from faxes f join renderings r on r.id = f.rendering_id
               where f.state = 'sent' order by f.id"""
        )
        ids["sent"] = [row[name] for row in rows for name in ("document_id", "original_id")]
        opened = {kind: [documents.opened(tx, tenant, each, ring) for each in ids[kind]] for kind in ids}
    for kind, each in opened.items():
        for stored, key in each:
            with office_world.store.open(stored, key) as content:
                found[kind].append(content.read())
    return found


def by_password(office_world: World) -> Keyring:
    """What the user's password opens, with nothing but the rows of the database."""
    return enrolment.unlock(office_world.portal, office_world.acme.user, Secret(PHRASE))


def test_elsewhere_a_sealed_fax_is_opened_with_its_owner_s_password(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    signer = audit_key.load_or_make(world.settings.audit_key)
    submit(world, tmp_path, "a letter that was sent")
    (sent,) = claim(world)
    settle(world, sent, replace(CARRIER_SAYS_SENT, pages=1))
    assert deliver(world, arrived(world, uuid="before")) == "received"
    kept = letters(world)
    assert {kind: len(each) for kind, each in kept.items()} == {"received": 1, "sent": 2}
    assert kept["received"][0].startswith(b"%PDF")
    waiting = queued(world, world.acme)
    backup = tmp_path / "backups" / "one"
    with machine(world.settings, world.installation, tmp_path / "etc", monkeypatch):
        assert "Make it, for root alone" in said(capfd, "backup", backup, code=1)
        backup.parent.mkdir()
        told = said(capfd, "backup", backup)
    assert f"{backup} is whole" in told
    assert "event_socket_password: the password of the event socket" in told
    assert str(world.settings.audit_key) in told
    (key,) = world.store.keys.root.glob("*.key")
    secrets = {"day": key.read_bytes(), "audit": signer.private_text.encode(), "switch": b"topsecret",
               "password": b"hunter2", "user": world.keyrings[world.acme.tenant.id].raw}  # fmt: skip
    assert secrets_sought.in_files(list(secrets_sought.files_below(backup)), secrets) == set()
    assert signer.verifier.vkey in (backup / "audit_vkey").read_text()
    # As a program of the system reads it.
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=backup, check=True)
    assert oct(backup.stat().st_mode & 0o777) == "0o700"

    # Another server, another machine; the first one burns down, with all its secrets.
    moved = tmp_path / "elsewhere"
    shutil.move(backup, moved)
    shutil.rmtree(world.settings.state_dir)
    shutil.rmtree(tmp_path / "etc")
    settings = replace(world.settings, state_dir=tmp_path / "second" / "state", spool_dir=None)
    settings.state_dir.mkdir(parents=True)
    with cluster() as other, machine(settings, Installation(other, "faxplan"), tmp_path / "etc2", monkeypatch):
        url = ("--superuser-url", other.superuser_url())
        assert "This would be done" in said(capfd, "restore", moved, "--dry-run", *url)
        assert not settings.store.exists()
        assert "for the audit" in said(capfd, "restore", moved, *url, code=1)
        assert "faxplan doctor --adopt" in said(capfd, "restore", moved, "--reason", "it burnt down", *url)
        assert "has 2 tenants" in said(capfd, "restore", moved, "--reason", "again", *url, code=1)
        with restored(world, Installation(other, "faxplan"), settings) as now:
            assert letters(now) == kept
            with pytest.raises(Restored):
                purge_state.begin(now.purge, now.store)
            assert "are adopted" in adopted(capfd)
            purge_state.begin(now.purge, now.store)
            fails_for_want_of_a_key(now, waiting, tmp_path / "pages.tif")
            with now.admin.across_tenants() as tx:
                (details,) = (
                    r["details"] for r in tx.rows("select details from audit where action = 'audit.restored'")
                )
            assert details["reason"] == "it burnt down"
        put_aside(capfd, other, moved, url)


def fails_for_want_of_a_key(now: World, fax: int, pages: Path) -> None:
    """What waited, and it says so."""
    now.store.keys.prepare()
    transient_readers.renew(now.switch, now.store.keys, now.settings.node)
    (again,) = claim(now)
    with pytest.raises(KeyGone):
        now.store.copy_to_send(again.rendering, pages)
    settle(now, again, CallResult("key-gone", channel=False))
    row = now.fax(now.acme, fax)
    assert (row["state"], "send it again" in str(row["explanation"])) == ("failed", True)


def adopted(capfd: pytest.CaptureFixture[str]) -> str:
    """The doctor has more to say of such a machine."""
    capfd.readouterr()
    cli.main(["doctor", "--adopt"])
    return "".join(capfd.readouterr())


def put_aside(capfd: pytest.CaptureFixture[str], other: postgres.Cluster, backup: Path, url: tuple[str, ...]) -> None:
    """A database that is there goes nowhere without a word, nor while somebody works with it."""
    aside = ("restore", backup, "--reason", "once more", "--replace-as", "faxplan_before", *url)
    with psycopg2.connect(other.url("faxplan", "faxplan_portal"), application_name="the portal"):
        assert "(the portal, as faxplan_portal)" in said(capfd, *aside, code=1)
    psycopg2.connect(other.superuser_url()).close()
    ended(other)
    said(capfd, *aside)
    assert "There is a database faxplan_before already" in said(capfd, *aside, code=1)
    ended(other)
    with psycopg2.connect(other.superuser_url("faxplan_before")) as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from tenants")
        assert cursor.fetchone() == (2,)
    connection.close()


def ended(at: postgres.Cluster) -> None:
    """Whoever is connected to the database is thrown out."""
    Installation(at, "faxplan").end_connections("faxplan_portal")


@contextmanager
def restored(world: World, on: Installation, settings: Settings) -> Iterator[World]:
    dbs: dict[str, Any] = {
        role: Database(on.url(f"faxplan_{role}")) for role in ("admin", "portal", "switch", "worker", "purge")
    }
    try:
        yield replace(world, installation=on, store=Store.of(settings), settings=settings, **dbs)
    finally:
        for db in dbs.values():
            db.close()


@pytest.fixture
def backed_up(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> tuple[World, Path]:
    """A backup of a world on this run's server."""
    assert deliver(world, arrived(world, uuid="before")) == "received"
    monkeypatch.setenv("FAXPLAN_CONFIG", "/dev/null")
    monkeypatch.setenv("FAXPLAN_DATABASE_URL", world.installation.url(""))
    monkeypatch.setenv("FAXPLAN_STATE_DIR", str(world.settings.state_dir))
    monkeypatch.setenv("PATH", f"{world.installation.cluster.programs}:{os.environ['PATH']}")
    said(capfd, "backup", tmp_path / "one")
    return world, tmp_path / "one"


def objects(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "store").rglob("*") if len(path.name) == 32)


def test_the_next_one_has_links_and_what_came_since(
    backed_up: tuple[World, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    world, one = backed_up
    two = one.with_name("two")
    assert deliver(world, arrived(world, uuid="since")) == "received"
    made = json.loads(said(capfd, "backup", two, "--link-dest", one, "--json"))
    assert (made["linked"], made["manifest"]["objects"]) == (len(objects(one)), len(objects(two)))
    assert len(objects(two)) == 2 * len(objects(one)) > 0
    same = {path.name for path in objects(one)}
    assert {path.name for path in objects(two) if path.stat().st_nlink == 2} == same
    assert "is whole" in said(capfd, "backup", "verify", two)
    # Each stands by itself.
    shutil.rmtree(one)
    assert "is whole" in said(capfd, "backup", "verify", two)


def test_what_is_damaged_missing_or_added_is_named_and_nothing_is_restored(
    backed_up: tuple[World, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    world, one = backed_up
    gone, changed, *_ = objects(one)
    gone.unlink()
    changed.write_bytes(changed.read_bytes()[:-1] + b"!")
    (one / "faxplan.dump").write_bytes((one / "faxplan.dump").read_bytes()[:-9])
    (one / "store" / "later").write_text("x")
    before = {path.name for path in world.stored()}
    named = (
        f"store/{gone.parent.name}/{gone.name} is missing.",
        f"store/{changed.parent.name}/{changed.name} is not what was written.",
        "faxplan.dump is not what was written.",
        "store/later was added.",
    )
    for command in (("backup", "verify", one), ("restore", one, "--reason", "x", "--replace-as", "aside")):
        wrong = said(capfd, *command, code=1)
        assert [each for each in named if each not in wrong] == []
    assert {path.name for path in world.stored()} == before
    (one / "SHA256SUMS").write_text((one / "SHA256SUMS").read_text() + "\n")
    assert "SHA256SUMS is not what was written" in said(capfd, "backup", "verify", one, code=1)
    manifest = json.loads((one / "manifest.json").read_text())
    (one / "manifest.json").unlink()
    assert "never finished" in said(capfd, "backup", "verify", one, code=1)
    assert set(manifest) >= {"release", "level", "taken_at", "nodes", "tenants", "documents", "objects", "sums"}


def test_one_of_a_newer_release_waits_for_that(
    backed_up: tuple[World, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    _, one = backed_up
    manifest = json.loads((one / "manifest.json").read_text())
    (one / "manifest.json").write_text(json.dumps(manifest | {"level": 9999, "release": "7.0"}))
    wrong = said(capfd, "restore", one, "--reason", "x", "--replace-as", "aside", code=1)
    assert "of release 7.0 (schema 9999), newer than this one" in wrong


def test_one_that_is_cut_off_has_no_name_and_is_in_nobody_s_way(
    backed_up: tuple[World, Path],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, one = backed_up
    two = one.with_name("two")
    assert "is there already" in said(capfd, "backup", one, code=1)
    path = os.environ["PATH"]
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(postgres_programs, "DEBIAN", tmp_path)
    monkeypatch.setattr(postgres_programs, "PACKAGE", "no_such_package")
    assert "pg_dump is not installed" in said(capfd, "backup", two, code=1)
    assert not two.exists()
    older = tmp_path / "pg_dump"
    older.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.1'\n")
    older.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "Install postgresql-client-" in said(capfd, "backup", two, code=1)
    monkeypatch.setenv("PATH", path)
    left = two.with_name(".two.unfinished")
    (left / "store").mkdir(parents=True)
    (left / "store" / "half").write_text("x")
    assert "is whole" in said(capfd, "backup", two)
    assert not left.exists()
    assert not (two / "store" / "half").exists()


def test_a_document_that_the_store_has_lost_is_told(
    backed_up: tuple[World, Path], capfd: pytest.CaptureFixture[str]
) -> None:
    world, one = backed_up
    lost = max(path.name for path in world.stored() if len(path.name) == 32)
    world.store.delete(lost)
    told = said(capfd, "backup", one.with_name("two"), code=1)
    assert f"names and that were not in the store: 1 ({lost})." in told
    assert backup_manifest.read(one.with_name("two")).lost == 1


def test_what_is_no_backup_of_ours_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert "has no manifest.json" in said(capfd, "backup", "verify", tmp_path, code=1)
    (tmp_path / "manifest.json").write_text("{")
    assert "is damaged" in said(capfd, "backup", "verify", tmp_path, code=1)
    (tmp_path / "manifest.json").write_text('{"format": 2}')
    assert "is a backup of format 2" in said(capfd, "backup", "verify", tmp_path, code=1)
