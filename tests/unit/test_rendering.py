"""Documents as fax pages: the right size, nothing cut, nothing lost, nothing left behind."""

import os
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name
from PIL import Image, ImageDraw, ImageSequence

from faxplan import demo, fax_tiff, pdf_source, render_pdf, rendering, sandbox, source
from faxplan.confinement import LimitsOnly
from faxplan.errors import DocumentRefused, RenderingFailed
from faxplan.fax_tiff import FaxTiff
from faxplan.namespaces import Namespace
from faxplan.paper import CHOICES
from faxplan.rendering import Resolution, Tone, render
from tests.forks import forks

__all__ = ["forks"]

SAMPLES = Path(__file__).parents[2].parent / "shared" / "samples"
A4, LETTER, LEGAL, A5 = (595.276, 841.89), (612, 792), (612, 1008), (419.528, 595.276)


@pytest.fixture
def samples() -> Path:
    if not SAMPLES.is_dir():
        pytest.skip(f"the sample documents are not at {SAMPLES}")
    return SAMPLES


def cornered(path: Path, *sizes: tuple[float, float], origin: float = 0, **entries: object) -> Path:
    """Pages with a 20-point black square in each corner of the visible box, and one more beside the top left, which
    shows how the page is turned."""
    with pikepdf.new() as pdf:
        for width, height in sizes:
            pdf.add_blank_page(page_size=(width, height))
            page = pdf.pages[-1].obj
            page.MediaBox = Array([origin, origin, origin + width, origin + height])
            corners = [(0, 0), (width - 20, 0), (0, height - 20), (width - 20, height - 20), (30, height - 20)]
            squares = " ".join(f"{origin + x} {origin + y} 20 20 re f" for x, y in corners)
            page.Contents = pdf.make_stream(squares.encode())
            for key, value in entries.items():
                page[f"/{key}"] = value
        pdf.save(path)
    return path


def pages_of(path: Path) -> list[Image.Image]:
    with Image.open(path) as image:
        return [frame.copy() for frame in ImageSequence.Iterator(image)]


def ink(page: Image.Image) -> tuple[int, int, int, int]:
    """The box of what is black."""
    box = page.convert("L").point(lambda value: 255 - value).getbbox()
    assert box is not None
    return box


def black(page: Image.Image, x: float, y: float) -> bool:
    return page.getpixel((round(x), round(y))) == 0


