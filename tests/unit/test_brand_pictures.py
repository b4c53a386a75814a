"""Pictures of a brand: PNG files, of which only what shows them is kept."""

import io
import struct
import zlib

import pytest
from PIL import Image, PngImagePlugin

from faxplan import brands
from faxplan.brands import ICON, LOGO, InvalidPicture


def png(width: int = 64, height: int = 32, mode: str = "RGBA", **options: object) -> bytes:
    file = io.BytesIO()
    Image.new(mode, (width, height), 0).save(file, "PNG", **options)
    return file.getvalue()


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA"])
def test_a_png_is_kept_as_it_is_shown(mode: str) -> None:
    kept = brands.picture(png(mode=mode), LOGO)
    assert Image.open(io.BytesIO(kept)).size == (64, 32)


def test_what_does_not_show_it_is_left_out() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "A secret name")
    whole = png(pnginfo=info, dpi=(300, 300), icc_profile=b"profile") + b"<script>alert(1)</script>"
    kept = brands.picture(whole, LOGO)
    assert all(each not in kept for each in (b"secret", b"tEXt", b"iCCP", b"pHYs", b"script"))
    Image.open(io.BytesIO(kept)).load()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg onload=alert(1)>",
        b"GIF89a",
        png()[:-1],
        png()[:-12],
        png()[:8],
        png()[:20] + b"x" + png()[21:],
        png()[:8] + png()[33:],
        png()[:8] + chunk(b"IHDR", b"\0" * 4) + png()[33:],
        png()[:33] + png()[8:33] + png()[33:],
        png()[:33] + chunk(b"CODE", b"x") + png()[33:],
    ],
)
def test_what_is_no_whole_png_is_refused(content: bytes) -> None:
    with pytest.raises(InvalidPicture, match="no whole PNG"):
        brands.picture(content, LOGO)


def test_what_is_too_large_is_refused() -> None:
    with pytest.raises(InvalidPicture, match="1025 x 10 pixels"):
        brands.picture(png(1025, 10), LOGO)
    with pytest.raises(InvalidPicture, match="at most 512 wide"):
        brands.picture(png(10, 513), ICON)
    with pytest.raises(InvalidPicture, match="64 kB"):
        brands.picture(png() + bytes(65536), LOGO)
    bomb = png()[:8] + chunk(b"IHDR", struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 6, 0, 0, 0)) + png()[33:]
    with pytest.raises(InvalidPicture, match="pixels"):
        brands.picture(bomb, LOGO)
