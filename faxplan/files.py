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
    """Writes a private file (0600) so that a crash leaves either all of it or nothing under this name."""
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as writer:
            writer.write(content)
            writer.flush()
            os.fsync(writer.fileno())
        partial.replace(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    fsync_folder(target.parent)
