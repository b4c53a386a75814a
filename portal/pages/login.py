"""Logging in and out. Passwords, codes and passkeys are worked on in the browser (static/pages/session.js)."""

from typing import Any
from urllib.parse import urlsplit

from werkzeug.wrappers import Response

from faxplan import enrolment, identity_providers, login, passkey_login, sessions
from faxplan.language import _
from faxplan.login import LoggedIn, Whence, WrongLogin
from faxplan.webauthn import Assertion, Site
from portal import answers, cookies, handed_over, places, submitted
from portal.submitted import Submitted
from portal.visit import Visit

_LONGEST_EMAIL = 254
LONGEST_CODE = 20
AUTH_BYTES = 32


def page(visit: Visit) -> Response:
    """GET: the form; `again` also for who is logged in, where the browser has lost the key."""
    if visit.session and "again" not in visit.request.args:
        return answers.to(places.within(visit.request.args.get("to", "")) or "/inbox")
    with visit.db.tenant(visit.its_tenant.id) as tx:
        provider = identity_providers.of(tx, visit.its_tenant.id)
    to = places.within(visit.request.args.get("to", "")) or "/inbox"
    shown, over = provider.shown if provider else "", "over" in visit.request.args
    return answers.page(visit, "log_in.html", sign_on=shown, to=to, over=over)


def challenge(visit: Visit) -> Response:
    """POST, for the form's script: the salt and the cost of whoever says to have this address."""
    found = login.challenge(visit.db, visit.its_tenant.id, _email(visit))
    cost = {"memory": found.cost.memory, "passes": found.cost.passes, "lanes": found.cost.lanes}
    return answers.data({"salt": found.salt, "cost": cost})


def log_in(visit: Visit) -> Response:
    """POST, for the form's script: a session, and what it needs to open the user's key."""
    try:
        auth = bytes.fromhex(visit.request.form.get("auth", ""))
    except ValueError:
        auth = b""
    code = visit.request.form.get("code", "")[:LONGEST_CODE]
    found = login.log_in(visit.db, visit.its_tenant.id, _email(visit), auth, whence(visit), code=code)
    return begun(visit, found, {"key": {"publicKey": found.key.public.raw, "locked": found.key.password.locked}})


def begun(visit: Visit, found: LoggedIn, more: dict[str, Any]) -> Response:
    """A session has begun: its cookies, and what a script has to know of it."""
    if visit.session is not None and visit.session.id != found.session.id:
        # The cookie is another one from now on, and nobody would end that session any more.
        with visit.db.tenant(visit.its_tenant.id) as tx:
            sessions.end(tx, visit.session.user, visit.session.id)
    session = found.session
    response = answers.data({"user": session.user.id, "csrf": session.csrf, "secret": session.secret, **more})
    cookies.give(response, found.token)
    cookies.give_browser(response, found.browser)
    return response


def log_out(visit: Visit) -> Response:
    """POST: the session is over, and with it what the browser keeps of the key."""
    if visit.session is not None:
        with visit.db.tenant(visit.its_tenant.id) as tx:
            sessions.end(tx, visit.user, visit.session.id)
    response = answers.to("/log-in")
    cookies.take(response)
    return response


def whence(visit: Visit) -> Whence:
    """Who tries to log in."""
    return Whence(visit.address, visit.request.user_agent.string, cookies.browser(visit.request))


# ------------------------------------------------------------------------------------------------------------ passkeys


def site(visit: Visit) -> Site:
    """For which the tenant's passkeys are: its host."""
    host = urlsplit(f"//{visit.request.host}").hostname or ""
    return Site(host, f"{visit.request.scheme}://{visit.request.host}", visit.brand.name)


def passkey_challenge(visit: Visit) -> Response:
    """POST, for the form's script: what a passkey is to sign."""
    found = passkey_login.challenge(visit.db, visit.its_tenant.id)
    return answers.data({"challenge": found, "rpId": site(visit).host})


def log_in_by_passkey(visit: Visit) -> Response:
    """POST, for the form's script: a session, and the lock of the user's key that this passkey opens, if any."""
    given = submitted.json(visit)
    assertion = Assertion(
        given.raw("credentialId"), given.raw("clientData"), given.raw("authenticatorData"), given.raw("signature")
    )
    found, lock = passkey_login.log_in(visit.db, visit.its_tenant.id, site(visit), assertion, whence(visit))
    told = None if lock is None else {"credentialId": lock.credential_id, "salt": lock.salt, "locked": lock.locked}
    return begun(visit, found, {"key": {"publicKey": found.key.public.raw}, "lock": told})


# ------------------------------------------------------------------------------------------------- a forgotten password


def recover_page(visit: Visit) -> Response:
    """GET: the recovery code, and a new password."""
    return answers.page(visit, "recover.html")


def recovery_key(visit: Visit) -> Response:
    """POST, for scripts: who has the recovery code gets what it opens, to lock it by a new password."""
    given = submitted.json(visit)
    tenant_id = visit.its_tenant.id
    user, key = login.recovery_key(visit.db, tenant_id, *_known_by(given), whence(visit))
    with visit.db.tenant(tenant_id) as tx:
        words = enrolment.words(tx, user)
    return answers.data({"publicKey": key.public.raw, "locked": key.recovery.locked, "words": words})


def recover(visit: Visit) -> Response:
    """POST, for scripts: the new password, and the new recovery code."""
    given = submitted.json(visit)
    found = login.recover(
        visit.db,
        visit.its_tenant.id,
        *_known_by(given),
        whence(visit),
        password=handed_over.password_lock(given.part("password")),
        recovery=handed_over.recovery_lock(given.part("recovery")),
    )
    return begun(visit, found, {"key": {"publicKey": found.key.public.raw, "locked": found.key.password.locked}})


def _known_by(given: Submitted) -> tuple[str, bytes]:
    return given.text("email", _LONGEST_EMAIL).strip(), given.raw("auth", AUTH_BYTES)


def _email(visit: Visit) -> str:
    email = visit.request.form.get("email", "").strip()
    if not email or len(email) > _LONGEST_EMAIL or "\0" in email:
        raise WrongLogin(_("Write your e-mail address and your password."))
    return email
