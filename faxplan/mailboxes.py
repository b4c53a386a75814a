"""Mailboxes: what lies in them, and who reads it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from faxplan import audit, permissions
from faxplan.db import Database, Row, Transaction
from faxplan.errors import FaxplanError, NotFound
from faxplan.language import _
from faxplan.users import User

_TURN = 0x6D61726B
"""Any number ("mark" in ASCII)."""


class MayNotReceive(FaxplanError):
    """The user whose mailbox it is may read nothing that comes in."""

    error_id = "may-not-receive"


class InvalidMailbox(FaxplanError):
    """A mailbox cannot be called that."""

    error_id = "invalid-mailbox"


@dataclass(frozen=True, slots=True)
class Entry:
    """A received fax in a mailbox. pages: whole pages; calling_number None: withheld."""

    fax_id: int
    mailbox: str
    state: str
    called_number: str
    calling_number: str | None
    pages: int
    added_at: datetime
    read_at: datetime | None


def create_group(tx: Transaction, tenant_id: int, name: str) -> int:
    """A new group mailbox; its id. Raises InvalidMailbox for no name, and ConstraintViolated."""
    if not name.strip():
        raise InvalidMailbox(_("A mailbox needs a name."))
    return int(tx.value("insert into mailboxes (tenant_id, name) values (%s, %s) returning id", (tenant_id, name)))


def of_tenant(tx: Transaction, tenant_id: int) -> list[Row]:
    """A tenant's mailboxes: id, name, kind, mail_mode, members (addresses), dids (E.164); by name."""
    return tx.rows(
        """select m.id, m.name, m.kind, m.mail_mode,
                  array(select u.email from mailbox_members mm
                        join users u on u.tenant_id = mm.tenant_id and u.id = mm.user_id
                        where mm.tenant_id = m.tenant_id and mm.mailbox_id = m.id order by u.email) as members,
                  array(select d.number from dids d
                        where d.tenant_id = m.tenant_id and d.mailbox_id = m.id order by d.number) as dids
           from mailboxes m where m.tenant_id = %s order by m.name""",
        (tenant_id,),
    )


_DIRECTORY = """
    select m.id, m.name, m.kind, m.mail_mode,
           array(select u.email from mailbox_members mm
                 join users u on u.tenant_id = mm.tenant_id and u.id = mm.user_id
                 where mm.tenant_id = m.tenant_id and mm.mailbox_id = m.id order by u.email limit 4) as readers,
           (select count(*) from mailbox_members mm
            where mm.tenant_id = m.tenant_id and mm.mailbox_id = m.id) as members,
           (select count(*) from mailbox_members mm
            join user_keys k on k.tenant_id = mm.tenant_id and k.user_id = mm.user_id and k.replaced_at is null
            join mailbox_keys h on h.tenant_id = k.tenant_id and h.mailbox_id = mm.mailbox_id
                 and h.user_key_id = k.id and h.epoch = e.epoch
            where mm.tenant_id = m.tenant_id and mm.mailbox_id = m.id) as holders,
           e.epoch is not null as has_key,
           array(select d.number from dids d
                 where d.tenant_id = m.tenant_id and d.mailbox_id = m.id order by d.number) as dids
    from mailboxes m
    left join lateral (select epoch from mailbox_epochs e where e.tenant_id = m.tenant_id and e.mailbox_id = m.id
                       order by e.epoch desc limit 1) e on true
    where m.tenant_id = %(tenant)s"""


def directory(tx: Transaction, tenant_id: int, *, words: str = "", after: str = "", limit: int) -> list[Row]:
    """A tenant's mailboxes by name, those behind `after` (role portal): id, name, kind, mail, readers (the first
    addresses), members (how many), holders (of them, with the newest key), has_key, dids.

    words: the name, or a member's address, has them in it.
    """
    return tx.rows(
        f"""{_DIRECTORY} and m.name > %(after)s and (strpos(lower(m.name), lower(%(words)s)) > 0 or exists (
                select from mailbox_members mm join users u on u.tenant_id = mm.tenant_id and u.id = mm.user_id
                where mm.tenant_id = m.tenant_id and mm.mailbox_id = m.id
                and strpos(u.email, lower(%(words)s)) > 0))
            order by m.name limit %(limit)s""",
        {"tenant": tenant_id, "after": after, "words": words, "limit": limit},
    )


def entry(tx: Transaction, tenant_id: int, mailbox_id: int) -> Row:
    """One of the directory. Raises NotFound."""
    row = tx.row(f"{_DIRECTORY} and m.id = %(mailbox)s", {"tenant": tenant_id, "mailbox": mailbox_id})
    if row is None:
        raise NotFound(_("There is no such mailbox."))
    return row


def check_there(tx: Transaction, tenant_id: int, mailbox_id: int) -> None:
    """Raises NotFound where the tenant has no such mailbox."""
    if tx.row("select 1 from mailboxes where tenant_id = %s and id = %s", (tenant_id, mailbox_id)) is None:
        raise NotFound(_("There is no such mailbox."))