def fine(document: Path, target: Path, **options: object) -> FaxTiff:
    return render(document, target, resolution=Resolution.FINE, within=LimitsOnly(), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("resolution", CHOICES)
@pytest.mark.parametrize("size", [A4, LETTER, LEGAL, A5], ids=["a4", "letter", "legal", "a5"])
def test_a_page_keeps_its_size_and_all_its_corners(
    tmp_path: Path, size: tuple[float, float], resolution: Resolution
) -> None:
    target = tmp_path / "a.tif"
    (page,) = render(cornered(tmp_path / "a.pdf", size), target, resolution=resolution, within=LimitsOnly()).pages
    scale = min(1, 1728 / 204 * 72 / size[0])
    assert (page.width, page.x_dpi, page.y_dpi) == (1728, 204, resolution.y_dpi)
    assert abs(page.rows - size[1] * scale * resolution.y_dpi / 72) <= 0.5
    left, top, right, bottom = ink(pages_of(target)[0])
    # At its size, centred, from the first row to the last.
    assert abs((right - left) - size[0] * scale * 204 / 72) <= 2
    assert abs(left - (1728 - right)) <= 2
    assert (top, bottom) == (0, page.rows)


def test_landscape_is_turned_and_nothing_is_cut(tmp_path: Path) -> None:
    (page,) = fine(cornered(tmp_path / "a.pdf", (A4[1], A4[0])), tmp_path / "a.tif").pages
    assert abs(page.rows - A4[1] * 196 / 72) <= 1
    image = pages_of(tmp_path / "a.tif")[0]
    left, top, right, bottom = ink(image)
    assert (top, bottom) == (0, page.rows)
    assert abs((right - left) - A4[0] * 204 / 72) <= 2
    # Turned clockwise: the top left, which has a neighbour, is at the top right.
    assert black(image, right - 20, 40 * 196 / 72)


@pytest.mark.parametrize("rotate", [0, 90, 180, 270, -90, 450])
def test_rotate(tmp_path: Path, rotate: int) -> None:
    size = A4 if rotate % 180 == 0 else (A4[1], A4[0])
    (page,) = fine(cornered(tmp_path / "a.pdf", size, Rotate=rotate), tmp_path / "a.tif").pages
    assert abs(page.rows - A4[1] * 196 / 72) <= 1
    image = pages_of(tmp_path / "a.tif")[0]
    left, top, right, bottom = ink(image)
    assert (top, bottom) == (0, page.rows)
    along, across = 40 * 204 / 72, 20
    down, deep = 40 * 196 / 72, 20
    neighbour = {
        0: (left + along, top + deep),
        90: (right - across, top + down),
        180: (right - along, bottom - deep),
        270: (left + across, bottom - down),
    }[rotate % 360]
    assert black(image, *neighbour)


def test_landscape_by_rotate_is_turned_back_upright(tmp_path: Path) -> None:
    fine(cornered(tmp_path / "a.pdf", A4, Rotate=90), tmp_path / "turned.tif")
    fine(cornered(tmp_path / "b.pdf", A4), tmp_path / "upright.tif")
    assert pages_of(tmp_path / "turned.tif")[0].tobytes() == pages_of(tmp_path / "upright.tif")[0].tobytes()


def test_a_half_sheet_that_fits_is_not_turned(tmp_path: Path) -> None:
    (page,) = fine(cornered(tmp_path / "a.pdf", (612, 396)), tmp_path / "a.tif").pages
    assert abs(page.rows - 396 * 196 / 72) <= 5


@pytest.mark.parametrize(
    "size", [(300, 3000), (1684, 2384), (900, 72), (144, 100)], ids=["receipt", "a1", "strip", "card"]
)
def test_odd_sizes_keep_all_their_corners(tmp_path: Path, size: tuple[float, float]) -> None:
    (page,) = fine(cornered(tmp_path / "a.pdf", size), tmp_path / "a.tif").pages
    assert page.rows <= 14 * 196
    left, top, right, bottom = ink(pages_of(tmp_path / "a.tif")[0])
    assert (top, bottom) == (0, page.rows)
    assert left >= 0
    assert right <= 1728
    width, height = sorted(size) if size[0] > 616 else size
    assert (right - left) / 204 / ((bottom - top) / 196) == pytest.approx(width / height, rel=0.02)


def test_a_crop_box_off_the_origin_shows_only_what_it_holds(tmp_path: Path) -> None:
    document = cornered(tmp_path / "a.pdf", LETTER, origin=-100)
    with pikepdf.open(document, allow_overwriting_input=True) as pdf:
        # Cuts through the squares at the left and bottom; the rest of them must not appear in the margins.
        pdf.pages[0].obj.CropBox = Array([-90, -90, 200, 300])
        pdf.save()
    (page,) = fine(document, tmp_path / "a.tif").pages
    assert abs(page.rows - 390 * 196 / 72) <= 1
    left, top, right, bottom = ink(pages_of(tmp_path / "a.tif")[0])
    middle = (1728 - 290 * 204 / 72) / 2
    assert abs(left - middle) <= 2
    assert abs((right - left) - 10 * 204 / 72) <= 2
    assert abs((bottom - top) - 10 * 196 / 72) <= 2
    assert bottom == page.rows


def test_boxes_and_rotation_may_be_inherited(tmp_path: Path) -> None:
    document = cornered(tmp_path / "a.pdf", LETTER)
    with pikepdf.open(document, allow_overwriting_input=True) as pdf:
        pdf.Root.Pages.MediaBox, pdf.Root.Pages.Rotate = pdf.pages[0].obj.MediaBox, 180
        pdf.Root.Pages.CropBox = Array([0, 0, 612, 400])
        del pdf.pages[0].obj.MediaBox
        pdf.save()
    (page,) = fine(document, tmp_path / "a.tif").pages
    assert abs(page.rows - 400 * 609.88 / 612 * 196 / 72) <= 1
    assert ink(pages_of(tmp_path / "a.tif")[0])[1] == 0


def test_mixed_pages_and_blank_ones_are_all_there(tmp_path: Path) -> None:
    with pikepdf.open(cornered(tmp_path / "a.pdf", A4, LETTER, (A4[1], A4[0]), A5, LEGAL)) as pdf:
        pdf.add_blank_page(page_size=A4)
        pdf.pages.insert(0, pdf.pages[-1])
        pdf.save(tmp_path / "b.pdf")
    pages = fine(tmp_path / "b.pdf", tmp_path / "a.tif").pages
    assert [page.rows for page in pages] == [2292, 2292, 2149, 2292, 1620, 2735, 2292]
    images = pages_of(tmp_path / "a.tif")
    assert [image.convert("L").getextrema() == (255, 255) for image in images] == [True, *[False] * 5, True]


@pytest.mark.usefixtures("forked")
def test_many_pages_are_drawn_side_by_side_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = render_pdf.ghostscript

    def noted(clean: Path, part: Any, resolution: Resolution) -> list[str]:
        (tmp_path / f"started-{part.first}").touch()
        return real(clean, part, resolution)

    monkeypatch.setattr(render_pdf, "_WORK_WORTH_A_PROCESS", 0.004)
    monkeypatch.setattr(render_pdf, "ghostscript", noted)
    sizes = [(300, 100 + 10 * number) for number in range(11)]
    seen: list[tuple[int, int]] = []
    document = cornered(tmp_path / "a.pdf", *sizes)
    options = {"processes": 3, "progress": lambda done, total: seen.append((done, total))}
    pages = fine(document, tmp_path / "a.tif", **options).pages
    assert [page.rows for page in pages] == [round(height * 196 / 72) for _, height in sizes]
    for image, page in zip(pages_of(tmp_path / "a.tif"), pages, strict=True):
        assert ink(image)[3] == page.rows
    assert seen[-1] == (11, 11)
    assert seen == sorted(seen)
    assert sorted(path.name for path in tmp_path.glob("started-*")) == ["started-1", "started-4", "started-8"]


def test_form_fields_and_annotations_print_and_actions_go(tmp_path: Path) -> None:
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=LETTER)
        shown = pdf.make_stream(b"0 0 100 40 re f", Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 100, 40]))
        field = pdf.make_indirect(
            Dictionary(
                Type=Name.Annot,
                Subtype=Name.Widget,
                FT=Name.Tx,
                T="a",
                Rect=Array([100, 600, 200, 640]),
                F=4,
                AP=Dictionary(N=shown),
                AA=Dictionary(K=Dictionary(S=Name.JavaScript, JS="app.alert(1)")),
            )
        )
        stamp = pdf.make_indirect(
            Dictionary(
                Type=Name.Annot,
                Subtype=Name.Stamp,
                Rect=Array([300, 100, 400, 140]),
                F=4,
                AP=Dictionary(N=shown),
                A=Dictionary(S=Name.Launch, F="calc.exe"),
            )
        )
        pdf.pages[0].obj.Annots = Array([field, stamp])
        pdf.Root.AcroForm = Dictionary(Fields=Array([field]), XFA="x")
        pdf.Root.OpenAction = Dictionary(S=Name.JavaScript, JS="app.alert(2)")
        pdf.attachments["virus.exe"] = b"MZ"
        pdf.save(tmp_path / "a.pdf")
    fine(tmp_path / "a.pdf", tmp_path / "a.tif")
    (image,) = pages_of(tmp_path / "a.tif")
    scale = 609.88 / 612
    assert black(image, 150 * scale * 204 / 72, (792 - 620) * scale * 196 / 72)
    assert black(image, 350 * scale * 204 / 72, (792 - 120) * scale * 196 / 72)
    with pikepdf.open(tmp_path / "a.pdf") as pdf:
        pdf_source.disarm(pdf)
        pdf.save(tmp_path / "clean.pdf", compress_streams=False)
    clean = (tmp_path / "clean.pdf").read_bytes()
    for word in (b"JavaScript", b"Launch", b"calc.exe", b"virus", b"EmbeddedFile", b"XFA", b"OpenAction"):
        assert word not in clean


