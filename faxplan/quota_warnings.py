"""Mails that say of a quota that most of it is gone, or all: once each in a period, to whom it concerns.

Of a user's own quota that is the user, of an organisation's its administrators. What the mail relay takes for nobody is
tried again by the next run; where it takes some, those whom it refuses hear nothing, and the log says so.
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
            mails += _warn(admin, settings, due, log)
        except FaxplanError as error:
            failed += 1
            log(f"tenant {due['tenant_id']}, quota {due['quota_id']}: nobody is warned yet: {error}")
    return Warned(mails, failed)


def _warn(admin: Database, settings: Settings, found: Row, log: Callable[[str], None]) -> int:
    """The number of mails. They go out before it is noted that they did: one that comes twice is better than none.

    Raises MailFailed and InvalidSetting where nobody's was taken.
    """
    tenant_id = found["tenant_id"]
    with admin.across_tenants() as tx:
        tx.take_turn(_TURN, tenant_id)
        still = quotas.due_warnings(tx, of=(tenant_id, found["quota_id"]))
        if not still:
            return 0
        (due,) = still
        tenant = tenants.get(tx, tenant_id)
        tx.enter_tenant(tenant_id)
        brand = brands.of(tx, tenant_id, tenant.name)
        recipients = users.concerned_by_quota(tx, tenant_id, due["user_id"])
        relay = Relay.of(settings).of_sender(brand.mail_sender)
        page = "" if due["user_id"] else f"{settings.portal_of(tenant.slug)}/organisation/quotas"
        refused: list[FaxplanError] = []
        for address, theirs in recipients:
            with language.speaks(language.first_of(theirs, tenant.language)):
                try:
                    relay.send([address], _subject(due, brand), _text(due, brand, page), name=brand.name)
                except FaxplanError as error:
                    refused.append(error)
        if refused and len(refused) == len(recipients):
            raise refused[0]
        # Else those whose mail was taken would get it with every run for as long as another's is refused.
        quotas.warned(tx, tenant_id, due["quota_id"], due["percent"])
        whose = f"user:{due['user_id']}" if due["user_id"] else f"tenant:{tenant_id}"
        mails = len(recipients) - len(refused)
        told = {"period": due["period"], "percent": due["percent"], "mails": mails}
        audit.record(tx, tenant_id, actor=_ACTOR, action="quota.warn", object=whose, **told)
    for each in refused:
        log(f"tenant {tenant_id}, quota {due['quota_id']}: somebody is not warned: {each}")
    return mails


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
