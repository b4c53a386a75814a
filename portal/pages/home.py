"""Where a visit begins: the inbox, or on the portal's own host the question which organisation."""

from urllib.parse import urlsplit

from werkzeug.wrappers import Response

from faxplan import tenants
from faxplan.errors import NotFound
from portal import answers, policy
from portal.visit import Visit


def start(visit: Visit) -> Response:
    """GET: the first page of whoever comes."""
    if visit.tenant is None:
        return _which(visit, wrong=None)
    return answers.to("/inbox" if visit.session else "/log-in")


def organisation(visit: Visit) -> Response:
    """GET: to the host of the organisation with this short name."""
    slug = visit.request.args.get("name", "").strip().lower()
    try:
        with visit.db.across_tenants() as tx:
            found = tenants.by_slug(tx, slug)
    except NotFound:
        return _which(visit, wrong=slug)
    return answers.to(f"{_below(visit, found.slug)}/log-in")


def menu(visit: Visit) -> Response:
    """GET: all places, where the bar has no room for them."""
    return answers.page(visit, "menu.html")


def _which(visit: Visit, *, wrong: str | None) -> Response:
    response = answers.page(visit, "which.html", wrong=wrong)
    response.headers["Content-Security-Policy"] = policy.leading_to(_below(visit, "*"))
    return response


def _below(visit: Visit, name: str) -> str:
    """The address of a host below the portal's own, as the browser has that."""
    port = urlsplit(f"//{visit.request.host}").port
    return f"{visit.request.scheme}://{name}.{visit.domain}{f':{port}' if port else ''}"
