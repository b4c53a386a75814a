"""Pages of attempts, of faxes and of quotas: that they add up is checked, and that they do not is said."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from faxplan import cdr_check, internal_delivery, queue, quotas, settling
from faxplan.call_result import CallResult
from faxplan.cdr import Period
from faxplan.cdr_check import Difference, Sums
from faxplan.cli import main
from tests.db.test_cdr import SENT, again, received, settled
from tests.faxes import claim, due_now, queued
from tests.world import Office, World

DROPPED = CallResult("NORMAL_CLEARING", fax_success=False, fax_result_code=49, pages=2)
REST = CallResult("NORMAL_CLEARING", fax_success=True, fax_result_code=0, pages=1)


LATER = datetime.now(UTC) + timedelta(days=1)
"""When all that a test delivers is old enough."""


def checked(world: World, office: Office, began: datetime = LATER) -> tuple[Sums, list[Difference]]:
    with world.portal.tenant(office.tenant.id) as tx:
        return cdr_check.check(tx, office.tenant.id, office.tenant.slug, Period(), began=began)


def limit(world: World, *, user: bool = False) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        quotas.set_limit(
            tx, world.acme.tenant.id, period="month", pages=100, user_id=world.acme.user.id if user else None
        )


def test_what_was_resumed_received_refused_and_lost_adds_up(world: World) -> None:
    limit(world)
    limit(world, user=True)
    settled(world, DROPPED)
    again(world, REST)
    settled(world, replace(SENT, pages=0, fax_success=False, fax_result_code=1))
    received(world, REST)
    due_now(world)
    (lost,) = claim(world)
    with world.switch.across_tenants() as tx:
        queue.record_pages(tx, lost.channel_uuid, 7)
    row = {"tenant_id": lost.tenant_id, "fax_id": lost.fax_id, "attempt_id": lost.attempt_id}
    assert settling.settle_unknown(world.switch, row, actor="test")
    sums, found = checked(world, world.acme)
    assert found == []
    # Three of each sent fax, one received; a switch that told of more pages than there are is not believed.
    assert (sums.faxes, sums.fax_pages, sums.attempt_pages) == (3, 7, 7)


def test_a_call_that_goes_on_makes_no_difference(world: World) -> None:
    limit(world)
    queued(world, world.acme)
    (fax,) = claim(world)
    with world.switch.across_tenants() as tx:
        queue.record_pages(tx, fax.channel_uuid, 2)
    assert checked(world, world.acme)[1] == []


def test_a_page_too_many_is_told_with_its_fax(world: World) -> None:
    fax_id = settled(world, SENT)
    with world.switch.tenant(world.acme.tenant.id) as tx:
        tx.execute("update attempts set pages = 4")
    _, found = checked(world, world.acme)
    assert found == [Difference("acme", f"fax {fax_id}", "has 3 pages, and its attempts have 4")]


def test_an_attempt_that_is_not_counted_is_told(world: World) -> None:
    fax_id = settled(world, SENT)
    with world.switch.tenant(world.acme.tenant.id) as tx:
        tx.execute("update faxes set attempts_made = 2")
    _, found = checked(world, world.acme)
    assert found == [Difference("acme", f"fax {fax_id}", "counts 2 attempts, and has 1")]


def test_a_quota_that_counts_otherwise_is_told(world: World) -> None:
    limit(world)
    settled(world, SENT)
    with world.switch.tenant(world.acme.tenant.id) as tx:
        tx.execute("update quotas set used_pages = 5")
    _, found = checked(world, world.acme)
    words = "has counted 5 pages, and the faxes that ended in this period have 3"
    assert found == [Difference("acme", "quota of the tenant a month", words)]


def test_a_quota_counts_from_when_it_was_made(world: World) -> None:
    settled(world, SENT)
    limit(world)
    settled(world, SENT)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select used_pages from quotas") == 3
    assert checked(world, world.acme)[1] == []


def test_a_call_without_an_end_that_nobody_has_is_told(world: World) -> None:
    fax_id = queued(world, world.acme)
    claim(world)
    with world.switch.across_tenants() as tx:
        tx.execute("delete from calls")
    _, found = checked(world, world.acme)
    assert found == [Difference("acme", f"fax {fax_id}, attempt 1", "has no outcome, and no call is going on for it")]


def deliver_from_acme_to_borea(world: World) -> None:
    queued(world, world.acme, pages=2, number=world.borea.did)
    with world.switch.across_tenants() as tx:
        picked = queue.pick_internal(tx, after=0)
    assert picked is not None
    assert internal_delivery.deliver(world.switch, world.store, picked, node="node1") == "sent"


def test_what_is_delivered_while_one_tenant_after_the_other_is_looked_at_is_no_difference(world: World) -> None:
    began = datetime.now(UTC)
    of_acme, _ = checked(world, world.acme, began)
    deliver_from_acme_to_borea(world)
    of_borea, _ = checked(world, world.borea, began)
    assert cdr_check.across([of_acme, of_borea]) == []
    # A minute later it may be committed on one side only, as far as who looks can see.
    assert checked(world, world.borea, datetime.now(UTC))[0].internal_received == 0


def test_internal_pages_leave_one_tenant_and_reach_another(world: World) -> None:
    deliver_from_acme_to_borea(world)
    sums = [checked(world, office)[0] for office in (world.acme, world.borea)]
    assert (sums[0].internal_sent, sums[1].internal_received) == (2, 2)
    assert cdr_check.across(sums) == []
    assert len(cdr_check.across(sums[:1])) == 1


@pytest.mark.parametrize(("pages", "code", "says"), [(3, 0, "It adds up."), (2, 1, "It does not add up.")])
def test_the_command_says_so_with_its_exit_code(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    pages: int,
    code: int,
    says: str,
) -> None:
    monkeypatch.setenv("FAXPLAN_DATABASE_URL", world.settings.database_url)
    settled(world, SENT)
    with world.switch.tenant(world.acme.tenant.id) as tx:
        tx.execute("update attempts set pages = %s", (pages,))
    assert main(("cdr", "--reconcile")) == code
    assert says in capsys.readouterr().out