def members(tx: Transaction, tenant_id: int, mailbox_id: int) -> list[Row]:
    """Who reads a mailbox, by address: id, email, name, enabled, enrolled, holds_key (its newest)."""
    return tx.rows(
        """select u.id, u.email, u.name, u.enabled, k.id is not null as enrolled, exists (
               select from mailbox_keys h where h.tenant_id = mm.tenant_id and h.mailbox_id = mm.mailbox_id
               and h.user_key_id = k.id and h.epoch = (
                   select max(e.epoch) from mailbox_epochs e
                   where e.tenant_id = mm.tenant_id and e.mailbox_id = mm.mailbox_id)) as holds_key
           from mailbox_members mm join users u on u.tenant_id = mm.tenant_id and u.id = mm.user_id
           left join user_keys k on k.tenant_id = u.tenant_id and k.user_id = u.id and k.replaced_at is null
           where mm.tenant_id = %s and mm.mailbox_id = %s order by u.email""",
        (tenant_id, mailbox_id),
    )


def by_name(tx: Transaction, tenant_id: int, name: str) -> int:
    """A mailbox's id. Raises NotFound."""
    found = tx.value("select id from mailboxes where tenant_id = %s and name = %s", (tenant_id, name))
    if found is None:
        raise NotFound(
            _("The tenant has no mailbox {name}. `faxplan mailbox list` shows all.").format(name=repr(name[:200]))
        )
    return int(found)


def name_of(tx: Transaction, tenant_id: int, mailbox_id: int) -> str:
    """What a mailbox of the tenant's is called."""
    return str(tx.value("select name from mailboxes where tenant_id = %s and id = %s", (tenant_id, mailbox_id)))


def is_member(tx: Transaction, tenant_id: int, mailbox_id: int, user_id: int) -> bool:
    """Whether a user reads a mailbox."""
    found: bool = tx.value(
        """select exists (select from mailbox_members
                          where tenant_id = %s and mailbox_id = %s and user_id = %s)""",
        (tenant_id, mailbox_id, user_id),
    )
    return found


def reads(tx: Transaction, tenant_id: int, mailbox_id: int, user_id: int) -> bool:
    """Whether a user sees what lies in a mailbox: is a member, and may read what comes in."""
    may = permissions.has(tx, tenant_id, user_id, permissions.RECEIVE)
    return may and is_member(tx, tenant_id, mailbox_id, user_id)


def may_receive(tx: Transaction, tenant_id: int, mailbox_id: int) -> bool:
    """Whether faxes may come into a mailbox: into a person's where that one may read what comes in, into a group's
    always. As SQL: of_no_reader."""
    found: bool = tx.value(f"select not {of_no_reader('%s', '%s')}", (tenant_id, mailbox_id))
    return found


def check_may_receive(tx: Transaction, tenant_id: int, mailbox_id: int) -> None:
    """Raises MayNotReceive."""
    if not may_receive(tx, tenant_id, mailbox_id):
        raise MayNotReceive(
            _("Whose mailbox {name} is may read no faxes that come in. Choose another mailbox, or permit it.").format(
                name=name_of(tx, tenant_id, mailbox_id)
            )
        )


def of_no_reader(tenant: str, mailbox: str) -> str:
    """SQL: whether a mailbox is the own one of a user who may read nothing that comes in (permissions.RECEIVE)."""
    return f"""exists (select from users u where u.tenant_id = {tenant} and u.mailbox_id = {mailbox}
                       and not 'receive' = any(u.permissions))"""


def targets(tx: Transaction, tenant_id: int, *, words: str = "", groups_only: bool, limit: int) -> list[Row]:
    """To which of a tenant's mailboxes a fax can be handed, groups' first (role portal): id, name, kind, person (whose
    it is, by name; empty where that is not known), readers (the first addresses), members (how many), holders (of
    them, with the newest key).

    words: the name, the person's, or a member's address, has them in it.
    """
    return tx.rows(
        f"""select d.id, d.name, d.kind, coalesce(u.name, '') as person, d.readers, d.members, d.holders
            from ({_DIRECTORY}) d
            left join users u on u.tenant_id = %(tenant)s and u.mailbox_id = d.id
            where (d.kind = 'group' or not %(groups)s and u.enabled and 'receive' = any(u.permissions))
              and (strpos(lower(d.name), lower(%(words)s)) > 0 or strpos(lower(u.name), lower(%(words)s)) > 0
                   or d.kind = 'group' and exists (select from unnest(d.readers) r
                                                   where strpos(r, lower(%(words)s)) > 0))
            order by d.kind = 'personal', d.name limit %(limit)s""",
        {"tenant": tenant_id, "words": words, "groups": groups_only, "limit": limit},
    )


