"""A fax to a sandbox number: a job like any other, that no trunk ever hears of."""

from pathlib import Path

import pytest

from faxplan import (
    cdr_check,
    documents,
    failure_rules,
    history,
    numbers,
    outbound,
    queue,
    quotas,
    sandbox_calls,
    sandbox_numbers,
    trunk_tests,
)
from faxplan.cdr import Period
from faxplan.errors import InvalidNumber
from faxplan.key_folder import KeyFolder
from faxplan.outbound import SendRequest
from faxplan.sandbox_numbers import End
from tests.db.test_inbound import DOCUMENTS
from tests.db.test_internal_delivery import inbox, nothing_waits
from tests.db.test_mailer import keys
from tests.db.test_monitoring import some
from tests.faxes import audited, claim, due_now, noticed
from tests.mailing import choose_mail, to_be_mailed
from tests.routing import change
from tests.runtime import Runtime
from tests.world import World

__all__ = ["keys"]


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.txt"
    path.write_text("The first page.\n\fThe second.\n\fThe third.\n")
    return path


def submit(world: World, letter: Path, number: str) -> int:
    fax = outbound.submit(world.portal, world.store, world.acme.user, SendRequest(number, letter, letter.name))
    world.render_all()
    return fax.fax_id


def pick(world: World) -> queue.InternalFax | None:
    with world.switch.across_tenants() as tx:
        return queue.pick_internal(tx, after=0, lane=queue.SANDBOX)


def call(world: World) -> str | None:
    picked = pick(world)
    assert picked is not None
    return sandbox_calls.call(world.switch, world.store, picked, node="node1")


@pytest.mark.parametrize(
    ("end", "state", "rule", "codes", "pages", "explanation"),
    [
        (End.SENT, "sent", None, (200, 16, 0), 3, "All 3 pages arrived."),
        (End.BUSY, "queued", "busy", (486, 17, None), 0,
         "The line was busy (SIP 486). Try 1 of 5; the next in 4 minutes."),
        (End.NO_ANSWER, "queued", "no-answer", (None, 19, None), 0,
         "Nobody answered. Try 1 of 5; the next in 10 minutes."),
        (End.BAD_NUMBER, "failed", "bad-number", (404, 1, None), 0,
         "The number does not exist or cannot be reached; check it (SIP 404)."),
        (End.IN_AUDIO, "sent", None, (200, 16, 0), 3, "All 3 pages arrived."),
        (End.DROPPED, "queued", "dropped", (200, 16, 49), 1,
         "The call broke off after 1 of 3 pages (The call dropped prematurely). Try 1 of 5; the next in a minute."),
        (End.INCOMPATIBLE, "failed", "incompatible", (200, 16, 8), 0,
         "The far machine cannot receive this fax (Far end is not compatible)."),
    ],
)  # fmt: skip
def test_it_ends_as_its_number_says(
    world: World,
    letter: Path,
    end: End,
    state: str,
    rule: str | None,
    codes: tuple[int | None, ...],
    pages: int,
    explanation: str,
) -> None:
    fax_id = submit(world, letter, end.number)
    call(world)
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["pages_done"], fax["explanation"]) == (state, pages, explanation)
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["rule"], attempt["pages"], attempt["trunk"], attempt["internal"]) == (rule, pages, None, True)
    assert tuple(attempt[name] for name in ("sip_code", "q850_cause", "fax_result_code")) == codes
    assert attempt["caller_id"] == world.acme.did
    if end is End.IN_AUDIO:
        assert (attempt["t38_status"], attempt["codec"]) == ("refused", "PCMA")
    final = state != "queued"
    assert (fax["finished_at"] is not None) is final
    assert noticed(world, world.acme) == ([state] if final else [])
    assert audited(world, world.acme)[-1:] == ([f"fax.{state}"] if final else ["fax.submit"])
    assert (fax["reserved_pages"] == 0) is final


def test_what_was_dropped_is_resumed_at_the_second_page(world: World, letter: Path) -> None:
    fax_id = submit(world, letter, End.DROPPED.number)
    assert call(world) == "incomplete"
    assert pick(world) is None
    due_now(world)
    assert call(world) == "sent"
    assert [(a["start_page"], a["pages"]) for a in world.attempts(world.acme, fax_id)] == [(0, 1), (1, 2)]
    assert world.fax(world.acme, fax_id)["state"] == "sent"
    assert nothing_waits(world)


