"""What makes rendering cheaper (faxg4, heap settings, several processes) changes no pixel of plain tiffg4's."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Pdf
from PIL import Image, ImageSequence

from faxplan import render_pdf
from faxplan.confinement import LimitsOnly
from faxplan.paper import X_DPI, Resolution, Tone
from faxplan.refusals import STANDARD_LIMITS
from faxplan.rendering import render


def text(pdf: Pdf, page: pikepdf.Dictionary) -> bytes:
    fonts = {"/R": Name("/Times-Roman"), "/C": Name.Courier}
    for key, name in fonts.items():
        fonts[key] = pdf.make_indirect(Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=name))
    page.Resources = Dictionary(Font=Dictionary(fonts))
    lines = b"".join(b"0 -13 Td (Invoice %d, 12.50 each) Tj " % number for number in range(40))
    return b"BT /R 11 Tf 72 720 Td " + lines + b"/C 7 Tf 0.4 g 200 200 Td (grey and small) Tj ET"


def boxes(_: Pdf, page: pikepdf.Dictionary) -> bytes:
    """Hair lines, greys, colours, a curve, and a transparent square over all of them."""
    page.Resources = Dictionary(ExtGState=Dictionary(T=Dictionary(ca=0.4)))
    line, box = b"%f G 0.%d w %d 100 m %d 700 l S ", b"%f g %d 300 25 90 re f "
    numbers = range(1, 18)
    shapes = [line % (n / 20, n % 10, 30 * n, 31 * n) + box % (n / 20, 30 * n) for n in numbers]
    return b"".join(shapes) + b"1 0 0 rg 90 90 m 300 500 400 100 500 600 c f /T gs 0 0 1 rg 200 200 200 300 re f"


def image(pdf: Pdf, page: pikepdf.Dictionary) -> bytes:
    """A grey ramp, enlarged, and a mask of one bit, made smaller."""
    ramp = pdf.make_stream(bytes(range(256)) * 8, Subtype=Name.Image, Width=256, Height=8, BitsPerComponent=8)
    ramp.ColorSpace = Name.DeviceGray
    mask = pdf.make_stream(b"\xaa\x55\xf0\x0f" * 20_000, Subtype=Name.Image, Width=800, Height=800, ImageMask=True)
    page.Resources = Dictionary(XObject=Dictionary(A=ramp, B=mask))
    return b"q 400 0 0 300 100 400 cm /A Do Q q 150 0 0 150 80 80 cm /B Do Q"


def scan(pdf: Pdf, page: pikepdf.Dictionary) -> bytes:
    """Text-like, and so thresholded."""
    rows = b"".join((b"\x30" if y % 40 < 6 else b"\xdc") * 850 for y in range(1100))
    paper = pdf.make_stream(rows, Subtype=Name.Image, Width=850, Height=1100, BitsPerComponent=8)
    paper.ColorSpace = Name.DeviceGray
    page.Resources = Dictionary(XObject=Dictionary(A=paper))
    return b"612 0 0 792 0 0 cm /A Do"


ENTRIES = {
    "upright": {},
    "rotated": {"/Rotate": 90},
    "cropped": {"/CropBox": Array([40, 80, 500, 700])},
    "large": {"/MediaBox": Array([-50, -50, 950, 1150])},
}


@pytest.mark.usefixtures("forked")
@pytest.mark.parametrize("resolution", list(Resolution))
@pytest.mark.parametrize("draw", [text, boxes, image, scan])
def test_pixels_are_those_of_plain_tiffg4(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    draw: Callable[[Pdf, pikepdf.Dictionary], bytes],
    resolution: Resolution,
) -> None:
    real = render_pdf.ghostscript

    def noted(pdf: Path, part: Any, resolution: Resolution) -> list[str]:
        (tmp_path / f"started-{part.first}").touch()
        return real(pdf, part, resolution)

    monkeypatch.setattr(render_pdf, "_WORK_WORTH_A_PROCESS", 0.008)
    monkeypatch.setattr(render_pdf, "ghostscript", noted)
    document, clean = tmp_path / "a.pdf", tmp_path / "clean.pdf"
    with pikepdf.new() as pdf:
        for entries in ENTRIES.values():
            page = pdf.add_blank_page(page_size=(612, 792)).obj
            page.Contents = pdf.make_stream(draw(pdf, page))
            for key, value in entries.items():
                page[key] = value
        pdf.save(document)

    render(document, tmp_path / "ours.tif", resolution=resolution, within=LimitsOnly(), processes=2)
    assert sorted(path.name for path in tmp_path.glob("started-*")) == ["started-1", "started-3"]
    render_pdf._prepare(document, clean, resolution, Tone.AUTO, STANDARD_LIMITS)
    command = ["gs", "-q", "-dSAFER", "-dBATCH", "-dNOPAUSE", "-sDEVICE=tiffg4", f"-r{X_DPI}x{resolution.y_dpi}"]
    command += ["-dAdjustWidth=0", "-dUseFastColor=true", f"-sOutputFile={tmp_path / 'plain.tif'}", str(clean)]
    subprocess.run(command, check=True)

    with Image.open(tmp_path / "ours.tif") as ours, Image.open(tmp_path / "plain.tif") as plain:
        pairs = zip(ImageSequence.Iterator(ours), ImageSequence.Iterator(plain), strict=True)
        for name, (page, expected) in zip(ENTRIES, pairs, strict=True):
            assert page.size == expected.size, name
            assert page.tobytes() == expected.tobytes(), name
            assert page.convert("L").getextrema() == (0, 255), name