def test_a_scan_of_text_is_thresholded_and_a_photograph_dithered(tmp_path: Path) -> None:
    text = Image.new("L", (1275, 1650), 225)
    draw = ImageDraw.Draw(text)
    for row in range(20, 1600, 40):
        draw.rectangle((100, row, 700, row + 6), fill=50)
    text.save(tmp_path / "text.pdf", resolution=150)
    Image.linear_gradient("L").resize((1275, 1650)).save(tmp_path / "photo.pdf", resolution=150)

    def white_share(name: str, tone: Tone) -> tuple[float, int]:
        fine(tmp_path / name, tmp_path / "a.tif", tone=tone)
        (page,) = pages_of(tmp_path / "a.tif")
        corner = page.crop((1300, 100, 1700, 400)).convert("L").histogram()
        middle = page.crop((600, 900, 1000, 1200)).convert("L").histogram()
        return corner[255] / 120_000, min(middle[0], middle[255])

    assert white_share("text.pdf", Tone.AUTO)[0] == 1.0  # grey paper is white
    assert white_share("text.pdf", Tone.DITHER)[0] < 0.95  # and speckled if asked for
    assert white_share("photo.pdf", Tone.AUTO)[1] > 20_000  # a middle grey has both
    assert white_share("photo.pdf", Tone.THRESHOLD)[1] < 20_000


