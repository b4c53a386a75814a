"""The WSGI application: which tenant was asked, who asks, and whether they may; then the page; then the headers.

Server: gunicorn behind a proxy with TLS (`python -m portal`).
"""

import errno
import hmac
import logging
import re
import secrets
from collections.abc import Iterable, Mapping
from contextlib import ExitStack, suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response

from faxplan import brands, bundle, language, log_lines, permissions, sessions, tenants
from faxplan.config import Settings
from faxplan.db import Database
from faxplan.document_store import DocumentLost, Store, StoreUnavailable
from faxplan.errors import DatabaseUnavailable, FaxplanError, Forbidden, NotFound
from faxplan.identity_providers import UnknownIdentity
from faxplan.language import _, marked
from faxplan.login import CodeNeeded, WrongLogin
from faxplan.second_factor import WrongCode
from faxplan.sessions import Session
from faxplan.single_sign_on import SignOnRefused
from faxplan.tenants import Tenant
from faxplan.tries import TooManyTries
from faxplan.webauthn import PasskeyRefused
from portal import answers, cookies, roles, routes, static, wording
from portal.api.app import Api
from portal.pages import api
from portal.roles import USER
from portal.route import Route
from portal.visit import MOST_BYTES, MOST_FIELDS, MOST_SMALL_BYTES, PortalRequest, Visit

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

LOG = logging.getLogger("faxplan.portal")
_STATUS: tuple[tuple[type[FaxplanError], HTTPStatus], ...] = (
    (NotFound, HTTPStatus.NOT_FOUND),
    (Forbidden, HTTPStatus.FORBIDDEN),
    (WrongLogin, HTTPStatus.UNAUTHORIZED),
    (CodeNeeded, HTTPStatus.UNAUTHORIZED),
    (WrongCode, HTTPStatus.UNAUTHORIZED),
    (PasskeyRefused, HTTPStatus.UNAUTHORIZED),
    (SignOnRefused, HTTPStatus.FORBIDDEN),
    (UnknownIdentity, HTTPStatus.FORBIDDEN),
    (TooManyTries, HTTPStatus.TOO_MANY_REQUESTS),
)


class Refused(FaxplanError):
    """The request does not come from a page of ours."""

    error_id = "cross-site"


