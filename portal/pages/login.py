"""Logging in and out. The password is worked on in the browser (static/pages/log-in.js)."""

import binascii

from werkzeug.wrappers import Response

from faxplan import login, sessions
from faxplan.login import WrongLogin
from portal import answers, cookies
from portal.visit import Visit

_LONGEST_EMAIL = 254


def page(visit: Visit) -> Response:
    """GET: the form; `again` also for who is logged in, where the browser has lost the key."""
    if visit.session and "again" not in visit.request.args:
        return answers.to("/inbox")
    return answers.page(visit, "log_in.html")


def challenge(visit: Visit) -> Response:
    """POST, for the form's script: the salt and the cost of whoever says to have this address."""
    found = login.challenge(visit.db, visit.its_tenant.id, _email(visit))
    cost = {"memory": found.cost.memory, "passes": found.cost.passes, "lanes": found.cost.lanes}
    return answers.data({"salt": found.salt, "cost": cost})


def log_in(visit: Visit) -> Response:
    """POST, for the form's script: a session, and what it needs to open the user's key."""
    try:
        auth = bytes.fromhex(visit.request.form.get("auth", ""))
    except (ValueError, binascii.Error):
        auth = b""
    agent = visit.request.user_agent.string
    found = login.log_in(visit.db, visit.its_tenant.id, _email(visit), auth, address=visit.address, agent=agent)
    if visit.session is not None and visit.session.id != found.session.id:
        # The cookie is another one from now on, and nobody would end that session any more.
        with visit.db.tenant(visit.its_tenant.id) as tx:
            sessions.end(tx, visit.session.user, visit.session.id)
    response = answers.data(
        {
            "user": found.session.user.id,
            "csrf": found.session.csrf,
            "secret": found.session.secret,
            "key": {"publicKey": found.key.public.raw, "locked": found.key.password.locked},
        }
    )
    cookies.give(response, found.token)
    return response


def log_out(visit: Visit) -> Response:
    """POST: the session is over, and with it what the browser keeps of the key."""
    if visit.session is not None:
        with visit.db.tenant(visit.its_tenant.id) as tx:
            sessions.end(tx, visit.user, visit.session.id)
    response = answers.to("/log-in")
    cookies.take(response)
    return response


def _email(visit: Visit) -> str:
    email = visit.request.form.get("email", "").strip()
    if not email or len(email) > _LONGEST_EMAIL or "\0" in email:
        raise WrongLogin("Write your e-mail address and your password.")
    return email
