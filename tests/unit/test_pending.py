"""Received faxes between call and mailbox: complete or not there, and never readable by whoever finds them."""

import fcntl
import io
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from faxplan import page_images, sealed, wraps
from faxplan import pending as pending_module
from faxplan.call_result import CallResult
from faxplan.confinement import LimitsOnly
from faxplan.pending import InOtherHands, Pending, PendingFax, adopt
from faxplan.spool import InboundSidecar, Spool
from tests.unit.test_received import saved

RESULT = CallResult("NORMAL_CLEARING", fax_success=True, pages=1)


@pytest.fixture
def pending(tmp_path: Path) -> Pending:
    made = Pending(tmp_path / "pending", LimitsOnly())
    made.prepare()
    return made


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    made = Spool(tmp_path / "spool")
    made.prepare()
    return made


def secured(pending: Pending, spool: Spool, attempt_id: int) -> PendingFax:
    spool.inbound_tiff(attempt_id).write_bytes(b"pages")
    return pending.secure(spool, InboundSidecar(1, 2, attempt_id, 4, f"uuid-{attempt_id}"), RESULT)


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b"null", b"\xff", b"{}", b'{"sidecar": {}, "result": {}}', b'{"sidecar": 1}']
)
def test_a_record_that_cannot_be_read_is_put_aside_with_its_pages_and_the_others_go_on(
    pending: Pending, spool: Spool, damage: bytes
) -> None:
    damaged, whole = secured(pending, spool, 17), secured(pending, spool, 18)
    (damaged.folder / "call.json").write_bytes(damage)
    assert list(pending.waiting()) == [whole]
    assert (pending.root / "17.unreadable" / "fax.tif").read_bytes() == b"pages"
    assert not pending.holds(17)
    assert pending.has_damaged(17)
    assert not pending.has_damaged(18)
    assert not pending.has_damaged(1)


def test_a_second_damaged_record_of_one_attempt_is_put_beside_the_first(pending: Pending, spool: Spool) -> None:
    for _ in range(2):
        (secured(pending, spool, 17).folder / "call.json").write_bytes(b"{")
        assert list(pending.waiting()) == []
    assert len(list(pending.root.glob("17*.unreadable"))) == 2
    assert pending.has_damaged(17)


