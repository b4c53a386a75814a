"""Logging in by the organisation's own identity provider, and the page that says which that is."""

from urllib.parse import urlencode

from werkzeug.wrappers import Response

from faxplan import identity_providers, identity_provisioning, login, sessions, single_sign_on, tries
from faxplan.errors import FaxplanError, NotFound
from faxplan.identity_providers import Identity, Provider
from faxplan.language import _, marked
from faxplan.single_sign_on import Asked, SignOnRefused
from faxplan.web_client import Busy, FetchFailed, WebClient
from portal import answers, cookies, places
from portal.forms import Field, Form, Kind
from portal.pages.login import whence
from portal.visit import Visit

BACK = "/log-in/sign-on/back"
FIELDS = (
    Field(
        "issuer",
        marked("Issuer"),
        required=True,
        longest=500,
        autocomplete="off",
        hint=marked("The provider's address, as its own pages name it, such as https://login.example.com/realms/acme."),
    ),
    Field("client_id", marked("Client ID"), required=True, longest=255, autocomplete="off"),
    Field(
        "client_secret",
        marked("Client secret"),
        Kind.SECRET,
        longest=1000,
        hint=marked("It is never shown. Empty: as it is; none is needed for a public client."),
    ),
    Field("no_secret", marked("Forget the secret"), Kind.SWITCH),
    Field("label", marked("What people call it"), longest=40, hint=marked("On the button. Empty: the issuer's host.")),
    Field(
        "trusts_email",
        marked("Take its e-mail addresses as they are"),
        Kind.SWITCH,
        hint=marked(
            "For a provider that does not say which addresses it has verified. On only where it is your organisation's "
            "alone, and people cannot choose their address there."
        ),
    ),
)


def begin(visit: Visit) -> Response:
    """GET: to the identity provider, and from there to where somebody was going (`to`); whoever has an open session, by
    a page of ours alone."""
    if _open(visit) and visit.request.headers.get("Sec-Fetch-Site") not in ("same-origin", "none"):
        return answers.to("/log-in")
    asked = Asked.new()
    there = single_sign_on.address(_client(visit), _provider(visit), _back(visit), asked)
    response = answers.to(there)
    cookies.give_asked(response, asked.written, places.within(visit.request.args.get("to", "")))
    return response


def back(visit: Visit) -> Response:
    """GET: from there. A session begins, which is shut: what opens it, and the faxes, comes on the next page. One that
    is open goes on."""
    written, kept = cookies.asked(visit.request)
    asked, to = Asked.read(written), places.within(kept)
    who = _who(visit, asked)
    token = login.log_in_by_provider(visit.db, visit.its_tenant.id, who, whence(visit), beside=visit.session)
    if token is None:
        response = answers.to(to or "/inbox")
        cookies.take_asked(response)
        return response
    if visit.session is not None:
        with visit.db.tenant(visit.its_tenant.id) as tx:
            sessions.end(tx, visit.session.user, visit.session.id)
    response = answers.to(f"/unlock?{urlencode({'to': to})}" if to else "/unlock")
    cookies.take_asked(response)
    cookies.give(response, token)
    return response


def _who(visit: Visit, asked: Asked) -> Identity:
    """Whoever fails too often is not asked about: strangers can bring codes of their own making."""
    client, provider, tenant_id, here = _client(visit), _provider(visit), visit.its_tenant.id, whence(visit)
    code = single_sign_on.code(client, provider, asked, visit.request.args.to_dict())
    login.check_by_provider(visit.db, tenant_id, here)
    try:
        return single_sign_on.identity(client, provider, _back(visit), asked, code, network=tries.network(here.address))
    except Busy:
        raise
    except (SignOnRefused, FetchFailed):
        login.by_provider_refused(visit.db, tenant_id, here)
        raise


def page(visit: Visit) -> Response:
    """GET: which it is, what to enter there, and who has logged in by it."""
    provider = _stored(visit)
    shown = {} if provider is None else {name: getattr(provider, name) for name in _SHOWN}
    return _page(visit, Form.of(FIELDS, shown))


def change(visit: Visit) -> Response:
    """POST: another, or other values; it is asked first whether it is one."""
    form = Form.read(FIELDS, visit.request.form)
    if not form.ok:
        return _page(visit, form, 400)
    values, before = dict(form.values), _stored(visit)
    forgotten, given = values.pop("no_secret"), values.pop("client_secret")
    kept = before.client_secret if before is not None and before.issuer == values["issuer"] else ""
    provider = Provider(**values, client_secret="" if forgotten else given or kept)
    try:
        identity_provisioning.put(visit.its_admin, visit.actor, visit.its_tenant.slug, provider, _client(visit))
    except FaxplanError as error:
        return _page(visit, form.failed(error), 400)
    return answers.to("/organisation/sign-on", note="saved")


def remove(visit: Visit) -> Response:
    """POST: people log in by their passwords and passkeys alone."""
    identity_provisioning.remove(visit.its_admin, visit.actor, visit.its_tenant.slug)
    return answers.to("/organisation/sign-on", note="removed")


def unlink(visit: Visit, number: int) -> Response:
    """POST: whoever comes next with that user's address is the user."""
    identity_provisioning.unlink(visit.its_admin, visit.actor, visit.its_tenant.slug, number)
    return answers.to("/organisation/sign-on", note="saved")


_SHOWN = ("issuer", "client_id", "label", "trusts_email")


def _page(visit: Visit, form: Form, status: int = 200) -> Response:
    provider = _stored(visit)
    with visit.db.tenant(visit.its_tenant.id) as tx:
        linked = identity_providers.linked(tx, visit.its_tenant.id)
    return answers.page(visit, "sign_on.html", status, form=form, provider=provider, linked=linked, back=_back(visit))


def _stored(visit: Visit) -> Provider | None:
    with visit.db.tenant(visit.its_tenant.id) as tx:
        return identity_providers.of(tx, visit.its_tenant.id)


def _provider(visit: Visit) -> Provider:
    found = _stored(visit)
    if found is None:
        raise NotFound(_("Your organisation has no single sign-on. Log in with your password."))
    return found


def _open(visit: Visit) -> bool:
    return visit.session is not None and not visit.session.is_shut


def _client(visit: Visit) -> WebClient:
    return WebClient.of(visit.its_settings)


def _back(visit: Visit) -> str:
    return f"{visit.request.scheme}://{visit.request.host}{BACK}"
