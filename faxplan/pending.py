"""Received faxes between the call and the mailbox: one durable folder an attempt, whether the database answers or not.

pending/<attempt>/*.sealed    TIFF, PDF, page images and thumbnail, sealed to the mailbox; none where nothing arrived
pending/<attempt>/t30.log    the T.30 of a call whose trace is kept (t30_trace.py)
pending/<attempt>/call.json   whose it is, how the call ended, what was sealed; written last, so a folder without it is
                              not complete
pending/unclaimed/...         faxes that the database has never heard of: it was restored, or lost its last rows
pending/<attempt>.unreadable  folders whose call.json a damaged disk has spoilt

The pages leave the spool sealed: plain they are nowhere else, and gone once the sealed ones are on disk. The TIFF is
here first, and complete; whoever makes the rest of it from the spool holds the folder, so that nobody delivers it
before. What calls have left here that were accepted before faxes were sealed (fax.tif) is sealed as it is delivered.
"""

import fcntl
import json
import logging
import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from faxplan import received_copies, received_documents, t30_trace
from faxplan.call_result import CallResult
from faxplan.confinement import Confinement
from faxplan.errors import FaxplanError
from faxplan.files import fsync_folder, is_put_aside, private_folder, unreadable_name, write_durably, write_whole
from faxplan.places import Places
from faxplan.received_documents import Brought, Readers
from faxplan.spool import InboundSidecar, SidecarDamaged, Spool
from faxplan.transient_readers import TransientKey
from faxplan.vault import MailboxKey
from faxplan.wraps import PublicKey

LOG = logging.getLogger(__name__)
_UNCLAIMED = "unclaimed"
_DELIVERED = ".delivered"
_RECORD = "call.json"


class InOtherHands(FaxplanError):
    """Another thread has just this fax in hand."""

    error_id = "in-other-hands"
    retryable = True


@dataclass(frozen=True, slots=True)
class PendingFax:
    """A received fax that is on disk, and not yet in a mailbox. brought: None where it is not sealed yet."""

    folder: Path
    sidecar: InboundSidecar
    result: CallResult
    brought: Brought | None

    @property
    def plain(self) -> Path:
        """Its pages, where they are not sealed yet; it need not be there."""
        return self.folder / "fax.tif"

    @property
    def trace(self) -> str | None:
        """Its T.30 trace; None where none is kept. Raises OSError."""
        path = self.folder / "t30.log"
        return path.read_text("utf-8") if path.exists() else None

    def sealed_to(self, readers: Readers, within: Confinement) -> "PendingFax":
        """The same, sealed. May be repeated after a crash at any point."""
        if self.brought is not None:
            return self
        brought = received_documents.seal(self.plain, self.folder, self.sidecar.tenant_id, self.result, readers)
        fax = replace(self, brought=brought)
        fax.note()
        fax = fax.with_copies(self.plain, self.folder / "work", readers, Places(1), within)
        self.plain.unlink(missing_ok=True)
        return fax

    def with_copies(
        self, tiff: Path, work: Path, readers: Readers, places: Places, within: Confinement
    ) -> "PendingFax":
        """The same, with PDF, page images and thumbnail beside the TIFF, as far as they can be made."""
        if self.brought is None:
            return self
        brought = received_documents.with_copies(self.brought, tiff, work, self.folder, readers, places, within)
        if brought is self.brought:
            return self
        fax = replace(self, brought=brought)
        fax.note()
        return fax

    def note(self) -> None:
        """Writes call.json, durably."""
        content: dict[str, object] = {"sidecar": asdict(self.sidecar), "result": self.result.as_dict()}
        if self.brought is not None:
            content["brought"] = self.brought.as_dict()
        write_durably(self.folder / _RECORD, json.dumps(content).encode())


