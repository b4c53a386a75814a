"""Numbers that a tenant may not call: refused as they are handed in, and once more as they are to be dialled."""

from collections.abc import Callable
from pathlib import Path

import pytest
from psycopg2.errors import InsufficientPrivilege

from faxplan import (
    barring_provisioning,
    doctor_database,
    outbound,
    refused_numbers,
    route_explanation,
    routes,
    tenants,
    trunk_tests,
)
from faxplan.call_result import CallResult
from faxplan.caller_ids import ForeignCallerId
from faxplan.constraints import ConstraintViolated
from faxplan.errors import FaxplanError, InvalidNumber, NoRoute, NotFound, QuotaExceeded
from faxplan.findings import Finding, Level
from faxplan.number_policy import InvalidEntry, KindBarred, NumberBlocked, NumberNotAllowed
from faxplan.outbound import SendRequest
from faxplan.short_numbers import EmergencyNumber, ShortNumber
from tests.faxes import NUMBER, audited, claim, due_now, fax_tiff, noticed, queued
from tests.hostile import NUMBERS
from tests.routing import add_trunk, change
from tests.runtime import SENT, Runtime
from tests.world import World

OPERATOR = "system:admin"
PREMIUM = "0900 1123456"
PREMIUM_E164 = "+499001123456"


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.txt"
    path.write_text("One.\n")
    return path


