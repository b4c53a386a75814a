"""The absolute cap of a call, on the bench: what it ends, what is kept, and what goes on."""

from pathlib import Path

import pytest

from bench import InboundCall, dialplan
from tests.bench.test_failing_calls import TEST_NUMBER, due_now, submit
from tests.bench.test_incoming import received
from tests.bench.whole import DIALPLAN, faxplan_on_bench, wait_for
from tests.faxes import fax_tiff
from tests.world import World

PAGES = 5


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.txt"
    path.write_text("\f".join(f"Page {number} of five.\n" * 40 for number in range(1, PAGES + 1)))
    return path


def test_a_call_that_never_comes_to_a_result_is_ended(
    world: World, letter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAXPLAN_CALL_CAP_SECONDS", "20")
    with faxplan_on_bench(world, monkeypatch) as switch:
        fax_id = submit(world, letter, TEST_NUMBER + "011")
        wait_for(lambda: any(a["outcome"] for a in world.attempts(world.acme, fax_id)), "the attempt to be settled")
        assert switch.wait_idle()
        assert len(switch.channels) == 0
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["outcome"], attempt["hangup_cause"], attempt["hung_up_by"]) == (
        "not-sent",
        "ALLOTTED_TIMEOUT",
        "us",
    )
    assert attempt["rule"] == "dropped"
    assert world.fax(world.acme, fax_id)["state"] == "queued"


def test_what_was_sent_before_is_not_sent_again(world: World, letter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAXPLAN_CALL_CAP_SECONDS", "25")
    with faxplan_on_bench(world, monkeypatch):
        fax_id = submit(world, letter, TEST_NUMBER + "000")
        for calls in range(1, PAGES + 1):
            wait_for(
                lambda n=calls: sum(bool(a["outcome"]) for a in world.attempts(world.acme, fax_id)) == n,  # type: ignore[misc]
                f"call {calls} to end",
            )
            if world.fax(world.acme, fax_id)["state"] == "sent":
                break
            due_now(world)
    attempts = world.attempts(world.acme, fax_id)
    assert world.fax(world.acme, fax_id)["state"] == "sent"
    assert len(attempts) > 1
    done = 0
    for attempt in attempts:
        assert attempt["start_page"] == done
        done += attempt["pages"]
    assert done == PAGES
    assert [a["hangup_cause"] for a in attempts[:-1]] == ["ALLOTTED_TIMEOUT"] * (len(attempts) - 1)


def test_a_received_call_is_ended_too_and_its_pages_are_kept(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    capped = dialplan.actions(DIALPLAN, {"faxplan_inbound_cap": "25"})
    call = InboundCall(world.acme.did, fax_tiff(tmp_path / "pages.tif", PAGES))
    with faxplan_on_bench(world, monkeypatch, inbound=capped) as switch:
        result = switch.call_in(call)
        assert result.ended.wait(60)
        assert switch.wait_idle()
    entry, attempt = received(world)
    assert (attempt["outcome"], attempt["hangup_cause"], attempt["hung_up_by"]) == ("partial", "ALLOTTED_TIMEOUT", "us")
    assert entry.state == "partial"
    assert 0 < attempt["pages"] == entry.pages < PAGES  # type: ignore[operator]


def test_a_received_call_has_the_cause_of_whoever_ended_it(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here the dialplan, as an administrator's uuid_kill would."""
    killed = ["sched_hangup +12 manager_request", *dialplan.actions(DIALPLAN, {"faxplan_inbound_cap": "3600"})]
    page = fax_tiff(tmp_path / "pages.tif", 1)
    with faxplan_on_bench(world, monkeypatch, inbound=killed) as switch:
        assert switch.call_in(InboundCall(world.acme.did, page)).ended.wait(60)
        assert switch.wait_idle()
    with world.portal.tenant(world.acme.tenant.id) as tx:
        found = tx.one("select outcome, hangup_cause, hung_up_by from attempts")
    assert found == {"outcome": "failed", "hangup_cause": "MANAGER_REQUEST", "hung_up_by": "us"}