class Pending:
    """The folder of received faxes that are not delivered yet: one folder an attempt.

    within: what confines the making of PDFs and images. places: where that is done, of faxes in this process.
    """

    def __init__(self, root: Path, within: Confinement, places: Places | None = None) -> None:
        self.root = root
        self._within = within
        self._places = places or received_copies.default_places()

    def prepare(self) -> None:
        """Makes the folder, private, and removes what a crash has left of `remove`. Raises UnsafeFolder."""
        private_folder(self.root)
        for left in self.root.glob(f".*{_DELIVERED}"):
            shutil.rmtree(left, ignore_errors=True)

    def secure(self, spool: Spool, sidecar: InboundSidecar, result: CallResult) -> PendingFax:
        """Moves a fax from the spool to here, sealed and durably. May be repeated after a crash at any point.

        Raises InOtherHands.
        """
        spool.note_result(sidecar.attempt_id, result)
        folder = self.root / str(sidecar.attempt_id)
        with held(folder) as is_ours:
            if (
                is_ours
                and (present := read(folder)) is not None
                and present.sidecar.channel_uuid != sidecar.channel_uuid
            ):
                # A restored database gives ids out again.
                keep_unclaimed(present)
        folder.mkdir(mode=0o700, exist_ok=True)
        with held(folder) as is_ours:
            if not is_ours:
                raise InOtherHands(f"Attempt {sidecar.attempt_id} is being delivered already.")
            # What a crash has left complete here is not made anew: its pages may be gone from the spool by now.
            fax = read(folder) or self._kept(spool, sidecar, result, folder)
            if (readers := _readers(sidecar)) is not None:
                tiff, work = spool.inbound_tiff(sidecar.attempt_id), spool.inbound_work(sidecar.attempt_id)
                fax = fax.with_copies(tiff, work, readers, self._places, self._within)
        spool.discard_inbound(sidecar.attempt_id)
        return fax

    def _kept(self, spool: Spool, sidecar: InboundSidecar, result: CallResult, folder: Path) -> PendingFax:
        """The TIFF, sealed, with all that tells of the call: from here on it is safe, also if the machine stops."""
        source = spool.inbound_tiff(sidecar.attempt_id)
        brought: Brought | None = None
        if (readers := _readers(sidecar)) is not None:
            brought = received_documents.seal(source, folder, sidecar.tenant_id, result, readers)
        elif source.exists():
            partial = folder / "fax.partial"
            shutil.copyfile(source, partial)
            with partial.open("rb") as copied:
                os.fsync(copied.fileno())
            partial.replace(folder / "fax.tif")
        if t30_trace.is_wanted(sidecar.t30_trace, success=result.fax_success is True):
            written = spool.inbound_trace(sidecar.attempt_id)
            trace = t30_trace.read(written, result.phase_b_times, result.phase_d_times)
            if trace is not None:
                write_whole(folder / "t30.log", trace.encode())
        # Written last: a folder without it is not complete, and the spool still has everything.
        fax = PendingFax(folder, sidecar, result, brought)
        fax.note()
        fsync_folder(self.root)
        return fax

    def holds(self, attempt_id: int) -> bool:
        """Whether the fax of an attempt lies here, complete."""
        return (self.root / str(attempt_id) / _RECORD).exists()

    def remove_half(self, attempt_id: int) -> None:
        """Removes what lies here of a fax that is not complete, and never will be: the rest of it is gone. As where a
        power cut took a spool in memory between the two.
        """
        folder = self.root / str(attempt_id)
        with held(folder) as is_ours:
            if is_ours and not self.holds(attempt_id):
                _let_go(folder)

    def has_damaged(self, attempt_id: int) -> bool:
        """Whether it lies here and cannot be read."""
        return is_put_aside(self.root / f"{attempt_id:d}")

    def count(self) -> int:
        """How many lie here, whole or not: by their names alone, for who asks every few seconds. Raises OSError."""
        return sum(1 for path in self.root.iterdir() if path.name.isdecimal())

    def waiting(self) -> Iterator[PendingFax]:
        """Everything that is complete here, and can be read, oldest attempt first."""
        for folder in sorted((p for p in self.root.iterdir() if p.name.isdecimal()), key=lambda p: int(p.name)):
            try:
                fax = read(folder)
            except OSError:
                # This one's trouble; it is tried again, and the others are not to wait for it.
                LOG.exception("%s cannot be read", folder)
                continue
            if fax is not None:
                yield fax


