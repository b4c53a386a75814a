"""Groups of contacts: a user's own, or shared by the whole tenant, as contacts are (role portal).

A contact may be in several. A shared group has shared contacts only; a user's own has theirs and shared ones. Each
function works within a tenant.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from faxplan import audit, contact_words, contacts
from faxplan.constraints import ConstraintViolated
from faxplan.contacts import Contact
from faxplan.db import Transaction
from faxplan.errors import FaxplanError, NotFound
from faxplan.language import _
from faxplan.users import User

MOST = 200
"""Of a tenant's shared groups, and of each user's own."""
MOST_MEMBERS = 1000
_TURN = 0x636F67
_LONGEST_NAME = 100


class TooManyGroups(FaxplanError):
    """There is no room for another group."""

    error_id = "too-many-groups"


class GroupFull(FaxplanError):
    """A group has no room for so many contacts."""

    error_id = "group-full"


class NotShared(FaxplanError):
    """A contact that is a user's own cannot be in a group that others see."""

    error_id = "not-shared"


@dataclass(frozen=True, slots=True)
class Group:
    """owner_id None: it is shared. members: how many contacts are in it."""

    id: int
    owner_id: int | None
    made_by: int
    name: str
    members: int

    @property
    def shared(self) -> bool:
        """Whether the whole tenant sees it."""
        return self.owner_id is None


_GROUPS = """
    select g.id, g.owner_id, g.made_by, g.name, (
        select count(*) from contact_group_members m where m.tenant_id = g.tenant_id and m.group_id = g.id) as members
    from contact_groups g where g.tenant_id = %(tenant)s and g.scope in (0, %(user)s)"""


def of_user(tx: Transaction, user: User) -> list[Group]:
    """Those that a user sees, by name. Raises Forbidden, as all of this does, for who may have no contacts."""
    contacts.check_permitted(tx, user)
    rows = tx.rows(f"{_GROUPS} order by g.sort_key, g.id", {"tenant": user.tenant_id, "user": user.id})
    return [Group(**row) for row in rows]


def beginning(tx: Transaction, user: User, text: str) -> list[Group]:
    """Those of which a word of the name begins as each word of the text."""
    sought = contact_words.folded(text).split()
    return [
        each
        for each in of_user(tx, user)
        if sought
        and all(any(word.startswith(one) for word in contact_words.folded(each.name).split()) for one in sought)
    ]


def of_contact(tx: Transaction, user: User, contact_id: int) -> list[Group]:
    """Those of them that a contact is in."""
    contacts.check_permitted(tx, user)
    rows = tx.rows(
        f"""{_GROUPS} and exists (select from contact_group_members i where i.tenant_id = g.tenant_id
                                  and i.group_id = g.id and i.contact_id = %(contact)s) order by g.sort_key, g.id""",
        {"tenant": user.tenant_id, "user": user.id, "contact": contact_id},
    )
    return [Group(**row) for row in rows]


def get(tx: Transaction, user: User, group_id: int) -> Group:
    """Raises NotFound, for another user's own as well."""
    contacts.check_permitted(tx, user)
    row = tx.row(f"{_GROUPS} and g.id = %(group)s", {"tenant": user.tenant_id, "user": user.id, "group": group_id})
    if row is None:
        raise NotFound(_("You have no group {number}.").format(number=group_id))
    return Group(**row)


def named(tx: Transaction, user: User, name: str) -> Group:
    """By its name; one's own before a shared one. Raises NotFound."""
    contacts.check_permitted(tx, user)
    rows = tx.rows(
        f"{_GROUPS} and g.sort_key = %(key)s order by g.scope desc",
        {"tenant": user.tenant_id, "user": user.id, "key": _key(_checked(name))},
    )
    if not rows:
        raise NotFound(_("You have no group {name}.").format(name=repr(name[:100])))
    return Group(**rows[0])


def add(tx: Transaction, user: User, name: str, *, shared: bool) -> Group:
    """Raises ConstraintViolated and TooManyGroups."""
    contacts.check_permitted(tx, user)
    name = _checked(name)
    scope = 0 if shared else user.id
    tx.take_turn(_TURN, user.tenant_id)
    count = tx.value("select count(*) from contact_groups where tenant_id = %s and scope = %s", (user.tenant_id, scope))
    if count >= MOST:
        raise TooManyGroups(_("There are {count} groups, and no room for more. Delete one first.").format(count=count))
    group_id = tx.value(
        """insert into contact_groups (tenant_id, owner_id, made_by, name, sort_key)
           values (%s, %s, %s, %s, %s) returning id""",
        (user.tenant_id, None if shared else user.id, user.id, name, _key(name)),
    )
    _record(tx, user, "contact-group.add", group_id, shared=shared)
    return get(tx, user, group_id)


