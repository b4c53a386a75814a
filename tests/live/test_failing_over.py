"""What follows a failed call on a real FreeSWITCH: another trunk, or not; once, or later."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from faxplan import outbound, queue
from faxplan.event_socket import EventSocket
from faxplan.free_ports import free_sip_port
from faxplan.freeswitch_instance import Instance
from faxplan.gateways import Gateway, write_gateways
from faxplan.outbound import SendRequest
from tests.bench.whole import wait_for
from tests.live.calls import Live
from tests.live.calls import wait_for as wait_for_event
from tests.live.running import TEST_NUMBER, faxplan_on_freeswitch, send, settled
from tests.routing import add_route, add_trunk
from tests.world import World

REFUSED_BY_FIRST = "+493098765"
RINGS_AND_IS_REFUSED = "+493098764"
LATE_SECONDS = 45
"""A retry is due so long after its delay at most: the delay counts from when the call is settled."""


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.txt"
    path.write_text("A page.\n")
    return path


@pytest.fixture
def faxplan(world: World, live: Live, tmp_path: Path) -> Iterator[Instance]:
    """With two trunks to the carrier, which dial differently."""
    add_route(world, "+", add_trunk(world, "second", called_format="e164-no-plus"), position=200)
    with faxplan_on_freeswitch(world, live, tmp_path / "fs", "carrier", "second") as instance:
        yield instance


def waits(world: World, fax_id: int) -> float:
    """Seconds from the end of a fax's latest call until it is due again."""
    with world.switch.across_tenants() as tx:
        due = tx.value("select not_before from fax_queue where fax_id = %s", (fax_id,))
    return float((due - world.attempts(world.acme, fax_id)[-1]["ended_at"]).total_seconds())


def final(world: World, fax_id: int) -> None:
    wait_for(lambda: world.fax(world.acme, fax_id)["finished_at"] is not None, "the fax to be final", 120)


def calls(world: World, fax_id: int) -> list[tuple[object, ...]]:
    return [(a["trunk"], a["sip_code"], a["rule"]) for a in world.attempts(world.acme, fax_id)]


# Each with how long the fax waits, in seconds, or None: final.
@pytest.mark.parametrize(
    ("digits", "rule", "delay"),
    [
        ("486", "busy", 240),
        ("480", "no-answer", 600),
        ("404", "bad-number", None),
        ("484", "bad-number", None),
    ],
)
def test_what_the_callees_side_says_is_said_on_one_trunk(
    world: World,
    faxplan: Instance,
    carriers_side: EventSocket,
    letter: Path,
    digits: str,
    rule: str,
    delay: int | None,
) -> None:
    """One INVITE, counted at the carrier, to which both trunks lead: busy is busy through every trunk."""
    fax_id = send(world, letter, TEST_NUMBER + digits)
    wait_for(settled(world, fax_id), "the attempt to be settled")
    assert calls(world, fax_id) == [("carrier", int(digits), rule)]
    fax = world.fax(world.acme, fax_id)
    assert fax["state"] == ("failed" if delay is None else "queued")
    if delay is not None:
        assert delay - 1 < waits(world, fax_id) < delay + LATE_SECONDS
    # Another fax, whose calls come after all of the first one's.
    after = send(world, letter, TEST_NUMBER + "604")
    wait_for(settled(world, after), "the fax after it to be settled")
    invited = invites_until(carriers_side, "604")
    assert [called[-3:] for called in invited] == [digits, "604"]


def invites_until(carriers_side: EventSocket, digits: str) -> list[str]:
    """Called numbers of the carrier's legs, as they ended, up to the first one that ends in these digits."""
    invited: list[str] = []

    def last_one() -> bool:
        event = carriers_side.next_event(0.2)
        if event is not None:
            invited.append(event.headers["Caller-Destination-Number"])
        return bool(invited) and invited[-1].endswith(digits)

    wait_for_event(last_one, 30, f"INVITE to {digits}")
    return invited


@pytest.mark.parametrize(
    ("digits", "rule"),
    [("503", "trunk-fault"), ("408", "trunk-fault"), ("403", "forbidden"), ("603", "refused"), ("488", "media")],
)
def test_what_the_trunks_side_says_goes_to_the_next_trunk(
    world: World, faxplan: Instance, letter: Path, digits: str, rule: str
) -> None:
    fax_id = send(world, letter, REFUSED_BY_FIRST + digits)
    final(world, fax_id)
    assert calls(world, fax_id) == [("carrier", int(digits), rule), ("second", 200, None)]
    assert world.fax(world.acme, fax_id)["state"] == "sent"


