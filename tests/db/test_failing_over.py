"""What follows a failed call: other trunks, changed rules, what is learned of a number, pages made anew."""

import threading
from dataclasses import replace
from typing import Any

import pytest

from faxplan import (
    destinations,
    failure_changes,
    queue,
    render_jobs,
    renderings,
    settling,
    tenants,
    trunk_health,
)
from faxplan.call_result import CallResult, without_channel
from faxplan.claims import ClaimedFax
from faxplan.destinations import Offered
from faxplan.errors import NotFound
from faxplan.failure_changes import UnknownCondition
from faxplan.failure_rules import Action
from faxplan.journal import Outcome
from tests.faxes import NUMBER, claim, due_now, fax_tiff, queued
from tests.routing import add_route, add_trunk, carrier, change
from tests.world import World

CANNOT_TRAIN, ECM_FAILED, NO_ANSWER_TO_DCS, SIZE_REFUSED = 6, 16, 20, 12
SERVICE_UNAVAILABLE = CallResult("NORMAL_TEMPORARY_FAILURE", sip_code=503, q850_cause=41)
BUSY = CallResult("USER_BUSY", sip_code=486, q850_cause=17)
REFUSED = CallResult("CALL_REJECTED", sip_code=603, q850_cause=21)
CANNOT_BE_DIALLED = without_channel("invalid-number", ended_at=0)


def failed(code: int, *, in_t38: bool, pages: int = 0) -> CallResult:
    status = "negotiated" if in_t38 else "refused"
    return CallResult(
        "NORMAL_CLEARING", sip_code=200, fax_success=False, fax_result_code=code, fax_result_text="why", pages=pages,
        t38_status=status, answered_at=1_750_000_000,
    )  # fmt: skip


def sent(pages: int, *, in_t38: bool) -> CallResult:
    return replace(failed(0, in_t38=in_t38, pages=pages), fax_success=True)


def settle(world: World, fax: ClaimedFax, result: CallResult) -> None:
    assert settling.settle(
        world.switch, Outcome(fax.tenant_id, fax.fax_id, fax.attempt_id, result), None, actor="switch:node1"
    )


def next_call(world: World) -> ClaimedFax:
    """Of the only fax that waits, however long it should."""
    due_now(world)
    (fax,) = claim(world)
    return fax


def waits(world: World) -> float:
    """Seconds until the only fax that waits is due."""
    with world.switch.across_tenants() as tx:
        return float(tx.value("select extract(epoch from not_before - now()) from fax_queue"))


def rest(world: World, trunk: int) -> None:
    for number in range(3):
        with world.switch.across_tenants() as tx:
            trunk_health.failed(tx, trunk, "down", f"{NUMBER}{number}")


def end_rests(world: World) -> None:
    with world.switch.across_tenants() as tx:
        tx.execute("update trunk_states set rests_until = '-infinity', node_rests = '{}'")


def trunk_of(fax: ClaimedFax) -> str | None:
    return fax.trunk.name if fax.trunk else None


def known(world: World) -> list[dict[str, Any]]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return destinations.everyone(tx, world.acme.tenant.id)


def change_rule(world: World, condition: str, action: Action, **values: Any) -> None:
    with world.admin.across_tenants() as tx:
        failure_changes.put(tx, condition, action, **values)


@pytest.fixture
def second(world: World) -> int:
    """Another trunk for every number, after the first."""
    trunk = add_trunk(world, "second")
    add_route(world, "+", trunk, position=200)
    return trunk


