"""portal/static/vault/enrol.js: a key made in the browser is one that Python opens, by password and by code."""

from typing import Any

import pytest

from faxplan import passphrases, wraps
from faxplan.wraps import PrivateKey, PublicKey
from tests.browser.browsers import JavaScriptError, Page

PASSWORD, WORDS = "seven quiet herons at dusk", ["anna@acme.example", "Anna Weber", "Acme"]
READER = wraps.new_key_pair()


def opened_by_password(lock: dict[str, Any], password: str, public: bytes) -> PrivateKey:
    derived = passphrases.derive(password, lock["salt"], passphrases.Cost(**lock["cost"]))
    assert derived.auth == lock["auth"]
    return passphrases.unlock(lock["locked"], derived.wrap, public)


def opened_by_code(lock: dict[str, Any], code: str, public: bytes) -> PrivateKey:
    assert passphrases.recovery_auth(code) == lock["auth"]
    return passphrases.unlock(lock["locked"], passphrases.recovery_wrap(code), public)


def test_what_the_browser_makes_python_opens(page: Page) -> None:
    due = [
        {"mailbox": 5, "number": 1, "readers": []},
        {"mailbox": 7, "number": 3, "readers": [[41, READER.public.raw]]},
    ]
    made = page.do("enrolled", password=PASSWORD, words=WORDS, due=due)
    private, enrolment = PrivateKey(made["raw"]), made["enrolment"]
    assert enrolment["publicKey"] == private.public.raw
    assert opened_by_password(enrolment["password"], PASSWORD, private.public.raw) == private
    assert opened_by_code(enrolment["recovery"], made["code"], private.public.raw) == private
    # The mailboxes' keys: for the readers that there are, and for this one.
    assert [(each["mailbox"], each["number"]) for each in made["begun"]] == [(5, 1), (7, 3)]
    readers = {0: private, 41: READER}
    for each, keys in zip(made["begun"], ({0}, {0, 41}), strict=True):
        assert {wrap["key"] for wrap in each["wraps"]} == keys
        public = PublicKey(each["publicKey"])
        for wrap in each["wraps"]:
            assert readers[wrap["key"]].unwrap_private(wrap["wrap"], public).public == public
    assert made["begun"][0]["publicKey"] != made["begun"][1]["publicKey"]


@pytest.mark.parametrize("password", ["short", "password1234", "anna weber acme"])
def test_a_weak_password_makes_no_key(page: Page, password: str) -> None:
    with pytest.raises(JavaScriptError) as refused:
        page.do("enrolled", password=password, words=WORDS, due=[])
    assert refused.value.error_id == "invalid-secret"


def test_a_key_is_locked_anew(page: Page) -> None:
    private, code = wraps.new_key_pair(), passphrases.new_recovery_code()
    locks = [page.do("lockedAnew", privateKey=private.raw, password=PASSWORD, code=code) for _ in range(2)]
    for each in locks:
        assert opened_by_password(each["password"], PASSWORD, private.public.raw) == private
        assert opened_by_code(each["recovery"], code, private.public.raw) == private
    assert locks[0]["password"]["salt"] != locks[1]["password"]["salt"]


def test_what_a_code_logs_in_with_is_the_same_in_python_and_opens_nothing(page: Page) -> None:
    code = passphrases.new_recovery_code()
    auth = page.do("recoveryAuthOf", code=code.lower().replace("-", " "))
    assert auth == passphrases.recovery_auth(code) != passphrases.recovery_wrap(code)
