"""Contacts: whom faxes go to and come from, by name. A user's own, or shared by the whole tenant (role portal).

A user sees the shared ones and their own; nobody else sees those, administrators neither. A shared one is changed by
whoever made it, and by administrators of the tenant. Each function works within a tenant, and for a user who is not
permitted to have contacts there are none: what would show or change them raises Forbidden.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from faxplan import audit, contact_words, numbers, permissions, tenants, users
from faxplan.constraints import ConstraintViolated
from faxplan.db import Transaction
from faxplan.errors import FaxplanError, Forbidden, NotFound
from faxplan.language import _
from faxplan.users import User

MOST_SHARED = 100_000
MOST_OWN = 20_000
"""Of one user's."""
MOST_NUMBERS = 1000
"""That numbers_of gives."""
ALL, OWN, SHARED = "all", "mine", "shared"
SCOPES = (ALL, OWN, SHARED)
_TURN = 0x636F6E
_SORT_LENGTH = 200
_AT_ONCE = 1000


class TooManyContacts(FaxplanError):
    """There is no room for more."""

    error_id = "too-many-contacts"


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody writes of a contact. number: E.164 once it was `checked`."""

    name: str
    company: str
    number: str
    email: str = ""
    note: str = ""

    @property
    def shown(self) -> str:
        """What it is called."""
        return self.name or self.company


@dataclass(frozen=True, slots=True)
class Contact:
    """owner_id None: it is shared. made_by: the user who entered it."""

    id: int
    owner_id: int | None
    made_by: int
    name: str
    company: str
    number: str
    email: str
    note: str
    sort_key: str
    created_at: datetime
    changed_at: datetime

    @property
    def shown(self) -> str:
        """What it is called."""
        return self.name or self.company

    @property
    def shared(self) -> bool:
        """Whether the whole tenant sees it."""
        return self.owner_id is None

    @property
    def entry(self) -> Entry:
        """What was written of it."""
        return Entry(self.name, self.company, self.number, self.email, self.note)


COLUMNS = ", ".join(f"c.{name}" for name in Contact.__dataclass_fields__)
"""Of contacts c."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which contacts: those with a word of name or company, or a number, that begins as each word of `text`; of one of
    SCOPES; in a group, by its id.
    """

    text: str = ""
    scope: str = ALL
    group: int | None = None


class Owned(Protocol):
    """A contact or a group."""

    @property
    def owner_id(self) -> int | None:
        """Whose alone it is."""

    @property
    def made_by(self) -> int:
        """Who has made it."""


def check_permitted(tx: Transaction, user: User) -> None:
    """Whether a user may have contacts. Raises Forbidden."""
    permissions.check(tx, user.tenant_id, user.id, permissions.CONTACTS)


def may_change(user: User, thing: Owned) -> bool:
    """Whether a user who sees it may change it, too."""
    return thing.owner_id is not None or thing.made_by == user.id or user.role == users.ADMINISTRATOR


def check_change(user: User, thing: Owned) -> None:
    """Raises Forbidden."""
    if not may_change(user, thing):
        raise Forbidden(
            _("This is shared by your organisation: who has made it changes it, or one of its administrators.")
        )


def checked(entry: Entry, country: str) -> Entry:
    """As it is kept, with the number in E.164 form (a national one is of `country`). Raises ConstraintViolated, and
    InvalidNumber as numbers.normalise.
    """
    name, company, email = (" ".join(each.split()) for each in (entry.name, entry.company, entry.email))
    note = "\n".join(entry.note.splitlines()).strip()
    if not name and not company:
        raise ConstraintViolated("contacts_name_given")
    for text, longest, rule in (
        (name, 200, "contacts_name_form"),
        (company, 200, "contacts_company_form"),
        (email, 254, "contacts_email_form"),
        (note, 2000, "contacts_note_length"),
    ):
        if len(text) > longest or not all(can_be_shown(each) for each in text):
            raise ConstraintViolated(rule)
    if email and (" " in email or email.count("@") != 1 or email.startswith("@") or email.endswith("@")):
        raise ConstraintViolated("contacts_email_form")
    return Entry(name, company, numbers.normalise(entry.number, country), email, note)


def can_be_shown(character: str) -> bool:
    """Whether a text may have it: no control character, no half of one."""
    return character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cs")


def find(
    tx: Transaction, user: User, wanted: Wanted, *, limit: int, after: tuple[str, int] | None = None
) -> list[Contact]:
    """Those that a user sees, by name. after: sort_key and id of the one after which to go on."""
    check_permitted(tx, user)
    given, words = _searched(tx, user, wanted)
    if words is None:
        return []
    given |= {"limit": limit, "key": after and after[0], "id": after and after[1]}
    # Each scope in the order of its index: no more is read than is shown.
    parts = [
        f"""(select {COLUMNS} from contacts c where c.tenant_id = %(tenant)s and c.scope = {scope} {words}
             and (%(key)s::text is null or (c.sort_key, c.id) > (%(key)s::text collate "C", %(id)s::bigint))
             order by c.sort_key, c.id limit %(limit)s)"""
        for scope in _scopes(wanted)
    ]
    rows = tx.rows(f"select * from ({' union all '.join(parts)}) found order by sort_key, id limit %(limit)s", given)
    return [Contact(**row) for row in rows]


def all_of(tx: Transaction, user: User, wanted: Wanted) -> Iterator[Contact]:
    """All of them, as `find`."""
    after: tuple[str, int] | None = None
    while found := find(tx, user, wanted, limit=_AT_ONCE, after=after):
        yield from found
        after = found[-1].sort_key, found[-1].id


def numbers_of(tx: Transaction, user: User, words: str | Sequence[str]) -> list[str]:
    """The numbers, E.164, of contacts that a user sees and that are found by these words; MOST_NUMBERS at most. None
    of who may have no contacts."""
    if not permissions.has(tx, user.tenant_id, user.id, permissions.CONTACTS):
        return []
    text = words if isinstance(words, str) else " ".join(words)
    given, condition = _searched(tx, user, Wanted(text))
    if condition is None or not text.strip():
        return []
    rows = tx.rows(
        f"""select distinct c.number from contacts c
            where c.tenant_id = %(tenant)s and c.scope in (0, %(user)s) {condition} limit {MOST_NUMBERS}""",
        given,
    )
    return sorted(row["number"] for row in rows)


def get(tx: Transaction, user: User, contact_id: int) -> Contact:
    """Raises NotFound, for another user's own as well."""
    check_permitted(tx, user)
    row = tx.row(
        f"select {COLUMNS} from contacts c where c.tenant_id = %s and c.id = %s and c.scope in (0, %s)",
        (user.tenant_id, contact_id, user.id),
    )
    if row is None:
        raise NotFound(_("You have no contact {number}.").format(number=contact_id))
    return Contact(**row)


