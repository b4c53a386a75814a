from dataclasses import fields
from pathlib import Path

import pytest

from faxplan import cli, config
from faxplan.config import Settings
from faxplan.errors import InvalidSetting

URL = "postgresql://db.example/faxplan"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "faxplan.toml"
    path.write_text(f'database_url = "{URL}"\nnode = "from-file"\nring_seconds = 40\n')
    return path


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(file: Path) -> None:
    loaded = config.load(file, {"FAXPLAN_RING_SECONDS": "30"})
    assert (loaded.database_url, loaded.node, loaded.ring_seconds, loaded.max_channels) == (URL, "from-file", 30, 100)


def test_the_environment_names_the_file(file: Path) -> None:
    assert config.load(environment={"FAXPLAN_CONFIG": str(file)}).node == "from-file"


def test_every_setting_can_come_from_the_environment(tmp_path: Path) -> None:
    kinds = {"Path": "/{}", "bool": "True"}
    given = {
        each.name: next((value for kind, value in kinds.items() if kind in str(each.type)), "7").format(each.name)
        for each in fields(Settings)
        if each.name != "store_bucket"
    } | {
        "log_level": "DEBUG",
        "sandbox": "limits",
        "smtp_security": "tls",
        "store_endpoint": "https://s3.example",
        "database_url": URL,
    }
    missing = tmp_path / "missing"
    with pytest.raises(InvalidSetting, match="does not exist"):
        config.load(missing, {})
    empty = tmp_path / "empty.toml"
    empty.touch()
    loaded = config.load(empty, {f"FAXPLAN_{name.upper()}": value for name, value in given.items()})
    assert {name: str(getattr(loaded, name)).removesuffix(".0") for name in given} == given
    # In place of store_dir.
    assert (
        config.load(empty, {"FAXPLAN_DATABASE_URL": URL, "FAXPLAN_STORE_BUCKET": "s3://faxes/acme"}).store_bucket
        == "s3://faxes/acme"
    )


def test_a_sandbox_of_another_kind_is_refused(file: Path) -> None:
    assert config.load(file, {}).sandbox == "namespace"
    with pytest.raises(InvalidSetting, match=r'sandbox = .none.*"namespace" or "limits"'):
        config.load(file, {"FAXPLAN_SANDBOX": "none"})


def test_an_unknown_key_is_named(file: Path) -> None:
    file.write_text(file.read_text() + "max_chanels = 3\n")
    with pytest.raises(InvalidSetting, match=r"'max_chanels'.*max_channels"):
        config.load(file, {})


def test_broken_toml_is_named(file: Path) -> None:
    file.write_text("database_url = ")
    with pytest.raises(InvalidSetting, match="not valid TOML"):
        config.load(file, {})


def test_a_database_is_needed(file: Path) -> None:
    file.write_text("")
    with pytest.raises(InvalidSetting, match="FAXPLAN_DATABASE_URL"):
        config.load(file, {})


@pytest.mark.parametrize(
    "line",
    [
        "max_channels = 0",
        "max_channels = 'many'",
        "max_channels = 2.5",
        "max_channels = true",
        "calls_per_second = nan",
        "calls_per_second = inf",
        "calls_per_second = -1",
        "state_dir = 'var/faxplan'",
        "spool_dir = 7",
        "node = 7",
        "internal_delivery = 1",
        "internal_delivery = 'yes'",
        "log_level = 'LOUD'",
        "log_level = 'info'",
        "log_level = 20",
        "smtp_security = 'ssl'",
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(file: Path, line: str) -> None:
    name = line.split(" =", maxsplit=1)[0]
    kept = [each for each in file.read_text().splitlines() if not each.startswith(name)]
    file.write_text("\n".join([*kept, line]))
    with pytest.raises(InvalidSetting, match=name):
        config.load(file, {})


def test_folders_lie_below_the_state_unless_said_otherwise() -> None:
    settings = Settings(URL, state_dir=Path("/s"), spool_dir=Path("/dev/shm/faxplan"))
    assert (settings.store, settings.spool) == (Path("/s/store"), Path("/dev/shm/faxplan"))
    assert (settings.journal, settings.pending) == (Path("/s/journal"), Path("/s/pending"))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://someone:s3cret%40@db.example/faxplan",
        "postgresql://someone@db.example/faxplan?password=s3cret%40",
        "postgresql://db.example/faxplan?user=a&password=s3cret%40&sslmode=require",
    ],
)
def test_a_password_is_never_printed(url: str) -> None:
    shown = Settings(url).printable()
    assert "s3cret" not in str(shown)
    assert "db.example" in shown["database_url"]
    assert set(shown) == {setting.name for setting in fields(Settings)}


def test_each_process_logs_in_as_its_role() -> None:
    assert Settings(URL).database_url_for("switch") == "postgresql://faxplan_switch@db.example/faxplan"
    socket = Settings("postgresql:///faxplan?host=/run/postgresql").database_url_for("worker")
    assert socket == "postgresql://faxplan_worker@/faxplan?host=/run/postgresql"
    own = "postgresql://me:pw@db.example/faxplan"
    assert Settings(own).database_url_for("switch") == own
    with pytest.raises(ValueError, match="owner"):
        Settings(URL).database_url_for("owner")


@pytest.mark.parametrize(
    "url",
    ["postgresql://u:geheim@[::1/x", "postgres://u:ge/heim@db/x", "postgresql://u:ge?heim@db/x", "postgresql://u:ge#heim@db/x",
     "postgresql://db:port/x", "db.example", "host=db dbname=x password=geheim", "mysql://db/x", ""],
)  # fmt: skip
def test_what_is_no_url_of_a_database_is_refused_and_its_password_not_told(url: str) -> None:
    with pytest.raises(InvalidSetting, match="database_url cannot be used") as refused:
        config.load(Path("/dev/null"), {"FAXPLAN_DATABASE_URL": url})
    assert "heim" not in str(refused.value)


def test_installing_with_such_a_url_is_refused_before_anything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = "postgresql://u:geheim@[::1/x"
    assert (
        cli.main(["install", "--yes", "--root", str(tmp_path), "--database-url", wrong, "--external-ip", "192.0.2.1"])
        == 1
    )
    assert "database_url cannot be used" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "url",
    ["postgresql:///x", "postgresql:///x?host=/run/pg", "postgres://u:a%2Fb@db:5432/x", "postgresql://a:1,b:2/x?sslmode=require",
     "postgresql://[::1]:5432/x", "postgresql:///x?host=db&user=u&password=a@b"],
)  # fmt: skip
def test_what_libpq_takes_is_taken(url: str) -> None:
    assert config.load(Path("/dev/null"), {"FAXPLAN_DATABASE_URL": url}).database_url == url
