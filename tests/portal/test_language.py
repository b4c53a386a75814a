"""In which language one is answered: the user's, else the organisation's, else the browser's."""

import json
import re

import pytest
from werkzeug.test import TestResponse

from faxplan import notices, provisioning
from portal.app import Portal
from tests.portal.conftest import Visitor, visitor
from tests.retained import execute, sent
from tests.vendor_words import vendor_words
from tests.world import World


@pytest.fixture
def stranger(world: World, portal: Portal) -> Visitor:
    """At acme, not logged in."""
    return visitor(portal, world.acme)


def language(answer: TestResponse) -> str:
    found = re.search(r'<html lang="([^"]+)"', answer.text)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    ("asked", "given"),
    [("de", "de"), ("de-AT,en;q=0.5", "de"), ("fr;q=0.9,de;q=0.8", "de"), ("en-GB,de;q=0.5", "en"), ("fr", "en"),
     ("", "en"), ("*", "en"), ("\xff;q=x", "en")],
)  # fmt: skip
def test_who_is_not_logged_in_is_answered_as_the_browser_asks(stranger: Visitor, asked: str, given: str) -> None:
    page = stranger.get("/log-in", Accept_Language=asked)
    assert language(page) == given
    assert ("Passwort vergessen?" in page.text) == (given == "de")
    assert ("Password forgotten?" in page.text) == (given == "en")


def test_scripts_are_told_the_words_of_the_page_s_language(stranger: Visitor) -> None:
    def words(page: str) -> str:
        return page.partition('<script type="application/json" id="words-of-scripts">')[2].partition("</script>")[0]

    said = json.loads(words(stranger.get("/log-in", Accept_Language="de").text))
    assert said["words"]["Waiting for your passkey."] == ["Warten auf Ihren Passkey."]
    assert said["words"]["{count} found"] == ["{count} gefunden", "{count} gefunden"]
    assert (said["plurals"][0], said["plurals"][1], said["plurals"][2]) == (1, 0, 1)
    # A message of a page alone is none that scripts need.
    assert "Password forgotten?" not in said["words"]
    assert words(stranger.get("/log-in").text) == ""


def test_a_fax_is_told_in_german_though_it_was_told_of_in_english(world: World, ann: Visitor) -> None:
    tenant, user = world.acme.tenant.id, world.acme.user
    execute(
        world,
        """insert into faxes (tenant_id, direction, state, user_id, mailbox_id, called_number, calling_number, pages,
                              pages_done, attempts_made, explanation, finished_at, created_at)
           values (%s, 'outbound', 'failed', %s, %s, '+4989654321', '+493012345', 2, 1, 3,
                   'The line was busy after 1 of 2 pages (SIP 486). That was try 3 of 3, the last.',
                   '2024-03-05 12:00+00', '2024-03-05 11:00+00')""",
        (tenant, user.id, user.mailbox_id),
    )  # fmt: skip
    told = "Die Leitung war besetzt, nach 1 von 2 Seiten (SIP 486). Das war Versuch 3 von 3, der letzte."
    page = ann.get("/sent", Accept_Language="de").text
    assert told in page
    # The day, as people write it there.
    assert re.search(r'title="05\.03\.2024, 1\d:00:00 \w+"', page)
    assert "The line was busy after 1 of 2 pages (SIP 486)." in ann.get("/sent").text


def test_what_is_told_of_a_fax_names_no_command_and_is_in_the_page_s_language(world: World, ann: Visitor) -> None:
    """Commands are for a shell, and have the software's name."""
    why = "No trunk may take this number; `faxplan route explain` says why."
    fax = sent(world, world.acme)
    execute(world, "update faxes set state = 'failed', explanation = %s where id = %s", (why, fax))
    execute(world, "update attempts set explanation = %s where fax_id = %s", (why, fax))
    with world.portal.tenant(world.acme.tenant.id) as tx:
        notices.tell_user(tx, world.acme.tenant.id, world.acme.user.id, fax, "failed", why)
    for path, times in (("/sent", 2), (f"/faxes/{fax}", 3), ("/inbox", 1), (f"/faxes/{fax}/standing", 1)):
        page = ann.get(path).text
        assert (page.count("No trunk may take this number."), vendor_words(page.encode())) == (times, []), path
        page = ann.get(path, Accept_Language="de").text
        assert (page.count("Kein Trunk darf diese Nummer anrufen."), "No trunk" in page) == (times, False), path


def test_refusals_are_in_the_page_s_language(ann: Visitor) -> None:
    answer = ann.post("/account/sessions/999/end", {"csrf": "another"}, Accept_Language="de")
    assert answer.status_code == 400
    assert "Diese Seite stammt aus der Zeit vor Ihrer Anmeldung." in answer.text
    assert "Diese Seite gibt es nicht." in ann.get("/nowhere", Accept_Language="de").text


def test_who_has_chosen_a_language_has_it_whatever_the_browser_asks(world: World, ann: Visitor) -> None:
    assert ann.post("/account/language", {"language": "de"}).status_code == 303
    assert language(ann.get("/account", Accept_Language="en")) == "de"
    # Of their own pages alone; and it can be taken back.
    ann.post("/account/language", {"language": ""})
    assert language(ann.get("/account", Accept_Language="en")) == "en"
    with world.portal.tenant(world.acme.tenant.id) as tx:
        rows = tx.rows("select details from audit where action = 'user.language' order by sequence")
    assert [row["details"]["language"] for row in rows] == ["de", None]


def test_a_language_that_there_is_not_is_refused(world: World, ann: Visitor) -> None:
    assert ann.post("/account/language", {"language": "tlh"}).status_code == 404
    # One that was, in an earlier version, is none that anybody is spoken to in.
    execute(world, "update users set language = 'tlh' where id = %s", (world.acme.user.id,))
    assert language(ann.get("/account", Accept_Language="de")) == "de"


def test_an_organisation_s_language_is_that_of_who_has_chosen_none(world: World, ann: Visitor, ben: Visitor) -> None:
    provisioning.change_tenant(world.admin, "administrator:root", world.acme.tenant.slug, {"language": "de"})
    assert language(ann.get("/inbox", Accept_Language="en")) == "de"
    ann.post("/account/language", {"language": "en"})
    assert language(ann.get("/inbox", Accept_Language="de")) == "en"
    # Another organisation has its own.
    assert language(ben.get("/inbox", Accept_Language="en")) == "en"
