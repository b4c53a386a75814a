"""What is accepted, by content, and what is refused, with which words."""

import io
import shutil
import struct
import zipfile
import zlib
from functools import cache
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name
from PIL import Image

from faxplan import source
from faxplan.confinement import LimitsOnly
from faxplan.source import Limits

SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples"


@pytest.fixture
def samples() -> Path:
    if not SAMPLES.is_dir():
        pytest.skip(f"the sample documents are not at {SAMPLES}")
    return SAMPLES


def inspect(path: Path, limits: Limits = source.STANDARD_LIMITS) -> source.Source:
    return source.inspect(path, within=LimitsOnly(), limits=limits)


def pdf_file(path: Path, *pages: tuple[float, float], **page_entries: object) -> Path:
    with pikepdf.new() as pdf:
        for size in pages:
            pdf.add_blank_page(page_size=size)
            for key, value in page_entries.items():
                pdf.pages[-1].obj[f"/{key}"] = value
        pdf.save(path)
    return path


@pytest.mark.parametrize(
    ("name", "media_type", "pages"),
    [
        ("002-trivial-libre-office-writer.pdf", source.PDF, 1),
        ("cmyk-image.pdf", source.PDF, 1),
        ("google-doc-document.pdf", source.PDF, 1),
        ("habibi-rotated.pdf", source.PDF, 4),
        ("pdflatex-4-pages.pdf", source.PDF, 4),
        ("pdflatex-forms.pdf", source.PDF, 1),
        ("pdflatex-image.pdf", source.PDF, 1),
        ("image.jpg", source.JPEG, 1),
        ("smile.png", source.PNG, 1),
        ("smile.tiff", source.TIFF, 1),
        ("README.md", source.TEXT, None),
    ],
)
def test_samples_are_known_by_their_content(
    samples: Path, tmp_path: Path, name: str, media_type: str, pages: int | None
) -> None:
    misnamed = tmp_path / "document.exe"
    shutil.copy(samples / name, misnamed)
    assert inspect(misnamed) == source.Source(media_type, pages)


def test_an_encrypted_pdf_needs_its_password(samples: Path) -> None:
    document = samples / "libreoffice-writer-password.pdf"
    with pytest.raises(source.EncryptedDocument, match="Give the password"):
        inspect(document)


def test_unlocking_takes_the_password_off(samples: Path, tmp_path: Path) -> None:
    document, target = samples / "libreoffice-writer-password.pdf", tmp_path / "a.pdf"
    with pytest.raises(source.EncryptedDocument, match="does not open"):
        source.unlock(document, target, "wrong", within=LimitsOnly())
    assert not target.exists()
    assert source.unlock(document, target, "openpassword", within=LimitsOnly())
    assert inspect(target).pages == 1
    assert not source.unlock(samples / "image.jpg", target, "openpassword", within=LimitsOnly())


def test_an_office_document_without_libreoffice_says_what_to_do(samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "soffice", lambda: None)
    with pytest.raises(source.UnsupportedDocument, match="LibreOffice"):
        inspect(samples / "letter.odt")


def test_an_office_document_with_libreoffice_is_accepted(samples: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "soffice", lambda: "/usr/bin/soffice")
    assert inspect(samples / "letter.odt") == source.Source("application/vnd.oasis.opendocument.text", None)


def test_open_xml_is_known_by_its_folders(tmp_path: Path) -> None:
    document = tmp_path / "a"
    with zipfile.ZipFile(document, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", "<w/>")
    assert source.media_type_of(document).endswith("wordprocessingml.document")


@pytest.mark.parametrize(
    "content",
    [
        b"%!PS-Adobe-3.0\n(hello) show",
        b"\x04%!PS",
        b"\xc5\xd0\xd3\xc6" + bytes(40),
        b"\x1b%-12345X@PJL\n",
        b"%!PS\n%PDF-1.4\n",
        b"MZ\x90\0\x03" + bytes(100),
        b"\x7fELF" + bytes(100),
        b"GIF89a" + bytes(30),
        b"{\\rtf1 hello}",
        b"<!DOCTYPE html><p>hello",
        bytes(range(256)) * 4,
        b"PK\x05\x06" + bytes(18),
    ],
)
def test_anything_else_is_unsupported_whatever_its_name(tmp_path: Path, content: bytes) -> None:
    document = tmp_path / "document.pdf"
    document.write_bytes(content)
    with pytest.raises(source.UnsupportedDocument):
        inspect(document)


def test_a_zip_archive_is_told_to_be_unpacked(tmp_path: Path) -> None:
    document = tmp_path / "a.pdf"
    with zipfile.ZipFile(document, "w") as archive:
        archive.writestr("letter.txt", "hello")
    with pytest.raises(source.UnsupportedDocument, match="Unpack"):
        inspect(document)


def test_a_damaged_zip_archive_is_told_so(samples: Path, tmp_path: Path) -> None:
    whole = bytearray((samples / "letter.odt").read_bytes())
    (tmp_path / "cut.odt").write_bytes(whole[:5000])
    # A name in the directory that claims to be UTF-8 and is not.
    at = whole.rindex(b"PK\x01\x02")
    whole[at + 9] |= 0x08
    whole[at + 46] = 0xBF
    (tmp_path / "names.odt").write_bytes(whole)
    for name in ("cut.odt", "names.odt"):
        with pytest.raises(source.DamagedDocument):
            inspect(tmp_path / name)


def test_empty(tmp_path: Path) -> None:
    document = tmp_path / "a.pdf"
    document.touch()
    with pytest.raises(source.EmptyDocument):
        inspect(document)
    with pytest.raises(source.EmptyDocument):
        inspect(pdf_file(tmp_path / "b.pdf"))


def test_too_many_bytes(tmp_path: Path) -> None:
    document = tmp_path / "a.txt"
    document.write_bytes(b"x" * 2000)
    with pytest.raises(source.DocumentTooLarge):
        inspect(document, limits=Limits(max_bytes=1000))


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6])
def test_a_truncated_pdf_is_damaged(samples: Path, tmp_path: Path, share: float) -> None:
    whole = (samples / "pdflatex-image.pdf").read_bytes()
    document = tmp_path / "a.pdf"
    document.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(source.DocumentRefused) as refusal:
        inspect(document)
    assert refusal.value.error_id in ("damaged-document", "empty-document")


