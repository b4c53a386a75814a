"""The audit log: append-only, one hash chain a tenant.

The database numbers and hashes the rows (audit_link in schema.sql).
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from faxplan.db import Transaction

INSTALLATION = 0
"""The chain of acts on the installation itself."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, of whom more is known than the name. name, authenticated, address: as `record` takes them."""

    name: str
    authenticated: str
    address: str


Who = str | Actor
"""An actor, by name alone or with what is known of them."""


def name_of(actor: Who) -> str:
    """As the audit calls them."""
    return actor.name if isinstance(actor, Actor) else actor


_acting: ContextVar[Actor | None] = ContextVar("_acting", default=None)


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """In here, in this thread, it is this one who acts: of what is recorded of them by name alone the row has also how
    they were authenticated, and whence. So an act of a program names its key, whatever it does."""
    token = _acting.set(actor)
    try:
        yield
    finally:
        _acting.reset(token)


_AUTHENTICATED = {"administrator": "machine-account"}
"""How who acts was authenticated, by the first word of `actor`, where the caller knows no better."""


def record(
    tx: Transaction,
    tenant_id: int,
    *,
    actor: Who,
    action: str,
    object: str,
    result: str = "done",
    authenticated: str | None = None,
    address: str = "",
    **details: Any,
) -> None:
    """One row, in the transaction of what it records. Call it last: it locks the chain's head until commit.

    actor: a name such as `user:17`, `switch:node1`, `node:node1`, `worker`, `system`. action: noun.verb. object:
    `fax:12`. result: done, refused, failed. authenticated: how the actor was, such as
    `password+totp`; None: as actors of its kind always are, which is `machine-account` for administrators at a shell
    and nothing for others. address: the network address that he came from; empty where there is none. Of both: what
    `acting` says of this actor.
    """
    here = _acting.get()
    if here is not None and authenticated is None and actor == here.name:
        actor = here
    if isinstance(actor, Actor):
        authenticated, address = actor.authenticated, actor.address
    actor = name_of(actor)
    if authenticated is None:
        authenticated = _AUTHENTICATED.get(actor.partition(":")[0], "")
    tx.later(
        """insert into audit (tenant_id, sequence, at, actor, action, object, result, details, previous_hash, hash,
                              authenticated, address)
           values (%s, 0, now(), %s, %s, %s, %s, %s, '', '', %s, %s)""",
        (tenant_id, actor, action, object, result, json.dumps(details), authenticated, address),
    )