def test_a_folder_that_the_disk_does_not_give_holds_up_no_other(
    pending: Pending, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, whole = secured(pending, spool, 17), secured(pending, spool, 18)
    real = Path.read_bytes

    def read_bytes(path: Path) -> bytes:
        if path.parent == broken.folder:
            raise OSError(5, "Input/output error")
        return real(path)

    with monkeypatch.context() as disk:
        disk.setattr(Path, "read_bytes", read_bytes)
        assert list(pending.waiting()) == [whole]
    assert list(pending.waiting()) == [broken, whole]


def test_a_folder_that_is_not_complete_is_left_alone(pending: Pending) -> None:
    (pending.root / "17").mkdir()
    assert list(pending.waiting()) == []
    assert not pending.holds(17)
    pending.remove_half(17)
    pending.remove_half(17)
    assert list(pending.root.iterdir()) == []


def test_of_a_folder_that_is_complete_no_half_is_removed(pending: Pending, spool: Spool) -> None:
    fax = secured(pending, spool, 17)
    pending.remove_half(17)
    assert list(pending.waiting()) == [fax]


KILLED = """
import sys
from pathlib import Path
from faxplan.call_result import CallResult
from faxplan.confinement import LimitsOnly
from faxplan.pending import Pending
from faxplan.spool import InboundSidecar, Spool

root, key = Path(sys.argv[1]), sys.argv[2]
sidecar = InboundSidecar(1, 2, 17, 4, "uuid-17", epoch=1, public_key=key)
spool = Spool(root / "spool")
spool.expect(sidecar)
result = CallResult("NORMAL_CLEARING", fax_success=True, pages=300)
Pending(root / "pending", LimitsOnly()).secure(spool, sidecar, result)
"""


def test_a_process_that_is_killed_while_it_draws_leaves_nothing_readable(
    pending: Pending, spool: Spool, tmp_path: Path
) -> None:
    key = wraps.new_key_pair()
    pages = [Image.new("1", (1728, 1000 + number), 1) for number in range(300)]
    saved(spool.inbound_tiff(17), *pages)
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path), key.public.raw.hex()])
    while not (drawing := list(spool.inbound_work(17).glob("*/pages.zip"))) and process.poll() is None:
        time.sleep(0.001)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.kill()
    process.wait()
    assert drawing, "it was killed too late"
    for child in children:
        while _lives(child):
            time.sleep(0.001)
    assert children
    left = adopt(spool, pending, 17)
    assert left is not None
    assert left.brought is not None
    kinds = [each.stored.kind for each in left.brought.documents]
    assert kinds == ["received-tiff", "received-pdf", "thumbnail", "page-images"]
    assert not list(spool.inbound.iterdir())
    assert all(path.read_bytes()[:8] == sealed.MAGIC for path in left.folder.glob("*.sealed"))
    assert {path.name for path in left.folder.iterdir()} == {*(f"{kind}.sealed" for kind in kinds), "call.json"}
    of_images = left.brought.documents[3]
    file_key = key.unwrap(of_images.mailboxes[(4, 1)], of_images.stored.digest or b"")
    with (left.folder / "page-images.sealed").open("rb") as source:
        content = io.BytesIO(sealed.SealedReader(source, file_key, of_images.stored.context).readall())
    assert [number for number, _ in page_images.read(content)] == list(range(1, 301))


def _lives(pid: str) -> bool:
    """A zombie does not: whoever adopts it has not looked yet."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_what_is_discarded_is_gone_at_once_or_goes_at_the_next_start(
    pending: Pending, spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    fax = secured(pending, spool, 17)
    with pending_module.held(fax.folder) as is_ours:
        assert is_ours
        assert not pending_module.discard(fax)
    assert pending.holds(17)
    with monkeypatch.context() as killed:
        killed.setattr(pending_module.shutil, "rmtree", lambda *_, **__: None)
        assert pending_module.discard(fax)
    assert not pending.holds(17)
    assert not pending_module.discard(fax)
    pending.prepare()
    assert list(pending.root.iterdir()) == []


@pytest.mark.parametrize("again", [False, True])
def test_who_waited_for_a_folder_that_went_holds_no_other(
    pending: Pending, spool: Spool, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    """Delivered by somebody else between the opening and the lock; and a call with its id secures another one."""
    fax, real = secured(pending, spool, 17), fcntl.flock

    def flock(descriptor: int, how: int) -> None:
        real(descriptor, how)
        fax.folder.rename(pending.root / ".17-x.delivered")
        if again:
            fax.folder.mkdir()

    monkeypatch.setattr(fcntl, "flock", flock)
    with pending_module.held(fax.folder) as is_ours:
        assert not is_ours


def test_another_call_with_the_same_id_waits_while_a_fax_is_delivered(pending: Pending, spool: Spool) -> None:
    """As of a restored database. Who delivers removes the folder by its name."""
    fax = secured(pending, spool, 17)
    spool.inbound_tiff(17).write_bytes(b"other pages")
    other = InboundSidecar(1, 2, 17, 4, "uuid-other")
    with pending_module.held(fax.folder), pytest.raises(InOtherHands):
        pending.secure(spool, other, RESULT)
    assert list(pending.waiting()) == [fax]
    assert spool.inbound_tiff(17).exists()
    after = pending.secure(spool, other, RESULT)
    assert list(pending.waiting()) == [after]
    (kept,) = pending_module.unclaimed(pending.root)
    assert (kept / "fax.tif").read_bytes() == b"pages"
