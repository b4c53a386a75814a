"""Lists of any length, made by SQL in minutes at most: for tests and benchmarks of lists."""

from dataclasses import dataclass

from faxplan import mailboxes, users
from faxplan.users import User
from tests.many import as_superuser
from tests.world import World

OTHERS = 20
"""Tenants beside, with half of all faxes."""
PREFIXES = ("+49302312", "+49896543", "+49221477", "+4317777", "+12075550")
"""Of the numbers of the other ones: the first has half of them, and each next one half of what is left."""

# A hash of the number of the row, so that what goes by one thing says nothing of another.
_MADE = """
    set session_replication_role = replica;
    create function pg_temp.dice(n bigint, salt bigint) returns bigint language sql immutable
        return abs(hashint8extended(n, salt) %% 1000000);
    insert into faxes (tenant_id, direction, state, user_id, mailbox_id, called_number, calling_number, pages,
                       pages_done, explanation, created_at, finished_at)
        select m.tenant_id, m.direction, m.state, m.user_id, m.mailbox_id,
               case when m.direction = 'inbound' then '+493023125001' else m.number end,
               case when m.direction = 'inbound' then m.number end, 2, case when m.state = 'failed' then 0 else 2 end,
               'It was made.', m.at, m.at
        from (select n, o.tenant_id, o.user_id, o.mailbox_id,
                     case when o.user_id is null then 'inbound' else 'outbound' end as direction,
                     case when pg_temp.dice(n, 1) < 200000 then 'failed' when o.user_id is null then 'received'
                          else 'sent' end as state,
                     p.prefix || lpad((pg_temp.dice(n, 3) %% 10000)::text, 4, '0') as number,
                     now() - n * interval '2 years' / %(size)s - interval '1 hour' as at
              from generate_series(1, %(size)s) n
              join pg_temp.owners o on pg_temp.dice(n, 4) >= o.from_dice and pg_temp.dice(n, 4) < o.to_dice
              join unnest(%(prefixes)s) with ordinality p(prefix, place)
                on p.place = least(cardinality(%(prefixes)s),
                                   1 + floor(-log(2, ((pg_temp.dice(n, 2) + 1) / 1000001.0)::numeric)))
        ) m order by m.n desc;
    insert into attempts (tenant_id, fax_id, number, node, trunk, channel_uuid, pages, outcome, rule, t38_status,
                          started_at, answered_at, ended_at)
        select tenant_id, id, 1, 'node1', 'trunk' || pg_temp.dice(id, 7) %% 3, '', pages_done,
               case state when 'sent' then 'sent' when 'received' then 'received' else 'failed' end,
               case when state = 'failed' then 'busy' end,
               case when pg_temp.dice(id, 8) < 600000 then 'negotiated' else 'off' end,
               created_at, created_at + interval '9 s', created_at + interval '70 s'
        from faxes;
    insert into mailbox_entries (tenant_id, mailbox_id, fax_id, added_at, read_at)
        select tenant_id, mailbox_id, id, created_at, case when pg_temp.dice(id, 5) < 700000 then created_at end
        from faxes where direction = 'inbound';
    insert into listings (tenant_id, list, owner_id, at, fax_id, number, standing, unread)
        select f.tenant_id, case when f.direction = 'inbound' then 'inbox' else 'sent' end,
               coalesce(f.mailbox_id, f.user_id), f.created_at, f.id,
               case when f.direction = 'inbound' then f.calling_number else f.called_number end,
               standing_of(f.state), e.fax_id is not null and e.read_at is null
        from faxes f left join mailbox_entries e on e.tenant_id = f.tenant_id and e.fax_id = f.id
        order by f.tenant_id, 2, 3, f.created_at;
    insert into labels (tenant_id, name, key) select %(tenant)s, name, name from unnest(array['invoice', 'rare']) name;
    insert into fax_labels (tenant_id, fax_id, label_id, list, owner_id, at)
        select l.tenant_id, l.fax_id, b.id, l.list, l.owner_id, l.at
        from listings l join labels b on b.tenant_id = l.tenant_id
            and pg_temp.dice(l.fax_id, 6) < case b.name when 'invoice' then 100000 else 5000 end;
    set session_replication_role = origin;
"""
_OWNERS = """
    create temporary table owners as
        select t.id as tenant_id, null::bigint as user_id, m.id as mailbox_id,
               500000 + (row_number() over (order by t.id) - 1) * (500000 / %(others)s) as from_dice,
               500000 + row_number() over (order by t.id) * (500000 / %(others)s) as to_dice
        from tenants t join mailboxes m on m.tenant_id = t.id where t.slug like 'other%%'
        union all values (%(tenant)s, null, %(own)s, 0, 1000), (%(tenant)s, null, %(group)s, 1000, 101000),
            (%(tenant)s, %(user)s, null, 101000, 151000), (%(tenant)s, %(colleague)s, null, 151000, 300000),
            (%(tenant)s, null, %(colleagues)s, 300000, 500000);
"""
_TENANTS = """
    insert into tenants (slug, name, country, time_zone)
        select 'other' || n, 'Other ' || n, 'DE', 'Europe/Berlin' from generate_series(1, %(others)s) n;
    insert into mailboxes (tenant_id, name) select id, 'Post' from tenants where slug like 'other%%';
"""


@dataclass(frozen=True, slots=True)
class Filled:
    """group: the mailbox with a tenth of all faxes, which acme's user reads beside a small one of their own. A
    twentieth was sent by that user. colleague: another user of acme, with more of their own."""

    group: int
    colleague: User


def fill(world: World, size: int) -> Filled:
    """So many faxes; acme has half of them."""
    tenant = world.acme.tenant.id
    with world.admin.tenant(tenant) as tx:
        colleague = users.create(tx, tenant, email="colleague@acme.example", name="A Colleague")
        group = mailboxes.create_group(tx, tenant, "Post")
        mailboxes.add_member(tx, tenant, group, world.acme.user.id)
    given = {
        "size": size,
        "tenant": tenant,
        "user": world.acme.user.id,
        "own": world.acme.user.mailbox_id,
        "group": group,
        "colleague": colleague.id,
        "colleagues": colleague.mailbox_id,
        "others": OTHERS,
        "prefixes": list(PREFIXES),
    }
    as_superuser(world, _TENANTS + _OWNERS + _MADE, given)
    as_superuser(world, "vacuum analyze")
    return Filled(group, colleague)