@pytest.fixture
def runtime(world: World, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    made = Runtime(world, monkeypatch)
    made.switch.on_originate = lambda call: made.switch.ends(call, SENT)
    return made


def submit(world: World, letter: Path, number: str) -> int:
    return outbound.submit(world.portal, world.store, world.acme.user, SendRequest(number, letter, "letter.txt")).fax_id


def refusals(world: World) -> list[tuple[str, str, str, str]]:
    """Actor, action, number and reason of what acme's users were refused."""
    with world.portal.tenant(world.acme.tenant.id) as tx:
        rows = tx.rows("select * from audit where result = 'refused' order by sequence")
    return [(row["actor"], row["action"], row["object"], row["details"]["reason"]) for row in rows]


def bar(world: World, *, allow: str = "", block: str = "") -> None:
    for each in allow.split():
        barring_provisioning.allow(world.admin, OPERATOR, "acme", each)
    for each in block.split():
        barring_provisioning.block(world.admin, OPERATOR, "acme", each)


def route_bar(world: World) -> None:
    with world.admin.across_tenants() as tx:
        routes.add(tx, "+4930", None)


def us_trunk(world: World) -> None:
    change(world, "trunks", inbound_country="US", called_format="e164-no-plus")


NOTHING: Callable[[World], None] = lambda _: None  # noqa: E731 - a line of the table below


@pytest.mark.parametrize(
    ("given", "number", "error", "reason"),
    [
        (NOTHING, "112", EmergencyNumber, "emergency-number"),
        (NOTHING, "0 110", EmergencyNumber, "emergency-number"),
        (NOTHING, "11880", ShortNumber, "short-number"),
        (NOTHING, "+49 118 80", ShortNumber, "short-number"),
        (NOTHING, PREMIUM, KindBarred, "kind-barred"),
        (NOTHING, "+881 6 12345678", KindBarred, "kind-barred"),
        (lambda world: bar(world, block="+4930"), "030 23125 002", NumberBlocked, "number-blocked"),
        (lambda world: bar(world, allow="AT CH"), "030 23125 002", NumberNotAllowed, "number-not-allowed"),
        (route_bar, "030 23125 002", NoRoute, "no-route"),
    ],
)
def test_what_may_not_be_called_is_refused_and_leaves_nothing_but_who_tried(
    world: World, letter: Path, given: Callable[[World], None], number: str, error: type[FaxplanError], reason: str
) -> None:
    given(world)
    with pytest.raises(error):
        submit(world, letter, number)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        for table in ("faxes", "documents", "renderings", "render_jobs", "fax_queue", "notices"):
            assert tx.value(f"select count(*) from {table}") == 0
    assert not world.stored()
    assert refusals(world) == [(f"user:{world.acme.user.id}", "fax.submit", f"number:{number}", reason)]


def test_a_slip_of_the_pen_is_no_refusal(world: World, letter: Path) -> None:
    for written in ("abc", "12345678901234567890", "030 23125002w", ""):
        with pytest.raises(InvalidNumber):
            submit(world, letter, written)
    assert refusals(world) == []


@pytest.mark.parametrize("number", NUMBERS, ids=range(len(NUMBERS)))
def test_a_hostile_number_is_refused_and_leaves_no_fax(world: World, letter: Path, number: str) -> None:
    with pytest.raises(FaxplanError):
        submit(world, letter, number)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select count(*) from faxes") == 0
    assert not world.stored()


def test_a_short_number_to_call_as_is_no_number_that_was_tried(world: World, letter: Path) -> None:
    request = SendRequest("030 23125002", letter, "letter.txt", calling="112")
    with pytest.raises(ForeignCallerId, match="no number to call as"):
        outbound.submit(world.portal, world.store, world.acme.user, request)
    assert refusals(world) == []


def test_what_a_user_writes_is_kept_as_ascii_without_what_follows_the_answer(world: World, letter: Path) -> None:
    bar(world, block="+")
    with pytest.raises(NumberBlocked) as refused:
        submit(world, letter, " (0)30 23125002\N{NO-BREAK SPACE}w4711")
    assert "4711" not in str(refused.value)
    ((_, _, shown, _),) = refusals(world)
    assert shown == "number:(0)30 23125002"


def test_a_short_number_is_refused_before_and_after_a_trunks_rewriting_whatever_is_permitted(
    world: World, letter: Path
) -> None:
    with world.admin.across_tenants() as tx:
        tx.execute("update tenants set permitted_kinds = '{premium-rate,shared-cost,personal,satellite}'")
        tx.execute("update tenants set allowed_numbers = '{+}' where id = %s", (world.acme.tenant.id,))
    change(world, "trunks", called_format="national", inbound_country="US")
    with pytest.raises(EmergencyNumber):
        submit(world, letter, "+1 911 234 5678")
    assert refusals(world)[0][3] == "emergency-number"


def test_a_prefix_leads_no_way_round_that(world: World, letter: Path) -> None:
    change(world, "trunks", called_format="e164-no-plus", called_prefix="11")
    with pytest.raises(EmergencyNumber):
        submit(world, letter, "+20 10 12345678")
    assert refusals(world)[0][3] == "emergency-number"
    assert submit(world, letter, "+33 1 23 45 67 89")


def test_a_kind_is_permitted_by_the_operator_and_audited(world: World, letter: Path) -> None:
    barring_provisioning.permit(world.admin, OPERATOR, "acme", "premium-rate", permitted=True)
    assert submit(world, letter, PREMIUM)
    barring_provisioning.permit(world.admin, OPERATOR, "acme", "premium-rate", permitted=False)
    with pytest.raises(KindBarred):
        submit(world, letter, PREMIUM)
    with world.admin.across_tenants() as tx:
        acts = tx.rows(
            "select actor, action, object, details from audit where action like 'barring%%' order by sequence"
        )
    of_acme = f"tenant:{world.acme.tenant.id}"
    assert [tuple(act.values()) for act in acts] == [
        (OPERATOR, "barring.permit", of_acme, {"kind": "premium-rate"}),
        (OPERATOR, "barring.forbid", of_acme, {"kind": "premium-rate"}),
    ]


@pytest.mark.parametrize("role", ["portal", "switch", "worker"])
def test_nobody_but_the_operator_can_permit_anything(world: World, role: str) -> None:
    with pytest.raises(InsufficientPrivilege), getattr(world, role).tenant(world.acme.tenant.id) as tx:
        tenants.permit(tx, world.acme.tenant.id, "premium-rate", permitted=True)
    with pytest.raises(InsufficientPrivilege), getattr(world, role).tenant(world.acme.tenant.id) as tx:
        tenants.list_number(tx, world.acme.tenant.id, "+", allowed=True, blocked=False)


def test_an_entry_stands_in_one_list(world: World, letter: Path) -> None:
    bar(world, block="+4930")
    bar(world, allow="+49-30")
    assert submit(world, letter, "030 23125002")
    with pytest.raises(NumberNotAllowed):
        submit(world, letter, "040 123456")
    barring_provisioning.remove(world.admin, OPERATOR, "acme", "+4930")
    assert submit(world, letter, "040 123456")
    with pytest.raises(NotFound, match="no entry"):
        barring_provisioning.remove(world.admin, OPERATOR, "acme", "+4930")
    with pytest.raises(InvalidEntry):
        bar(world, allow="${x}")


def test_a_list_has_an_end_and_a_form(world: World) -> None:
    with world.admin.across_tenants() as tx:
        many = [f"+1{number}" for number in range(1000)]
        tx.execute("update tenants set blocked_numbers = %s", (many,))
    with pytest.raises(ConstraintViolated, match="at most 1000"):
        bar(world, block="+49")
    for wrong in ("49", "+0", "+49 30", "de", "+49,"):
        with pytest.raises(ConstraintViolated), world.admin.across_tenants() as tx:
            tx.execute("update tenants set allowed_numbers = %s", ([wrong],))


def test_a_test_of_a_trunk_calls_no_other_numbers(world: World) -> None:
    add_trunk(world, "tested")
    for number, error in ((PREMIUM, KindBarred), ("11880", ShortNumber)):
        with pytest.raises(error):
            trunk_tests.submit(world.portal, world.store, world.acme.user, "tested", number)
    assert [refusal[1:] for refusal in refusals(world)] == [
        ("trunk.test", f"number:{PREMIUM}", "kind-barred"),
        ("trunk.test", "number:11880", "short-number"),
    ]


@pytest.mark.parametrize(
    ("meanwhile", "number", "error_id", "words"),
    [
        (lambda world: bar(world, block="+4930"), NUMBER, "number-blocked", "may not call this number any more"),
        (lambda world: bar(world, allow="US"), NUMBER, "number-not-allowed", "may not call this number any more"),
        (NOTHING, PREMIUM_E164, "kind-barred", "may not call this number any more"),
        (us_trunk, "+911", "emergency-number", "an emergency number or a short code"),
        (us_trunk, "+11880", "short-number", "an emergency number or a short code"),
    ],
)
def test_what_became_barred_after_it_was_handed_in_is_not_dialled(
    world: World,
    runtime: Runtime,
    meanwhile: Callable[[World], None],
    number: str,
    error_id: str,
    words: str,
) -> None:
    fax_id = queued(world, world.acme, number=number)
    meanwhile(world)
    runtime.run(runtime.final(world.acme, fax_id))
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["error_id"], fax["pages_done"]) == ("failed", error_id, 0)
    assert words in str(fax["explanation"])
    assert runtime.switch.originated == []
    assert noticed(world, world.acme) == ["failed"]
    assert not [*world.spool.outbound.iterdir()]


