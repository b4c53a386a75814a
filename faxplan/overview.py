"""How the installation does, for its operator: how calls went lately, by trunk, and what needs a hand."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from faxplan import configuration_faults, failure_rules, history, nodes, outbox, quotas, tenants, trunk_health
from faxplan.db import Database, Row, Transaction

HOURS = 24
LATE_SECONDS = 30.0
"""A node that has not reported for so long is looked at."""
LONG_QUEUED_SECONDS = 900.0
"""A due fax that waits so long waits for somebody."""
LONG_MAIL_SECONDS = 3600.0
"""So does a mail: many hosts make a stranger's wait some minutes."""
_SHARE = 0.8
_SOME = 20
_TRUNKS_FAULT = sorted({rule.name for rule in failure_rules.SHIPPED.values() if rule.trunk_fault})


class Need(Enum):
    """What needs a hand."""

    NO_NODE = "no-node"
    NODE_LATE = "node-late"
    TRUNK_RESTS = "trunk-rests"
    TRUNK_DOWN = "trunk-down"
    TRUNK_UNREGISTERED = "trunk-unregistered"
    QUEUE_OLD = "queue-old"
    MAIL_OLD = "mail-old"
    CONFIGURATION = "configuration"
    QUOTA = "quota"


@dataclass(frozen=True, slots=True)
class Needed:
    """what: a node's, a trunk's or a tenant's name. told: more about it."""

    need: Need
    what: str
    told: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Overview:
    """calls: history.calls_now. queue: history.queue_now. machines: nodes.everyone. trunks: `lately`. states:
    trunk_health.everyone. near_end: quotas.near_end. faults: configuration_faults.lately. mails: outbox.waiting_now."""

    calls: list[Row]
    queue: list[Row]
    machines: list[Row]
    trunks: list[Row]
    states: list[Row]
    near_end: list[Row]
    faults: list[Row]
    mails: list[Row]

    @property
    def mails_waiting(self) -> int:
        """Mails that wait for a mail server."""
        return sum(row["mails"] for row in self.mails)

    @property
    def oldest_mail(self) -> float:
        """Seconds that the oldest of them waits; 0: none does."""
        return max((row["oldest"] for row in self.mails), default=0.0)

    @property
    def waiting(self) -> int:
        """Faxes in the queue."""
        return sum(row["faxes"] for row in self.queue)

    @property
    def due(self) -> int:
        """Of these, those that could be dialled now."""
        return sum(row["due"] for row in self.queue)

    @property
    def oldest(self) -> float:
        """Seconds that the oldest due one waits; 0: none does."""
        return max((row["oldest"] for row in self.queue if row["due"]), default=0.0)

    @property
    def needed(self) -> list[Needed]:
        """The gravest first."""
        found = [] if self.machines else [Needed(Need.NO_NODE, "", {})]
        found += [
            Needed(Need.NODE_LATE, each["name"], {"seconds": each["silent"]})
            for each in self.machines
            if each["silent"] > LATE_SECONDS
        ]
        for each in self.states:
            if each["enabled"] and each["unregistered_on"]:
                found.append(Needed(Need.TRUNK_UNREGISTERED, each["name"], {"node": each["unregistered_on"]}))
            elif each["enabled"] and each["down_on"]:
                found.append(Needed(Need.TRUNK_DOWN, each["name"], {"nodes": ", ".join(each["down_on"])}))
            elif each["enabled"] and each["rests_seconds"]:
                found.append(Needed(Need.TRUNK_RESTS, each["name"], {"why": each["last_failure"] or ""}))
        found += [
            Needed(Need.QUEUE_OLD, each["tenant"], {"seconds": each["oldest"]})
            for each in self.queue
            if each["due"] and each["oldest"] > LONG_QUEUED_SECONDS
        ]
        found += [
            Needed(Need.MAIL_OLD, each["tenant"], {"seconds": each["oldest"], "why": each["said"]})
            for each in self.mails
            if each["oldest"] > LONG_MAIL_SECONDS
        ]
        found += [Needed(Need.CONFIGURATION, each["trunk"] or each["node"], each) for each in self.faults]
        return found + [Needed(Need.QUOTA, each["tenant"], each) for each in self.near_end]


def look(admin: Database) -> Overview:
    """At this moment."""
    with admin.across_tenants() as tx:
        return Overview(
            history.calls_now(tx),
            history.queue_now(tx),
            nodes.everyone(tx),
            lately(tx),
            trunk_health.everyone(tx),
            quotas.near_end(tx, share=_SHARE, limit=_SOME),
            configuration_faults.lately(tx),
            outbox.waiting_now(tx),
        )


def lately(tx: Transaction) -> list[Row]:
    """How the calls of the last HOURS hours went that have ended, by trunk, in both directions (role admin): trunk,
    calls, well (the fax went over whole), fault (the trunk could not take the call), other (busy, no answer and so on).
    """
    return tx.rows(
        """select a.trunk, count(*) as calls, count(*) filter (where a.outcome in ('sent', 'received')) as well,
                  count(*) filter (where a.rule = any(%(faults)s)) as fault,
                  count(*) filter (where a.outcome not in ('sent', 'received')
                                   and coalesce(a.rule <> all(%(faults)s), true)) as other
           from attempts a
           where a.started_at > now() - make_interval(hours => %(hours)s) and a.outcome is not null
             and not a.internal and a.trunk is not null
           group by a.trunk order by a.trunk""",
        {"faults": _TRUNKS_FAULT, "hours": HOURS},
    )


def calls(admin: Database) -> list[Row]:
    """See history.calls_now."""
    with admin.across_tenants() as tx:
        return history.calls_now(tx)


def machines(admin: Database) -> list[Row]:
    """See nodes.everyone; with calls: how many run there."""
    with admin.across_tenants() as tx:
        running = history.calls_now(tx)
        return [{**node, "calls": sum(call["node"] == node["name"] for call in running)} for node in nodes.everyone(tx)]


def queue(admin: Database) -> list[Row]:
    """See history.queue_now."""
    with admin.across_tenants() as tx:
        return history.queue_now(tx)


def mails(admin: Database) -> list[Row]:
    """See outbox.waiting_now."""
    with admin.across_tenants() as tx:
        return outbox.waiting_now(tx)


def waiting(admin: Database, slug: str, *, after: tuple[datetime, int] | None, limit: int) -> list[Row]:
    """See history.waiting. Raises NotFound."""
    with admin.across_tenants() as tx:
        tenant = tenants.by_slug(tx, slug)
        tx.enter_tenant(tenant.id)
        return history.waiting(tx, tenant.id, after=after, limit=limit)
