"""Who can open what: public keys of users and mailboxes, and the locked and wrapped private keys that go with them.

The server's side: it keeps and hands out what readers' clients made (keyring), and can open none of it. Membership of a
mailbox is not yet its key: a reader without one gets it from any member's client, as soon as that one unlocks
(`grants_due`). Readers that are no users (recovery_key, reader_keys) have a key in user_keys as well. Each function
works within a tenant; roles: portal for users, admin for membership.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from faxplan.db import Row, Transaction
from faxplan.errors import FaxplanError
from faxplan.keyring import Epoch, NewEpoch
from faxplan.language import _
from faxplan.wraps import PublicKey


class EpochMoved(FaxplanError):
    """Another client has begun an epoch of this mailbox meanwhile."""

    error_id = "epoch-moved"
    retryable = True


class LastReader(FaxplanError):
    """A reader cannot go: no member could open what arrives."""

    error_id = "last-reader"


@dataclass(frozen=True, slots=True)
class MailboxKey:
    """Where a mailbox's faxes are sealed to: its newest epoch."""

    mailbox_id: int
    epoch: int
    public: PublicKey


@dataclass(frozen=True, slots=True)
class Grant:
    """A reader who has no key of a mailbox's newest epoch."""

    mailbox_id: int
    epoch: int
    user_key_id: int
    public: PublicKey


def key_of_mailbox(tx: Transaction, tenant_id: int, mailbox_id: int) -> MailboxKey | None:
    """To what a document for this mailbox is sealed; None: no member is enrolled."""
    row = tx.row(
        """select mailbox_id, epoch, public_key from mailbox_epochs where tenant_id = %s and mailbox_id = %s
           order by epoch desc limit 1""",
        (tenant_id, mailbox_id),
    )
    return None if row is None else MailboxKey(row["mailbox_id"], row["epoch"], _public(row))


def keys_of_mailboxes(tx: Transaction, tenant_id: int, mailbox_ids: Iterable[int | None]) -> list[MailboxKey]:
    """As key_of_mailbox, of those of these mailboxes that have one."""
    wanted = sorted({each for each in mailbox_ids if each is not None})
    rows = tx.rows(
        """select distinct on (mailbox_id) mailbox_id, epoch, public_key from mailbox_epochs
           where tenant_id = %s and mailbox_id = any(%s) order by mailbox_id, epoch desc""",
        (tenant_id, wanted),
    )
    return [MailboxKey(row["mailbox_id"], row["epoch"], _public(row)) for row in rows]


_ADMINISTRATORS = """(
    select e.mailbox_id from users u
    join mailbox_epochs e on e.tenant_id = u.tenant_id and e.mailbox_id = u.mailbox_id and e.epoch = 1
    where u.tenant_id = %(tenant)s and u.role = 'administrator' and u.enabled and 'receive' = any(u.permissions)
    order by e.created_at, e.mailbox_id limit 1)"""
"""Of the personal mailboxes of a tenant's administrators who may read what comes in that one which has had a key for
the longest."""


def mailbox_for(tx: Transaction, tenant_id: int, mailbox_id: int) -> MailboxKey | None:
    """Where a fax for this mailbox is laid: there, or, where it has no key, in an administrator's personal mailbox.

    None: no administrator of the tenant is enrolled either. It is laid into no other user's, who have nothing to do
    with it.
    """
    row = tx.row(
        f"""select mailbox_id, epoch, public_key from mailbox_epochs
            where tenant_id = %(tenant)s and mailbox_id = coalesce(
                (select mailbox_id from mailbox_epochs
                 where tenant_id = %(tenant)s and mailbox_id = %(mailbox)s limit 1), {_ADMINISTRATORS})
            order by epoch desc limit 1""",
        {"tenant": tenant_id, "mailbox": mailbox_id},
    )
    return None if row is None else MailboxKey(row["mailbox_id"], row["epoch"], _public(row))


