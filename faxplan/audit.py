"""The audit log: append-only, one hash chain a tenant.

The database numbers and hashes the rows (audit_link in schema.sql).
"""

import json
from typing import Any

from faxplan.db import Transaction

INSTALLATION = 0
"""The chain of acts on the installation itself."""


_AUTHENTICATED = {"administrator": "machine-account"}
"""How who acts was authenticated, by the first word of `actor`, where the caller knows no better."""


def record(
    tx: Transaction,
    tenant_id: int,
    *,
    actor: str,
    action: str,
    object: str,
    result: str = "done",
    authenticated: str | None = None,
    address: str = "",
    **details: Any,
) -> None:
    """One row, in the transaction of what it records. Call it last: it locks the chain's head until commit.

    actor: `user:17`, `switch:node1`, `node:node1`, `worker`, `system`. action: noun.verb. object: `fax:12`. result:
    done, refused, failed. authenticated: how the actor was, such as `password+totp`; None: as actors of its kind always
    are, which is `machine-account` for administrators at a shell and nothing for others. address: the network address
    that he came from; empty where there is none.
    """
    if authenticated is None:
        authenticated = _AUTHENTICATED.get(actor.partition(":")[0], "")
    tx.later(
        """insert into audit (tenant_id, sequence, at, actor, action, object, result, details, previous_hash, hash,
                              authenticated, address)
           values (%s, 0, now(), %s, %s, %s, %s, %s, '', '', %s, %s)""",
        (tenant_id, actor, action, object, result, json.dumps(details), authenticated, address),
    )