class TestTrunks:
    @pytest.mark.parametrize(
        "result",
        [SERVICE_UNAVAILABLE, without_channel("GATEWAY_DOWN", ended_at=0), without_channel("NONE", ended_at=0)],
        ids=lambda result: result.hangup_cause,
    )
    @pytest.mark.usefixtures("second")
    def test_a_trunks_fault_goes_to_the_next_at_once_and_back_to_the_first_later(
        self, world: World, result: CallResult
    ) -> None:
        fax_id = queued(world, world.acme)
        first = next_call(world)
        settle(world, first, result)
        assert waits(world) <= 0
        again = next_call(world)
        assert (trunk_of(first), trunk_of(again)) == ("carrier", "second")
        settle(world, again, result)
        assert 55 < waits(world) <= 60
        end_rests(world)
        assert trunk_of(next_call(world)) == "carrier"
        fax = world.fax(world.acme, fax_id)
        assert (fax["attempts_made"], fax["uncounted"]) == (3, 2)
        rules = [(call["trunk"], call["rule"]) for call in world.attempts(world.acme, fax_id)]
        assert rules == [("carrier", "trunk-fault"), ("second", "trunk-fault"), ("carrier", None)]

    @pytest.mark.usefixtures("second")
    def test_a_telephone_that_rang_is_left_alone_and_then_called_through_another(self, world: World) -> None:
        """Some trunks say that it rings before they know: such a one is not taken for one that works, either."""
        fax_id = queued(world, world.acme)
        settle(world, next_call(world), replace(SERVICE_UNAVAILABLE, rang=True, progress_at=1.0))
        assert 595 < waits(world) <= 600
        with world.switch.across_tenants() as tx:
            assert tx.value("select count(last_success_at) from trunk_states") == 0
        again = next_call(world)
        assert trunk_of(again) == "second"
        settle(world, again, replace(SERVICE_UNAVAILABLE, rang=True, progress_at=1.0))
        assert trunk_of(next_call(world)) == "carrier"
        fax = world.fax(world.acme, fax_id)
        assert (fax["attempts_made"], fax["uncounted"]) == (3, 0)

    def test_with_one_trunk_it_is_called_through_that_again(self, world: World) -> None:
        queued(world, world.acme)
        settle(world, next_call(world), replace(SERVICE_UNAVAILABLE, rang=True))
        assert trunk_of(next_call(world)) == "carrier"

    def full_second(self, world: World) -> None:
        """Another trunk, whose only place somebody has."""
        add_route(world, "+", add_trunk(world, "second", max_calls=1), position=200)
        queued(world, world.borea)
        claim(world)
        with world.switch.across_tenants() as tx:
            tx.execute("update calls set trunk_id = (select id from trunks where name = 'second')")

    def five_seconds_later(self, world: World) -> None:
        with world.switch.across_tenants() as tx:
            tx.execute("update fax_queue set not_before = not_before - interval '5 s'")

    def test_while_the_next_trunk_is_full_the_failed_one_is_asked_at_growing_distances(self, world: World) -> None:
        self.full_second(world)
        fax_id = queued(world, world.acme)
        distances = []
        for _ in range(4):
            while not (faxes := claim(world)):
                self.five_seconds_later(world)
            assert [trunk_of(fax) for fax in faxes] == ["carrier"]
            settle(world, faxes[0], SERVICE_UNAVAILABLE)
            distances.append(round(waits(world) / 60))
        # At once to the other one; that has no room, and the fax comes back: then no trunk can take it.
        assert distances == [0, 1, 0, 2]
        assert world.fax(world.acme, fax_id)["uncounted"] == 4

    def test_a_refused_call_waits_for_the_trunk_that_has_not_refused_it(self, world: World) -> None:
        self.full_second(world)
        fax_id = queued(world, world.acme)
        (fax,) = claim(world)
        settle(world, fax, REFUSED)
        for _ in range(30):
            assert claim(world) == []
            self.five_seconds_later(world)
        with world.switch.across_tenants() as tx:
            tx.execute("delete from calls")
            tx.execute("update fax_queue set not_before = now()")
        (again,) = claim(world)
        assert trunk_of(again) == "second"
        settle(world, again, REFUSED)
        assert world.fax(world.acme, fax_id)["state"] == "failed"

    @pytest.mark.usefixtures("second")
    def test_a_busy_line_is_dialled_once_and_through_the_first_again(self, world: World) -> None:
        queued(world, world.acme)
        settle(world, next_call(world), BUSY)
        assert 235 < waits(world) <= 240
        assert trunk_of(next_call(world)) == "carrier"

    @pytest.mark.usefixtures("second")
    def test_a_refused_call_is_final_after_one_other_trunk(self, world: World) -> None:
        add_route(world, "+", add_trunk(world, "third"), position=300)
        fax_id = queued(world, world.acme)
        settle(world, next_call(world), REFUSED)
        settle(world, next_call(world), REFUSED)
        fax = world.fax(world.acme, fax_id)
        assert (fax["state"], fax["error_id"]) == ("failed", "CALL_REJECTED")
        assert [call["trunk"] for call in world.attempts(world.acme, fax_id)] == ["carrier", "second"]

    @pytest.mark.usefixtures("second")
    def test_a_refusal_after_another_trunks_fault_is_the_first_one(self, world: World) -> None:
        add_route(world, "+", add_trunk(world, "third"), position=300)
        fax_id = queued(world, world.acme)
        settle(world, next_call(world), SERVICE_UNAVAILABLE)
        settle(world, next_call(world), REFUSED)
        third = next_call(world)
        assert trunk_of(third) == "third"
        settle(world, third, REFUSED)
        assert world.fax(world.acme, fax_id)["state"] == "failed"

    @pytest.fixture
    def brazilian(self, world: World) -> int:
        """A second trunk that can write no German number."""
        trunk = add_trunk(world, "brazilian", inbound_country="BR", called_format="national")
        add_route(world, "+", trunk, position=200)
        return trunk

    @pytest.mark.usefixtures("brazilian")
    def test_what_one_trunk_cannot_dial_waits_for_the_one_that_is_down(self, world: World) -> None:
        fax_id = queued(world, world.acme)
        settle(world, next_call(world), SERVICE_UNAVAILABLE)
        settle(world, next_call(world), CANNOT_BE_DIALLED)
        assert 55 < waits(world) <= 60
        # And the one that cannot is not asked again, however often the other fails.
        for _ in range(3):
            again = next_call(world)
            assert trunk_of(again) == "carrier"
            settle(world, again, SERVICE_UNAVAILABLE)
        fax = world.fax(world.acme, fax_id)
        assert (fax["state"], fax["attempts_made"] - fax["uncounted"]) == ("queued", 0)

    @pytest.mark.usefixtures("brazilian")
    @pytest.mark.parametrize("first", [CANNOT_BE_DIALLED, REFUSED])
    def test_or_for_one_that_rests(self, world: World, first: CallResult) -> None:
        rest(world, carrier(world))
        fax_id = queued(world, world.acme)
        fax = next_call(world)
        assert trunk_of(fax) == "brazilian"
        settle(world, fax, first)
        assert world.fax(world.acme, fax_id)["state"] == "queued"
        end_rests(world)
        again = next_call(world)
        assert trunk_of(again) == "carrier"
        settle(world, again, REFUSED)
        assert world.fax(world.acme, fax_id)["state"] == "failed"

    @pytest.mark.usefixtures("brazilian")
    def test_what_no_trunk_can_dial_is_final(self, world: World) -> None:
        fax_id = queued(world, world.acme)
        settle(world, next_call(world), CANNOT_BE_DIALLED)
        settle(world, next_call(world), CANNOT_BE_DIALLED)
        assert world.fax(world.acme, fax_id)["state"] == "failed"

    def test_a_trunk_that_rests_is_not_gone_to(self, world: World, second: int) -> None:
        queued(world, world.acme)
        fax = next_call(world)
        rest(world, second)
        settle(world, fax, SERVICE_UNAVAILABLE)
        assert waits(world) > 50

    def test_what_it_told_stands_at_the_trunk(self, world: World) -> None:
        queued(world, world.acme)
        settle(world, next_call(world), SERVICE_UNAVAILABLE)
        with world.admin.across_tenants() as tx:
            (state,) = trunk_health.everyone(tx)
        assert state["failures"] == 1
        # Not what follows for that fax.
        assert state["last_failure"] == "The trunk could not take the call (SIP 503)."
        settle(world, next_call(world), BUSY)
        with world.admin.across_tenants() as tx:
            (state,) = trunk_health.everyone(tx)
        assert (state["failures"], state["last_success_at"] is not None) == (0, True)

    def test_a_switch_that_is_paused_is_no_trunks_fault(self, world: World) -> None:
        queued(world, world.acme)
        settle(world, next_call(world), without_channel("DESTINATION_OUT_OF_ORDER", ended_at=0))
        with world.admin.across_tenants() as tx:
            assert trunk_health.everyone(tx)[0]["failures"] == 0

    def test_what_a_trunk_forbids_is_final_once_it_has_taken_others(self, world: World) -> None:
        forbidden = CallResult("CALL_REJECTED", sip_code=403, q850_cause=21)
        fax_id = queued(world, world.acme)
        for _ in range(3):
            settle(world, next_call(world), forbidden)
            assert 890 < waits(world) <= 900
        other = queued(world, world.borea, number="+493011111111")
        due_now(world)
        first, second = claim(world)
        mine, others = (second, first) if first.fax_id == other else (first, second)
        settle(world, others, BUSY)
        settle(world, mine, forbidden)
        fax = world.fax(world.acme, fax_id)
        assert (fax["state"], fax["uncounted"]) == ("failed", 3)
        assert "other calls" in str(fax["explanation"])

    def test_a_trunk_that_forbids_everything_fails_no_queue(self, world: World) -> None:
        """A carrier that has closed the account says so of every call."""
        faxes = [queued(world, world.acme, number=f"{NUMBER}{number}") for number in range(4)]
        for _ in range(3):
            due_now(world)
            for fax in claim(world):
                settle(world, fax, CallResult("CALL_REJECTED", sip_code=403, q850_cause=21))
            end_rests(world)
        assert {str(world.fax(world.acme, fax_id)["state"]) for fax_id in faxes} == {"queued"}

    @pytest.mark.usefixtures("second")
    def test_a_gateway_that_the_switch_does_not_know_yet_costs_no_try_and_little_time(self, world: World) -> None:
        fax_id = queued(world, world.acme)
        unknown = without_channel("INVALID_GATEWAY", ended_at=0)
        settle(world, next_call(world), unknown)
        again = next_call(world)
        assert trunk_of(again) == "second"
        settle(world, again, unknown)
        assert 10 < waits(world) <= 15
        fax = world.fax(world.acme, fax_id)
        assert fax["attempts_made"] == fax["uncounted"]

    def test_calls_to_one_dead_number_let_no_trunk_rest(self, world: World) -> None:
        queued(world, world.acme)
        for _ in range(3):
            settle(world, next_call(world), CallResult("DESTINATION_OUT_OF_ORDER", sip_code=502, q850_cause=27))
        queued(world, world.borea, number="+493011111111")
        assert claim(world, 1) != []

    def test_a_gateway_that_one_node_cannot_reach_takes_the_calls_of_another(self, world: World) -> None:
        for number in range(4):
            queued(world, world.acme, number=f"{NUMBER}{number}")
        for fax in claim(world, 3, node="node2"):
            settle(world, fax, without_channel("GATEWAY_DOWN", ended_at=0))
        due_now(world)
        assert claim(world, node="node2") == []
        assert len(claim(world, node="node1")) == 4