# What of the samples is refused, and as what; each other file there must render, also one that is put there later.
REFUSED = {"libreoffice-writer-password.pdf": "encrypted-document"}
WITHOUT_LIBREOFFICE = {"letter.odt": "unsupported-document"}


@pytest.mark.parametrize("name", sorted(path.name for path in SAMPLES.glob("*")) or ["(none)"])
def test_each_sample_renders_or_is_refused_as_it_should_be(samples: Path, tmp_path: Path, name: str) -> None:
    if why := (REFUSED if source.soffice() else REFUSED | WITHOUT_LIBREOFFICE).get(name):
        for refuse in (
            lambda document: source.inspect(document, within=LimitsOnly()),
            lambda document: fine(document, tmp_path / "a.tif"),
        ):
            with pytest.raises(DocumentRefused) as refused:
                refuse(samples / name)
            assert refused.value.error_id == why
        assert list(tmp_path.iterdir()) == []
        return
    pages = render(samples / name, tmp_path / "a.tif", resolution=Resolution.STANDARD, within=LimitsOnly()).pages
    counted = source.inspect(samples / name, within=LimitsOnly()).pages
    assert len(pages) == (counted or 1)
    assert fax_tiff.read(tmp_path / "a.tif").pages == pages
    assert any(image.convert("L").getextrema()[0] == 0 for image in pages_of(tmp_path / "a.tif"))
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.tif"]


def test_the_table_of_refused_samples_has_nothing_else(samples: Path) -> None:
    assert (REFUSED | WITHOUT_LIBREOFFICE).keys() <= {path.name for path in samples.iterdir()}


@pytest.mark.parametrize(
    "content", [b"", b"MZ\x90\0", b"%!PS\nshowpage", b"%PDF-1.4\nnonsense", b"\x89PNG\r\n\x1a\nnonsense",
                b"\xff\xd8\xff\xe0nonsense", b"II*\0\xff\xff\0\0", b"II*\0\x08\0\0\0"]
)  # fmt: skip
def test_a_refusal_leaves_nothing_behind(tmp_path: Path, content: bytes) -> None:
    document, folder = tmp_path / "document", tmp_path / "store"
    document.write_bytes(content)
    folder.mkdir()
    with pytest.raises(DocumentRefused):
        fine(document, folder / "a.tif")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("share", [0.3, 0.5, 0.7, 0.9, 0.97])
def test_a_pdf_that_was_cut_short_is_refused_and_not_sent_with_empty_pages(tmp_path: Path, share: float) -> None:
    document = tmp_path / "order.pdf"
    content = demo.DOCUMENT.read_bytes()
    document.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(DocumentRefused, match="damaged or was cut short"):
        source.inspect(document, within=LimitsOnly())


def test_a_stream_that_cannot_be_read_is_told_of(tmp_path: Path) -> None:
    """One that says more than it has, whose end nobody finds: qpdf takes it for an empty one."""
    document = cornered(tmp_path / "a.pdf", A4)
    content = document.read_bytes().replace(b"endstream\nendobj", b"end-of-it\nendall")
    document.write_bytes(re.sub(rb"/Length \d", b"/Length 9", content))
    with pytest.raises(DocumentRefused, match="part of it cannot be read"):
        source.inspect(document, within=LimitsOnly())


@pytest.mark.parametrize(
    "harm",
    [
        lambda content: content + b"\n<!-- served by a proxy -->" * 400,
        lambda content: content.replace(b"startxref\n", b"startxref\n9", 1),
        lambda content: content.replace(b"%%EOF", b"", 1),
        lambda content: content.replace(b"startxref\n", b"startxref\n9", 1).replace(b"%%EOF", b"", 1),
    ],
    ids=["something behind it", "a wrong place of its table", "no last line", "neither"],
)
def test_a_pdf_that_lacks_nothing_is_read_whatever_its_table_is(tmp_path: Path, harm: Callable[[bytes], bytes]) -> None:
    document = cornered(tmp_path / "a.pdf", A4, A4)
    document.write_bytes(harm(document.read_bytes()))
    assert len(fine(document, tmp_path / "a.tif").pages) == 2
    assert all(page.convert("L").getextrema() == (0, 255) for page in pages_of(tmp_path / "a.tif"))


