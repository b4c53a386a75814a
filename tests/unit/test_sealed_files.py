"""What the portal gives of a sealed file is the same, whether it lies in a folder or in a bucket."""

import io
from pathlib import Path

import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request, Response

from portal import sealed_files

CONTENT = bytes(range(256)) * 1000


def asked(found: object, **headers: str) -> Response:
    request = Request(EnvironBuilder(headers=headers).get_environ())
    response = sealed_files.answer(request, found)  # type: ignore[arg-type]
    response.direct_passthrough = False
    return response


@pytest.mark.parametrize(
    "wanted", ["", "bytes=0-9", "bytes=1000-200000", "bytes=255990-", "bytes=-10", "bytes=0-999999999"]
)
def test_a_range_of_either(tmp_path: Path, wanted: str) -> None:
    path = tmp_path / "sealed"
    path.write_bytes(CONTENT)
    headers = {"Range": wanted} if wanted else {}
    of_folder, of_bucket = asked(path, **headers), asked(io.BufferedReader(io.BytesIO(CONTENT)), **headers)  # type: ignore[type-var]
    assert of_bucket.get_data() == of_folder.get_data()
    assert of_bucket.status_code == of_folder.status_code == (206 if wanted else 200)
    for name in ("Content-Range", "Content-Length", "Accept-Ranges", "Content-Type"):
        assert of_bucket.headers.get(name) == of_folder.headers.get(name), name
    of_folder.close()
    of_bucket.close()


def test_a_reader_is_closed_with_its_answer() -> None:
    reader = io.BytesIO(CONTENT)
    response = asked(reader)
    response.close()
    assert reader.closed