class TestChangedRules:
    @pytest.mark.usefixtures("second")
    def test_what_goes_on_through_another_trunk_uses_up_none_of_a_rules_times(self, world: World) -> None:
        """488: next trunk, then again twice."""
        incompatible = CallResult("INCOMPATIBLE_DESTINATION", sip_code=488, q850_cause=88)
        fax_id = queued(world, world.acme)
        for _ in range(3):
            assert world.fax(world.acme, fax_id)["state"] == "queued"
            for _ in ("carrier", "second"):
                settle(world, next_call(world), incompatible)
        assert world.fax(world.acme, fax_id)["state"] == "failed"
        assert len(world.attempts(world.acme, fax_id)) == 6

    def test_the_administrators_decision_counts_the_nearest_scope_first(self, world: World) -> None:
        change_rule(world, "cause:USER_BUSY", Action.RETRY, delay=1000)
        change_rule(world, "sip:486", Action.RETRY, delay=700, only_for=world.acme.tenant.id)
        queued(world, world.acme)
        settle(world, next_call(world), BUSY)
        assert 695 < waits(world) <= 700
        change_rule(world, "sip:486", Action.FINAL, only_for=world.acme.tenant.id, trunk_id=carrier(world))
        fax = next_call(world)
        settle(world, fax, BUSY)
        assert world.fax(world.acme, fax.fax_id)["state"] == "failed"

    def test_another_tenants_and_another_trunks_do_not_count(self, world: World, second: int) -> None:
        change_rule(world, "sip:486", Action.FINAL, only_for=world.borea.tenant.id)
        change_rule(world, "sip:486", Action.FINAL, trunk_id=second)
        queued(world, world.acme)
        settle(world, next_call(world), BUSY)
        assert waits(world) > 200

    def test_a_change_is_taken_back(self, world: World) -> None:
        change_rule(world, "sip:486", Action.FINAL)
        with world.admin.across_tenants() as tx:
            failure_changes.reset(tx, "sip:486")
            assert failure_changes.everyone(tx) == []
            with pytest.raises(NotFound):
                failure_changes.reset(tx, "sip:486")

    @pytest.mark.parametrize("condition", ["sip:200", "sip:abc", "fax:99", "cause:NOTHING", "busy", ""])
    def test_what_no_call_ends_with_is_refused(self, world: World, condition: str) -> None:
        with pytest.raises(UnknownCondition):
            change_rule(world, condition, Action.FINAL)

    def test_a_voice_that_answers_is_dialled_once_more_and_not_again(self, world: World) -> None:
        fax_id = queued(world, world.acme)
        settle(world, next_call(world), failed(3, in_t38=False))
        assert waits(world) > 3500
        settle(world, next_call(world), failed(3, in_t38=False))
        assert world.fax(world.acme, fax_id)["state"] == "failed"