@contextmanager
def held(folder: Path) -> Iterator[bool]:
    """While somebody holds the folder of a fax, nobody else delivers it, removes it or adds to it. False:
    somebody does, or it is gone.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_ours = _is_still(descriptor, folder)
        except BlockingIOError:
            is_ours = False
        yield is_ours
    finally:
        os.close(descriptor)


def _is_still(descriptor: int, folder: Path) -> bool:
    """Whether the folder is the one that was opened. That may have been delivered, and removed, before it was locked,
    and another made in its place.
    """
    try:
        return os.path.samestat(os.fstat(descriptor), folder.stat())
    except FileNotFoundError:
        return False


def discard(fax: PendingFax) -> bool:
    """Removes a fax of which nothing is to be kept; False where somebody delivers it just now, or it is gone."""
    with held(fax.folder) as is_ours:
        if is_ours:
            remove(fax)
        return is_ours


def _readers(sidecar: InboundSidecar) -> Readers | None:
    """None for a call that was accepted before faxes were sealed."""
    if not sidecar.epoch:
        return None
    mailbox = MailboxKey(sidecar.mailbox_id, sidecar.epoch, PublicKey(bytes.fromhex(sidecar.public_key)))
    mailers = [TransientKey(int(key), "", PublicKey(bytes.fromhex(raw))) for key, raw in sidecar.mailers.items()]
    return Readers(mailbox, mailers)


def unclaimed(root: Path) -> Sequence[Path]:
    """The folders of faxes that were put aside by `keep_unclaimed`."""
    shelf = root / _UNCLAIMED
    return sorted(shelf.iterdir()) if shelf.is_dir() else []


def remove(fax: PendingFax) -> None:
    """Lets go of a fax that is in its mailbox, or of which nothing is to be kept. At once: half a folder would lie here
    for ever, and nobody could tell whose it was.
    """
    _let_go(fax.folder)


def _let_go(folder: Path) -> None:
    gone = folder.with_name(f".{folder.name}-{secrets.token_hex(4)}{_DELIVERED}")
    folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def keep_unclaimed(fax: PendingFax) -> Path:
    """Puts a fax aside that the database does not know, durably: nobody delivers it by itself. Where it lies now."""
    shelf = fax.folder.parent / _UNCLAIMED
    private_folder(shelf)
    kept = shelf / f"{fax.folder.name}-{secrets.token_hex(4)}"
    fax.folder.rename(kept)
    fsync_folder(shelf)
    fsync_folder(shelf.parent)
    return kept


def read(folder: Path) -> PendingFax | None:
    """What lies in a folder; None where it is not complete, and where it cannot be understood: then it is put aside,
    with its pages.
    """
    try:
        content = json.loads((folder / _RECORD).read_bytes())
        brought = Brought.of(content["brought"]) if "brought" in content else None
        return PendingFax(folder, InboundSidecar(**content["sidecar"]), CallResult(**content["result"]), brought)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        aside = unreadable_name(folder)
        folder.rename(aside)
        LOG.exception("%s/call.json cannot be understood; the folder is %s now", folder, aside)
        return None


def adopt(spool: Spool, pending: Pending, attempt_id: int) -> PendingFax | None:
    """Secures what a dead call left in the spool; None where nothing is left, and while its handler is at it.

    Raises SidecarDamaged where nobody can say whose it is; it is put aside then.
    """
    try:
        sidecar = spool.expected(attempt_id)
    except SidecarDamaged:
        spool.put_aside(attempt_id)
        raise
    if sidecar is None:
        return None
    try:
        return pending.secure(spool, sidecar, spool.noted_result(attempt_id) or CallResult(hangup_cause="NONE"))
    except InOtherHands:
        return None