def administrators_mailbox(tx: Transaction, tenant_id: int) -> int | None:
    """Where faxes are laid whose mailbox has no key (mailbox_for); None: nowhere."""
    found: int | None = tx.value(f"select mailbox_id from {_ADMINISTRATORS} a", {"tenant": tenant_id})
    return found


def first_mailbox_with_key(tx: Transaction, tenant_id: int) -> int | None:
    """Whosever it is: for what is lost where it is sealed to nobody."""
    found: int | None = tx.value(
        """select mailbox_id from mailbox_epochs where tenant_id = %s and epoch = 1
           order by created_at, mailbox_id limit 1""",
        (tenant_id,),
    )
    return found


_READERS = """(
    select m.tenant_id, m.mailbox_id, k.id, k.public_key, k.kind from mailbox_members m
    join user_keys k on k.tenant_id = m.tenant_id and k.user_id = m.user_id and k.replaced_at is null
    union all
    select b.tenant_id, b.id, k.id, k.public_key, k.kind from mailboxes b
    join user_keys k on k.tenant_id = b.tenant_id and k.kind = 'recovery' and k.replaced_at is null
    union all
    select g.tenant_id, g.mailbox_id, k.id, k.public_key, k.kind from reader_mailboxes g
    join user_keys k on k.tenant_id = g.tenant_id and k.id = g.user_key_id and k.replaced_at is null)"""
"""Whoever a mailbox's key is wrapped to: members, API readers, and the tenant's recovery key."""


def readers(tx: Transaction, tenant_id: int, mailbox_id: int) -> dict[int, PublicKey]:
    """The current keys of a mailbox's enrolled members, of its API readers, and the recovery key; by their ids."""
    rows = tx.rows(
        f"select id, public_key from {_READERS} r where tenant_id = %s and mailbox_id = %s", (tenant_id, mailbox_id)
    )
    return {row["id"]: _public(row) for row in rows}


def has_enrolled_member(tx: Transaction, tenant_id: int, mailbox_id: int) -> bool:
    """Whether a person reads a mailbox, or will as soon as another member unlocks."""
    found: bool = tx.value(
        f"select exists (select from {_READERS} r where tenant_id = %s and mailbox_id = %s and kind = 'user')",
        (tenant_id, mailbox_id),
    )
    return found


def has_a_key(tx: Transaction, tenant_id: int, user_id: int, mailbox_id: int) -> bool:
    """Whether a mailbox's key, of some epoch, is wrapped to a user's current one."""
    found: bool = tx.value(
        """select exists (
               select from mailbox_keys h
               join user_keys k on k.tenant_id = h.tenant_id and k.id = h.user_key_id and k.replaced_at is null
               where h.tenant_id = %s and h.mailbox_id = %s and k.user_id = %s)""",
        (tenant_id, mailbox_id, user_id),
    )
    return found


def opens_newest(tx: Transaction, tenant_id: int, user_id: int, mailbox_id: int) -> bool:
    """Whether a user reads a mailbox, and its newest key is wrapped to theirs."""
    found: bool = tx.value(
        """select exists (
               select from mailbox_members m
               join user_keys k on k.tenant_id = m.tenant_id and k.user_id = m.user_id and k.replaced_at is null
               join mailbox_keys h on h.tenant_id = m.tenant_id and h.mailbox_id = m.mailbox_id
                    and h.user_key_id = k.id
               where m.tenant_id = %(tenant)s and m.mailbox_id = %(mailbox)s and m.user_id = %(user)s
                     and h.epoch = (select max(epoch) from mailbox_epochs
                                    where tenant_id = %(tenant)s and mailbox_id = %(mailbox)s))""",
        {"tenant": tenant_id, "mailbox": mailbox_id, "user": user_id},
    )
    return found