HUNG_UP = replace(failed(49, in_t38=False), t38_status=None, q850_cause=16)


def started(world: World, fax: ClaimedFax) -> None:
    """The far machine was heard."""
    with world.switch.tenant(fax.tenant_id) as tx:
        queue.mark_sending(tx, fax.tenant_id, fax.fax_id)


class TestAPersonAnswers:
    """LESSONS 7: and hangs up at once."""

    def test_is_dialled_once_more_an_hour_later_and_not_again(self, world: World) -> None:
        fax_id = queued(world, world.acme)
        settle(world, next_call(world), HUNG_UP)
        assert waits(world) > 3500
        settle(world, next_call(world), HUNG_UP)
        assert world.fax(world.acme, fax_id)["state"] == "failed"
        assert [call["rule"] for call in world.attempts(world.acme, fax_id)] == ["no-fax", "no-fax"]

    @pytest.mark.parametrize(
        "result",
        [
            replace(HUNG_UP, remote_station_id="+49 30 1"),
            replace(HUNG_UP, remote_vendor="Canon"),
            replace(HUNG_UP, pages=1),
            replace(HUNG_UP, t38_status="negotiated"),
            replace(HUNG_UP, hangup_cause="SYSTEM_SHUTDOWN"),
        ],
    )
    def test_not_where_a_machine_was_heard_or_another_hung_up(self, world: World, result: CallResult) -> None:
        queued(world, world.acme)
        settle(world, next_call(world), result)
        assert waits(world) <= 60

    def test_nor_where_the_transmission_had_begun(self, world: World) -> None:
        queued(world, world.acme)
        fax = next_call(world)
        started(world, fax)
        settle(world, fax, HUNG_UP)
        assert waits(world) <= 60

    def test_nor_where_an_earlier_call_brought_a_page_over(self, world: World) -> None:
        queued(world, world.acme)
        settle(world, next_call(world), replace(HUNG_UP, pages=1))
        settle(world, next_call(world), HUNG_UP)
        assert waits(world) <= 60

    def test_t38_that_we_asked_for_shows_no_machine_and_is_left_out_of_the_call_that_follows(
        self, world: World
    ) -> None:
        change(world, "trunks", t38_request="sender")
        queued(world, world.acme)
        settle(world, next_call(world), replace(HUNG_UP, t38_status="negotiated"))
        assert waits(world) > 3500
        assert not next_call(world).t38
        assert known(world) == []

    def test_an_administrators_rule_for_the_code_counts(self, world: World) -> None:
        change_rule(world, "fax:49", Action.RETRY, delay=90)
        queued(world, world.acme)
        settle(world, next_call(world), HUNG_UP)
        assert 60 < waits(world) <= 90
        change_rule(world, "cause:no-machine", Action.FINAL)
        fax = next_call(world)
        settle(world, fax, HUNG_UP)
        assert world.fax(world.acme, fax.fax_id)["state"] == "failed"


