"""What is recorded of calls on the bench, both ends of it ours, with their T.30."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from faxplan import cdr_check, t30_steps
from faxplan.cdr import Period
from faxplan.t30_steps import RECEIVED, SENT
from tests.bench.test_whole_way import send
from tests.bench.whole import faxplan_on_bench, wait_for
from tests.routing import change
from tests.world import Office, World

TEST_NUMBER = "+493099009900"


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.txt"
    path.write_text("One.\n\f\nTwo.\n\f\nThree.\n")
    return path


def ended(world: World, fax_id: int) -> dict[str, Any]:
    """Its first attempt, when that is settled."""
    wait_for(lambda: any(a["outcome"] for a in world.attempts(world.acme, fax_id)), "the attempt to be settled")
    return world.attempts(world.acme, fax_id)[0]


def rows(world: World, office: Office, sql: str) -> list[dict[str, Any]]:
    with world.portal.tenant(office.tenant.id) as tx:
        return tx.rows(sql)


def test_both_ends_of_a_call_are_recorded(world: World, letter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with faxplan_on_bench(world, monkeypatch) as switch:
        call = ended(world, send(world, letter, world.borea.did))
        wait_for(lambda: bool(rows(world, world.borea, "select from mailbox_entries")), "the fax to be received")
        assert not switch.complaints
    (received,) = rows(world, world.borea, "select * from attempts")
    assert (call["hung_up_by"], received["hung_up_by"]) in (("us", "far-end"), ("far-end", "us"))
    for each in (call, received):
        assert (each["channel"], each["hangup_cause"]) == (True, "NORMAL_CLEARING")
        assert (each["codec"], each["peer_address"]) == ("PCMU", "127.0.0.1")
        assert each["invited_at"] <= each["answered_at"] <= each["ended_at"]
    assert call["invite_uri"] == f"sip:{world.borea.did}@127.0.0.1"
    assert call["invite_from"] == f'"{world.acme.did}" <sip:{world.acme.did}@127.0.0.1>'
    for office in (world.acme, world.borea):
        with world.portal.tenant(office.tenant.id) as tx:
            assert cdr_check.check(tx, office.tenant.id, office.tenant.slug, Period(), began=datetime.now(UTC))[1] == []
        assert rows(world, office, "select from t30_traces") == []


def test_a_refusal_a_ringing_and_a_channel_that_never_was(
    world: World, letter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with faxplan_on_bench(world, monkeypatch) as switch:
        refused = ended(world, send(world, letter, TEST_NUMBER + "486"))
        answered = ended(world, send(world, letter, TEST_NUMBER + "001"))
        change(world, "trunks", name="nowhere")
        without = ended(world, send(world, letter, TEST_NUMBER + "000"))
        assert not [each for each in switch.complaints if "INVALID_GATEWAY" not in str(each)]
    assert (refused["hung_up_by"], refused["sip_code"], refused["answered_at"]) == ("far-end", 486, None)
    assert refused["sip_phrase"]
    assert answered["invited_at"] <= answered["progress_at"] <= answered["answered_at"]
    assert (without["channel"], without["invited_at"], without["invite_uri"]) == (False, None, None)


def test_the_t30_of_a_call_that_broke_is_kept_where_its_trunk_says_so(
    world: World, letter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(world, "trunks", t30_trace="failed")
    with faxplan_on_bench(world, monkeypatch) as switch:
        well = ended(world, send(world, letter, TEST_NUMBER + "000"))
        broken = ended(world, send(world, letter, TEST_NUMBER + "021"))
        assert not switch.complaints
    assert (well["outcome"], broken["outcome"]) == ("sent", "incomplete")
    (kept,) = rows(world, world.acme, "select * from t30_traces")
    assert kept["attempt_id"] == broken["id"]
    steps = t30_steps.read(kept["trace"])
    named = [(step.side, step.name) for step in steps]
    assert (RECEIVED, "DIS") in named
    assert (SENT, "DCS") in named
    assert [step.name for step in steps if step.at is not None] == ["DIS", "MCF"]
    assert list(world.spool.outbound.iterdir()) == []


def test_a_received_call_is_traced_too(world: World, letter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    change(world, "trunks", t30_trace="all")
    with faxplan_on_bench(world, monkeypatch) as switch:
        ended(world, send(world, letter, world.borea.did))
        wait_for(lambda: bool(rows(world, world.borea, "select from mailbox_entries")), "the fax to be received")
        assert not switch.complaints
    (trace,) = rows(world, world.borea, "select trace from t30_traces")
    named = [(step.side, step.name) for step in t30_steps.read(trace["trace"]) if step.name]
    first_dcs = named.index((RECEIVED, "DCS"))
    assert named[first_dcs - 1 : first_dcs + 3] == [
        (RECEIVED, "TSI"), (RECEIVED, "DCS"), (RECEIVED, "TCF"), (SENT, "CFR"),
    ], named  # fmt: skip
    assert {(SENT, "CSI"), (SENT, "DIS")} <= set(named[:first_dcs])
    assert named[-1] == (RECEIVED, "DCN")
    assert list(world.spool.inbound.iterdir()) == []
