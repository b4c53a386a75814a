"""The secrets by which a user's mails are known, as they make them for themselves in a session of theirs (role portal).

Each asks for the password once more: whoever has such a secret faxes in the user's name, long after the session.
"""

from faxplan import login, mail_access, permissions, tenants
from faxplan.audit import Actor
from faxplan.db import Database, Transaction
from faxplan.errors import Forbidden
from faxplan.language import _
from faxplan.login import Whence
from faxplan.sessions import Session


def new_token(db: Database, session: Session, auth: bytes, whence: Whence) -> str:
    """As mail_access.new_token. Raises WrongLogin, TooManyTries, and Forbidden for who may send nothing by mail."""
    login.check_password(db, session, auth, whence)
    with db.tenant(session.user.tenant_id) as tx:
        _check_may(tx, session)
        return mail_access.new_token(tx, session.user, actor=_actor(session, whence))


def new_pin(db: Database, session: Session, auth: bytes, whence: Whence) -> str:
    """As mail_access.new_pin. Raises as new_token, and Forbidden where the tenant takes no PINs."""
    login.check_password(db, session, auth, whence)
    with db.tenant(session.user.tenant_id) as tx:
        _check_may(tx, session)
        if not tenants.get(tx, session.user.tenant_id).mail_pins:
            raise Forbidden(_("Your organisation takes no PINs in mails. Its administrators can allow them."))
        return mail_access.new_pin(tx, session.user, actor=_actor(session, whence))


def _check_may(tx: Transaction, session: Session) -> None:
    for each in (permissions.SEND, permissions.MAIL_IN):
        permissions.check(tx, session.user.tenant_id, session.user.id, each)


def _actor(session: Session, whence: Whence) -> Actor:
    return Actor(f"user:{session.user.id}", session.authenticated, whence.address)