def was_sealed_to(tx: Transaction, tenant_id: int, mailbox_id: int) -> bool:
    """Whether anything was ever sealed to a mailbox: its keys open that in backups, also once it is purged."""
    found: bool = tx.value(
        "select exists (select from sealed_mailboxes where tenant_id = %s and mailbox_id = %s)", (tenant_id, mailbox_id)
    )
    return found


def add_member(tx: Transaction, tenant_id: int, mailbox_id: int, user_id: int) -> bool:
    """Lets a user read a mailbox (role admin); False where they do already."""
    return bool(
        tx.execute(
            """insert into mailbox_members (tenant_id, mailbox_id, user_id) values (%s, %s, %s)
               on conflict on constraint mailbox_members_pkey do nothing""",
            (tenant_id, mailbox_id, user_id),
        )
    )


def remove_member(tx: Transaction, tenant_id: int, mailbox_id: int, user_id: int) -> bool:
    """A user reads a mailbox no more (role admin); False where they did not."""
    return bool(
        tx.execute(
            "delete from mailbox_members where tenant_id = %s and mailbox_id = %s and user_id = %s",
            (tenant_id, mailbox_id, user_id),
        )
    )


def deliver(tx: Transaction, tenant_id: int, mailbox_id: int, fax_id: int) -> None:
    """Puts a received fax into a mailbox."""
    tx.execute(
        "insert into mailbox_entries (tenant_id, mailbox_id, fax_id) values (%s, %s, %s)",
        (tenant_id, mailbox_id, fax_id),
    )


def entries(tx: Transaction, tenant_id: int, user_id: int, limit: int = 50) -> list[Entry]:
    """What lies in the mailboxes that a user reads, newest first."""
    rows = tx.rows(
        f"""select e.fax_id, m.name as mailbox, f.state, f.called_number, f.calling_number, f.pages_done as pages,
                  e.added_at, e.read_at
           from mailbox_members mm
           join mailboxes m on m.tenant_id = mm.tenant_id and m.id = mm.mailbox_id
           join mailbox_entries e on e.tenant_id = m.tenant_id and e.mailbox_id = m.id
           join faxes f on f.tenant_id = e.tenant_id and f.id = e.fax_id and f.deleted_at is null
           where mm.tenant_id = %(tenant)s and mm.user_id = %(user)s and {permissions.MAY_RECEIVE}
           order by e.added_at desc, e.fax_id desc limit %(limit)s""",
        {"tenant": tenant_id, "user": user_id, "limit": limit},
    )
    return [Entry(**row) for row in rows]


def mark(db: Database, user: User, who: audit.Who, fax_ids: Sequence[int], *, read: bool) -> list[int]:
    """Those of these received faxes are read, or unread, for all who read their mailboxes (role portal); the ids of
    those of which it was otherwise before."""
    with db.tenant(user.tenant_id) as tx:
        # Two who mark the same faxes would lock them in no set order.
        tx.take_turn(_TURN, user.tenant_id)
        rows = tx.rows(
            f"""with theirs as (
                 select e.mailbox_id, e.fax_id from mailbox_entries e
                 join mailbox_members m on m.tenant_id = e.tenant_id and m.mailbox_id = e.mailbox_id
                   and m.user_id = %(user)s
                 where e.tenant_id = %(tenant)s and e.fax_id = any(%(faxes)s) and (e.read_at is null) = %(read)s
                   and {permissions.MAY_RECEIVE}
                 order by e.fax_id)
               update mailbox_entries e set read_at = case when %(read)s then now() end from theirs t
               where e.tenant_id = %(tenant)s and e.mailbox_id = t.mailbox_id and e.fax_id = t.fax_id
               returning e.fax_id""",
            {"tenant": user.tenant_id, "user": user.id, "faxes": list(fax_ids), "read": read},
        )
        changed = sorted(row["fax_id"] for row in rows)
        if changed:
            audit.record(
                tx, user.tenant_id, actor=who, action="fax.mark", object=f"user:{user.id}", faxes=changed, read=read
            )
    return changed


def mark_read(tx: Transaction, tenant_id: int, user_id: int, fax_id: int) -> bool:
    """Somebody who reads its mailbox looks at a received fax; False where somebody has before, and where they still
    wait for the mailbox's key: others would not see any more that it is new."""
    return bool(
        tx.execute(
            """update mailbox_entries e set read_at = now() from mailbox_members m
               where e.tenant_id = %s and e.fax_id = %s and e.read_at is null
                 and m.tenant_id = e.tenant_id and m.mailbox_id = e.mailbox_id and m.user_id = %s
                 and exists (select from mailbox_keys h
                             join user_keys k on k.tenant_id = h.tenant_id and k.id = h.user_key_id
                             where h.tenant_id = m.tenant_id and h.mailbox_id = m.mailbox_id
                               and k.user_id = m.user_id)""",
            (tenant_id, fax_id, user_id),
        )
    )