class Portal:
    """domain: where the portal is, such as fax.example; each tenant has a host below it, by its short name.

    admin: the database as role admin, for pages of administration, which are not there without it. has_users: whether
    everybody's pages are there. beside: whether another process answers what is not here (the proxy leads there).
    settings: those in force, for operators.
    """

    def __init__(
        self,
        db: Database,
        store: Store,
        domain: str,
        *,
        admin: Database | None = None,
        has_users: bool = True,
        beside: bool = False,
        settings: Settings | None = None,
    ) -> None:
        self._db = db
        self._store = store
        self._domain = domain.lower()
        self._admin = admin
        self._has_users = has_users
        self._has_administration = beside or admin is not None
        self._settings = settings
        self._map = routes.url_map()
        self._api = None if settings is None else Api(db, store, settings, admin=admin, has_users=has_users)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        request = PortalRequest(environ)
        with language.speaks(_language(request)), ExitStack() as stack:
            if self._api is not None and request.path.startswith(API) and request.path not in api.PAGES:
                response = self._api.answer(request, lambda: self._asked_for(request), stack)
            else:
                response = self._answer(request, stack)
            return answers.finished(response)(environ, start_response)

    def _answer(self, request: PortalRequest, stack: ExitStack) -> Response:
        visit = self._visit(request)
        try:
            route, given = self._map.bind_to_environ(request.environ).match(return_rule=False)
            return self._routed(visit, route, given, stack)
        except RequestRedirect as error:
            return Response("", status=error.code, headers={"Location": error.new_url})
        except HTTPException as error:
            code = error.code or HTTPStatus.BAD_REQUEST
            with suppress(FaxplanError):
                # So that also such a page looks like the organisation's.
                visit.tenant = self._tenant(visit)
            told = _told(visit, code, _(_WORDS[code]) if code in _WORDS else error.description, "")
            for name, value in error.get_headers(request.environ):
                told.headers.setdefault(name, value)
            return told
        except (DatabaseUnavailable, StoreUnavailable, DocumentLost) as error:
            # Where what is, is for who runs it.
            LOG.warning("%s %s: %s", request.method, ascii(request.path), error)
            return _told(visit, HTTPStatus.SERVICE_UNAVAILABLE, _(_AWAY), error.error_id)
        except FaxplanError as error:
            return _told(visit, _status_of(error), wording.for_browser(str(error)), error.error_id)
        except Exception as error:  # noqa: BLE001 - it is written down, and a page says so
            return _broken(visit, error)

    def _routed(self, visit: Visit, route: Route, given: Mapping[str, Any], stack: ExitStack) -> Response:
        if visit.request.method == "POST":
            visit.request.max_content_length = _most_bytes(route)
            visit.request.max_form_memory_size = max(PortalRequest.max_form_memory_size, route.most_bytes)
            _check_same_site(visit.request)
        if route.answer is not static.file:
            if not (self._has_users if route.role is USER else self._admin):
                raise NotFound(_(_WORDS[HTTPStatus.NOT_FOUND]))
            visit.tenant = self._tenant(visit)
        if visit.tenant is not None:
            visit.session = self._session(visit.request, visit.tenant, route)
        elif route.of_tenant:
            raise NotFound(_("There is no such page here. Open the address of your organisation."))
        stack.enter_context(language.speaks(_chosen(visit)))
        if visit.tenant is not None:
            fax_id = given.get("number") if visit.request.path.startswith("/faxes/") else None
            stack.enter_context(log_lines.about(tenant=visit.tenant.id, fax=fax_id))
        if route.logged_in:
            if visit.session is None:
                return _to_log_in(visit.request)
            if visit.session.is_shut and not route.shut:
                return _to_unlock(visit.request)
            self._let_in(visit, visit.session, route, stack)
        return route.answer(visit, **given)

    def _let_in(self, visit: Visit, session: Session, route: Route, stack: ExitStack) -> None:
        """Whoever is logged in, to what they may. Raises Forbidden."""
        if visit.request.method == "POST":
            if route.takes_files:
                visit.request.files_in = stack.enter_context(self._store.scratch.folder())
                visit.request.max_form_parts = MOST_FIELDS + bundle.MOST_FILES
            visit.request.takes_small_files = route.takes_small_files
            stack.callback(_close, visit.request)
            _check_csrf(visit.request, session)
        roles.check(route.role, visit.user)
        self._check_permitted(visit, route)

    def _check_permitted(self, visit: Visit, route: Route) -> None:
        """Raises Forbidden."""
        if route.needs is not None:
            with self._db.tenant(visit.its_tenant.id) as tx:
                permissions.check(tx, visit.its_tenant.id, visit.user.id, route.needs)

    def _visit(self, request: PortalRequest) -> Visit:
        return Visit(
            request, self._db, self._store, self._domain, None, None,
            admin=self._admin, has_administration=self._has_administration, settings=self._settings,
        )  # fmt: skip

    def _asked_for(self, request: PortalRequest) -> Tenant | None:
        """Whose host was asked; None: nobody's."""
        try:
            return self._tenant(self._visit(request))
        except NotFound:
            return None

    def _tenant(self, visit: Visit) -> Tenant | None:
        """Whose host was asked, with the brand; None: the portal's own. Raises NotFound for a host that is nobody's."""
        host = (urlsplit(f"//{visit.request.host}").hostname or "").lower()
        if host == self._domain:
            return None
        slug, _dot, rest = host.partition(".")
        with self._db.across_tenants() as tx:
            tenant_id = None if rest == self._domain else brands.tenant_of_host(tx, host)
            if rest == self._domain or tenant_id is not None:
                found = tenants.by_slug(tx, slug) if tenant_id is None else tenants.get(tx, tenant_id)
                tx.enter_tenant(found.id)
                visit.brand = brands.of(tx, found.id, found.name)
                return found
        if self._domain == "localhost":
            # Of `make run`, on the machine of whoever looks.
            port = urlsplit(f"//{visit.request.host}").port
            here = f"http://{self._domain}:{port}" if port else f"http://{self._domain}"
            raise NotFound(_("This portal is at {address}: open that, which leads on.").format(address=here))
        raise NotFound(_("This address is no organisation's. See whether it is written as you were given it."))

    def _session(self, request: PortalRequest, tenant: Tenant, route: Route) -> Session | None:
        token = cookies.token(request)
        if token is None:
            return None
        with self._db.tenant(tenant.id) as tx:
            return sessions.find(tx, tenant.id, token, is_use=not route.looks_on)


