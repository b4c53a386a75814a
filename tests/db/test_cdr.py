"""Call detail records: one row an attempt, whatever it was, for people and for spreadsheets."""

import csv
import io
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from faxplan import attempts, cdr, cli_cdr, inbound, internal_delivery, queue, settling
from faxplan.call_result import CallResult, without_channel
from faxplan.cdr import Period
from faxplan.cli import main
from faxplan.db import Row
from faxplan.journal import Outcome
from tests.faxes import accepted, claim, due_now, fax_tiff, pending_folder, queued
from tests.world import Office, World

UTC_ZONE = ZoneInfo("UTC")
ALWAYS = Period()
T0 = 1_750_000_000.0  # 2025-06-15 15:06:40 UTC
FORMULA = '=HYPERLINK("http://evil.example","pay")'
SENT = CallResult(
    "NORMAL_CLEARING",
    q850_cause=16,
    sip_code=200,
    fax_success=True,
    fax_result_code=0,
    fax_result_text="OK",
    pages=3,
    t38_status="negotiated",
    remote_station_id=FORMULA,
    remote_vendor="\x1b[2Jvendor",
    sip_call_id="abc@carrier",
    peer_address="192.0.2.1",
    peer_port=5060,
    invited_at=T0,
    progress_at=T0 + 1.25,
    answered_at=T0 + 4.5,
    ended_at=T0 + 64.75,
    hung_up_by="far-end",
    codec="PCMA",
    media_address="192.0.2.2:4000",
    invite_uri="sip:+493099001234@192.0.2.1",
    invite_from='"+4930" <sip:+4930@192.0.2.9>',
)
REFUSED = CallResult(
    "USER_BUSY", q850_cause=17, sip_code=486, sip_phrase="Busy Here", invited_at=T0, ended_at=T0 + 0.4,
    hung_up_by="far-end", peer_address="192.0.2.1", peer_port=5060,
)  # fmt: skip


def settled(world: World, result: CallResult, *, office: Office | None = None) -> int:
    """A fax of three pages whose one call ended so; its id."""
    fax_id = queued(world, office or world.acme, pages=3)
    again(world, result)
    return fax_id


def again(world: World, result: CallResult) -> None:
    due_now(world)
    (fax,) = claim(world)
    outcome = Outcome(fax.tenant_id, fax.fax_id, fax.attempt_id, result)
    assert settling.settle(world.switch, outcome, None, actor="switch:node1")


def received(world: World, result: CallResult, **caller: str) -> int:
    sidecar = accepted(world, world.acme, "in-1", **caller)
    fax_tiff(world.spool.inbound_tiff(sidecar.attempt_id), result.pages)
    pending = pending_folder(world).secure(world.spool, sidecar, result)
    assert inbound.deliver(world.switch, world.store, pending, actor="test") == "received"
    return sidecar.fax_id


def records(world: World, office: Office, period: Period = ALWAYS, *, withheld: bool = False) -> list[Row]:
    with world.portal.tenant(office.tenant.id) as tx:
        return list(cdr.records(tx, office.tenant.id, period, UTC_ZONE, withheld=withheld))