def some(tx: Transaction, user: User, ids: Sequence[int]) -> list[Contact]:
    """Those of these that a user sees, by name."""
    check_permitted(tx, user)
    rows = tx.rows(
        f"""select {COLUMNS} from contacts c where c.tenant_id = %s and c.id = any(%s::bigint[]) and c.scope in (0, %s)
            order by c.sort_key, c.id""",
        (user.tenant_id, list(ids), user.id),
    )
    return [Contact(**row) for row in rows]


def with_numbers(tx: Transaction, user: User, wanted: Sequence[str], *, shared: bool) -> list[Contact]:
    """The shared contacts, or a user's own, that have one of these numbers, E.164; the oldest first."""
    rows = tx.rows(
        f"""select {COLUMNS} from contacts c where c.tenant_id = %s and c.number = any(%s) and c.scope = %s
            order by c.id""",
        (user.tenant_id, list(wanted), 0 if shared else user.id),
    )
    return [Contact(**row) for row in rows]


def add(tx: Transaction, user: User, entry: Entry, *, shared: bool) -> Contact:
    """Raises as `checked`, and TooManyContacts."""
    check_permitted(tx, user)
    entry = checked(entry, tenants.get(tx, user.tenant_id).country)
    check_room(tx, user, shared=shared, more=1)
    (contact_id,) = insert(tx, user, [entry], shared=shared)
    _record(tx, user, "contact.add", contact_id, shared=shared)
    return get(tx, user, contact_id)


def change(tx: Transaction, user: User, contact_id: int, entry: Entry, *, shared: bool) -> Contact:
    """Raises NotFound, Forbidden, and as `add`. One that is not shared any more leaves the groups of others."""
    before = get(tx, user, contact_id)
    check_change(user, before)
    entry = checked(entry, tenants.get(tx, user.tenant_id).country)
    if shared != before.shared:
        check_room(tx, user, shared=shared, more=1)
        owner = None if shared else user.id
        tx.execute("update contacts set owner_id = %s where tenant_id = %s and id = %s",
                   (owner, user.tenant_id, contact_id))  # fmt: skip
    if not shared:
        tx.execute(
            """delete from contact_group_members m using contact_groups g
               where m.tenant_id = %s and m.contact_id = %s and g.tenant_id = m.tenant_id and g.id = m.group_id
                 and g.scope <> %s""",
            (user.tenant_id, contact_id, user.id),
        )
    update(tx, user.tenant_id, {contact_id: entry})
    _record(tx, user, "contact.change", contact_id, shared=shared)
    return get(tx, user, contact_id)


def remove(tx: Transaction, user: User, contact_id: int) -> Contact:
    """What it was. Raises NotFound and Forbidden."""
    gone = get(tx, user, contact_id)
    check_change(user, gone)
    tx.execute("delete from contacts where tenant_id = %s and id = %s", (user.tenant_id, contact_id))
    _record(tx, user, "contact.remove", contact_id, shared=gone.shared)
    return gone


