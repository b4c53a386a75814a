"""Which of several pg_dump a backup takes."""

from pathlib import Path

import pytest

from faxplan import postgres_programs
from faxplan.postgres_programs import NoClientProgram, client_program


def laid(folder: Path, version: str) -> Path:
    """A pg_dump that says so."""
    folder.mkdir(parents=True)
    program = folder / "pg_dump"
    program.write_text(f"#!/bin/sh\necho 'pg_dump (PostgreSQL) {version} (Debian {version}-0)'\n")
    program.chmod(0o755)
    return program


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With 15 and 17 as Debian's packages lay them, and 16 in PATH."""
    monkeypatch.setattr(postgres_programs, "DEBIAN", tmp_path / "debian")
    monkeypatch.setattr(postgres_programs, "PACKAGE", "no_such_package")
    laid(tmp_path / "debian" / "15" / "bin", "15.18")
    laid(tmp_path / "debian" / "17" / "bin", "17beta1")
    laid(tmp_path / "bin", "16.2")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


@pytest.mark.parametrize(("server", "place"), [(14, "debian/15"), (15, "debian/15"), (16, "."), (17, "debian/17")])
def test_the_oldest_that_is_not_older_than_the_server(machine: Path, server: int, place: str) -> None:
    assert client_program("pg_dump", server) == machine / place / "bin" / "pg_dump"


def test_what_is_missing_is_named(machine: Path) -> None:
    with pytest.raises(NoClientProgram, match=r"of PostgreSQL 17, and the server of 18.*postgresql-client-18"):
        client_program("pg_dump", 18)


def test_what_does_not_run_is_none(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (machine / "bin" / "pg_dump").write_text("#!/no/such/shell\n")
    assert client_program("pg_dump", 16) == machine / "debian" / "17" / "bin" / "pg_dump"
    monkeypatch.setenv("PATH", str(machine))
    monkeypatch.setattr(postgres_programs, "DEBIAN", machine / "none")
    with pytest.raises(NoClientProgram, match="not installed"):
        client_program("pg_dump", 15)


def test_the_embedded_one_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(postgres_programs, "DEBIAN", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert postgres_programs.PACKAGE in str(client_program("pg_restore", 18))
