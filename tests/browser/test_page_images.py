"""portal/static/vault/page-images.js and ranges.js: a page of a fax, and no more of it than that needs."""

import io
import json
import zipfile
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any

import pytest
from PIL import Image

from faxplan import page_images, sealed
from faxplan.sealed import CHUNK_BYTES, Context
from tests.browser.browsers import JavaScriptError, Page

VECTORS = json.loads((Path(__file__).parents[2] / "docs" / "sealed-files" / "vectors.json").read_text())
CONTEXT = Context(7, "3f2a", "page-images")
KEY = bytes(range(32))


def png(width: int, height: int, noise: int = 0) -> bytes:
    """noise: pixels of it, which cannot be packed."""
    image = Image.new("L", (width, height), 255)
    draw = Random(width)  # noqa: S311 - not secret
    for at in range(noise):
        image.putpixel((at % width, at // width), draw.randrange(256))
    packed = io.BytesIO()
    image.save(packed, "PNG")
    return packed.getvalue()


def zipped(pages: dict[int, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number, image in pages.items():
            page_images.pack(archive, number, image)
    return packed.getvalue()


def sealed_bytes(plain: bytes) -> bytes:
    target = io.BytesIO()
    sealed.seal(io.BytesIO(plain), target, KEY, sealed.new_header(CONTEXT))
    return target.getvalue()


def fetched(page: Page, address: str, numbers: list[int]) -> dict[str, Any]:
    given: dict[str, Any] = page.do("pagesFetched", address=address, key=KEY, expected=asdict(CONTEXT), numbers=numbers)
    return given


@pytest.mark.parametrize("vector", VECTORS["page_images"], ids=lambda vector: vector["about"])
def test_published_page_images(page: Page, vector: dict[str, Any]) -> None:
    address, _ = page.server.publish(bytes.fromhex(vector["sealed"]))
    pages = {int(number): bytes.fromhex(image) for number, image in vector["pages"].items()}
    missing = max(pages) + 1
    given = page.do(
        "pagesFetched", address=address, key=bytes.fromhex(vector["key"]), expected=None, numbers=[*pages, missing]
    )
    assert given["numbers"] == list(pages)
    assert [each and each["png"] for each in given["pages"]] == [*pages.values(), None]
    assert page.do("pagesOf", archive=bytes.fromhex(vector["zip"]), numbers=list(pages))["numbers"] == list(pages)


@pytest.mark.parametrize("vector", VECTORS["refused_page_images"], ids=lambda vector: vector["about"])
def test_published_page_images_that_are_none(page: Page, vector: dict[str, str]) -> None:
    with pytest.raises(JavaScriptError) as refused:
        page.do("pagesOf", archive=bytes.fromhex(vector["zip"]), numbers=[1])
    assert (refused.value.error_id, refused.value.retryable) == (page_images.BrokenPageImages.error_id, False)


def test_a_page_is_an_image_that_the_browser_shows(page: Page) -> None:
    address, _ = page.server.publish(sealed_bytes(zipped({1: png(30, 40), 2: png(50, 60)})))
    (second,) = fetched(page, address, [2])["pages"]
    assert (second["type"], second["shown"]) == ("image/png", [50, 60])


def test_what_is_no_png_is_not_shown_as_one(page: Page) -> None:
    with pytest.raises(JavaScriptError) as refused:
        page.do("pagesOf", archive=zipped({1: b"<svg xmlns='http://www.w3.org/2000/svg'/>"}), numbers=[1])
    assert refused.value.error_id == "broken-page-images"


def test_a_page_of_many_is_read_and_the_others_are_not(page: Page) -> None:
    pages = {number: png(200 + number, 200, noise=40_000) for number in range(1, 41)}
    content = sealed_bytes(zipped(pages))
    address, file = page.server.publish(content)
    given = fetched(page, address, [17, 39])
    assert [each["png"] for each in given["pages"]] == [pages[17], pages[39]]
    # The header, the directory, and the two pages, whole chunks of them.
    assert sum(end - start for start, end in file.asked) < 8 * (CHUNK_BYTES + 16) < len(content) / 3


def test_a_server_that_knows_no_ranges_gives_all_of_it(page: Page) -> None:
    pages = {number: png(200 + number, 200, noise=40_000) for number in range(1, 6)}
    address, file = page.server.publish(sealed_bytes(zipped(pages)), "whole")
    assert [each["png"] for each in fetched(page, address, [1, 5])["pages"]] == [pages[1], pages[5]]
    assert len(file.asked) == 1


@pytest.mark.parametrize("how", ["shifted", "grown", "short", "gone", "unsaid"])
def test_a_server_that_gives_something_else_is_not_believed(page: Page, how: str) -> None:
    content = Random(5).randbytes(300_000)  # noqa: S311 - not secret
    address, _ = page.server.publish(content, how)
    with pytest.raises(JavaScriptError) as refused:
        page.do("rangeRead", address=address, start=100_000, end=200_000)
    assert (refused.value.error_id, refused.value.retryable) == ("not-fetched", True)


def test_a_file_that_is_not_there(page: Page) -> None:
    with pytest.raises(JavaScriptError, match="answered 404") as refused:
        page.do("rangeRead", address="/file/none", start=0, end=1)
    assert refused.value.error_id == "not-fetched"


@pytest.mark.parametrize(
    ("start", "end"), [(0, 10), (65_530, 65_540), (65_536, 70_000), (299_990, 400_000), (300_000, 300_001), (5, 2)]
)
def test_any_range_can_be_read(page: Page, start: int, end: int) -> None:
    content = Random(5).randbytes(300_000)  # noqa: S311 - not secret
    address, _ = page.server.publish(content)
    given = page.do("rangeRead", address=address, start=start, end=end)
    assert (given["size"], given["found"]) == (300_000, content[start:end])