def readable_epochs(tx: Transaction, tenant_id: int, mailbox_id: int, *, of_now: bool) -> set[int]:
    """The epochs of a mailbox that some member opens: each, and what it links to.

    of_now: with the key that they have. Else also with one that was theirs, whose password may be found again.
    """
    rows = tx.rows(
        """select e.epoch, e.earlier_key is not null as opens_earlier, exists (
               select from mailbox_keys h
               join user_keys k on k.tenant_id = h.tenant_id and k.id = h.user_key_id
               join mailbox_members m on m.tenant_id = h.tenant_id and m.mailbox_id = h.mailbox_id
                    and m.user_id = k.user_id
               where h.tenant_id = e.tenant_id and h.mailbox_id = e.mailbox_id and h.epoch = e.epoch
                     and (k.replaced_at is null or not %(of_now)s)) as is_held
           from mailbox_epochs e where e.tenant_id = %(tenant)s and e.mailbox_id = %(mailbox)s order by e.epoch desc""",
        {"tenant": tenant_id, "mailbox": mailbox_id, "of_now": of_now},
    )
    found: set[int] = set()
    opened = False
    for row in rows:
        if opened or row["is_held"]:
            found.add(row["epoch"])
        opened = row["epoch"] in found and row["opens_earlier"]
    return found


def begin_epoch(
    tx: Transaction, tenant_id: int, mailbox_id: int, number: int, new: NewEpoch, *, from_outside: bool = False
) -> None:
    """From now on a mailbox's faxes are sealed to this key. from_outside: as in epochs. Raises EpochMoved where that
    epoch has begun before."""
    begun = tx.execute(
        """insert into mailbox_epochs (tenant_id, mailbox_id, epoch, public_key, earlier_key, from_outside)
           select %(tenant)s, %(mailbox)s, %(epoch)s, %(public)s, %(earlier)s, %(outside)s
           where %(epoch)s = 1 + coalesce((select max(epoch) from mailbox_epochs
                                           where tenant_id = %(tenant)s and mailbox_id = %(mailbox)s), 0)
           on conflict on constraint mailbox_epochs_pkey do nothing""",
        {
            "tenant": tenant_id,
            "mailbox": mailbox_id,
            "epoch": number,
            "public": new.public.raw,
            "earlier": new.earlier,
            "outside": from_outside,
        },
    )
    if not begun:
        raise EpochMoved(_("Somebody else has just changed who reads this mailbox. Try again."))
    for user_key_id, wrap in new.wraps.items():
        grant(tx, tenant_id, mailbox_id, number, user_key_id, wrap)


def grant(tx: Transaction, tenant_id: int, mailbox_id: int, epoch: int, user_key_id: int, wrap: bytes) -> bool:
    """Keeps a mailbox's private key, wrapped to a member; False where that member has it."""
    return bool(
        tx.execute(
            """insert into mailbox_keys (tenant_id, mailbox_id, epoch, user_key_id, wrap) values (%s, %s, %s, %s, %s)
               on conflict on constraint mailbox_keys_pkey do nothing""",
            (tenant_id, mailbox_id, epoch, user_key_id, wrap),
        )
    )


def link(tx: Transaction, tenant_id: int, mailbox_id: int, epoch: int, earlier: bytes) -> bool:
    """Keeps the private key of the epoch before, wrapped to this one; False where it is there, or where it is not to
    be: this one may be open to who made it, or to who has gone, as it is not the newest (keyring.to_link)."""
    return bool(
        tx.execute(
            """update mailbox_epochs e set earlier_key = %s
               where tenant_id = %s and mailbox_id = %s and epoch = %s and earlier_key is null and epoch > 1
                     and not from_outside and not exists (
                         select from mailbox_epochs n where n.tenant_id = e.tenant_id and n.mailbox_id = e.mailbox_id
                         and n.epoch > e.epoch)""",
            (earlier, tenant_id, mailbox_id, epoch),
        )
    )


