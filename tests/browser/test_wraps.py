"""portal/static/vault/wraps.js: the wraps of faxplan.wraps, and private keys that stay in the browser's keeping."""

import io

import pytest

from faxplan import sealed, wraps
from faxplan.sealed import Context, Header
from faxplan.wraps import PrivateKey, PublicKey
from tests.browser.browsers import JavaScriptError, Page
from tests.browser.test_sealed import VECTORS

READER, OTHER, MAILBOX = (PrivateKey(bytes(range(start, start + 32))) for start in (1, 33, 65))
FILE_KEY = bytes(range(100, 132))


@pytest.fixture
def header() -> Header:
    return sealed.new_header(Context(7, "3f2a", "tiff"))


def unwrapped(page: Page, key: PrivateKey, wrap: bytes, header: Header) -> bytes:
    found: bytes = page.do("unwrapped", privateKey=key.raw, wrap=wrap, header=header.encoded)
    return found


def unwrapped_private(page: Page, key: PrivateKey, wrap: bytes, public: PublicKey) -> bytes:
    found: bytes = page.do("unwrappedPrivate", privateKey=key.raw, wrap=wrap, publicKey=public.raw)
    return found


@pytest.mark.parametrize("vector", VECTORS["wraps"], ids=lambda vector: vector["about"])
def test_a_published_wrap(page: Page, vector: dict[str, str]) -> None:
    key, wrap, private_key, public_key, encoded = (
        bytes.fromhex(vector[name]) for name in ("key", "wrap", "private_key", "public_key", "header")
    )
    assert page.do("publicOf", privateKey=private_key) == public_key
    assert page.do("unwrapped", privateKey=private_key, wrap=wrap, header=encoded) == key


@pytest.mark.parametrize("vector", VECTORS["private_key_wraps"], ids=lambda vector: vector["about"])
def test_a_published_wrap_of_a_private_key(page: Page, vector: dict[str, str]) -> None:
    key, public = PrivateKey(bytes.fromhex(vector["private_key"])), PublicKey(bytes.fromhex(vector["of_public_key"]))
    assert unwrapped_private(page, key, bytes.fromhex(vector["wrap"]), public).hex() == vector["holds"]


def test_pythons_wrap_opens_here_for_its_reader_and_file_alone(page: Page, header: Header) -> None:
    wrap = READER.public.wrap(FILE_KEY, header.digest)
    assert unwrapped(page, READER, wrap, header) == FILE_KEY
    for key, of in ((OTHER, header), (READER, sealed.new_header(Context(7, "3f2a", "tiff")))):
        with pytest.raises(JavaScriptError, match="another reader's, or another file's") as refused:
            unwrapped(page, key, wrap, of)
        assert refused.value.error_id == "seal-broken"


def test_our_wrap_opens_in_python_for_its_reader_and_file_alone(page: Page, header: Header) -> None:
    wrap, again = (
        page.do("wrapped", publicKey=READER.public.raw, key=FILE_KEY, header=header.encoded) for _ in range(2)
    )
    assert len(wrap) == wraps.WRAP_BYTES
    assert wrap != again
    assert READER.unwrap(wrap, header.digest) == FILE_KEY
    for key, of in ((OTHER, header), (READER, sealed.new_header(Context(7, "3f2a", "tiff")))):
        with pytest.raises(sealed.SealBroken):
            key.unwrap(wrap, of.digest)


def test_what_is_no_wrap_is_told_so(page: Page, header: Header) -> None:
    wrap = READER.public.wrap(FILE_KEY, header.digest)
    flipped = wrap[:40] + bytes([wrap[40] ^ 1]) + wrap[41:]
    # All zero: a point of small order, with which anybody knows the shared secret (RFC 7748, 6.1).
    for broken in (b"", wrap[:-1], wrap + b"\0", flipped, wrap[:32], bytes(32) + wrap[32:]):
        with pytest.raises(JavaScriptError) as refused:
            unwrapped(page, READER, broken, header)
        assert refused.value.error_id == "seal-broken"


def test_a_private_key_goes_from_python_to_here_and_back(page: Page) -> None:
    assert unwrapped_private(page, READER, READER.public.wrap_private(MAILBOX), MAILBOX.public) == MAILBOX.raw
    wrap = page.do("wrappedPrivate", publicKey=READER.public.raw, other=MAILBOX.raw)
    assert READER.unwrap_private(wrap, MAILBOX.public) == MAILBOX


def test_a_private_key_that_is_not_the_named_one_is_refused(page: Page, header: Header) -> None:
    wrap = READER.public.wrap_private(MAILBOX)
    lying = lying_wrap()
    of_a_file = READER.public.wrap(FILE_KEY, header.digest)
    for key, given, public in (
        (OTHER, wrap, MAILBOX.public),
        (READER, wrap, OTHER.public),
        (READER, lying, MAILBOX.public),
        (READER, of_a_file, MAILBOX.public),
    ):
        with pytest.raises(JavaScriptError) as refused:
            unwrapped_private(page, key, given, public)
        assert refused.value.error_id == "seal-broken"
    with pytest.raises(JavaScriptError, match="another key than it says"):
        unwrapped_private(page, READER, lying, MAILBOX.public)


def lying_wrap() -> bytes:
    """Of another private key, under the mailbox's name: whoever can write the database can make it."""
    return wraps._SUITE.encrypt(OTHER.raw, READER.public._key, info=wraps._PRIVATE_KEY + MAILBOX.public.raw)


def test_new_key_pairs_are_such_and_no_two_are_the_same(page: Page) -> None:
    one, its_public, other, others_public = page.do("twoNewKeyPairs")
    assert PrivateKey(one).public.raw == its_public
    assert PrivateKey(other).public.raw == others_public
    assert one != other


def test_private_keys_cannot_be_taken_out_and_their_bytes_are_wiped(page: Page) -> None:
    given = page.do("inKeeping", privateKey=READER.raw, other=MAILBOX.raw)
    # The library's own key for each wrap is public within the page: it lives as long as that call.
    assert given["extractable"] == [False, False, False]
    assert given["user"] == bytes(32)
    assert given["again"] == bytes(32)
    assert READER.raw.hex() not in given["shown"]
    assert given["refused"] == "TypeError"


@pytest.mark.parametrize("locking", [True, False])
def test_a_key_that_was_wiped_is_not_wrapped_as_zeros(page: Page, locking: bool) -> None:
    with pytest.raises(JavaScriptError, match="TypeError: this private key was held or wiped before"):
        page.do("wrappedTooLate", locking=locking)


def test_a_file_sealed_here_is_forwarded_in_python_and_opened_here(page: Page) -> None:
    """As an upload goes: sealed and wrapped by the browser, forwarded by the command line."""
    content = page.do(
        "sealed", plain=b"A page.", key=FILE_KEY, context={"tenant": 7, "document": "d", "artefact": "pdf"}, salt=None
    )
    header, _ = sealed.read_header(io.BytesIO(content))
    wrap = page.do("wrapped", publicKey=READER.public.raw, key=FILE_KEY, header=header.encoded)
    forwarded = OTHER.public.wrap(READER.unwrap(wrap, header.digest), header.digest)
    key = unwrapped(page, OTHER, forwarded, header)
    assert page.do("opened", sealed=content, key=key, expected=None)["plain"] == b"A page."
