"""The document store in a bucket, as FreeSWITCH's own process reaches it: what is sent comes from there, what is
received goes there.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from faxplan import mailboxes
from faxplan.document_store import Store
from faxplan.freeswitch_instance import Instance
from tests.bench.whole import wait_for
from tests.live.running import send
from tests.received_pages import assert_same_pages_below_the_header
from tests.s3_server import BUCKET, S3Server, client, running
from tests.world import World


@pytest.fixture
def bucket(world: World, tmp_path: Path) -> Iterator[S3Server]:
    """Before the switch starts, which reads its settings once."""
    (tmp_path / "s3").mkdir()
    with running(tmp_path / "s3") as server:
        world.settings = server.settings(world.settings, "live")
        world.store = Store.of(world.settings)
        world.store.accept()
        yield server


def test_a_document_goes_from_bucket_to_bucket(
    world: World, bucket: S3Server, faxplan: Instance, letter: Path, tmp_path: Path
) -> None:
    fax_id = send(world, letter, world.borea.did)
    wait_for(lambda: world.fax(world.acme, fax_id)["state"] in ("sent", "failed"), "the fax to be final", 120)
    assert world.fax(world.acme, fax_id)["state"] == "sent"

    def inbox() -> list[mailboxes.Entry]:
        with world.portal.tenant(world.borea.tenant.id) as tx:
            return mailboxes.entries(tx, world.borea.tenant.id, world.borea.user.id)

    wait_for(lambda: bool(inbox()), "the fax to lie in the mailbox")
    assert_same_pages_below_the_header(world, fax_id, world.acme, world.borea, tmp_path)
    received = world.fax(world.borea, inbox()[0].fax_id)
    assert None not in [received[column] for column in ("tiff_id", "pdf_id", "images_id", "thumbnail_id")]
    found = client(bucket).list_objects_v2(Bucket=BUCKET, Prefix="live/")["Contents"]
    # Marker; original, rendering, images and thumbnail of the sent one; TIFF, PDF, images, thumbnail of the received.
    assert len(found) == 9
    assert not world.settings.store.exists()
