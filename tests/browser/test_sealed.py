"""portal/static/vault/sealed.js and header.js: what Python seals they open, and vice versa; both refuse alike."""

import hashlib
import io
import json
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from faxplan import sealed
from faxplan.sealed import CHUNK_BYTES, Context, SealedReader
from tests.browser.browsers import JavaScriptError, Page

VECTORS = json.loads((Path(__file__).parents[2] / "docs" / "sealed-files" / "vectors.json").read_text())
CONTEXT = Context(7, "3f2a", "tiff")
SEALED_CHUNK = CHUNK_BYTES + 16
SIZES = (0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 3 * CHUNK_BYTES + 5)
KEY = bytes(range(32))


def plain_bytes(size: int) -> bytes:
    return Random(size).randbytes(size)  # noqa: S311 - what is sealed need not be secret


def sealed_bytes(plain: bytes, context: Context = CONTEXT) -> bytes:
    target = io.BytesIO()
    sealed.seal(io.BytesIO(plain), target, KEY, sealed.new_header(context))
    return target.getvalue()


def start_of_chunks(content: bytes) -> int:
    source = io.BytesIO(content)
    sealed.read_header(source)
    return source.tell()


def opened(page: Page, content: bytes, key: bytes = KEY, expected: Context | None = CONTEXT, **more: Any) -> bytes:
    given = page.do("opened", sealed=content, key=key, expected=expected and asdict(expected), **more)
    assert given["size"] == len(given["plain"])
    plain: bytes = given["plain"]
    return plain


@pytest.mark.parametrize("vector", VECTORS["files"], ids=lambda vector: vector["about"])
def test_a_published_file(page: Page, vector: dict[str, str]) -> None:
    key, content = bytes.fromhex(vector["key"]), bytes.fromhex(vector["sealed"])
    plain = bytes.fromhex(vector["plain"]) * int(vector["times"])
    given = page.do("opened", sealed=content, key=key, expected=None)
    assert given["plain"] == plain
    assert Context(**given["context"]) == SealedReader(io.BytesIO(content), key).header.context
    again = page.do("sealed", plain=plain, key=key, context=given["context"], salt=bytes.fromhex(vector["salt"]))
    assert again == content


@pytest.mark.parametrize("vector", VECTORS["refused"], ids=lambda vector: vector["about"])
def test_a_published_file_that_must_not_open(page: Page, vector: dict[str, str]) -> None:
    with pytest.raises(JavaScriptError) as refused:
        opened(page, bytes.fromhex(vector["sealed"]), bytes.fromhex(vector["key"]), None)
    assert (refused.value.error_id, refused.value.retryable) == (sealed.SealBroken.error_id, False)


@pytest.mark.parametrize("size", SIZES)
def test_what_python_sealed_opens_here(page: Page, size: int) -> None:
    assert opened(page, sealed_bytes(plain_bytes(size)), asBlob=True) == plain_bytes(size)


@pytest.mark.parametrize("size", SIZES)
def test_what_was_sealed_here_opens_in_python(page: Page, size: int) -> None:
    content = page.do("sealed", plain=plain_bytes(size), key=KEY, context=asdict(CONTEXT), salt=None)
    assert SealedReader(io.BytesIO(content), KEY, CONTEXT).read() == plain_bytes(size)
    assert content != page.do("sealed", plain=plain_bytes(size), key=KEY, context=asdict(CONTEXT), salt=None)


def test_it_is_sealed_piece_by_piece(page: Page) -> None:
    header, seal, *chunks = page.do("pieces", plain=plain_bytes(2 * CHUNK_BYTES + 1), context=asdict(CONTEXT))
    assert seal == 32
    assert header < 200
    assert chunks == [SEALED_CHUNK, SEALED_CHUNK, 17]


