"""Digits after the answer, and numbers that are never called, on a real FreeSWITCH."""

import re
from pathlib import Path

import pytest

from faxplan import outbound
from faxplan.errors import FaxplanError
from faxplan.freeswitch_instance import Instance
from faxplan.outbound import SendRequest
from tests.bench.whole import wait_for
from tests.hostile import NUMBERS, assert_nothing_ran
from tests.live.running import TEST_NUMBER, due_now, send
from tests.world import World


@pytest.mark.parametrize(("number", "t38"), [("070", "negotiated"), ("071", "off")])
def test_a_menu_hears_the_digits_before_the_fax_and_the_pages_arrive(
    world: World, faxplan: Instance, letter: Path, number: str, t38: str
) -> None:
    fax_id = send(world, letter, f"{TEST_NUMBER}{number}p12w#A")
    wait_for(lambda: world.fax(world.acme, fax_id)["finished_at"] is not None, "the fax to be final", 120)
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["pages_done"], fax["called_number"]) == ("sent", 3, TEST_NUMBER + number)
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["outcome"], attempt["t38_status"], attempt["dialled"]) == ("sent", t38, TEST_NUMBER + number)
    log = (faxplan.options.base / "log" / "freeswitch.log").read_text(errors="replace")
    assert f"{TEST_NUMBER}{number}" in log
    # Where the number stands no digit follows it.
    assert not re.search(rf"{re.escape(TEST_NUMBER + number)}[0-9wp#*]", log)


def test_a_machine_that_asks_for_t38_while_digits_go_gets_its_fax_all_the_same(
    world: World, faxplan: Instance, letter: Path
) -> None:
    """It has no menu, and offers image media a second after the answer; the digits take five."""
    fax_id = send(world, letter, f"{TEST_NUMBER}000p12p34")
    wait_for(lambda: bool([a for a in world.attempts(world.acme, fax_id) if a["outcome"]]), "the call to be over", 200)
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["outcome"], attempt["pages"]) == ("sent", 3), attempt


def test_a_second_call_sends_the_digits_again(world: World, faxplan: Instance, letter: Path) -> None:
    fax_id = send(world, letter, f"{TEST_NUMBER}070w12#B")
    wait_for(lambda: bool([a for a in world.attempts(world.acme, fax_id) if a["outcome"]]), "the first call to be over")
    assert world.fax(world.acme, fax_id)["state"] == "queued"
    with world.portal.tenant(world.acme.tenant.id) as tx:
        tx.execute("update faxes set post_dial = 'w12#A' where id = %s", (fax_id,))
    due_now(world)
    wait_for(lambda: world.fax(world.acme, fax_id)["finished_at"] is not None, "the fax to be final", 120)
    assert world.fax(world.acme, fax_id)["state"] == "sent"
    assert len(world.attempts(world.acme, fax_id)) == 2


def test_no_hostile_number_makes_a_channel(world: World, faxplan: Instance, letter: Path) -> None:
    for number in NUMBERS:
        with pytest.raises(FaxplanError):
            outbound.submit(world.portal, world.store, world.acme.user, SendRequest(number, letter, letter.name))
    world.render_all()
    # One that is called, after them: whatever they left in the queue would have been dialled by then.
    fax_id = send(world, letter, f"{TEST_NUMBER}404")
    wait_for(lambda: world.fax(world.acme, fax_id)["finished_at"] is not None, "the fax to be final", 120)
    assert re.search(r"^CALLS-OUT\s+1$", faxplan.api("sofia status profile faxplan"), re.MULTILINE)
    assert faxplan.api("show channels count").strip() == "0 total."
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select count(*) from faxes") == 1
    assert_nothing_ran()
