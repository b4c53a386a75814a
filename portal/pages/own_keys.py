"""API keys: by what programs act for somebody, as they make, see and end them; and as administrators end them."""

from datetime import timedelta

from werkzeug.wrappers import Response

from faxplan import api_keys, own_api_keys
from faxplan.language import _
from faxplan.permissions import Permission
from portal import answers, submitted
from portal.pages.login import AUTH_BYTES, whence
from portal.visit import Visit

PAGE = "/account/api-keys"
_LONGEST = 1000
_DAYS = 365
"""So long a key counts, unless one says otherwise."""


def page(visit: Visit) -> Response:
    """GET: one's own."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        found = api_keys.of_user(tx, visit.user)
    return answers.page(visit, "api_keys.html", keys=found, labels=api_keys.LABELS, why_not=_why_not(visit))


def new_page(visit: Visit) -> Response:
    """GET: what it may do, until when, and the password."""
    today = visit.now.astimezone(visit.zone).date()
    return answers.page(
        visit, "api_key_new.html", labels={each: api_keys.LABELS[each] for each in api_keys.open_to(visit.user)},
        longest=api_keys.LONGEST_NAME, why_not=_why_not(visit),
        first=today.isoformat(), last=(today + timedelta(days=_DAYS)).isoformat(),
    )  # fmt: skip


def make(visit: Visit) -> Response:
    """POST, for scripts: a new one, in the answer and nowhere else."""
    given = submitted.json(visit)
    name = given.text("name", _LONGEST) if given.has("name") else ""
    scopes = own_api_keys.named_scopes(given.text("scopes", _LONGEST).split() if given.has("scopes") else [])
    until = own_api_keys.end_of_day(given.text("until") if given.has("until") else "", visit.zone)
    secret, _key = own_api_keys.make(
        visit.db, visit.its_session, given.raw("auth", AUTH_BYTES), whence(visit), name, scopes, until
    )
    return answers.data({"secret": secret})


def end(visit: Visit, number: int) -> Response:
    """POST: it does nothing any more."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        api_keys.end(tx, visit.user, number, actor=visit.actor)
    return answers.to(PAGE, note="ended")


def end_of_person(visit: Visit, number: int) -> Response:
    """POST, for administrators: one of somebody's (`key`) does nothing any more."""
    key = visit.request.form.get("key", "")
    own_api_keys.end_of_person(
        visit.its_admin, visit.actor, visit.its_tenant.id, number,
        int(key) if key.isascii() and key.isdigit() and len(key) < 19 else 0, by_operator=visit.user.operator,
    )  # fmt: skip
    return answers.to(f"/organisation/people/{number}", note="ended")


def _why_not(visit: Visit) -> str:
    """Why no program may act for this user; empty: it may."""
    if Permission.API not in visit.its_tenant.permissions:
        return _("Your organisation may not have programs act for it. Whoever runs this service permits it.")
    if Permission.API not in visit.permissions:
        return _("You may not have programs act for you. An administrator of your organisation permits it.")
    return ""
