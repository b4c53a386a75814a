"""The client's own reader of sealed files opens the published vectors, and refuses what must not open."""

import io
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from faxplan_client import CannotOpen, ReaderKey, keys, sealed
from faxplan_client.answers import MailboxEpoch, UserKeyParameters

VECTORS = json.loads((Path(__file__).parents[2] / "docs" / "sealed-files" / "vectors.json").read_text())


def context(content: bytes) -> sealed.Context:
    """What a file says to be, whatever that is."""
    try:
        said = json.loads(content[12 : 12 + int.from_bytes(content[8:12], "big")])
        return sealed.Context(said["tenant"], said["document"], said["artefact"])
    except (ValueError, KeyError, TypeError):
        return sealed.Context(0, "", "")


def opened(content: bytes, key: bytes) -> bytes:
    return b"".join(sealed.SealedFile(io.BytesIO(content), key, context(content)).chunks())


@pytest.mark.parametrize("vector", VECTORS["files"], ids=lambda vector: vector["about"])
def test_a_file(vector: dict[str, str]) -> None:
    content, key = bytes.fromhex(vector["sealed"]), bytes.fromhex(vector["key"])
    assert opened(content, key) == bytes.fromhex(vector["plain"]) * int(vector["times"])
    with pytest.raises(CannotOpen, match="another file than was asked for"):
        sealed.SealedFile(io.BytesIO(content), key, sealed.Context(99, "x", "y"))
    for end in (len(content) - 1, len(content) - 17, 100, 11, 0):
        with pytest.raises(CannotOpen):
            opened(content[:end], key)


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: vector["about"])
def test_a_file_that_must_not_open(vector: dict[str, str]) -> None:
    with pytest.raises(CannotOpen):
        opened(bytes.fromhex(vector["sealed"]), bytes.fromhex(vector["key"]))


def test_wraps() -> None:
    for vector in VECTORS["wraps"]:
        private = X25519PrivateKey.from_private_bytes(bytes.fromhex(vector["private_key"]))
        digest = sealed.digest_of(io.BytesIO(bytes.fromhex(vector["header"]) + bytes(32)))
        assert sealed.unwrap_file_key(private, bytes.fromhex(vector["wrap"]), digest).hex() == vector["key"]
        with pytest.raises(CannotOpen):
            sealed.unwrap_file_key(private, bytes.fromhex(vector["wrap"]), bytes(32))
    for vector in VECTORS["private_key_wraps"]:
        private = X25519PrivateKey.from_private_bytes(bytes.fromhex(vector["private_key"]))
        public = bytes.fromhex(vector["of_public_key"])
        found = sealed.unwrap_private_key(private, bytes.fromhex(vector["wrap"]), public)
        assert found.private_bytes_raw().hex() == vector["holds"]
        with pytest.raises(CannotOpen):
            sealed.unwrap_private_key(private, bytes.fromhex(vector["wrap"]), bytes(32))


def test_secrets() -> None:
    for vector in VECTORS["passwords"]:
        parameters = UserKeyParameters(
            b"", bytes.fromhex(vector["salt"]), vector["memory"], vector["passes"], vector["lanes"]
        )
        derived = keys.of_password(vector["password"], parameters)
        assert (derived.auth.hex(), derived.wrap.hex()) == (vector["auth"], vector["wrap"])
        assert derived.wrap.hex() not in repr(derived)
    for vector in VECTORS["recovery_codes"]:
        for code in (vector["code"], *vector["also"]):
            assert keys.of_code(code).wrap.hex() == vector["wrap"]
    for vector in VECTORS["locked_keys"]:
        wrap, public = bytes.fromhex(vector["wrap"]), bytes.fromhex(vector["public_key"])
        found = keys.unlocked(bytes.fromhex(vector["locked"]), wrap, public)
        assert found.private_bytes_raw().hex() == vector["private_key"]
        with pytest.raises(CannotOpen):
            keys.unlocked(bytes.fromhex(vector["locked"]), bytes(32), public)


@pytest.mark.parametrize("vector", VECTORS["reader_keys"], ids=lambda vector: vector["about"])
def test_readers_keys(vector: dict[str, str]) -> None:
    if vector.get("private_key"):
        assert ReaderKey(vector["text"]).private.private_bytes_raw().hex() == vector["private_key"]
    else:
        with pytest.raises(CannotOpen):
            _ = ReaderKey(vector["text"]).private


def test_the_newest_key_of_a_mailbox_opens_those_before() -> None:
    from faxplan import keyring, wraps  # noqa: PLC0415 - the other side, for this alone

    member = wraps.new_key_pair()
    first, one = keyring.new_epoch({1: member.public})
    second, two = keyring.new_epoch({1: member.public}, earlier=one)
    epochs = [
        MailboxEpoch(7, 1, first.public.raw, None, None),
        MailboxEpoch(7, 2, second.public.raw, second.wraps[1], second.earlier),
        MailboxEpoch(8, 1, first.public.raw, bytes(80), None),
    ]
    ring = keys.Keyring(X25519PrivateKey.from_private_bytes(member.raw), epochs)
    found = [ring.key_of(*place) for place in ((7, 1), (7, 2), (8, 1))]
    assert [None if each is None else each.private_bytes_raw() for each in found] == [one.raw, two.raw, None]