def test_a_busy_one_is_given_up_after_as_many_tries_as_any(world: World, letter: Path) -> None:
    change(world, "tenants", max_attempts=3)
    fax_id = submit(world, letter, End.BUSY.number)
    for _ in range(3):
        due_now(world)
        assert call(world) == "not-sent"
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["error_id"], fax["attempts_made"]) == ("failed", "USER_BUSY", 3)
    assert nothing_waits(world)


def test_a_slow_one_takes_its_time_and_may_be_cancelled_meanwhile(world: World, letter: Path) -> None:
    fax_id = submit(world, letter, End.SLOW.number)
    assert call(world) is None
    assert world.fax(world.acme, fax_id)["state"] == "queued"
    with world.switch.across_tenants() as tx:
        waits = tx.value("select extract(epoch from not_before - now())::float from fax_queue")
    assert 0 < waits <= sandbox_numbers.SLOW_SECONDS
    with world.switch.tenant(world.acme.tenant.id) as tx:
        tx.execute("update faxes set created_at = created_at - interval '31 s'")
    due_now(world)
    assert call(world) == "sent"
    assert len(world.attempts(world.acme, fax_id)) == 1
    other = submit(world, letter, End.SLOW.number)
    assert call(world) is None
    assert outbound.cancel(world.portal, world.acme.user, other)
    assert world.fax(world.acme, other)["state"] == "cancelled"


@pytest.mark.parametrize("last", "0123456789")
def test_no_claim_ever_takes_one_and_no_trunk_dials_it(world: World, letter: Path, last: str) -> None:
    number = sandbox_numbers.BEGINNING + last
    submit(world, letter, number)
    for _ in range(3):
        assert claim(world) == []
    with world.switch.across_tenants() as tx:
        tx.execute("update fax_queue set lane = '0' || substr(lane, strpos(lane, ':'))")
    assert claim(world) == []
    assert pick(world) is not None
    for number_format in numbers.CALLED_FORMATS:
        for country in ("DE", "US", "GB"):
            with pytest.raises(InvalidNumber, match="nobody's"):
                numbers.dialled(number, number_format, country, home=country)
    with pytest.raises(InvalidNumber, match="nobody's"):
        trunk_tests.submit(world.portal, world.store, world.acme.user, "carrier", number)


