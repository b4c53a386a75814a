"""How a tenant's users fax from their mail programs, as an administrator sets it (role admin), with its audit rows."""

from dataclasses import dataclass

from faxplan import mail_access, tenants, users
from faxplan.audit import Who
from faxplan.db import Database
from faxplan.errors import Forbidden
from faxplan.language import _
from faxplan.mail_access import Access
from faxplan.users import User


@dataclass(frozen=True, slots=True)
class Given:
    """What was made, and is shown once. None: nothing was asked for."""

    token: str | None = None
    pin: str | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be changed. token, pin: True for a new one, False for none any more, None: as it is."""

    add: str | None = None
    remove: str | None = None
    token: bool | None = None
    pin: bool | None = None


def change(
    admin: Database, actor: Who, slug: str, email: str, wish: Wish, *, by_operator: bool = True
) -> tuple[Access, Given]:
    """How it is then, and what was made. by_operator: else an administrator of the tenant does it, who changes nothing
    of operators, and makes no secret for anybody: with it they could fax in that one's name, and nobody would see it.

    Raises NotFound, InvalidSender, ConstraintViolated and Forbidden.
    """
    if not by_operator and (wish.token or wish.pin):
        raise Forbidden(_("Secret addresses and PINs everybody makes for themselves, at Account."))
    token = pin = None
    with admin.across_tenants() as tx:
        user: User = users.by_email(tx, tenants.entered(tx, slug).id, email)
        if user.operator and not by_operator:
            raise Forbidden(
                _("{email} runs this installation as well. Only who does so too changes what they may do.").format(
                    email=user.email
                )
            )
        if wish.remove is not None:
            mail_access.remove_address(tx, user, wish.remove, actor=actor)
        if wish.add is not None:
            mail_access.add_address(tx, user, wish.add, actor=actor)
        if wish.token:
            token = mail_access.new_token(tx, user, actor=actor)
        elif wish.token is False:
            mail_access.end_token(tx, user, actor=actor)
        if wish.pin:
            pin = mail_access.new_pin(tx, user, actor=actor)
        elif wish.pin is False:
            mail_access.end_pin(tx, user, actor=actor)
        return mail_access.of(tx, user), Given(token, pin)