@pytest.mark.parametrize("context", [{"tenant": 2**53}, {"tenant": 1.5}, {"document": 5}, {"artefact": "x" * 5000}])
def test_nothing_is_sealed_that_no_header_says(page: Page, context: dict[str, object]) -> None:
    with pytest.raises(JavaScriptError, match="RangeError: no context"):
        page.do("sealed", plain=b"", key=KEY, context=asdict(CONTEXT) | context, salt=None)


def test_any_part_of_it_can_be_read(page: Page) -> None:
    size = 3 * CHUNK_BYTES + 5
    plain, draw = plain_bytes(size), Random(1)  # noqa: S311 - places in a file
    ranges = [(start, start + draw.randrange(2 * CHUNK_BYTES)) for start in draw.sample(range(size + 10), 12)]
    ranges += [
        (0, 0),
        (5, 2),
        (0, size),
        (size, size + 1),
        (CHUNK_BYTES, 2 * CHUNK_BYTES),
        (CHUNK_BYTES - 1, CHUNK_BYTES + 1),
    ]
    given = page.do("parts", sealed=sealed_bytes(plain), key=KEY, ranges=ranges)
    assert given == [plain[start:end] for start, end in ranges]


@pytest.mark.parametrize("place", [(-1, 5), (0.5, 5), (0, None)])
def test_a_place_that_is_none_is_refused(page: Page, place: tuple[float, float | None]) -> None:
    with pytest.raises(JavaScriptError, match="RangeError"):
        page.do("part", sealed=sealed_bytes(b"A page."), key=KEY, start=place[0], end=place[1])


def _reordered(content: bytes) -> bytes:
    start = start_of_chunks(content)
    first, second = content[start : start + SEALED_CHUNK], content[start + SEALED_CHUNK : start + 2 * SEALED_CHUNK]
    return content[:start] + second + first + content[start + 2 * SEALED_CHUNK :]


BROKEN = {
    "cut by a byte": lambda content: content[:-1],
    "cut after a chunk": lambda content: content[: start_of_chunks(content) + 2 * SEALED_CHUNK],
    "cut to its header": lambda content: content[: start_of_chunks(content)],
    "cut in its header": lambda content: content[:20],
    "empty": lambda _: b"",
    "a byte appended": lambda content: content + b"\0",
    "its last chunk appended again": lambda content: content + content[start_of_chunks(content) + 3 * SEALED_CHUNK :],
    "two chunks in another order": _reordered,
    "a chunk left out": lambda content: (
        content[: start_of_chunks(content)] + content[start_of_chunks(content) + SEALED_CHUNK :]
    ),
    "another document's header": lambda content: content.replace(b'"3f2a"', b'"3f2b"', 1),
    "another tenant's header": lambda content: content.replace(b'"tenant":7', b'"tenant":8', 1),
    "no file of ours": lambda _: b"%PDF-1.7 and so on, and so on",
    "a header without end": lambda content: content[:8] + b"\xff\xff\xff\xff" + content[12:],
}


@pytest.mark.parametrize("how", BROKEN)
def test_what_is_not_whole_does_not_open(page: Page, how: str) -> None:
    content = sealed_bytes(plain_bytes(3 * CHUNK_BYTES + 100))
    broken = BROKEN[how](content)
    assert broken != content
    with pytest.raises(JavaScriptError) as refused:
        opened(page, broken, expected=None)
    assert refused.value.error_id == "seal-broken"


def test_a_last_chunk_is_empty_in_an_empty_document_alone(page: Page) -> None:
    whole = sealed_bytes(bytes(CHUNK_BYTES + 1))
    header, _ = sealed.read_header(io.BytesIO(whole))
    empty = AESGCM(sealed._derived(KEY, header.salt, b"body")).encrypt(sealed._nonce(1, last=True), b"", None)
    with pytest.raises(JavaScriptError) as refused:
        opened(page, whole[: start_of_chunks(whole) + SEALED_CHUNK] + empty, expected=None)
    assert refused.value.error_id == "seal-broken"


