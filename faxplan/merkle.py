"""The Merkle tree of RFC 6962, section 2.1, as a log grows it: leaf by leaf, without the leaves that are in it."""

import hashlib
from collections.abc import Iterable

EMPTY_ROOT = hashlib.sha256(b"").digest()
HASH_BYTES = 32


class Frontier:
    """A tree of `size` leaves: the hashes of its whole subtrees, the largest first. At most 64 of them."""

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        self.size = size
        self.hashes = list(hashes)
        if len(self.hashes) != size.bit_count() or any(len(each) != HASH_BYTES for each in self.hashes):
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} whole subtrees, of 32 bytes each")

    def add(self, leaf: bytes) -> None:
        """One more leaf, of any length."""
        node = hashlib.sha256(b"\x00" + leaf).digest()
        size = self.size
        while size & 1:
            node = _parent(self.hashes.pop(), node)
            size >>= 1
        self.hashes.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The tree's hash, 32 bytes."""
        if not self.hashes:
            return EMPTY_ROOT
        *larger, root = self.hashes
        for each in reversed(larger):
            root = _parent(each, root)
        return root


def _parent(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
