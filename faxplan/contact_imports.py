"""Taking a file of contacts in: first it is looked at, what would be new, changed or cannot be read; then it is taken.

The file lies in the database meanwhile, for a day, or until its user brings another one (role portal). A line whose
number and name are those of a contact that is there changes that one: where the file has no column, or no word, for
something, that stays as it is. Each function works within a tenant.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any

from faxplan import audit, contact_files, contact_groups, contact_words, contacts, numbers, tenants
from faxplan.contact_files import Reading, Record, Sheet, UnreadableFile
from faxplan.contacts import Contact, Entry
from faxplan.db import Transaction
from faxplan.errors import FaxplanError, NotFound
from faxplan.language import _, marked
from faxplan.users import User

LIFETIME_SECONDS = 86400
_BROKEN = marked("Its cells cannot be told apart: a quotation mark is not closed, or stands where none can.")
_NOT_YOURS = marked("This contact is shared: who has made it changes it, or an administrator.")
_AT_ONCE = 1000


class NoColumn(FaxplanError):
    """Nobody said in which column the numbers are."""

    error_id = "no-column"


class AlreadyTaken(FaxplanError):
    """The file was taken in before."""

    error_id = "already-taken"


@dataclass(frozen=True, slots=True)
class Brought:
    """A file that lies there. taken: what came of it; None: it was not taken in yet."""

    id: int
    file_name: str
    content: bytes = field(repr=False)
    created_at: datetime
    taken: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A line that cannot be taken, and why."""

    record: Record
    why: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What a file would do. changed: by the id of the contact. same: lines of contacts that are there just so, or that
    the file has twice. known: the contacts, by id, that are there and in the file."""

    sheet: Sheet
    new: list[Entry]
    changed: dict[int, Entry]
    same: int
    unreadable: list[Unreadable]
    known: list[int]


def begin(tx: Transaction, user: User, file_name: str, content: bytes) -> Brought:
    """Lays a file there, in place of the one before. Raises UnreadableFile, and Forbidden as contacts do."""
    contacts.check_permitted(tx, user)
    contact_files.text_of(content)
    tx.execute(
        """delete from contact_imports where tenant_id = %s
           and (user_id = %s or created_at < now() - make_interval(secs => %s))""",
        (user.tenant_id, user.id, LIFETIME_SECONDS),
    )
    import_id = tx.value(
        "insert into contact_imports (tenant_id, user_id, file_name, content) values (%s, %s, %s, %s) returning id",
        (user.tenant_id, user.id, file_name[:200], content),
    )
    return get(tx, user, import_id)


def get(tx: Transaction, user: User, import_id: int) -> Brought:
    """Raises NotFound, for another user's as well."""
    contacts.check_permitted(tx, user)
    row = tx.row(
        """select id, file_name, content, created_at, taken from contact_imports
           where tenant_id = %s and user_id = %s and id = %s and created_at > now() - make_interval(secs => %s)""",
        (user.tenant_id, user.id, import_id, LIFETIME_SECONDS),
    )
    if row is None:
        raise NotFound(_("This file is not here any more. Choose it once more."))
    return Brought(**row | {"content": bytes(row["content"])})


def preview(tx: Transaction, user: User, content: bytes, reading: Reading, *, shared: bool) -> Preview:
    """What would come of it; nothing is changed. Raises UnreadableFile."""
    contacts.check_permitted(tx, user)
    country = tenants.get(tx, user.tenant_id).country
    sheet = contact_files.read(content, lambda cell: numbers.normalise_or_none(cell, country) is not None, reading)
    lines, unreadable = _checked(sheet, country)
    there = _there(tx, user, [entry.number for _line, entry in lines], shared=shared)
    new: dict[tuple[str, str], Entry] = {}
    changed: dict[int, Entry] = {}
    known: set[int] = set()
    same = 0
    for record, entry in lines:
        key = _key(entry)
        contact = there.get(key)
        if contact is None:
            same += key in new
            new[key] = _merged(new[key], entry) if key in new else entry
            continue
        before = changed.get(contact.id, contact.entry)
        merged = _merged(before, entry)
        if merged != before and not contacts.may_change(user, contact):
            unreadable.append(Unreadable(record, _(_NOT_YOURS)))
            continue
        known.add(contact.id)
        same += merged == before or contact.id in changed
        if merged != before:
            changed[contact.id] = merged
    unreadable.sort(key=lambda each: each.record.line)
    return Preview(sheet, list(new.values()), changed, same, unreadable, sorted(known))