class TestLearning:
    """LESSONS 6."""

    def test_two_failures_in_t38_and_then_audio(self, world: World) -> None:
        queued(world, world.acme)
        offered = []
        for code in (NO_ANSWER_TO_DCS, CANNOT_TRAIN):
            fax = next_call(world)
            offered.append((fax.t38, fax.v17, fax.ecm))
            settle(world, fax, failed(code, in_t38=True))
        fax = next_call(world)
        offered.append((fax.t38, fax.v17, fax.ecm))
        assert offered == [(True, True, True), (True, False, True), (False, True, True)]
        (entry,) = known(world)
        assert (entry["number"], entry["t38_off"], entry["v17_off"]) == (NUMBER, True, False)
        assert (entry["entered_by"], entry["why"]) == ("learned", "why")
        settle(world, fax, sent(3, in_t38=False))
        # The next fax begins where this one came to.
        queued(world, world.acme)
        fax = next_call(world)
        assert (fax.t38, fax.v17, fax.ecm) == (False, True, True)

    def test_a_failure_in_audio_teaches_nothing(self, world: World) -> None:
        queued(world, world.acme)
        for _ in range(3):
            settle(world, next_call(world), failed(CANNOT_TRAIN, in_t38=False))
        assert known(world) == []
        fax = next_call(world)
        assert (fax.t38, fax.v17, fax.ecm) == (True, False, False)

    @pytest.mark.parametrize(
        "result", [BUSY, SERVICE_UNAVAILABLE, failed(49, in_t38=True, pages=1), failed(3, in_t38=True)]
    )
    def test_neither_does_a_call_that_failed_for_another_reason(self, world: World, result: CallResult) -> None:
        queued(world, world.acme)
        for _ in range(2):
            settle(world, next_call(world), result)
            assert known(world) == []
            with world.switch.across_tenants() as tx:
                tx.execute("update fax_queue set tried = '{}'")

    def test_two_calls_that_broke_off_in_t38_before_a_page_came_over_do(self, world: World) -> None:
        """So ends T.38 on a line that loses too many packets."""
        queued(world, world.acme)
        for _ in range(2):
            settle(world, next_call(world), failed(49, in_t38=True))
        fax = next_call(world)
        assert (fax.t38, fax.v17, fax.ecm) == (False, True, True)

    def test_also_where_an_administrator_changed_when_they_are_dialled_again(self, world: World) -> None:
        change_rule(world, "fax:49", Action.RETRY, delay=90)
        queued(world, world.acme)
        for _ in range(2):
            settle(world, next_call(world), failed(49, in_t38=True))
        assert [entry["t38_off"] for entry in known(world)] == [True]

    def test_a_success_in_t38_forgets_the_failure_before(self, world: World) -> None:
        queued(world, world.acme)
        settle(world, next_call(world), failed(NO_ANSWER_TO_DCS, in_t38=True))
        assert [entry["t38_failures"] for entry in known(world)] == [1]
        settle(world, next_call(world), sent(3, in_t38=True))
        (entry,) = known(world)
        # V.17 was off in the call that succeeded, and on in the one that failed.
        assert (entry["t38_off"], entry["v17_off"], entry["t38_failures"]) == (False, True, 0)

    def test_ecm_goes_first_where_ecm_failed(self, world: World) -> None:
        queued(world, world.acme)
        settle(world, next_call(world), failed(ECM_FAILED, in_t38=False))
        fax = next_call(world)
        assert (fax.v17, fax.ecm) == (True, False)
        settle(world, fax, sent(3, in_t38=False))
        (entry,) = known(world)
        assert (entry["ecm_off"], entry["v17_off"], entry["t38_off"]) == (True, False, False)

    def test_it_expires_and_is_learned_anew(self, world: World) -> None:
        queued(world, world.acme)
        for _ in range(2):
            settle(world, next_call(world), failed(CANNOT_TRAIN, in_t38=True))
        with world.portal.tenant(world.acme.tenant.id) as tx:
            days = tx.value("select round(extract(epoch from expires_at - now()) / 86400) from destinations")
            assert days == destinations.LEARNED_DAYS
            tx.execute("update destinations set expires_at = now()")
        assert known(world) == []
        with world.switch.tenant(world.acme.tenant.id) as tx:
            tx.execute("update faxes set t38_off = false")
        settle(world, next_call(world), failed(CANNOT_TRAIN, in_t38=True))
        assert [(entry["t38_failures"], entry["t38_off"]) for entry in known(world)] == [(1, False)]

    def test_what_somebody_entered_stays_until_somebody_takes_it_away(self, world: World) -> None:
        tenant_id = world.acme.tenant.id
        with world.portal.tenant(tenant_id) as tx:
            destinations.put(
                tx, tenant_id, NUMBER, Offered(t38=False, v17=True, ecm=True), entered_by="user:1", why="they asked"
            )
        queued(world, world.acme)
        settle(world, next_call(world), sent(3, in_t38=False))
        (entry,) = known(world)
        assert (entry["t38_off"], entry["entered_by"], entry["expires_at"]) == (True, "user:1", None)
        with world.portal.tenant(tenant_id) as tx:
            destinations.forget(tx, tenant_id, NUMBER)
            with pytest.raises(NotFound):
                destinations.forget(tx, tenant_id, NUMBER)

    @pytest.mark.parametrize("days", [None, 90])
    def test_calls_teach_nothing_over_what_somebody_entered(self, world: World, days: int | None) -> None:
        tenant_id, no_ecm = world.acme.tenant.id, Offered(t38=True, v17=True, ecm=False)
        with world.portal.tenant(tenant_id) as tx:
            destinations.put(tx, tenant_id, NUMBER, no_ecm, entered_by="user:1", days=days)
        before = known(world)
        queued(world, world.acme)
        for _ in range(3):
            settle(world, next_call(world), failed(CANNOT_TRAIN, in_t38=True))
        # This fax goes with less all the same.
        last = next_call(world)
        assert (last.t38, last.ecm) == (False, False)
        settle(world, last, sent(3, in_t38=False))
        assert known(world) == before

    def test_what_somebody_entered_and_has_expired_is_learned_over(self, world: World) -> None:
        tenant_id, no_v17 = world.acme.tenant.id, Offered(t38=True, v17=False, ecm=True)
        with world.portal.tenant(tenant_id) as tx:
            destinations.put(tx, tenant_id, NUMBER, no_v17, entered_by="user:1", days=1)
            tx.execute("update destinations set expires_at = now()")
        queued(world, world.acme)
        settle(world, next_call(world), failed(ECM_FAILED, in_t38=False))
        settle(world, next_call(world), sent(3, in_t38=False))
        (entry,) = known(world)
        assert (entry["entered_by"], entry["v17_off"], entry["ecm_off"]) == ("learned", False, True)

    def test_one_tenants_calls_teach_another_nothing(self, world: World) -> None:
        queued(world, world.acme)
        for _ in range(2):
            settle(world, next_call(world), failed(CANNOT_TRAIN, in_t38=True))
        next_call(world)
        queued(world, world.borea)
        assert next_call(world).t38


