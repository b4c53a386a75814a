"""Private keys of readers for a while, as files of the machine that reads: `<public key>.key`, 32 bytes, 0600.

The folder belongs into no backup: that a key can be destroyed for good is what it is for. A file that is deleted may
stay readable on its disk for whoever takes that apart; a folder on an encrypted disk, or on tmpfs where faxes that wait
need not outlive the machine, closes that too (docs/security.md).
"""

import os
import re
import time
from contextlib import suppress
from pathlib import Path

from faxplan.files import fsync_folder, private_folder, write_durably
from faxplan.owner_rights import as_owner_of
from faxplan.wraps import PrivateKey, PublicKey, new_key_pair

_NAME = re.compile("[0-9a-f]{64}")


class KeyFolder:
    """The keys of one machine; its worker and its switch share it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: dict[bytes, PrivateKey] = {}

    def prepare(self) -> None:
        """Makes the folder, private. Raises UnsafeFolder."""
        private_folder(self.root)

    def make(self) -> PrivateKey:
        """A new key, on disk before it is used."""
        key = new_key_pair()
        write_durably(self._file(key.public), key.raw)
        return key

    def private(self, public: PublicKey) -> PrivateKey | None:
        """The private key that belongs to a public one; None: it is not here, or not whole."""
        if (known := self._known.get(public.raw)) is not None:
            return known
        try:
            raw = self._file(public).read_bytes()
        except FileNotFoundError:
            return None
        if len(raw) != 32 or PrivateKey(raw).public != public:
            return None
        self._known[public.raw] = PrivateKey(raw)
        return self._known[public.raw]

    def destroy(self, public: PublicKey) -> None:
        """Overwrites and deletes a key; one that is gone is no error. Root (a restore) does it with the rights of whose
        folder it is: a link there overwrites no file of anybody else's."""
        self._known.pop(public.raw, None)
        file = self._file(public)
        with suppress(FileNotFoundError), as_owner_of(self.root):
            if not file.is_symlink():
                with file.open("r+b") as old:
                    old.write(bytes(32))
                    old.flush()
                    os.fsync(old.fileno())
            file.unlink()
            fsync_folder(self.root)

    def forget_destroyed(self) -> None:
        """Drops from this process's memory what another process of this machine has destroyed."""
        for raw in list(self._known):
            if not self._file(PublicKey(raw)).exists():
                self._known.pop(raw, None)

    def held(self, *, older_than_seconds: float = 0) -> list[PublicKey]:
        """Those whose files lie here, and have lain here for so long."""
        before = time.time() - older_than_seconds
        found = []
        for path in sorted(self.root.glob("*.key")):
            # Another process may destroy one while we look.
            with suppress(FileNotFoundError):
                if _NAME.fullmatch(path.stem) and path.stat().st_mtime <= before:
                    found.append(PublicKey(bytes.fromhex(path.stem)))
        return found

    def _file(self, public: PublicKey) -> Path:
        return self.root / f"{public.raw.hex()}.key"
