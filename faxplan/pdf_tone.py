"""Choose, page by page, whether grey and colour in a PDF are dithered or thresholded. Runs in the sandbox.

Ghostscript dithers (a halftone screen). Thresholding is asked for by a transfer function in the page's graphics state
(PDF 1.7, 10.5), which works on the grey that every colour has become. A scan of text wants it: dithered, its paper is
speckled and its letters have holes.
"""

import io
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Pdf
from PIL import Image, UnidentifiedImageError

from faxplan.image_tone import is_text
from faxplan.paper import Tone

_GRAPHICS_STATE = Name("/FaxplanThreshold")
# Smaller than this is a logo or a photograph in a text, not a scanned sheet: 100 dpi over most of an A5 page.
_SCAN_PIXELS = 500 * 700
_SAMPLE_PIXELS = 400


def set_tone(pdf: Pdf, page: pikepdf.Page, tone: Tone) -> bytes:
    """What the page's contents must start with, after its resources were prepared for it; empty for dithering."""
    if tone is Tone.DITHER or (tone is Tone.AUTO and not _is_scanned_text(page)):
        return b""
    resources = page.obj.get("/Resources")
    if resources is None:
        resources = _inherited_resources(page)
    # Copied, because pages share them.
    mine = Dictionary(dict(resources.items())) if resources is not None else Dictionary()
    states = mine.get("/ExtGState")
    mine.ExtGState = Dictionary(dict(states.items())) if isinstance(states, Dictionary) else Dictionary()
    mine.ExtGState[_GRAPHICS_STATE] = _threshold_state(pdf)
    page.obj.Resources = mine
    return f"{_GRAPHICS_STATE} gs\n".encode()


def _threshold_state(pdf: Pdf) -> Object:
    # A sampled function of 256 steps: black below the threshold, white from there on.
    function = pdf.make_stream(bytes(0 if grey < 150 else 255 for grey in range(256)))
    function.FunctionType = 0
    function.Domain = Array([0, 1])
    function.Range = Array([0, 1])
    function.Size = Array([256])
    function.BitsPerSample = 8
    return Dictionary(Type=Name.ExtGState, TR=function, TR2=function)


def _inherited_resources(page: pikepdf.Page) -> Any:
    entries = page.obj.get("/Parent")
    for _ in range(64):
        if not isinstance(entries, Dictionary):
            return None
        if "/Resources" in entries:
            return entries.Resources
        entries = entries.get("/Parent")
    return None


def _is_scanned_text(page: pikepdf.Page) -> bool:
    resources = page.obj.get("/Resources", None)
    if resources is None:
        resources = _inherited_resources(page)
    if not isinstance(resources, Dictionary):
        return False
    objects = resources.get("/XObject")
    # Scanners put one image on a page, and recognised text under it invisibly; anything richer was typeset.
    if not isinstance(objects, Dictionary) or len(objects) != 1:
        return False
    image = next(iter(objects.values()))
    if not isinstance(image, pikepdf.Stream) or image.get("/Subtype") != Name.Image:
        return False
    width, height = int(image.get("/Width", 0)), int(image.get("/Height", 0))
    if width * height < _SCAN_PIXELS or int(image.get("/BitsPerComponent", 1)) < 8 or "/ImageMask" in image:
        return False
    sample = _sample(image)
    return sample is not None and is_text(sample)


def _sample(image: pikepdf.Stream) -> Image.Image | None:
    """The image in grey, small; None if it can be judged only by decoding all of it."""
    filters = image.get("/Filter")
    if isinstance(filters, Array) and len(filters) == 1:
        filters = filters[0]
    if filters == Name.DCTDecode:
        try:
            with Image.open(io.BytesIO(image.read_raw_bytes()), formats=["JPEG"]) as photograph:
                photograph.draft("L", (_SAMPLE_PIXELS, _SAMPLE_PIXELS))
                return photograph.convert("L")
        except (UnidentifiedImageError, OSError, ValueError):
            return None  # Ghostscript's decoder will have the last word on it
    if filters == Name.FlateDecode and image.get("/ColorSpace") in (Name.DeviceGray, Name.DeviceRGB):
        mode = "L" if image.ColorSpace == Name.DeviceGray else "RGB"
        size = (int(image.Width), int(image.Height))
        try:
            picture = Image.frombytes(mode, size, image.read_bytes())
        except (ValueError, pikepdf.PdfError):
            return None
        return picture.reduce(max(1, min(size) // _SAMPLE_PIXELS)).convert("L")
    return None
