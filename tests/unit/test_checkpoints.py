from dataclasses import replace
from datetime import UTC, datetime

import pytest

from faxplan import checkpoints
from faxplan.checkpoints import Checkpoint
from faxplan.signed_notes import NoteRefused, Signer

SIGNER = Signer.new("fax.example.com/audit")
CHECKPOINT = Checkpoint(
    "fax.example.com/audit", 1, 7, b"r" * 32, datetime(2026, 11, 26, 4, 30, tzinfo=UTC),
    {0: (4, "a" * 64), 12: (3, "b" * 64)},
)  # fmt: skip
TEXT = f"""fax.example.com/audit
7
cnJycnJycnJycnJycnJycnJycnJycnJycnJycnJycnI=
time 2026-11-26T04:30:00Z
chain 0 4 {"a" * 64}
chain 12 3 {"b" * 64}
"""


def test_it_is_written_as_c2sp_writes_it() -> None:
    assert CHECKPOINT.text() == TEXT
    assert CHECKPOINT.signed(SIGNER).startswith(f"{TEXT}\n\u2014 fax.example.com/audit ")


@pytest.mark.parametrize("generation", [1, 2, 13])
def test_it_is_read_again(generation: int) -> None:
    checkpoint = replace(CHECKPOINT, generation=generation)
    assert checkpoints.read(checkpoint.signed(SIGNER), SIGNER.verifier) == checkpoint


def test_after_a_restore_the_log_has_another_origin() -> None:
    assert replace(CHECKPOINT, generation=2).origin == "fax.example.com/audit/2"


def test_one_that_somebody_else_signed_is_refused() -> None:
    with pytest.raises(NoteRefused):
        checkpoints.read(CHECKPOINT.signed(Signer.new(SIGNER.name)), SIGNER.verifier)


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        ("audit\n7", "audit/x\n7"),
        ("audit\n7", "audit/01\n7"),
        ("audit\n7", "elsewhere\n7"),
        ("\n7\n", "\n07\n"),
        ("\n7\n", "\n-7\n"),
        ("nI=", "nI"),
        ("cnJ", ""),
        ("time 2026", "when 2026"),
        ("chain 0 4", "chain 0 0"),
        ("chain 0 4", "chain  0 4"),
        ("chain 0 4", "chain 13 4"),
        ("chain 12", "chain 0"),
        ("aaaa", "AAAA"),
        ("time", "time 2026-11-26T04:30:00Z\ntime"),
    ],
)
def test_a_signed_note_that_is_none_is_refused(there: str, instead: str) -> None:
    assert there in TEXT
    with pytest.raises(NoteRefused):
        checkpoints.read(SIGNER.signed(TEXT.replace(there, instead, 1)), SIGNER.verifier)
