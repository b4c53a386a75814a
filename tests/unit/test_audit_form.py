import hashlib
import re
from pathlib import Path

from faxplan import audit_form

PAGE = (Path(__file__).parents[2] / "docs" / "audit.md").read_text()
ROW = {
    "tenant_id": 7, "sequence": 1, "at": "2026-11-26T04:30:00.123456Z", "actor": "user:1", "authenticated": "",
    "address": "192.0.2.1", "action": "fax.view", "object": "fax:3", "result": "done", "details": '{"n": 1}',
    "previous_hash": "", "form": 2, "old_form": None,
}  # fmt: skip


def test_the_pages_example_is_what_is_hashed() -> None:
    (example,) = re.findall(r"^    (15:faxplan-audit-2,.*)$", PAGE, re.MULTILINE)
    (hashed,) = re.findall(r"^Its hash is `([0-9a-f]{64})`\.$", PAGE, re.MULTILINE)
    assert audit_form.preimage(ROW).decode() == example
    assert audit_form.hash_of(ROW) == hashed


def test_lengths_are_of_bytes() -> None:
    assert b",6:f\xc3\xbcnf?," in audit_form.preimage({**ROW, "actor": "fünf?"})


def test_an_old_row_is_hashed_as_it_was_printed() -> None:
    row = {**ROW, "form": 1, "old_form": '[7, 1, "ü"]'}
    assert audit_form.hash_of(row) == hashlib.sha256('[7, 1, "ü"]'.encode()).hexdigest()


def test_a_form_that_there_is_not_has_no_hash() -> None:
    assert audit_form.hash_of({**ROW, "form": 3}) is None
