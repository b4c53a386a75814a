"""Received faxes are forwarded and moved, and sent ones sent again, by what a browser has wrapped."""

import io
from typing import Any

import pytest

from faxplan import dids, forwarding, holds, resending, users
from faxplan.forwarding import Handed, Offer
from tests.db.test_enrolment import group
from tests.db.test_forwarding import Person, audited, ben, eve, hold, person
from tests.portal.conftest import Visitor
from tests.retained import received, sent
from tests.world import World

__all__ = ["ben", "eve"]


@pytest.fixture
def fax(world: World) -> int:
    return received(world, world.acme, "a")


def offered(ann: Visitor, fax: int, mailbox: int) -> Any:
    answer = ann.post(f"/faxes/{fax}/offer", {"mailbox": mailbox}, Accept="application/json")
    assert answer.status_code == 200, answer.get_json()
    return answer.get_json()


def wrapped(world: World, fax: int, mailbox: int) -> dict[str, Any]:
    """What acme's user's browser hands over, made here."""
    found: Offer = forwarding.offer_to(world.portal, world.acme.user, fax, mailbox)
    handed: Handed = forwarding.wrap(found, world.ring(world.acme))
    wraps = [{"document": each, "wrap": wrap.hex()} for each, wrap in handed.wraps.items()]
    return {"mailbox": handed.mailbox_id, "epoch": handed.epoch, "wraps": wraps}


def test_a_copy_goes_to_somebody_who_reads_it_and_a_third_does_not(
    world: World, ann: Visitor, ben: Person, eve: Person, fax: int
) -> None:
    said = offered(ann, fax, ben.mailbox_id)
    # What opens it was handed out: whoever asks has read it, as far as the audit knows.
    opened = {"by": "browser", "to_mailbox": f"mailbox:{ben.mailbox_id}"}
    assert audited(world, "fax.open") == [(f"user:{world.acme.user.id}", f"fax:{fax}", "done", opened)]
    assert said["target"]["mailbox"] == ben.mailbox_id
    assert len(said["documents"]) == 4
    answer = ann.hand(f"/faxes/{fax}/forward", wrapped(world, fax, ben.mailbox_id))
    copy = answer.get_json()["fax"]
    assert (ben.sees(), ben.opens(copy)) == ([copy], ["page-images", "received-pdf", "received-tiff", "thumbnail"])
    assert (eve.sees(), eve.opens(copy)) == ([], [])
    # And the audit tells from where.
    with world.portal.tenant(world.acme.tenant.id) as tx:
        row = tx.one("select actor, address, authenticated from audit where action = 'fax.forward'")
    assert list(row.values()) == [f"user:{world.acme.user.id}", "127.0.0.1", "password"]


def test_who_has_it_not_hands_nothing_on(world: World, ann: Visitor, ben: Person, fax: int) -> None:
    """SECURITY: nor what lies in a colleague's mailbox."""
    theirs = ben_s(world, ben)
    for path, value in (
        (f"/faxes/{theirs}/forward", {"mailbox": 1, "epoch": 1, "wraps": []}),
        (f"/faxes/{theirs}/move", {}),
        (f"/faxes/{theirs}/resend", {}),
    ):
        assert ann.hand(path, value).status_code == 404
    assert ann.post(f"/faxes/{theirs}/offer", {"mailbox": ben.mailbox_id}).status_code == 404
    assert ann.post(f"/faxes/{theirs}/resend-offer").status_code == 404
    assert ann.get(f"/forward?fax={theirs}").status_code == 404
    assert f'value="{theirs}"' not in ann.get(f"/forward?fax={theirs}&fax={fax}").text


def ben_s(world: World, ben: Person) -> int:
    """A fax in the mailbox of another."""
    with world.admin.tenant(world.acme.tenant.id) as tx:
        dids.change(tx, world.acme.tenant.id, world.acme.did, {"mailbox_id": ben.mailbox_id})
    return received(world, world.acme, "b")


