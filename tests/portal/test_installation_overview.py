"""The operator's overview: what runs, what waits, how calls went, and what needs a hand; and calls and nodes."""

from faxplan import provisioning, trunk_directory, trunk_health
from tests.faxes import claim, queued
from tests.portal.conftest import Visitor
from tests.retained import execute, received, sent
from tests.world import World


def test_of_a_quiet_installation_it_says_so(world: World, olga: Visitor) -> None:
    execute(world, "insert into nodes (name, switch_uuid, max_channels, heartbeat_at) values ('n1', 'u', 30, now())")
    page = olga.get("/installation").text
    assert "Nothing does." in page
    assert "No call runs." in page
    assert "No call has ended in that time." in page
    assert "At work" in olga.get("/installation/nodes").text
    assert "No call runs." in olga.get("/installation/calls").text


def test_without_a_node_and_with_a_late_one_a_hand_is_needed(world: World, olga: Visitor) -> None:
    assert "No node has reported yet" in olga.get("/installation").text
    execute(
        world,
        """insert into nodes (name, switch_uuid, max_channels, heartbeat_at)
           values ('n1', 'u', 30, now() - interval '10 minutes')""",
    )
    assert "Node n1 has not reported for 10 min." in olga.get("/installation").text
    assert "Silent for 10 min." in olga.get("/installation/nodes").text


def test_of_nodes_it_says_what_lies_on_a_silent_one_and_which_is_drained(world: World, olga: Visitor) -> None:
    execute(
        world,
        """insert into nodes (name, switch_uuid, max_channels, heartbeat_at, waiting, draining_since)
           values ('n1', 'u', 30, now() - interval '10 minutes', 3, null), ('n2', 'u', 30, now(), 0, now())""",
    )
    page = olga.get("/installation/nodes").text
    assert "Received faxes on its disk that wait: 3." in page
    assert "Drained: it takes no calls." in page
    assert "At work" not in page


def test_of_a_node_that_was_stopped_and_a_trunk_that_fails_to_register_it_says_so(world: World, olga: Visitor) -> None:
    execute(
        world,
        """insert into nodes (name, switch_uuid, max_channels, heartbeat_at, waiting, stopped_at)
           values ('n1', 'u', 30, now() - interval '2 s', 3, now()), ('n2', 'u', 30, now(), 0, null)""",
    )
    execute(
        world, "update trunks set register = true, username = 'fax', password = 'secret', changed_at = '2020-01-01'"
    )
    execute(
        world,
        """insert into trunk_holders (trunk_id, node, since, failing_since)
           select id, 'n2', now(), now() + interval '1 s' from trunks""",
    )
    page = olga.get("/installation/nodes").text
    assert "Stopped on purpose" in page
    assert "Received faxes on its disk that wait: 3." in page
    # Since just now: it may be on its way.
    assert "cannot register it" not in olga.get("/installation/trunks").text
    execute(world, "alter table trunks disable trigger trunks_version")
    execute(world, "update trunks set changed_at = '2020-01-01'")
    execute(
        world, "update trunk_holders set since = now() - interval '3 min', failing_since = now() - interval '2 min'"
    )
    assert "Node n2 cannot register it" in olga.get("/installation/trunks").text
    assert "Trunk carrier cannot be registered by node n2" in olga.get("/installation").text


def test_a_call_is_shown_with_its_pages_and_no_other_fax_is(world: World, olga: Visitor) -> None:
    """Also of another tenant than the operator's own."""
    queued(world, world.borea, pages=7)
    (call,) = claim(world)
    execute(world, "update calls set pages = 3")
    for path in ("/installation", "/installation/now", "/installation/calls", "/installation/calls/now"):
        page = olga.get(path).text
        assert "3 of 7" in page, path
        assert 'href="/installation/tenants/borea"' in page
    with world.admin.across_tenants() as tx:
        assert tx.rows("select id from faxes") == [{"id": call.fax_id}]
    execute(world, "delete from calls")
    with world.admin.across_tenants() as tx:
        assert tx.rows("select id from faxes") == []


