"""The table of what goes wrong with trunks, and the pages that are made of it and of the providers."""

import re
from pathlib import Path

import pytest

from faxplan import provider_page, providers, trouble_page, trunk_troubles
from faxplan.errors import NotFound
from faxplan.plain_words import without_commands
from faxplan.trunk_trouble_table import TABLE

DOCS = Path(__file__).parents[2] / "docs"


def test_the_pages_are_the_tables() -> None:
    again = "write it anew: python -m faxplan."
    assert (DOCS / "troubleshooting-trunks.md").read_text() == trouble_page.page(), f"{again}trouble_page"
    assert (DOCS / "providers.md").read_text() == provider_page.page(), f"{again}provider_page"


@pytest.mark.parametrize("name", TABLE)
def test_each_says_what_to_do_with_and_without_a_shell(name: str) -> None:
    trouble = TABLE[name]
    facts = {field: field.upper() for field in re.findall(r"\{(\w+)\}", trouble.means + trouble.do)}
    found = trunk_troubles.met(name, **facts)
    assert not re.search(r"[{}]", str(found))
    # In the portal, where nobody has a shell.
    assert "`faxplan" not in without_commands(found.means)
    assert "`faxplan" not in without_commands(found.do)
    assert found.means.endswith(".") or found.means.endswith("EXPLANATION")
    assert found.do.endswith(".")


@pytest.mark.parametrize(
    ("status", "name"),
    [(401, "options-401"), (407, "options-401"), (403, "options-403"), (404, "options-404"), (408, "options-408"),
     (503, "options-503"), (603, "options-503"), (200, None), (405, None), (500, None)],
)  # fmt: skip
def test_answers_to_options(status: int, name: str | None) -> None:
    found = trunk_troubles.of_options("t", status, follows="it takes no calls now")
    assert (None if found is None else found.trouble.name) == name
    assert found is None or str(status) in found.means


@pytest.mark.parametrize(
    ("status", "told"),
    [(401, "user name, password or realm are wrong"), (403, "mostly a wrong password"), (404, "no such user"),
     (408, "was not answered"), (423, "longer intervals"), (503, "cannot be found or reached"), (500, "500 Odd"),
     (904, "asks for user name and password again"), (908, "was not answered"), (None, "was not answered")],
)  # fmt: skip
def test_answers_to_a_registration(status: int | None, told: str) -> None:
    assert told in trunk_troubles.of_registration("t", status, "Odd").means


def test_each_preset_has_a_page_that_it_is_from() -> None:
    everyone = providers.everyone()
    assert len(everyone) >= 12
    assert [each.key for each in everyone if each.presets and not each.notes] == []
    # What is said to be so has a source; what was not found, the words that were looked for.
    assert [each.key for each in everyone if each.t38 != "unknown" and not each.notes] == []
    assert [each.key for each in everyone if each.t38 == "unknown" and not each.searched] == []
    for note in (note for each in everyone for note in each.notes):
        assert note.url.startswith("https://")
        assert note.text.endswith(".")
        assert note.source


def test_a_host_of_the_customers_own_is_no_preset() -> None:
    twilio = providers.named("twilio")
    assert twilio is not None
    assert twilio.host_is_own
    assert "host" not in twilio.values
    assert providers.named(providers.ANOTHER) is None
    with pytest.raises(NotFound, match="telnyx"):
        providers.named("nobody")