def test_a_gateway_that_is_down_leaves_the_call_to_the_next_trunk(
    world: World, live: Live, faxplan: Instance, letter: Path
) -> None:
    dead = Gateway("dead", "127.0.0.1", free_sip_port(), ping_seconds=5)
    write_gateways(faxplan.gateways_folder, [dead, Gateway("second", "127.0.0.1", live.carrier.sip_port)])
    faxplan.api("sofia profile faxplan rescan")
    with world.admin.across_tenants() as tx:
        tx.execute("update trunks set name = 'dead' where name = 'carrier'")
    wait_for(lambda: "DOWN" in faxplan.api("sofia status gateway dead"), "the gateway to be seen down")
    fax_id = send(world, letter, REFUSED_BY_FIRST + "503")
    final(world, fax_id)
    assert calls(world, fax_id) == [("dead", None, "trunk-fault"), ("second", 200, None)]
    first = world.attempts(world.acme, fax_id)[0]
    assert (first["hangup_cause"], first["channel"]) == ("GATEWAY_DOWN", False)
    assert world.fax(world.acme, fax_id)["state"] == "sent"


@pytest.mark.parametrize("digits", ["503", "408"])
def test_a_telephone_that_has_rung_is_not_rung_again_through_the_next_trunk(
    world: World, faxplan: Instance, letter: Path, digits: str
) -> None:
    fax_id = send(world, letter, RINGS_AND_IS_REFUSED + digits)
    wait_for(settled(world, fax_id), "the attempt to be settled")
    assert calls(world, fax_id) == [("carrier", int(digits), "rang")]
    assert world.fax(world.acme, fax_id)["state"] == "queued"
    assert 599 < waits(world, fax_id) < 600 + LATE_SECONDS


def test_a_call_that_the_switch_refuses_for_having_too_many_goes_to_the_next_trunk(
    world: World, faxplan: Instance, letter: Path
) -> None:
    """Sessions per second exceeded. The turn to count calls keeps the second one back until that is over."""

    def other_call() -> str:
        return faxplan.api(f"originate sofia/gateway/carrier/{TEST_NUMBER}486 &hangup")

    faxplan.api("fsctl sps 1")  # which admits one less
    wait_for(lambda: other_call() == "-ERR DESTINATION_OUT_OF_ORDER", "the limit to hold")
    waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
    fax_id: int | None = None
    claimed = False
    while not claimed:
        with world.switch.across_tenants() as tx:
            queue.take_turn(tx)
            tx.value(waiting)  # it goes with the next statement; after the runtime, if that waits
            fax_id = fax_id or send(world, letter, REFUSED_BY_FIRST + "503")
            claimed = bool(world.attempts(world.acme, fax_id))
            if claimed:
                wait_for(settled(world, fax_id), "the first call to be settled")
                faxplan.api("fsctl sps 100")
                wait_for(lambda: other_call() == "-ERR USER_BUSY", "the limit to be lifted")
            else:
                # Its claim may have begun before the fax was ready, and then comes again.
                wait_for(lambda: bool(tx.value(waiting)), "the runtime to want the turn")
    final(world, fax_id)
    assert calls(world, fax_id) == [("carrier", None, "trunk-fault"), ("second", 200, None)]
    first = world.attempts(world.acme, fax_id)[0]
    assert (first["hangup_cause"], first["channel"]) == ("DESTINATION_OUT_OF_ORDER", False)
    assert world.fax(world.acme, fax_id)["state"] == "sent"


def test_with_no_trunk_left_a_fax_waits_as_the_table_says(
    world: World, live: Live, letter: Path, tmp_path: Path
) -> None:
    """docs/failures.md, in seconds."""
    expected = {
        "503": ("trunk-fault", 60),
        "408": ("trunk-fault", 60),
        "403": ("forbidden", 900),
        "488": ("media", 300),
    }
    with faxplan_on_freeswitch(world, live, tmp_path / "fs", "carrier"):
        requests = {digits: SendRequest(TEST_NUMBER + digits, letter, letter.name) for digits in expected}
        faxes = {
            digits: outbound.submit(world.portal, world.store, world.acme.user, request).fax_id
            for digits, request in requests.items()
        }
        world.render_all()
        for digits, fax_id in faxes.items():
            wait_for(settled(world, fax_id), f"the call to {digits} to be settled")
    for digits, fax_id in faxes.items():
        rule, delay = expected[digits]
        assert calls(world, fax_id) == [("carrier", int(digits), rule)]
        assert world.fax(world.acme, fax_id)["state"] == "queued"
        assert delay - 1 < waits(world, fax_id) < delay + LATE_SECONDS, digits


def test_a_refusal_on_both_trunks_is_final(world: World, faxplan: Instance, letter: Path) -> None:
    fax_id = send(world, letter, TEST_NUMBER + "603")
    final(world, fax_id)
    assert calls(world, fax_id) == [("carrier", 603, "refused"), ("second", 603, "refused")]
    assert world.fax(world.acme, fax_id)["state"] == "failed"


def test_a_number_that_rings_is_dialled_again_later(
    world: World, live: Live, letter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAXPLAN_RING_SECONDS", "5")
    with faxplan_on_freeswitch(world, live, tmp_path / "fs", "carrier"):
        fax_id = send(world, letter, TEST_NUMBER + "012")
        wait_for(settled(world, fax_id), "the attempt to be settled")
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["rule"], attempt["outcome"]) == ("no-answer", "not-sent")
    assert world.fax(world.acme, fax_id)["state"] == "queued"
    assert 599 < waits(world, fax_id) < 600 + LATE_SECONDS
