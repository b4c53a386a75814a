"""What was stored before documents were sealed is sealed by `faxplan vault adopt`, and its plain files go."""

import hashlib
import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from faxplan import adoption, document_store, documents, page_images
from faxplan.adoption import Adopted, NotAllEnrolled
from faxplan.call_result import CallResult
from tests.db.test_failing_over import settle
from tests.faxes import claim, fax_tiff, queued
from tests.installations import Installation
from tests.past_the_gate import connected
from tests.world import Office, World, enrol, office, world_on


@pytest.fixture
def world(installation: Installation, tmp_path: Path) -> Iterator[World]:
    with world_on(installation, tmp_path) as made:
        yield made


def unsealed(world: World, owner: Office, kind: str, content: bytes, file_name: str = "") -> int:
    """A document as it was stored before."""
    name = os.urandom(16).hex()
    if not world.store.root.exists():
        world.store.root.mkdir(mode=0o700, parents=True)
        world.store.accept()
    (world.store.root / name[:2]).mkdir(mode=0o700, exist_ok=True)
    (world.store.root / name[:2] / name).write_bytes(content)
    with connected(world.installation, "postgres") as cursor:
        cursor.execute(
            """insert into documents (tenant_id, kind, media_type, file_name, bytes, sha256, object_name, pages)
               values (%s, %s, 'application/pdf', %s, %s, %s, %s, 1) returning id""",
            (owner.tenant.id, kind, file_name, len(content), hashlib.sha256(content).hexdigest(), name),
        )
        (document_id,) = cursor.fetchone() or (0,)
        cursor.connection.commit()
    return int(document_id)


def received(world: World, owner: Office, tiff: int, pdf: int | None = None) -> None:
    with world.switch.tenant(owner.tenant.id) as tx:
        tx.execute(
            """insert into faxes (tenant_id, direction, state, mailbox_id, called_number, pages, pages_done, tiff_id,
                                  pdf_id, finished_at)
               values (%s, 'inbound', 'received', %s, %s, 1, 1, %s, %s, now())""",
            (owner.tenant.id, owner.user.mailbox_id, owner.did, tiff, pdf),
        )


def content_of(world: World, owner: Office, document_id: int) -> bytes:
    with world.portal.tenant(owner.tenant.id) as tx:
        stored = documents.get(tx, owner.tenant.id, document_id)
    assert stored.digest is not None
    return world.opened(stored)


def nothing_plain(world: World, *contents: bytes) -> bool:
    return not any(content in path.read_bytes() for path in world.stored() for content in contents)


def adopt(world: World) -> Adopted:
    return adoption.adopt(world.worker, world.store, actor="administrator:test")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adoption, "STAGING_SECONDS", 0.0)


def test_received_and_sent_documents_are_their_readers_from_then_on(world: World) -> None:
    pages, pdf, orphan = b"pages of a fax" * 9000, b"%PDF of it", b"no fax has this"
    tiff = unsealed(world, world.acme, "received-tiff", pages)
    of_pdf = unsealed(world, world.acme, "received-pdf", pdf, "brief.pdf")
    left = unsealed(world, world.borea, "original", orphan)
    received(world, world.acme, tiff, of_pdf)
    told: list[tuple[int, int]] = []
    done = adoption.adopt(
        world.worker, world.store, actor="administrator:test", told=lambda count, of: told.append((count, of))
    )
    assert (done.sealed, done.removed, dict(done.lost)) == (3, 0, {})
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert content_of(world, world.acme, tiff) == pages
    assert content_of(world, world.acme, of_pdf) == pdf
    assert content_of(world, world.borea, left) == orphan
    assert nothing_plain(world, pages[:64], pdf, orphan)
    assert len(world.stored()) == 3
    with world.portal.tenant(world.acme.tenant.id) as tx:
        row = tx.one("select file_name, sha256, sealed_name from documents where id = %s", (of_pdf,))
    assert (row["file_name"], row["sha256"]) == ("", None)
    assert row["sealed_name"] is not None
    assert adopt(world).sealed == 0


def test_a_fax_that_waits_still_goes_out(world: World, tmp_path: Path) -> None:
    fax_id = queued(world, world.acme, pages=1)
    plain = unsealed(world, world.acme, "rendering", b"a page to be sent")
    with connected(world.installation, "postgres") as cursor:
        cursor.execute("update renderings set original_id = %s, document_id = %s", (plain, plain))
        cursor.connection.commit()
    assert adopt(world).sealed == 1
    (fax,) = claim(world)
    world.store.copy_to_send(fax.rendering, tmp_path / "pages")
    assert (tmp_path / "pages").read_bytes() == b"a page to be sent"
    settle(world, fax, CallResult("NORMAL_CLEARING", fax_success=True, fax_result_code=0, pages=1))
    assert world.fax(world.acme, fax_id)["state"] == "sent"
    assert content_of(world, world.acme, plain) == b"a page to be sent"


def pages_of(world: World, document_id: int | None) -> list[int]:
    """The numbers of the pages for the screen."""
    assert document_id is not None
    return [number for number, _ in page_images.read(io.BytesIO(content_of(world, world.acme, document_id)))]