@pytest.mark.parametrize("wrong", ["one missing", "too short", "an old epoch", "another mailbox", "nothing"])
def test_what_is_not_exactly_what_was_asked_for_is_not_taken(
    world: World, ann: Visitor, ben: Person, eve: Person, fax: int, wrong: str
) -> None:
    handed = wrapped(world, fax, ben.mailbox_id)
    if wrong == "one missing":
        handed["wraps"].pop()
    elif wrong == "too short":
        handed["wraps"][0]["wrap"] = "00"
    elif wrong == "an old epoch":
        handed["epoch"] = 0
    elif wrong == "another mailbox":
        handed["mailbox"] = 999
    else:
        handed = {}
    assert ann.hand(f"/faxes/{fax}/forward", handed).status_code in (400, 404, 503)
    assert ben.sees() == []


def test_a_fax_moves_to_a_group_and_not_while_it_is_held(world: World, ann: Visitor, ben: Person, fax: int) -> None:
    office = group(world, ben.user)
    hold(world, fax_id=fax)
    answer = ann.hand(f"/faxes/{fax}/move", wrapped(world, fax, office))
    assert (answer.status_code, answer.get_json()["error_id"]) == (400, "held")
    assert "faxplan" not in answer.get_json()["detail"]
    with world.admin.tenant(world.acme.tenant.id) as tx:
        holds.release(tx, world.acme.tenant.id, tx.value("select id from holds"))
    left = ann.hand(f"/faxes/{fax}/move", wrapped(world, fax, office)).get_json()["left"]
    assert ann.get(f"/faxes/{fax}").status_code == 404
    assert ben.sees() == [fax]
    assert [each[2] for each in audited(world, "fax.move")] == ["refused", "done"]
    # And until purge comes a copy goes back to where it lay.
    assert f'name="fax" value="{left}"' in ann.get(f"/moved?fax={left}").text
    assert ann.post("/faxes/selected", {"fax": left, "do": "restore", "list": "/inbox"}).status_code == 303
    assert ann.get(f"/faxes/{left}").status_code == 200


def test_the_page_says_who_may_be_chosen(world: World, ann: Visitor, ben: Person, fax: int) -> None:
    office = group(world, ben.user)
    off, blind = person(world, "off", 103), person(world, "blind", 104)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, off.user.id, {"enabled": False})
        users.change(tx, world.acme.tenant.id, blind.user.id, {"permissions": ["send"]})
        nobody_s = users.create(tx, world.acme.tenant.id, email="new@acme.example", name="New")
    page = ann.get(f"/forward?fax={fax}").text
    radio = 'name="mailbox" value="{}" required'
    for mailbox in (office, ben.mailbox_id):
        assert radio.format(mailbox) + ">" in page
    for mailbox in (nobody_s.mailbox_id, world.acme.user.mailbox_id):
        assert radio.format(mailbox) + " disabled>" in page
    for each in (off, blind):
        assert radio.format(each.mailbox_id) not in page
    # A group's only where it moves, and by a name.
    moves = ann.get(f"/move?fax={fax}").text
    assert radio.format(office) in moves
    assert radio.format(ben.mailbox_id) not in moves
    found = ann.get(f"/forward?fax={fax}&q=BEN").text
    assert [radio.format(each) in found for each in (office, ben.mailbox_id, world.acme.user.mailbox_id)] == [
        True, True, False,
    ]  # fmt: skip
    assert "No mailbox is found" in ann.get(f"/forward?fax={fax}&q=nobody").text


def test_into_the_mailbox_of_who_may_not_receive_nothing_is_laid(world: World, ann: Visitor, fax: int) -> None:
    blind = person(world, "blind", 104)
    handed = wrapped(world, fax, blind.mailbox_id)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, blind.user.id, {"permissions": ["send"]})
    assert ann.hand(f"/faxes/{fax}/forward", handed).get_json()["error_id"] == "may-not-receive"


def test_the_selected_ones_go_together_and_what_was_sent_stays(world: World, ann: Visitor, fax: int) -> None:
    other, out = received(world, world.acme, "b"), sent(world, world.acme)
    answer = ann.post("/faxes/selected", {"do": "forward", "fax": [fax, other, out], "list": "/inbox?unread=1"})
    place = answer.headers["Location"]
    assert place.startswith("/forward?fax=")
    page = ann.get(place).text
    assert "1 fax stays where it is" in page
    assert page.count("checked>") == 2
    assert 'href="/inbox?unread=1"' in page


