"""The outbox: mails about faxes that wait to be handed over, and what became of them; one a notice and recipient.

A trigger on notices fills it (`outbox_fill` in schema.sql), and it keeps no mail: `mailer` makes each when it goes out.
What is not named otherwise: role worker.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from faxplan.db import Row, Transaction

CHANNEL = "faxplan_mail"
"""Notified when there is more."""
RETRY_SECONDS = (60, 300, 900, 1800, 3600)
"""After each try, and after those to come the last of these."""


class State(StrEnum):
    """What became of a mail: values of outbox.state that are final."""

    ACCEPTED = "accepted"
    """A mail server has taken it over."""
    REFUSED = "refused"
    """It takes no mail for this recipient."""
    GIVEN_UP = "given-up"
    """None took it for as long as one is tried."""
    BOUNCED = "bounced"
    """One took it over, and said later that it has not reached its recipient."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A mail that is to be handed over. tries: this one among them. token: of its Message-ID. worker: whose lease it
    has. has_account: whether the tenant has an account of its own (mail_accounts)."""

    tenant_id: int
    id: int
    notice_id: int
    recipient: str
    token: str
    tries: int
    created_at: datetime
    worker: str
    has_account: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of a try that was the last. token: after a restore another mail may have this id. said: what the mail
    server said. sent_as: as outbox.sent_as."""

    tenant_id: int
    id: int
    token: str
    state: State
    said: str = ""
    sent_as: str | None = None


def claim(
    tx: Transaction,
    *,
    worker: str,
    lease_seconds: int,
    most: int,
    except_of: Sequence[int] = (),
    accounts: bool = True,
    others: bool = True,
) -> list[Waiting]:
    """Mails of one mail server that are due, for `lease_seconds`: of each tenant the longest due first, and of all
    tenants as many, so that nobody waits behind all that another has. accounts: of tenants with an account of their
    own, but `except_of`; others: of tenants without.

    Each mail server has a lease's name of its own (Waiting.worker). Those under this name too: it lost track of them
    with the database.
    """
    due = """o.state = 'waiting' and o.not_before <= now()
             and (o.lease_until is null or o.lease_until < now() or o.worker = {name})"""
    rows = tx.rows(
        f"""with relays as (
               select t.id as tenant_id, a.tenant_id is not null as has_account,
                      %(worker)s || '/' || coalesce(a.tenant_id, 0) as name
               from tenants t left join mail_accounts a on a.tenant_id = t.id
               where case when a.tenant_id is null then %(others)s
                          else %(accounts)s and a.tenant_id <> all(%(but)s::bigint[]) end),
           turns as (
               select o.tenant_id, o.id, o.not_before, r.name, r.has_account,
                      row_number() over (partition by o.tenant_id order by o.not_before, o.id) as turn
               from outbox o join relays r on r.tenant_id = o.tenant_id
               where {due.format(name="r.name")}),
           first as (select name from turns order by turn, not_before, id limit 1),
           due as (
               -- Asked again: somebody else may have claimed it meanwhile.
               select o.tenant_id, o.id, t.name, t.has_account
               from turns t join first f on f.name = t.name
               join outbox o on o.tenant_id = t.tenant_id and o.id = t.id
               where {due.format(name="t.name")}
               order by t.turn, o.not_before limit %(most)s for update of o skip locked)
           update outbox o set worker = due.name, lease_until = now() + make_interval(secs => %(lease)s),
                               tries = o.tries + 1
           from due where o.tenant_id = due.tenant_id and o.id = due.id
           returning o.tenant_id, o.id, o.notice_id, o.recipient, o.token, o.tries, o.created_at, o.worker,
                     due.has_account""",
        {"worker": worker, "lease": lease_seconds, "most": most, "but": list(except_of), "accounts": accounts,
         "others": others},
    )  # fmt: skip
    return sorted((Waiting(**row) for row in rows), key=lambda each: (each.created_at, each.id))


def is_waiting(tx: Transaction, mail: Waiting) -> bool:
    """Whether it is still to be handed over, in this try."""
    found: bool = tx.value(
        """select exists (select from outbox where tenant_id = %s and id = %s and state = 'waiting' and worker = %s
                          and tries = %s and lease_until > now())""",
        (mail.tenant_id, mail.id, mail.worker, mail.tries),
    )
    return found


