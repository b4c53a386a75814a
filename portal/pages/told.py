"""What its user has to know is read: it stands above the lists until then."""

from werkzeug.wrappers import Response

from faxplan import notices
from portal import answers
from portal.visit import Visit

AT_ONCE = 5


def seen(visit: Visit) -> Response:
    """POST: those that were shown, and all before them."""
    last = visit.request.form.get("last", "")
    if last.isascii() and last.isdigit() and len(last) < 19:
        with visit.db.tenant(visit.its_tenant.id) as tx:
            notices.seen(tx, visit.user, int(last))
    return answers.to("/sent" if visit.request.form.get("place") == "sent" else "/inbox")
