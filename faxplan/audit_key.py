"""The key that signs checkpoints: one file, outside the database, that only its owner reads."""

import re
import socket
import stat
from pathlib import Path

from faxplan import files
from faxplan.errors import FaxplanError
from faxplan.signed_notes import Signer


class UnsafeKey(FaxplanError):
    """Others can read the key."""

    error_id = "unsafe-audit-key"


class KeyExists(FaxplanError):
    """There is a key of another name already."""

    error_id = "audit-key-exists"


def load(path: Path) -> Signer | None:
    """The key; None where there is none yet. Raises UnsafeKey and InvalidKey."""
    try:
        with path.open(encoding="utf-8") as file:
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & 0o077:
                raise UnsafeKey(
                    f"{path} can be read by others (mode {mode:04o}), who could sign with it. If nobody "
                    f"has: chmod 0600 {path}. Else remove it, make another (`faxplan audit key`), tell the officers."
                )
            return Signer.of(file.read())
    except FileNotFoundError:
        return None


def load_or_make(path: Path, name: str | None = None) -> Signer:
    """The key; made where there is none. name: of a new one, such as fax.example.com/audit; None: after this machine.

    Raises KeyExists where it has another name already, and as `load` and Signer.new.
    """
    signer = load(path)
    if signer is None:
        if not path.parent.exists():
            files.private_folder(path.parent)
        # Else it may be FreeSWITCH's user's: root signs, and that user reads no file of root's.
        made = Signer.new(name or f"{re.sub(r'[^A-Za-z0-9.-]', '-', socket.gethostname())}/faxplan-audit")
        # Should somebody else have made one at this moment, his is the one.
        files.write_new_durably(path, f"{made.private_text}\n".encode())
        signer = load(path)
        if signer is None:
            raise KeyExists(f"{path} was just removed by somebody else. Try again.")
    if name is not None and signer.name != name:
        raise KeyExists(
            f"{path} has a key of the name {signer.name} already. To sign under another name, move that file away "
            "first; earlier checkpoints are verified with its verifier key, which `faxplan audit key` prints: write it "
            "down before."
        )
    return signer