def test_no_byte_can_be_changed(page: Page) -> None:
    content = sealed_bytes(b"Three pages.")
    assert page.do("unnoticed", sealed=content, key=KEY, bits=list(range(8))) == []
    # Bit 8 of a byte changes nothing: then it opens, each time.
    assert page.do("unnoticed", sealed=content, key=KEY, bits=[8]) == list(range(len(content)))


def test_it_can_be_cut_nowhere(page: Page) -> None:
    assert page.do("cuts", sealed=sealed_bytes(b"Three pages."), key=KEY) == []


def test_nothing_of_a_changed_chunk_is_given_out_and_the_last_is_looked_at_first(page: Page) -> None:
    plain = plain_bytes(2 * CHUNK_BYTES + 1)
    content = bytearray(sealed_bytes(plain))
    start = start_of_chunks(bytes(content))
    content[start + SEALED_CHUNK + 5] ^= 1
    given = page.do("untilBroken", sealed=bytes(content), key=KEY)
    assert given["chunks"] == [plain[:CHUNK_BYTES]]
    assert (given["errorId"], "chunk 1" in given["message"]) == ("seal-broken", True)
    chunks = [place for place in given["read"] if place >= start]
    assert chunks == [start + 2 * SEALED_CHUNK, start, start + SEALED_CHUNK]


def test_of_a_file_that_was_cut_off_nothing_is_given_out(page: Page) -> None:
    content = sealed_bytes(plain_bytes(2 * CHUNK_BYTES + 1))
    given = page.do("untilBroken", sealed=content[: start_of_chunks(content) + 2 * SEALED_CHUNK], key=KEY)
    assert (given["chunks"], given["errorId"]) == ([], "seal-broken")


def test_another_key_does_not_open_it(page: Page) -> None:
    with pytest.raises(JavaScriptError, match="SealBroken: This key does not open it"):
        opened(page, sealed_bytes(b"A page."), bytes(32))


@pytest.mark.parametrize("other", [{"tenant": 8}, {"document": "9c"}, {"artefact": "pdf"}])
def test_a_good_file_in_anothers_place_is_refused(page: Page, other: dict[str, Any]) -> None:
    expected = Context(**(asdict(CONTEXT) | other))
    with pytest.raises(JavaScriptError, match="It is tiff of document 3f2a, tenant 7, and not") as refused:
        opened(page, sealed_bytes(b"A page."), expected=expected)
    assert refused.value.error_id == "seal-broken"


def test_who_opens_a_file_says_which_one_it_is(page: Page) -> None:
    with pytest.raises(JavaScriptError, match="TypeError: say which file is expected"):
        page.do("opened", sealed=sealed_bytes(b"A page."), key=KEY)


def test_a_megabyte_is_the_same_on_both_sides(page: Page) -> None:
    plain = plain_bytes(1_000_003)
    assert hashlib.sha256(opened(page, sealed_bytes(plain))).digest() == hashlib.sha256(plain).digest()


@pytest.mark.parametrize("name", ["order.pdf", "", "Gr\u00fc\u00dfe \U0001f4e0.pdf", "\ufeffwith a mark"])
def test_a_name_goes_to_and_fro(page: Page, name: str) -> None:
    header = sealed.new_header(CONTEXT)
    given = {"key": KEY, "context": asdict(CONTEXT), "salt": header.salt}
    assert sealed.open_name(page.do("nameSealed", name=name, **given), KEY, header) == name
    sealed_name = sealed.seal_name(name, KEY, header)
    assert page.do("nameOpened", sealedName=sealed_name, **given) == name
    for other in ({"key": bytes(32)}, {"context": asdict(CONTEXT) | {"tenant": 8}}, {"sealedName": sealed_name[:-1]}):
        with pytest.raises(JavaScriptError) as refused:
            page.do("nameOpened", **({"sealedName": sealed_name} | given | other))
        assert refused.value.error_id == "seal-broken"