def epochs_of_user(tx: Transaction, tenant_id: int, user_id: int) -> list[Epoch]:
    """Every epoch of every mailbox that a user reads, or could open once: with the wraps to all keys that were theirs.

    Who is a member no more gets nothing.
    """
    rows = tx.rows(
        """select e.mailbox_id, e.epoch, e.public_key, e.earlier_key, e.from_outside, k.user_key_id, k.wrap
           from mailbox_members m
           join mailbox_epochs e on e.tenant_id = m.tenant_id and e.mailbox_id = m.mailbox_id
           left join (mailbox_keys k join user_keys u on u.tenant_id = k.tenant_id and u.id = k.user_key_id)
                on k.tenant_id = e.tenant_id and k.mailbox_id = e.mailbox_id and k.epoch = e.epoch
                   and u.user_id = m.user_id
           where m.tenant_id = %s and m.user_id = %s order by e.mailbox_id, e.epoch""",
        (tenant_id, user_id),
    )
    return _epochs(rows)


def epochs_of_key(tx: Transaction, tenant_id: int, user_key_id: int, mailbox_ids: Collection[int]) -> list[Epoch]:
    """Every epoch of these mailboxes, with the wraps to one key: of a reader that is no user."""
    rows = tx.rows(
        """select e.mailbox_id, e.epoch, e.public_key, e.earlier_key, e.from_outside, k.user_key_id, k.wrap
           from mailbox_epochs e
           left join mailbox_keys k on k.tenant_id = e.tenant_id and k.mailbox_id = e.mailbox_id
                and k.epoch = e.epoch and k.user_key_id = %s
           where e.tenant_id = %s and e.mailbox_id = any(%s) order by e.mailbox_id, e.epoch""",
        (user_key_id, tenant_id, list(mailbox_ids)),
    )
    return _epochs(rows)


def _epochs(rows: Collection[Row]) -> list[Epoch]:
    found: dict[tuple[int, int], tuple[Row, dict[int, bytes]]] = {}
    for row in rows:
        _, wraps = found.setdefault((row["mailbox_id"], row["epoch"]), (row, {}))
        if row["user_key_id"] is not None:
            wraps[row["user_key_id"]] = bytes(row["wrap"])
    return [
        Epoch(row["mailbox_id"], row["epoch"], _public(row), wraps, _bytes(row["earlier_key"]), row["from_outside"])
        for row, wraps in found.values()
    ]


def grants_due(tx: Transaction, tenant_id: int, mailbox_ids: Collection[int]) -> list[Grant]:
    """What a client that opens these mailboxes can do for others: readers of them who lack the newest key, or that of
    an epoch to which the one after it does not lead and never will (`link`). The newest first."""
    rows = tx.rows(
        f"""select e.mailbox_id, e.epoch, r.id, r.public_key from {_READERS} r
           join mailbox_epochs e on e.tenant_id = r.tenant_id and e.mailbox_id = r.mailbox_id
           left join mailbox_epochs n on n.tenant_id = e.tenant_id and n.mailbox_id = e.mailbox_id
                and n.epoch = e.epoch + 1
           where r.tenant_id = %s and r.mailbox_id = any(%s)
                 and (n.epoch is null or n.from_outside or n.earlier_key is null and exists (
                     select from mailbox_epochs l where l.tenant_id = n.tenant_id and l.mailbox_id = n.mailbox_id
                     and l.epoch > n.epoch))
                 and not exists (
                     select from mailbox_keys h where h.tenant_id = e.tenant_id and h.mailbox_id = e.mailbox_id
                     and h.epoch = e.epoch and h.user_key_id = r.id)
           order by n.epoch is not null, e.mailbox_id, e.epoch desc, r.id""",
        (tenant_id, list(mailbox_ids)),
    )
    return [Grant(row["mailbox_id"], row["epoch"], row["id"], _public(row)) for row in rows]