@pytest.fixture
def faxplan(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs the command line; what it printed. It must end with 0."""
    monkeypatch.setenv("FAXPLAN_DATABASE_URL", world.settings.database_url)
    monkeypatch.setenv("FAXPLAN_STATE_DIR", str(world.settings.state_dir))

    def run(*arguments: str, code: int = 0) -> str:
        assert main(arguments) == code
        return capsys.readouterr().out

    return run


def test_a_sent_call_has_its_times_in_seconds_and_its_parties(world: World) -> None:
    settled(world, SENT)
    (row,) = records(world, world.acme)
    assert list(row) == [each.name for each in cdr.COLUMNS]
    assert (row["tenant"], row["direction"], row["kind"], row["outcome"], row["pages"]) == (
        "acme", "sent", "call", "sent", 3,
    )  # fmt: skip
    assert (float(row["post_dial_delay"]), float(row["answer_seconds"]), float(row["billable_seconds"])) == (
        1.25, 4.5, 60.25,
    )  # fmt: skip
    assert (row["hung_up_by"], row["codec"], row["sip_call_id"]) == ("far-end", "PCMA", "abc@carrier")
    assert (row["peer_address"], row["peer_port"], row["media_address"]) == ("192.0.2.1", 5060, "192.0.2.2:4000")
    assert row["invite_uri"] == "sip:+493099001234@192.0.2.1"
    assert row["answered_at"] == datetime(2025, 6, 15, 15, 6, 44, 500_000, UTC)


def test_a_refused_call_bills_nothing_and_has_its_delay_to_the_refusal(world: World) -> None:
    settled(world, REFUSED)
    (row,) = records(world, world.acme)
    assert (row["kind"], row["sip_code"], row["sip_phrase"], float(row["billable_seconds"])) == (
        "call", 486, "Busy Here", 0.0,
    )  # fmt: skip
    assert float(row["post_dial_delay"]) == pytest.approx(0.4)
    assert row["answer_seconds"] is None


def test_an_invite_that_nobody_answered_has_no_post_dial_delay(world: World) -> None:
    settled(world, replace(REFUSED, hung_up_by=None, sip_phrase=None, sip_code=408, peer_address=None))
    (row,) = records(world, world.acme)
    assert (row["post_dial_delay"], row["hung_up_by"]) == (None, None)


def test_without_a_channel_nothing_is_told_of_a_call(world: World) -> None:
    settled(world, without_channel("GATEWAY_DOWN", ended_at=T0))
    (row,) = records(world, world.acme)
    assert (row["kind"], row["hangup_cause"], row["trunk"]) == ("no-channel", "GATEWAY_DOWN", "carrier")
    of_calls = [each.name for each in cdr.COLUMNS if each.of_calls]
    assert {row[name] for name in of_calls} == {None}
    assert "channel_uuid" in of_calls
    assert "billable_seconds" in of_calls


def test_an_internal_delivery_is_no_call_on_either_side(world: World) -> None:
    queued(world, world.acme, pages=2, number=world.borea.did)
    with world.switch.across_tenants() as tx:
        picked = queue.pick_internal(tx, after=0)
    assert picked is not None
    assert internal_delivery.deliver(world.switch, world.store, picked, node="node1") == "sent"
    for office, direction in ((world.acme, "sent"), (world.borea, "received")):
        (row,) = records(world, office)
        assert (row["kind"], row["direction"], row["pages"], row["trunk"]) == ("internal", direction, 2, None)
        assert (row["channel_uuid"], row["billable_seconds"], row["answered_at"]) == (None, None, None)


def test_a_received_call_tells_what_its_invite_said(world: World) -> None:
    result = CallResult(
        "NORMAL_CLEARING", fax_success=True, pages=1, invited_at=T0, answered_at=T0 + 1, ended_at=T0 + 9
    )
    fax_id = received(world, replace(result, hung_up_by="us", codec="PCMU"), calling="+493099001234")
    (row,) = records(world, world.acme)
    assert (row["fax"], row["direction"], row["kind"], row["pages"]) == (fax_id, "received", "call", 1)
    assert (row["post_dial_delay"], float(row["answer_seconds"]), float(row["billable_seconds"])) == (None, 1.0, 8.0)
    assert "+493099001234@carrier.example" in row["invite_from"]


def test_who_an_anonymous_caller_is_is_told_for_a_dispute_only(world: World) -> None:
    result = CallResult("NORMAL_CLEARING", fax_success=True, pages=1)
    received(world, result)
    with world.switch.tenant(world.acme.tenant.id) as tx:
        tx.execute("update attempts set caller_id = %s", (attempts.ANONYMOUS,))
    assert records(world, world.acme)[0]["invite_from"] is None
    assert records(world, world.acme, withheld=True)[0]["invite_from"] is not None


def test_the_period_begins_with_its_first_moment_and_ends_before_its_last(world: World) -> None:
    for _ in range(3):
        settled(world, SENT)
    moments = ["2026-03-01T00:00:00+01:00", "2026-03-31T23:59:59.999+02:00", "2026-04-01T00:00:00+02:00"]
    with world.switch.tenant(world.acme.tenant.id) as tx:
        for number, moment in enumerate(moments):
            tx.execute(
                """update attempts set started_at = %s
                   where id = (select id from attempts order by id offset %s limit 1)""",
                (moment, number),
            )
    march = cdr.period("2026-03-01", "2026-04-01", ZoneInfo("Europe/Berlin"))
    assert len(records(world, world.acme, march)) == 2
    assert len(records(world, world.acme, cdr.period("2026-03-01", "2026-04-01", UTC_ZONE))) == 2
    assert len(records(world, world.acme, cdr.period("2026-04-01", None, ZoneInfo("Europe/Berlin")))) == 1


@pytest.mark.parametrize(("since", "until"), [("2026-02-30", None), ("yesterday", None), ("2026-03-02", "2026-03-02")])
def test_a_period_that_is_none_is_refused(since: str, until: str | None) -> None:
    with pytest.raises(cdr.InvalidPeriod):
        cdr.period(since, until, UTC_ZONE)


@pytest.mark.parametrize(
    ("moment", "zone"), [("0001-01-01", "Europe/Berlin"), ("9999-12-31 23:59", "America/New_York")]
)
def test_the_ends_of_the_calendar_are_told(moment: str, zone: str) -> None:
    with pytest.raises(cdr.InvalidPeriod, match="Leave it out"):
        cdr.period(moment, None, ZoneInfo(zone))


def test_nothing_in_a_csv_file_is_a_formula_or_an_order_to_a_terminal(
    world: World, faxplan: Callable[..., str]
) -> None:
    settled(world, SENT)
    (row,) = csv.DictReader(io.StringIO(faxplan("cdr", "--tenant", "acme"), newline=""))
    assert row["remote_station_id"] == f"'{FORMULA}"
    assert row["remote_vendor"] == r"\x1b[2Jvendor"
    # Numbers that the database holds to E.164 stay as they are.
    assert row["called_number"] == "+493099001234"
    assert not any(value.startswith(("=", "@", "-")) for value in row.values())


def test_the_tenants_zone_is_that_of_its_times_unless_another_is_given(
    world: World, faxplan: Callable[..., str]
) -> None:
    settled(world, SENT)
    (row,) = csv.DictReader(io.StringIO(faxplan("cdr", "--tenant", "acme"), newline=""))
    assert row["answered_at"] == "2025-06-15T17:06:44.500+02:00"
    (row,) = csv.DictReader(io.StringIO(faxplan("cdr", "--zone", "America/New_York"), newline=""))
    assert row["answered_at"] == "2025-06-15T11:06:44.500-04:00"


def test_of_the_whole_installation_one_tenant_follows_the_other(world: World, faxplan: Callable[..., str]) -> None:
    settled(world, SENT, office=world.borea)
    settled(world, REFUSED)
    rows = json.loads(faxplan("cdr", "--json"))
    assert [row["tenant"] for row in rows] == ["acme", "borea"]
    assert (rows[1]["billable_seconds"], rows[1]["ecm_used"], rows[1]["remote_station_id"]) == (60.25, None, FORMULA)
    assert json.loads(faxplan("cdr", "--json", "--from", "2030-01-01")) == []


def test_an_export_is_audited(world: World, faxplan: Callable[..., str]) -> None:
    settled(world, SENT)
    faxplan("cdr", "--tenant", "acme", "--withheld")
    with world.portal.tenant(world.acme.tenant.id) as tx:
        row = tx.one("select action, object, details::text as details from audit order by sequence desc limit 1")
    assert (row["action"], row["object"]) == ("cdr.export", "tenant:acme")
    assert '"withheld": true' in row["details"]


def test_an_export_that_is_broken_off_is_audited_too(
    world: World, faxplan: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settled(world, SENT)

    def broken(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cli_cdr.Totals, "add", broken)
    with suppress(AssertionError):
        faxplan("cdr", "--tenant", "acme")
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select action from audit order by sequence desc limit 1") == "cdr.export"


def test_rows_are_fetched_some_at_a_time(world: World) -> None:
    for _ in range(5):
        settled(world, SENT)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        streamed = tx.stream("select id from attempts order by id", at_once=2)
        first = next(streamed)
        left = tx.value("select count(*) from pg_cursors where name = 'faxplan_stream'")
        assert (left, len(list(streamed))) == (1, 4)
        assert first["id"] > 0
        assert tx.value("select count(*) from pg_cursors") == 0
