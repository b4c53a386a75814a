"""Files that must survive a crash: written whole or not at all."""

import os
from pathlib import Path


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
