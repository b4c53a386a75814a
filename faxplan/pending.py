"""Received faxes between the call and the mailbox: one durable folder an attempt, whether the database answers or not.

pending/<attempt>/fax.tif     what rxfax wrote; missing where nothing arrived
pending/<attempt>/t30.log    the T.30 of a call whose trace is kept (t30_trace.py)
pending/<attempt>/call.json   whose it is and how the call ended; written last, so a folder without it is not complete
pending/unclaimed/...         faxes that the database has never heard of: it was restored, or lost its last rows
pending/<attempt>.unreadable  folders whose call.json a damaged disk has spoilt
"""

import json
import logging
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from faxplan import t30_trace
from faxplan.call_result import CallResult
from faxplan.files import fsync_folder, private_folder, write_durably, write_whole
from faxplan.spool import InboundSidecar, Spool

LOG = logging.getLogger(__name__)
_UNCLAIMED = "unclaimed"


@dataclass(frozen=True, slots=True)
class PendingFax:
    """A received fax that is on disk, and not yet in a mailbox."""

    folder: Path
    sidecar: InboundSidecar
    result: CallResult

    @property
    def tiff(self) -> Path | None:
        """What rxfax wrote; None where nothing arrived."""
        path = self.folder / "fax.tif"
        return path if path.exists() else None

    @property
    def trace(self) -> str | None:
        """Its T.30 trace; None where none is kept. Raises OSError."""
        path = self.folder / "t30.log"
        return path.read_text("utf-8") if path.exists() else None


class Pending:
    """The folder of received faxes that are not delivered yet: one folder an attempt."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def prepare(self) -> None:
        """Makes the folder, private. Raises UnsafeFolder."""
        private_folder(self.root)

    def secure(self, spool: Spool, sidecar: InboundSidecar, result: CallResult) -> PendingFax:
        """Moves a fax from the spool to here, durably. May be repeated after a crash at any point."""
        spool.note_result(sidecar.attempt_id, result)
        folder = self.root / str(sidecar.attempt_id)
        if (present := _read(folder)) is not None and present.sidecar.channel_uuid != sidecar.channel_uuid:
            # A restored database gives ids out again.
            keep_unclaimed(present)
        folder.mkdir(mode=0o700, exist_ok=True)
        source = spool.inbound_tiff(sidecar.attempt_id)
        if source.exists():
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
        content = {"sidecar": asdict(sidecar), "result": result.as_dict()}
        write_durably(folder / "call.json", json.dumps(content).encode())
        fsync_folder(self.root)
        spool.discard_inbound(sidecar.attempt_id)
        return PendingFax(folder, sidecar, result)

    def holds(self, attempt_id: int) -> bool:
        """Whether the fax of an attempt lies here, complete or not."""
        return (self.root / str(attempt_id)).exists()

    def has_damaged(self, attempt_id: int) -> bool:
        """Whether it lies here and cannot be read."""
        return any(any(self.root.glob(f"{attempt_id:d}{more}.unreadable")) for more in ("", "-*"))

    def waiting(self) -> Iterator[PendingFax]:
        """Everything that is complete here, and can be read, oldest attempt first."""
        for folder in sorted((p for p in self.root.iterdir() if p.name.isdecimal()), key=lambda p: int(p.name)):
            try:
                fax = _read(folder)
            except OSError:
                # This one's trouble; it is tried again, and the others are not to wait for it.
                LOG.exception("%s cannot be read", folder)
                continue
            if fax is not None:
                yield fax


def unclaimed(root: Path) -> list[Path]:
    """The folders of faxes that were put aside by `keep_unclaimed`."""
    shelf = root / _UNCLAIMED
    return sorted(shelf.iterdir()) if shelf.is_dir() else []


def keep_unclaimed(fax: PendingFax) -> Path:
    """Puts a fax aside that the database does not know, durably: nobody delivers it by itself. Where it lies now."""
    shelf = fax.folder.parent / _UNCLAIMED
    private_folder(shelf)
    kept = shelf / f"{fax.folder.name}-{secrets.token_hex(4)}"
    fax.folder.rename(kept)
    fsync_folder(shelf)
    fsync_folder(shelf.parent)
    return kept


def _read(folder: Path) -> PendingFax | None:
    """None where it is not complete, and where it cannot be understood: then it is put aside, with its pages."""
    try:
        content = json.loads((folder / "call.json").read_bytes())
        return PendingFax(folder, InboundSidecar(**content["sidecar"]), CallResult(**content["result"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        aside = folder.with_name(f"{folder.name}.unreadable")
        if aside.exists():
            aside = aside.with_name(f"{folder.name}-{secrets.token_hex(4)}.unreadable")
        folder.rename(aside)
        LOG.exception("%s/call.json cannot be understood; the folder is %s now", folder, aside)
        return None


def adopt(spool: Spool, pending: Pending, attempt_id: int) -> PendingFax | None:
    """Secures what a dead call left in the spool; None where nothing is left."""
    sidecar = spool.expected(attempt_id)
    if sidecar is None:
        return None
    return pending.secure(spool, sidecar, spool.noted_result(attempt_id) or CallResult(hangup_cause="NONE"))
