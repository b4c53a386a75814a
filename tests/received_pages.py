"""Whether the pages that arrived are the ones that were rendered."""

from pathlib import Path

from PIL import Image

from faxplan import documents
from tests.world import Office, World


def assert_same_pages_below_the_header(world: World, sent: int, sender: Office, receiver: Office, folder: Path) -> None:
    """Every row of every rendered page arrived, in order, bit by bit; above it, a header line that is not blank."""
    with world.portal.tenant(sender.tenant.id) as tx:
        rendering = tx.value(
            "select r.document_id from faxes f join renderings r on r.id = f.rendering_id where f.id = %s", (sent,)
        )
        rendered = documents.get(tx, sender.tenant.id, rendering)
    with world.portal.tenant(receiver.tenant.id) as tx:
        tiff = tx.value("select tiff_id from faxes where direction = 'inbound' and state = 'received'")
        received = documents.get(tx, receiver.tenant.id, tiff)
    world.store.copy_to(rendered, folder / "rendered.tif")
    world.store.copy_to(received, folder / "received.tif")
    with Image.open(folder / "rendered.tif") as ours, Image.open(folder / "received.tif") as theirs:
        assert ours.n_frames == theirs.n_frames  # type: ignore[attr-defined]
        for page in range(ours.n_frames):  # type: ignore[attr-defined]
            ours.seek(page)
            theirs.seek(page)
            header_rows = theirs.height - ours.height
            assert header_rows > 0
            assert theirs.width == ours.width == 1728
            below = theirs.convert("L").crop((0, header_rows, 1728, theirs.height))
            assert below.tobytes() == ours.convert("L").tobytes(), f"page {page + 1} arrived changed"
            assert theirs.convert("L").crop((0, 0, 1728, header_rows)).getextrema()[0] == 0, "a blank header line"