API = "/api/"
_AWAY = marked("Something that this needs is away for the moment. Nothing is lost. Try again in a minute.")
_FULL = marked(
    "The server has no room for this at present, and kept nothing of it. Tell whoever runs it, and try again then."
)
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_BROKEN = marked("Something went wrong here, and was written down as {number}. Nothing is lost. Try again in a moment.")
_WORDS: dict[int, str] = {
    HTTPStatus.NOT_FOUND: marked("There is no such page. It may have been moved, or the address is cut off."),
    HTTPStatus.METHOD_NOT_ALLOWED: marked("There is no such page."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: marked(
        "This is too large to be taken here. A document has at most 100 MB: print it to a smaller PDF."
    ),
}


_TITLES: dict[int, str] = {
    HTTPStatus.BAD_REQUEST: marked("That does not work"),
    HTTPStatus.UNAUTHORIZED: marked("Logged out"),
    HTTPStatus.FORBIDDEN: marked("Not for you"),
    HTTPStatus.NOT_FOUND: marked("Not found"),
    HTTPStatus.METHOD_NOT_ALLOWED: marked("Not found"),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: marked("Too large"),
    HTTPStatus.TOO_MANY_REQUESTS: marked("Wait a moment"),
    HTTPStatus.INTERNAL_SERVER_ERROR: marked("Something went wrong"),
    HTTPStatus.SERVICE_UNAVAILABLE: marked("Away for the moment"),
}
_A_FAX = re.compile(r"/faxes/[0-9]{1,18}")


def _most_bytes(route: Route) -> int:
    if route.takes_files:
        return MOST_BYTES
    return MOST_SMALL_BYTES if route.takes_small_files else route.most_bytes


def _broken(visit: Visit, error: Exception) -> Response:
    """For what nobody thought of, or can do anything about here."""
    asked = f"{visit.request.method} {visit.request.path!a}"
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        LOG.error("%s: no room is left: %s", asked, error)
        return _told(visit, HTTPStatus.INSUFFICIENT_STORAGE, _(_FULL), "no-room")
    number = secrets.token_hex(4)
    LOG.error("request %s: %s", number, asked, exc_info=error)
    return _told(visit, HTTPStatus.INTERNAL_SERVER_ERROR, _(_BROKEN).format(number=number), "internal")


def _close(request: PortalRequest) -> None:
    """Also of a client that hung up in the middle of a file."""
    for file in request.taken:
        # What a full disk did not take is not written by trying again.
        with suppress(OSError):
            file.close()


def _check_same_site(request: PortalRequest) -> None:
    """A form of another site must not act as whoever is logged in here; nor log somebody in. Raises Refused."""
    site, origin = request.headers.get("Sec-Fetch-Site"), request.headers.get("Origin")
    same = site == "same-origin" if site is not None else origin == f"{request.scheme}://{request.host}"
    if not same:
        raise Refused(_("This did not come from a page of this site. Open the site itself, and try there."))


def _check_csrf(request: PortalRequest, session: Session) -> None:
    said = request.headers.get("X-CSRF-Token") or request.form.get("csrf", "")
    if not hmac.compare_digest(said.encode("utf-8", "replace"), session.csrf.encode()):
        raise Refused(_("This page is from before you logged in. Load it again, and try once more."))


def _to_log_in(request: PortalRequest) -> Response:
    if request.wants_json:
        return answers.problem(
            HTTPStatus.UNAUTHORIZED, _("Logged out"), _("You were logged out. Log in again."), "logged-out"
        )
    if request.method == "GET" and _A_FAX.fullmatch(request.path):
        # The link of a mail: who has logged in goes on to there.
        return answers.to(f"/log-in?{urlencode({'to': request.path})}")
    if request.method == "POST":
        # What a form brought was not done: the log-in says so, and leads back to the page on which it was.
        return answers.to(f"/log-in?{urlencode({'over': '1', 'to': _page_before(request)})}")
    return answers.to("/log-in")


def _page_before(request: PortalRequest) -> str:
    """On which the browser says that its form was (Referrer-Policy: same-origin); else empty."""
    said = urlsplit(request.referrer or "")
    path = f"{said.path}?{said.query}" if said.query else said.path
    # An address that takes forms alone has no page.
    return path if said.netloc == request.host and path != request.path else ""


def _to_unlock(request: PortalRequest) -> Response:
    if request.wants_json or request.method != "GET":
        raise Forbidden(_("Open your faxes first: that shows who you are."))
    return answers.to(f"/unlock?{urlencode({'to': request.full_path.rstrip('?')})}")


def _status_of(error: FaxplanError) -> HTTPStatus:
    for kind, status in _STATUS:
        if isinstance(error, kind):
            return status
    return HTTPStatus.SERVICE_UNAVAILABLE if error.retryable else HTTPStatus.BAD_REQUEST


def _told(visit: Visit, status: int, words: str | None, error_id: str) -> Response:
    title = _(_TITLES.get(status, HTTPStatus(status).phrase.capitalize()))
    if visit.request.wants_json:
        return answers.problem(status, title, words or title, error_id)
    return answers.page(visit, "error.html", status, title=title, words=words or title)


def _language(request: PortalRequest) -> str:
    """Of those that there are, the one that the browser likes best: de-AT is de here (RFC 4647, 3.4)."""
    known = {each.lower(): each for each in language.available()}
    for asked, quality in request.accept_languages:
        tag = asked.lower() if quality > 0 else ""
        while tag:
            if tag in known:
                return known[tag]
            tag = tag.rpartition("-")[0]
    return language.SOURCE


def _chosen(visit: Visit) -> str:
    """The user's, else the tenant's; where neither has chosen one that there is, that which is spoken."""
    user = visit.session.user.language if visit.session else None
    tenant = visit.tenant.language if visit.tenant else None
    return language.first_of(user, tenant, language.current())
