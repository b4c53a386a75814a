"""What a backup says of itself, by whomever it was written."""

import hashlib
import json
from pathlib import Path

import pytest

from faxplan import backup_manifest
from faxplan.backup_manifest import NotABackup

WHOLE = {
    "format": 1, "release": "0.1.0", "level": 87, "taken_at": "2026-11-27T00:00:00Z", "database": "faxplan",
    "nodes": ["a"], "tenants": 1, "documents": 0, "objects": 0, "bytes": 0, "lost": 0, "sums": "",
}  # fmt: skip


@pytest.mark.parametrize(
    "path", ["store//etc/profile.d/x.sh", "store/../../etc/x", "/etc/x", "store/./x", "store/ab/", "./x", ".."]
)
def test_a_path_that_leads_out_of_the_backup_or_is_written_in_two_ways_is_damaged(tmp_path: Path, path: str) -> None:
    (tmp_path / "SHA256SUMS").write_text(f"{hashlib.sha256(b'x').hexdigest()}  {path}\n")
    with pytest.raises(NotABackup, match=r"Line 1 of \S+ is damaged"):
        list(backup_manifest.sums(tmp_path))


@pytest.mark.parametrize(
    "said", [{"level": "87"}, {"level": None}, {"nodes": "a"}, {"objects": True}, {"sums": 7}, {"taken_at": ["x"]}]
)
def test_a_manifest_with_other_values_than_it_has_is_damaged(tmp_path: Path, said: dict[str, object]) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps(WHOLE))
    assert backup_manifest.read(tmp_path).nodes == ("a",)
    (tmp_path / "manifest.json").write_text(json.dumps(WHOLE | said))
    with pytest.raises(NotABackup, match=f"is damaged .*{next(iter(said))}"):
        backup_manifest.read(tmp_path)
