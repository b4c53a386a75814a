"""Many faxes between two tenants at once: each arrives exactly once, and nothing is left in a working state."""

import hashlib
from pathlib import Path

import pytest
from PIL import Image

from faxplan import documents, outbound
from faxplan.documents import StoredObject
from faxplan.outbound import SendRequest
from tests.bench.whole import faxplan_on_bench, wait_for
from tests.world import Office, World


@pytest.mark.parametrize("count", [12, pytest.param(500, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])])
def test_each_fax_arrives_exactly_once(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    offices = (world.acme, world.borea)
    for number in range(count):
        sender, receiver = offices[number % 2], offices[(number + 1) % 2]
        letter = tmp_path / "letter.txt"
        letter.write_text(f"Fax number {number}.\n")
        outbound.submit(world.portal, world.store, sender.user, SendRequest(receiver.did, letter, letter.name))
    world.render_all()
    with faxplan_on_bench(world, monkeypatch) as switch:
        wait_for(lambda: _counted(world, "inbound", "received") == count, "every fax to be received", seconds=1200)
        wait_for(lambda: _counted(world, "outbound", "sent") == count, "every fax to be sent", seconds=60)
        assert not switch.complaints
    assert _counted(world, "outbound") == _counted(world, "inbound") == count
    for office in offices:
        with world.portal.tenant(office.tenant.id) as tx:
            assert tx.value("select count(*) from attempts where outcome is null") == 0
            assert tx.value("select count(*) from calls") == tx.value("select count(*) from fax_queue") == 0
            assert tx.value("select count(*) from mailbox_entries") == tx.value(
                "select count(distinct fax_id) from mailbox_entries"
            )
    for sender, receiver in (offices, offices[::-1]):
        sent, received = _rendered(world, sender, tmp_path), _received(world, receiver, tmp_path)
        assert sorted(received) == sorted(sent)
        assert len(set(sent)) == len(sent), "the documents must differ, or nobody would notice that they are swapped"
    assert not list(world.settings.journal.iterdir())
    assert not list(world.settings.pending.iterdir())
    assert not [path for path in world.settings.spool.rglob("*") if path.is_file()]


def _rendered(world: World, office: Office, folder: Path) -> list[bytes]:
    """The one page of each fax that this office sent."""
    with world.portal.tenant(office.tenant.id) as tx:
        ids = tx.rows("select r.document_id as id from faxes f join renderings r on r.id = f.rendering_id")
        stored = [documents.get(tx, office.tenant.id, row["id"]) for row in ids]
    return [_page(world, each, folder) for each in stored]


def _received(world: World, office: Office, folder: Path) -> list[bytes]:
    """The one page of each fax that this office received, below its header line."""
    with world.portal.tenant(office.tenant.id) as tx:
        ids = tx.rows("select tiff_id as id from faxes where direction = 'inbound'")
        stored = [documents.get(tx, office.tenant.id, row["id"]) for row in ids]
    return [_page(world, each, folder) for each in stored]


def _page(world: World, stored: StoredObject, folder: Path) -> bytes:
    """What is on the sheet of eleven inches, fine, as a digest: whatever a header line adds stands above it."""
    world.copy_out(stored, folder / "page.tif")
    with Image.open(folder / "page.tif") as page:
        sheet = page.crop((0, page.height - 11 * 196, page.width, page.height))
        assert sheet.convert("L").getextrema()[0] == 0, "a blank page"
        return hashlib.sha256(sheet.tobytes()).digest()


def _counted(world: World, direction: str, state: str | None = None) -> int:
    total = 0
    for office in (world.acme, world.borea):
        with world.portal.tenant(office.tenant.id) as tx:
            total += tx.value(
                "select count(*) from faxes where direction = %s and (%s::text is null or state = %s)",
                (direction, state, state),
            )
    return total
