"""Campaigns: one document to many numbers, each a fax when its turn comes (role portal, within a tenant).

A campaign is a draft until its user starts it. It has a pace, so many calls at once, and hours; what has been let go
goes on when it is paused. Whom it goes to: campaign_recipients, campaign_files. Who lets faxes go: campaign_release.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from faxplan import (
    audit,
    billing_codes,
    caller_ids,
    drafts,
    opt_out,
    outbound,
    permissions,
    render_jobs,
    tenants,
    transient_readers,
)
from faxplan.audit import Who
from faxplan.campaign_pace import InvalidCampaign, Pace, Retries, check_pace, check_retries, pace_values, retry_values
from faxplan.db import Row, Transaction
from faxplan.drafts import Draft
from faxplan.errors import FaxplanError, Forbidden, NotFound
from faxplan.language import _
from faxplan.permissions import Permission
from faxplan.users import User

MOST = 200
"""Of one user that have not ended."""
LONGEST_NAME = 80
CHANGEABLE = (
    "name", "calling", "billing_code", "per_minute", "at_once", "opens", "closes", "weekdays", "start_at",
    "max_attempts", "retry_delays",
)  # fmt: skip


class NotNow(FaxplanError):
    """This cannot be done with a campaign in its state."""

    error_id = "campaign-state"


class FileInHand(NotNow):
    """A file of recipients is being read."""

    error_id = "campaign-file-in-hand"
    retryable = True


class FileWrong(NotNow):
    """A file of recipients could not be read to its end."""

    error_id = "campaign-file-wrong"


class NoRecipients(NotNow):
    """It goes to nobody."""

    error_id = "no-recipients"


@dataclass(frozen=True, slots=True)
class Campaign:
    """state: draft, running, paused, cancelled or finished. why: why it is paused, if nobody has paused it. pages: of
    the document; None: not known yet, or not any more. rendering_id: None: the document was purged. rendering: its
    state (renderings.state), or "purged". cover_id: the document with what its covers say (campaign_covers),
    cover_fields: of recipients, that are in it; None: its faxes have no cover. code, notice: by which who gets it asks
    for no more, and what the first page says of that (opt_out); empty: nothing."""

    id: int
    user_id: int
    name: str
    state: str
    draft_id: int | None
    rendering_id: int | None
    rendering: str
    pages: int | None
    calling: str | None
    billing_code: str
    pace: Pace
    retries: Retries
    why: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    purged_at: datetime | None = None
    cover_id: int | None = None
    cover_fields: Sequence[str] = ()
    code: str | None = None
    notice: str = ""


def make(tx: Transaction, user: User, name: str, draft_id: int, pace: Pace, *, calling: str | None = None,
         billing_code: str = "", retries: Retries | None = None, stop_at: str | None = None,
         actor: Who) -> Campaign:  # fmt: skip
    """A campaign of a draft, which is the campaign's from now on. stop_at: the address at which who gets it asks for no
    more, `acme.fax.example/stop`. Raises Forbidden, NotFound, InvalidCampaign, ForeignCallerId, NoCallerId,
    NoBillingCode, RenderingFailed and InvalidNotice."""
    check_permitted(tx, user)
    values = _checked(
        tx,
        user,
        {
            "name": name, "calling": calling, "billing_code": billing_code, **pace_values(pace),
            **retry_values(retries or Retries()),
        },
    )  # fmt: skip
    if tx.value("select count(*) from campaigns where tenant_id = %s and user_id = %s and ended_at is null",
                (user.tenant_id, user.id)) >= MOST:  # fmt: skip
        raise InvalidCampaign(
            _("You have {most} campaigns that have not ended. Remove some that you do not start.").format(most=MOST)
        )
    draft = drafts.keep(tx, user, draft_id)
    code = opt_out.new_code()
    notice = opt_out.notice(tx, tenants.get(tx, user.tenant_id), code, stop_at)
    values |= {
        "tenant_id": user.tenant_id, "user_id": user.id, "draft_id": draft.id, "code": code, "notice": notice,
        "rendering_id": _noticed(tx, user.tenant_id, draft, notice),
    }  # fmt: skip
    names = list(values)
    campaign_id = tx.value(
        f"insert into campaigns ({', '.join(names)}) values ({', '.join(['%s'] * len(names))}) returning id",
        tuple(values.values()),
    )
    _record(tx, user, actor, "campaign.make", campaign_id, name=values["name"])
    return get(tx, user, campaign_id)


def _noticed(tx: Transaction, tenant_id: int, draft: Draft, notice: str) -> int:
    """The draft's rendering: with another notice (that of the campaign of which this is a clone, or none) another one
    than was begun."""
    of = (tenant_id, draft.id)
    begun, drawn = tx.one(
        """select r.id, r.notice from drafts d join renderings r on r.tenant_id = d.tenant_id and r.id = d.rendering_id
           where d.tenant_id = %s and d.id = %s""",
        of,
    ).values()
    if drawn == notice:
        return int(begun)
    rendering = render_jobs.order(tx, tenant_id, draft.original_id, draft.resolution, notice)
    tx.execute("update drafts set rendering_id = %s where tenant_id = %s and id = %s", (rendering, *of))
    render_jobs.withdraw(tx, tenant_id, begun)
    return rendering


def get(tx: Transaction, user: User, campaign_id: int) -> Campaign:
    """One of the user's; of the tenant's, for its administrators. Raises NotFound."""
    row = tx.row(f"{_CAMPAIGNS} and c.id = %(campaign)s", _of(user) | {"campaign": campaign_id})
    if row is None:
        raise NotFound(_("There is no such campaign. It may have been removed."))
    return _campaign(row)


def of_user(tx: Transaction, user: User, *, before: int | None = None, limit: int = 50) -> list[Campaign]:
    """Those that the user sees, the newest first. before: this one's id."""
    rows = tx.rows(
        f"{_CAMPAIGNS} and (%(before)s::bigint is null or c.id < %(before)s) order by c.id desc limit %(limit)s",
        _of(user) | {"before": before, "limit": limit},
    )
    return [_campaign(row) for row in rows]


