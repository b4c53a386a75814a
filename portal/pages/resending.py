"""A sent fax goes out again: what its page's script (static/pages/resend.js) asks and hands over.

The machines that send get its key from the reader's browser (faxplan/resending.py).
"""

from werkzeug.wrappers import Response

from faxplan import history, resending
from faxplan.language import _
from faxplan.recipients import MOST_NUMBERS, TooManyNumbers
from faxplan.resending import Handed, ResendRequest
from faxplan.wraps import WRAP_BYTES
from portal import answers, submitted
from portal.pages.forwarding import to_wrap
from portal.visit import Visit


def offer(visit: Visit, number: int) -> Response:
    """POST, for scripts: what is to be wrapped, and for whom."""
    offered = resending.offer(visit.db, visit.user, number, actor=visit.actor)
    return answers.data(
        {
            "machines": [{"key": each.id, "publicKey": each.public.raw} for each in offered.machines],
            "documents": [to_wrap(each) for each in offered.documents],
        }
    )


def resend(visit: Visit, number: int) -> Response:
    """POST, for scripts: with what was wrapped, to these numbers (`numbers`: as they were written; none: to where it
    went), or to none of them. Where the new fax is, or the list of several."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        history.fax(tx, visit.user, number)
    given = submitted.json(visit)
    wraps = {
        (each.number("document"), each.number("key")): each.raw("wrap", WRAP_BYTES) for each in given.parts("wraps")
    }
    numbers = list(dict.fromkeys(each.text("number", 60) for each in given.parts("numbers")))
    if len(numbers) > MOST_NUMBERS:
        raise TooManyNumbers(
            _("These are {count} numbers: {most} at most at a time.").format(count=len(numbers), most=MOST_NUMBERS)
        )
    requests = [ResendRequest(number, each) for each in numbers] or [ResendRequest(number)]
    sent = resending.again(visit.db, visit.user, Handed(number, wraps), requests)
    return answers.data({"to": f"/faxes/{sent[0].fax_id}" if len(sent) == 1 else "/sent?note=sent-again"})
