"""Lists of faxes of any length: what lies in a user's mailboxes, what a user has sent; filtered, searched, in parts.

What a list costs does not depend on how many faxes there are. Each kind of filter has an index that gives its faxes
newest first, in each mailbox of the list; where several filters meet, one leads through its index, and the others are
asked of at most MOST_LOOKED_AT faxes: then the part ends there, and says so (Part.until).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from typing import Any

from faxplan import permissions
from faxplan.db import Transaction
from faxplan.users import User

INBOX, SENT = "inbox", "sent"
STANDINGS = ("open", "arrived", "partial", "failed", "stopped")
"""Of listings.standing, in the order in which a fax may have them."""
MOST_LOOKED_AT = 2000
SHORTEST = 4
"""A beginning of a number that is searched for: + and three digits."""
_DEPTHS = (6, 9, 12)
"""Beginnings of numbers that have a column, and an index: listings.number_6 and the others."""
_AFTER_ALL_OTHERS = 2**63 - 1

_OTHER_WAYS = ("enable_seqscan", "enable_bitmapscan")

Place = tuple[datetime, int]
"""Where in a list a fax stands: when it was laid there or handed in, and its id."""


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched for: faxes of which any of this is so. beginnings: of the other one's number, E.164, each of
    SHORTEST characters at least. numbers: whole ones. label_id: a label that is on it."""

    beginnings: Sequence[str] = ()
    numbers: Sequence[str] = ()
    label_id: int | None = None


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to: all of this is so. None, and False: whatever it is. until: before that.

    standing: one of STANDINGS. together: these faxes alone, which were all handed in at one time.
    """

    mailbox_id: int | None = None
    unread: bool = False
    standing: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    label_id: int | None = None
    search: Search | None = None
    together: tuple[datetime, Sequence[int]] | None = None


EVERYTHING = Filters()


@dataclass(frozen=True, slots=True)
class Part:
    """Some of a list, newest first. onward: after which place it goes on; None: that was all. until: where there may
    be more, but so many were looked at that the part ends there: when the last one of these was laid there."""

    places: Sequence[Place] = ()
    onward: Place | None = None
    until: datetime | None = None


def part(
    tx: Transaction, user: User, of: str, filters: Filters = EVERYTHING, *, limit: int, before: Place | None = None
) -> Part:
    """Of INBOX or SENT, after a place. A mailbox that the user does not read has nothing."""
    owners = _owners(tx, user, of, filters)
    if not owners:
        return Part()
    paths = list(_paths(filters))
    asked, given = _asked(filters, led_by_search=filters.search is not None)
    branches = len(owners) * sum(len(each.keys) for each in paths)
    most = max(MOST_LOOKED_AT // branches, limit + 1) if asked else limit + 1
    at, fax_id = before or (datetime.max.replace(tzinfo=UTC), _AFTER_ALL_OTHERS)
    given |= {
        "tenant": user.tenant_id, "list": of, "owners": owners, "at": at, "id": fax_id, "limit": limit + 1,
        "most": most, "since": filters.since, "until": filters.until, "last": most - 1,
    }  # fmt: skip
    if filters.together is not None:
        given |= {"together_at": filters.together[0], "together": list(filters.together[1])}
    for number, each in enumerate(paths):
        given[f"keys{number}"] = list(each.keys)
        given[f"low{number}"] = [low for low, _high in each.bounds]
        given[f"high{number}"] = [high for _low, high in each.bounds]
    with through_indexes(tx):
        found = _places(tx, [_found(each, number, asked, filters) for number, each in enumerate(paths)], given)
        ends = _places(tx, [_end(each, number, filters) for number, each in enumerate(paths)], given) if asked else []
    # Behind where one branch ended, others may have some: these come with the next part.
    end = max(ends, default=None)
    shown = [each for each in found if end is None or each >= end][: limit + 1]
    if len(shown) > limit:
        return Part(shown[:limit], shown[limit - 1])
    return Part(shown, end, None if end is None else end[0])


def seen(tx: Transaction, user: User, fax_ids: Sequence[int]) -> list[int]:
    """Those of these faxes that stand in a list of the user's, by id."""
    rows = tx.rows(
        f"""select l.fax_id from listings l
           where l.tenant_id = %(tenant)s and l.fax_id = any(%(faxes)s)
             and (l.list = 'sent' and l.owner_id = %(user)s or l.list = 'inbox' and l.owner_id in (
               select m.mailbox_id from mailbox_members m where m.tenant_id = %(tenant)s and m.user_id = %(user)s
                 and {permissions.MAY_RECEIVE}))
           order by l.fax_id""",
        {"tenant": user.tenant_id, "user": user.id, "faxes": list(fax_ids)},
    )
    return [row["fax_id"] for row in rows]