def change(tx: Transaction, user: User, campaign_id: int, values: Mapping[str, Any], *, actor: Who) -> Campaign:
    """values: of CHANGEABLE. Of one that runs it counts from now on. Raises as make does, and NotNow."""
    campaign = hold(tx, user, campaign_id)
    if campaign.ended_at is not None:
        raise _not_now(campaign)
    checked = _checked(tx, user, dict(values))
    if checked:
        placed = ", ".join(f"{name} = %s" for name in checked)
        tx.execute(
            f"update campaigns set {placed}, paced_from = null where tenant_id = %s and id = %s",
            (*checked.values(), user.tenant_id, campaign_id),
        )
        _record(tx, user, actor, "campaign.change", campaign_id, **{k: str(v) for k, v in checked.items()})
    return get(tx, user, campaign_id)


def start(tx: Transaction, user: User, campaign_id: int, *, actor: Who) -> Campaign:
    """Lets its faxes go from now on, also of one that was paused. Raises Forbidden, NotNow, FileInHand, FileWrong and
    NoRecipients."""
    check_permitted(tx, user)
    campaign = hold(tx, user, campaign_id)
    if campaign.state not in ("draft", "paused"):
        raise _not_now(campaign)
    of = (user.tenant_id, campaign_id)
    wrong = tx.value("select wrong from campaign_files where tenant_id = %s and campaign_id = %s", of)
    if wrong:
        raise FileWrong(
            _("Its file of recipients could not be read to its end: {why} Take it away, or bring another one.").format(
                why=wrong
            )
        )
    if wrong is not None:
        raise FileInHand(_("Its file of recipients is being read. Start it when that is done."))
    # One that was started and has nobody left ends by itself.
    if campaign.started_at is None and not tx.value(
        """select exists (select from campaign_recipients where tenant_id = %s and campaign_id = %s
                          and state in ('waiting', 'released'))""", of):  # fmt: skip
        raise NoRecipients(_("It goes to nobody: add recipients first."))
    tx.execute(
        """update campaigns set state = 'running', why = '', paced_from = null, started_at = coalesce(started_at, now())
           where tenant_id = %s and id = %s""",
        of,
    )
    _record(tx, user, actor, "campaign.start", campaign_id)
    return get(tx, user, campaign_id)


