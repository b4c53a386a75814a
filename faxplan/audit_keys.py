"""Whether the public keys are those of which the audit says so: what it does not know was done past Faxplan.

It would be somebody's who reads along from then on. Whoever puts a key in a user's place by the means of Faxplan leaves
a row: that shows by itself (docs/security.md).
"""

from faxplan import audit, transient_readers
from faxplan.audit_chain import Fault
from faxplan.db import Transaction

KEY = "key-unknown"
_SECONDS = 600.0

# What is in a row is for nobody to rely on: whoever may write one must not end the verification with it.
_WRITTEN = """
    with written as materialized (
        select sequence, action, object, details from audit
        where tenant_id = %(tenant)s and result = 'done' and (details ? 'public_key' or details ? 'epochs_begun'
              or action in ('key.reader-revoke', 'key.recovery-off'))),
    readers as materialized (
        select sequence, object, details ->> 'public_key' as public_key,
               case action when 'key.enrol' then 'user' when 'key.replace' then 'user'
                           when 'key.recovery-make' then 'recovery' when 'key.reader-add' then 'reader' end as kind
        from written where details ? 'public_key'),
    begun as materialized (
        select each from (
            select case jsonb_typeof(details -> 'epochs_begun')
                   when 'array' then details -> 'epochs_begun' else '[]' end as listed from written) w
        cross join lateral jsonb_array_elements(listed) each),
    keys as (
        select k.id, k.kind, k.replaced_at, encode(k.public_key, 'hex') as public_key,
               case when k.kind = 'user' then 'user:' || k.user_id else 'key:' || k.id end as object,
               coalesce(u.email, 'API reader ' || k.name, 'recovery') as whose
        from user_keys k left join users u on u.tenant_id = k.tenant_id and u.id = k.user_id
        where k.tenant_id = %(tenant)s)"""

_UNKNOWN_READERS = f"""{_WRITTEN}
    select whose from keys k where not exists (
        select from readers r where r.public_key = k.public_key and r.object = k.object and r.kind = k.kind)
    order by id"""

_IN_USE_AGAIN = f"""{_WRITTEN},
    last as (select object, max(sequence) as sequence from readers where kind = 'user' group by object)
    select whose from keys k where replaced_at is null and case when kind = 'user'
        then exists (
            select from readers r join last l on l.object = r.object
            where r.object = k.object and r.public_key = k.public_key and r.sequence < l.sequence)
        else exists (
            select from written w
            where w.object = k.object and w.action in ('key.reader-revoke', 'key.recovery-off')) end
    order by id"""

_UNKNOWN_EPOCHS = f"""{_WRITTEN}
    select format('%%s of mailbox %%s', e.epoch, m.name) as whose
    from mailbox_epochs e join mailboxes m on m.tenant_id = e.tenant_id and m.id = e.mailbox_id
    where e.tenant_id = %(tenant)s and not exists (
        select from begun b where b.each = jsonb_build_array(e.mailbox_id, e.epoch, encode(e.public_key, 'hex')))
    order by e.mailbox_id, e.epoch"""

_TAKEN_AWAY = f"""{_WRITTEN}
    select format('%%s of mailbox %%s', b.each ->> 1, m.name) as whose
    from begun b join mailboxes m on m.tenant_id = %(tenant)s and m.id::text = b.each ->> 0
    where b.each ->> 2 is not null and not exists (
        select from mailbox_epochs e
        where e.tenant_id = m.tenant_id and e.mailbox_id = m.id and e.epoch::text = b.each ->> 1)
    order by m.id, b.each"""

# A machine that is gone may have left a key from before there were such rows. Nothing is wrapped to it any more.
_UNKNOWN_MACHINES = """
    with written as materialized (
        select at, object, details ->> 'purpose' as purpose, details ->> 'public_key' as public_key from audit
        where tenant_id = %(tenant)s and result = 'done' and action = 'key.machine')
    select format('%%s key of machine %%s', k.purpose, k.node) as whose from transient_keys k
    where (k.created_at > now() - make_interval(secs => %(lost)s) or k.created_at > (select min(at) from written))
      and not exists (
        select from written w where w.object = 'node:' || k.node and w.purpose = k.purpose
           and w.public_key = encode(k.public_key, 'hex'))
    order by k.id"""

_LOOKS = (
    (_UNKNOWN_READERS, "the key of {} is in no row of the audit: it was put there past Faxplan"),
    (_IN_USE_AGAIN, "the key of {} was ended, and is in use again past Faxplan"),
    (_UNKNOWN_EPOCHS, "the key {} is in no row of the audit: it was put there past Faxplan"),
    (_TAKEN_AWAY, "the key {} is not there any more: it was taken away past Faxplan"),
)


def unknown(tx: Transaction, tenant_id: int) -> list[Fault]:
    """What is wrong with a tenant's keys, of readers and of mailboxes, as its audit has them; sequence 0.

    In that tenant's transaction (role admin). Each look is one statement: a key and its row come together. Reads all of
    its audit.
    """
    tx.give_time(_SECONDS)
    return [
        Fault(tenant_id, 0, KEY, words.format(row["whose"]))
        for look, words in _LOOKS
        for row in tx.rows(look, {"tenant": tenant_id})
    ]


def unknown_machines(tx: Transaction) -> list[Fault]:
    """Likewise of the keys of machines (transient_readers), in the transaction of the installation's chain."""
    tx.give_time(_SECONDS)
    return [
        Fault(
            audit.INSTALLATION,
            0,
            KEY,
            f"the {row['whose']} is in no row of the audit: it was put there past Faxplan",
        )
        for row in tx.rows(_UNKNOWN_MACHINES, {"tenant": audit.INSTALLATION, "lost": transient_readers.LOST_SECONDS})
    ]
