"""portal/static/vault/passphrases.js: the same keys from the same passwords and codes as faxplan.passphrases."""

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from faxplan import passphrases
from faxplan.wraps import PrivateKey
from tests.browser.browsers import JavaScriptError, Page
from tests.browser.test_sealed import VECTORS

PASSWORD = "four words by the sea"  # noqa: S105 - nobody's
SALT = bytes(range(16))
KEY, OTHER = PrivateKey(bytes(range(1, 33))), PrivateKey(bytes(range(33, 65)))
FLOOR = {"memory": 65536, "passes": 3, "lanes": 1}


@pytest.mark.parametrize("vector", VECTORS["passwords"], ids=lambda vector: vector["about"])
def test_a_published_password(page: Page, vector: dict[str, str | int]) -> None:
    cost = {name: vector[name] for name in FLOOR}
    given = page.do(
        "derived", password=vector["password"], salt=bytes.fromhex(str(vector["salt"])), cost=cost, privateKey=KEY.raw
    )
    assert given["auth"].hex() == vector["auth"]
    assert passphrases.unlock(given["locked"], bytes.fromhex(str(vector["wrap"])), KEY.public.raw) == KEY
    assert given["extractable"] is False


@pytest.mark.parametrize("vector", VECTORS["recovery_codes"], ids=lambda vector: vector["about"])
def test_a_published_recovery_code_however_it_is_written(page: Page, vector: dict[str, str]) -> None:
    locked = passphrases.lock(KEY, bytes.fromhex(vector["wrap"]))
    for code in (vector["code"], *vector["also"]):
        assert page.do("unlockedByCode", code=code, locked=locked, publicKey=KEY.public.raw) == KEY.raw


@pytest.mark.parametrize("vector", VECTORS["locked_keys"], ids=lambda vector: vector["about"])
def test_a_published_locked_key(page: Page, vector: dict[str, str]) -> None:
    (code,) = (each["code"] for each in VECTORS["recovery_codes"] if each["wrap"] == vector["wrap"])
    locked, public = bytes.fromhex(vector["locked"]), bytes.fromhex(vector["public_key"])
    assert page.do("unlockedByCode", code=code, locked=locked, publicKey=public).hex() == vector["private_key"]


def test_what_python_locked_with_a_password_opens_here(page: Page) -> None:
    locked = passphrases.lock(KEY, passphrases.derive(PASSWORD, SALT).wrap)
    given = {"salt": SALT, "locked": locked, "publicKey": KEY.public.raw}
    assert page.do("unlockedByPassword", password=PASSWORD, **given) == KEY.raw
    with pytest.raises(JavaScriptError, match="not the right one") as refused:
        page.do("unlockedByPassword", password=PASSWORD + "!", **given)
    assert refused.value.error_id == passphrases.WrongSecret.error_id


def test_what_was_locked_here_opens_in_python(page: Page) -> None:
    given = page.do("lockedByNewCode")
    assert [len(group) for group in given["code"].split("-")] == [4] * 8
    wrap = passphrases.recovery_wrap(given["code"])
    assert len(given["locked"]) == 60
    assert passphrases.unlock(given["locked"], wrap, given["publicKey"]) == PrivateKey(given["raw"])
    assert page.do("lockedByNewCode")["code"] != given["code"]


CODE = VECTORS["recovery_codes"][0]["code"]
WRAP = bytes.fromhex(VECTORS["recovery_codes"][0]["wrap"])


def anothers_key() -> bytes:
    """Locked by our wrap under our public key: whoever has the wrap can make it."""
    return bytes(12) + AESGCM(WRAP).encrypt(bytes(12), OTHER.raw, b"faxplan user key" + KEY.public.raw)


@pytest.mark.parametrize(
    "locked",
    [b"", bytes(12), bytes(60), passphrases.lock(KEY, bytes(32)), passphrases.lock(OTHER, WRAP), anothers_key()],
    ids=["nothing", "a nonce alone", "zeros", "another wrap", "another user's", "another's under this name"],
)
def test_what_does_not_open_is_a_wrong_secret(page: Page, locked: bytes) -> None:
    with pytest.raises(JavaScriptError) as refused:
        page.do("unlockedByCode", code=CODE, locked=locked, publicKey=KEY.public.raw)
    assert refused.value.error_id == "wrong-secret"


def test_an_old_browser_is_told_from_a_wrong_password(page: Page) -> None:
    given = {"code": CODE, "locked": passphrases.lock(KEY, WRAP), "publicKey": KEY.public.raw}
    assert page.do("unlockedByCode", **given) == KEY.raw
    with pytest.raises(JavaScriptError, match="Firefox 130") as refused:
        page.do("unlockedWithoutX25519", **given)
    assert (refused.value.error_id, refused.value.retryable) == ("browser-too-old", False)


@pytest.mark.parametrize(
    "less", [{"memory": 65535}, {"passes": 2}, {"lanes": 0}, {"memory": 65536.5}, {"passes": "3"}, {"memory": None}]
)
def test_a_server_cannot_ask_for_less(page: Page, less: dict[str, object]) -> None:
    with pytest.raises(JavaScriptError, match="Do not log in") as refused:
        page.do("derived", password=PASSWORD, salt=SALT, cost=FLOOR | less, privateKey=KEY.raw)
    assert refused.value.error_id == passphrases.WeakParameters.error_id


def test_a_server_cannot_ask_for_a_short_salt(page: Page) -> None:
    with pytest.raises(JavaScriptError) as refused:
        page.do("derived", password=PASSWORD, salt=SALT[:15], cost=None, privateKey=KEY.raw)
    assert refused.value.error_id == "weak-parameters"


def test_the_page_goes_on_meanwhile(page: Page) -> None:
    assert page.do("beside", password=PASSWORD, salt=SALT) > 0


@pytest.mark.parametrize("cost", [{"memory": 2**23}, {"lanes": 2**30}])
def test_where_argon2_does_not_run_it_is_said_what_to_do(page: Page, cost: dict[str, int]) -> None:
    """More than WebAssembly can have, or than Argon2 takes."""
    with pytest.raises(JavaScriptError, match="memory is short") as refused:
        page.do("derived", password=PASSWORD, salt=SALT, cost=FLOOR | cost, privateKey=KEY.raw)
    assert (refused.value.error_id, refused.value.retryable) == ("cannot-derive", True)


def test_a_worker_that_does_not_start_is_told_too(page: Page) -> None:
    with pytest.raises(JavaScriptError) as refused:
        page.do("withoutWorkers", password=PASSWORD, salt=SALT)
    assert refused.value.error_id == "cannot-derive"


@pytest.mark.parametrize(
    "code",
    [
        "",
        "ABCD",
        "ABCD-" * 7 + "ABC",
        "ABCD-" * 8 + "ABCD",
        "\u00c4BCD-" + "ABCD-" * 6 + "ABCD",
        "9BCD-" + "ABCD-" * 6 + "ABCD",
    ],
)
def test_what_is_no_recovery_code_is_told(page: Page, code: str) -> None:
    with pytest.raises(passphrases.InvalidSecret):
        passphrases.recovery_wrap(code)
    with pytest.raises(JavaScriptError, match="eight groups") as refused:
        page.do("readCode", code=code)
    assert refused.value.error_id == passphrases.InvalidSecret.error_id