def end(tx: Transaction, ended: Ended) -> bool:
    """Notes what became of it; False where that is noted."""
    changed = tx.execute(
        """update outbox set state = %s, said = %s, sent_as = %s, ended_at = now(), worker = null, lease_until = null
           where tenant_id = %s and id = %s and token = %s and state = 'waiting'""",
        (ended.state.value, ended.said, ended.sent_as, ended.tenant_id, ended.id, ended.token),
    )
    return changed == 1


def postpone(tx: Transaction, mail: Waiting, said: str, delay_seconds: float, *, counts: bool) -> None:
    """Gives it back, to be tried again after the delay. said: why; empty: as before. counts: as one of its tries."""
    tx.execute(
        """update outbox set worker = null, lease_until = null, not_before = now() + make_interval(secs => %s),
                             said = coalesce(nullif(%s, ''), said), tries = tries - %s
           where tenant_id = %s and id = %s and state = 'waiting' and worker = %s and tries = %s""",
        (delay_seconds, said, 0 if counts else 1, mail.tenant_id, mail.id, mail.worker, mail.tries),
    )


def state_of(tx: Transaction, tenant_id: int, token: str) -> str | None:
    """A value of outbox.state (role portal); None: no mail of the tenant has this token (any more)."""
    found: str | None = tx.value("select state from outbox where tenant_id = %s and token = %s", (tenant_id, token))
    return found


def bounced(tx: Transaction, token: str, said: str) -> bool:
    """Notes that a mail of the tenant's that a server had taken has come back (role portal), and why; False where none
    with this token has been taken over."""
    found: bool = tx.value("select outbox_bounce(%s, %s)", (token, said))
    return found


def troubles(tx: Transaction, tenant_id: int, mailbox_id: int) -> list[Row]:
    """To which of a mailbox's recipients mail fails (role portal): recipient, state, said, at, of the last that failed
    in 30 days."""
    return tx.rows(
        """select r.address as recipient, last.state, last.said, last.ended_at as at
           from mail_recipients r cross join lateral (
               select o.id, o.state, o.said, o.ended_at from outbox o
               where o.tenant_id = r.tenant_id and o.recipient = r.address
                 and o.state in ('refused', 'given-up', 'bounced')
               order by o.ended_at desc limit 1) last
           where r.tenant_id = %s and r.mailbox_id = %s and last.ended_at > now() - interval '30 days'
           order by r.id""",
        (tenant_id, mailbox_id),
    )


def fax_of(tx: Transaction, mail: Waiting) -> int | None:
    """Of which fax a mail tells; None: of none. Within its tenant."""
    found = tx.value("select fax_id from notices where tenant_id = %s and id = %s", (mail.tenant_id, mail.notice_id))
    return None if found is None else int(found)


def of_fax(tx: Transaction, tenant_id: int, fax_id: int) -> list[Row]:
    """Mails about a fax to a mailbox's recipients (role portal): recipient, state, said, sent_as, tries, not_before, at
    (when it ended; of one that waits, since when it does)."""
    return tx.rows(
        """select o.recipient, o.state, o.said, o.sent_as, o.tries, o.not_before,
                  coalesce(o.ended_at, o.created_at) as at
           from outbox o join notices n on n.tenant_id = o.tenant_id and n.id = o.notice_id
           where n.tenant_id = %s and n.fax_id = %s and n.mailbox_id is not null order by o.id""",
        (tenant_id, fax_id),
    )


def waiting_now(tx: Transaction) -> list[Row]:
    """What waits to be handed over, by tenant (role admin): tenant, mails, oldest (seconds that it waits), said (what
    the mail server said last of the oldest of which it said something; empty: nothing)."""
    # With 300,000 of them it takes 0.2 s; all that was said of them is in no list (of hundreds of MB).
    return tx.rows(
        """select t.slug as tenant, w.mails, greatest(extract(epoch from now() - w.since), 0)::float as oldest,
                  coalesce(l.said, '') as said
           from (select tenant_id, count(*) as mails, min(created_at) as since from outbox
                 where state = 'waiting' group by tenant_id) w
           join tenants t on t.id = w.tenant_id
           left join lateral (
               select o.said from outbox o where o.tenant_id = w.tenant_id and o.state = 'waiting' and o.said <> ''
               order by o.created_at, o.id limit 1) l on true
           order by t.slug"""
    )


def busy_workers(tx: Transaction) -> list[str]:
    """The workers that have a mail in hand, dead or alive."""
    return [row["worker"] for row in tx.rows("select distinct worker from outbox where worker is not null")]


def release(tx: Transaction, worker: str) -> None:
    """Frees what a worker had in hand that is dead."""
    tx.execute("update outbox set worker = null, lease_until = null where worker = %s", (worker,))
