"""The files of static/, under an address that changes with them: browsers keep them for good, and never an old one."""

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


def file(visit: Visit, of: str, name: str) -> Response:
    """GET: one of them. of: the version; of another one there is nothing (the page that asks is to be loaded again)."""
    path = safe_join(str(FOLDER), name)
    kind = TYPES.get(Path(name).suffix)
    if path is None or kind is None or of != version() or not Path(path).is_file():
        raise NotFound
    response = Response(Path(path).read_bytes(), status=HTTPStatus.OK, content_type=kind)
    response.headers["Cache-Control"] = _FOR_GOOD
    response.add_etag()
    return response.make_conditional(visit.request)
