"""Who was invited chooses a password: the browser makes their key, and hands over what opens nothing.

The link's token is in the fragment, which no server sees until the page's script (static/pages/welcome.js) sends it.
"""

from werkzeug.wrappers import Response

from faxplan import enrolment, invitations, user_keys
from faxplan.audit import Actor
from portal import answers, handed_over, submitted
from portal.submitted import Submitted
from portal.visit import Visit

INVITATION = "invitation"
"""How who comes by a link is authenticated, for the audit."""
MOST_BYTES = 1024 * 1024
"""Of what is handed over: some thousands of wraps."""
_LONGEST_TOKEN = 100


def page(visit: Visit) -> Response:
    """GET: the form, which the script fills in."""
    return answers.page(visit, "welcome.html")


def look(visit: Visit) -> Response:
    """POST, for scripts: who is invited, and what to make keys of. Raises InvitationGone."""
    tenant_id = visit.its_tenant.id
    with visit.db.tenant(tenant_id) as tx:
        user = invitations.find(tx, tenant_id, _token(submitted.json(visit))).user
        due = enrolment.epochs_due(tx, user)
        has_key = bool(user_keys.of_user(tx, tenant_id, user.id))
        words = enrolment.words(tx, user)
    return answers.data(
        {
            "name": user.name,
            "email": user.email,
            "words": words,
            "hasKey": has_key,
            "epochs": [
                {
                    "mailbox": each.mailbox_id,
                    "number": each.number,
                    "readers": [{"key": key, "publicKey": public.raw} for key, public in each.readers.items()],
                }
                for each in due
            ],
        }
    )


def enrol(visit: Visit) -> Response:
    """POST, for scripts: the user has a key from now on, and the link works no more.

    Raises InvitationGone, AlreadyEnrolled and EpochMoved; the last: ask `look` again.
    """
    given = submitted.json(visit)
    tenant_id = visit.its_tenant.id
    made = handed_over.enrolment(given.part("key"))
    begun = [handed_over.begun(each) for each in given.parts("epochs")]
    with visit.db.tenant(tenant_id) as tx:
        user = invitations.spend(tx, tenant_id, _token(given))
        locked_out = enrolment.accept(
            tx,
            user,
            made,
            lambda _due: begun,
            anew=given.truth("anew"),
            actor=Actor(f"user:{user.id}", INVITATION, visit.address),
        )
    return answers.data({"email": user.email, "lockedOut": locked_out})


def _token(given: Submitted) -> str:
    return given.text("token", _LONGEST_TOKEN)
