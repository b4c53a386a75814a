"""An organisation's recovery key: made, used and turned off in the browser of one of its administrators, who gives the
password for each; and how far it has come.

The key is made, shown and read there (static/pages/recovery-key.js): what comes here is its public half, and wraps.
"""

from werkzeug.wrappers import Response

from faxplan import emergency, login, proofs, recovery_key
from faxplan.wraps import PublicKey
from portal import answers, handed_over, submitted
from portal.pages import keys
from portal.pages.login import AUTH_BYTES, whence
from portal.submitted import Submitted
from portal.visit import Visit

MOST_BYTES = 4 * 1024**2
"""A new key for every mailbox of an organisation comes at once."""
_KEY_BYTES = 32


def page(visit: Visit) -> Response:
    """GET: what it is, and which mailboxes it opens."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        found = recovery_key.status(tx, visit.its_tenant.id)
    return answers.page(visit, "recovery.html", key=found)


def make(visit: Visit) -> Response:
    """POST, for scripts: the public half of one that was made."""
    given = submitted.json(visit)
    _check_password(visit, given)
    recovery_key.take(visit.db, visit.user, _public(given), actor=visit.actor)
    return answers.data({})


def ask(visit: Visit) -> Response:
    """POST, for scripts: a proof, which who has the key on paper opens."""
    given = submitted.json(visit)
    _check_password(visit, given)
    why = given.text("why", recovery_key.LONGEST_REASON)
    wrap = emergency.ask(visit.db, visit.its_session, _public(given), why=why, actor=visit.actor)
    return answers.data({"wrap": wrap})


def look(visit: Visit) -> Response:
    """POST, for scripts: what it opens, of a mailbox or of all that somebody reads (`of`)."""
    given = submitted.json(visit)
    found = emergency.look(
        visit.db, visit.its_session, _public(given), _proof(given), of=given.text("of"), why=_why(given),
        actor=visit.actor,
    )  # fmt: skip
    return answers.data(
        {
            "key": found.key_id,
            "mailboxes": keys.by_mailbox(found.epochs),
            "opened": sorted(name for name in found.names.values() if name not in found.unopened),
            "unopened": found.unopened,
        }
        | keys.said_of_due(found.links, found.grants)
    )


def hand_on(visit: Visit) -> Response:
    """POST, for scripts: what was wrapped with it, and who opens more by that."""
    given = submitted.json(visit)
    links, grants = keys.made(given)
    gained = emergency.hand_on(
        visit.db, visit.its_session, _public(given), _proof(given), links, grants, why=_why(given), actor=visit.actor
    )
    return answers.data({"gained": [{"to": each.to, "mailboxes": each.mailboxes} for each in gained]})


def to_turn_off(visit: Visit) -> Response:
    """POST, for scripts: which keys are to be made, so that it opens nothing that comes."""
    _check_password(visit, submitted.json(visit))
    key_id, wanted = recovery_key.to_turn_off(visit.db, visit.user)
    return answers.data({"key": key_id, "epochs": [keys.said_of_ahead(each) for each in wanted]})


def turn_off(visit: Visit) -> Response:
    """POST, for scripts: with these; what it alone opens still."""
    given = submitted.json(visit)
    _check_password(visit, given)
    begun = [handed_over.begun(each) for each in given.parts("epochs")]
    off = recovery_key.end(visit.db, visit.user, given.number("key"), begun, actor=visit.actor)
    return answers.data({"alone": off.alone})


def paper(visit: Visit, given: Submitted) -> int:
    """The recovery key, by its id, of which a form of the same browser brings the proof. Raises as emergency.check."""
    return emergency.check(
        visit.db, visit.its_session, _public(given), _proof(given), why=_why(given), actor=visit.actor
    )


def _check_password(visit: Visit, given: Submitted) -> None:
    login.check_password(visit.db, visit.its_session, given.raw("auth", AUTH_BYTES), whence(visit))


def _public(given: Submitted) -> PublicKey:
    return PublicKey(given.raw("publicKey", _KEY_BYTES))


def _proof(given: Submitted) -> bytes:
    return given.raw("proof", proofs.BYTES)


def _why(given: Submitted) -> str:
    return given.text("why", recovery_key.LONGEST_REASON)
