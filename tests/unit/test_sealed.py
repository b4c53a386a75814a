"""Sealed files: what was sealed comes back, from any place in it, and nothing that was changed opens."""

import io
import json
import runpy
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from faxplan import sealed, wraps
from faxplan.sealed import CHUNK_BYTES, Context, SealBroken, SealedReader

FOLDER = Path(__file__).parents[2] / "docs" / "sealed-files"
CONTEXT = Context(7, "3f2a", "tiff")
SEALED_CHUNK = CHUNK_BYTES + 16
SIZES = (0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 3 * CHUNK_BYTES + 5)


def plain_bytes(size: int) -> bytes:
    return Random(size).randbytes(size)  # noqa: S311 - what is sealed need not be secret


def sealed_bytes(plain: bytes, key: bytes, context: Context = CONTEXT) -> bytes:
    target = io.BytesIO()
    assert sealed.seal(io.BytesIO(plain), target, key, sealed.new_header(context)) == len(plain)
    return target.getvalue()


def opened(content: bytes, key: bytes, expected: Context | None = CONTEXT) -> bytes:
    return b"".join(SealedReader(io.BytesIO(content), key, expected).chunks())


def header_end(content: bytes) -> int:
    source = io.BytesIO(content)
    sealed.read_header(source)
    return source.tell()


@pytest.mark.parametrize("size", SIZES)
def test_what_was_sealed_comes_back(size: int) -> None:
    key, plain = sealed.new_key(), plain_bytes(size)
    content = sealed_bytes(plain, key)
    assert opened(content, key) == plain
    reader = SealedReader(io.BytesIO(content), key)
    assert (reader.size, reader.read()) == (size, plain)
    assert plain not in content or size < 2


@given(st.sampled_from(SIZES), st.integers(0, 4 * CHUNK_BYTES), st.integers(0, 2 * CHUNK_BYTES))
def test_any_part_of_it_can_be_read(size: int, start: int, length: int) -> None:
    key, plain = sealed.new_key(), plain_bytes(size)
    with io.BufferedReader(SealedReader(io.BytesIO(sealed_bytes(plain, key)), key)) as reader:
        reader.seek(start)
        assert reader.read(length) == plain[start : start + length]


def test_it_is_sealed_and_opened_piece_by_piece(tmp_path: Path) -> None:
    """Sources that give less than they are asked for, and no more than two chunks in memory."""

    class Dripping(io.RawIOBase):
        most = left = 1_000_003

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            given = min(size, self.left, 1000)
            self.left -= given
            return b"x" * given

    key = sealed.new_key()
    file = tmp_path / "sealed"
    with file.open("wb") as target:
        sealed.seal(Dripping(), target, key, sealed.new_header(CONTEXT))  # type: ignore[arg-type]
    with file.open("rb") as source:
        sizes = [len(chunk) for chunk in SealedReader(source, key).chunks()]
    assert sizes == [CHUNK_BYTES] * 15 + [1_000_003 - 15 * CHUNK_BYTES]


def test_no_two_files_have_the_same_bytes() -> None:
    key = sealed.new_key()
    assert sealed_bytes(b"twice", key) != sealed_bytes(b"twice", key)
    assert sealed.new_key() != sealed.new_key()


def _reordered(content: bytes) -> bytes:
    start = header_end(content)
    first, second = content[start : start + SEALED_CHUNK], content[start + SEALED_CHUNK : start + 2 * SEALED_CHUNK]
    return content[:start] + second + first + content[start + 2 * SEALED_CHUNK :]


BROKEN: dict[str, Callable[[bytes], bytes]] = {
    "cut by a byte": lambda content: content[:-1],
    "cut after a chunk": lambda content: content[: header_end(content) + 2 * SEALED_CHUNK],
    "cut to its header": lambda content: content[: header_end(content)],
    "cut in its header": lambda content: content[:20],
    "empty": lambda _: b"",
    "a byte appended": lambda content: content + b"\0",
    "its last chunk appended again": lambda content: content + content[header_end(content) + 3 * SEALED_CHUNK :],
    "two chunks in another order": _reordered,
    "a chunk left out": lambda content: content[: header_end(content)] + content[header_end(content) + SEALED_CHUNK :],
    "another document's header": lambda content: content.replace(b'"3f2a"', b'"3f2b"', 1),
    "another tenant's header": lambda content: content.replace(b'"tenant":7', b'"tenant":8', 1),
    "another version": lambda content: content.replace(b"FAXPLAN\x01", b"FAXPLAN\x02", 1),
    "no file of ours": lambda _: b"%PDF-1.7 and so on, and so on",
    "a header without end": lambda content: content[:8] + b"\xff\xff\xff\xff" + content[12:],
}