def test_another_trunk_that_dials_it_otherwise_takes_it(world: World, runtime: Runtime) -> None:
    change(world, "trunks", called_format="national", inbound_country="US")
    harmless = add_trunk(world, "harmless")
    with world.admin.across_tenants() as tx:
        carrier = int(tx.value("select id from trunks where name = 'carrier'"))
        routes.add(tx, "+1", carrier)
        routes.add(tx, "+1", harmless, position=200)
    fax_id = queued(world, world.acme, number="+19112345678")
    runtime.run(runtime.final(world.acme, fax_id))
    assert [call.gateway for call in runtime.switch.originated] == ["harmless"]
    assert world.fax(world.acme, fax_id)["state"] == "sent"


def test_what_a_prefix_has_made_an_emergency_number_since_is_not_dialled(world: World, runtime: Runtime) -> None:
    fax_id = queued(world, world.acme, number="+201012345678")
    change(world, "trunks", called_format="e164-no-plus", called_prefix="11")
    runtime.run(runtime.final(world.acme, fax_id))
    assert world.fax(world.acme, fax_id)["error_id"] == "emergency-number"
    assert runtime.switch.originated == []


def test_a_did_of_ours_is_a_number_like_any_other(world: World, monkeypatch: pytest.MonkeyPatch, letter: Path) -> None:
    """Whether there will be a call is not known when it is handed in: internal delivery may be switched off."""
    fax_id = queued(world, world.acme, number=world.borea.did)
    bar(world, allow="AT")
    with pytest.raises(NumberNotAllowed):
        submit(world, letter, world.borea.did)
    runtime = Runtime(world, monkeypatch, internal_delivery=True)
    runtime.run(runtime.final(world.acme, fax_id))
    assert world.fax(world.acme, fax_id)["error_id"] == "number-not-allowed"
    assert runtime.switch.originated == []
    assert audited(world, world.borea) == []


def test_route_explain_says_why_and_what_to_do(world: World) -> None:
    def explain(number: str) -> route_explanation.Explanation:
        return route_explanation.explain(world.admin, world.settings, "acme", number)

    found = explain(PREMIUM)
    assert "`faxplan barring permit acme premium-rate`" in found.barred
    assert found.ways == []
    assert found.passed_over == ["+ through carrier: the number is barred"]
    bar(world, block="DE")
    assert "`faxplan barring remove acme DE`" in explain("030 23125002w12").barred
    with pytest.raises(EmergencyNumber, match="never dialled"):
        explain("112")


