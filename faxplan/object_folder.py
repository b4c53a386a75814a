"""The document store's objects in a folder: on a disk of this machine, or one that several mount."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from faxplan.files import fsync_folder, private_folder, write_durably
from faxplan.objects import MARK, MARKER, DocumentLost, Listed, StoreUnavailable, checked_name
from faxplan.owner_rights import as_owner_of


class ObjectFolder:
    """See objects.Objects. makes_itself: made by the first object, where there is no such folder. On a disk of its own
    it must not be: the folder may be missing because the disk is. What root changes in it (purge, `store accept`) is
    changed with the rights of whose it is.
    """

    def __init__(self, root: Path, *, makes_itself: bool = True) -> None:
        self.root = root
        self.marker = root / MARKER
        self._makes_itself = makes_itself

    @property
    def place(self) -> str:
        return str(self.root)

    @property
    def folder(self) -> Path | None:
        return self.root

    def check(self) -> None:
        if not self._has_marker() and not self._is_to_be_made():
            raise self._unavailable()

    def be_there(self) -> None:
        self.check()
        if self._is_to_be_made():
            self._make()

    def accept(self) -> None:
        if not self.root.is_dir():
            raise StoreUnavailable(
                f"{self.root} does not exist. Mount the store's disk, or make the folder, as the user of FreeSWITCH: "
                f"install -d -m 0700 {self.root}"
            )
        with as_owner_of(self.root):
            write_durably(self.marker, MARK)

    @contextmanager
    def new(self, name: str) -> Iterator[Path]:
        yield self._place_for(name)
        self._make_names_last(name)

    def put(self, file: Path, name: str) -> None:
        target = self._place_for(name)
        draft = target.with_suffix(".partial")
        try:
            with file.open("rb") as reader, open(draft, "wb", opener=_private) as writer:
                shutil.copyfileobj(reader, writer, 1 << 20)
                writer.flush()
                os.fsync(writer.fileno())
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
        self._make_names_last(name)

    def open(self, name: str) -> BinaryIO:
        try:
            return self.path(name).open("rb")
        except FileNotFoundError as error:
            raise self.missing(name) from error

    def missing(self, name: str) -> DocumentLost:
        """What an object is that is not there. Raises StoreUnavailable where the store is not there either."""
        if not self._has_marker():
            raise self._unavailable()
        return DocumentLost(f"Object {name} is missing in {self.root}. Restore it from a backup.")

    def delete(self, name: str) -> None:
        with as_owner_of(self.root):
            self.path(name).unlink(missing_ok=True)

    def delete_all(self, names: Sequence[str]) -> Mapping[str, str]:
        left = {}
        for name in names:
            try:
                self.delete(name)
            except OSError as error:
                left[name] = f"{error.strerror}. See whether the store's disk is well."
        return left

    def make_deletions_last(self, names: Iterable[str]) -> None:
        with as_owner_of(self.root):
            for folder in sorted({self.path(name).parent for name in names}):
                if folder.is_dir():
                    fsync_folder(folder)

    def listed(self, number: int) -> Iterator[Listed]:
        folder = self._part(number)
        for path in folder.iterdir() if _is_folder(folder) else ():
            try:
                status = path.lstat()
            except FileNotFoundError:
                continue
            yield Listed(path.name, status.st_size, status.st_mtime)

    def remove(self, listed: Listed, number: int) -> bool:
        try:
            with as_owner_of(self.root):
                (self._part(number) / listed.name).unlink()
        except FileNotFoundError:
            return False
        return True

    def drop_unfinished(self, before: float) -> None:
        """Nothing: they are listed (NAME.partial)."""

    def note(self, name: str) -> bytes | None:
        try:
            return (self.root / name).read_bytes()
        except FileNotFoundError:
            return None

    def set_note(self, name: str, content: bytes) -> None:
        if not self.marker.exists():
            return
        with as_owner_of(self.root):
            write_durably(self.root / name, content)

    def room(self) -> tuple[int, int] | None:
        usage = shutil.disk_usage(self.root if self.root.exists() else self.root.parent)
        return usage.free, usage.total

    def path(self, name: str) -> Path:
        """Where an object lies, or would."""
        return self.root / checked_name(name)[:2] / name

    def _part(self, number: int) -> Path:
        return self.root / f"{number:02x}"

    def _has_marker(self) -> bool:
        try:
            return self.marker.exists()
        except PermissionError:
            # Of a user who has no business here; the disk is well.
            raise
        except OSError as error:
            raise StoreUnavailable(
                f"{self.root} cannot be looked at ({error.strerror}). See whether its disk is well, and mounted."
            ) from error

    def _is_to_be_made(self) -> bool:
        return self._makes_itself and not self.root.exists()

    def _unavailable(self) -> StoreUnavailable:
        return StoreUnavailable(
            f"{self.root} is not the document store: {MARKER} is missing in it. Mount the store's disk. If this is a "
            "new store, or one restored without that file: `faxplan store accept`."
        )

    def _make(self) -> None:
        """With its marker at once: a folder without it is never ours. Root makes it for whoever has the folder above,
        by that one's rights: one of root's own would shut out FreeSWITCH and the worker."""
        parent = self.root.parent
        if not parent.exists():
            private_folder(parent)
        # A link above is the administrator's, and counts by where it leads.
        with as_owner_of(parent.resolve()):
            made = Path(tempfile.mkdtemp(prefix=f".{self.root.name}-", dir=parent))
            try:
                write_durably(made / MARKER, MARK)
                made.rename(self.root)
            except OSError:
                shutil.rmtree(made, ignore_errors=True)
                # Another process may have made it at the same moment.
                if not self.marker.exists():
                    raise
            fsync_folder(parent)

    def _place_for(self, name: str) -> Path:
        """Where an object is to be, in folders that are there."""
        self.be_there()
        target = self.path(name)
        private_folder(self.root)
        private_folder(target.parent)
        return target

    def _make_names_last(self, name: str) -> None:
        fsync_folder(self.path(name).parent)
        # The object's folder may be new, and its name must last too.
        fsync_folder(self.root)


def _is_folder(path: Path) -> bool:
    """Of a link: that it is none. None of the store's folders is."""
    return path.is_dir() and not path.is_symlink()


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