def check_room(tx: Transaction, user: User, *, shared: bool, more: int) -> None:
    """Whether there is room for so many more, in turn with others who add some. Raises TooManyContacts."""
    tx.take_turn(_TURN, user.tenant_id)
    count = tx.value(
        "select count(*) from contacts where tenant_id = %s and scope = %s", (user.tenant_id, 0 if shared else user.id)
    )
    most = MOST_SHARED if shared else MOST_OWN
    if count + more > most:
        words = (
            _("Your organisation shares {count} contacts, and can have {most}. Delete some that nobody needs.")
            if shared
            else _("You have {count} contacts of your own, and can have {most}. Delete some that you do not need.")
        )
        raise TooManyContacts(words.format(count=count, most=most))


def insert(tx: Transaction, user: User, entries: Sequence[Entry], *, shared: bool) -> list[int]:
    """New contacts of entries that were checked, without a word to the audit; their ids."""
    rows = tx.rows(
        """insert into contacts (tenant_id, owner_id, made_by, name, company, number, email, note, sort_key)
           select %s, %s, %s, e.name, e.company, e.number, e.email, e.note, e.sort_key
           from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
                as e (name, company, number, email, note, sort_key)
           returning id, name, company, number""",
        (user.tenant_id, None if shared else user.id, user.id, *_columns(entries)),
    )
    made = {row["id"]: Entry(row["name"], row["company"], row["number"]) for row in rows}
    _write_words(tx, user.tenant_id, made)
    return list(made)


def update(tx: Transaction, tenant_id: int, entries: dict[int, Entry]) -> None:
    """Other values for contacts, of entries that were checked, without a word to the audit."""
    tx.execute(
        """update contacts c set name = e.name, company = e.company, number = e.number, email = e.email, note = e.note,
                                 sort_key = e.sort_key, changed_at = now()
           from unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
                as e (id, name, company, number, email, note, sort_key)
           where c.tenant_id = %s and c.id = e.id""",
        (list(entries), *_columns(list(entries.values())), tenant_id),
    )
    tx.execute(
        "delete from contact_words where tenant_id = %s and contact_id = any(%s::bigint[])", (tenant_id, list(entries))
    )
    _write_words(tx, tenant_id, entries)


def _columns(entries: Sequence[Entry]) -> list[list[str]]:
    return [
        [each.name for each in entries],
        [each.company for each in entries],
        [each.number for each in entries],
        [each.email for each in entries],
        [each.note for each in entries],
        [contact_words.folded(each.shown)[:_SORT_LENGTH] for each in entries],
    ]


def _write_words(tx: Transaction, tenant_id: int, entries: dict[int, Entry]) -> None:
    words = [
        (contact_id, key)
        for contact_id, each in entries.items()
        for key in contact_words.keys((each.name, each.company), each.number)
    ]
    tx.execute(
        """insert into contact_words (tenant_id, contact_id, word)
           select %s, w.contact_id, w.word from unnest(%s::bigint[], %s::text[]) as w (contact_id, word)""",
        (tenant_id, [each[0] for each in words], [each[1] for each in words]),
    )


def _scopes(wanted: Wanted) -> list[str]:
    return [{OWN: "%(user)s", SHARED: "0"}[each] for each in (OWN, SHARED) if wanted.scope in (ALL, each)]


def _searched(tx: Transaction, user: User, wanted: Wanted) -> tuple[dict[str, Any], str | None]:
    """Values, and the conditions on contacts c; None: nothing can be found so."""
    given: dict[str, Any] = {"tenant": user.tenant_id, "user": user.id}
    conditions = []
    if wanted.text.strip():
        terms = contact_words.terms(wanted.text, tenants.get(tx, user.tenant_id).country)
        if not terms:
            return given, None
        for term in terms:
            parts = []
            for begin, end in contact_words.ranges(term):
                here = len(given)
                given |= {f"v{here}": begin, f"w{here}": end}
                parts.append(f"(w.word >= %(v{here})s and w.word < %(w{here})s)")
            conditions.append(
                f"""and exists (select from contact_words w where w.tenant_id = %(tenant)s and w.contact_id = c.id
                                and ({" or ".join(parts)}))"""
            )
    if wanted.group is not None:
        given["group"] = wanted.group
        conditions.append(
            """and exists (select from contact_group_members m where m.tenant_id = %(tenant)s
                           and m.group_id = %(group)s and m.contact_id = c.id)"""
        )
    return given, " ".join(conditions)


def _record(tx: Transaction, user: User, action: str, contact_id: int, **details: Any) -> None:
    audit.record(tx, user.tenant_id, actor=f"user:{user.id}", action=action, object=f"contact:{contact_id}", **details)