def pause(tx: Transaction, user: User, campaign_id: int, *, actor: Who) -> Campaign:
    """Lets no more go; what was let go goes on. Raises NotNow."""
    campaign = hold(tx, user, campaign_id)
    if campaign.state != "running":
        raise _not_now(campaign)
    stop(tx, user.tenant_id, campaign_id, "")
    _record(tx, user, actor, "campaign.pause", campaign_id)
    return get(tx, user, campaign_id)


def stop(tx: Transaction, tenant_id: int, campaign_id: int, why: str) -> None:
    """Pauses one that runs. why: in words for its user, if nobody has paused it."""
    tx.execute(
        "update campaigns set state = 'paused', why = %s where tenant_id = %s and id = %s and state = 'running'",
        (why, tenant_id, campaign_id),
    )


def cancel(tx: Transaction, user: User, campaign_id: int, *, actor: Who) -> Campaign:
    """Ends it: who waits gets nothing, and what was let go and is in no call is cancelled (campaign_release). Raises
    NotNow."""
    campaign = hold(tx, user, campaign_id)
    if campaign.state not in ("running", "paused"):
        raise _not_now(campaign)
    end(tx, user.tenant_id, campaign_id, "cancelled")
    _record(tx, user, actor, "campaign.cancel", campaign_id)
    return get(tx, user, campaign_id)


def end(tx: Transaction, tenant_id: int, campaign_id: int, state: str) -> None:
    """It is over: cancelled, or finished. Its document is its faxes' from now on."""
    of = (tenant_id, campaign_id)
    draft_id = tx.value("select draft_id from campaigns where tenant_id = %s and id = %s", of)
    tx.execute("update campaigns set state = %s, ended_at = now() where tenant_id = %s and id = %s", (state, *of))
    for table in ("campaign_files", "campaign_uploads"):
        tx.execute(f"delete from {table} where tenant_id = %s and campaign_id = %s", of)
    if draft_id is not None:
        drafts.let_go(tx, tenant_id, draft_id)
    close_cover(tx, tenant_id, campaign_id)


def close_cover(tx: Transaction, tenant_id: int, campaign_id: int) -> None:
    """Takes what its covers say away from it: no machine opens it any more, and purge destroys it, unless a clone of it
    has it too."""
    of = (tenant_id, campaign_id)
    document_id = tx.value("select cover_id from campaigns where tenant_id = %s and id = %s", of)
    if document_id is None:
        return
    tx.execute("update campaigns set cover_id = null, cover_fields = '{}' where tenant_id = %s and id = %s", of)
    # A clone may have it as well.
    if not tx.value(
        "select exists (select from campaigns where tenant_id = %s and cover_id = %s)", (tenant_id, document_id)
    ):
        transient_readers.forget(tx, tenant_id, [document_id])


def remove(tx: Transaction, user: User, campaign_id: int, *, actor: Who) -> None:
    """Forgets one that was never started. Raises NotNow."""
    campaign = hold(tx, user, campaign_id)
    if campaign.state != "draft":
        raise _not_now(campaign)
    if campaign.draft_id is not None:
        drafts.let_go(tx, user.tenant_id, campaign.draft_id)
    close_cover(tx, user.tenant_id, campaign_id)
    tx.execute("delete from campaigns where tenant_id = %s and id = %s", (user.tenant_id, campaign_id))
    _record(tx, user, actor, "campaign.remove", campaign_id, name=campaign.name)


def hold(tx: Transaction, user: User, campaign_id: int) -> Campaign:
    """It, with nobody else at it until commit. Raises NotFound."""
    take_turn(tx, user.tenant_id)
    return get(tx, user, campaign_id)


