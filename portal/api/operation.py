"""What one address of the API does: of these, operations.py has a table."""

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel
from werkzeug.wrappers import Response

from faxplan.api_keys import Scope
from portal.api.call import Call
from portal.roles import USER, Role

ROOT = "/api/v1"
LARGEST = 2**63 - 1
"""Of a number in an address."""
MOST_BYTES = 64 * 1024
MOST_JSON_BYTES = 16 * 1024**2
"""Of JSON that has documents in it, which is in memory."""
ADMINISTRATION = ("/organisation/", "/installation/")
"""How addresses begin that the process with the database role admin answers, to which the proxy leads them."""


@dataclass(frozen=True, slots=True)
class Operation:
    """path: below ROOT, as Werkzeug writes it. summary: a sentence that describes it. scope: what the key has to name;
    None: any key will do. body, query, answer: shapes; None: there is none. status: of success. role: that the key's
    user has to have.

    takes_files: also as multipart/form-data, with files. may_repeat: an Idempotency-Key is kept. is_file: it answers
    with a file, of media_type.
    """

    method: str
    path: str
    run: Callable[[Call], Response]
    name: str
    summary: str
    group: str
    scope: Scope | None
    answer: type[BaseModel] | None = None
    status: int = 200
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    takes_files: bool = False
    may_repeat: bool = False
    is_file: bool = False
    media_type: str = "application/octet-stream"
    role: Role = USER

    @property
    def most_bytes(self) -> int:
        """Of a body of JSON."""
        return MOST_JSON_BYTES if self.takes_files else MOST_BYTES

    @property
    def is_administration(self) -> bool:
        """Whether it works with the database role admin."""
        return self.path.startswith(ADMINISTRATION)
