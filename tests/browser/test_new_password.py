"""portal/static/vault/new-password.js: weak, common and personal passwords are refused, and good ones are not."""

import pytest

from faxplan import passphrases
from tests.browser.browsers import JavaScriptError, Page
from tests.browser.test_sealed import VECTORS

WORDS = VECTORS["new_passwords"]["words"]
SAID = {"short": "at least 12 characters", "common": "Many people have", "known": "guesses this one"}


def refused(page: Page, password: str, words: list[str] | None) -> str:
    """What is said of it."""
    with pytest.raises(JavaScriptError) as error:
        page.do("checked", password=password, words=words)
    assert error.value.error_id == passphrases.InvalidSecret.error_id
    return str(error.value)


@pytest.mark.parametrize("vector", VECTORS["new_passwords"]["passwords"], ids=lambda vector: ascii(vector["password"]))
def test_a_published_one(page: Page, vector: dict[str, str]) -> None:
    if vector["because"]:
        assert SAID[vector["because"]] in refused(page, vector["password"], WORDS)
    else:
        page.do("checked", password=vector["password"], words=WORDS)
    # Of somebody else it is no such.
    if vector["because"] == "known":
        page.do("checked", password=vector["password"], words=["Bob Smith"])


def test_nothing_need_be_known_of_the_user(page: Page) -> None:
    page.do("checked", password="four words by the sea", words=None)
    # And what is refused of anybody still is: it was looked at.
    assert SAID["short"] in refused(page, "short", None)