def rename(tx: Transaction, user: User, group_id: int, name: str) -> Group:
    """Raises NotFound, Forbidden and ConstraintViolated."""
    name = _checked(name)
    contacts.check_change(user, get(tx, user, group_id))
    tx.execute(
        "update contact_groups set name = %s, sort_key = %s where tenant_id = %s and id = %s",
        (name, _key(name), user.tenant_id, group_id),
    )
    _record(tx, user, "contact-group.change", group_id)
    return get(tx, user, group_id)


def remove(tx: Transaction, user: User, group_id: int) -> Group:
    """What it was; its contacts stay. Raises NotFound and Forbidden."""
    gone = get(tx, user, group_id)
    contacts.check_change(user, gone)
    tx.execute("delete from contact_groups where tenant_id = %s and id = %s", (user.tenant_id, group_id))
    _record(tx, user, "contact-group.remove", group_id, shared=gone.shared)
    return gone


def put(tx: Transaction, user: User, group_id: int, ids: Sequence[int]) -> int:
    """Contacts into a group; how many were not in it. What a user does not see is passed over.

    Raises NotFound, Forbidden, NotShared and GroupFull.
    """
    group = get(tx, user, group_id)
    contacts.check_change(user, group)
    found = contacts.some(tx, user, ids)
    own = next((each for each in found if not each.shared), None)
    if group.shared and own is not None:
        raise NotShared(
            _(
                "{contact} is a contact of your own, and {group} is shared: whoever looks into it would see it. Share "
                "the contact first, or choose a group of your own."
            ).format(contact=own.shown, group=group.name)
        )
    added = put_in(tx, user.tenant_id, group, [each.id for each in found])
    _record(tx, user, "contact-group.put", group_id, contacts=added)
    return added


def put_in(tx: Transaction, tenant_id: int, group: Group, ids: Sequence[int]) -> int:
    """As `put`, of contacts that may be in it, without a word to the audit. Raises GroupFull."""
    tx.take_turn(_TURN, tenant_id)
    added = tx.execute(
        """insert into contact_group_members (tenant_id, group_id, contact_id)
           select %s, %s, i from unnest(%s::bigint[]) i on conflict do nothing""",
        (tenant_id, group.id, list(ids)),
    )
    count = tx.value(
        "select count(*) from contact_group_members where tenant_id = %s and group_id = %s", (tenant_id, group.id)
    )
    if count > MOST_MEMBERS:
        raise GroupFull(
            _("{group} would have {count} contacts, and a group has {most} at most. Make another group.").format(
                group=group.name, count=count, most=MOST_MEMBERS
            )
        )
    return added


def take(tx: Transaction, user: User, group_id: int, ids: Sequence[int]) -> int:
    """Contacts out of a group; how many were in it. Raises NotFound and Forbidden."""
    contacts.check_change(user, get(tx, user, group_id))
    taken = tx.execute(
        "delete from contact_group_members where tenant_id = %s and group_id = %s and contact_id = any(%s::bigint[])",
        (user.tenant_id, group_id, list(ids)),
    )
    _record(tx, user, "contact-group.take", group_id, contacts=taken)
    return taken


def chosen(tx: Transaction, user: User, contact_ids: Sequence[int], group_ids: Sequence[int]) -> list[Contact]:
    """The contacts that are meant by these contacts and groups, by name, each number once. Raises NotFound, and for
    who may have no contacts Forbidden, unless none are meant."""
    if not contact_ids and not group_ids:
        return []
    seen = {group.id: group for group in of_user(tx, user)}
    for each in group_ids:
        if each not in seen:
            get(tx, user, each)
    rows = tx.rows(
        """select m.contact_id from contact_group_members m
           where m.tenant_id = %s and m.group_id = any(%s::bigint[])""",
        (user.tenant_id, list(group_ids)),
    )
    found = contacts.some(tx, user, [*contact_ids, *(row["contact_id"] for row in rows)])
    missing = set(contact_ids) - {each.id for each in found}
    if missing:
        contacts.get(tx, user, min(missing))
    first: dict[str, Contact] = {}
    for contact in found:
        first.setdefault(contact.number, contact)
    return list(first.values())


def _checked(name: str) -> str:
    name = " ".join(name.split())
    if not 0 < len(name) <= _LONGEST_NAME or not all(map(contacts.can_be_shown, name)):
        raise ConstraintViolated("contact_groups_name_form")
    return name


def _key(name: str) -> str:
    # Should nothing be left of it, its own letters tell it from others.
    return contact_words.folded(name)[:200] or name


def _record(tx: Transaction, user: User, action: str, group_id: int, **details: Any) -> None:
    object_ = f"contact-group:{group_id}"
    audit.record(tx, user.tenant_id, actor=f"user:{user.id}", action=action, object=object_, **details)
