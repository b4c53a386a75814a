"""What one address of the portal is: of these, routes.py has a table."""

from collections.abc import Callable
from dataclasses import dataclass

from werkzeug.wrappers import Response

from faxplan.permissions import Permission
from portal.roles import USER, Role
from portal.visit import MOST_FIELD_BYTES

Answer = Callable[..., Response]


@dataclass(frozen=True, slots=True)
class Route:
    """What answers to an address. of_tenant: only on a tenant's host. logged_in: only to who is; else the log-in comes.
    role: who may. Where it is another than USER, the page is administration: it works with the database role admin.
    needs: what they have to be permitted, beside. shut: also in a session that is (sessions.Session).

    takes_files: the request may bring a document. takes_small_files: or files that are none (a picture, a table).
    looks_on: a page asks by itself, and nobody has used the session by that. most_bytes: of
    a request without any.
    """

    path: str
    method: str
    answer: Answer
    of_tenant: bool = True
    logged_in: bool = True
    takes_files: bool = False
    takes_small_files: bool = False
    looks_on: bool = False
    role: Role = USER
    needs: Permission | None = None
    shut: bool = False
    most_bytes: int = MOST_FIELD_BYTES