@pytest.mark.parametrize("how", BROKEN)
def test_what_is_not_whole_does_not_open(how: str) -> None:
    key = sealed.new_key()
    content = sealed_bytes(plain_bytes(3 * CHUNK_BYTES + 100), key)
    broken = BROKEN[how](content)
    assert broken != content
    with pytest.raises(SealBroken):
        opened(broken, key, None)
    # And as it was it does.
    assert len(opened(content, key)) == 3 * CHUNK_BYTES + 100


def test_a_last_chunk_is_empty_in_an_empty_document_alone() -> None:
    """So each document has one sealed form, whatever sealed it."""
    with pytest.raises(SealBroken):
        opened(with_an_empty_last_chunk(bytes(32)), bytes(32), None)


def with_an_empty_last_chunk(key: bytes) -> bytes:
    whole = sealed_bytes(bytes(CHUNK_BYTES + 1), key)
    header, _ = sealed.read_header(io.BytesIO(whole))
    body = AESGCM(sealed._derived(key, header.salt, b"body"))
    return whole[: header_end(whole) + SEALED_CHUNK] + body.encrypt(sealed._nonce(1, last=True), b"", None)


def test_no_bit_can_be_changed() -> None:
    key = sealed.new_key()
    content = sealed_bytes(b"Three pages.", key)
    for place in range(len(content) * 8):
        changed = bytearray(content)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises(SealBroken):
            opened(bytes(changed), key, None)


def test_nothing_of_a_changed_chunk_is_given_out() -> None:
    key = sealed.new_key()
    content = bytearray(sealed_bytes(plain_bytes(2 * CHUNK_BYTES + 1), key))
    content[header_end(bytes(content)) + SEALED_CHUNK + 5] ^= 1
    chunks = SealedReader(io.BytesIO(bytes(content)), key).chunks()
    assert next(chunks) == plain_bytes(2 * CHUNK_BYTES + 1)[:CHUNK_BYTES]
    with pytest.raises(SealBroken, match="chunk 1"):
        next(chunks)


@pytest.mark.parametrize("damage", ["cut by a byte", "a byte appended"])
def test_a_file_that_was_cut_off_gives_nothing_out(damage: str) -> None:
    """Not even what stands at its beginning: whoever reads only that would not know."""
    key = sealed.new_key()
    content = BROKEN[damage](sealed_bytes(plain_bytes(2 * CHUNK_BYTES + 1), key))
    with pytest.raises(SealBroken):
        SealedReader(io.BytesIO(content), key)


def test_another_key_does_not_open_it() -> None:
    with pytest.raises(SealBroken, match="key"):
        opened(sealed_bytes(b"A page.", sealed.new_key()), sealed.new_key())


@pytest.mark.parametrize("other", [{"tenant": 8}, {"document": "9c"}, {"artefact": "pdf"}])
def test_a_good_file_in_anothers_place_is_refused(other: dict[str, object]) -> None:
    key = sealed.new_key()
    content = sealed_bytes(b"A page.", key)
    with pytest.raises(SealBroken, match="It is tiff of document 3f2a, tenant 7, and not"):
        opened(content, key, replace(CONTEXT, **other))  # type: ignore[arg-type]


@pytest.mark.parametrize("context", [replace(CONTEXT, tenant=2**53), replace(CONTEXT, artefact="x" * 5000)])
def test_nothing_is_sealed_that_no_header_says(context: Context) -> None:
    with pytest.raises(ValueError, match="is the most"):
        sealed.new_header(context)


def test_a_wrap_gives_its_reader_the_key_of_its_file_alone() -> None:
    reader, other = wraps.new_key_pair(), wraps.new_key_pair()
    key, header = sealed.new_key(), sealed.new_header(CONTEXT)
    wrap = reader.public.wrap(key, header.digest)
    assert len(wrap) == wraps.WRAP_BYTES
    assert reader.unwrap(wrap, header.digest) == key
    assert reader.public.wrap(key, header.digest) != wrap
    with pytest.raises(SealBroken):
        other.unwrap(wrap, header.digest)
    with pytest.raises(SealBroken):
        reader.unwrap(wrap, sealed.new_header(CONTEXT).digest)
    for broken in (b"", wrap[:-1], wrap + b"\0", wrap[:40] + bytes([wrap[40] ^ 1]) + wrap[41:]):
        with pytest.raises(SealBroken):
            reader.unwrap(broken, header.digest)


