"""Mails that say of a quota that most of it is gone, or all: once each in a period, to whom it concerns.

Of a user's own quota that is the user, of an organisation's its administrators. What the mail relay does not take is
tried again by the next run.
"""

from collections.abc import Callable
from dataclasses import dataclass

from faxplan import audit, brands, language, quotas, tenants, users
from faxplan.brands import Brand
from faxplan.config import Settings
from faxplan.db import Database, Row
from faxplan.errors import FaxplanError
from faxplan.language import _
from faxplan.mail import Relay

_TURN = 0x776172
"""Any number ("war" in ASCII): two runs at once would tell everything twice."""
_ACTOR = "cron"


@dataclass(frozen=True, slots=True)
class Warned:
    """How many mails went out, and how many quotas are to be told of by another run."""

    mails: int
    failed: int


def run(admin: Database, settings: Settings, log: Callable[[str], None]) -> Warned:
    """Tells of all that are due (role admin). log: of what was not taken, and why."""
    with admin.across_tenants() as tx:
        found = quotas.due_warnings(tx)
    mails = failed = 0
    for due in found:
        try:
            mails += _warn(admin, settings, due)
        except FaxplanError as error:
            failed += 1
            log(f"tenant {due['tenant_id']}, quota {due['quota_id']}: nobody is warned yet: {error}")
    return Warned(mails, failed)


def _warn(admin: Database, settings: Settings, found: Row) -> int:
    """The number of mails. They go out before it is noted that they did: one that comes twice is better than none."""
    tenant_id = found["tenant_id"]
    with admin.across_tenants() as tx:
        tx.take_turn(_TURN, tenant_id)
        due = next((each for each in quotas.due_warnings(tx) if each["quota_id"] == found["quota_id"]), None)
        if due is None:
            return 0
        tenant = tenants.get(tx, tenant_id)
        tx.enter_tenant(tenant_id)
        brand = brands.of(tx, tenant_id, tenant.name)
        recipients = users.concerned_by_quota(tx, tenant_id, due["user_id"])
        relay = Relay.of(settings).of_sender(brand.mail_sender)
        page = "" if due["user_id"] else f"{settings.portal_of(tenant.slug)}/organisation/quotas"
        for address, theirs in recipients:
            with language.speaks(language.first_of(theirs, tenant.language)):
                relay.send([address], _subject(due, brand), _text(due, brand, page), name=brand.name)
        quotas.warned(tx, tenant_id, due["quota_id"], due["percent"])
        whose = f"user:{due['user_id']}" if due["user_id"] else f"tenant:{tenant_id}"
        told = {"period": due["period"], "percent": due["percent"], "mails": len(recipients)}
        audit.record(tx, tenant_id, actor=_ACTOR, action="quota.warn", object=whose, **told)
        return len(recipients)


def _subject(due: Row, brand: Brand) -> str:
    a_day = due["period"] == "day"
    if due["percent"] >= 100:
        words = _("{name}: no pages are left for today") if a_day else _("{name}: no pages are left for this month")
    elif a_day:
        words = _("{name}: {percent} % of today's pages are gone")
    else:
        words = _("{name}: {percent} % of this month's pages are gone")
    return words.format(name=" ".join(brand.name.split()), percent=due["percent"])


def _text(due: Row, brand: Brand, page: str) -> str:
    whose = _("Your organisation may send") if due["user_id"] is None else _("You may send")
    period = _("a day") if due["period"] == "day" else _("a month")
    lines = [
        _("{whose} {limit} pages {period}. Used: {used}. Held for faxes under way: {held}.").format(
            whose=whose, limit=due["limit_pages"], period=period, used=due["used_pages"], held=due["reserved_pages"]
        )
    ]
    if due["percent"] >= 100:
        lines.append(_("A fax for which there is no room is refused, and whoever sends it is told."))
    lines.append(_("It begins anew at {when}.").format(when=quotas.next_period(due)))
    if due["user_id"] is not None:
        lines.append(_("Your administrator can give you more."))
    if page:
        lines.append(page)
    if brand.support:
        lines.append(_("Questions?") + f" {brand.support}")
    return "\n\n".join(lines) + "\n"