MOST_COUNTED = 100


@dataclass(frozen=True, slots=True)
class ReadMailbox:
    """A mailbox that a user reads. unread: how many faxes nobody has read; MOST_COUNTED: so many, or more."""

    id: int
    name: str
    unread: int


def read_mailboxes(tx: Transaction, user: User) -> list[ReadMailbox]:
    """Those that a user reads, by name."""
    with through_indexes(tx):
        rows = tx.rows(
            f"""select b.id, b.name, u.unread from mailbox_members m
               join mailboxes b on b.tenant_id = m.tenant_id and b.id = m.mailbox_id
               cross join lateral (select count(*) as unread from (
                   select from listings l where l.tenant_id = %(tenant)s and l.list = 'inbox' and l.owner_id = b.id
                     and l.unread limit %(most)s) c) u
               where m.tenant_id = %(tenant)s and m.user_id = %(user)s and {permissions.MAY_RECEIVE}
               order by b.name, b.id""",
            {"tenant": user.tenant_id, "user": user.id, "most": MOST_COUNTED},
        )
    return [ReadMailbox(**row) for row in rows]


def _owners(tx: Transaction, user: User, of: str, filters: Filters) -> list[int]:
    if of == SENT:
        return [user.id]
    rows = tx.rows(
        f"""select mailbox_id from mailbox_members
            where tenant_id = %(tenant)s and user_id = %(user)s and {permissions.MAY_RECEIVE} order by mailbox_id""",
        {"tenant": user.tenant_id, "user": user.id},
    )
    return [row["mailbox_id"] for row in rows if filters.mailbox_id in (None, row["mailbox_id"])]


@dataclass(frozen=True, slots=True)
class _Path:
    """What leads through an index: rows w of `table`, for each key one stretch of it, newest first.

    where: what w has in common with the key k. kind: the keys' type.
    bounds: of each key, a low and a high one.
    """

    table: str = "listings"
    where: str = "true"
    keys: Sequence[str] | Sequence[int] = ("",)
    kind: str = "text"
    bounds: Sequence[tuple[str, str]] = ()


def _paths(filters: Filters) -> Iterator[_Path]:
    """All that is searched for; else the filter that leaves the fewest, as far as one can know."""
    if filters.search is not None:
        yield from _of_numbers(filters.search)
        if filters.search.label_id is not None:
            yield _Path("fax_labels", "w.label_id = k.key", [filters.search.label_id], "bigint")
    elif filters.label_id is not None:
        yield _Path("fax_labels", "w.label_id = k.key", [filters.label_id], "bigint")
    elif filters.unread:
        yield _Path(where="w.unread")
    elif filters.standing is not None:
        yield _Path(where="w.standing = k.key", keys=[filters.standing])
    else:
        yield _Path()


def _of_numbers(search: Search) -> Iterator[_Path]:
    for depth in _DEPTHS:
        keys = {key for each in search.beginnings if _depth(each) == depth for key in _keys(each, depth)}
        if keys:
            yield _Path(where=f"w.number_{depth} = k.key", keys=sorted(keys))
    # Of numbers that begin alike down to the last indexed digit there are a thousand at most. A colon stands behind
    # all digits, and a blank before them.
    bounds = [(each, f"{each}:") for each in search.beginnings if _depth(each) is None]
    bounds += [(_digits(each), f"{each} ") for each in search.numbers]
    if bounds:
        yield _Path(
            where=f"w.number_{_DEPTHS[-1]} = k.key and w.number >= k.low and w.number < k.high",
            keys=[low[: _DEPTHS[-1]] for low, _high in bounds],
            bounds=bounds,
        )


