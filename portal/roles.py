"""Who may do what in the portal: users, administrators of a tenant, and operators of the installation."""

from enum import Enum

from faxplan import users
from faxplan.errors import Forbidden
from faxplan.language import _
from faxplan.users import User


class Role(Enum):
    """A role. One that comes later may all that those before it may, but for operators: they may administer a tenant
    only where they are its administrators."""

    USER = "user"
    ADMINISTRATOR = "administrator"
    OPERATOR = "operator"

    def is_of(self, user: User) -> bool:
        """Whether a user has it."""
        if self is Role.OPERATOR:
            return user.operator
        return self is Role.USER or user.role == users.ADMINISTRATOR


USER, ADMINISTRATOR, OPERATOR = Role.USER, Role.ADMINISTRATOR, Role.OPERATOR


def check(role: Role, user: User) -> None:
    """Raises Forbidden."""
    if role.is_of(user):
        return
    if role is Role.OPERATOR:
        raise Forbidden(_("Only who runs this installation sees this page."))
    raise Forbidden(_("Only an administrator of your organisation sees this page."))