def take(
    tx: Transaction, user: User, import_id: int, reading: Reading, *, shared: bool, group_id: int | None = None
) -> Preview:
    """Takes a file in, all that can be read of it. group_id: where all of it is put as well.

    Raises NotFound, NoColumn, AlreadyTaken, TooManyContacts, and as contact_groups.put.
    """
    brought = get(tx, user, import_id)
    # Whoever takes it a second time, by a second click, waits here.
    contacts.check_room(tx, user, shared=shared, more=0)
    if get(tx, user, import_id).taken is not None:
        raise AlreadyTaken(_("This file was taken in already."))
    found = take_content(tx, user, brought.content, reading, shared=shared, group_id=group_id)
    told = {
        "separator": found.sheet.separator,
        "heading": found.sheet.heading is not None,
        "columns": dict(found.sheet.columns),
        "shared": shared,
        **counts(found),
    }
    tx.execute(
        "update contact_imports set taken = %s where tenant_id = %s and id = %s",
        (json.dumps(told), user.tenant_id, import_id),
    )
    _record(tx, user, import_id, found, shared=shared)
    return found


def take_content(
    tx: Transaction, user: User, content: bytes, reading: Reading, *, shared: bool, group_id: int | None = None
) -> Preview:
    """As `take`, of a file that lies nowhere, without a word to the audit."""
    group = None if group_id is None else contact_groups.get(tx, user, group_id)
    if group is not None:
        contacts.check_change(user, group)
        if group.shared and not shared:
            raise contact_groups.NotShared(
                _("{group} is shared, and so are the contacts in it: share these as well.").format(group=group.name)
            )
    found = preview(tx, user, content, reading, shared=shared)
    if "number" not in found.sheet.columns:
        raise NoColumn(_("Say in which column the fax numbers are."))
    contacts.check_room(tx, user, shared=shared, more=len(found.new))
    ids = list(found.known)
    for at in range(0, len(found.new), _AT_ONCE):
        ids += contacts.insert(tx, user, found.new[at : at + _AT_ONCE], shared=shared)
    changes = list(found.changed.items())
    for at in range(0, len(changes), _AT_ONCE):
        contacts.update(tx, user.tenant_id, dict(changes[at : at + _AT_ONCE]))
    if group is not None:
        contact_groups.put_in(tx, user.tenant_id, group, ids)
    return found


def take_at_once(
    tx: Transaction, user: User, content: bytes, reading: Reading, *, shared: bool, group_id: int | None = None
) -> Preview:
    """Takes a file in that nobody has to look at first. Raises as `take`."""
    found = take_content(tx, user, content, reading, shared=shared, group_id=group_id)
    _record(tx, user, 0, found, shared=shared)
    return found


def counts(found: Preview) -> dict[str, int]:
    """How many lines became what."""
    return {
        "new": len(found.new),
        "changed": len(found.changed),
        "same": found.same,
        "unreadable": len(found.unreadable),
    }


def left(found: Preview, separator: str = ",") -> str:
    """A CSV file of what could not be taken, to be corrected and brought again: each line with its number, and why."""
    width = found.sheet.width
    rows = [[*_wide(each.record, width), str(each.record.line), each.why] for each in found.unreadable]
    heading = found.sheet.heading
    if heading is None:
        return contact_files.write(rows, separator)
    return contact_files.write(
        [[*_wide(Record(1, heading, ""), max(width, len(heading))), _("Line"), _("Why")], *rows], separator
    )


def _wide(record: Record, width: int) -> list[str]:
    cells = [record.raw] if record.cells is None else record.cells
    return [*cells, *[""] * (width - len(cells))]


def _checked(sheet: Sheet, country: str) -> tuple[list[tuple[Record, Entry]], list[Unreadable]]:
    @cache
    def normalised(number: str) -> str:
        return numbers.normalise(number, country)

    lines, unreadable = [], []
    for record in sheet.records:
        if record.cells is None:
            unreadable.append(Unreadable(record, _(_BROKEN)))
            continue
        if "number" not in sheet.columns:
            continue
        entry = contact_files.entry_of(record, sheet.columns)
        try:
            if not entry.number:
                raise UnreadableFile(_("There is no fax number."))
            lines.append((record, contacts.checked(replace(entry, number=normalised(entry.number)), country)))
        except FaxplanError as error:
            unreadable.append(Unreadable(record, str(error)))
    return lines, unreadable


def _there(tx: Transaction, user: User, wanted: Sequence[str], *, shared: bool) -> dict[tuple[str, str], Contact]:
    found: dict[tuple[str, str], Contact] = {}
    for each in contacts.with_numbers(tx, user, wanted, shared=shared):
        found.setdefault(_key(each.entry), each)
    return found


def _key(entry: Entry) -> tuple[str, str]:
    return entry.number, contact_words.folded(entry.shown)


def _merged(before: Entry, now: Entry) -> Entry:
    return Entry(
        now.name or before.name,
        now.company or before.company,
        now.number,
        now.email or before.email,
        now.note or before.note,
    )


def _record(tx: Transaction, user: User, import_id: int, found: Preview, *, shared: bool) -> None:
    details: dict[str, Any] = {"shared": shared, **counts(found)}
    object_ = f"contact-import:{import_id}"
    audit.record(tx, user.tenant_id, actor=f"user:{user.id}", action="contact.import", object=object_, **details)
