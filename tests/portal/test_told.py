"""What its user has to know stands above the lists until it was seen: faxes that did not arrive, and alerts."""

from faxplan import notices, users
from tests.db.test_failing_over import settle
from tests.faxes import claim, queued
from tests.portal.conftest import Visitor
from tests.retained import SENT, execute
from tests.world import World


def failed(world: World) -> int:
    """A fax of acme's user that did not arrive; its id."""
    fax_id = queued(world, world.acme, pages=1)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        notices.tell_user(
            tx, world.acme.tenant.id, world.acme.user.id, fax_id, "failed", f"Nobody answered ({fax_id})."
        )
    return fax_id


def test_it_stands_there_until_it_was_seen(world: World, ann: Visitor, ben: Visitor) -> None:
    fax = failed(world)
    for path in ("/inbox", "/sent"):
        page = ann.get(path).text
        assert f'<a href="/faxes/{fax}">Your fax to' in page
        assert f"Nobody answered ({fax})." in page
        # Of the list as a whole: whoever narrows it looks for something.
        assert "You should know" not in ann.get(f"{path}?standing=failed").text
        assert "You should know" not in ben.get(path).text
    last = page.partition('name="last" value="')[2].partition('"')[0]
    answer = ann.post("/told/seen", {"last": last, "place": "sent"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sent")
    assert "You should know" not in ann.get("/inbox").text
    # What came since is not seen with it.
    other = failed(world)
    assert ann.post("/told/seen", {"last": last}).headers["Location"] == "/inbox"
    assert f"Nobody answered ({other})." in ann.get("/inbox").text
    for what in ("", "x", "-1", "9" * 30, "1" * 18 + "x"):
        assert ann.post("/told/seen", {"last": what}).status_code == 303
    assert f"Nobody answered ({other})." in ann.get("/inbox").text


def test_nobody_sees_or_ends_anothers(world: World, ann: Visitor, ben: Visitor) -> None:
    failed(world)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        colleague = users.create(tx, world.acme.tenant.id, email="colleague@acme.example", name="")
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert notices.unseen(tx, colleague, 9) == []
        assert notices.seen(tx, colleague, 2**62) == 0
    assert ben.post("/told/seen", {"last": str(2**62)}).status_code == 303
    assert "Nobody answered" in ann.get("/inbox").text


def test_what_arrived_is_not_told_and_many_are_shortened(world: World, ann: Visitor) -> None:
    queued(world, world.acme, pages=1)
    (fax,) = claim(world)
    settle(world, fax, SENT)
    assert "You should know" not in ann.get("/inbox").text
    for _each in range(6):
        failed(world)
    page = ann.get("/inbox").text
    assert page.count("Your fax to") == 5
    assert "There are older ones." in page


def test_an_alert_has_no_link_to_a_fax_that_is_anothers(world: World, ann: Visitor) -> None:
    execute(world, "update users set role = 'administrator' where id = %s", (world.acme.user.id,))
    fax_id = queued(world, world.acme, pages=1)
    with world.switch.tenant(world.acme.tenant.id) as tx:
        notices.alert_administrators(tx, world.acme.tenant.id, fax_id, "No trunk is set up.")
    page = ann.get("/inbox").text
    assert "No trunk is set up." in page
    assert f'/faxes/{fax_id}">Your fax' not in page


def test_who_administers_no_more_is_alerted_no_more(world: World, ann: Visitor) -> None:
    tenant_id, user_id = world.acme.tenant.id, world.acme.user.id
    with world.admin.tenant(tenant_id) as tx:
        users.change(tx, tenant_id, user_id, {"role": users.ADMINISTRATOR})
    fax = queued(world, world.acme, pages=1)
    with world.switch.tenant(tenant_id) as tx:
        notices.alert_administrators(tx, tenant_id, fax, "No trunk is set up.")
    assert "No trunk is set up." in ann.get("/inbox").text
    assert "No trunk is set up." in ann.get("/news?since=0-0&told=0").text
    with world.admin.tenant(tenant_id) as tx:
        users.change(tx, tenant_id, user_id, {"role": users.USER})
    assert "No trunk is set up." not in ann.get("/inbox").text
    assert ann.get("/news?since=0-0&told=0").get_json()["notices"] == []
