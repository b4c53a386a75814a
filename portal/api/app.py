"""The API as a part of the portal: who asks, how often, whether the key may; then the operation."""

import logging
import secrets
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from http import HTTPStatus
from typing import Any

from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.routing import Map, RequestRedirect, Rule
from werkzeug.wrappers import Response

from faxplan import api_keys, api_rate, api_requests, audit, bundle, language, log_lines
from faxplan.api_keys import ApiKey
from faxplan.api_rate import Rate
from faxplan.api_requests import Answered, Begun
from faxplan.config import Settings
from faxplan.db import Database
from faxplan.document_store import DocumentLost, Store, StoreUnavailable
from faxplan.errors import DatabaseUnavailable, FaxplanError, Forbidden
from faxplan.language import _
from faxplan.tenants import Tenant
from faxplan.users import User
from faxplan.web_client import WebClient
from portal import wording
from portal.api import bodies, openapi, problems
from portal.api.call import Call
from portal.api.operations import OPERATIONS, ROOT, Operation
from portal.api.problems import NoScope, NotAuthenticated, TooManyRequests
from portal.roles import OPERATOR, Role
from portal.visit import MOST_BYTES, MOST_FIELDS, PortalRequest

LOG = logging.getLogger("faxplan.api")
_OPENAPI = f"{ROOT}/openapi.json"
_KEY = "Idempotency-Key"