@pytest.mark.usefixtures("forked")
def test_a_failure_keeps_what_was_there_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render_pdf, "ghostscript", lambda *_: ["sh", "-c", "echo broken; exit 3"])
    (tmp_path / "a.tif").write_bytes(b"earlier")
    with pytest.raises(RenderingFailed, match="broken"):
        fine(cornered(tmp_path / "a.pdf", A4), tmp_path / "a.tif")
    assert (tmp_path / "a.tif").read_bytes() == b"earlier"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.pdf", "a.tif"]


@pytest.mark.usefixtures("forked")
def test_a_page_that_ghostscript_does_not_draw_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render_pdf, "ghostscript", lambda *_: ["true"])
    with pytest.raises(RenderingFailed, match="Page 1 could not be drawn"):
        fine(cornered(tmp_path / "a.pdf", A4), tmp_path / "a.tif")


@pytest.mark.usefixtures("forked")
def test_an_empty_page_from_ghostscript_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render_pdf, "ghostscript", lambda *_: ["touch", "part0-1.g4"])
    with pytest.raises(RenderingFailed, match="Page 1 could not be drawn"):
        fine(cornered(tmp_path / "a.pdf", A4), tmp_path / "a.tif")


@pytest.mark.usefixtures("forked")
def test_pages_that_are_not_coded_as_by_us_are_no_fax(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def taken_over(order: dict[str, Any], **_: object) -> int:
        Image.new("1", (1728, 2000), 1).save(order["target"], "TIFF", compression="group3", dpi=(204, 196))
        return 1

    # As whose it passes: a child that a document has taken over may write any file.
    taken_over.__module__, taken_over.__qualname__ = rendering.__name__, "_render"
    monkeypatch.setattr(rendering, "_render", taken_over)
    with pytest.raises(RenderingFailed, match="not coded as we code pages"):
        fine(cornered(tmp_path / "a.pdf", A4), tmp_path / "a.tif")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.pdf"]


def test_ghostscript_past_its_processor_time(tmp_path: Path) -> None:
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        # A form that draws a form that draws ...: 10 to the 8th squares.
        inner = pdf.make_stream(b"0 0 1 1 re f " * 10, Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 9, 9]))
        for _ in range(8):
            inner = pdf.make_stream(
                b"/F Do " * 10, Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 9, 9]),
                Resources=Dictionary(XObject=Dictionary(F=inner)),
            )  # fmt: skip
        pdf.pages[0].obj.Resources = Dictionary(XObject=Dictionary(F=inner))
        pdf.pages[0].obj.Contents = pdf.make_stream(b"/F Do")
        pdf.save(tmp_path / "a.pdf")
    with pytest.raises(sandbox.DocumentTooExpensive):
        fine(tmp_path / "a.pdf", tmp_path / "a.tif", limits=source.Limits(cpu_seconds=1))
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.pdf"]


def test_postscript_in_a_pdf_s_clothes_is_not_run(tmp_path: Path) -> None:
    document = tmp_path / "a.pdf"
    document.write_bytes(b"junk\n%PDF-1.4\n%!PS\n(/tmp/pwned) (w) file closefile showpage\n")
    with pytest.raises(DocumentRefused):
        fine(document, tmp_path / "a.tif")


def test_ghostscript_reads_no_file_that_a_document_names(tmp_path: Path) -> None:
    """As we start it; a program stands in for whatever a PDF might make it do. It may read its own folder for
    temporary files, so that this has to be the job's."""
    secret, job = tmp_path / "secret", tmp_path / "job"
    secret.write_text("a secret")
    job.mkdir()
    program = job / "clean.pdf"
    program.write_text(f"({secret}) (r) file 8 string readstring pop == showpage\n")
    part = render_pdf._Part(1, 1, job / "page-%d")
    process = sandbox.command(render_pdf.ghostscript(program, part, Resolution.FINE), job)
    said, _ = process.communicate()
    assert process.returncode != 0
    assert b"a secret" not in said
    assert b"invalidfileaccess" in said


