"""Labels: what users call faxes. Whoever sees a fax sees its labels, puts them on and takes them off."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from faxplan import audit, listings, permissions
from faxplan.db import Database, Transaction
from faxplan.errors import FaxplanError, NotFound
from faxplan.language import _, ngettext
from faxplan.users import User

LONGEST = 40
MOST = 100
"""Of a tenant."""
MOST_ON_ONE = 20
"""On a fax."""
MOST_AT_ONCE = 100
"""Faxes."""
_TURN = 0x6C6162


class InvalidLabel(FaxplanError):
    """A label cannot be called that."""

    error_id = "invalid-label"


class TooManyLabels(FaxplanError):
    """There is no room for another one, of the tenant's or on a fax."""

    error_id = "too-many-labels"


class FaxIsFull(TooManyLabels):
    """There is no room for another one on a fax."""

    error_id = "fax-full-of-labels"


@dataclass(frozen=True, slots=True)
class Label:
    """name: as whoever was the first wrote it."""

    id: int
    name: str


def checked(name: str) -> str:
    """As it is kept: one line, without blanks around it. Raises InvalidLabel."""
    bare = " ".join(unicodedata.normalize("NFC", name[: 10 * LONGEST]).split())
    if not bare:
        raise InvalidLabel(_("Write the name of a label."))
    if len(bare) > LONGEST or not bare.isprintable():
        raise InvalidLabel(_("A label has at most {count} characters, on one line.").format(count=LONGEST))
    return bare


def put_on(db: Database, user: User, who: audit.Who, fax_ids: Sequence[int], name: str) -> list[int]:
    """Puts a label on those of these faxes that are the user's and do not have it (role portal); their ids.

    Raises InvalidLabel, TooManyLabels, and NotFound where none of the faxes is the user's.
    """
    with db.tenant(user.tenant_id) as tx:
        tx.take_turn(_TURN, user.tenant_id)
        theirs = _theirs(tx, user, fax_ids)
        bare = checked(name)
        label = _found_or_made(tx, user.tenant_id, bare)
        changed = _put(tx, user.tenant_id, label, theirs)
        full = tx.value(
            """select min(fax_id) from (select fax_id from fax_labels where tenant_id = %s and fax_id = any(%s)
                                        group by fax_id having count(*) > %s) f""",
            (user.tenant_id, changed, MOST_ON_ONE),
        )
        if full is not None:
            raise FaxIsFull(
                _("Fax {number} has {count} labels already. Take one off first.").format(number=full, count=MOST_ON_ONE)
            )
        _record_put(tx, user.tenant_id, who, label, changed)
    return changed


def for_new(tx: Transaction, user: User, names: Sequence[str]) -> list[Label]:
    """Those that are to be put on faxes that this transaction is about to make, each once, found or made; in the
    tenant's turn, which comes before what a fax takes (docs/architecture.md, Locks). Then `put_on_new`.

    Raises InvalidLabel, TooManyLabels and FaxIsFull.
    """
    bare: dict[str, str] = {}
    for each in map(checked, names):
        bare.setdefault(_key(each), each)
    if len(bare) > MOST_ON_ONE:
        raise FaxIsFull(_("A fax has {count} labels at most.").format(count=MOST_ON_ONE))
    if not bare:
        return []
    tx.take_turn(_TURN, user.tenant_id)
    found: list[Label] = []
    for name in bare.values():
        found.append(_found_or_made(tx, user.tenant_id, name, besides=[label.id for label in found]))
    return found


def put_on_new(tx: Transaction, user: User, who: audit.Who, fax_ids: Sequence[int], wanted: Sequence[Label]) -> None:
    """On faxes that this transaction has made."""
    for label in wanted:
        _record_put(tx, user.tenant_id, who, label, _put(tx, user.tenant_id, label, fax_ids))


def _put(tx: Transaction, tenant_id: int, label: Label, fax_ids: Sequence[int]) -> list[int]:
    """Those that did not have it."""
    rows = tx.rows(
        """insert into fax_labels (tenant_id, fax_id, label_id, list, owner_id, at)
           select l.tenant_id, l.fax_id, %(label)s, l.list, l.owner_id, l.at from listings l
           where l.tenant_id = %(tenant)s and l.fax_id = any(%(faxes)s) order by l.fax_id
           on conflict on constraint fax_labels_pkey do nothing returning fax_id""",
        {"tenant": tenant_id, "label": label.id, "faxes": list(fax_ids)},
    )
    return sorted(row["fax_id"] for row in rows)


def _record_put(tx: Transaction, tenant_id: int, who: audit.Who, label: Label, fax_ids: Sequence[int]) -> None:
    if fax_ids:
        audit.record(
            tx, tenant_id, actor=who, action="label.add", object=f"label:{label.id}", name=label.name, faxes=fax_ids
        )


