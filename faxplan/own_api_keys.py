"""API keys as users make them for themselves in a session of theirs (role portal), and as administrators end them.

Making one asks for the password once more: whoever has it acts in the user's name, long after the session.
"""

from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from faxplan import api_keys, login, users
from faxplan.api_keys import ApiKey, InvalidKey, Scope
from faxplan.audit import Actor, Who
from faxplan.db import Database
from faxplan.errors import Forbidden
from faxplan.language import _
from faxplan.login import Whence
from faxplan.sessions import Session


def make(
    db: Database, session: Session, auth: bytes, whence: Whence, name: str, scopes: Collection[Scope],
    expires_at: datetime | None,
) -> tuple[str, ApiKey]:  # fmt: skip
    """As api_keys.make. Raises WrongLogin and TooManyTries as well."""
    login.check_password(db, session, auth, whence)
    actor = Actor(f"user:{session.user.id}", session.authenticated, whence.address)
    with db.tenant(session.user.tenant_id) as tx:
        return api_keys.make(tx, session.user, name, scopes, expires_at, actor=actor)


def named_scopes(names: Collection[str]) -> list[Scope]:
    """Raises InvalidKey for what is none."""
    try:
        return [Scope(each) for each in names]
    except ValueError as error:
        raise InvalidKey(
            _("There is no such scope. There are: {scopes}.").format(scopes=", ".join(each.value for each in Scope))
        ) from error


def end_of_day(text: str, zone: ZoneInfo) -> datetime | None:
    """When a key ends that counts on this day, YYYY-MM-DD, for the last time; empty: never. Raises InvalidKey."""
    if not text:
        return None
    try:
        return datetime.combine(date.fromisoformat(text) + timedelta(days=1), time(), zone)
    except (ValueError, OverflowError) as error:
        raise InvalidKey(_("Write the day on which the key ends as 2027-01-31.")) from error


def end_of_person(admin: Database, actor: Who, tenant_id: int, user_id: int, key_id: int, *, by_operator: bool) -> None:
    """As an administrator of the tenant ends one of somebody's (role admin). by_operator: else nothing is changed of
    operators. Raises NotFound and Forbidden."""
    with admin.tenant(tenant_id) as tx:
        person = users.known(tx, tenant_id, user_id)
        if person.operator and not by_operator:
            raise Forbidden(
                _("{email} runs this installation as well. Only who does so too changes what they may do.").format(
                    email=person.email
                )
            )
        api_keys.end(tx, person, key_id, actor=actor)