def newest_from_outside(tx: Transaction, tenant_id: int, user_id: int) -> dict[int, int]:
    """Of a user's mailboxes those whose newest key was made by no reader: that epoch."""
    rows = tx.rows(
        """select e.mailbox_id, e.epoch from mailbox_members m
           join lateral (select * from mailbox_epochs e
                         where e.tenant_id = m.tenant_id and e.mailbox_id = m.mailbox_id
                         order by e.epoch desc limit 1) e on true
           where m.tenant_id = %s and m.user_id = %s and e.from_outside order by e.mailbox_id""",
        (tenant_id, user_id),
    )
    return {row["mailbox_id"]: row["epoch"] for row in rows}


def newest_epochs(tx: Transaction, tenant_id: int, user_id: int) -> dict[int, int]:
    """Of a user's mailboxes those that have a key: their newest epoch."""
    rows = tx.rows(
        """select m.mailbox_id, max(e.epoch) as epoch from mailbox_members m
           join mailbox_epochs e on e.tenant_id = m.tenant_id and e.mailbox_id = m.mailbox_id
           where m.tenant_id = %s and m.user_id = %s group by m.mailbox_id""",
        (tenant_id, user_id),
    )
    return {row["mailbox_id"]: row["epoch"] for row in rows}


def mailboxes_out_of_reach(tx: Transaction, tenant_id: int, user_id: int) -> dict[int, int]:
    """Of a user's mailboxes those of which no enrolled member has the newest key: their newest epoch, 0: none yet."""
    rows = tx.rows(
        """select m.mailbox_id, coalesce(e.epoch, 0) as epoch from mailbox_members m
           left join lateral (select epoch from mailbox_epochs e
                              where e.tenant_id = m.tenant_id and e.mailbox_id = m.mailbox_id
                              order by e.epoch desc limit 1) e on true
           where m.tenant_id = %s and m.user_id = %s and not exists (
               select from mailbox_keys h
               join user_keys k on k.tenant_id = h.tenant_id and k.id = h.user_key_id and k.replaced_at is null
               join mailbox_members r on r.tenant_id = k.tenant_id and r.user_id = k.user_id
                    and r.mailbox_id = h.mailbox_id
               where h.tenant_id = m.tenant_id and h.mailbox_id = m.mailbox_id and h.epoch = e.epoch)
           order by m.mailbox_id""",
        (tenant_id, user_id),
    )
    return {row["mailbox_id"]: row["epoch"] for row in rows}


def mailboxes_without_key(tx: Transaction, tenant_id: int) -> list[str]:
    """The names of mailboxes to which nothing can be sealed."""
    rows = tx.rows(
        """select m.name from mailboxes m where m.tenant_id = %s and not exists (
               select from mailbox_epochs e where e.tenant_id = m.tenant_id and e.mailbox_id = m.id) order by m.name""",
        (tenant_id,),
    )
    return [row["name"] for row in rows]


def standing(tx: Transaction, tenant_id: int) -> list[Row]:
    """Of each mailbox, by name: name, epoch (0: it has no key), members, enrolled, and readers: those with its newest
    key."""
    return tx.rows(
        """select b.name, coalesce(e.epoch, 0) as epoch, count(m.user_id) as members, count(k.id) as enrolled,
                  count(h.user_key_id) as readers
           from mailboxes b
           left join lateral (select epoch from mailbox_epochs e
                              where e.tenant_id = b.tenant_id and e.mailbox_id = b.id
                              order by e.epoch desc limit 1) e on true
           left join mailbox_members m on m.tenant_id = b.tenant_id and m.mailbox_id = b.id
           left join user_keys k on k.tenant_id = m.tenant_id and k.user_id = m.user_id and k.replaced_at is null
           left join mailbox_keys h on h.tenant_id = k.tenant_id and h.mailbox_id = b.id and h.epoch = e.epoch
                and h.user_key_id = k.id
           where b.tenant_id = %s group by b.name, e.epoch order by b.name""",
        (tenant_id,),
    )


def _public(row: Row) -> PublicKey:
    return PublicKey(bytes(row["public_key"]))


def _bytes(value: memoryview | None) -> bytes | None:
    return None if value is None else bytes(value)
