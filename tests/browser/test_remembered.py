"""portal/static/vault/remembered.js: the user key lasts a session, and nothing in the profile opens."""

from faxplan import sealed, wraps
from faxplan.sealed import Context
from tests.browser.browsers import Page


def test_the_key_lasts_as_long_as_the_session_and_lies_locked(page: Page) -> None:
    key, file_key, secret = wraps.new_key_pair(), sealed.new_key(), sealed.new_key()
    header = sealed.new_header(Context(7, "3f2a", "tiff"))
    given = page.do(
        "remembered",
        privateKey=key.raw,
        secret=secret,
        nextSecret=sealed.new_key(),
        wrap=key.public.wrap(file_key, header.digest),
        header=header.encoded + bytes(32),
    )
    assert given["fileKey"] == file_key
    (kept,) = given["kept"]
    assert sorted(kept) == ["kinds", "locked", "publicKey", "user"]
    # No CryptoKey: those lie in the profile as they are, whatever they are called.
    assert sorted(kept["kinds"]) == ["Number", "Uint8Array", "Uint8Array"]
    assert (kept["user"], kept["publicKey"], len(kept["locked"])) == (7, key.public.raw, 60)
    assert key.raw not in kept["locked"]
    assert given["ofAnother"] is None
    # With the next session's secret it is no more than garbage, and removed.
    assert given["ofNext"] is None
    assert given["left"] == []
