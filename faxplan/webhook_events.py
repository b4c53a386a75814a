"""What endpoints are told: an event for each change of a fax's state, and for each endpoint its delivery.

A trigger on faxes writes them (`webhooks_fill` in schema.sql), in the transaction of the change, so that none is lost
and none is of what has not happened. What is told is thin: which fax, and how it stands; whoever wants more asks the
API. What is not named otherwise: role worker.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from faxplan import audit, webhooks
from faxplan.audit import Who
from faxplan.db import Row, Transaction
from faxplan.errors import NotFound
from faxplan.language import _
from faxplan.users import User
from faxplan.webhook_signatures import SigningKeys
from faxplan.webhooks import InvalidWebhook

TEST = "webhook.test"
KEEP_DAYS = 30
"""So long what has ended is shown."""
MOST_ANSWER = 500
"""Bytes of an answer that are kept."""
SHORTEST_REST_SECONDS = 5.0
LONGEST_REST_SECONDS = 900.0
_PURGED_AT_ONCE = 5000


class State(StrEnum):
    """What became of a delivery: values of webhook_deliveries.state."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    """The endpoint has answered with 2xx."""
    FAILED = "failed"
    """The endpoint has said that it is gone."""
    GIVEN_UP = "given-up"
    """It was tried for as long as one is."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """message: webhook-id. at: when it happened. direction, fax_state: of a fax, and None of a test. not_before: of one
    that waits. status, answer: what the endpoint answered last, as far as it did. said: why that try has failed."""

    id: int
    endpoint_id: int
    message: str
    type: str
    at: datetime
    fax_id: int | None
    direction: str | None
    fax_state: str | None
    state: State
    tries: int
    not_before: datetime
    waits_since: datetime
    tried_at: datetime | None
    status: int | None
    said: str
    answer: str
    ended_at: datetime | None


_COLUMNS = """id, endpoint_id, message, type, at, fax_id, direction, fax_state, state, tries, not_before, waits_since,
              tried_at, status, said, answer, ended_at"""


def body(delivery: Delivery) -> bytes:
    """What is told, the same whenever it is tried."""
    data: dict[str, Any] = {}
    if delivery.fax_id is not None:
        data = {"fax_id": delivery.fax_id, "direction": delivery.direction, "state": delivery.fax_state}
    at = delivery.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return json.dumps({"type": delivery.type, "timestamp": at, "data": data}, separators=(",", ":")).encode()


# ------------------------------------------------------------------------------------------------------------ for users


def of_endpoint(
    tx: Transaction, user: User, endpoint_id: int, *, limit: int, before: int | None = None, state: State | None = None
) -> list[Delivery]:
    """Of one that the user looks after, the newest first (role portal). before: of an id. Raises NotFound."""
    webhooks.get(tx, user, endpoint_id)
    rows = tx.rows(
        f"""select {_COLUMNS} from webhook_deliveries
            where tenant_id = %(tenant)s and endpoint_id = %(endpoint)s
              and (%(before)s::bigint is null or id < %(before)s)
              and (%(state)s::text is null or state = %(state)s) order by id desc limit %(limit)s""",
        {"tenant": user.tenant_id, "endpoint": endpoint_id, "before": before, "limit": limit,
         "state": None if state is None else state.value},
    )  # fmt: skip
    return [_delivery(row) for row in rows]


def test(tx: Transaction, user: User, endpoint_id: int, *, actor: Who) -> Delivery:
    """Has an endpoint told of nothing, to see whether it hears (role portal). Raises NotFound and InvalidWebhook."""
    _hears(tx, user, endpoint_id)
    row = tx.one(
        f"""insert into webhook_deliveries (tenant_id, endpoint_id, message, type, at)
            values (%s, %s, 'msg_' || replace(gen_random_uuid()::text, '-', ''), %s, now()) returning {_COLUMNS}""",
        (user.tenant_id, endpoint_id, TEST),
    )
    tx.notify(webhooks.CHANNEL)
    audit.record(tx, user.tenant_id, actor=actor, action="webhook.test", object=f"webhook:{endpoint_id}")
    return _delivery(row)


def resend(tx: Transaction, user: User, delivery_id: int, *, actor: Who) -> Delivery:
    """It is told once more, whatever became of it, with its webhook-id (role portal). Raises NotFound and
    InvalidWebhook."""
    found = tx.row(
        f"select {_COLUMNS} from webhook_deliveries where tenant_id = %s and id = %s", (user.tenant_id, delivery_id)
    )
    if found is None:
        raise _no_delivery()
    try:
        _hears(tx, user, found["endpoint_id"])
    except NotFound as error:
        raise _no_delivery() from error
    row = tx.row(
        f"""update webhook_deliveries set state = 'waiting', tries = 0, not_before = now(), waits_since = now(),
                                          ended_at = null
            where tenant_id = %s and id = %s returning {_COLUMNS}""",
        (user.tenant_id, delivery_id),
    )
    if row is None:
        raise _no_delivery()
    tx.notify(webhooks.CHANNEL)
    audit.record(
        tx, user.tenant_id, actor=actor, action="webhook.resend", object=f"webhook:{row['endpoint_id']}",
        message=row["message"],
    )  # fmt: skip
    return _delivery(row)


def _hears(tx: Transaction, user: User, endpoint_id: int) -> None:
    """Also at once, where it rests: somebody wants to know."""
    if not webhooks.get(tx, user, endpoint_id).enabled:
        raise InvalidWebhook(_("This webhook is turned off. Turn it on first."))
    tx.execute(
        "update webhook_endpoints set rests_until = null where tenant_id = %s and id = %s",
        (user.tenant_id, endpoint_id),
    )


def _no_delivery() -> NotFound:
    return NotFound(_("There is no such delivery. They are kept for {days} days.").format(days=KEEP_DAYS))


def _delivery(row: Row) -> Delivery:
    return Delivery(**row | {"state": State(row["state"])})


# ---------------------------------------------------------------------------------------------------------- for senders


@dataclass(frozen=True, slots=True)
class Turn:
    """An endpoint that a sender has to itself for a while, since something is due to it."""

    tenant_id: int
    id: int
    made_by: int
    address: str


def claim(tx: Transaction, *, sender: str, lease_seconds: int, most_of_tenant: int) -> Turn | None:
    """An endpoint to which something is due, for `lease_seconds`: of those the one that was served the longest ago. Of
    a tenant not more than `most_of_tenant` at once. Across tenants.

    One under this sender's own lease too: it lost track of it with the database.
    """
    row = tx.row(
        """with chosen as (
               select e.tenant_id, e.id from webhook_endpoints e
               where e.enabled and (e.rests_until is null or e.rests_until <= now())
                 and (e.lease_until is null or e.lease_until < now() or e.worker = %(sender)s)
                 and exists (select from webhook_deliveries d
                             where d.tenant_id = e.tenant_id and d.endpoint_id = e.id and d.state = 'waiting'
                               and d.not_before <= now())
                 and e.tenant_id not in (select o.tenant_id from webhook_endpoints o
                                         where o.lease_until >= now() and o.worker <> %(sender)s
                                         group by o.tenant_id having count(*) >= %(most)s)
               order by (e.worker = %(sender)s) is true desc, e.served_at nulls first, e.id
               limit 1 for no key update of e skip locked)
           update webhook_endpoints e set worker = %(sender)s, served_at = clock_timestamp(),
                                          lease_until = now() + make_interval(secs => %(lease)s)
           from chosen where e.tenant_id = chosen.tenant_id and e.id = chosen.id
           returning e.tenant_id, e.id, e.made_by, e.address""",
        {"sender": sender, "lease": lease_seconds, "most": most_of_tenant},
    )
    return None if row is None else Turn(**row)


def due(tx: Transaction, turn: Turn, most: int) -> list[Delivery]:
    """What is due to it, the longest due first."""
    rows = tx.rows(
        f"""select {_COLUMNS} from webhook_deliveries
            where tenant_id = %s and endpoint_id = %s and state = 'waiting' and not_before <= now()
            order by not_before, id limit %s""",
        (turn.tenant_id, turn.id, most),
    )
    return [_delivery(row) for row in rows]


def signing_keys(tx: Transaction, turn: Turn) -> Sequence[SigningKeys]:
    """By which an endpoint's messages are signed now, the newest first."""
    rows = tx.rows(
        """select secret, private_key from webhook_secrets where tenant_id = %s and endpoint_id = %s
           and (ends_at is null or ends_at > now()) order by id desc""",
        (turn.tenant_id, turn.id),
    )
    return [SigningKeys(bytes(row["secret"]), bytes(row["private_key"])) for row in rows]


