"""docs/start.md leads somebody who reads only that page to a fax: its commands are run as they stand there."""

import contextlib
import os
import shlex
import signal
import subprocess
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from faxplan import cli
from faxplan.config import to_toml
from tests.documented import claimed
from tests.installations import Installation
from tests.run.running import PROJECT, read_until

PAGE = "docs/start.md"


def blocks() -> list[str]:
    here, sent, sandbox, onto_a_switch = claimed(__file__, PAGE, "sh")
    assert here.endswith("make run\n")
    return [here, sent, sandbox, onto_a_switch]


@pytest.fixture
def folder() -> Iterator[Path]:
    # Not pytest's tmp_path: PostgreSQL's own account, for root, cannot pass through its 0700 folders.
    with tempfile.TemporaryDirectory(prefix="faxplan-start-") as made:
        Path(made).chmod(0o711)
        yield Path(made)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_fresh_clone_gets_a_fax_through(folder: Path) -> None:
    """As a reader does it. Of the environment only: the bench, quicker than real time, at any port that is free."""
    here, sent, sandbox, _ = blocks()
    subprocess.run(["git", "clone", "-q", str(PROJECT), "faxplan"], cwd=folder, check=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("FAXPLAN_", "PYTEST_"))}
    environment = kept | {"ARGS": "--switch bench --speed 25 --portal-port 0"}
    with subprocess.Popen(
        ["bash", "-euc", here], cwd=folder, env=environment, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        try:
            told = read_until(process, "Ctrl-C here ends everything.")
            assert "All 3 pages arrived." in told
            (portal,) = {word for word in told.split() if word.startswith("http://calder-marine.localhost:")}
            assert (folder / "faxplan/var/passwords/ruth@calder-marine.example").read_text().strip()
            # Unlike a browser, Python asks the DNS for names below localhost.
            asked = urllib.request.Request("http://127.0.0.1:" + portal.rpartition(":")[2],
                                           headers={"Host": portal.removeprefix("http://")})  # fmt: skip
            with urllib.request.urlopen(asked) as answer:  # noqa: S310 - our own address
                assert "Calder Marine" in answer.read().decode()
            there = folder / "faxplan"
            done = subprocess.run(["bash", "-euc", sent], cwd=there, env=kept, capture_output=True, text=True,
                                  check=False)  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr
            assert "The page arrived." in done.stdout
            assert "(207) 555-0143" in done.stdout
            done = subprocess.run(["bash", "-uc", sandbox], cwd=there, env=kept, capture_output=True, text=True,
                                  check=False)  # fmt: skip
            assert "The page arrived." in done.stdout, done.stdout + done.stderr
            assert "to mend" in done.stdout
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGINT)


def test_on_a_switch_of_ones_own_its_commands_lead_to_an_invitation(
    installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tmp_path / "faxplan.toml"
    settings.write_text(to_toml({"database_url": installation.url(""), "state_dir": tmp_path / "state"}))
    monkeypatch.setenv("FAXPLAN_CONFIG", str(settings))
    *commands, doctor = blocks()[3].splitlines()
    for line in commands:
        program, *words = shlex.split(line)
        assert program == "faxplan"
        assert cli.main(words) == 0, (line, capsys.readouterr().err)
    assert "/welcome" in capsys.readouterr().out
    # It speaks of this machine as well, where neither worker nor switch run.
    cli.main(shlex.split(doctor)[1:])
    found = capsys.readouterr().out
    assert "anna@acme.example" in found
    assert "no route" not in found
