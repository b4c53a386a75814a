import stat
from pathlib import Path

import pytest

from faxplan import audit_key
from faxplan.audit_key import KeyExists, UnsafeKey
from faxplan.signed_notes import InvalidKey


def test_it_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "state" / "audit_key"
    assert audit_key.load(path) is None
    made = audit_key.load_or_make(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert audit_key.load_or_make(path) == audit_key.load(path) == made
    assert made.name.endswith("/faxplan-audit")


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    """It may be another user's, whom root must neither refuse nor shut out."""
    tmp_path.chmod(0o755)
    audit_key.load_or_make(tmp_path / "audit_key")
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_it_has_the_name_that_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "audit_key"
    assert audit_key.load_or_make(path, "fax.example.com/audit").name == "fax.example.com/audit"
    with pytest.raises(KeyExists, match=r"fax\.example\.com/audit already"):
        audit_key.load_or_make(path, "other.example/audit")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_one_that_others_read_signs_nothing(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "audit_key"
    audit_key.load_or_make(path)
    path.chmod(mode)
    with pytest.raises(UnsafeKey, match="chmod 0600"):
        audit_key.load_or_make(path)


def test_a_damaged_one_is_no_reason_to_make_another(tmp_path: Path) -> None:
    path = tmp_path / "audit_key"
    path.touch(0o600)
    with pytest.raises(InvalidKey):
        audit_key.load_or_make(path)
    assert path.read_bytes() == b""