def is_ours(tx: Transaction, turn: Turn, sender: str, address: str) -> bool:
    """Whether the sender has it still, and it is to be told, there."""
    found: bool = tx.value(
        """select exists (select from webhook_endpoints where tenant_id = %s and id = %s and worker = %s
                          and lease_until > now() and enabled and address = %s)""",
        (turn.tenant_id, turn.id, sender, address),
    )
    return found


def delivered(tx: Transaction, turn: Turn, delivery: Delivery, status: int, answer: str) -> None:
    """The endpoint has it, and hears again."""
    _tried(tx, turn, delivery, State.DELIVERED, status, "", answer)
    tx.execute(
        """update webhook_endpoints set failures = 0, failing_since = null, rests_until = null
           where tenant_id = %s and id = %s and failures > 0""",
        (turn.tenant_id, turn.id),
    )


@dataclass(frozen=True, slots=True)
class Failed:
    """A try that has failed: why, and what was answered. again_in: seconds; None: it is not tried again, and `state`
    says why."""

    said: str
    status: int | None = None
    answer: str = ""
    again_in: float | None = None
    state: State = State.GIVEN_UP


@dataclass(frozen=True, slots=True)
class Failing:
    """How an endpoint does: failures in a row, and since when."""

    failures: int
    seconds: float


