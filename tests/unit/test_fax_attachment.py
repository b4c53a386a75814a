"""What a mail carries of a fax: its bytes, and what it is called."""

import io
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from PIL import Image

from faxplan import fax_attachment, language, received
from faxplan.fax_attachment import PDF, TIFF, AttachmentTooLarge
from faxplan.tiff_directory import BrokenTiff
from tests import fax_mails
from tests.vendor_words import vendor_words

AT = datetime(2026, 11, 27, 9, 12, tzinfo=ZoneInfo("Europe/Berlin"))
DESCRIPTION, MAKE, SOFTWARE, DATE, HOST = 270, 271, 305, 306, 316


@pytest.fixture
def tiff(tmp_path: Path) -> Path:
    """Two pages, which say what the switch's library writes: itself, this machine, and more."""
    pages = [Image.radial_gradient("L").resize((1728, 300)).convert("1") for _ in range(2)]
    texts = {
        DESCRIPTION: "+49 30 1",
        MAKE: "fs",
        SOFTWARE: "Spandsp",
        DATE: "2026:11:27 09:12:00",
        HOST: "fax1.internal",
    }
    pages[0].save(
        tmp_path / "fax.tif", compression="group4", dpi=(204, 196), save_all=True, append_images=pages[1:],
        tiffinfo=texts,
    )  # fmt: skip
    return tmp_path / "fax.tif"


def test_a_tiff_is_attached_without_a_word_in_it(tiff: Path) -> None:
    before = tiff.read_bytes()
    assert b"Spandsp" in before
    assert b"fax1.internal" in before
    with tiff.open("rb") as plain:
        content = fax_attachment.content(plain, TIFF)
    assert vendor_words(content) == []
    for text in (b"fax1.internal", b"+49 30 1", b"2026:11:27"):
        assert text not in content
    with Image.open(io.BytesIO(content)) as ours, Image.open(tiff) as theirs:
        assert ours.n_frames == theirs.n_frames == 2  # type: ignore[attr-defined]
        for page in range(2):
            ours.seek(page)
            theirs.seek(page)
            assert ours.tag_v2[MAKE].strip("\0") == ""  # type: ignore[attr-defined]
            assert ours.tobytes() == theirs.tobytes()


def test_a_pdf_is_attached_as_it_was_made(tiff: Path, tmp_path: Path) -> None:
    received.to_pdf(tiff, tmp_path / "fax.pdf")
    with (tmp_path / "fax.pdf").open("rb") as plain:
        content = fax_attachment.content(plain, PDF)
    assert content == (tmp_path / "fax.pdf").read_bytes()
    assert vendor_words(content) == []


def test_a_tiff_that_breaks_off_says_nothing_by_mistake(tiff: Path) -> None:
    whole = tiff.read_bytes()
    with pytest.raises(BrokenTiff):
        fax_attachment.content(io.BytesIO(whole[: len(whole) // 2]), TIFF)


def test_what_is_something_else_is_not_attached() -> None:
    for content, kind in ((b"%PDF-1.7", TIFF), (b"II*\0", PDF), (b"", PDF), (b"<html>", PDF)):
        with pytest.raises(ValueError, match=f"no {kind} file"):
            fax_attachment.content(io.BytesIO(content), kind)


def test_what_no_mail_carries_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fax_attachment, "MOST_BYTES", 2 * 1024**2)
    largest = b"%PDF-" + bytes(2 * 1024**2 - 5)
    assert fax_attachment.content(io.BytesIO(largest), PDF) == largest
    larger = io.BytesIO(largest + bytes(1000))
    with pytest.raises(AttachmentTooLarge, match="2 MB"):
        fax_attachment.content(larger, PDF)
    assert larger.tell() == 2 * 1024**2 + 1


@pytest.mark.parametrize(
    ("caller", "kind", "name"),
    [
        ("+15551234", PDF, "fax-2026-11-27-0912-from-+15551234.pdf"),
        ("+15551234", TIFF, "fax-2026-11-27-0912-from-+15551234.tiff"),
        (None, PDF, "fax-2026-11-27-0912.pdf"),
        ("anonymous", PDF, "fax-2026-11-27-0912.pdf"),
        ("../../0049\r\n30\0 \u202e1${x}", PDF, "fax-2026-11-27-0912-from-0049301.pdf"),
        ("\u0661\u0662", PDF, "fax-2026-11-27-0912.pdf"),
    ],
)
def test_its_name_says_when_and_from_whom_and_nothing_more(caller: str | None, kind: str, name: str) -> None:
    assert fax_attachment.name(AT, caller, kind) == name


def test_a_number_without_end_does_not_make_a_name_without_end() -> None:
    name = fax_attachment.name(AT, "9" * 5000, PDF)
    assert len(name) == 104
    assert name.endswith("9.pdf")


def test_words_of_another_language_are_written_in_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"fax-{moment}-from-{caller}": "télécopie-{moment}-de-{caller}", "fax-{moment}": "факс-{moment}"}
    monkeypatch.setattr(fax_attachment, "_", said.__getitem__)
    assert fax_attachment.name(AT, "+1", PDF) == "telecopie-2026-11-27-0912-de-+1.pdf"
    assert fax_attachment.name(AT, None, PDF) == "2026-11-27-0912.pdf"
    assert language.current() == "en"


def test_a_mail_carries_it() -> None:
    message = fax_mails.mail(b"%PDF-")
    fax_attachment.attach(message, b"II*\0", "fax.tiff", TIFF)
    added = list(message.iter_attachments())[-1]
    assert (added.get_filename(), added.get_content_type(), added.get_content()) == ("fax.tiff", "image/tiff", b"II*\0")
