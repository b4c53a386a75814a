import json
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from faxplan import cli, migrations
from faxplan.db import Database
from tests.installations import Installation, Installations


@pytest.fixture
def fresh(all_installations: Installations, monkeypatch: pytest.MonkeyPatch) -> Iterator[Installation]:
    """Not made yet, and named by the settings."""
    installation = all_installations.unused()
    monkeypatch.setenv("FAXPLAN_CONFIG", "/dev/null")
    monkeypatch.setenv("FAXPLAN_DATABASE_URL", installation.url(""))
    yield installation
    installation.dispose()


def said(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    capsys.readouterr()
    assert cli.main(arguments) == code
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    return err if code else out


def audited(installation: Installation) -> list[str]:
    db = Database(installation.url("faxplan_admin"))
    try:
        with db.across_tenants() as tx:
            return [row["action"] for row in tx.rows("select action from audit")]
    finally:
        db.close()


def doctor(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """What it looked at, and what to do about each."""
    capsys.readouterr()
    cli.main(["doctor", "--json"])
    return {each["what"]: each["remedy"] for each in json.loads(capsys.readouterr().out)}


def test_a_database_is_made_once(fresh: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, "database", "create")
    assert out.startswith(f"Database {fresh.database} is made, with Faxplan's roles and tables.\n")
    assert "pg_hba.conf" in out
    assert said(capsys, "database", "create") == f"Database {fresh.database} is up to date.\n"
    assert said(capsys, "tenant", "list").startswith("There is no tenant yet.")
    assert audited(fresh) == ["database.create"]
    remedies = " ".join(doctor(capsys)[what] for what in ("trunks", "routes", "DIDs"))
    named = ("trunk add", "route add", "tenant add", "user add", "did add")
    assert [command for command in named if f"`faxplan {command}" not in remedies] == []


def test_it_can_be_made_without_any_settings(
    fresh: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("FAXPLAN_DATABASE_URL")
    where = ("--database", fresh.database, "--superuser-url", fresh.cluster.superuser_url())
    made = json.loads(said(capsys, "database", "create", *where, "--json"))
    assert made == {"database": fresh.database, "created": True, "applied": []}
    assert said(capsys, "database", "migrate", *where) == f"Database {fresh.database} is up to date.\n"


def test_a_database_is_brought_up_to_date(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for each in migrations.available():
        (tmp_path / each.path.name).write_text(each.path.read_text())
    last = f"{len(migrations.available()) + 1:04}_later.sql"
    (tmp_path / last).write_text("create table later (id integer);")
    available = migrations.available
    monkeypatch.setattr("faxplan.migrations.available", lambda *_: available(tmp_path))
    monkeypatch.setenv("FAXPLAN_CONFIG", "/dev/null")
    monkeypatch.setenv("FAXPLAN_DATABASE_URL", installation.url(""))
    assert "Bring it up to date" in doctor(capsys)["schema"]
    assert said(capsys, "database", "migrate") == f"Database {installation.database} has had: {last}.\n"
    assert audited(installation) == ["database.migrate"]
    assert doctor(capsys)["schema"] == ""


def test_settings_that_may_not_be_read_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(self: Path) -> bool:
        raise PermissionError(13, "Permission denied", str(self))

    for name in ("FAXPLAN_CONFIG", "FAXPLAN_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("faxplan.config.DEFAULT_FILE", tmp_path / "faxplan.toml")
    monkeypatch.setattr(Path, "exists", refuse)
    err = said(capsys, "tenant", "list", code=1)
    assert err.startswith(f"faxplan: {tmp_path / 'faxplan.toml'}: Permission denied. Run it as root")


def test_a_server_that_refuses_says_what_to_do(fresh: Installation, capsys: pytest.CaptureFixture[str]) -> None:
    away = said(capsys, "database", "create", "--superuser-url", "postgresql:///postgres?host=/nowhere", code=3)
    assert "is the URL a superuser's?" in away
    weak = fresh.cluster.url("postgres", "faxplan_portal")
    assert "Give the URL of a superuser" in said(capsys, "database", "create", "--superuser-url", weak, code=1)
    assert "libpq URL" in said(capsys, "database", "migrate", "--superuser-url", "host=/tmp", code=1)
    with pytest.raises(psycopg2.OperationalError, match="does not exist"):
        psycopg2.connect(fresh.url("postgres"))
    assert said(capsys, "database", "migrate", code=3).startswith("faxplan: PostgreSQL does not let us in")
