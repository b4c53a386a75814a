"""What has come in while a page is open: told to its script, and to nobody else's."""

import pytest

from faxplan import contacts, notices, users
from faxplan.contacts import Entry
from tests.portal.conftest import Visitor
from tests.portal.test_told import failed
from tests.retained import execute, received
from tests.world import World


def news(who: Visitor, before: dict[str, str] | None = None) -> dict[str, object]:
    since = {} if before is None else before
    answer = who.get(f"/news?since={since.get('since', '')}&told={since.get('told', '')}", Accept="application/json")
    assert answer.status_code == 200
    said: dict[str, object] = answer.get_json()
    return said


def test_of_what_was_there_nothing_is_told_and_of_what_comes_each_once(
    world: World, ann: Visitor, ben: Visitor
) -> None:
    received(world, world.acme, "one")
    failed(world)
    first, bens = news(ann), news(ben)
    assert (first["faxes"], first["notices"], bens["faxes"]) == ([], [], [])
    assert news(ann, first) == first
    new = received(world, world.acme, "two")
    execute(world, "update faxes set calling_number = '+493023125009', pages = 3, pages_done = 3 where id = %s", (new,))
    fax = failed(world)
    said = news(ann, first)
    assert said["faxes"] == [{"id": new, "words": "A fax from 030 23125009, 3 pages"}]
    (notice,) = said["notices"]
    assert (notice["fax"], notice["words"]) == (fax, "Your fax to 030 99001234 did not arrive")
    again = news(ann, said)
    assert (again["faxes"], again["notices"], again["since"]) == ([], [], said["since"])
    assert news(ben, bens)["faxes"] == news(ben, bens)["notices"] == []
    # A sender by the name that the user knows them by.
    with world.portal.tenant(world.acme.tenant.id) as tx:
        contacts.add(tx, world.acme.user, Entry("Bea", "", "+493023125009"), shared=False)
    assert news(ann, first)["faxes"] == [{"id": new, "words": "A fax from Bea, 3 pages"}]


def test_an_empty_inbox_has_a_beginning_too(world: World, ann: Visitor) -> None:
    first = news(ann)
    new = received(world, world.acme, "one")
    assert [each["id"] for each in news(ann, first)["faxes"]] == [new]


def test_who_may_not_receive_is_told_of_their_own_alone(world: World, ann: Visitor) -> None:
    first = news(ann)
    received(world, world.acme, "one")
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {"permissions": ["send"]})
    failed(world)
    said = news(ann, first)
    assert (said["faxes"], len(said["notices"])) == ([], 1)


def test_an_alert_is_told_in_its_words(world: World, ann: Visitor) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {"role": users.ADMINISTRATOR})
    first = news(ann)
    fax = received(world, world.acme, "one")
    with world.portal.tenant(world.acme.tenant.id) as tx:
        user = world.acme.user
        notices.tell_user(tx, user.tenant_id, user.id, fax, notices.ALERT, "The carrier wants to be paid.")
    (said,) = news(ann, first)["notices"]
    assert said["words"] == "The carrier wants to be paid."


@pytest.mark.parametrize("since", ["x", "1", "-1", "9" * 18 + "-1", "1-" + "9" * 40, "1-1&told=x"])
def test_what_is_no_place_is_a_beginning(world: World, ann: Visitor, since: str) -> None:
    received(world, world.acme, "one")
    assert news(ann, {"since": since, "told": "" if "told" in since else "0"})["faxes"] == []


def test_asking_by_itself_keeps_no_session_alive(world: World, ann: Visitor) -> None:
    execute(world, "update sessions set seen_at = now() - interval '10 minutes'")
    news(ann)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select bool_and(seen_at < now() - interval '9 minutes') from sessions")