def _digits(beginning: str) -> str:
    if not beginning.startswith("+") or not (beginning[1:].isascii() and beginning[1:].isdigit()):
        raise ValueError(f"{beginning!r} is no beginning of a number")
    return beginning


def _depth(beginning: str) -> int | None:
    if len(_digits(beginning)) < SHORTEST:
        raise ValueError(f"{beginning!r} is too short to be searched for")
    return next((each for each in _DEPTHS if each >= len(beginning)), None)


def _keys(beginning: str, depth: int) -> Iterator[str]:
    """All that a number can begin with, to this depth, that begins like that; and what is shorter, and whole."""
    for more in range(depth - len(beginning) + 1):
        for digits in product("0123456789", repeat=more):
            yield beginning + "".join(digits)


def _asked(filters: Filters, *, led_by_search: bool) -> tuple[list[str], dict[str, Any]]:
    """What is asked of each fax, as of listings r, beside what leads through an index."""
    asked = []
    if filters.label_id is not None and led_by_search:
        asked.append(
            """exists (select from fax_labels x where x.tenant_id = r.tenant_id and x.fax_id = r.fax_id
                       and x.label_id = %(label)s)"""
        )
    led_by_label = filters.label_id is not None
    if filters.unread and (led_by_search or led_by_label):
        asked.append("r.unread")
    if filters.standing is not None and (led_by_search or led_by_label or filters.unread):
        asked.append("r.standing = %(standing)s")
    return asked, {"label": filters.label_id, "standing": filters.standing}


def _stretch(path: _Path, filters: Filters, *, only: str) -> str:
    """Of one key and one owner, the faxes behind the place."""
    since = "and w.at >= %(since)s" if filters.since is not None else ""
    until = "and w.at < %(until)s" if filters.until is not None else ""
    if filters.together is not None:
        until += " and w.at = %(together_at)s and w.fax_id = any(%(together)s::bigint[])"
    return f"""select w.at, w.fax_id from {path.table} w
        where w.tenant_id = %(tenant)s and w.list = %(list)s and w.owner_id = o.id and {path.where}
          and (w.at, w.fax_id) < (%(at)s, %(id)s) {since} {until}
        order by w.at desc, w.fax_id desc {only}"""


def _over(path: _Path, number: int, stretch: str) -> str:
    return f"""select s.at, s.fax_id from unnest(%(owners)s::bigint[]) o(id)
        cross join unnest(%(keys{number})s::{path.kind}[], %(low{number})s::text[], %(high{number})s::text[])
            k(key, low, high)
        cross join lateral ({stretch}) s"""


def _found(path: _Path, number: int, asked: Sequence[str], filters: Filters) -> str:
    stretch = _stretch(path, filters, only="limit %(most)s")
    if asked:
        # Fax by fax, as far as is needed, and never joined as a whole.
        stretch = f"""select w.at, w.fax_id from ({stretch}) w
            where (select {" and ".join(asked)} from listings r
                   where r.tenant_id = %(tenant)s and r.fax_id = w.fax_id)
            order by w.at desc, w.fax_id desc limit %(limit)s"""
    return _over(path, number, stretch)


def _end(path: _Path, number: int, filters: Filters) -> str:
    """Where each stretch ends of which no more is looked at."""
    return _over(path, number, _stretch(path, filters, only="offset %(last)s limit 1"))


@contextmanager
def through_indexes(tx: Transaction) -> Iterator[None]:
    """Whatever PostgreSQL believes of how many faxes there are: what a list costs must not depend on statistics."""
    for each in _OTHER_WAYS:
        tx.later(f"set local {each} = off")
    yield
    for each in _OTHER_WAYS:
        tx.later(f"set local {each} to default")


def _places(tx: Transaction, statements: Sequence[str], given: dict[str, Any]) -> list[Place]:
    """Of all these, newest first, each once."""
    every = " union ".join(f"({each})" for each in statements) if len(statements) > 1 else statements[0]
    rows = tx.rows(
        f"select at, fax_id from ({every}) every order by at desc, fax_id desc limit %(cut)s",
        given | {"cut": given["limit"]},
    )
    return [(row["at"], row["fax_id"]) for row in rows]