def test_who_insists_is_seen_by_the_operator(world: World, letter: Path) -> None:
    def finding() -> Finding:
        (found,) = (each for each in doctor_database.database(world.settings)[0] if each.what == "refused numbers")
        return found

    def attempt(number: str) -> None:
        with pytest.raises(FaxplanError):
            submit(world, letter, number)

    for _ in range(4):
        attempt(PREMIUM)
    assert finding().level is Level.OK
    attempt("118 80")
    assert finding().level is Level.WARNING
    assert "user@acme.example of acme tried 5 times" in finding().found
    assert "`faxplan barring refused acme`" in finding().remedy
    found = barring_provisioning.refused(world.admin, None, hours=24)
    assert [(row["tenant"], row["user"], row["number"], row["reason"], row["times"]) for row in found] == [
        ("acme", "user@acme.example", "118 80", "short-number", 1),
        ("acme", "user@acme.example", PREMIUM, "kind-barred", 4),
    ]
    assert barring_provisioning.refused(world.admin, "borea", hours=24) == []


def test_refusals_are_found_through_their_index_in_a_long_audit(world: World) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        tx.execute("set local enable_seqscan = off")
        plan = "\n".join(
            row["QUERY PLAN"]
            for row in tx.rows(
                "explain select sequence from audit where tenant_id = %s and result = 'refused' and at > now()",
                (world.acme.tenant.id,),
            )
        )
    assert "audit_refused_idx" in plan
    assert refused_numbers.REFUSALS


class TestPagesAnHour:
    """What a tenant may send in an hour by the clock, however many nodes dial."""

    @pytest.fixture(autouse=True)
    def _limited(self, world: World) -> None:
        self.limit(world, 10)

    @staticmethod
    def limit(world: World, pages: int) -> None:
        with world.admin.across_tenants() as tx:
            tenants.change(tx, world.acme.tenant.id, {"pages_per_hour": pages})

    @staticmethod
    def counted(world: World) -> int:
        with world.switch.across_tenants() as tx:
            return int(tx.value("select pages from tenant_turns where tenant_id = %s", (world.acme.tenant.id,)))

    @staticmethod
    def an_hour_later(world: World) -> None:
        with world.switch.across_tenants() as tx:
            tx.execute("update tenant_turns set hour = hour - interval '1 hour'")

    def test_hold_over_nodes(self, world: World) -> None:
        for _ in range(6):
            queued(world, world.acme, pages=3)
        queued(world, world.borea, pages=3)
        first, second = claim(world, 2), claim(world, node="node2")
        faxes = [fax for fax in (*first, *second) if fax.tenant_id == world.acme.tenant.id]
        assert len(faxes) == 3
        assert len(first) + len(second) == 4
        assert self.counted(world) == 9
        assert claim(world, node="node3") == []
        self.an_hour_later(world)
        assert len(claim(world)) == 3

    def test_route_explain_says_that_an_hour_is_full(self, world: World) -> None:
        def waits() -> str:
            return route_explanation.explain(world.admin, world.settings, "acme", NUMBER).waits

        assert waits() == ""
        for pages in (4, 6):
            assert waits() == ""
            queued(world, world.acme, pages=pages)
            assert claim(world)
        assert "10 of its 10 pages an hour are used" in waits()
        self.an_hour_later(world)
        assert waits() == ""

    def test_a_fax_for_which_too_few_are_left_keeps_its_place(self, world: World) -> None:
        queued(world, world.acme, pages=6, due_in=-30)
        large = queued(world, world.acme, pages=5, due_in=-20)
        queued(world, world.acme, pages=1, due_in=-10)
        assert [fax.pages for fax in claim(world)] == [6]
        assert claim(world) == []
        self.an_hour_later(world)
        assert next(fax.fax_id for fax in claim(world)) == large

    def test_lanes_that_must_wait_are_in_nobodys_way(self, world: World) -> None:
        self.limit(world, 1)
        with world.admin.across_tenants() as tx:
            trunk = int(tx.value("select id from trunks"))
            for area in range(30, 60):
                routes.add(tx, f"+49{area}", trunk)
        for area in range(30, 60):
            queued(world, world.acme, pages=1, number=f"+49{area}123456", due_in=-60)
        queued(world, world.borea, pages=1)
        assert len(claim(world, 1)) == 1
        assert [fax.tenant_id for fax in claim(world)] == [world.borea.tenant.id]

    def test_what_a_call_did_not_send_is_given_back(self, world: World, runtime: Runtime) -> None:
        self.limit(world, 3)
        busy, after = queued(world, world.acme, pages=3, due_in=-9), queued(world, world.acme, pages=3)
        runtime.switch.on_originate = lambda call: runtime.switch.ends(
            call, CallResult("USER_BUSY", sip_code=486) if len(runtime.switch.originated) == 1 else SENT
        )
        runtime.run(runtime.final(world.acme, after))
        assert world.fax(world.acme, busy)["state"] == "queued"
        assert self.counted(world) == 3

    def test_a_fax_that_no_hour_has_room_for_is_refused(self, world: World, tmp_path: Path) -> None:
        self.limit(world, 1)
        two = tmp_path / "two.txt"
        two.write_text("One.\fTwo.\n")
        # How many pages a text has only the rendering tells.
        fax_id = submit(world, two, "030 23125002")
        world.render_all()
        fax = world.fax(world.acme, fax_id)
        assert (fax["state"], fax["error_id"]) == ("failed", "quota-exceeded")
        assert "1 an hour" in str(fax["explanation"])
        with pytest.raises(QuotaExceeded, match="has 2 pages, and Acme may send 1 an hour"):
            submit(world, fax_tiff(tmp_path / "two.tif", 2), "030 23125002")

    def test_one_that_was_handed_in_before_the_cap_ends_in_words(self, world: World, runtime: Runtime) -> None:
        fax_id = queued(world, world.acme, pages=5)
        self.limit(world, 4)
        runtime.run(runtime.final(world.acme, fax_id))
        fax = world.fax(world.acme, fax_id)
        assert (fax["state"], fax["error_id"]) == ("failed", "pages-per-hour")
        assert runtime.switch.originated == []
        assert self.counted(world) == 0

    def test_tests_of_trunks_count_and_wait(self, world: World) -> None:
        self.limit(world, 1)
        add_trunk(world, "tested")
        for _ in range(2):
            trunk_tests.submit(world.portal, world.store, world.acme.user, "tested", NUMBER)

        def taken() -> int:
            with world.switch.across_tenants() as tx:
                found = trunk_tests.claim(
                    tx, node="node1", switch_uuid="switch-1", lease_seconds=60, max_calls=9, actor="switch:node1"
                )
            return len(found)

        assert (taken(), taken()) == (1, 0)
        assert self.counted(world) == 1
        self.an_hour_later(world)
        assert taken() == 1