def test_should_one_reach_a_claim_it_is_not_dialled(
    world: World, letter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a lane says: the last who could dial it does not."""
    fax_id = submit(world, letter, End.SENT.number)
    with world.switch.across_tenants() as tx:
        tx.execute("update fax_queue set lane = lane_of(tenant_id, '+493099001234')")
    node = Runtime(world, monkeypatch)
    node.run(node.final(world.acme, fax_id))
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["outcome"], attempt["rule"]) == ("not-sent", "not-by-this-trunk")
    assert node.switch.originated == []


def test_what_is_sent_to_the_one_that_sends_arrives_in_its_senders_mailbox_as_a_received_fax(
    world: World, letter: Path, keys: KeyFolder
) -> None:
    choose_mail(world, world.acme.user, mail=True)
    change(world, "tenants", allowed_numbers=["DE"], blocked_numbers=["+1"])
    fax_id = submit(world, letter, End.RECEIVED.number)
    assert call(world) == "sent"
    sent = world.fax(world.acme, fax_id)
    assert (sent["state"], sent["pages_done"], sent["explanation"]) == ("sent", 3, "All 3 pages arrived.")
    (entry,) = inbox(world, world.acme)
    assert (entry.state, entry.pages, entry.calling_number) == ("received", 3, world.acme.did)
    received = world.fax(world.acme, entry.fax_id)
    assert (received["called_number"], received["is_test"]) == (End.RECEIVED.number, True)
    for column, magic in DOCUMENTS.items():
        with world.switch.tenant(world.acme.tenant.id) as tx:
            stored = documents.get(tx, world.acme.tenant.id, received[column])  # type: ignore[arg-type]
        assert world.opened(stored)[:4] == magic
    assert noticed(world, world.acme) == ["sent", "received"]
    assert {document for _tenant, document in to_be_mailed(world.worker)} >= {received["tiff_id"], received["pdf_id"]}
    assert inbox(world, world.borea) == []
    assert some(world, "faxplan_calls_ended_total") == some(world, "faxplan_faxes_ended_total") == {}
    with world.portal.tenant(world.acme.tenant.id) as tx:
        sums, wrong = cdr_check.check(tx, world.acme.tenant.id, "acme", Period(), began=tx.value("select now()"))
    assert (sums.internal_sent, sums.internal_received, wrong) == (0, 0, [])
    assert nothing_waits(world)


def test_who_may_read_no_fax_is_told_why_none_arrives(world: World, letter: Path) -> None:
    fax_id = submit(world, letter, End.RECEIVED.number)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        tx.execute("update users set permissions = '{send}'")
    assert call(world) == "not-sent"
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["error_id"]) == ("failed", "nobody-reads")
    assert "you may read none that come in" in str(fax["explanation"])
    assert inbox(world, world.acme) == []


def test_where_it_is_switched_off_nothing_arrives(world: World, letter: Path) -> None:
    fax_id = submit(world, letter, End.RECEIVED.number)
    change(world, "tenants", sandbox_numbers=False)
    assert call(world) == "not-sent"
    assert world.fax(world.acme, fax_id)["error_id"] == "no-route"
    assert inbox(world, world.acme) == []


def test_numbers_without_an_end_of_their_own_do_not_exist(world: World, letter: Path) -> None:
    fax_id = submit(world, letter, f"{sandbox_numbers.BEGINNING}0")
    assert call(world) == "not-sent"
    assert world.fax(world.acme, fax_id)["error_id"] == "UNALLOCATED_NUMBER"


def test_neither_lists_of_numbers_nor_a_missing_trunk_stand_in_its_way(world: World, letter: Path) -> None:
    change(world, "tenants", allowed_numbers=["DE"], blocked_numbers=["+1"])
    with world.admin.across_tenants() as tx:
        tx.execute("delete from routes")
    fax_id = submit(world, letter, "+1 (555) 555-0101")
    assert call(world) == "sent"
    assert world.fax(world.acme, fax_id)["called_number"] == End.SENT.number


def test_a_tenant_that_wants_none_is_refused_them_at_once_and_what_waits_ends(world: World, letter: Path) -> None:
    fax_id = submit(world, letter, End.SENT.number)
    change(world, "tenants", sandbox_numbers=False)
    assert call(world) == "not-sent"
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["error_id"]) == ("failed", "no-route")
    with pytest.raises(InvalidNumber, match="sandbox number"):
        submit(world, letter, End.SENT.number)


def test_it_counts_in_no_report_and_no_metric_and_is_marked_and_the_quota_is_kept(world: World, letter: Path) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        quotas.set_limit(tx, world.acme.tenant.id, period="day", pages=3)
    fax_id = submit(world, letter, End.SENT.number)
    assert call(world) == "sent"
    with world.portal.tenant(world.acme.tenant.id) as tx:
        (shown,) = history.of_ids(tx, world.acme.user, [fax_id])
        began = tx.value("select now()")
        sums, wrong = cdr_check.check(tx, world.acme.tenant.id, "acme", Period(), began=began)
    assert shown.is_test
    assert (sums.internal_sent, wrong) == (0, [])
    assert some(world, "faxplan_calls_ended_total") == some(world, "faxplan_faxes_ended_total") == {}
    with world.admin.tenant(world.acme.tenant.id) as tx:
        (quota,) = quotas.of_tenant(tx, world.acme.tenant.id)
    assert (quota["used_pages"], quota["reserved_pages"]) == (3, 0)
    with pytest.raises(quotas.QuotaExceeded):
        submit(world, letter, End.SENT.number)


def test_nothing_is_learned_of_trunks_and_numbers(world: World, letter: Path) -> None:
    for end in End:
        submit(world, letter, end.number)
        call(world)
    with world.switch.across_tenants() as tx:
        assert tx.value("select count(*) from trunk_states") == 0
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select count(*) from destinations") == 0


def test_a_sender_without_a_number_is_told_so(world: World, letter: Path) -> None:
    fax_id = submit(world, letter, End.SENT.number)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        tx.execute("delete from dids where tenant_id = %s", (world.acme.tenant.id,))
    assert call(world) == "not-sent"
    assert world.fax(world.acme, fax_id)["error_id"] == "no-caller-id"


def test_the_runtime_does_it_whether_it_delivers_within_the_installation_or_not(
    world: World, letter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faxes = [submit(world, letter, end.number) for end in (End.SENT, End.BAD_NUMBER, End.RECEIVED)]
    node = Runtime(world, monkeypatch)
    node.run(node.final(world.acme, *faxes))
    assert [world.fax(world.acme, each)["state"] for each in faxes] == ["sent", "failed", "sent"]
    assert node.switch.originated == []


def test_ends_are_those_of_the_policy() -> None:
    for end in End:
        result = sandbox_calls.ended(end, start_page=0, pages=2, at=1.0)
        assert failure_rules.Rules().of(result) is not failure_rules.UNKNOWN or result.fax_success
