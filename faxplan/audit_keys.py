"""Whether every public key is one that the audit knows of: what no row has was put there past Faxplan.

It would be somebody's who reads along from then on. Whoever puts a key in a user's place by the means of Faxplan leaves
a row: that shows by itself (docs/security.md).
"""

from faxplan.audit_chain import Fault
from faxplan.db import Transaction

KEY = "key-unknown"
_SECONDS = 600.0


def unknown(tx: Transaction, tenant_id: int) -> list[Fault]:
    """A tenant's keys, of readers and of mailboxes, that no act made which the audit has; sequence 0.

    In that tenant's transaction (role admin). Reads all of its audit.
    """
    tx.give_time(_SECONDS)
    return [
        Fault(tenant_id, 0, KEY, f"the key {row['whose']} is in no row of the audit: it was put there past Faxplan")
        for row in tx.rows(_UNKNOWN, {"tenant": tenant_id})
    ]


# One statement: key and row come in one transaction, and a snapshot has both or none.
_UNKNOWN = """
    with written as materialized (
        select object, details from audit
        where tenant_id = %(tenant)s and result = 'done' and (details ? 'public_key' or details ? 'epochs_begun')),
    readers as (
        select object, details ->> 'public_key' as public_key from written where details ? 'public_key'),
    epochs as (
        select (each ->> 0)::bigint as mailbox_id, (each ->> 1)::integer as epoch, each ->> 2 as public_key
        from written cross join lateral jsonb_array_elements(details -> 'epochs_begun') each)
    select format('of %%s', coalesce(u.email, 'API reader ' || k.name, 'recovery')) as whose, k.id as place, 0 as epoch
    from user_keys k left join users u on u.tenant_id = k.tenant_id and u.id = k.user_id
    where k.tenant_id = %(tenant)s and not exists (
        select from readers r where r.public_key = encode(k.public_key, 'hex')
        and r.object = case when k.kind = 'user' then 'user:' || k.user_id else 'key:' || k.id end)
    union all
    select format('%%s of mailbox %%s', e.epoch, m.name), e.mailbox_id, e.epoch
    from mailbox_epochs e join mailboxes m on m.tenant_id = e.tenant_id and m.id = e.mailbox_id
    where e.tenant_id = %(tenant)s and not exists (
        select from epochs b where b.mailbox_id = e.mailbox_id and b.epoch = e.epoch
        and b.public_key = encode(e.public_key, 'hex'))
    order by 3, 2"""
