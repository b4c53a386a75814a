"""Whether the pages that arrived are the ones that were rendered."""

from pathlib import Path

from PIL import Image

from faxplan import documents, page_strips
from faxplan.paper import Resolution
from tests.world import Office, World


def assert_same_pages_below_the_header(world: World, sent: int, sender: Office, receiver: Office, folder: Path) -> None:
    """Every row of every rendered page arrived, in order, bit by bit; above it, a header line that is not blank."""
    with world.portal.tenant(receiver.tenant.id) as tx:
        tiff = tx.value("select tiff_id from faxes where direction = 'inbound' and state = 'received'")
        received = documents.get(tx, receiver.tenant.id, tiff)
    world.copy_out(received, folder / "received.tif")
    ours = rendered(world, sender, sent, folder / "rendered.tif")
    assert_same_below_the_header(ours, folder / "received.tif")


def rendered(world: World, sender: Office, fax_id: int, target: Path) -> Path:
    """A copy of a fax's pages as the worker stored them, those of its cover first."""
    with world.portal.tenant(sender.tenant.id) as tx:
        fax = tx.one(
            """select r.document_id, f.cover_pages_id, f.resolution from faxes f
               join renderings r on r.id = f.rendering_id where f.id = %s""",
            (fax_id,),
        )
        stored = documents.get(tx, sender.tenant.id, fax["document_id"])
        cover = None if fax["cover_pages_id"] is None else documents.get(tx, sender.tenant.id, fax["cover_pages_id"])
    body = world.opened(stored)
    if cover is None:
        target.write_bytes(body)
    else:
        drawn = page_strips.of(world.opened(cover)).at(Resolution(fax["resolution"]).y_dpi)
        page_strips.write(drawn + page_strips.of(body), target)
    return target


def assert_same_below_the_header(sent: Path, received: Path) -> None:
    """The same of two TIFFs: the rendered pages, and what arrived."""
    with Image.open(sent) as ours, Image.open(received) as theirs:
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


def pages_of(path: Path) -> list[bytes]:
    """What is on each page, row by row, whatever a TIFF says of black and white."""
    with Image.open(path) as tiff:
        found = []
        for index in range(tiff.n_frames):  # type: ignore[attr-defined]
            tiff.seek(index)
            found.append(tiff.convert("L").tobytes())
        return found
