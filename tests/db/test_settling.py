"""Settling a call: once, whoever comes second; what the far end acknowledged is never sent again."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from faxplan import audit_chain, failure_policy, outbound, queue, quotas, settling
from faxplan.call_result import CallResult, without_channel
from faxplan.claims import ClaimedFax
from faxplan.journal import Outcome
from faxplan.listener import Listener
from tests.faxes import audited, claim, due_now, in_threads, noticed, queued
from tests.routing import change
from tests.world import World

ACTOR = "switch:node1"


def ended(fax: ClaimedFax, *, pages: int, success: bool = False, code: int | None = None) -> Outcome:
    if code is None:
        code = 0 if success else 49
    result = CallResult(
        "NORMAL_CLEARING",
        q850_cause=16,
        sip_code=200,
        fax_success=success,
        fax_result_code=code,
        fax_result_text="OK" if success else "The call dropped prematurely",
        pages=pages,
        transfer_rate=14400,
        ecm_used=True,
        remote_station_id="+49 30 99001234",
        answered_at=1_750_000_000,
        ended_at=1_750_000_060.5,
    )
    return Outcome(fax.tenant_id, fax.fax_id, fax.attempt_id, result)


def refused(fax: ClaimedFax, cause: str) -> Outcome:
    return Outcome(fax.tenant_id, fax.fax_id, fax.attempt_id, without_channel(cause, ended_at=1_750_000_000.0))


def settle(world: World, outcome: Outcome) -> bool:
    return settling.settle(world.switch, outcome, None, actor=ACTOR)


def one_claim(world: World) -> ClaimedFax:
    due_now(world)
    (fax,) = claim(world)
    return fax


def call_row(fax: ClaimedFax) -> dict[str, object]:
    return {"tenant_id": fax.tenant_id, "fax_id": fax.fax_id, "attempt_id": fax.attempt_id}


def record_pages(world: World, fax: ClaimedFax, pages: int) -> None:
    with world.switch.across_tenants() as tx:
        queue.record_pages(tx, fax.channel_uuid, pages)


def rows_left(world: World) -> tuple[int, int]:
    """In the queue and in calls."""
    with world.switch.across_tenants() as tx:
        return tx.value("select count(*) from fax_queue"), tx.value("select count(*) from calls")


def quota(world: World) -> dict[str, int]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return tx.one("select reserved_pages, used_pages from quotas")


@pytest.fixture
def fax_id(world: World) -> int:
    """Three pages of a tenant with a quota, queued."""
    with world.admin.tenant(world.acme.tenant.id) as tx:
        quotas.set_limit(tx, world.acme.tenant.id, period="month", pages=100)
    return queued(world, world.acme, pages=3)


def test_a_whole_fax_is_sent(world: World, fax_id: int) -> None:
    assert settle(world, ended(one_claim(world), pages=3, success=True))
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["pages_done"], fax["reserved_pages"], fax["error_id"]) == ("sent", 3, 0, None)
    assert fax["finished_at"] is not None
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["outcome"], attempt["pages"], attempt["transfer_rate"]) == ("sent", 3, 14400)
    assert attempt["remote_station_id"] == "+49 30 99001234"
    assert str(attempt["answered_at"]) == "2025-06-15 15:06:40+00:00"
    assert str(attempt["ended_at"]) == "2025-06-15 15:07:40.500000+00:00"
    assert rows_left(world) == (0, 0)
    assert quota(world) == {"reserved_pages": 0, "used_pages": 3}
    assert noticed(world, world.acme) == ["sent"]
    assert audited(world, world.acme) == ["fax.sent"]


def test_success_with_fewer_pages_is_not_sent(world: World, fax_id: int) -> None:
    settle(world, ended(one_claim(world), pages=2, success=True))
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["pages_done"]) == ("queued", 2)
    assert world.attempts(world.acme, fax_id)[0]["outcome"] == "incomplete"
    assert quota(world) == {"reserved_pages": 3, "used_pages": 0}


def test_an_incomplete_fax_is_resumed_after_its_last_acknowledged_page(world: World, fax_id: int) -> None:
    settle(world, ended(one_claim(world), pages=2))
    again = one_claim(world)
    assert (again.start_page, again.attempt_number) == (2, 2)
    settle(world, ended(again, pages=1, success=True))
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["pages_done"], fax["attempts_made"]) == ("sent", 3, 2)
    assert [(a["start_page"], a["pages"]) for a in world.attempts(world.acme, fax_id)] == [(0, 2), (2, 1)]
    assert quota(world) == {"reserved_pages": 0, "used_pages": 3}


def test_pages_that_events_recorded_count_more_than_a_poorer_result(world: World, fax_id: int) -> None:
    fax = one_claim(world)
    record_pages(world, fax, 2)
    settle(world, ended(fax, pages=0))
    assert one_claim(world).start_page == 2


def test_every_page_recorded_is_sent_whatever_the_end(world: World, fax_id: int) -> None:
    fax = one_claim(world)
    record_pages(world, fax, 3)
    settle(world, refused(fax, "NONE"))
    assert world.fax(world.acme, fax_id)["state"] == "sent"


def test_a_second_settler_changes_nothing(world: World, fax_id: int) -> None:
    fax = one_claim(world)
    assert settle(world, ended(fax, pages=3, success=True))
    before = world.fax(world.acme, fax_id), world.attempts(world.acme, fax_id)
    assert not settle(world, ended(fax, pages=1))
    assert not settling.settle_unknown(world.switch, call_row(fax), actor=ACTOR)
    assert (world.fax(world.acme, fax_id), world.attempts(world.acme, fax_id)) == before
    assert audited(world, world.acme) == ["fax.sent"]
    assert quota(world) == {"reserved_pages": 0, "used_pages": 3}


def test_of_many_settlers_at_once_one_settles(world: World, fax_id: int) -> None:
    fax = one_claim(world)
    results = in_threads(
        lambda: settle(world, ended(fax, pages=3, success=True)),
        lambda: settle(world, ended(fax, pages=3, success=True)),
        lambda: settling.settle_unknown(world.switch, call_row(fax), actor=ACTOR),
    )
    assert sorted(results) == [False, False, True]  # type: ignore[type-var]
    (attempt,) = world.attempts(world.acme, fax_id)
    assert attempt["outcome"] is not None
    assert len(noticed(world, world.acme)) <= 1
    assert rows_left(world)[1] == 0


def test_another_tenants_outcome_settles_nothing(world: World, fax_id: int) -> None:
    fax = one_claim(world)
    foreign = Outcome(world.borea.tenant.id, fax.fax_id, fax.attempt_id, ended(fax, pages=3, success=True).result)
    assert not settle(world, foreign)
    assert world.fax(world.acme, fax_id)["state"] == "dialing"


def test_an_outcome_of_another_call_with_the_same_ids_settles_nothing(world: World, fax_id: int) -> None:
    """A restored database gives ids out again."""
    fax = one_claim(world)
    before = replace(ended(fax, pages=3, success=True), channel_uuid="of a call before the restore")
    assert not settle(world, before)
    assert world.fax(world.acme, fax_id)["state"] == "dialing"
    assert settle(world, replace(before, channel_uuid=fax.channel_uuid))
    assert world.fax(world.acme, fax_id)["state"] == "sent"


def test_a_fax_cancelled_in_its_call_ends_cancelled(world: World, fax_id: int) -> None:
    fax = one_claim(world)
    assert not outbound.cancel(world.portal, world.acme.user, fax_id)
    settle(world, ended(fax, pages=1))
    row = world.fax(world.acme, fax_id)
    assert (row["state"], row["pages_done"]) == ("cancelled", 1)
    assert quota(world) == {"reserved_pages": 0, "used_pages": 1}
    assert noticed(world, world.acme) == ["cancelled"]
    assert rows_left(world) == (0, 0)


def test_a_cancel_that_comes_too_late_leaves_it_sent(world: World, fax_id: int) -> None:
    fax = one_claim(world)
    outbound.cancel(world.portal, world.acme.user, fax_id)
    settle(world, ended(fax, pages=3, success=True))
    assert world.fax(world.acme, fax_id)["state"] == "sent"


def test_after_the_last_try_it_has_failed(world: World, fax_id: int) -> None:
    for _ in range(world.acme.tenant.max_attempts):
        assert world.fax(world.acme, fax_id)["state"] == "queued"
        settle(world, replace(refused(one_claim(world), "USER_BUSY"), result=CallResult("USER_BUSY", ended_at=1.0)))
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["error_id"], fax["attempts_made"]) == ("failed", "USER_BUSY", 5)
    assert "the last" in str(fax["explanation"])


def test_calls_without_a_channel_use_up_no_tries_but_a_day(world: World, fax_id: int) -> None:
    delays = []
    for _ in range(failure_policy.FEWEST_CALLS - 2):
        settle(world, refused(one_claim(world), "GATEWAY_DOWN"))
        with world.switch.across_tenants() as tx:
            tx.execute("update trunk_states set node_rests = '{}'")
            delays.append(tx.value("select round(extract(epoch from not_before - now())) from fax_queue"))
    assert delays == sorted(delays)
    assert delays[-1] == 15 * 60
    with world.switch.tenant(world.acme.tenant.id) as tx:
        # A weekend in which nothing may be dialled.
        tx.execute("update faxes set waits_since = waits_since - interval '62 hours'")
    settle(world, refused(one_claim(world), "GATEWAY_DOWN"))
    assert world.fax(world.acme, fax_id)["state"] == "queued"
    with world.switch.across_tenants() as tx:
        tx.execute("update trunk_states set node_rests = '{}'")
    settle(world, refused(one_claim(world), "GATEWAY_DOWN"))
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["error_id"]) == ("failed", "GATEWAY_DOWN")
    assert quota(world) == {"reserved_pages": 0, "used_pages": 0}
    assert noticed(world, world.acme) == ["failed"]
    assert rows_left(world) == (0, 0)


def test_a_number_that_does_not_exist_is_dialled_once(world: World, fax_id: int) -> None:
    settle(world, refused(one_claim(world), "UNALLOCATED_NUMBER"))
    assert world.fax(world.acme, fax_id)["state"] == "failed"
    assert rows_left(world) == (0, 0)


def test_an_unknown_end_is_dialled_again_after_the_recorded_pages(world: World, fax_id: int) -> None:
    fax = one_claim(world)
    record_pages(world, fax, 2)
    assert settling.settle_unknown(world.switch, call_row(fax), actor=ACTOR)
    assert world.attempts(world.acme, fax_id)[0]["outcome"] == "unknown"
    assert one_claim(world).start_page == 2


def test_pages_told_and_not_yet_recorded_count_in_an_unknown_end(world: World, fax_id: int) -> None:
    fax = one_claim(world)
    record_pages(world, fax, 1)
    settling.settle_unknown(world.switch, call_row(fax), actor=ACTOR, pages_told=2)
    assert world.attempts(world.acme, fax_id)[0]["pages"] == 2
    assert one_claim(world).start_page == 2


def test_an_unknown_end_after_the_last_page_is_sent(world: World, fax_id: int) -> None:
    fax = one_claim(world)
    record_pages(world, fax, 3)
    settling.settle_unknown(world.switch, call_row(fax), actor=ACTOR)
    assert world.fax(world.acme, fax_id)["state"] == "sent"


def test_an_unknown_end_is_final_where_the_tenant_chose_so(world: World, fax_id: int) -> None:
    with world.admin.across_tenants() as tx:
        tx.execute("update tenants set redial_unknown = false where id = %s", (world.acme.tenant.id,))
    fax = one_claim(world)
    record_pages(world, fax, 1)
    settling.settle_unknown(world.switch, call_row(fax), actor=ACTOR)
    row = world.fax(world.acme, fax_id)
    assert (row["state"], row["error_id"], row["pages_done"]) == ("failed", "outcome-unknown", 1)
    assert quota(world) == {"reserved_pages": 0, "used_pages": 1}


def test_the_audit_is_a_chain(world: World, fax_id: int) -> None:
    for pages in (1, 1, 1):
        settle(world, ended(one_claim(world), pages=pages, success=pages == 3))
    settled = [queued(world, world.acme) for _ in range(3)]
    claimed = claim(world)
    in_threads(*[lambda fax=fax: settle(world, ended(fax, pages=3, success=True)) for fax in claimed])
    assert len(claimed) == len(settled) == 3
    with world.portal.tenant(world.acme.tenant.id) as tx:
        checked = audit_chain.check(tx, world.acme.tenant.id, (), lambda _: None)
    assert (checked.rows, checked.fault) == (4, None)


class TestWhoIsWoken:
    """By a call that ends: only where somebody may wait for what it held. Who settles asks for that at every call."""

    @pytest.fixture
    def listener(self, world: World) -> Iterator[Listener]:
        listener = Listener(world.installation.url("faxplan_switch"), (queue.QUEUE_CHANNEL,))
        yield listener
        listener.close()

    def wakes(self, world: World, listener: Listener, fax: ClaimedFax) -> bool:
        listener.heard()
        assert settling.settle(
            world.switch, ended(fax, pages=3, success=True), None, actor=ACTOR, calls_to_one_number=2
        )
        return bool(listener.heard(timeout_seconds=1))

    def test_those_who_wait_for_a_number_that_had_all_its_calls(self, world: World, listener: Listener) -> None:
        for _ in range(3):
            queued(world, world.acme)
        first, second = claim(world, calls_to_one_number=2)
        assert self.wakes(world, listener, first)
        # One of two lines was free already: who waits, waits for something else.
        assert not self.wakes(world, listener, second)

    @pytest.mark.parametrize("table", ["tenants", "trunks"])
    def test_those_who_wait_for_a_tenants_or_a_trunks_call(self, world: World, listener: Listener, table: str) -> None:
        change(world, table, max_calls=1)
        queued(world, world.acme)
        (fax,) = claim(world)
        assert self.wakes(world, listener, fax)
