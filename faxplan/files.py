"""Files that must survive a crash, written whole or not at all; and folders that nobody else may look into."""

import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from faxplan.errors import FaxplanError

_PARTIAL = ".partial"
_UNREADABLE = ".unreadable"
_LONGEST_WRITING_SECONDS = 3600.0


class UnsafeFolder(FaxplanError):
    """A folder for documents or records belongs to somebody else, or is none."""

    error_id = "unsafe-folder"


def private_folder(path: Path) -> None:
    """Makes a folder that only we can enter (0700), and what is missing above it; or sees to it that it is so.

    One of our own that is too open is tightened: what lies in it is ours. Raises UnsafeFolder for one of somebody
    else, who could put files of his choice there, and for a symbolic link, which he could turn elsewhere.
    """
    if not path.parent.exists():
        private_folder(path.parent)
    try:
        path.mkdir(mode=0o700)
    except FileExistsError:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode):
            what = "a symbolic link" if stat.S_ISLNK(found.st_mode) else "no folder"
            raise UnsafeFolder(f"{path} is {what}. Remove it, or name the real folder in the settings.") from None
        if found.st_uid != os.geteuid():
            raise UnsafeFolder(
                f"{path} belongs to user id {found.st_uid}, and this runs as {os.geteuid()}. Run it as the owner, or "
                f"give it the folder: chown {os.geteuid()} {path}; chmod 0700 {path}."
            ) from None
        if found.st_mode & 0o077:
            path.chmod(0o700)


def unreadable_name(path: Path) -> Path:
    """Under which name something that cannot be understood is put aside: beside it, in nobody else's place."""
    aside = path.with_name(f"{path.name}{_UNREADABLE}")
    return path.with_name(f"{path.name}-{secrets.token_hex(4)}{_UNREADABLE}") if aside.exists() else aside


def is_put_aside(path: Path) -> bool:
    """Whether anything of this name was put aside so."""
    return any(any(path.parent.glob(f"{path.name}{more}{_UNREADABLE}")) for more in ("", "-*"))


def empty_folder(folder: Path) -> None:
    """Removes all that is in a folder of ours, however deep, whoever made it so. Follows no link. Raises OSError.

    Folders are lifted to the top before they are emptied: whoever nests ten thousand of them reaches no limit of
    ours, neither of recursion nor of a path's length; and no list of all that is there is made. Nobody else may be at
    work in it.
    """
    while _remove_what_is_seen(folder):
        # While files go, others may not be seen.
        pass


def _remove_what_is_seen(folder: Path) -> bool:
    """Whether there was anything."""
    found = False
    with os.scandir(folder) as entries:
        for entry in map(Path, entries):
            found = True
            if not _is_folder(entry):
                entry.unlink()
                continue
            entry.chmod(0o700)
            while _lift_what_is_seen(entry, folder):
                pass
            entry.rmdir()
    return found


def _lift_what_is_seen(entry: Path, folder: Path) -> bool:
    found = False
    with os.scandir(entry) as entries:
        for inner in map(Path, entries):
            found = True
            if _is_folder(inner):
                # One that may not be written cannot be moved: its `..` changes.
                inner.chmod(0o700)
                inner.rename(folder / f".emptied-{secrets.token_hex(8)}")
            else:
                inner.unlink()
    return found


def _is_folder(path: Path) -> bool:
    """Of a link: that it is none."""
    return stat.S_ISDIR(path.lstat().st_mode)


def fsync_folder(folder: Path) -> None:
    """Makes the folder's entries durable: without it, a new file's name may be lost though its content is safe."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_durably(target: Path, content: bytes) -> None:
    """Writes a private file (0600) so that a crash, even of the machine, leaves all of it or nothing of it."""
    write_whole(target, content, durable=True)
    fsync_folder(target.parent)


def write_whole(target: Path, content: bytes, *, durable: bool = False) -> None:
    """Writes a private file (0600) so that a crash of this process leaves all of it or nothing under this name.

    durable: the content is on disk when this returns (the name is not yet: see write_durably).
    """
    with _partial(target, content, durable=durable) as partial:
        partial.replace(target)


def write_new_durably(target: Path, content: bytes) -> bool:
    """As write_durably, but what stands there already stays, whoever wrote it at the same moment; then False."""
    with _partial(target, content, durable=True) as partial:
        try:
            os.link(partial, target)
        except FileExistsError:
            return False
        finally:
            partial.unlink()
    fsync_folder(target.parent)
    return True


@contextmanager
def _partial(target: Path, content: bytes, *, durable: bool) -> Iterator[Path]:
    """The content beside `target`, under a name of its own: hook and runtime may write one target at once."""
    partial = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(8)}{_PARTIAL}")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb", buffering=0) as writer:
            left = memoryview(content)
            while left:
                left = left[writer.write(left) :]
            if durable:
                os.fsync(descriptor)
        yield partial
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


def sweep_partials(folder: Path) -> None:
    """Removes what processes that were killed while they wrote have left in a folder of this machine."""
    for partial in folder.glob(f".*{_PARTIAL}"):
        pid = partial.name.removesuffix(_PARTIAL).rpartition(".")[2].partition("-")[0]
        with suppress(FileNotFoundError):
            old = time.time() - partial.stat().st_mtime > _LONGEST_WRITING_SECONDS
            # Old as well: process ids are given anew, and the first process of a container is always 1.
            if old or not Path(f"/proc/{pid}").exists():
                partial.unlink()