def test_what_acts_does_not_reach_ghostscript(tmp_path: Path) -> None:
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=A4)
        pdf.Root.OpenAction = Dictionary(S=Name.JavaScript, JS="app.alert(1)")
        pdf.attachments["virus.exe"] = b"MZ"
        pdf.save(tmp_path / "a.pdf")
    render_pdf._prepare(tmp_path / "a.pdf", tmp_path / "clean.pdf", Resolution.FINE, Tone.AUTO, source.Limits())
    clean = (tmp_path / "clean.pdf").read_bytes()
    assert not [word for word in (b"JavaScript", b"OpenAction", b"EmbeddedFile", b"virus") if word in clean]


def test_from_a_process_with_threads(tmp_path: Path) -> None:
    release = threading.Event()
    thread = threading.Thread(target=release.wait)
    thread.start()
    try:
        assert len(fine(cornered(tmp_path / "a.pdf", A4), tmp_path / "a.tif").pages) == 1
    finally:
        release.set()
        thread.join()


def test_pages_are_the_same_inside_a_namespace(namespaces_work: None, tmp_path: Path) -> None:
    """Also with fonts that are not in the document, and those of other scripts: they are found inside."""
    fonts, text, picture = tmp_path / "fonts.pdf", tmp_path / "text.txt", tmp_path / "picture.png"
    with pikepdf.new() as pdf:
        for name in (Name.Helvetica, Name.Courier, Name.ZapfDingbats, Name("/NobodyHasIt")):
            pdf.add_blank_page(page_size=A4)
            font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=name)
            pdf.pages[-1].obj.Resources = Dictionary(Font=Dictionary(F=font))
            pdf.pages[-1].obj.Contents = pdf.make_stream(b"BT /F 24 Tf 50 700 Td (Quick fox 0123) Tj ET")
        pdf.save(fonts)
    text.write_text("Grüße, 日本語, العربية, Ελληνικά\n")
    Image.radial_gradient("L").resize((900, 1200)).save(picture, dpi=(100, 100))
    for document in (demo.DOCUMENT, fonts, text, picture):
        fine(document, tmp_path / "outside.tif")
        render(document, tmp_path / "inside.tif", resolution=Resolution.FINE, within=Namespace())
        assert (tmp_path / "inside.tif").read_bytes() == (tmp_path / "outside.tif").read_bytes()


def test_office_documents_go_through_libreoffice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, samples: Path
) -> None:
    # A stand-in that writes where LibreOffice would; what is tested is the way there and back.
    program, pdf = tmp_path / "soffice", cornered(tmp_path / "made.pdf", A4, A4)
    program.write_text(f'#!/bin/sh\nfor last; do :; done\ncp {pdf} "$last.pdf"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert len(fine(samples / "letter.odt", tmp_path / "a.tif").pages) == 2


def test_every_name_of_the_contract_is_there() -> None:
    assert {name.value: name.y_dpi for name in CHOICES} == {"standard": 98, "fine": 196, "superfine": 391}


@pytest.mark.parametrize("size", [A4, LEGAL], ids=["a4", "legal"])
def test_pages_made_for_every_machine_are_no_longer_than_a4(tmp_path: Path, size: tuple[float, float]) -> None:
    document, target = cornered(tmp_path / "a.pdf", size), tmp_path / "a.tif"
    (page,) = render(document, target, resolution=Resolution.FINE_A4, within=LimitsOnly()).pages
    assert (page.width, page.y_dpi) == (1728, 196)
    # 297 mm; and nothing is cut off: the ink goes down to the last row.
    assert page.rows == 2292
    assert ink(pages_of(target)[0])[3] >= page.rows - 2


def test_a_wide_fax_page_is_made_anew_for_every_machine(tmp_path: Path) -> None:
    wide = Image.new("1", (2432, 4000), 1)
    ImageDraw.Draw(wide).rectangle((0, 0, 2431, 3999), outline=0, width=8)
    wide.save(tmp_path / "a3.tif", compression="group4", dpi=(204, 196))
    kept = fine(tmp_path / "a3.tif", tmp_path / "kept.tif").pages
    assert [(page.width, page.rows) for page in kept] == [(2432, 4000)]
    (page,) = render(
        tmp_path / "a3.tif", tmp_path / "made.tif", resolution=Resolution.FINE_A4, within=LimitsOnly()
    ).pages
    assert page.width == 1728
    assert page.rows <= 2292