class TestRenderedAgain:
    def test_pages_that_were_refused_are_made_anew_and_the_rest_is_sent(self, world: World) -> None:
        fax_id = queued(world, world.acme, pages=3)
        fax = next_call(world)
        settle(world, fax, failed(SIZE_REFUSED, in_t38=True, pages=1))
        row = world.fax(world.acme, fax_id)
        assert (row["state"], row["resolution"], row["pages_done"]) == ("accepted", "fine-a4", 1)
        world.render_all()
        again = next_call(world)
        assert (again.start_page, again.pages) == (1, 3)
        assert again.rendering.stored.object_name != fax.rendering.stored.object_name
        settle(world, again, failed(SIZE_REFUSED, in_t38=True))
        assert world.fax(world.acme, fax_id)["state"] == "failed"

    def test_what_was_made_anew_for_one_fax_serves_another(self, world: World) -> None:
        fax_id = queued(world, world.acme)
        settle(world, next_call(world), failed(SIZE_REFUSED, in_t38=True))
        world.render_all()
        made = next_call(world)
        settle(world, made, BUSY)
        with world.switch.tenant(world.acme.tenant.id) as tx:
            fax = queue.lock_fax(tx, world.acme.tenant.id, fax_id)
            assert fax is not None
            queue.withdraw(tx, world.acme.tenant.id, fax_id)
            renderings.render_again(tx, fax, 0, "once more")
        assert world.fax(world.acme, fax_id)["state"] == "queued"
        assert next_call(world).rendering == made.rendering

    @pytest.mark.parametrize("made", [True, False])
    def test_a_fax_that_begins_to_wait_as_its_pages_are_finished_is_not_forgotten(
        self, world: World, made: bool
    ) -> None:
        tenant_id = world.acme.tenant.id
        fax_id = queued(world, world.acme)
        settle(world, next_call(world), failed(SIZE_REFUSED, in_t38=True))
        with world.worker.across_tenants() as tx:
            job = render_jobs.claim(tx, worker="test", lease_seconds=60)
        assert job is not None
        # Another fax of the same document, whose number refuses the pages as well.
        with world.switch.tenant(tenant_id) as tx:
            original = tx.value("select rendering_id from faxes where id = %s", (fax_id,))
            tx.execute("update faxes set state = 'queued', rendering_id = %s where id = %s", (original - 1, fax_id))
        page = fax_tiff(world.settings.state_dir.parent / "anew.tif", 3)
        sealed = renderings.Rendered([world.seal(page, world.acme)], 3)

        def finish() -> None:
            if made:
                renderings.finished(world.worker, job, "test", sealed)
            else:
                renderings.failed(world.worker, job, "test", NotFound("no such document"))

        worker = threading.Thread(target=finish)
        with world.switch.tenant(tenant_id) as tx:
            fax = queue.lock_fax(tx, tenant_id, fax_id)
            assert fax is not None
            renderings.render_again(tx, fax, 0, "once more")
            worker.start()
            # Either it waits for us, or it is done before we are.
            waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
            while worker.is_alive() and not tx.value(waiting):
                worker.join(0.05)
        worker.join()
        assert world.fax(world.acme, fax_id)["state"] == ("queued" if made else "failed")


def test_us_rules_count_calls_whose_end_nobody_told(world: World) -> None:
    with world.admin.across_tenants() as tx:
        tenants.change(tx, world.acme.tenant.id, {"redial_limits": "us"})
    queued(world, world.acme)
    delays = []
    for _ in range(3):
        fax = next_call(world)
        call = {"tenant_id": fax.tenant_id, "fax_id": fax.fax_id, "attempt_id": fax.attempt_id}
        assert settling.settle_unknown(world.switch, call, actor="switch:node1")
        delays.append(round(waits(world) / 60))
    assert delays == [1, 60, 1]


def test_us_rules_give_a_number_an_hours_rest(world: World) -> None:
    with world.admin.across_tenants() as tx:
        tenants.change(tx, world.acme.tenant.id, {"redial_limits": "us"})
    queued(world, world.acme)
    delays = []
    for _ in range(3):
        settle(world, next_call(world), CallResult("NO_ANSWER", sip_code=480))
        delays.append(round(waits(world) / 60))
    assert delays == [10, 60, 10]