def take_turn(tx: Transaction, tenant_id: int) -> None:
    """Whoever changes a tenant's campaigns, or lets their faxes go, does so one after the other."""
    tx.take_turn(_TURN, tenant_id)


_TURN = 0x63616D70
"""Any number ("camp" in ASCII)."""
_CAMPAIGNS = """
    select c.id, c.user_id, c.name, c.state, c.draft_id, c.rendering_id, coalesce(r.state, 'purged') as rendering,
           coalesce(p.pages, o.pages) as pages, c.calling, c.billing_code, c.per_minute, c.at_once, c.opens, c.closes,
           c.weekdays, c.start_at, c.max_attempts, c.retry_delays, c.why, c.created_at, c.started_at, c.ended_at,
           c.purged_at, c.cover_id, c.cover_fields, c.code, c.notice
    from campaigns c left join renderings r on r.tenant_id = c.tenant_id and r.id = c.rendering_id
    left join documents o on o.tenant_id = r.tenant_id and o.id = r.original_id
    left join documents p on p.tenant_id = r.tenant_id and p.id = r.document_id
    where c.tenant_id = %(tenant)s and (c.user_id = %(user)s or %(all)s)"""


def _of(user: User) -> dict[str, Any]:
    return {"tenant": user.tenant_id, "user": user.id, "all": user.role == "administrator"}


def _campaign(row: Row) -> Campaign:
    names = ("per_minute", "at_once", "opens", "closes", "weekdays", "start_at")
    pace = Pace(**{name: row[name] for name in names})
    retries = Retries(row["max_attempts"], row["retry_delays"] or ())
    others = {name: value for name, value in row.items() if name in Campaign.__dataclass_fields__}
    return Campaign(pace=pace, retries=retries, **others)


def _checked(tx: Transaction, user: User, values: dict[str, Any]) -> dict[str, Any]:
    """As they are kept."""
    tenant = tenants.get(tx, user.tenant_id)
    if "name" in values:
        values["name"] = " ".join(str(values["name"]).split())
        if not 0 < len(values["name"]) <= LONGEST_NAME or not values["name"].isprintable():
            raise InvalidCampaign(_("Give it a name of {most} characters at most.").format(most=LONGEST_NAME))
    if values.get("calling") is not None:
        values["calling"] = caller_ids.choose(tx, tenant, values["calling"], user.id)
    if "billing_code" in values:
        values["billing_code"] = billing_codes.checked(tenant, values["billing_code"])
    check_pace(values)
    check_retries(values, tenant)
    return values


def check_permitted(tx: Transaction, user: User) -> None:
    """Raises Forbidden for who may have no campaigns or send nothing, and TenantDisabled."""
    permissions.check(tx, user.tenant_id, user.id, Permission.CAMPAIGNS)
    permissions.check(tx, user.tenant_id, user.id, permissions.SEND)
    outbound.check_enabled(tenants.get(tx, user.tenant_id))


def check_own(user: User, campaign: Campaign) -> None:
    """Whether it is this user's: its document is sealed for them, and whoever says where it goes is sent it. Raises
    Forbidden."""
    if campaign.user_id != user.id:
        raise Forbidden(
            _("This campaign is somebody else's, and its document is sealed for them: only they add recipients and "
              "send tests.")
        )  # fmt: skip


def _not_now(campaign: Campaign) -> NotNow:
    words = {
        "draft": _("It has not been started yet."),
        "running": _("It runs."),
        "paused": _("It is paused."),
        "cancelled": _("It was cancelled."),
        "finished": _("It has ended."),
    }
    return NotNow(_("This cannot be done with the campaign now: {state}").format(state=words[campaign.state]))


def _record(tx: Transaction, user: User, actor: Who, action: str, campaign_id: int, **details: Any) -> None:
    audit.record(tx, user.tenant_id, actor=actor, action=action, object=f"campaign:{campaign_id}", **details)