def test_pages_for_the_screen_are_made_on_the_way(world: World, tmp_path: Path) -> None:
    content = fax_tiff(tmp_path / "fax.tif", 2).read_bytes()
    tiff, sent = (unsealed(world, world.acme, kind, content) for kind in ("received-tiff", "rendering"))
    received(world, world.acme, tiff)
    queued(world, world.acme, pages=2)
    with connected(world.installation, "postgres") as cursor:
        cursor.execute("update renderings set document_id = %s", (sent,))
        cursor.connection.commit()
    assert adopt(world).sealed == 2
    with world.portal.tenant(world.acme.tenant.id) as tx:
        inbound = tx.one("select images_id, thumbnail_id from faxes where direction = 'inbound'")
        rendering = tx.one("select images_id, thumbnail_id from renderings")
        (outbound,) = tx.rows("select images_id from faxes where direction = 'outbound'")
        open_to_machines = tx.value("select count(distinct document_id) from transient_wraps where document_id <> %s",
                                    (sent,))  # fmt: skip
    assert outbound["images_id"] is None
    for row in (inbound, rendering):
        assert pages_of(world, row["images_id"]) == [1, 2]
        assert content_of(world, world.acme, row["thumbnail_id"])[:4] == b"\x89PNG"
    # What stood in the rendering's place before, and nothing for the screen.
    assert open_to_machines == 1


def test_nothing_is_sealed_before_every_mailbox_has_a_key(world: World) -> None:
    newcomer = office(world.admin, "nova", "+493023125003")
    tiff = unsealed(world, world.acme, "received-tiff", b"pages")
    received(world, world.acme, tiff)
    with pytest.raises(NotAllEnrolled, match=r"user@nova\.example of nova.*faxplan enrol"):
        adopt(world)
    assert not nothing_plain(world, b"pages")
    enrol(world.portal, newcomer)
    assert adopt(world).sealed == 1


def noted(world: World) -> list[tuple[str, dict[str, int]]]:
    """What the installation's audit has of it."""
    with world.admin.across_tenants() as tx:
        rows = tx.rows("select actor, action, details from audit where object = 'store' order by sequence")
    assert {row["actor"] for row in rows} <= {"administrator:test"}
    return [(row["action"], row["details"]) for row in rows]


def test_its_beginning_and_its_end_stand_in_the_audit_of_the_installation(world: World) -> None:
    lost, _ = (unsealed(world, world.acme, "received-tiff", content) for content in (b"lost", b"good"))
    with world.portal.tenant(world.acme.tenant.id) as tx:
        world.store.delete(documents.get(tx, world.acme.tenant.id, lost).object_name)
    adopt(world)
    begun, ended = noted(world)
    assert begun == ("vault.adopt-begin", {"documents": 2})
    assert ended == ("vault.adopt", {"sealed": 1, "removed": 0, "lost": 1})


class Crash(BaseException):
    """The end of the process."""


@pytest.mark.parametrize("step", ["sealing", "recording", "removing"])
def test_a_crash_loses_nothing_and_leaves_nothing_plain(
    world: World, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    contents = [f"document {number}".encode() for number in range(3)]
    ids = [unsealed(world, world.acme, "received-tiff", content) for content in contents]
    for document_id in ids:
        received(world, world.acme, document_id)

    def crash(*_: object) -> None:
        raise Crash

    with monkeypatch.context() as crashing:
        if step == "sealing":
            crashing.setattr(document_store.Store, "seal", crash)
        elif step == "recording":
            crashing.setattr(documents, "replace_plain", crash)
        else:
            crashing.setattr(document_store.Store, "delete", crash)
        with pytest.raises(Crash):
            adopt(world)
    assert [action for action, _ in noted(world)] == ["vault.adopt-begin"]
    adopt(world)
    assert [content_of(world, world.acme, document_id) for document_id in ids] == contents
    assert nothing_plain(world, *contents)


def test_a_document_that_cannot_be_read_is_named_and_the_others_are_sealed(world: World) -> None:
    lost, good = (unsealed(world, world.acme, "received-tiff", content) for content in (b"lost", b"good"))
    with world.portal.tenant(world.acme.tenant.id) as tx:
        world.store.delete(documents.get(tx, world.acme.tenant.id, lost).object_name)
    done = adopt(world)
    assert (done.sealed, list(done.lost)) == (1, [lost])
    assert content_of(world, world.acme, good) == b"good"


def test_two_at_once_seal_each_document_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    tiff = unsealed(world, world.acme, "received-tiff", b"pages")
    received(world, world.acme, tiff)
    real = documents.replace_plain

    def after_the_other(*arguments: object) -> bool:
        monkeypatch.setattr(documents, "replace_plain", real)
        other = threading.Thread(target=adopt, args=(world,))
        other.start()
        other.join()
        return bool(real(*arguments))  # type: ignore[arg-type]

    monkeypatch.setattr(documents, "replace_plain", after_the_other)
    adopt(world)
    assert content_of(world, world.acme, tiff) == b"pages"
    assert len(world.stored()) == 1
