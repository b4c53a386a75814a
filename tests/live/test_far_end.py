"""What the far machine does to a call of a whole Faxplan: it breaks off in the midst, or is silent at the end."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from faxplan.freeswitch_instance import Instance
from tests.bench.whole import wait_for
from tests.live.calls import Live
from tests.live.running import TEST_NUMBER, due_now, faxplan_on_freeswitch, send, settled
from tests.received_pages import pages_of
from tests.world import World


@pytest.fixture
def faxplan(world: World, live: Live, tmp_path: Path) -> Iterator[Instance]:
    with faxplan_on_freeswitch(world, live, tmp_path / "fs", "carrier") as instance:
        yield instance


def letter(folder: Path, pages: int) -> Path:
    path = folder / "letter.txt"
    path.write_text("\f".join(f"Page {number}.\n" for number in range(1, pages + 1)))
    return path


def arrived(live: Live, since: float) -> list[int]:
    """Pages of each call that the carrier's own fax machine has received, the oldest first."""
    files = [path for path in (live.carrier.options.base / "tmp").glob("*.tif") if path.stat().st_mtime >= since]
    files.sort(key=lambda path: path.stat().st_mtime)
    return [len(pages_of(path)) for path in files]


def call(world: World) -> dict[str, object]:
    """The one that is going on; empty where none is."""
    with world.switch.across_tenants() as tx:
        return tx.row("select channel_uuid, pages from calls") or {}


def test_a_call_dropped_after_page_two_of_five_goes_on_at_page_three(
    world: World, live: Live, faxplan: Instance, tmp_path: Path
) -> None:
    began = time.time()
    fax_id = send(world, letter(tmp_path, 5), TEST_NUMBER + "052")
    wait_for(settled(world, fax_id), "the first call to be settled", 180)
    assert world.fax(world.acme, fax_id)["pages_done"] == 2
    due_now(world)
    wait_for(settled(world, fax_id, calls=2), "the second call to be settled", 180)
    assert [(a["start_page"], a["pages"]) for a in world.attempts(world.acme, fax_id)] == [(0, 2), (2, 3)]
    assert world.fax(world.acme, fax_id)["state"] == "sent"
    # What broke off in the midst of page three may stand in the first file too.
    first, second = arrived(live, began)
    assert (first in (2, 3), second) == (True, 3)


def test_a_machine_that_is_silent_after_the_last_page_holds_nothing_up(
    world: World, faxplan: Instance, tmp_path: Path
) -> None:
    fax_id = send(world, letter(tmp_path, 1), TEST_NUMBER + "060")
    wait_for(lambda: world.fax(world.acme, fax_id)["state"] == "sending", "the page to be sent", 60)
    channel = str(call(world)["channel_uuid"])
    wait_for(lambda: not (now := call(world)) or now["pages"] == 1, "the page to be acknowledged", 60)
    # The machine would be silent for a minute.
    wait_for(lambda: faxplan.api(f"uuid_exists {channel}").strip() == "false", "the channel to be gone", 10)
    wait_for(lambda: world.fax(world.acme, fax_id)["state"] == "sent", "the fax to be sent", 10)
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["outcome"], attempt["hung_up_by"]) == ("sent", "us")
