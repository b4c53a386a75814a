import hashlib

import pytest

from faxplan.merkle import EMPTY_ROOT, Frontier

# The leaves and roots with which implementations of RFC 6962 test themselves (certificate-transparency-go).
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1, as it stands there."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    return hashlib.sha256(b"\1" + root(leaves[:half]) + root(leaves[half:])).digest()


def test_roots_are_those_of_rfc_6962() -> None:
    frontier = Frontier()
    assert frontier.root() == EMPTY_ROOT
    for leaf, expected in zip(LEAVES, ROOTS, strict=True):
        frontier.add(bytes.fromhex(leaf))
        assert frontier.root().hex() == expected


def test_a_tree_that_is_kept_and_goes_on_is_the_one_that_never_stopped() -> None:
    leaves = [str(number).encode() for number in range(70)]
    kept = Frontier()
    for size, leaf in enumerate(leaves, 1):
        kept = Frontier(kept.size, list(kept.hashes))
        kept.add(leaf)
        assert kept.root() == root(leaves[:size])


@pytest.mark.parametrize(("size", "hashes"), [(1, []), (0, [b"x" * 32]), (1, [b"x" * 31]), (3, [b"x" * 32])])
def test_a_frontier_that_cannot_be_is_refused(size: int, hashes: list[bytes]) -> None:
    with pytest.raises(ValueError, match="subtrees"):
        Frontier(size, hashes)
