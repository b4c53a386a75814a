"""One request, and who makes it."""

import io
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import quote
from zoneinfo import ZoneInfo

from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Request

from faxplan import bundle, permissions
from faxplan.audit import Actor
from faxplan.brands import Brand
from faxplan.config import Settings
from faxplan.db import Database
from faxplan.document_store import Store
from faxplan.errors import FaxplanError
from faxplan.language import _
from faxplan.permissions import Permission
from faxplan.sessions import Session
from faxplan.tenants import Tenant
from faxplan.users import User
from portal import notes, places
from portal.places import Part

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

MOST_BYTES = 100 * 1024**2
"""Of a request: the largest document that can be handed in."""
MOST_SMALL_BYTES = 6 * 1024**2
"""Of a request that brings small files, which are kept in memory: pictures, tables."""
MOST_FIELD_BYTES = 64 * 1024
"""Of what a form says beside its files."""
MOST_FIELDS = 20
"""Of a form, beside the files of a document."""


_ASCII = bytes(range(128)).decode()


class PortalRequest(Request):
    """A request whose files go into a private folder, which whoever answers it has made: they are documents in work.

    Small ones, which are no documents, stay in memory.
    """

    max_content_length = MOST_BYTES
    # Werkzeug bounds by it also what it has read of a file and not handed on: a piece of 64 KiB with the end of the one
    # before, where a line end stands there.
    max_form_memory_size = 4 * MOST_FIELD_BYTES
    max_form_parts = MOST_FIELDS
    files_in: Path | None = None
    """The folder; None: it may bring no document."""
    takes_small_files = False

    def __init__(self, environ: "WSGIEnvironment") -> None:
        super().__init__(environ)
        # Of ASCII alone (RFC 3986, 2): what is not is read as if it had been encoded.
        self.query_string = quote(self.query_string, safe=_ASCII).encode()

    def _get_file_stream(
        self,
        total_content_length: int | None,  # noqa: ARG002 - what Werkzeug calls it with
        content_type: str | None,  # noqa: ARG002
        filename: str | None = None,  # noqa: ARG002
        content_length: int | None = None,  # noqa: ARG002
    ) -> IO[bytes]:
        if self.takes_small_files:
            # No larger than the request may be.
            small = io.BytesIO()
            self.taken.append(small)
            return small
        if self.files_in is None:
            raise BadRequest(_("No file is taken here."))
        if len(self.taken) == bundle.MOST_FILES:
            raise BadRequest(_("At most {most} files at a time.").format(most=bundle.MOST_FILES))
        file = (self.files_in / f"file-{len(self.taken)}").open("x+b")
        self.taken.append(file)
        return file

    @property
    def wants_json(self) -> bool:
        """Whether a script of ours asks."""
        return self.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json"

    @cached_property
    def taken(self) -> list[IO[bytes]]:
        """The files that came, or come, with it: to be closed whatever becomes of the request."""
        return []


@dataclass
class Visit:
    """tenant: whose host was asked; None: the portal's own. session: None where nobody is logged in.

    admin: the database as role admin, for pages of administration; None: they are not answered in this process.
    has_administration: whether they are by one that stands beside it. brand: the tenant's; of the portal's own host
    one without a name. settings: those in force.
    """

    request: PortalRequest
    db: Database
    store: Store
    domain: str
    tenant: Tenant | None
    session: Session | None
    admin: Database | None = None
    has_administration: bool = False
    settings: Settings | None = None
    brand: Brand = field(default_factory=lambda: Brand(""))
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def user(self) -> User:
        """Who is logged in; routes that need nobody must not ask."""
        if self.session is None:
            raise RuntimeError("nobody is logged in")
        return self.session.user

    @property
    def its_session(self) -> Session:
        """Of whoever is logged in, on a page that asks for that."""
        if self.session is None:
            raise RuntimeError("nobody is logged in")
        return self.session

    @property
    def its_tenant(self) -> Tenant:
        """The tenant of a page that belongs to one."""
        if self.tenant is None:
            raise RuntimeError("this page is of no tenant")
        return self.tenant

    @property
    def backup_days(self) -> int | None:
        """As the setting."""
        return None if self.settings is None else self.settings.backup_days

    @property
    def its_admin(self) -> Database:
        """For a page of administration."""
        if self.admin is None:
            raise RuntimeError("this page is no administration's")
        return self.admin

    @property
    def its_settings(self) -> Settings:
        """For a page that tells of them."""
        if self.settings is None:
            raise RuntimeError("this portal was given no settings")
        return self.settings

    @property
    def actor(self) -> Actor:
        """Who is logged in, for the audit."""
        if self.session is None:
            raise RuntimeError("nobody is logged in")
        return Actor(f"user:{self.user.id}", self.session.authenticated, self.address)

    @property
    def parts(self) -> list[Part]:
        """Where the user can go."""
        return list(places.parts(self.user, self.permissions, has_administration=self.has_administration))

    @cached_property
    def permissions(self) -> frozenset[Permission]:
        """What the user may do, so that a page shows no more. Whoever answers asks for itself: here it is all where
        nobody can be asked, and a page says so."""
        try:
            with self.db.tenant(self.its_tenant.id) as tx:
                return permissions.of(tx, self.its_tenant.id, self.user.id)
        except FaxplanError:
            return frozenset(permissions.EVERYTHING)

    def may(self, permission: str) -> bool:
        """Whether the user may do it. permission: as Permission has it; for templates."""
        return Permission(permission) in self.permissions

    @property
    def note(self) -> str:
        """What the page that led here has done, in words; empty where it says nothing."""
        return notes.words(self.request.args.get("note", ""))

    @cached_property
    def zone(self) -> ZoneInfo:
        """In which times are shown: the user's own, else the organisation's."""
        own = None if self.session is None else self.session.user.zone
        return own or self.its_tenant.zone

    @property
    def address(self) -> str:
        """The client's network address."""
        return self.request.remote_addr or ""
