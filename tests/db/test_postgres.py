"""The embedded PostgreSQL, each test with a cluster of its own: they stop it and crash it."""

import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from faxplan import postgres, postgres_account
from faxplan.postgres import Cluster, ClusterFailed


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that the account which runs PostgreSQL can reach; pytest's tmp_path is closed to it."""
    directory = Path(tempfile.mkdtemp(prefix="faxplan-postgres-test-"))
    directory.chmod(0o711)
    yield directory
    for data in directory.rglob("data"):
        cluster = postgres.at(data)
        cluster.kill9()
        shutil.rmtree(cluster.data_dir)
        if cluster.socket_dir != cluster.data_dir:
            shutil.rmtree(cluster.socket_dir)
    shutil.rmtree(directory)


def test_survives_a_crash_with_its_data(place: Path) -> None:
    cluster = postgres.start(place / "data")
    _execute(cluster, "create table kept as select 42 as answer")
    cluster.kill9()
    assert not cluster.running()
    again = postgres.start(place / "data")
    assert _execute(again, "select answer from kept") == 42


def test_starting_twice_finds_the_same_server(place: Path) -> None:
    first = postgres.start(place / "data", durable=False)
    assert postgres.start(place / "data", durable=False).pid() == first.pid() is not None


def test_stopping_ends_it_and_may_be_repeated(place: Path) -> None:
    cluster = postgres.start(place / "data", durable=False)
    cluster.stop()
    cluster.stop()
    assert not cluster.running()
    with pytest.raises(psycopg2.OperationalError):
        _execute(cluster, "select 1")


def test_a_lock_file_with_the_number_of_another_process_is_no_obstacle(place: Path) -> None:
    cluster = postgres.start(place / "data", durable=False)
    lock = cluster.data_dir / "postmaster.pid"
    left_behind = lock.read_text().split("\n", 1)
    cluster.kill9()
    lock.write_text("\n".join([str(os.getpid()), left_behind[1]]))
    shutil.chown(lock, cluster.runs_as.pw_uid)
    assert not cluster.running()
    assert _execute(postgres.start(place / "data", durable=False), "select 1") == 1


def test_an_interrupted_first_start_is_made_good(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(Exception):
        """Stands for our own end."""

    def half_an_initdb(_: Cluster, program: str, option: str, data_dir: Path, *__: object) -> None:
        assert (program, option) == ("initdb", "-D")
        (data_dir / "PG_VERSION").write_text("18\n")
        raise Killed

    with monkeypatch.context() as interrupted:
        interrupted.setattr(postgres, "_checked", half_an_initdb)
        with pytest.raises(Killed):
            postgres.start(place / "data", durable=False)
    assert _execute(postgres.start(place / "data", durable=False), "select 1") == 1


def test_a_directory_with_something_else_in_it_is_left_alone(place: Path) -> None:
    (place / "data").mkdir()
    (place / "data" / "letter.txt").write_text("precious")
    with pytest.raises(ClusterFailed, match="not a PostgreSQL cluster"):
        postgres.start(place / "data", durable=False)
    assert (place / "data" / "letter.txt").read_text() == "precious"


def test_a_path_too_long_for_a_socket_gets_a_short_private_one(place: Path) -> None:
    deep = place / ("d" * 100)
    deep.mkdir(mode=0o755)
    cluster = postgres.start(deep / "data", durable=False)
    assert cluster.socket_dir != cluster.data_dir
    assert cluster.socket_dir.stat().st_mode & 0o777 == 0o700
    assert _execute(cluster, "select 1") == 1


def test_a_socket_directory_that_others_can_enter_is_refused(place: Path) -> None:
    deep = place / ("d" * 100)
    deep.mkdir(mode=0o755)
    cluster = postgres.start(deep / "data", durable=False)
    cluster.stop()
    cluster.socket_dir.chmod(0o755)
    try:
        with pytest.raises(ClusterFailed, match="mode 0700"):
            postgres.start(deep / "data", durable=False)
    finally:
        cluster.socket_dir.chmod(0o700)


def test_nobody_reaches_it_over_the_network(place: Path) -> None:
    cluster = postgres.start(place / "data", durable=False)
    assert _execute(cluster, "show listen_addresses") == ""
    assert cluster.data_dir.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL under another account; run the tests as root")
def test_root_may_keep_the_data_where_the_account_cannot_go(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    cluster = postgres.start(closed / "data", durable=False)
    assert _execute(cluster, "select 1") == 1
    assert (closed / "data").resolve() == cluster.data_dir
    assert closed.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL under another account; run the tests as root")
def test_root_may_keep_the_programs_where_the_account_cannot_go(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.find_spec(postgres_account.PACKAGE)
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    libraries = f"{package.name}.libs"
    shutil.copytree(package / postgres_account.INSTALLATION, closed / package.name / postgres_account.INSTALLATION)
    shutil.copytree(package.with_name(libraries), closed / libraries)
    spec.origin = str(closed / package.name / "__init__.py")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: spec)
    monkeypatch.setattr(postgres_account, "STATE", place / "state")
    monkeypatch.delenv("FAXPLAN_POSTGRES_BIN", raising=False)
    cluster = postgres.start(place / "data", durable=False)
    assert place / "state" in cluster.programs.parents
    assert _execute(cluster, "select 1") == 1


def _execute(cluster: Cluster, query: str) -> object:
    with closing(psycopg2.connect(cluster.superuser_url())) as connection, connection, connection.cursor() as cursor:
        cursor.execute(query)
        row = cursor.fetchone() if cursor.description else None
    return row and row[0]


def test_another_postgresql_may_be_named(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = postgres.start(place / "data", durable=False).programs
    monkeypatch.setenv("FAXPLAN_POSTGRES_BIN", str(programs))
    assert postgres_account.programs(postgres_account.account()) == programs
    monkeypatch.setenv("FAXPLAN_POSTGRES_BIN", str(place))
    with pytest.raises(postgres_account.EmbeddedPostgresMissing, match="unset it"):
        postgres_account.programs(postgres_account.account())
