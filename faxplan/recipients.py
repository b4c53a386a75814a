"""To whom one document goes at once, and how: numbers as they were written, contacts, groups, and a cover for each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from faxplan import contact_groups, covers, numbers, outbound, post_dial, refused_numbers, tenants
from faxplan.db import Database, Transaction
from faxplan.errors import FaxplanError, InvalidNumber
from faxplan.language import _
from faxplan.outbound import Order
from faxplan.priorities import Priority
from faxplan.rendering import Resolution
from faxplan.users import User

MOST_NUMBERS = 100
"""That one is sent to at once: meanwhile no call of the tenant is settled."""


class TooManyNumbers(FaxplanError):
    """A document is to go to more numbers than one can at once."""

    error_id = "too-many-numbers"


class NoNumber(FaxplanError):
    """Nobody said where a document is to go."""

    error_id = "no-number"


@dataclass(frozen=True, slots=True)
class Recipients:
    """Where a document goes, and how: as in outbound.SendRequest. contacts, groups: of contacts, by their ids.

    A number that is named twice gets one fax. cover: what the cover page of each says; None: they have none. labels:
    that each fax has from the beginning.
    """

    numbers: Sequence[str]
    priority: Priority = Priority.NORMAL
    send_at: datetime | None = None
    calling: str | None = None
    billing_code: str = ""
    contacts: Sequence[int] = ()
    groups: Sequence[int] = ()
    cover: covers.Wanted | None = None
    labels: Sequence[str] = ()


def numbers_of(tx: Transaction, user: User, to: Recipients) -> list[str]:
    """All numbers that are meant, those first that were written, each once. Raises NotFound for a contact or a group
    that the user does not see."""
    country = tenants.get(tx, user.tenant_id).country
    written: dict[tuple[str, str], str] = {}
    for text in to.numbers:
        written.setdefault(_meant(text, country), text)
    chosen = contact_groups.chosen(tx, user, to.contacts, to.groups)
    return [*written.values(), *(each.number for each in chosen if (each.number, "") not in written)]


def _meant(text: str, country: str) -> tuple[str, str]:
    """What tells a number from others; what is none is told by itself, and refused later."""
    try:
        number, after = post_dial.split(text)
    except InvalidNumber:
        return text, ""
    return numbers.normalise_or_none(number, country) or text, after


def check_count(count: int) -> None:
    """Whether a document goes to so many numbers at once. Raises TooManyNumbers."""
    if count > MOST_NUMBERS:
        raise TooManyNumbers(
            _(
                "These are {count} numbers: {most} at most at a time. Take some out, or a group, and hand the document "
                "in once more for those."
            ).format(count=count, most=MOST_NUMBERS)
        )


def ordered(db: Database, user: User, to: Recipients, resolution: Resolution) -> list[Order]:
    """One for each of the numbers, in their order (role portal). What may not be called is refused, and the audit tells
    of it. Raises NoNumber, TooManyNumbers, and as outbound.ordered does."""
    check_count(len(to.numbers))
    orders: dict[tuple[str, str], Order] = {}
    for text in to.numbers:
        order = ordered_one(db, user, text, to, resolution)
        orders.setdefault((order.called, order.after_answer), order)
    if not orders:
        raise NoNumber(_("Say where it is to go: one number or more."))
    return list(orders.values())


def ordered_one(db: Database, user: User, text: str, to: Recipients, resolution: Resolution) -> Order:
    """That for one number, whatever others there are in `to`; as `ordered`."""
    number, _after = post_dial.split(text)
    with refused_numbers.audited(db, user, "fax.submit", number), db.tenant(user.tenant_id) as tx:
        return outbound.ordered(
            tx,
            user,
            text,
            calling=to.calling,
            resolution=resolution,
            priority=to.priority,
            send_at=to.send_at,
            billing_code=to.billing_code,
        )
