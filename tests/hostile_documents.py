"""Documents that were made to harm: each is refused, or does nothing but be converted."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf
from PIL import Image

A4 = (595, 842)


@cache
def deflated_spaces(mebibytes: int) -> bytes:
    deflater = zlib.compressobj(1)
    piece = b" " * 1024**2
    return b"".join(deflater.compress(piece) for _ in range(mebibytes)) + deflater.flush()


def harmless(pdf: Pdf) -> None:
    pdf.pages[0].obj.Contents = pdf.make_stream(b"100 100 50 50 re f")


def inflating(pdf: Pdf) -> None:
    contents = pikepdf.Stream(pdf, deflated_spaces(2100))
    contents.Filter = Name.FlateDecode
    pdf.pages[0].obj.Contents = pdf.make_indirect(contents)


def inflating_twice(pdf: Pdf) -> None:
    contents = pikepdf.Stream(pdf, zlib.compress(deflated_spaces(2100), 9))
    contents.Filter = Array([Name.FlateDecode, Name.FlateDecode])
    pdf.pages[0].obj.Contents = pdf.make_indirect(contents)


def of_100000_pages(pdf: Pdf) -> None:
    page = Dictionary(Type=Name.Page, MediaBox=Array([0, 0, *A4]), Parent=pdf.Root.Pages)
    pdf.Root.Pages.Kids = Array([pdf.make_indirect(page) for _ in range(100_000)])
    pdf.Root.Pages.Count = 100_000


def flooded_with_pixels(pdf: Pdf) -> None:
    image = pdf.make_stream(b"\0", Type=Name.XObject, Subtype=Name.Image, Width=40_000, Height=25_000)
    pdf.pages[0].obj.Resources = Dictionary(XObject=Dictionary(I=image))


def of_a_huge_page(pdf: Pdf) -> None:
    pdf.pages[0].obj.MediaBox = Array([0, 0, 14_400, 14_400])


def drawing_for_ever(pdf: Pdf) -> None:
    # A form that draws a form that draws ...: 10 to the 8th squares.
    box = Array([0, 0, 9, 9])
    inner = pdf.make_stream(b"0 0 1 1 re f " * 10, Type=Name.XObject, Subtype=Name.Form, BBox=box)
    for _ in range(8):
        resources = Dictionary(XObject=Dictionary(F=inner))
        inner = pdf.make_stream(b"/F Do " * 10, Type=Name.XObject, Subtype=Name.Form, BBox=box, Resources=resources)
    pdf.pages[0].obj.Resources = Dictionary(XObject=Dictionary(F=inner))
    pdf.pages[0].obj.Contents = pdf.make_stream(b"/F Do")


def drawing_itself(pdf: Pdf) -> None:
    form = pdf.make_stream(b"/F Do", Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 9, 9]))
    form.Resources = Dictionary(XObject=Dictionary(F=form))
    pdf.pages[0].obj.Resources = form.Resources
    pdf.pages[0].obj.Contents = pdf.make_stream(b"/F Do 100 100 50 50 re f")


def acting(pdf: Pdf, touched: Path, port: int) -> None:
    """JavaScript, a launch, an address, a form that is sent, a file within: when opened, and on the page."""
    launch = Dictionary(S=Name.Launch, F=f"/usr/bin/touch {touched}", Win=Dictionary(F="touch", P=str(touched)))
    address = Dictionary(S=Name.URI, URI=f"http://127.0.0.1:{port}/")
    form = Dictionary(S=Name.SubmitForm, F=Dictionary(FS=Name.URL, F=f"http://127.0.0.1:{port}/"))
    script = Dictionary(S=Name.JavaScript, JS=f"app.launchURL('http://127.0.0.1:{port}/', true);")
    pdf.Root.OpenAction = pdf.make_indirect(Dictionary(**dict(launch.items()), Next=Array([script, address, form])))
    pdf.Root.AA = Dictionary(WC=script, WP=launch)
    pdf.Root.Names = Dictionary(JavaScript=Dictionary(Names=Array(["a", script])))
    pdf.attachments["program.exe"] = b"MZ\x90\0"
    page = pdf.pages[0].obj
    page.AA = Dictionary(O=launch, C=script)
    link = Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=Array([0, 0, 500, 800]), A=launch, AA=Dictionary(E=form))
    page.Annots = Array([pdf.make_indirect(link)])
    page.Contents = pdf.make_stream(b"100 100 50 50 re f")


def pdf_file(path: Path, change: Callable[[Pdf], None]) -> Path:
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=A4)
        change(pdf)
        pdf.save(path, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none)
    return path


def nested_arrays() -> bytes:
    """A PDF whose page has arrays in arrays, as deep as its file is long."""
    body = b"%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Count 1/Kids[3 0 R]>>\n"
    body += b"endobj\n3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/X " + b"[" * 500_000 + b"]" * 500_000
    return body + b">>\nendobj\ntrailer\n<</Root 1 0 R>>\n%%EOF\n"


def png(width: int, height: int) -> bytes:
    """All black, in a few kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compressobj(9)
    packed = b"".join(rows.compress(bytes(width // 8 + 1)) for _ in range(height)) + rows.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def jpeg_of(width: int, height: int) -> bytes:
    """A small picture that says it is a large one."""
    file = io.BytesIO()
    Image.new("L", (64, 64)).save(file, "JPEG")
    data = bytearray(file.getvalue())
    struct.pack_into(">HH", data, data.index(b"\xff\xc0") + 5, height, width)
    return bytes(data)


def tiff(*sizes: tuple[int, int]) -> bytearray:
    file = io.BytesIO()
    first, *more = [Image.new("1", size) for size in sizes]
    first.save(file, "TIFF", save_all=True, append_images=more, compression="group4")
    return bytearray(file.getvalue())


def tiff_in_a_circle() -> bytes:
    data = tiff((64, 64))
    (first,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, first)
    struct.pack_into("<I", data, first + 2 + 12 * entries, first)
    return bytes(data)


def tiff_that_says(tag: int, value: int) -> bytes:
    data = tiff((64, 64))
    (first,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, first)
    for at in range(first + 2, first + 2 + 12 * entries, 12):
        if struct.unpack_from("<H", data, at) == (tag,):
            struct.pack_into("<HII", data, at + 2, 4, 1, value)
    return bytes(data)


def zip_of(names: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in names.items():
            archive.writestr(name, content)
    return file.getvalue()