def take_off(db: Database, user: User, who: audit.Who, fax_ids: Sequence[int], name: str) -> list[int]:
    """Takes a label off those of these faxes that are the user's and have it (role portal); their ids.

    Raises InvalidLabel, and NotFound where none of the faxes is the user's.
    """
    with db.tenant(user.tenant_id) as tx:
        tx.take_turn(_TURN, user.tenant_id)
        theirs = _theirs(tx, user, fax_ids)
        bare = checked(name)
        rows = tx.rows(
            """delete from fax_labels x using labels l
               where x.tenant_id = %s and x.fax_id = any(%s) and l.tenant_id = x.tenant_id and l.id = x.label_id
                 and l.key = %s returning x.fax_id, l.id, l.name""",
            (user.tenant_id, theirs, _key(bare)),
        )
        changed = sorted(row["fax_id"] for row in rows)
        if changed:
            audit.record(
                tx, user.tenant_id, actor=who, action="label.remove", object=f"label:{rows[0]['id']}",
                name=rows[0]["name"], faxes=changed,
            )  # fmt: skip
    return changed


def of_faxes(tx: Transaction, tenant_id: int, fax_ids: Sequence[int]) -> dict[int, list[Label]]:
    """The labels of faxes that somebody sees, by fax, each by name."""
    rows = tx.rows(
        """select x.fax_id, l.id, l.name from fax_labels x
           join labels l on l.tenant_id = x.tenant_id and l.id = x.label_id
           where x.tenant_id = %s and x.fax_id = any(%s) order by l.key""",
        (tenant_id, list(fax_ids)),
    )
    found: dict[int, list[Label]] = {each: [] for each in fax_ids}
    for row in rows:
        found[row["fax_id"]].append(Label(row["id"], row["name"]))
    return found


def seen_by(tx: Transaction, user: User) -> list[Label]:
    """Those that are on faxes that a user sees, by name."""
    return _seen(tx, user, "true", {})


def named(tx: Transaction, user: User, name: str) -> Label | None:
    """The one that is called so, of those that a user sees; capitals and small letters are the same."""
    bare = " ".join(unicodedata.normalize("NFC", name).split())
    found = _seen(tx, user, "l.key = %(key)s", {"key": _key(bare)})
    return found[0] if found else None


def _seen(tx: Transaction, user: User, which: str, given: dict[str, str]) -> list[Label]:
    with listings.through_indexes(tx):
        rows = tx.rows(
            f"""select l.id, l.name from labels l
                where l.tenant_id = %(tenant)s and {which} and exists (
                  select from (
                    select 'sent' as list, %(user)s::bigint as owner_id
                    union all select 'inbox', m.mailbox_id from mailbox_members m
                    where m.tenant_id = %(tenant)s and m.user_id = %(user)s and {permissions.MAY_RECEIVE}) o
                  cross join lateral (
                    select from fax_labels x where x.tenant_id = %(tenant)s and x.label_id = l.id and x.list = o.list
                      and x.owner_id = o.owner_id limit 1) x)
                order by l.key""",
            {"tenant": user.tenant_id, "user": user.id, **given},
        )
    return [Label(**row) for row in rows]


def _theirs(tx: Transaction, user: User, fax_ids: Sequence[int]) -> list[int]:
    theirs = listings.seen(tx, user, list(fax_ids)[:MOST_AT_ONCE])
    if not theirs:
        raise NotFound(
            ngettext(
                "You have no such fax. `faxplan list` shows yours.",
                "You have no such faxes. `faxplan list` shows yours.",
                len(fax_ids),
            )
        )
    return theirs


def _found_or_made(tx: Transaction, tenant_id: int, name: str, *, besides: Sequence[int] = ()) -> Label:
    """In the tenant's turn. besides: those that are about to be put on faxes."""
    key = _key(name)
    row = tx.row("select id, name from labels where tenant_id = %s and key = %s", (tenant_id, key))
    if row is None:
        # Who looks for a name among many wants none that is on no fax.
        tx.execute(
            """delete from labels l where l.tenant_id = %s and l.id <> all(%s::bigint[]) and not exists (
                 select from fax_labels x where x.tenant_id = l.tenant_id and x.label_id = l.id)""",
            (tenant_id, list(besides)),
        )
        if tx.value("select count(*) from labels where tenant_id = %s", (tenant_id,)) >= MOST:
            raise TooManyLabels(
                _(
                    "Your organisation has {count} labels already. Use one of these, or take one off all its faxes."
                ).format(count=MOST)
            )
        row = tx.one(
            "insert into labels (tenant_id, name, key) values (%s, %s, %s) returning id, name", (tenant_id, name, key)
        )
    return Label(**row)


def _key(bare: str) -> str:
    return unicodedata.normalize("NFKC", bare).casefold()
