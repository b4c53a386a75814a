import io
from pathlib import Path

import pikepdf
import pytest

from faxplan import documents, outbound
from faxplan.outbound import SendRequest
from faxplan.source import EncryptedDocument
from tests.world import World


@pytest.fixture
def locked(tmp_path: Path) -> Path:
    path = tmp_path / "locked.pdf"
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.save(path, encryption=pikepdf.Encryption(user="open sesame", owner="owner"))
    return path


def test_an_encrypted_pdf_is_stored_without_its_encryption_and_no_password_is_kept(world: World, locked: Path) -> None:
    request = SendRequest("03023125002", locked, "locked.pdf", password="open sesame")
    fax_id = outbound.submit(world.portal, world.store, world.acme.user, request).fax_id
    with world.portal.tenant(world.acme.tenant.id) as tx:
        stored = documents.get(tx, world.acme.tenant.id, tx.value("select id from documents"))
    with pikepdf.open(io.BytesIO(world.opened(stored))) as pdf:
        assert (pdf.is_encrypted, len(pdf.pages)) == (False, 1)
    world.render_all()
    assert world.fax(world.acme, fax_id)["state"] == "queued"


@pytest.mark.parametrize("password", [None, "wrong"])
def test_without_the_right_password_nothing_is_stored(world: World, locked: Path, password: str | None) -> None:
    request = SendRequest("03023125002", locked, "locked.pdf", password=password)
    with pytest.raises(EncryptedDocument):
        outbound.submit(world.portal, world.store, world.acme.user, request)
    assert not world.stored()


def test_a_password_for_a_document_that_needs_none_does_no_harm(world: World, tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear Sir or Madam")
    request = SendRequest("03023125002", letter, "letter.txt", password="superfluous")
    assert outbound.submit(world.portal, world.store, world.acme.user, request).fax_id
