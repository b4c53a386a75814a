"""The numbers that a tenant may call as: its DIDs, and numbers elsewhere that the administrator has verified.

A claim asks again (calling_number in schema.sql), whatever was chosen when the fax was handed in.
"""

from faxplan import numbers
from faxplan.db import Row, Transaction
from faxplan.errors import FaxplanError, NoCallerId, NotFound
from faxplan.language import _
from faxplan.short_numbers import EmergencyNumber, ShortNumber
from faxplan.tenants import Tenant


class ForeignCallerId(FaxplanError):
    """A number to call as that is not the tenant's."""

    error_id = "foreign-caller-id"


class NumberTaken(FaxplanError):
    """A number cannot be verified as a tenant's: it is another one's DID."""

    error_id = "number-taken"


def choose(tx: Transaction, tenant: Tenant, wanted: str | None, user_id: int | None = None) -> str:
    """The number (E.164) that a fax calls as: the wanted one, as its user wrote it; else the user's own; else the
    tenant's first DID. user_id None: nobody's in particular.

    A tenant without a DID calls as its first verified number. Raises NoCallerId, ForeignCallerId and InvalidNumber.
    """
    default, permitted = _of_user(tx, tenant.id, user_id)
    number = default if wanted is None else _read(wanted, tenant)
    if permitted and number is not None and number not in permitted:
        theirs = ", ".join(numbers.readable(each, tenant.country) for each in permitted)
        raise ForeignCallerId(
            _(
                "You may not call as {number}, but as {theirs}. An administrator of your organisation permits others."
            ).format(number=numbers.readable(number, tenant.country), theirs=theirs)
        )
    found = tx.row("select number from calling_number(%s, %s)", (tenant.id, number))
    if found is None:
        raise NoCallerId(
            _(
                "{tenant} has no number to call from. Whoever runs this installation gives it one (`faxplan did add`, "
                "or `faxplan number add`)."
            ).format(tenant=tenant.name)
        )
    if number is not None and found["number"] != number:
        theirs = ", ".join(numbers.readable(each, tenant.country) for each in of_tenant(tx, tenant.id))
        raise ForeignCallerId(
            _(
                "{tenant} may not call as {number}, but as {theirs}. The administrator verifies others: `faxplan "
                "number add`."
            ).format(tenant=tenant.name, number=numbers.readable(number, tenant.country), theirs=theirs)
        )
    return str(found["number"])


def usable(tx: Transaction, tenant_id: int, user_id: int) -> list[str]:
    """As which numbers (E.164) a user's faxes may call, the one first that they call as where nothing is said."""
    default, permitted = _of_user(tx, tenant_id, user_id)
    theirs = of_tenant(tx, tenant_id)
    found = [each for each in theirs if not permitted or each in permitted]
    first = default or tx.value("select number from calling_number(%s, null)", (tenant_id,))
    return sorted(found, key=lambda each: each != first)


def _of_user(tx: Transaction, tenant_id: int, user_id: int | None) -> tuple[str | None, list[str]]:
    """The number that a user's faxes call as, None where it is the tenant's first; and those as which they may, of
    those that are the tenant's still: empty: all. Raises ForeignCallerId where none is left."""
    row = tx.row("select caller_id, caller_ids from users where tenant_id = %s and id = %s", (tenant_id, user_id))
    if row is None or not (row["caller_id"] or row["caller_ids"]):
        return None, []
    theirs = of_tenant(tx, tenant_id)
    permitted = [each for each in row["caller_ids"] if each in theirs]
    if row["caller_ids"] and not permitted:
        raise ForeignCallerId(
            _(
                "None of the numbers that you may call as is your organisation's any more. Ask one of its "
                "administrators."
            )
        )
    default = row["caller_id"] if row["caller_id"] in (permitted or theirs) else None
    return default or (permitted[0] if permitted else None), permitted


def _read(wanted: str, tenant: Tenant) -> str:
    try:
        return numbers.normalise(wanted, tenant.country)
    except (EmergencyNumber, ShortNumber) as error:
        # Nobody is to be called there; that it is no number to call as is another refusal.
        raise ForeignCallerId(
            _(
                "{number} is an emergency number or a short code, and no number to call as. Without one a fax calls "
                "as the tenant's first DID."
            ).format(number=repr(wanted.strip()[:40]))
        ) from error


def of_tenant(tx: Transaction, tenant_id: int) -> list[str]:
    """As which numbers (E.164) a tenant may call."""
    rows = tx.rows(
        """select number from dids where tenant_id = %(tenant)s and enabled
           union select number from verified_numbers where tenant_id = %(tenant)s order by number""",
        {"tenant": tenant_id},
    )
    return [row["number"] for row in rows]


def verify(tx: Transaction, tenant_id: int, number: str, how: str) -> None:
    """Notes that a number (E.164) is the tenant's, and how that was found out (role admin, inside the tenant).

    Raises NumberTaken and ConstraintViolated.
    """
    if tx.value("select 1 from dids where number = %s and tenant_id <> %s", (number, tenant_id)):
        raise NumberTaken(f"{number} is a DID of another tenant, which alone may call as it.")
    tx.execute(
        "insert into verified_numbers (tenant_id, number, how) values (%s, %s, %s)", (tenant_id, number, how.strip())
    )


def withdraw(tx: Transaction, tenant_id: int, number: str) -> None:
    """The tenant calls as a verified number (E.164) no more (role admin, inside the tenant). Raises NotFound."""
    if not tx.execute("delete from verified_numbers where tenant_id = %s and number = %s", (tenant_id, number)):
        raise NotFound(f"{number} is not verified for the tenant. `faxplan number list` shows all.")


def verified(tx: Transaction, tenant_id: int) -> list[Row]:
    """A tenant's verified numbers: number (E.164), how, verified_at; the oldest first."""
    return tx.rows(
        """select number, how, verified_at from verified_numbers where tenant_id = %s
           order by verified_at, number""",
        (tenant_id,),
    )
