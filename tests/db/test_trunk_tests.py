"""A test fax: one call through one trunk, whatever the routes say, and an end to it whatever came of the call."""

import threading
from typing import Any

import pytest

from faxplan import claims, outbound, page_images, quotas, settling, trunk_directory, trunk_health, trunk_tests
from faxplan.call_result import CallResult, without_channel
from faxplan.constraints import ConstraintViolated
from faxplan.db import Transaction
from faxplan.errors import DatabaseUnavailable, InvalidNumber, NoRoute, NotFound, RenderingFailed
from faxplan.trunk_tests import CannotBeTested
from tests.faxes import audited, claim, noticed, queued
from tests.routing import add_route, add_trunk, change
from tests.runtime import SENT, Runtime
from tests.scripted_switch import Originate
from tests.world import World

NUMBER = "+493099001234"
ONE_PAGE = CallResult("NORMAL_CLEARING", fax_success=True, fax_result_code=0, pages=1)
REFUSED = CallResult("NORMAL_TEMPORARY_FAILURE", sip_code=503)


@pytest.fixture
def tested(world: World) -> str:
    """A trunk to which no route leads."""
    add_trunk(world, "tested")
    return "tested"


def submit(world: World, trunk: str, number: str = NUMBER) -> int:
    return trunk_tests.submit(world.portal, world.store, world.acme.user, trunk, number)


def kinds_stored(world: World) -> set[str]:
    """Of the documents that hang on its rendering."""
    with world.portal.tenant(world.acme.tenant.id) as tx:
        rows = tx.rows(
            """select d.kind from renderings r join documents d on d.tenant_id = r.tenant_id
               and d.id in (r.original_id, r.document_id, r.images_id, r.thumbnail_id)"""
        )
    return {row["kind"] for row in rows}


def trunk_id_of(world: World, name: str) -> int:
    with world.admin.across_tenants() as tx:
        return trunk_directory.id_of(tx, name)


def taken(world: World, max_calls: int = 100) -> list[int]:
    with world.switch.across_tenants() as tx:
        found = trunk_tests.claim(
            tx, node="node1", switch_uuid="switch-1", lease_seconds=60, max_calls=max_calls, actor="switch:node1"
        )
    return [fax.fax_id for fax in found]


def test_it_goes_through_that_trunk_and_no_other(world: World, tested: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fax_id = submit(world, tested)
    runtime = Runtime(world, monkeypatch)
    runtime.switch.on_originate = lambda call: runtime.switch.ends(call, ONE_PAGE)
    runtime.run(runtime.final(world.acme, fax_id))
    (call,) = runtime.switch.originated
    assert (call.gateway, call.number) == ("tested", NUMBER)
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["pages_done"], fax["calling_number"]) == ("sent", 1, world.acme.did)
    assert audited(world, world.acme) == ["trunk.test", "fax.sent"]
    assert kinds_stored(world) == {"original", "rendering", "page-images", "thumbnail"}
    with world.admin.across_tenants() as tx:
        state = next(row for row in trunk_health.everyone(tx) if row["name"] == tested)
    assert state["last_success_at"] is not None


@pytest.mark.parametrize("result", [REFUSED, CallResult("USER_BUSY", sip_code=486), CallResult("NORMAL_CLEARING")])
def test_a_failed_test_is_explained_and_not_dialled_again(
    world: World, tested: str, monkeypatch: pytest.MonkeyPatch, result: CallResult
) -> None:
    fax_id = submit(world, tested)
    runtime = Runtime(world, monkeypatch)
    runtime.switch.on_originate = lambda call: runtime.switch.ends(call, result)
    runtime.run(runtime.final(world.acme, fax_id))
    fax = world.fax(world.acme, fax_id)
    (attempt,) = world.attempts(world.acme, fax_id)
    assert fax["state"] == "failed"
    assert fax["explanation"] == attempt["explanation"]
    assert "again" not in str(fax["explanation"])
    assert not claim(world)
    assert noticed(world, world.acme) == ["failed"]


def test_a_gateway_that_is_not_there_ends_it_too(world: World, tested: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fax_id = submit(world, tested)
    runtime = Runtime(world, monkeypatch)

    def refuse(call: Originate) -> None:
        runtime.switch.ends(call, without_channel("INVALID_GATEWAY", ended_at=0))

    runtime.switch.on_originate = refuse
    runtime.run(runtime.final(world.acme, fax_id))
    assert str(world.fax(world.acme, fax_id)["explanation"]).startswith("The switch does not know the trunk")


def test_a_crash_in_mid_call_ends_it(world: World, tested: str) -> None:
    fax_id = submit(world, tested)
    assert taken(world) == [fax_id]
    with world.switch.across_tenants() as tx:
        call = tx.one("select * from calls")
    assert settling.settle_unknown(world.switch, call, actor="switch:node1")
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], str(fax["explanation"])[-21:]) == ("failed", "try 1 of 1, the last.")


