"""Calls that fail, on the bench: what the fax's record says and when it is dialled again."""

from pathlib import Path

import pytest

from faxplan import outbound
from faxplan.outbound import SendRequest
from tests.bench.whole import faxplan_on_bench, wait_for
from tests.world import World

TEST_NUMBER = "+493099009900"  # the bench's test numbers end in 9900 and three digits


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.txt"
    path.write_text("\f".join(f"Page {number} of five.\n" for number in range(1, 6)))
    return path


def submit(world: World, letter: Path, number: str) -> int:
    fax = outbound.submit(world.portal, world.store, world.acme.user, SendRequest(number, letter, letter.name))
    world.render_all()
    return fax.fax_id


def due_now(world: World) -> None:
    """Lets a queued retry be dialled at once."""
    with world.switch.across_tenants() as tx:
        tx.execute("update fax_queue set not_before = now()")
        tx.notify("faxplan_queue")


@pytest.mark.parametrize(
    ("digits", "sip_code", "state"),
    [
        ("486", 486, "queued"),
        ("404", 404, "failed"),
        ("503", 503, "queued"),
        ("603", 603, "failed"),
        ("480", 480, "queued"),
        ("484", 484, "failed"),
        ("302", 302, "failed"),
        ("403", 403, "queued"),
        ("408", 408, "queued"),
        ("488", 488, "queued"),
    ],
)
def test_a_refused_call_is_recorded_with_its_sip_code(
    world: World, letter: Path, monkeypatch: pytest.MonkeyPatch, digits: str, sip_code: int, state: str
) -> None:
    with faxplan_on_bench(world, monkeypatch) as switch:
        fax_id = submit(world, letter, TEST_NUMBER + digits)
        wait_for(lambda: any(a["outcome"] for a in world.attempts(world.acme, fax_id)), "the attempt to be settled")
        assert not switch.complaints
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["outcome"], attempt["sip_code"], attempt["fax_result_code"]) == ("not-sent", sip_code, None)
    fax = world.fax(world.acme, fax_id)
    assert fax["state"] == state
    assert f"SIP {sip_code}" in str(fax["explanation"])


def test_a_call_dropped_after_two_pages_is_resumed_at_the_third(
    world: World, letter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = TEST_NUMBER + "022"
    with faxplan_on_bench(world, monkeypatch):
        fax_id = submit(world, letter, number)
        wait_for(
            lambda: len(world.attempts(world.acme, fax_id)) == 1 and world.fax(world.acme, fax_id)["state"] == "queued",
            "a retry",
        )
        assert world.fax(world.acme, fax_id)["pages_done"] == 2
        due_now(world)
        wait_for(
            lambda: [a["outcome"] for a in world.attempts(world.acme, fax_id)] == ["incomplete"] * 2, "the second call"
        )
        due_now(world)
        wait_for(lambda: world.fax(world.acme, fax_id)["state"] == "sent", "the fax to be sent")
    attempts = world.attempts(world.acme, fax_id)
    assert [(a["start_page"], a["pages"]) for a in attempts] == [(0, 2), (2, 2), (4, 1)]


def test_an_unknown_gateway_is_settled_without_a_channel(
    world: World, letter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world.admin.across_tenants() as tx:
        tx.execute("update trunks set name = 'nowhere'")
    with faxplan_on_bench(world, monkeypatch):
        fax_id = submit(world, letter, world.borea.did)
        wait_for(lambda: any(a["outcome"] for a in world.attempts(world.acme, fax_id)), "the attempt to be settled")
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["outcome"], attempt["hangup_cause"]) == ("not-sent", "INVALID_GATEWAY")


def test_a_refused_t38_goes_on_in_audio(world: World, letter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with faxplan_on_bench(world, monkeypatch):
        fax_id = submit(world, letter, TEST_NUMBER + "001")
        wait_for(lambda: world.fax(world.acme, fax_id)["state"] == "sent", "the fax to be sent")
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["outcome"], attempt["t38_status"]) == ("sent", "off")


def test_a_cancelled_call_ends(world: World, letter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with faxplan_on_bench(world, monkeypatch, time="real"):
        fax_id = submit(world, letter, TEST_NUMBER + "000")
        wait_for(lambda: world.fax(world.acme, fax_id)["state"] == "sending", "pages to be on their way")
        assert outbound.cancel(world.portal, world.acme.user, fax_id) is False
        wait_for(lambda: world.fax(world.acme, fax_id)["state"] == "cancelled", "the call to end")
    (attempt,) = world.attempts(world.acme, fax_id)
    assert attempt["outcome"] in ("not-sent", "incomplete")