def test_how_calls_went_is_told_by_trunk(world: World, olga: Visitor) -> None:
    sent(world, world.acme)
    sent(world, world.borea)
    queued(world, world.acme, pages=1)
    claim(world)
    execute(
        world,
        "update attempts set outcome = 'not-sent', rule = 'trunk-fault', ended_at = now() where outcome is null",
    )
    page = olga.get("/installation").text
    row = page.partition("How the calls of each trunk went")[2].partition("</table>")[0]
    assert "2 of 3 (67 %)" in row
    assert '<rect class="well" width="2" height="1"/>' in row
    assert '<rect class="fault" x="2" width="1" height="1"/>' in row
    # Yesterday's count no more.
    execute(world, "update attempts set started_at = started_at - interval '25 hours'")
    assert "No call has ended in that time." in olga.get("/installation").text


def test_a_trunk_that_rests_is_named_with_why(world: World, olga: Visitor) -> None:
    with world.switch.across_tenants() as tx:
        trunk_id = tx.value("select id from trunks")
        for number in ("+493023125001", "+493023125002", "+493023125003"):
            trunk_health.failed(tx, trunk_id, "503 <b>gone</b>", number)
    page = olga.get("/installation").text
    assert "Trunk carrier rests after failed calls. The last one: 503 &lt;b&gt;gone" in page
    assert 'href="/installation/trunks/carrier"' in page
    with world.admin.across_tenants() as tx:
        trunk_directory.change(tx, "carrier", {"enabled": False})
    assert "Trunk carrier rests" not in olga.get("/installation").text


def test_a_quota_near_its_end_is_named_and_another_is_not(world: World, olga: Visitor) -> None:
    for slug, email in (("acme", None), ("borea", "user@borea.example")):
        provisioning.set_quota(world.admin, "x", slug, period="month", pages=10, email=email)
    execute(world, "update quotas set used_pages = case when user_id is null then 7 else 8 end")
    page = olga.get("/installation").text
    assert "user@borea.example (borea): 8 of 10 pages this month are used or held." in page
    assert "7 of 10" not in page


def test_a_fax_that_waits_for_long_is_seen(world: World, olga: Visitor) -> None:
    queued(world, world.borea, pages=1)
    execute(world, "update fax_queue set not_before = now() - interval '20 minutes'")
    page = olga.get("/installation").text
    assert "Faxes of borea that are due have waited for 20 min." in page
    assert "The oldest due one for 20 min" in page


def test_no_page_of_it_shows_a_document(world: World, olga: Visitor) -> None:
    """An operator has no other faxes than any user."""
    fax = received(world, world.borea, "b")
    assert olga.get(f"/faxes/{fax}").status_code == 404


def test_mail_that_waits_is_counted_and_said_why_where_it_waits_for_long(world: World, olga: Visitor) -> None:
    assert "No mail waits for a mail server." in olga.get("/installation/queue").text
    received(world, world.acme, "one")
    received(world, world.borea, "two")
    overview = olga.get("/installation/now").text
    assert "<b>2</b> mails wait" in overview
    assert "Mail of" not in overview
    execute(
        world,
        """update outbox set created_at = created_at - interval '2 hours', said = '450 <later>' where tenant_id = %s""",
        (world.borea.tenant.id,),
    )
    said = "Mail of borea has waited for 2 h. The mail server said: 450 &lt;later&gt;"
    assert f'<a href="/installation/queue#mail">{said}</a>' in olga.get("/installation/now").text
    rows = olga.get("/installation/queue").text.partition('id="mail"')[2]
    assert rows.index(">acme<") < rows.index("Nothing yet") < rows.index(">borea<") < rows.index("450 &lt;later&gt;")
    # Of what has ended nothing is seen from outside a tenant.
    execute(world, "update outbox set state = 'accepted', ended_at = now()")
    assert "<b>0</b> mails wait" in olga.get("/installation/now").text
    with world.admin.across_tenants() as tx:
        assert tx.rows("select id from outbox") == []