def test_no_claim_of_the_queue_takes_it(world: World, tested: str) -> None:
    with world.admin.across_tenants() as tx:
        tx.execute("delete from routes")
    fax_id = submit(world, tested)
    assert not claim(world)
    assert taken(world) == [fax_id]
    assert taken(world) == []


def test_it_keeps_to_the_limits_of_node_and_trunk(world: World, tested: str) -> None:
    with world.admin.across_tenants() as tx:
        trunk_directory.change(tx, tested, {"max_calls": 1})
    first, second = submit(world, tested), submit(world, tested)
    assert taken(world, max_calls=0) == []
    assert taken(world) == [first]
    assert taken(world) == []
    with world.switch.across_tenants() as tx:
        tx.execute("delete from calls")
    assert taken(world) == [second]


def test_it_keeps_to_a_limit_that_somebody_else_is_just_filling(world: World, tested: str) -> None:
    with world.admin.across_tenants() as tx:
        trunk_directory.change(tx, tested, {"max_calls": 1})
    add_route(world, NUMBER[:6], trunk_id_of(world, tested))
    submit(world, tested)
    queued(world, world.borea)
    found: list[list[int]] = []
    claiming = threading.Thread(target=lambda: found.append(taken(world)))
    with world.switch.across_tenants() as tx:
        (fax,) = claims.claim_faxes(
            tx, node="node2", switch_uuid="switch-2", most=1, max_calls=100, lease_seconds=60, calls_to_one_number=10
        ).faxes
        assert fax.trunk is not None
        assert fax.trunk.name == tested
        claiming.start()
        # Either it waits for our turn to end, or it did not take one.
        waiting = (
            "select count(*) from pg_locks where locktype = 'advisory' and not granted "
            "and database = (select oid from pg_database where datname = current_database())"
        )
        while claiming.is_alive() and not tx.value(waiting):
            claiming.join(0.05)
    claiming.join()
    assert found == [[]]


def test_a_trunk_that_became_another_tenants_is_not_tested(world: World, tested: str) -> None:
    submit(world, tested)
    with world.admin.across_tenants() as tx:
        trunk_directory.change(tx, tested, {"dedicated_to": world.borea.tenant.id})
    assert taken(world) == []
    with world.admin.across_tenants() as tx:
        trunk_directory.change(tx, tested, {"dedicated_to": world.acme.tenant.id})
    assert len(taken(world)) == 1


def test_a_test_takes_part_in_its_trunks_calls_per_second(world: World, tested: str) -> None:
    with world.admin.across_tenants() as tx:
        trunk_directory.change(tx, tested, {"calls_per_second": 0.01})
    submit(world, tested)
    assert len(taken(world)) == 1
    with world.switch.across_tenants() as tx:
        assert tx.value("select next_call_at > now() + interval '90 s' from trunk_states")


def test_a_trunk_that_rests_may_be_tested(world: World, tested: str) -> None:
    with world.switch.across_tenants() as tx:
        trunk = tx.value("select id from trunks where name = %s", (tested,))
        for number in range(3):
            trunk_health.failed(tx, trunk, "503", f"+49301000{number}")
    fax_id = submit(world, tested)
    assert taken(world) == [fax_id]


def test_a_cancelled_test_is_not_dialled(world: World, tested: str) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        quotas.set_limit(tx, world.acme.tenant.id, period="day", pages=5, user_id=None)
    fax_id = submit(world, tested)
    assert outbound.cancel(world.portal, world.acme.user, fax_id) is True
    assert taken(world) == []
    assert world.fax(world.acme, fax_id)["state"] == "cancelled"
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select reserved_pages from quotas") == 0


def test_one_in_a_call_is_hung_up(world: World, tested: str) -> None:
    fax_id = submit(world, tested)
    assert taken(world) == [fax_id]
    assert outbound.cancel(world.portal, world.acme.user, fax_id) is False
    with world.switch.across_tenants() as tx:
        assert tx.value("select cancel_requested from calls")


def test_a_test_that_nobody_took_in_time_is_not_dialled_later(world: World, tested: str) -> None:
    fax_id = submit(world, tested)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        # No role may change it; a new row is as old as one likes.
        tx.execute("delete from trunk_tests")
        tx.execute(
            """insert into trunk_tests (tenant_id, fax_id, trunk_id, requested_at)
               select %s, %s, id, now() - interval '1 hour' from trunks where name = %s""",
            (world.acme.tenant.id, fax_id, tested),
        )
    assert taken(world) == []
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["error_id"]) == ("failed", "not-tested")
    assert taken(world) == []


def test_a_test_whose_number_is_barred_meanwhile_is_not_dialled(world: World, tested: str) -> None:
    fax_id = submit(world, tested)
    add_route(world, NUMBER[:6], None)
    assert taken(world) == []
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["error_id"]) == ("failed", "no-route")
    assert f"{NUMBER} is barred" in str(fax["explanation"])
    assert taken(world) == []