def test_a_page_of_200_inches(tmp_path: Path) -> None:
    document = pdf_file(tmp_path / "a.pdf", (612, 792), (200 * 72, 600))
    with pytest.raises(source.PageTooLarge, match=r"Page 2 is 200\.0 by 8\.3 inches"):
        inspect(document)


def test_user_unit_counts_for_the_size(tmp_path: Path) -> None:
    with pytest.raises(source.PageTooLarge):
        inspect(pdf_file(tmp_path / "a.pdf", (612, 792), UserUnit=10))


def test_100000_pages(tmp_path: Path) -> None:
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        kids = [
            pdf.make_indirect(Dictionary(Type=Name.Page, MediaBox=Array([0, 0, 612, 792]), Parent=pdf.Root.Pages))
            for _ in range(100_000)
        ]
        pdf.Root.Pages.Kids = Array(kids)
        pdf.Root.Pages.Count = 100_000
        pdf.save(tmp_path / "a.pdf")
    with pytest.raises(source.TooManyPages, match="100000 pages"):
        inspect(tmp_path / "a.pdf")


def test_pages_are_counted_when_the_count_lies(tmp_path: Path) -> None:
    with pikepdf.new() as pdf:
        for _ in range(12):
            pdf.add_blank_page()
        pdf.save(tmp_path / "a.pdf")
    content = (tmp_path / "a.pdf").read_bytes().replace(b"/Count 12", b"/Count 1 ")
    (tmp_path / "a.pdf").write_bytes(content)
    with pytest.raises(source.TooManyPages, match="12 pages"):
        inspect(tmp_path / "a.pdf", limits=Limits(max_pages=10))


@cache
def bomb(mebibytes: int) -> bytes:
    deflater = zlib.compressobj(1)
    piece = b" " * 1024**2
    packed = b"".join(deflater.compress(piece) for _ in range(mebibytes))
    return packed + deflater.flush()


@pytest.mark.parametrize("twice", [False, True])
def test_a_pdf_that_inflates_past_2_gib(tmp_path: Path, twice: bool) -> None:
    packed = bomb(2100)
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        if twice:
            contents = pikepdf.Stream(pdf, zlib.compress(packed, 9))
            contents.Filter = Array([Name.FlateDecode, Name.FlateDecode])
        else:
            contents = pikepdf.Stream(pdf, packed)
            contents.Filter = Name.FlateDecode
        pdf.pages[0].obj.Contents = pdf.make_indirect(contents)
        pdf.save(tmp_path / "a.pdf", compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none)
    assert (tmp_path / "a.pdf").stat().st_size < 20_000_000
    with pytest.raises(source.InflatesTooFar, match="512 MB"):
        inspect(tmp_path / "a.pdf")


def test_an_image_of_a_thousand_million_pixels_in_a_pdf(tmp_path: Path) -> None:
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        image = pdf.make_stream(b"\0", Type=Name.XObject, Subtype=Name.Image, Width=40_000, Height=25_000)
        pdf.pages[0].obj.Resources = Dictionary(XObject=Dictionary(I=image))
        pdf.save(tmp_path / "a.pdf")
    with pytest.raises(source.PageTooLarge, match="1000 million"):
        inspect(tmp_path / "a.pdf")


def png_bomb(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compressobj(9)
    packed = b"".join(rows.compress(bytes(width // 8 + 1)) for _ in range(height)) + rows.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def test_a_png_bomb(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png_bomb(40_000, 20_000))
    with pytest.raises(source.PageTooLarge, match="800 million pixels"):
        inspect(tmp_path / "a.png")


def tiff(*frames: Image.Image) -> bytes:
    file = io.BytesIO()
    frames[0].save(file, "TIFF", save_all=True, append_images=frames[1:], compression="group4")
    return file.getvalue()


def test_a_tiff_whose_pages_lead_in_a_circle(tmp_path: Path) -> None:
    data = bytearray(tiff(Image.new("1", (64, 64))))
    (first,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, first)
    struct.pack_into("<I", data, first + 2 + 12 * entries, first)
    (tmp_path / "a.tif").write_bytes(data)
    with pytest.raises(source.DamagedDocument, match="circle"):
        inspect(tmp_path / "a.tif")


def test_tiff_pages_are_counted_and_limited(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(tiff(*[Image.new("1", (64, 64))] * 3))
    assert inspect(tmp_path / "a.tif").pages == 3
    with pytest.raises(source.TooManyPages):
        inspect(tmp_path / "a.tif", limits=Limits(max_pages=2))


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("Grüße".encode(), "utf-8-sig"),
        ("Grüße".encode("latin-1"), "cp1252"),
        ("Grüße".encode("utf-16"), "utf-16"),
        ("Hello, world".encode("utf-16-le"), "utf-16-le"),
        ("Hello, world".encode("utf-16-be"), "utf-16-be"),
        (("a" * 65535 + "ü").encode()[: 64 * 1024], "utf-8-sig"),
        (b"\x00\x01\x02", None),
    ],
)
def test_the_encoding_of_text(content: bytes, encoding: str | None) -> None:
    assert source.encoding_of(content) == encoding
