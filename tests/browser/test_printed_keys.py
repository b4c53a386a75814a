"""portal/static/vault/printed-keys.js: the same keys from the same paper and files as faxplan.printed_keys."""

import pytest

from faxplan import keyring, printed_keys, wraps
from faxplan.wraps import PrivateKey
from tests.browser.browsers import JavaScriptError, Page
from tests.browser.test_sealed import VECTORS


@pytest.mark.parametrize("vector", VECTORS["recovery_keys"], ids=lambda vector: vector["about"])
def test_a_published_recovery_key(page: Page, vector: dict[str, str]) -> None:
    for code in (vector["code"], vector["code"].lower().replace("-", " ")):
        given = page.do("recoveryKeyOf", code=code)
        assert (given["raw"].hex(), given["publicKey"].hex()) == (vector["private_key"], vector["public_key"])


@pytest.mark.parametrize("vector", VECTORS["reader_keys"], ids=lambda vector: vector["about"])
def test_a_published_reader_key(page: Page, vector: dict[str, str]) -> None:
    if "private_key" not in vector:
        with pytest.raises(JavaScriptError, match="fxr_") as refused:
            page.do("readerKeyOf", text=vector["text"])
        assert refused.value.error_id == "invalid-secret"
        return
    given = page.do("readerKeyOf", text=vector["text"] + "\n")
    assert (given["raw"].hex(), given["publicKey"].hex()) == (vector["private_key"], vector["public_key"])


def test_what_is_no_recovery_key_is_told(page: Page) -> None:
    with pytest.raises(JavaScriptError, match="eight groups") as refused:
        page.do("recoveryKeyOf", code="ABCD-EFGH")
    assert refused.value.error_id == "invalid-secret"


@pytest.mark.parametrize(
    ("action", "read"),
    [("twoNewRecoveryKeys", printed_keys.recovery_key), ("twoNewReaderKeys", printed_keys.reader_key)],
    ids=["recovery key", "reader key"],
)
def test_what_was_made_here_is_the_same_in_python(page: Page, action: str, read: object) -> None:
    one, other = page.do(action)
    assert one["text"] != other["text"]
    for made in (one, other):
        key: PrivateKey = read(made["text"])  # type: ignore[operator]
        assert (key.raw, key.public.raw) == (made["raw"], made["publicKey"])


def test_a_recovery_key_opens_a_mailbox_for_a_member_who_waits(page: Page) -> None:
    """As in an emergency: its epoch has a wrap to the recovery key alone, and the one before a link."""
    code, key = printed_keys.new_recovery_key()
    member = wraps.new_key_pair()
    first, first_key = keyring.new_epoch({})
    second, second_key = keyring.new_epoch({7: key.public}, first_key)
    said = [
        {"number": number, "publicKey": each.public.raw, "wraps": list(each.wraps.items()), "earlier": each.earlier}
        for number, each in ((1, first), (2, second))
    ]
    given = {"code": code, "keyId": 7, "mailbox": 5, "epochs": said, "member": member.public.raw}
    for number, (new, private) in enumerate(((first, first_key), (second, second_key)), 1):
        wrap = page.do("handedOn", number=number, **given)
        assert member.unwrap_private(wrap, new.public) == private
