"""A trunk's media profile, as its calls have it on the line: who asks for T.38, modems, redundancy, codec."""

from pathlib import Path

import pytest

from faxplan.event_socket import EventSocket
from faxplan.freeswitch_instance import Instance
from tests.bench.whole import wait_for
from tests.live.calls import invite
from tests.live.running import TEST_NUMBER, send, settled
from tests.routing import change
from tests.world import World

TAKES_T38_IF_WE_ASK = TEST_NUMBER + "003"


def sent(world: World, letter: Path, number: str, **columns: object) -> dict[str, object]:
    """The attempt of a fax through the trunk with these columns."""
    change(world, "trunks", **columns)
    fax_id = send(world, letter, number)
    wait_for(settled(world, fax_id), "the attempt to be settled", 120)
    (attempt,) = world.attempts(world.acme, fax_id)
    assert attempt["outcome"] == "sent", attempt
    return attempt


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.txt"
    path.write_text("One page.\n")
    return path


def test_a_receiver_that_does_not_ask_is_asked(world: World, faxplan: Instance, letter: Path) -> None:
    faxplan.api("fsctl loglevel debug")
    attempt = sent(world, letter, TAKES_T38_IF_WE_ASK, t38_request="sender", t38_redundancy=1)
    assert attempt["t38_status"] == "negotiated"
    told = "FAX changing redundancy from 3:3 to 1:1"
    wait_for(lambda: told in faxplan.log_path.read_text(errors="replace"), "the redundancy in the log")


@pytest.mark.parametrize(("t38_request", "status"), [("sender", "negotiated"), ("nobody", "off")])
def test_our_own_receiving_side_keeps_to_it(
    world: World, faxplan: Instance, letter: Path, t38_request: str, status: str
) -> None:
    # Out and in through the same trunk: whoever asks, it is one of our own two legs.
    assert sent(world, letter, world.borea.did, t38_request=t38_request)["t38_status"] == status


def test_both_sides_have_the_trunks_modems(world: World, faxplan: Instance, letter: Path) -> None:
    attempt = sent(world, letter, world.borea.did, v17=False, ecm=False)
    assert (attempt["t38_status"], attempt["transfer_rate"], attempt["ecm_used"]) == ("negotiated", 9600, False)
    assert (attempt["v17_offered"], attempt["ecm_offered"]) == (False, False)
    with world.portal.tenant(world.borea.tenant.id) as tx:
        received = tx.one("select ecm_used, v17_disabled, transfer_rate from attempts")
    assert received == {"ecm_used": False, "v17_disabled": True, "transfer_rate": 9600}


@pytest.mark.parametrize(("codec", "formats"), [("any", {"0", "8"}), ("pcmu", {"0"}), ("pcma", {"8"})])
def test_the_codec_is_what_is_offered(
    ours: Instance, carriers_side: EventSocket, codec: str, formats: set[str]
) -> None:
    sdp = invite(ours, carriers_side, codec=codec)["switch_r_sdp"]
    (media,) = [line.split()[3:] for line in sdp.splitlines() if line.startswith("m=audio")]
    assert set(media) & {"0", "8", "3", "9", "18"} == formats
