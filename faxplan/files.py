"""Files that must survive a crash, written whole or not at all; and folders that nobody else may look into."""

import os
import stat
from pathlib import Path

from faxplan.errors import FaxplanError


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
            raise UnsafeFolder(
                f"{path} is {what}. Remove it, or name the real folder in the settings (state_dir, store_dir, spool_dir)."
            ) from None
        if found.st_uid != os.geteuid():
            raise UnsafeFolder(
                f"{path} belongs to user id {found.st_uid}, and this runs as {os.geteuid()}. Run it as the owner, or "
                f"give it the folder: chown {os.geteuid()} {path}; chmod 0700 {path}."
            ) from None
        if found.st_mode & 0o077:
            path.chmod(0o700)


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
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as writer:
            writer.write(content)
            if durable:
                writer.flush()
                os.fsync(writer.fileno())
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
