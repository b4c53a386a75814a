"""The files of static/, under an address that changes with them: browsers keep them for good, and never an old one."""

import gzip
import hashlib
from functools import cache
from http import HTTPStatus
from pathlib import Path

from werkzeug.exceptions import NotFound
from werkzeug.security import safe_join
from werkzeug.wrappers import Response

from portal.visit import Visit

FOLDER = Path(__file__).parent / "static"
TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
"""Nothing else is given out."""
_FOR_GOOD = "public, max-age=31536000, immutable"


@cache
def version() -> str:
    """Of all files together: modules import each other by relative addresses."""
    digest = hashlib.sha256()
    for path in sorted(FOLDER.rglob("*")):
        if path.is_file():
            digest.update(f"{path.relative_to(FOLDER)}\n".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def address(name: str) -> str:
    """Where a file of static/ is."""
    return f"/static/{version()}/{name}"


@cache
def _packed(path: str) -> bytes:
    """A file as it is sent: a quarter of it. Pages are not packed: their length would tell of what is secret in them
    beside what a stranger has written (BREACH)."""
    return gzip.compress(Path(path).read_bytes(), mtime=0)


def file(visit: Visit, of: str, name: str) -> Response:
    """GET: one of them. of: the version; of another one there is nothing (the page that asks is to be loaded again)."""
    path = safe_join(str(FOLDER), name)
    kind = TYPES.get(Path(name).suffix)
    if path is None or kind is None or of != version() or not Path(path).is_file():
        raise NotFound
    packs = visit.request.accept_encodings.quality("gzip") > 0
    content = _packed(path) if packs else Path(path).read_bytes()
    response = Response(content, status=HTTPStatus.OK, content_type=kind)
    if packs:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Cache-Control"] = _FOR_GOOD
    response.headers["Vary"] = "Accept-Encoding"
    response.add_etag()
    return response.make_conditional(visit.request)
