"""What is recorded of a call, beside what the carrier saw of it on the wire; and its T.30, traced by FreeSWITCH."""

from pathlib import Path
from typing import Any

import pytest

from faxplan import cdr, outbound, sip_address, t30_steps
from faxplan.cdr import Period
from faxplan.event_socket import EventSocket
from faxplan.freeswitch_instance import Instance
from faxplan.t30_steps import RECEIVED, SENT
from tests.bench.whole import wait_for
from tests.live.calls import Live
from tests.live.calls import wait_for as wait_for_event
from tests.live.running import TEST_NUMBER, send, settled
from tests.routing import change
from tests.world import Office, World


def seen_by_the_carrier(carriers_side: EventSocket, call_id: str) -> dict[str, str]:
    """The variables and headers of the carrier's leg of a call of ours."""

    def found() -> dict[str, str] | None:
        event = carriers_side.next_event(0.2)
        return event.headers if event and event.headers.get("variable_sip_call_id") == call_id else None

    return wait_for_event(found, 30, f"the carrier's leg of {call_id}")


def the_attempt(world: World, fax_id: int) -> dict[str, Any]:
    wait_for(settled(world, fax_id), "the attempt to be settled", 120)
    return world.attempts(world.acme, fax_id)[0]


def traces(world: World, office: Office) -> list[str]:
    with world.portal.tenant(office.tenant.id) as tx:
        return [row["trace"] for row in tx.rows("select trace from t30_traces order by attempt_id")]


def without_tag(header: str) -> str:
    return header.partition(";tag=")[0]


# None with privacy has the number in From alone: nowhere would the trunk be told it (trunks_caller_id_told).
@pytest.mark.parametrize(
    ("caller_id_in", "privacy"), [("from", False), ("pai", False), ("pai", True), ("rpid", False), ("rpid", True)]
)
def test_what_a_refused_invite_said_is_what_the_carrier_read(
    world: World,
    faxplan: Instance,
    live: Live,
    carriers_side: EventSocket,
    letter: Path,
    caller_id_in: str,
    privacy: bool,
) -> None:
    change(world, "trunks", caller_id_in=caller_id_in, privacy=privacy)
    call = the_attempt(world, send(world, letter, TEST_NUMBER + "486"))
    theirs = seen_by_the_carrier(carriers_side, str(call["sip_call_id"]))
    assert call["invite_uri"] == f"sip:{theirs['variable_sip_req_uri']}"
    assert call["invite_to"] == without_tag(theirs["variable_sip_full_to"])
    assert call["invite_from"] == without_tag(theirs["variable_sip_full_from"])
    if caller_id_in == "rpid":
        assert call["invite_asserted"].replace('"<', '" <') == theirs["variable_sip_Remote-Party-ID"]
    elif caller_id_in == "pai":
        asserted = sip_address.parse(call["invite_asserted"])
        assert asserted is not None
        assert asserted.user in theirs["variable_sip_P-Asserted-Identity"]
    else:
        assert call["invite_asserted"] is None
        assert not {"variable_sip_P-Asserted-Identity", "variable_sip_Remote-Party-ID"} & set(theirs)
    assert (call["peer_address"], call["peer_port"]) == ("127.0.0.1", live.carrier.sip_port)
    assert (call["hung_up_by"], call["sip_code"], call["sip_phrase"]) == ("far-end", 486, "Refused")
    assert theirs["variable_sip_hangup_disposition"] == "send_refuse"
    assert (call["channel"], call["answered_at"]) == (True, None)


