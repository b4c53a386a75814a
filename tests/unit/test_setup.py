"""install/setup.sh in a folder of its own, with programs of its own in PATH: it installs nothing here."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
SETUP = PROJECT / "install" / "setup.sh"
# Each package, and where we use what it brings.
NEEDED_BY = {
    "python3-venv": ("install/setup.sh", "-m venv"),
    "python3-dev": ("requirements.lock", "psycopg2=="),
    "gcc": ("requirements.lock", "psycopg2=="),
    "libpq-dev": ("requirements.lock", "psycopg2=="),
    "libspandsp2": ("bench/spandsp.py", "libspandsp.so.2"),
    "ghostscript": ("faxplan/render_pdf.py", '"gs"'),
    "bubblewrap": ("faxplan/namespace.py", '"bwrap"'),
    "fonts-dejavu-core": ("faxplan/typeface.py", "DejaVu"),
    "libfribidi0": ("faxplan/doctor_host.py", '"raqm"'),
    "passwd": ("faxplan/postgres_account.py", "useradd"),
    "tzdata": ("faxplan/tenants.py", "ZoneInfo("),
    "ca-certificates": ("install/setup.sh", "pip install"),
    # For tests alone.
    "chromium": ("tests/browser/browsers.py", '"chromium"'),
    "firefox-esr": ("tests/browser/browsers.py", '"firefox-esr"'),
    "gnupg": ("tests/unit/test_mail_openpgp.py", '"gpg"'),
    "openssl": ("tests/unit/test_mail_certificates.py", '"openssl"'),
    "postfix": ("tests/mta.py", '"postfix"'),
}
PROGRAMS = {
    "id": "echo 0",
    "dpkg-query": """[ $# != 2 ] || { echo "$OTHERS"; exit; }
        case "$MISSING" in *"$3"*) exit 1;; esac; printf installed""",
    "apt-get": """echo "$1" >>"$CALLED"
        echo "first of $1"
        echo "last of $1" >&2
        [ "$1" != "$BROKEN" ] || exit 100""",
    "debconf-set-selections": """echo "selected $(cat)" >>"$CALLED" """,
    # The environment's Python: pip is there, and installs whatever it is told to.
    "python": """echo "$*" >>"$CALLED" """,
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for folder in ("install", "bin", ".venv/bin"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(SETUP, tmp_path / "install")
    for name, script in PROGRAMS.items():
        program = tmp_path / (".venv/bin" if name == "python" else "bin") / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
    return tmp_path


def setup(checkout: Path, *what: str, missing: str, broken: str = "", others: str = "") -> tuple[int, str, list[str]]:
    """Its exit status, what it said on standard error, and what it called. others: what is installed, and provides."""
    called = checkout / "called"
    environment = {
        "PATH": f"{checkout / 'bin'}:{os.environ['PATH']}",
        "MISSING": missing,
        "BROKEN": broken,
        "OTHERS": others,
        "CALLED": str(called),
    }
    ran = subprocess.run(
        [checkout / "install" / "setup.sh", *what], env=environment, capture_output=True, text=True, check=False
    )
    assert ran.stdout == ""
    return ran.returncode, ran.stderr, called.read_text().splitlines() if called.exists() else []


def test_every_package_is_used() -> None:
    listed = re.findall(r"^\t([a-z0-9-]+) +\S", SETUP.read_text(), re.MULTILINE)
    assert listed == list(NEEDED_BY)
    assert [name for name, (file, use) in NEEDED_BY.items() if use not in (PROJECT / file).read_text()] == []


def test_what_is_installed_is_one_line_and_the_rest_is_in_a_log(checkout: Path) -> None:
    status, said, called = setup(checkout, missing="gcc ghostscript")
    log = checkout / "build" / "install.log"
    assert status == 0
    assert f"Installing gcc ghostscript with apt-get; what it says goes to {log}.\n" in said
    assert "of install" not in said
    assert log.read_text() == "first of update\nlast of update\nfirst of install\nlast of install\n"
    assert called[:2] == ["update", "install"]
    assert called[-1].endswith("--editable .")


@pytest.mark.parametrize("broken", ["update", "install"])
def test_where_it_fails_all_output_is_shown_with_the_path_of_the_log(checkout: Path, broken: str) -> None:
    log = checkout / "build" / "install.log"
    log.parent.mkdir()
    log.write_text("of an earlier run\n")
    status, said, called = setup(checkout, missing="gcc", broken=broken)
    assert status == 100
    assert log.read_text() in said
    assert log.read_text().startswith("first of update\nlast of update\n")
    assert log.read_text().endswith(f"last of {broken}\n")
    assert f"is also in {log}." in said
    assert called[-1] == broken


def test_where_nothing_is_missing_apt_is_not_asked(checkout: Path) -> None:
    status, said, called = setup(checkout, missing="")
    assert status == 0
    assert "apt-get" not in said
    assert not {"update", "install"} & set(called)


def test_browsers_are_installed_for_tests_alone(checkout: Path) -> None:
    status, said, called = setup(checkout, missing="chromium firefox-esr")
    assert (status, "chromium" in said, "install" in called) == (0, False, False)
    (checkout / "called").unlink()
    status, said, called = setup(checkout, "tests", missing="firefox-esr gcc")
    assert (status, called) == (0, ["update", "install"])
    assert "Installing firefox-esr with apt-get" in said
    # The environment is the other one's part.
    assert "Python" not in said


def test_postfix_is_left_unconfigured_and_takes_no_other_mail_servers_place(checkout: Path) -> None:
    provided = "installed editor\nconfig-files mail-transport-agent\n"
    status, _, called = setup(checkout, "tests", missing="postfix", others=provided)
    assert (status, called) == (
        0, ["update", "selected postfix postfix/main_mailer_type select No configuration", "install"]
    )  # fmt: skip
    (checkout / "called").unlink()
    status, said, called = setup(checkout, "tests", missing="postfix", others="installed mail-transport-agent, x (= 1)")
    assert (status, called) == (0, [])
    assert "another mail server" in said


def test_what_another_package_provides_is_there(checkout: Path) -> None:
    others = "installed \ninstalled other-libspandsp2, libspandsp2-x (= 2)\nconfig-files libspandsp2\n"
    assert "install" in setup(checkout, missing="libspandsp2", others=others)[2]
    (checkout / "called").unlink()
    # As Debian 13 has it.
    status, said, called = setup(checkout, missing="libspandsp2", others="installed x (= 1), libspandsp2 (= 0.0.6)")
    assert (status, "apt-get" in said, "install" in called) == (0, False, False)


def test_what_it_does_not_know_is_told(checkout: Path) -> None:
    status, said, called = setup(checkout, "test", missing="chromium")
    assert (status, called) == (2, [])
    assert "install/setup.sh tests" in said
