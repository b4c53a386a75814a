"""Calls that come in, on the bench: who is not let in, what a DID's calls may use, and what strangers write."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bench import Behaviour, InboundCall, Switch, causes
from faxplan import accepting, did_callers, dids, history, inbound, time_line
from faxplan.accepting import Accepted, IncomingCall, Refused
from faxplan.mailboxes import Entry
from tests.bench.test_whole_way import inbox
from tests.bench.whole import faxplan_on_bench, wait_for
from tests.faxes import accepted, fax_tiff, noticed
from tests.hostile import TEXTS, assert_nothing_ran, headers
from tests.routing import add_trunk, change
from tests.world import World


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return fax_tiff(tmp_path / "page.tif", 1)


def set_did(world: World, **values: object) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        dids.change(tx, world.acme.tenant.id, world.acme.did, values)


def call_in(switch: Switch, world: World, page: Path, *, said: Sequence[tuple[str, str]] = (), **values: object) -> int:
    """A fax for acme's DID; the SIP status that the caller got."""
    call = InboundCall(world.acme.did, page, headers=said, **values)  # type: ignore[arg-type]
    result = switch.call_in(call)
    assert result.ended.wait(60)
    return int(result.sip_status or 0)


def received(world: World) -> tuple[Entry, dict[str, object]]:
    """The one fax in the mailbox, and its attempt."""
    wait_for(lambda: bool(inbox(world, world.acme)), "the fax to lie in the mailbox")
    (entry,) = inbox(world, world.acme)
    (attempt,) = world.attempts(world.acme, entry.fax_id)
    return entry, attempt


def test_who_is_not_let_in_is_refused_before_the_answer(
    world: World, page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        did_callers.add(tx, world.acme.tenant.id, world.acme.did, "+4989", did_callers.BLOCK)
    with faxplan_on_bench(world, monkeypatch) as switch:
        assert call_in(switch, world, page) == 603
        set_did(world, refusal="busy")
        assert call_in(switch, world, page) == 486
        assert call_in(switch, world, page, from_address="192.0.2.9") == 403
        assert call_in(switch, world, page, caller="+493099001234") == 200
    entry, _ = received(world)
    assert (entry.state, entry.calling_number) == ("received", "+493099001234")


def test_a_call_that_is_cancelled_before_the_answer_is_none_for_its_mailbox(
    world: World, page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = accepting.accept

    with faxplan_on_bench(world, monkeypatch) as switch:

        def cancelled_meanwhile(db: Any, spool: Any, call: IncomingCall, *rest: Any, **more: Any) -> Accepted | Refused:
            decision = look_up(db, spool, call, *rest, **more)
            (channel,) = [each for each in switch.channels.all() if each.uuid == call.channel_uuid]
            channel.hangup(causes.cause_named("ORIGINATOR_CANCEL"))
            return decision

        monkeypatch.setattr(accepting, "accept", cancelled_meanwhile)
        assert call_in(switch, world, page) != 200
    with world.portal.tenant(world.acme.tenant.id) as tx:
        row = tx.one(
            "select f.state, f.error_id, f.explanation, a.answered_at from faxes f join attempts a on a.fax_id = f.id"
        )
        assert tx.value("select count(*) from calls") == 0
    assert row == {
        "state": "failed", "error_id": "not-answered", "explanation": inbound.HUNG_UP_BEFORE, "answered_at": None,
    }  # fmt: skip
    assert noticed(world, world.acme) == []
    assert not list(world.spool.inbound.iterdir())
    assert not list(world.settings.pending.iterdir())


def test_a_did_s_limit_makes_the_next_caller_hear_busy(
    world: World, page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_did(world, max_calls=1)
    with faxplan_on_bench(world, monkeypatch) as switch:
        # A call on another switch, which may last: those of the bench are over in no time.
        accepted(world, world.acme, "elsewhere", node="node2")
        assert call_in(switch, world, page) == 486
        with world.switch.across_tenants() as tx:
            tx.execute("delete from calls where node = 'node2'")
        assert call_in(switch, world, page) == 200


@pytest.mark.parametrize(
    ("of_did", "t38", "ecm"),
    [({}, "negotiated", True), ({"t38": False}, "off", True), ({"ecm": False}, "negotiated", False)],
)
def test_a_did_s_calls_use_what_it_allows(
    world: World, page: Path, monkeypatch: pytest.MonkeyPatch, of_did: dict[str, object], t38: str, ecm: bool
) -> None:
    if of_did:
        set_did(world, **of_did)
    with faxplan_on_bench(world, monkeypatch) as switch:
        assert call_in(switch, world, page) == 200
    entry, attempt = received(world)
    assert (entry.state, attempt["t38_status"], attempt["ecm_used"]) == ("received", t38, ecm)


def test_a_call_that_a_pbx_hands_over_is_of_the_trunk_that_its_dialplan_names(
    world: World, page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_trunk(world, "pstn", inbound_format="e164")
    handed_over = ["set faxplan_trunk=pstn", "answer", "python fax_in"]
    with faxplan_on_bench(world, monkeypatch, inbound=handed_over) as switch:
        assert call_in(switch, world, page, from_address="192.0.2.9") == 200
    entry, attempt = received(world)
    assert (entry.state, attempt["trunk"]) == ("received", "pstn")


@pytest.mark.parametrize("trusted", [True, False])
def test_strangers_text_is_kept_and_does_nothing(
    world: World, page: Path, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    change(world, "trunks", trusts_identity=trusted, called_from=["diversion", "history-info", "request"])
    with faxplan_on_bench(world, monkeypatch) as switch:
        for text in TEXTS:
            behaviour = Behaviour(t38="accept", ident=text.encode("ascii", "ignore").decode().replace("\0", "")[:20])
            assert call_in(switch, world, page, said=headers(text), behaviour=behaviour) == 200
        assert switch.wait_idle()
        # A dial string that loses a value, an application that does not exist, a script that raised.
        assert switch.complaints == []
        assert len(switch.channels) == 0
    wait_for(lambda: len(inbox(world, world.acme)) == len(TEXTS), "every fax to lie in the mailbox")
    assert_nothing_ran()
    for entry in inbox(world, world.acme):
        assert (entry.state, entry.called_number, entry.calling_number) == ("received", world.acme.did, None)
        with world.portal.tenant(world.acme.tenant.id) as tx:
            (attempt,) = history.attempts(tx, world.acme.user, entry.fax_id)
            fax = history.fax(tx, world.acme.user, entry.fax_id)
        shown = "".join(time_line.of_fax(fax, [attempt], world.acme.tenant, entry.added_at))
        assert shown.isprintable()
        assert len(shown) < 4000