def test_what_cannot_be_tested_is_refused_in_words(world: World, tested: str) -> None:
    with pytest.raises(NotFound):
        submit(world, "nowhere")
    with pytest.raises(InvalidNumber):
        submit(world, tested, "112")
    add_route(world, "+4990", None)
    with pytest.raises(NoRoute, match="barred"):
        submit(world, tested, "+49 90 12345678")
    add_trunk(world, "boreas", dedicated_to=world.borea.tenant.id)
    with pytest.raises(CannotBeTested, match="--as USER"):
        submit(world, "boreas")
    add_trunk(world, "brazilian", inbound_country="BR", called_format="national")
    with pytest.raises(InvalidNumber):
        submit(world, "brazilian")
    change(world, "trunks", enabled=False)
    with pytest.raises(CannotBeTested, match="--enabled on"):
        submit(world, tested)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select count(*) from faxes") == 0
    assert not [each for each in world.store.root.rglob("*") if each.is_file()] if world.store.root.exists() else True


def test_a_commit_whose_answer_was_lost_loses_no_page(
    world: World, tested: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL committed and went away before it said so: the rows are there, and name the page."""
    commit, draw = Transaction.commit, trunk_tests._page

    def answer_lost(tx: Transaction) -> None:
        commit(tx)
        raise DatabaseUnavailable("server closed the connection unexpectedly")

    def drawn_and_then(*arguments: Any) -> Any:
        outage.setattr(Transaction, "commit", answer_lost)
        return draw(*arguments)

    with monkeypatch.context() as outage:
        outage.setattr(trunk_tests, "_page", drawn_and_then)
        with pytest.raises(DatabaseUnavailable):
            submit(world, tested)
    with world.switch.across_tenants() as tx:
        (fax,) = trunk_tests.claim(
            tx, node="node1", switch_uuid="switch-1", lease_seconds=60, max_calls=1, actor="switch:node1"
        )
    assert world.opened(fax.rendering.stored)[:2] in (b"II", b"MM")


def test_a_trunk_with_a_waiting_test_stays(world: World, tested: str) -> None:
    submit(world, tested)
    with pytest.raises(ConstraintViolated, match="A test fax waits"), world.admin.across_tenants() as tx:
        trunk_directory.remove(tx, tested)


def test_what_is_wrong_with_a_test_keeps_no_other_fax(
    world: World, tested: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("a row that nobody expected")

    submit(world, tested)
    other = queued(world, world.borea)
    monkeypatch.setattr(trunk_tests, "claim", broken)
    runtime = Runtime(world, monkeypatch)
    runtime.switch.on_originate = lambda call: runtime.switch.ends(call, SENT)
    runtime.run(runtime.final(world.borea, other))
    assert any("a row that nobody expected" in line for line in runtime.switch.logged)


def test_other_faxes_go_their_way_meanwhile(world: World, tested: str, monkeypatch: pytest.MonkeyPatch) -> None:
    test, other = submit(world, tested), queued(world, world.borea)
    runtime = Runtime(world, monkeypatch)
    runtime.switch.on_originate = lambda call: runtime.switch.ends(call, SENT)
    runtime.run(lambda: runtime.final(world.acme, test)() and runtime.final(world.borea, other)())
    assert sorted(call.gateway for call in runtime.switch.originated) == ["carrier", "tested"]


def test_a_test_that_cannot_be_taken_keeps_no_place_from_other_faxes(
    world: World, tested: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At one call a second there is one place at a time, and the test waits for a trunk that is another tenant's."""
    submit(world, tested)
    with world.admin.across_tenants() as tx:
        trunk_directory.change(tx, tested, {"dedicated_to": world.borea.tenant.id})
    other = queued(world, world.borea)
    runtime = Runtime(world, monkeypatch, calls_per_second=1)
    runtime.switch.on_originate = lambda call: runtime.switch.ends(call, SENT)
    runtime.run(runtime.final(world.borea, other))
    assert [call.gateway for call in runtime.switch.originated] == ["carrier"]


def test_a_test_is_one_of_the_calls_that_may_start(world: World, tested: str, monkeypatch: pytest.MonkeyPatch) -> None:
    test, other = submit(world, tested), queued(world, world.borea)
    runtime = Runtime(world, monkeypatch, calls_per_second=1)
    runtime.switch.on_originate = lambda call: runtime.switch.ends(call, SENT)
    runtime.run(lambda: runtime.final(world.acme, test)() and runtime.final(world.borea, other)())
    first, second = runtime.switch.originated
    assert (first.gateway, second.gateway) == ("tested", "carrier")
    # By the clock of the test.
    assert second.at - first.at >= 1


def test_a_page_that_cannot_be_drawn_is_sent_all_the_same(
    world: World, tested: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RenderingFailed("it crashed")

    monkeypatch.setattr(page_images, "make", broken)
    fax_id = submit(world, tested)
    assert taken(world) == [fax_id]
    assert kinds_stored(world) == {"original", "rendering"}
