"""Who opens more than before, since somebody's client has handed keys on: in words, for whoever did.

Clients do it by themselves as soon as somebody unlocks (enrolment). So that one is told at that moment to whom: a key
that ought not to be there, such as a recovery key of which nobody knows, is seen by who gives it something to open.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from faxplan import mailboxes, vault
from faxplan.db import Row, Transaction


@dataclass(frozen=True, slots=True)
class Gain:
    """to: whose key it is, for people. mailboxes: the names of those of which it opens more than before."""

    to: str
    mailboxes: list[str]


Told = Callable[[Sequence[Gain]], None]
"""What tells them; called once they last, and only where there are any."""


def of(
    tx: Transaction,
    tenant_id: int,
    granted: Collection[tuple[int, int, int]],
    linked: Collection[tuple[int, int]],
    *,
    own: Collection[int],
) -> list[Gain]:
    """Who gains by what was handed on in this transaction (as enrolment.HandedOn has it); own: not these keys."""
    changed = sorted({place[0] for place in (*granted, *linked)})
    if not changed:
        return []
    held, tied = _held(tx, tenant_id, changed), _tied(tx, tenant_id, changed)
    found: dict[int, list[int]] = {}
    for mailbox_id in changed:
        for key_id in sorted(vault.readers(tx, tenant_id, mailbox_id).keys() - set(own)):
            before = _opened(mailbox_id, key_id, held - set(granted), tied - set(linked))
            if _opened(mailbox_id, key_id, held, tied) - before:
                found.setdefault(key_id, []).append(mailbox_id)
    return [
        Gain(_whose(tx, tenant_id, key_id), sorted(mailboxes.name_of(tx, tenant_id, each) for each in opened))
        for key_id, opened in found.items()
    ]


def unannounced(tx: Transaction, tenant_id: int, begun: Collection[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Who opens these epochs, by mailbox and number, and is no user, and has no key of that mailbox that a member's
    client made: as `of` takes it. Nobody was told of those whom only an administrator's browser made a wrap."""
    found = []
    for mailbox_id, number in begun:
        rows = tx.rows(
            """select h.user_key_id from mailbox_keys h
               join user_keys k on k.tenant_id = h.tenant_id and k.id = h.user_key_id and k.kind <> 'user'
               where h.tenant_id = %(tenant)s and h.mailbox_id = %(mailbox)s and h.epoch = %(epoch)s and not exists (
                   select from mailbox_keys o join mailbox_epochs e on e.tenant_id = o.tenant_id
                        and e.mailbox_id = o.mailbox_id and e.epoch = o.epoch and not e.from_outside
                   where o.tenant_id = h.tenant_id and o.mailbox_id = h.mailbox_id and o.user_key_id = h.user_key_id
                     and o.epoch < h.epoch) order by 1""",
            {"tenant": tenant_id, "mailbox": mailbox_id, "epoch": number},
        )
        found += [(mailbox_id, number, row["user_key_id"]) for row in rows]
    return found


def tell(told: Told | None, gained: Sequence[Gain]) -> None:
    """What was found, where there is anything and somebody listens."""
    if told is not None and gained:
        told(gained)


def _held(tx: Transaction, tenant_id: int, mailbox_ids: Collection[int]) -> set[tuple[int, int, int]]:
    rows = tx.rows(
        "select mailbox_id, epoch, user_key_id from mailbox_keys where tenant_id = %s and mailbox_id = any(%s)",
        (tenant_id, list(mailbox_ids)),
    )
    return {(row["mailbox_id"], row["epoch"], row["user_key_id"]) for row in rows}


def _tied(tx: Transaction, tenant_id: int, mailbox_ids: Collection[int]) -> set[tuple[int, int]]:
    """The epochs that open the one before."""
    rows = tx.rows(
        """select mailbox_id, epoch from mailbox_epochs
           where tenant_id = %s and mailbox_id = any(%s) and earlier_key is not null""",
        (tenant_id, list(mailbox_ids)),
    )
    return {(row["mailbox_id"], row["epoch"]) for row in rows}


def _opened(mailbox_id: int, key_id: int, held: set[tuple[int, int, int]], tied: set[tuple[int, int]]) -> set[int]:
    """The epochs of a mailbox that a key opens."""
    found = {epoch for place, epoch, holder in held if (place, holder) == (mailbox_id, key_id)}
    for _, epoch in sorted(tied, reverse=True):
        if epoch in found and (mailbox_id, epoch) in tied:
            found.add(epoch - 1)
    return found


def _whose(tx: Transaction, tenant_id: int, key_id: int) -> str:
    row = tx.one(
        """select k.id, k.kind, k.name, k.created_at, u.email, u.name as person from user_keys k
           left join users u on u.tenant_id = k.tenant_id and u.id = k.user_id where k.tenant_id = %s and k.id = %s""",
        (tenant_id, key_id),
    )
    made = f"{row['created_at']:%Y-%m-%d}"
    if row["kind"] == "reader":
        return f"API reader {row['name']}, made on {made}"
    if row["kind"] == "recovery":
        return f"your organisation's recovery key, made on {made} by {_maker(tx, tenant_id, row)}"
    who = f"{row['person']} ({row['email']})" if row["person"] else row["email"]
    return f"{who}, with a key of {made}"


def _maker(tx: Transaction, tenant_id: int, key: Row) -> str:
    """Who made the recovery key, as the audit has it."""
    found = tx.value(
        """select u.email from audit a join users u on u.tenant_id = a.tenant_id and 'user:' || u.id = a.actor
           where a.tenant_id = %s and a.action = 'key.recovery-make' and a.object = %s and a.result = 'done'
           order by a.sequence desc limit 1""",
        (tenant_id, f"key:{key['id']}"),
    )
    return found or "nobody of whom the audit knows"