def test_a_sent_fax_has_the_carriers_times_media_and_end(
    world: World, faxplan: Instance, carriers_side: EventSocket, letter: Path
) -> None:
    call = the_attempt(world, send(world, letter, TEST_NUMBER + "000"))
    theirs = seen_by_the_carrier(carriers_side, str(call["sip_call_id"]))
    assert call["outcome"] == "sent"
    # The far end's re-INVITE and BYE have overwritten what FreeSWITCH itself keeps of From and To.
    assert call["invite_uri"] == f"sip:{theirs['variable_sip_req_uri']}"
    assert call["invite_from"].startswith(f'"{world.acme.did}" <sip:')
    assert TEST_NUMBER in call["invite_to"]
    assert call["codec"] == theirs["variable_read_codec"]
    assert call["media_address"] == f"127.0.0.1:{theirs['variable_local_media_port']}"
    by_us = theirs["variable_sip_hangup_disposition"] == "recv_bye"
    assert call["hung_up_by"] == ("us" if by_us else "far-end")
    answered = int(theirs["Caller-Channel-Answered-Time"]) / 1e6
    ended = int(theirs["Caller-Channel-Hangup-Time"]) / 1e6
    # Two clocks of one machine, and what a BYE takes from one end to the other.
    assert (call["ended_at"] - call["answered_at"]).total_seconds() == pytest.approx(ended - answered, abs=0.5)
    assert call["invited_at"] <= call["answered_at"] < call["ended_at"]


def test_a_call_that_rings_and_is_cancelled(
    world: World, faxplan: Instance, carriers_side: EventSocket, letter: Path
) -> None:
    fax_id = send(world, letter, TEST_NUMBER + "012")
    wait_for(lambda: "RINGING" in faxplan.api("show channels"), "ringing", 30)
    outbound.cancel(world.portal, world.acme.user, fax_id)
    call = the_attempt(world, fax_id)
    theirs = seen_by_the_carrier(carriers_side, str(call["sip_call_id"]))
    assert (call["hung_up_by"], theirs["variable_sip_hangup_disposition"]) == ("us", "recv_cancel")
    assert call["invited_at"] <= call["progress_at"] < call["ended_at"]
    assert (call["answered_at"], call["sip_phrase"]) == (None, None)


def test_a_received_call_is_recorded_as_the_carrier_dialled_it(
    world: World, faxplan: Instance, live: Live, carriers_side: EventSocket, letter: Path
) -> None:
    send(world, letter, world.borea.did)
    wait_for(lambda: any(each["outcome"] for each in _received(world)), "the fax to be received", 120)
    call = _received(world)[0]
    theirs = seen_by_the_carrier(carriers_side, call["sip_call_id"])
    assert call["invite_uri"] == f"sip:{theirs['variable_sip_req_uri']}"
    assert (call["peer_address"], call["peer_port"]) == ("127.0.0.1", live.carrier.sip_port)
    assert call["codec"] == "PCMU"
    assert call["media_address"].startswith("127.0.0.1:")
    by_us = theirs["variable_sip_hangup_disposition"] == "recv_bye"
    assert call["hung_up_by"] == ("us" if by_us else "far-end")
    assert call["invited_at"] <= call["answered_at"] < call["ended_at"]
    answered = int(theirs["Caller-Channel-Answered-Time"]) / 1e6
    ended = int(theirs["Caller-Channel-Hangup-Time"]) / 1e6
    assert (call["ended_at"] - call["answered_at"]).total_seconds() == pytest.approx(ended - answered, abs=0.5)
    # None of the calls failed, and no trunk keeps traces.
    assert traces(world, world.acme) + traces(world, world.borea) == []
    assert not list(world.spool.outbound.glob("*.trace"))
    with world.portal.tenant(world.borea.tenant.id) as tx:
        (row,) = cdr.records(tx, world.borea.tenant.id, Period(), world.borea.tenant.zone, withheld=False)
    assert (row["kind"], row["direction"], row["pages"], row["post_dial_delay"]) == ("call", "received", 3, None)


