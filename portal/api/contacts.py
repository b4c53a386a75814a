"""Contacts and their groups: listed, made, changed, deleted."""

from werkzeug.wrappers import Response

from faxplan import contact_groups, contacts
from faxplan.contacts import Entry, Wanted
from faxplan.errors import NotFound
from faxplan.language import _
from faxplan.users import User
from portal.api import call as calls
from portal.api import shapes_contacts as shapes
from portal.api.call import Call
from portal.api.shapes_contacts import (
    Contact,
    ContactFilters,
    ContactList,
    Group,
    GroupName,
    Members,
    NewContact,
    NewGroup,
)


def listed(call: Call) -> Response:
    """Some of those that the user sees, by name."""
    asked = call.asked(ContactFilters)
    after = calls.named_place_of(asked.cursor, shapes.LONGEST_CURSOR)
    with call.db.tenant(call.tenant.id) as tx:
        if asked.group is not None:
            contact_groups.get(tx, call.user, asked.group)
        wanted = Wanted(asked.text, asked.scope.value, asked.group)
        found = contacts.find(tx, call.user, wanted, limit=asked.limit + 1, after=after)
    part = found[: asked.limit]
    onward = (part[-1].sort_key, part[-1].id) if len(found) > asked.limit else None
    return calls.answer(
        ContactList(contacts=[_shown(call.user, each) for each in part], next=calls.named_cursor_of(onward))
    )


def one(call: Call) -> Response:
    """All about one."""
    with call.db.tenant(call.tenant.id) as tx:
        found = contacts.get(tx, call.user, call.path["number"])
    return calls.answer(_shown(call.user, found))


def add(call: Call) -> Response:
    """One more."""
    given = call.given(NewContact)
    with call.db.tenant(call.tenant.id) as tx:
        made = contacts.add(tx, call.user, _entry(given), shared=given.shared)
        return calls.kept(tx, call, _shown(call.user, made), 201)


def change(call: Call) -> Response:
    """Other values for one: all of them."""
    given = call.given(NewContact)
    with call.db.tenant(call.tenant.id) as tx:
        changed = contacts.change(tx, call.user, call.path["number"], _entry(given), shared=given.shared)
    return calls.answer(_shown(call.user, changed))


def remove(call: Call) -> Response:
    """It is gone, and from all groups."""
    with call.db.tenant(call.tenant.id) as tx:
        contacts.remove(tx, call.user, call.path["number"])
    return calls.nothing()


def _entry(given: NewContact) -> Entry:
    return Entry(given.name, given.company, given.number, given.email, given.note)


def _shown(user: User, each: contacts.Contact) -> Contact:
    return Contact(
        id=each.id, number=each.number, name=each.name, company=each.company, email=each.email, note=each.note,
        shared=each.shared, may_change=contacts.may_change(user, each), created_at=each.created_at,
        changed_at=each.changed_at,
    )  # fmt: skip


# --------------------------------------------------------------------------------------------------------------- groups


def groups(call: Call) -> Response:
    """All that the user sees."""
    with call.db.tenant(call.tenant.id) as tx:
        found = contact_groups.of_user(tx, call.user)
    return calls.answer(shapes.Groups(groups=[_group(call.user, each) for each in found]))


def add_group(call: Call) -> Response:
    """One more, without contacts."""
    given = call.given(NewGroup)
    with call.db.tenant(call.tenant.id) as tx:
        made = contact_groups.add(tx, call.user, given.name, shared=given.shared)
        return calls.kept(tx, call, _group(call.user, made), 201)


def rename_group(call: Call) -> Response:
    """Another name."""
    with call.db.tenant(call.tenant.id) as tx:
        changed = contact_groups.rename(tx, call.user, call.path["number"], call.given(GroupName).name)
    return calls.answer(_group(call.user, changed))


def remove_group(call: Call) -> Response:
    """It is gone; its contacts stay."""
    with call.db.tenant(call.tenant.id) as tx:
        contact_groups.remove(tx, call.user, call.path["number"])
    return calls.nothing()


def put_in(call: Call) -> Response:
    """Contacts into a group."""
    with call.db.tenant(call.tenant.id) as tx:
        added = contact_groups.put(tx, call.user, call.path["number"], call.given(Members).contacts)
    return calls.answer(shapes.PutIn(added=added))


def take_out(call: Call) -> Response:
    """One out of a group."""
    with call.db.tenant(call.tenant.id) as tx:
        if not contact_groups.take(tx, call.user, call.path["number"], [call.path["contact"]]):
            raise NotFound(_("This contact is not in this group."))
    return calls.nothing()


def _group(user: User, each: contact_groups.Group) -> Group:
    return Group(
        id=each.id, name=each.name, shared=each.shared, contacts=each.members,
        may_change=contacts.may_change(user, each),
    )  # fmt: skip
