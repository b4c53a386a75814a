"""Lost T.38 datagrams: really lost, the same ones for the same seed, and made good by what the next ones repeat."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bench import Behaviour
from bench.far_end import FarEnd
from bench.line import Line, PacketPath
from tests.bench.random_kills import sheets
from tests.bench.whole import faxplan_on_bench, wait_for
from tests.faxes import queued
from tests.routing import change
from tests.world import World

DATAGRAMS = 20_000
NUMBER = "+493098765000"


def carried(loss_percent: float, *, redundancy: int, seed: int = 1, copies: int = 1) -> list[int]:
    """The sequence numbers that arrive, in the order in which the receiver gets them."""
    path = PacketPath(loss_percent, seed)
    sent = [(b"%d" % number, path.carry(b"%d" % number, copies, redundancy)) for number in range(DATAGRAMS)]
    arrived = [each for _, fresh in sent for each in fresh]
    assert all(packet == b"%d" % sequence for sequence, packet in arrived)
    return [sequence for sequence, _ in arrived]


def missing(arrived: Sequence[int]) -> set[int]:
    return set(range(DATAGRAMS)) - set(arrived)


@pytest.mark.parametrize("redundancy", [0, 3])
def test_without_loss_everything_arrives_once_and_in_order(redundancy: int) -> None:
    assert carried(0, redundancy=redundancy) == list(range(DATAGRAMS))


@pytest.mark.parametrize("percent", [1, 3, 5])
def test_so_many_percent_are_lost_and_others_with_another_seed(percent: int) -> None:
    lost = missing(carried(percent, redundancy=0))
    # Four standard deviations of a binomial distribution; the seed is fixed.
    expected, deviation = DATAGRAMS * percent / 100, (DATAGRAMS * percent / 100 * (1 - percent / 100)) ** 0.5
    assert abs(len(lost) - expected) < 4 * deviation
    assert missing(carried(percent, redundancy=0)) == lost
    assert missing(carried(percent, redundancy=0, seed=2)) != lost


@pytest.mark.parametrize("redundancy", [1, 2, 3])
def test_a_packet_is_missing_only_if_all_that_repeat_it_are_lost_too(redundancy: int) -> None:
    lost = missing(carried(5, redundancy=0))
    arrived = carried(5, redundancy=redundancy)
    assert arrived == sorted(set(arrived)), "each once, and in order"
    # What was lost at the very end, nothing came to repeat.
    lasting = {each for each in lost if {*range(each, each + redundancy + 1)} <= {*lost, *range(DATAGRAMS, each + 9)}}
    assert missing(arrived) == lasting


def test_a_datagram_that_is_sent_several_times_is_lost_only_if_each_is() -> None:
    once, thrice = (len(missing(carried(20, redundancy=0, copies=copies))) for copies in (1, 3))
    assert 0 < thrice < once / 10


def send(tiff: Path, folder: Path, loss_percent: float, **both: bool | int) -> tuple[int | None, list[bytes]]:
    """The sender's completion code, and what arrived."""
    line = Line(lambda: None, loss_percent=loss_percent, seed=3)
    sender = FarEnd(line, Behaviour(t38="accept", **both), sends=tiff)  # type: ignore[arg-type]
    receiver = FarEnd(line, Behaviour(**both), keep_in=folder)  # type: ignore[arg-type]
    line.join(sender, receiver)
    with line.lock:
        receiver.ring()
    line.advance(3600 * 50, held_clock=True)
    file = Path(receiver.result.path)
    return sender.result.code, sheets(file) if file.exists() else []  # spandsp deletes it where no page came


@pytest.mark.parametrize("ecm", [True, False], ids=["ecm", "no-ecm"])
def test_redundancy_brings_over_whole_what_else_is_damaged(
    make_tiff: Callable[..., Path], tmp_path: Path, ecm: bool
) -> None:
    tiff = make_tiff(3, length=2200)
    sent = sheets(tiff)
    assert send(tiff, tmp_path, 0, ecm=ecm, redundancy=0) == (0, sent)
    assert send(tiff, tmp_path, 3, ecm=ecm, redundancy=3) == (0, sent)
    code, arrived = send(tiff, tmp_path, 3, ecm=ecm, redundancy=0)
    assert code != 0 or arrived != sent


@pytest.mark.parametrize(("redundancy", "state"), [(3, "sent"), (0, "failed")])
def test_the_trunks_redundancy_is_what_our_packets_have(
    world: World, monkeypatch: pytest.MonkeyPatch, redundancy: int, state: str
) -> None:
    """The far end's own datagrams repeat three: what is lost is lost on our side."""
    change(world, "trunks", t38_redundancy=redundancy)
    change(world, "tenants", max_attempts=1)
    number = {"exact": NUMBER, "loss_percent": 5, "seed": 1}
    with faxplan_on_bench(world, monkeypatch, plan={"number": [number]}):
        fax_id = queued(world, world.acme, number=NUMBER)
        wait_for(lambda: world.fax(world.acme, fax_id)["finished_at"] is not None, "the fax to be final")
    assert world.fax(world.acme, fax_id)["state"] == state
