"""The folder of checkpoints: one file each, durable; with time fewer are kept.

All of a week, then the last of each day for 400 days, then the last of each month, for ever. One that is gone proved
nothing that a later one of the same log does not.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from faxplan import files
from faxplan.checkpoints import Checkpoint
from faxplan.errors import FaxplanError

_NAME = re.compile(r"(\d{8}T\d{6}Z)-(\d{4,})-(\d{12,})\.checkpoint")
_STAMP = "%Y%m%dT%H%M%SZ"
_ALL, _DAILY = timedelta(days=7), timedelta(days=400)
_MAILED = "mailed"


class CheckpointFolderMissing(FaxplanError):
    """The folder that the settings name is not there."""

    error_id = "checkpoint-folder-missing"


class CheckpointFolder:
    """Where checkpoints are written. made: below state_dir it is ours to make; another may be a disk's mount point."""

    def __init__(self, path: Path, *, made: bool) -> None:
        self.path = path
        self._made = made

    def prepare(self) -> None:
        """Raises CheckpointFolderMissing and UnsafeFolder."""
        if self._made:
            files.private_folder(self.path)
        elif not self.path.is_dir():
            raise CheckpointFolderMissing(
                f"{self.path} (checkpoint_dir) is no folder. Make it, or mount what belongs there: {self.path.name} "
                "may be a disk or a share of another machine."
            )
        files.sweep_partials(self.path)

    def newest(self) -> Path | None:
        """The file of the checkpoint with the most rows, of the last generation; None where there is none."""
        found = [(int(match[2]), int(match[3]), match[1], path) for match, path in self._entries()]
        return max(found)[3] if found else None

    def write(self, checkpoint: Checkpoint, note: str) -> Path:
        """Makes it durable, and lets go of old ones. The file."""
        stamp = checkpoint.at.strftime(_STAMP)
        path = self.path / f"{stamp}-{checkpoint.generation:04}-{checkpoint.size:012}.checkpoint"
        files.write_durably(path, note.encode())
        for each in outlived([path for _, path in self._entries()], checkpoint.at):
            each.unlink(missing_ok=True)
        return path

    def mailed_at(self) -> datetime | None:
        """When a checkpoint was last mailed; None: never."""
        try:
            return datetime.fromtimestamp((self.path / _MAILED).stat().st_mtime, UTC)
        except FileNotFoundError:
            return None

    def note_mailed(self) -> None:
        """Remembers that one was mailed just now."""
        files.write_whole(self.path / _MAILED, b"")

    def _entries(self) -> Iterable[tuple[re.Match[str], Path]]:
        if self.path.is_dir():
            for path in self.path.iterdir():
                if match := _NAME.fullmatch(path.name):
                    yield match, path


def outlived(paths: Iterable[Path], now: datetime) -> list[Path]:
    """Those that need not be kept any more. The newest of all always is."""
    kept: set[tuple[int, str]] = set()
    gone = []
    for path in sorted(paths, key=lambda path: path.name, reverse=True):
        match = _NAME.fullmatch(path.name)
        if match is None:
            continue
        at = datetime.strptime(match[1], _STAMP).replace(tzinfo=UTC)
        if now - at < _ALL:
            continue
        # Of each generation by itself: the last before a restore is the one that shows what was lost.
        slot = int(match[2]), f"{at:%Y-%m-%d}" if now - at < _DAILY else f"{at:%Y-%m}"
        if slot in kept:
            gone.append(path)
        kept.add(slot)
    return gone