@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", ""])
def test_to_unlock_leads_on_within_the_portal_only(ann: Visitor, to: str) -> None:
    """SECURITY."""
    assert (
        'data-to="/inbox"'
        in ann.client.get(
            "/unlock",
            query_string={"to": to},
            base_url=f"https://{ann.host}",
            environ_base={"REMOTE_ADDR": "127.0.0.1"},
        ).text
    )
    assert 'data-to="/forward?fax=1&amp;fax=2"' in ann.get("/unlock?to=/forward%3Ffax%3D1%26fax%3D2").text


def test_a_sent_fax_goes_out_again_by_what_its_browser_wrapped(world: World, ann: Visitor) -> None:
    before = sent(world, world.acme)
    assert "Send it again" in ann.get(f"/faxes/{before}").text
    asked = ann.post(f"/faxes/{before}/resend-offer", Accept="application/json").get_json()
    assert [each["key"] for each in asked["machines"]]
    assert [each[1] for each in audited(world, "fax.open")] == [f"fax:{before}"]

    def handed() -> list[dict[str, Any]]:
        made = resending.wrap(resending.offer(world.portal, world.acme.user, before), world.ring(world.acme))
        return [{"document": each[0], "key": each[1], "wrap": wrap.hex()} for each, wrap in made.wraps.items()]

    some = {"wraps": handed()[:-1], "numbers": []}
    assert ann.hand(f"/faxes/{before}/resend", some).get_json()["error_id"] == "keys-moved"
    to = ann.hand(f"/faxes/{before}/resend", {"wraps": handed(), "numbers": []}).get_json()["to"]
    again = world.fax(world.acme, int(to.removeprefix("/faxes/")))
    assert (again["called_number"], again["state"]) == (world.fax(world.acme, before)["called_number"], "queued")
    # To several, each once; or to none of them.
    numbers = [{"number": each} for each in ("030 23125007", "+493023125007", "030 23125008")]
    wrong = ann.hand(f"/faxes/{before}/resend", {"wraps": handed(), "numbers": [*numbers, {"number": "no number"}]})
    assert wrong.status_code == 400
    assert count(world) == 2
    several = ann.hand(f"/faxes/{before}/resend", {"wraps": handed(), "numbers": numbers}).get_json()["to"]
    assert several == "/sent?note=sent-again"
    assert count(world) == 4


def count(world: World) -> int:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return int(tx.value("select count(*) from faxes where direction = 'outbound'"))


def test_a_reply_goes_to_whom_it_came_from(world: World, ann: Visitor, fax: int) -> None:
    page = ann.get(f"/faxes/{fax}").text
    assert 'href="/send?to=%2B493099001234"' in page
    assert 'action="/drafts?to=%2B493099001234"' in ann.get("/send?to=%2B493099001234").text
    handed_in = ann.post("/drafts?to=%2B493099001234", {"file": (io.BytesIO(b"A letter."), "a.txt")})
    assert '<textarea id="numbers"' in (draft := ann.get(handed_in.headers["Location"]).text)
    assert ">+493099001234</textarea>" in draft
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {"permissions": ["receive"]})
    page = ann.get(f"/faxes/{fax}").text
    assert "Reply by fax" not in page
    assert "Send it on by fax" not in page


def test_who_may_not_receive_has_no_inbox(world: World, ann: Visitor, fax: int) -> None:
    assert 'href="/inbox"' in ann.get("/sent").text.partition("</nav>")[0]
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {"permissions": ["send"], "role": "administrator"})
    assert ann.get("/inbox").headers["Location"] == "/sent"
    assert "Inbox" not in ann.get("/sent").text.partition('<nav class="places"')[2].partition("</nav>")[0]
    assert ann.get(f"/faxes/{fax}").status_code == 404
    assert ann.get(f"/faxes/{fax}/tiff").status_code == 404
    # Where numbers and people are administered, it is said.
    assert "Calls to these numbers are refused" in ann.get(f"/organisation/people/{world.acme.user.id}").text
    assert "Calls to this number are refused" in ann.get(f"/organisation/numbers/{world.acme.did}").text
    assert "Calls are refused" in ann.get("/organisation/numbers").text
