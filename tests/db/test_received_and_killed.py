"""kill -9 at each step of receiving: no fax is lost, and nothing of it is readable outside the private spool.

The steps are found by themselves: whatever the process asks the kernel for that changes a file or a folder, each fsync,
and each statement of the database. A process is killed before the first of them, another before the second, and so on,
until one comes to its end.
"""

import itertools
import os
import random
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from faxplan import inbound, mailboxes
from faxplan.call_result import CallResult
from faxplan.db import Database, Transaction
from faxplan.documents import StoredObject, get
from faxplan.pending import adopt
from faxplan.spool import InboundSidecar
from tests import secrets_sought
from tests.faxes import accepted, pending_folder
from tests.world import World

RESULT = CallResult("NORMAL_CLEARING", fax_success=True, fax_result_code=0, pages=1)
CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod"}
"""Of Python's audit events (sys.addaudithook): each comes before its system call. And `open`, where it writes."""


class Steps:
    """In the process that is to be killed: kills it before its n-th step."""

    def __init__(self, kill_before: int) -> None:
        self._left = kill_before

    def step(self) -> None:
        self._left -= 1
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        sys.addaudithook(self._hook)
        os.fsync = self._before(os.fsync)
        Transaction._send = self._before(Transaction._send)  # type: ignore[method-assign]
        Transaction.commit = self._before(Transaction.commit)  # type: ignore[method-assign]

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in CHANGES or (event == "open" and isinstance(arguments[2], int) and arguments[2] & os.O_ACCMODE):
            self.step()

    def _before(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*arguments: Any, **named: Any) -> Any:
            self.step()
            return real(*arguments, **named)

        return stepped


def noise_page(path: Path) -> bytes:
    """A page that is like no other, so that a piece of it is known wherever it lies; its TIFF."""
    page = Image.frombytes("1", (1728, 64), random.Random(7).randbytes(1728 * 64 // 8))  # noqa: S311 - a picture
    page.save(path, compression="group4", dpi=(204, 196))
    return path.read_bytes()


def receives(world: World, sidecar: InboundSidecar) -> None:
    """What fax_in does after the call, then the delivery."""
    db = Database(world.installation.url("faxplan_switch"))
    fax = pending_folder(world).secure(world.spool, sidecar, RESULT)
    inbound.deliver(db, world.store, fax, actor="switch:node1")


def killed(work: Callable[[], None], before: int) -> bool:
    """Whether it was, before so many steps were done; False: it came to its end."""
    child = os.fork()
    if child == 0:
        try:
            Steps(before).watch()
            work()
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return os.WTERMSIG(status) == signal.SIGKILL
    assert os.WEXITSTATUS(status) == 0, "the process that was to be killed failed by itself"
    return False


def recover(world: World, attempt_id: int) -> None:
    """As the next runtime does: sweeps, adopts what lies in the spool, then delivers what lies in pending/."""
    world.spool.prepare()
    world.store.sweep()
    pending = pending_folder(world)
    adopt(world.spool, pending, attempt_id)
    for fax in pending.waiting():
        inbound.deliver(world.switch, world.store, fax, actor="switch:node1")


def readable(world: World, piece: bytes) -> list[Path]:
    """Files outside the spool that hold a piece of the page, or are a picture or a PDF whatever is on it."""
    outside = (path for path in secrets_sought.files_below(world.settings.state_dir)
               if world.spool.inbound.parent not in path.parents)  # fmt: skip
    return [
        path
        for path in outside
        if piece in (content := path.read_bytes()) or content.startswith((b"II*\0", b"MM\0*", b"%PDF", b"\x89PNG"))
    ]


def documents_of(world: World, fax_id: int) -> Iterator[StoredObject]:
    row = world.fax(world.acme, fax_id)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        for column in ("tiff_id", "pdf_id", "images_id", "thumbnail_id"):
            yield get(tx, world.acme.tenant.id, row[column])  # type: ignore[arg-type]


def recorded(world: World) -> set[str]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return {row["object_name"] for row in tx.rows("select object_name from documents")}


def in_mailbox(world: World) -> list[int]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return [each.fax_id for each in mailboxes.entries(tx, world.acme.tenant.id, world.acme.user.id, limit=1000)]


def test_wherever_it_is_killed_nothing_is_lost_and_nothing_is_readable(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = world.settings.state_dir / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    pending_folder(world)
    fax_ids: list[int] = []
    for step in itertools.count(1):
        sidecar = accepted(world, world.acme, f"uuid-{step}")
        tiff = noise_page(world.spool.inbound_tiff(sidecar.attempt_id))
        piece = tiff[len(tiff) // 2 : len(tiff) // 2 + 32]
        assert piece in world.spool.inbound_tiff(sidecar.attempt_id).read_bytes()  # the control
        was_killed = killed(lambda sidecar=sidecar: receives(world, sidecar), step)  # type: ignore[misc]
        assert readable(world, piece) == [], f"killed before step {step}"
        recover(world, sidecar.attempt_id)
        assert readable(world, piece) == [], f"killed before step {step}, and recovered"
        fax_ids.append(sidecar.fax_id)
        assert sorted(in_mailbox(world)) == fax_ids, f"killed before step {step}"
        received, pdf, images, thumbnail = (world.opened(each) for each in [*documents_of(world, sidecar.fax_id)])
        assert received == tiff
        assert [pdf[:4], images[:2], thumbnail[1:4]] == [b"%PDF", b"PK", b"PNG"], f"killed before step {step}"
        assert {path.name for path in world.stored()} == recorded(world), f"killed before step {step}"
        assert not [*world.spool.inbound.iterdir()], f"killed before step {step}"
        assert not [*world.settings.pending.iterdir()], f"killed before step {step}"
        if not was_killed:
            break
    # Four documents sealed, two records, folders made and synced, three transactions, four stored, all removed.
    assert step > 40