class Api:
    """Of an installation. admin: the database as role admin, for operations of administration, which are not there
    without it. has_users: whether all others are."""

    def __init__(
        self, db: Database, store: Store, settings: Settings, *, admin: Database | None = None, has_users: bool = True
    ) -> None:
        self._db = db
        self._admin = admin
        self._has_users = has_users
        self._store = store
        self._settings = settings
        self._web = WebClient.for_documents(settings)
        self._map = Map(
            [
                *(Rule(ROOT + each.path, methods=[each.method], endpoint=each) for each in OPERATIONS),
                Rule(_OPENAPI, methods=["GET"], endpoint=openapi.document),
            ],
            strict_slashes=False,
            merge_slashes=False,
        )

    def answer(self, request: PortalRequest, tenant_of: Callable[[], Tenant | None], stack: ExitStack) -> Response:
        """tenant_of: says whose host was asked; None: nobody's."""
        try:
            return self._answer(request, tenant_of(), stack)
        except HTTPException as error:
            return _of_http(error, request)
        except (DatabaseUnavailable, StoreUnavailable, DocumentLost) as error:
            LOG.warning("%s %s: %s", request.method, ascii(request.path), error)
            words = _("Something that this needs is away for the moment. Nothing is lost. Try again in a minute.")
            return problems.answer(HTTPStatus.SERVICE_UNAVAILABLE, error.error_id, words, retryable=True)
        except FaxplanError as error:
            return problems.of(error, wording.for_browser(str(error)))
        except Exception:
            number = secrets.token_hex(4)
            LOG.exception("request %s: %s %a", number, request.method, request.path)
            words = _("Something went wrong here, and was written down as {number}.").format(number=number)
            return problems.answer(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", words)

    def _answer(self, request: PortalRequest, tenant: Tenant | None, stack: ExitStack) -> Response:
        if tenant is None:
            words = _("Ask at the address of your organisation, which is its short name before this one.")
            return problems.answer(HTTPStatus.NOT_FOUND, "not-found", words)
        operation, path = self._map.bind_to_environ(request.environ).match()
        if not isinstance(operation, Operation):
            return openapi.answer()
        if not (self._admin if operation.is_administration else self._has_users):
            words = _(
                "This is answered by another process here, to which the proxy does not lead. Tell whoever runs it."
            )
            return problems.answer(HTTPStatus.NOT_FOUND, "not-found", words)
        key, rate = self._let_in(request, tenant)
        if not request.accept_languages:
            spoken = language.first_of(key.user.language, tenant.language, language.current())
            stack.enter_context(language.speaks(spoken))
        try:
            response = self._permitted(request, tenant, key, rate, operation, path, stack)
        except FaxplanError as error:
            if isinstance(error, DatabaseUnavailable | StoreUnavailable | DocumentLost):
                raise
            response = problems.of(error, wording.for_browser(str(error)))
        return _with_rate(response, rate)

    def _let_in(self, request: PortalRequest, tenant: Tenant) -> tuple[ApiKey, Rate]:
        """Raises NotAuthenticated."""
        kind, _blank, secret = request.headers.get("Authorization", "").partition(" ")
        key = None
        if kind.lower() == "bearer" and tenant.enabled:
            with self._db.tenant(tenant.id) as tx:
                key = api_keys.find(tx, tenant.id, secret.strip())
                if key is not None:
                    rate = api_rate.count(tx, tenant.id, key.id, self._settings.api_requests_per_minute)
        if key is None:
            if secret:
                with log_lines.about(tenant=tenant.id):
                    log_lines.refused("an API key", request.remote_addr or "")
            raise NotAuthenticated(
                _("Send an API key of this organisation along, as `Authorization: Bearer fxp_...`. This one opens "
                  "nothing: it is wrong, has ended or expired, or its user may not use one.")
            )  # fmt: skip
        return key, rate

    def _permitted(
        self, request: PortalRequest, tenant: Tenant, key: ApiKey, rate: Rate, operation: Operation,
        path: Mapping[str, Any], stack: ExitStack,
    ) -> Response:  # fmt: skip
        """Raises what refuses it."""
        if rate.is_exceeded:
            raise TooManyRequests(
                _("This API key has made its {most} requests of a minute. Go on in {seconds} seconds.").format(
                    most=rate.limit, seconds=rate.resets_in
                )
            )
        if operation.scope is not None and operation.scope not in key.scopes:
            raise NoScope(_("This API key is not for that: it takes the scope {scope}.").format(scope=operation.scope))
        _check_role(operation.role, key.user)
        call = Call(request, self._db, self._store, self._settings, tenant, key, path, self._web, admin=self._admin)
        stack.enter_context(audit.acting(call.actor))
        fax_id = path.get("number") if operation.path.startswith("/faxes/") else None
        stack.enter_context(log_lines.about(tenant=tenant.id, fax=fax_id))
        if operation.query is not None:
            call.query = bodies.query(operation.query, request)
        if operation.body is not None:
            folder = stack.enter_context(self._store.scratch.folder()) if operation.takes_files else None
            request.files_in = folder
            request.max_content_length = MOST_BYTES
            request.max_form_parts = MOST_FIELDS + bundle.MOST_FILES
            stack.callback(_close, request)
            call.body, call.files = bodies.body(operation, request, folder)
            call.folder = folder
        repeated = request.headers.get(_KEY)
        if not operation.may_repeat or repeated is None:
            return operation.run(call)
        return self._once(call, operation, repeated)

    def _once(self, call: Call, operation: Operation, repeated: str) -> Response:
        asked = bodies.digest(operation, dict(call.path), call.body, call.files)
        begun = api_requests.begin(self._db, call.tenant.id, call.key.id, repeated, asked)
        if isinstance(begun, Answered):
            response = Response(begun.answer, status=begun.status, content_type="application/json")
            response.headers["Idempotent-Replayed"] = "true"
            return response
        call.begun = begun
        try:
            return operation.run(call)
        except DatabaseUnavailable:
            # It may have been done: who asks again is told.
            raise
        except BaseException:
            self._let_go(begun)
            raise

    def _let_go(self, begun: Begun) -> None:
        with suppress(DatabaseUnavailable):
            api_requests.let_go(self._db, begun)


def _check_role(role: Role, user: User) -> None:
    """Raises Forbidden."""
    if role.is_of(user):
        return
    if role is OPERATOR:
        raise Forbidden(_("Only who runs this installation does this."))
    raise Forbidden(_("Only an administrator of your organisation does this."))


def _with_rate(response: Response, rate: Rate) -> Response:
    """draft-ietf-httpapi-ratelimit-headers."""
    response.headers["RateLimit-Policy"] = f'"key";q={rate.limit};w={api_rate.WINDOW_SECONDS}'
    response.headers["RateLimit"] = f'"key";r={rate.left};t={rate.resets_in}'
    if rate.is_exceeded:
        response.headers["Retry-After"] = str(rate.resets_in)
    return response


def _of_http(error: HTTPException, request: PortalRequest) -> Response:
    code = error.code or HTTPStatus.BAD_REQUEST
    if isinstance(error, RequestRedirect):
        return problems.answer(HTTPStatus.NOT_FOUND, "not-found", _("There is no such address in this API."))
    if isinstance(error, RequestEntityTooLarge):
        words = _("This is too large: {most} MB at most.").format(most=MOST_BYTES // 1024**2)
        return problems.answer(code, "too-large", words)
    words = {
        HTTPStatus.NOT_FOUND: _("There is no such address in this API."),
        HTTPStatus.METHOD_NOT_ALLOWED: _("This address has no such method."),
        HTTPStatus.BAD_REQUEST: _("This request cannot be read."),
    }.get(HTTPStatus(code), error.description or HTTPStatus(code).phrase)
    names = {HTTPStatus.NOT_FOUND: "not-found", HTTPStatus.METHOD_NOT_ALLOWED: "no-such-method"}
    response = problems.answer(code, names.get(HTTPStatus(code), "not-readable"), words)
    for name, value in error.get_headers(request.environ):
        if name.lower() != "content-type":
            response.headers.setdefault(name, value)
    return response


def _close(request: PortalRequest) -> None:
    for file in request.taken:
        with suppress(OSError):
            file.close()
