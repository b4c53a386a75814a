"""Where a visit begins: the inbox, or on the portal's own host the question which organisation."""

from werkzeug.wrappers import Response

from faxplan import tenants
from faxplan.errors import NotFound
from portal import answers
from portal.visit import Visit


def start(visit: Visit) -> Response:
    """GET: the first page of whoever comes."""
    if visit.tenant is None:
        return answers.page(visit, "organisation.html", wrong=None)
    return answers.to("/inbox" if visit.session else "/log-in")


def organisation(visit: Visit) -> Response:
    """GET: to the host of the organisation with this short name."""
    slug = visit.request.args.get("name", "").strip().lower()
    try:
        with visit.db.across_tenants() as tx:
            found = tenants.by_slug(tx, slug)
    except NotFound:
        return answers.page(visit, "organisation.html", wrong=slug)
    port = f":{visit.request.environ['SERVER_PORT']}" if visit.request.host.rpartition(":")[2].isdigit() else ""
    return answers.to(f"{visit.request.scheme}://{found.slug}.{visit.domain}{port}/log-in")
