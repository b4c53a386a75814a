"""Whom campaigns went to, purged (role purge): numbers, names and fields of people. docs/retention.md.

A campaign that has ended is kept as long as faxes that its user sent. First its counts are written down, and from then
on nobody sees its recipients; then they go, so many at a time. What is held, or has faxes that have not ended, stays.
"""

import json
from dataclasses import asdict
from typing import Any

from faxplan import audit, campaign_recipients, campaign_uploads, holds, retention
from faxplan.db import Transaction

_KEPT = ("waiting", "released", "sent", "failed", "cancelled", "left_out")


AT_ONCE = 5000
"""Recipients of a transaction."""


def destroy(tx: Transaction, tenant_id: int, *, actor: str) -> int | None:
    """Destroys AT_ONCE recipients of one campaign: how many; None: none is due."""
    holds.take_turn(tx, tenant_id)
    campaign = tx.row(f"{_DUE} order by c.id limit 1", _bounds(tx, tenant_id))
    if campaign is None:
        return None
    of = (tenant_id, campaign["id"])
    if campaign["purged_at"] is None:
        counts = asdict(campaign_recipients.counted(tx, *of))
        tx.execute(
            "update campaigns set purged_at = now(), kept_counts = %s where tenant_id = %s and id = %s",
            (json.dumps({name: counts[name] for name in _KEPT}), *of),
        )
    gone = tx.execute(
        """delete from campaign_recipients where tenant_id = %s and campaign_id = %s and id in (
               select id from campaign_recipients where tenant_id = %s and campaign_id = %s order by id limit %s)""",
        (*of, *of, AT_ONCE),
    )
    # Whom its maker tried it with.
    tx.execute("delete from campaign_tests where tenant_id = %s and campaign_id = %s", of)
    if campaign["purged_at"] is None:
        audit.record(tx, tenant_id, actor=actor, action="campaign.purge", object=f"campaign:{campaign['id']}")
    return gone


def forget_uploads(tx: Transaction, tenant_id: int) -> None:
    """Files of recipients that were looked at, and not added for a day: nobody sees them any more."""
    tx.execute(
        "delete from campaign_uploads where tenant_id = %s and brought_at < now() - make_interval(secs => %s)",
        (tenant_id, campaign_uploads.LIFETIME_SECONDS),
    )


def due(tx: Transaction, tenant_id: int) -> int:
    """Of how many campaigns the next purge destroys the recipients."""
    found: int = tx.value(f"select count(*) from ({_DUE}) due", _bounds(tx, tenant_id))
    return found


def _bounds(tx: Transaction, tenant_id: int) -> dict[str, Any]:
    """For how many days each mailbox's campaigns are kept, but for those that are kept or held for ever."""
    policy, held = retention.policy(tx, tenant_id), holds.of_mailboxes(tx, tenant_id)
    mailboxes = [None, *(row["id"] for row in tx.rows("select id from mailboxes where tenant_id = %s", (tenant_id,)))]
    days = {
        each: found
        for each in mailboxes
        if (found := policy.days(each, retention.DIRECTIONS["sent"])) is not None
        and not any(hold.holds_all_of(each) for hold in held)
    }
    return {"tenant": tenant_id, "mailboxes": list(days), "days": list(days.values())}


_DUE = """
    select c.id, c.purged_at from campaigns c
    join users u on u.tenant_id = c.tenant_id and u.id = c.user_id
    join unnest(%(mailboxes)s::bigint[], %(days)s::integer[]) k (mailbox_id, days)
         on k.mailbox_id is not distinct from u.mailbox_id
    where c.tenant_id = %(tenant)s and c.ended_at < now() - make_interval(days => k.days)
      and (c.purged_at is null or exists (
          select from campaign_recipients r where r.tenant_id = c.tenant_id and r.campaign_id = c.id))
      and not exists (
          select from campaign_recipients r join faxes f on f.tenant_id = r.tenant_id and f.id = r.fax_id
          where r.tenant_id = c.tenant_id and r.campaign_id = c.id and r.state = 'released' and f.finished_at is null)
      and not exists (
          select from holds h join campaign_recipients r on r.tenant_id = h.tenant_id and r.fax_id = h.fax_id
          where h.tenant_id = c.tenant_id and r.campaign_id = c.id)"""