def test_a_private_key_is_wrapped_to_a_reader_and_belongs_to_its_public_one() -> None:
    member, mailbox, other = (wraps.new_key_pair() for _ in range(3))
    wrap = member.public.wrap_private(mailbox)
    assert member.unwrap_private(wrap, mailbox.public) == mailbox
    with pytest.raises(SealBroken):
        other.unwrap_private(wrap, mailbox.public)
    with pytest.raises(SealBroken):
        member.unwrap_private(wrap, other.public)
    # No wrap of the one kind is one of the other.
    with pytest.raises(SealBroken):
        member.unwrap(wrap, sealed.new_header(CONTEXT).digest)


def test_a_wrap_that_lies_about_its_key_is_refused() -> None:
    """Made by somebody who knows the member's public key, as anybody does, and wants documents sealed to his own."""
    member, mailbox, other = (wraps.new_key_pair() for _ in range(3))
    info = wraps._PRIVATE_KEY + mailbox.public.raw
    lying = wraps._SUITE.encrypt(other.raw, member.public._key, info=info)
    with pytest.raises(SealBroken, match="another key than it says"):
        member.unwrap_private(lying, mailbox.public)


def test_a_private_key_does_not_show_itself() -> None:
    key = wraps.new_key_pair()
    assert key.raw.hex() not in repr(key)
    assert str(key.raw) not in repr(key)


class TestVectors:
    """What is published: the format does not change by accident."""

    VECTORS = json.loads((FOLDER / "vectors.json").read_text())

    @pytest.mark.parametrize("vector", VECTORS["files"], ids=lambda vector: vector["about"])
    def test_a_file(self, vector: dict[str, str]) -> None:
        key, content = bytes.fromhex(vector["key"]), bytes.fromhex(vector["sealed"])
        plain = bytes.fromhex(vector["plain"]) * int(vector["times"])
        assert opened(content, key, None) == plain
        context = SealedReader(io.BytesIO(content), key).header.context
        again = io.BytesIO()
        header = sealed.new_header(context, bytes.fromhex(vector["salt"]))
        sealed.seal(io.BytesIO(plain), again, key, header)
        assert again.getvalue() == content

    @pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: vector["about"])
    def test_a_file_that_must_not_open(self, vector: dict[str, str]) -> None:
        with pytest.raises(SealBroken):
            opened(bytes.fromhex(vector["sealed"]), bytes.fromhex(vector["key"]), None)

    @pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: vector["about"])
    def test_a_file_that_the_reader_beside_them_does_not_open_either(self, vector: dict[str, str]) -> None:
        reader = runpy.run_path(str(FOLDER / "open_sealed_file.py"))
        file = io.BytesIO(bytes.fromhex(vector["sealed"]))
        with pytest.raises((ValueError, InvalidTag)):
            list(reader["chunks"](file, reader["read_header"](file), bytes.fromhex(vector["key"])))

    @pytest.mark.parametrize("vector", VECTORS["private_key_wraps"], ids=lambda vector: vector["about"])
    def test_a_wrap_of_a_private_key(self, vector: dict[str, str]) -> None:
        reader = wraps.PrivateKey(bytes.fromhex(vector["private_key"]))
        public = wraps.PublicKey(bytes.fromhex(vector["of_public_key"]))
        assert reader.unwrap_private(bytes.fromhex(vector["wrap"]), public).raw.hex() == vector["holds"]

    @pytest.mark.parametrize("vector", VECTORS["wraps"], ids=lambda vector: vector["about"])
    def test_a_wrap(self, vector: dict[str, str]) -> None:
        reader = wraps.PrivateKey(bytes.fromhex(vector["private_key"]))
        assert reader.public.raw.hex() == vector["public_key"]
        header, _ = sealed.read_header(io.BytesIO(bytes.fromhex(vector["header"]) + bytes(32)))
        assert reader.unwrap(bytes.fromhex(vector["wrap"]), header.digest).hex() == vector["key"]

    def test_a_reader_that_is_not_ours_opens_them_too(self, tmp_path: Path) -> None:
        """RFC 9180's own first vector has another suite: this one stands for the libraries that the browser uses."""
        (vector,) = (each for each in self.VECTORS["wraps"] if each["of"])
        (file,) = (each for each in self.VECTORS["files"] if each["about"] == vector["of"])
        path = tmp_path / "sealed"
        path.write_bytes(bytes.fromhex(file["sealed"]))
        script = [sys.executable, str(FOLDER / "open_sealed_file.py"), str(path)]
        for keys in (
            ["--key", file["key"]],
            ["--wrap", vector["wrap"], "--private-key", vector["private_key"]],
        ):
            done = subprocess.run([*script, *keys], capture_output=True, check=True)
            assert done.stdout == bytes.fromhex(file["plain"]) * int(file["times"])
        wrong = subprocess.run([*script, "--key", "00" * 32], capture_output=True, check=False)
        assert wrong.returncode == 1
        assert b"cannot be opened" in wrong.stderr
        assert wrong.stdout == b""