def failed(tx: Transaction, turn: Turn, delivery: Delivery, why: Failed) -> Failing | None:
    """Notes it, and the endpoint rests for longer each time. None: the endpoint is gone."""
    if why.again_in is None:
        _tried(tx, turn, delivery, why.state, why.status, why.said, why.answer)
    else:
        _tried(tx, turn, delivery, State.WAITING, why.status, why.said, why.answer, again_in=why.again_in)
    row = tx.row(
        """update webhook_endpoints
           set failures = failures + 1, failing_since = coalesce(failing_since, now()),
               rests_until = now() + make_interval(secs => least(%s * 2 ^ least(failures, 20), %s))
           where tenant_id = %s and id = %s
           returning failures, extract(epoch from now() - failing_since)::float as seconds""",
        (SHORTEST_REST_SECONDS, LONGEST_REST_SECONDS, turn.tenant_id, turn.id),
    )
    return None if row is None else Failing(**row)


def _tried(
    tx: Transaction, turn: Turn, delivery: Delivery, state: State, status: int | None, said: str, answer: str, *,
    again_in: float = 0,
) -> None:  # fmt: skip
    tx.execute(
        """update webhook_deliveries
           set state = %(state)s, status = %(status)s, said = %(said)s, answer = %(answer)s, tries = tries + 1,
               tried_at = now(), ended_at = case when %(state)s <> 'waiting' then now() end,
               not_before = now() + make_interval(secs => %(again)s)
           where tenant_id = %(tenant)s and id = %(id)s and state = 'waiting'""",
        {"state": state.value, "status": status, "said": said, "answer": answer, "again": again_in,
         "tenant": turn.tenant_id, "id": delivery.id},
    )  # fmt: skip


def turn_off(tx: Transaction, turn: Turn, because: str) -> bool:
    """Nothing is told there any more until somebody turns it on. because: gone or failing. False where it is off."""
    return bool(
        tx.execute(
            """update webhook_endpoints set enabled = false, off_because = %s
               where tenant_id = %s and id = %s and enabled""",
            (because, turn.tenant_id, turn.id),
        )
    )


def let_go(tx: Transaction, turn: Turn, sender: str) -> None:
    """Others may have it."""
    tx.execute(
        """update webhook_endpoints set worker = null, lease_until = null
           where tenant_id = %s and id = %s and worker = %s""",
        (turn.tenant_id, turn.id, sender),
    )


def busy_senders(tx: Transaction) -> list[str]:
    """Those that have an endpoint in hand, dead or alive. Across tenants."""
    return [row["worker"] for row in tx.rows("select distinct worker from webhook_endpoints where worker is not null")]


def release(tx: Transaction, sender: str) -> None:
    """Frees what a sender had in hand that is dead. Across tenants."""
    tx.execute("update webhook_endpoints set worker = null, lease_until = null where worker = %s", (sender,))


def sweep(tx: Transaction, give_up_seconds: float) -> bool:
    """Gives up what waits for an endpoint that is off, or fails, for too long; and forgets what ended long ago. Across
    tenants. True: there may be more to forget."""
    tx.execute(
        """update webhook_deliveries set state = 'given-up', ended_at = now()
           where state = 'waiting' and waits_since < now() - make_interval(secs => %s)""",
        (give_up_seconds,),
    )
    forgotten = tx.execute(
        """delete from webhook_deliveries where (tenant_id, id) in (
               select tenant_id, id from webhook_deliveries
               where ended_at < now() - make_interval(days => %s) limit %s)""",
        (KEEP_DAYS, _PURGED_AT_ONCE),
    )
    return forgotten == _PURGED_AT_ONCE
