"""A sealed file as it lies in the store, whole or a range of it: for browsers and the API's clients."""

from pathlib import Path
from typing import BinaryIO

from werkzeug.utils import send_file
from werkzeug.wrappers import Request, Response
from werkzeug.wsgi import FileWrapper

_TYPE = "application/octet-stream"


def answer(request: Request, found: Path | BinaryIO) -> Response:
    """found: what Store.sealed_file gives. Raises FileNotFoundError for a path that has just gone."""
    if isinstance(found, Path):
        return send_file(found, request.environ, _TYPE, etag=False, conditional=True)
    size = found.seek(0, 2)
    found.seek(0)
    # Not the server's own wrapper, which may want a file of this machine.
    response = Response(FileWrapper(found, 64 << 10), mimetype=_TYPE, direct_passthrough=True)
    response.call_on_close(found.close)
    response.content_length = size
    response.headers["Cache-Control"] = "no-cache"
    return response.make_conditional(request.environ, accept_ranges=True, complete_length=size)