def test_the_t30_of_a_call_that_broke_is_kept_on_both_sides(world: World, faxplan: Instance, letter: Path) -> None:
    change(world, "trunks", t30_trace="failed")
    fax_id = send(world, letter, world.borea.did)
    # As soon as a page is acknowledged: our own receiving end breaks off, and to the sender that is the far end.
    wait_for(lambda: _pages_in_call(world) >= 1, "a page", 60)
    faxplan.api(f"uuid_kill {_received(world)[0]['channel_uuid']}")
    call = the_attempt(world, fax_id)
    wait_for(lambda: all(each["outcome"] for each in _received(world)), "the received side to be settled")
    received = _received(world)[0]
    assert (call["outcome"], call["hung_up_by"]) == ("incomplete", "far-end")
    assert (received["outcome"], received["hung_up_by"]) == ("partial", "us")
    (sent_trace,), (received_trace,) = traces(world, world.acme), traces(world, world.borea)
    sent_steps, received_steps = t30_steps.read(sent_trace), t30_steps.read(received_trace)
    ours = [(step.side, step.name) for step in sent_steps]
    theirs = [(step.side, step.name) for step in received_steps]
    assert [step for step in ours if step[1] in ("DIS", "DCS", "TCF", "CFR")][:4] == [
        (RECEIVED, "DIS"),
        (SENT, "DCS"),
        (SENT, "TCF"),
        (RECEIVED, "CFR"),
    ]
    assert [step for step in theirs if step[1] in ("DIS", "DCS", "TCF", "CFR")][:4] == [
        (SENT, "DIS"),
        (RECEIVED, "DCS"),
        (RECEIVED, "TCF"),
        (SENT, "CFR"),
    ]
    assert (RECEIVED, "MCF") in ours
    assert (SENT, "MCF") in theirs
    assert (SENT, "FCD") in ours
    assert t30_steps.broke_at(sent_steps, success=False) is not None
    # The switch noted when they had agreed, and when the page was done.
    assert [step.name for step in sent_steps if step.at is not None] == ["DIS", "MCF"]
    assert [step.name for step in received_steps if step.at is not None] == ["DCS", "MCF"]
    # No page in it: neither frames of page data nor the names of our files.
    for trace in (sent_trace, received_trace):
        assert "ff 03 06" not in trace
        assert max(len(line) for line in trace.splitlines()) < 260
        assert str(world.spool.outbound.parent) not in trace
    wait_for(lambda: not list(world.spool.outbound.iterdir()), "the spool to be empty")
    assert not list(world.spool.inbound.glob("*.trace"))


def test_a_call_that_succeeds_leaves_no_trace_where_failed_ones_are_kept(
    world: World, faxplan: Instance, letter: Path
) -> None:
    change(world, "trunks", t30_trace="failed")
    assert the_attempt(world, send(world, letter, TEST_NUMBER + "001"))["outcome"] == "sent"
    assert traces(world, world.acme) == []
    wait_for(lambda: not list(world.spool.outbound.iterdir()), "the spool to be empty")
    change(world, "trunks", t30_trace="all")
    assert the_attempt(world, send(world, letter, TEST_NUMBER + "001"))["outcome"] == "sent"
    (trace,) = traces(world, world.acme)
    assert t30_steps.read(trace)[-1].name == "DCN"


def _received(world: World) -> list[dict[str, Any]]:
    with world.portal.tenant(world.borea.tenant.id) as tx:
        return tx.rows("select * from attempts order by id")


def _pages_in_call(world: World) -> int:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return int(tx.value("select coalesce(sum(pages), 0) from calls"))


def test_a_received_call_that_its_sender_cancels_was_hung_up_by_the_far_end(
    world: World, faxplan: Instance, letter: Path
) -> None:
    fax_id = send(world, letter, world.borea.did)
    wait_for(lambda: _pages_in_call(world) >= 1, "a page", 60)
    outbound.cancel(world.portal, world.acme.user, fax_id)
    call = the_attempt(world, fax_id)
    wait_for(lambda: all(each["outcome"] for each in _received(world)), "the received side to be settled")
    received = _received(world)[0]
    assert (call["hung_up_by"], received["hung_up_by"]) == ("us", "far-end")
    assert (received["outcome"], received["sip_code"]) == ("partial", 200)
    assert received["q850_cause"] is not None