class TestDigitsAfterTheAnswer:
    def test_are_kept_apart_from_the_number_and_go_with_every_call(
        self, world: World, letter: Path, runtime: Runtime
    ) -> None:
        fax_id = submit(world, letter, "030 99001234 p12w#")
        world.render_all()
        fax = world.fax(world.acme, fax_id)
        assert (fax["called_number"], fax["post_dial"]) == (NUMBER, "p12w#")
        with world.portal.tenant(world.acme.tenant.id) as tx:
            (said,) = tx.rows("select details from audit where action = 'fax.submit'")
            assert tx.one("select destination, lane from fax_queue")["destination"] == NUMBER
        assert said["details"]["called"] == NUMBER
        seen = []

        def answered(call: object) -> None:
            sidecar = world.spool.staged(runtime.switch.originated[-1].attempt_id)
            assert sidecar is not None
            seen.append((sidecar.dialled, sidecar.tones))
            result = SENT if len(seen) == 2 else CallResult("NORMAL_CLEARING", fax_success=False, fax_result_code=49)
            runtime.switch.ends(runtime.switch.originated[-1], result)

        runtime.switch.on_originate = answered
        runtime.switch.on_turn = lambda: due_now(world)
        runtime.run(runtime.final(world.acme, fax_id))
        assert seen == [(NUMBER, "wwww12w#")] * 2
        assert [call["dialled"] for call in world.attempts(world.acme, fax_id)] == [NUMBER, NUMBER]
        assert all("12w#" not in line for line in runtime.switch.logged)

    def test_what_was_tampered_with_is_not_executed(self, world: World, runtime: Runtime) -> None:
        fax_id = queued(world, world.acme)
        with world.portal.tenant(world.acme.tenant.id) as tx:
            tx.execute("update faxes set post_dial = %s", ("p" * 40,))
        runtime.run(runtime.final(world.acme, fax_id))
        assert runtime.switch.originated == []
        for hostile in ("1${x}", "1'", "1\n"):
            with pytest.raises(ConstraintViolated), world.portal.tenant(world.acme.tenant.id) as tx:
                tx.execute("update faxes set post_dial = %s", (hostile,))
