import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from faxplan import doctor_guard
from faxplan.config import Settings
from faxplan.findings import Finding, Level

ANOTHER = os.geteuid() + 1
OUR_GROUP, NO_GROUP = {os.getegid()}, {os.getegid() + 1}


@pytest.fixture
def settings() -> Iterator[Settings]:
    # Not pytest's tmp_path: nobody else can pass through its 0700 folders.
    with tempfile.TemporaryDirectory(prefix="faxplan-guard-") as made:
        folder = Path(made)
        folder.chmod(0o711)
        (folder / "state").mkdir(mode=0o700)
        (folder / "password").touch(mode=0o600)
        yield Settings(
            "postgresql:///x",
            state_dir=folder / "state",
            event_socket="127.0.0.1:8021",
            event_socket_password_file=folder / "password",
        )


def look(settings: Settings, mode: int) -> Finding:
    assert settings.event_socket_password_file is not None
    settings.event_socket_password_file.chmod(mode)
    (found,) = doctor_guard.password_file(settings)
    return found


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_a_password_that_the_owner_of_the_state_can_read_is_well(settings: Settings, mode: int) -> None:
    assert look(settings, mode).level is Level.OK


def test_a_password_that_everybody_can_read_opens_the_switch_to_everybody(settings: Settings) -> None:
    found = look(settings, 0o644)
    assert found.level is Level.ERROR
    assert f"chmod 0640 {settings.event_socket_password_file}" in found.remedy


@pytest.mark.parametrize(
    ("mode", "groups", "can"),
    [
        (0o600, OUR_GROUP, False),
        (0o640, OUR_GROUP, True),
        (0o640, NO_GROUP, False),
        (0o604, NO_GROUP, True),
        # The group's bits count for its members, not what others may.
        (0o604, OUR_GROUP, False),
    ],
)
def test_another_reads_by_group_or_as_everybody(settings: Settings, mode: int, groups: set[int], can: bool) -> None:
    file = settings.event_socket_password_file
    assert file is not None
    file.chmod(mode)
    assert doctor_guard.can_read(file, ANOTHER, groups) is can


def test_a_folder_that_cannot_be_passed_hides_what_is_in_it(settings: Settings) -> None:
    file = settings.event_socket_password_file
    assert file is not None
    file.chmod(0o640)
    file.parent.chmod(0o700)
    assert not doctor_guard.can_read(file, ANOTHER, OUR_GROUP)


def test_a_password_that_the_guard_cannot_read_is_an_error(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_guard, "can_read", lambda *_: False)
    found = look(settings, 0o600)
    assert found.level is Level.ERROR
    assert "the guard cannot read" in found.found
    assert "chown root:" in found.remedy


def test_what_is_not_set_or_not_there_is_told_where_the_socket_is_asked(settings: Settings) -> None:
    assert settings.event_socket_password_file is not None
    settings.event_socket_password_file.unlink()
    assert doctor_guard.password_file(settings) == []
    assert doctor_guard.password_file(replace(settings, event_socket_password_file=None)) == []
