"""An organisation's recovery key: whether there is one, and how far it has come."""

from werkzeug.wrappers import Response

from faxplan import recovery_key
from portal import answers
from portal.visit import Visit


def page(visit: Visit) -> Response:
    """GET: what it is, and which mailboxes it opens."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        found = recovery_key.status(tx, visit.its_tenant.id)
    return answers.page(visit, "recovery.html", key=found)
