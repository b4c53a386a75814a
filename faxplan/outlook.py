"""What would become of a draft if it was sent now: to how many, what that takes, whether there is room, and when.

Nothing is changed or held by looking, and until it is sent it may be otherwise: `drafts.send` decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from faxplan import billing_codes, permissions, quotas, recipients, sending_hours, tenants
from faxplan.db import Row, Transaction
from faxplan.drafts import Draft
from faxplan.errors import FaxplanError
from faxplan.recipients import Recipients
from faxplan.users import User


@dataclass(frozen=True, slots=True)
class Outlook:
    """count: of numbers. pages: that it takes in all; None: not known yet, or nobody is named. quotas: those that
    count, as quotas.of_user. begins: from when on it may be dialled, its time and the hours of sending considered;
    None: never. wrong: why it would be refused, in words; empty: nothing is known against it.
    """

    count: int
    pages: int | None
    quotas: Sequence[Row]
    begins: datetime | None
    wrong: str


def of_draft(tx: Transaction, user: User, draft: Draft, to: Recipients, *, cover_pages: int, now: datetime) -> Outlook:
    """With these recipients, of whom there may be none yet. cover_pages: of the cover of each, as far as it is known.

    Raises NotFound for a contact or a group, and Forbidden.
    """
    tenant = tenants.get(tx, user.tenant_id)
    count = len(recipients.numbers_of(tx, user, to))
    each = draft.pages + cover_pages if draft.pages else None
    pages = each * count if each and count else None
    applying = quotas.of_user(tx, user.tenant_id, user.id)
    wrong = ""
    try:
        permissions.check(tx, user.tenant_id, user.id, permissions.SEND)
        recipients.check_count(count)
        quotas.check_hour(tenant, each)
        # Also of one to whom nobody is named: where there is no room for one, nobody needs to write more.
        quotas.check_room(applying, pages or each or 1, max(count, 1))
        if count:
            billing_codes.checked(tenant, to.billing_code)
    except FaxplanError as error:
        wrong = str(error)
    moment = now if to.send_at is None else max(now, to.send_at)
    hours = sending_hours.of_tenant(tx, user.tenant_id)
    return Outlook(count, pages, applying, sending_hours.next_open(hours, to.priority, tenant.zone, moment), wrong)
