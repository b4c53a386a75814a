"""Enters what another fax server had (import_inventory): what is there already stays, what cannot be is told of.

An organisation is one transaction of role admin: tenant, users, mailboxes and their readers, DIDs, each with its audit
row. Contacts follow in the name of who is to have them, as they would bring them themselves (contact_imports). Said
again, it enters what is missing: so a run that was interrupted, or of which something was mended, is just repeated.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import phonenumbers

from faxplan import (
    admission,
    audit,
    contact_files,
    contact_groups,
    contact_imports,
    contacts,
    dids,
    import_inventory,
    mailboxes,
    membership,
    numbers,
    tenants,
    user_keys,
    users,
)
from faxplan.audit import Who
from faxplan.contact_files import Reading
from faxplan.db import Database, Transaction
from faxplan.errors import FaxplanError, InvalidNumber, NotFound
from faxplan.import_inventory import Known, Left, Organisation
from faxplan.tenants import Tenant
from faxplan.users import User

KINDS = ("tenant", "user", "mailbox", "reader", "number", "contact")
_READING = Reading("comma", True, {name: at for at, name in enumerate(("name", "company", "number", "email", "note"))},
                   contact_files.UTF_8)  # fmt: skip


class Unplaced(FaxplanError):
    """A new tenant needs what the export does not say."""

    error_id = "unplaced"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the export does not say. country, time_zone: of a tenant that is new, where it does not say them itself.

    number_format: one of numbers.INBOUND_FORMATS. contacts_of: the address of who is to have shared contacts, and those
    of nobody; None: the tenant's first administrator.
    """

    country: str | None = None
    time_zone: str | None = None
    number_format: str = "any"
    contacts_of: str | None = None


@dataclass(slots=True)
class Outcome:
    """Of one organisation. new, there: how many of each of KINDS were entered, and were there. without_password: the
    addresses of those of its people who have none here yet, in the order of the export."""

    slug: str
    new: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    there: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    left: list[Left] = field(default_factory=list)
    without_password: list[str] = field(default_factory=list)

    def count(self, kind: str, *, new: bool) -> None:
        """One more."""
        counts = self.new if new else self.there
        counts[kind] += 1


class _Tried(Exception):
    """Takes the transaction back."""


def tried(admin: Database, organisation: Organisation, wishes: Wishes) -> Outcome:
    """What `enter` would do; nothing is changed. Of contacts only whether each can be one is looked at."""
    outcome = Outcome(organisation.slug)
    try:
        with admin.across_tenants() as tx:
            tenant = _Entering(tx, "", "", organisation, wishes, outcome).all()
            raise _Tried
    except _Tried:
        pass
    for known in organisation.contacts:
        try:
            contacts.checked(known.entry, tenant.country)
            outcome.count("contact", new=True)
        except FaxplanError as error:
            outcome.left.append(_left_contact(known, error))
    return outcome


def enter(
    admin: Database, portal: Database, actor: Who, system: str, organisation: Organisation, wishes: Wishes
) -> Outcome:
    """Raises Unplaced, and as tenants.create: nothing of the organisation is entered then."""
    outcome = Outcome(organisation.slug)
    with admin.across_tenants() as tx:
        tenant = _Entering(tx, actor, system, organisation, wishes, outcome).all()
    if organisation.contacts:
        _enter_contacts(admin, portal, tenant, organisation.contacts, wishes, outcome)
    return outcome


class _Entering:
    """One organisation, while it is entered."""

    def __init__(
        self,
        tx: Transaction,
        actor: Who,
        system: str,
        organisation: Organisation,
        wishes: Wishes,
        outcome: Outcome,
    ) -> None:
        self._tx = tx
        self._actor = actor
        self._system = system
        self._organisation = organisation
        self._wishes = wishes
        self._outcome = outcome

    def all(self) -> Tenant:
        """Everything but contacts. The tenant's rows of the audit come last, after the installation's."""
        tenant = self._tenant()
        self._tx.enter_tenant(tenant.id)
        for person in self._organisation.people:
            self._apart(f"user {person.email}", partial(self._person, tenant, person))
        for box in self._organisation.boxes:
            self._apart(f"mailbox {box.name}", partial(self._box, tenant, box))
        for number in self._organisation.numbers:
            what = f"number {number.number}"
            self._apart(what, partial(self._number, tenant, number))
        return tenant

    def _apart(self, what: str, enter: Callable[[], None]) -> None:
        """One thing; where it cannot be entered nothing of it is, and the rest is."""
        try:
            with self._tx.apart():
                enter()
        except FaxplanError as error:
            if error.retryable:
                raise
            self._outcome.left.append(Left(what, str(error)))

    def _record(self, tenant_id: int, action: str, what: str, **details: Any) -> None:
        if self._actor:
            audit.record(self._tx, tenant_id, actor=self._actor, action=action, object=what, of=self._system, **details)

    def _tenant(self) -> Tenant:
        slug = self._organisation.slug
        try:
            found = tenants.by_slug(self._tx, slug)
        except NotFound:
            found = self._new_tenant(slug)
            self._outcome.count("tenant", new=True)
        else:
            if self._organisation.is_guess and found.name != self._organisation.name:
                source = self._organisation.source
                raise Unplaced(
                    f"There is a tenant {slug} already, and it is called {found.name}. If that is {source}: --tenant "
                    f"{source}={slug}. If it is not, say another short name there."
                )
            self._outcome.count("tenant", new=False)
        return found

    def _new_tenant(self, slug: str) -> Tenant:
        country = self._organisation.country or self._wishes.country
        time_zone = self._organisation.time_zone or self._wishes.time_zone
        if not country or not time_zone:
            raise Unplaced(
                f"There is no tenant {slug} yet, and {self._organisation.source} does not say in which country and "
                "time zone it is. Say both, such as --country DE --time-zone Europe/Berlin."
            )
        tenant = tenants.create(
            self._tx, slug=slug, name=self._organisation.name, country=country.upper(), time_zone=time_zone
        )
        self._record(audit.INSTALLATION, "tenant.add", f"tenant:{tenant.id}", slug=slug)
        return tenant

    def _person(self, tenant: Tenant, person: import_inventory.Person) -> None:
        try:
            known = users.by_email(self._tx, tenant.id, person.email)
        except NotFound:
            role = users.ADMINISTRATOR if person.administrator else users.USER
            user = users.create(self._tx, tenant.id, email=person.email, name=person.name[:200], role=role)
            self._record(tenant.id, "user.add", f"user:{user.id}", email=user.email, role=role, operator=False)
            self._outcome.without_password.append(user.email)
            self._outcome.count("user", new=True)
        else:
            if user_keys.current(self._tx, tenant.id, known.id) is None:
                self._outcome.without_password.append(known.email)
            self._outcome.count("user", new=False)

    def _box(self, tenant: Tenant, box: import_inventory.Box) -> None:
        try:
            mailbox_id = mailboxes.by_name(self._tx, tenant.id, box.name)
        except NotFound:
            mailbox_id = mailboxes.create_group(self._tx, tenant.id, box.name)
            self._record(tenant.id, "mailbox.add", f"mailbox:{mailbox_id}", name=box.name)
            self._outcome.count("mailbox", new=True)
        else:
            self._outcome.count("mailbox", new=False)
        for email in box.readers:
            what = f"{email} as a reader of mailbox {box.name}"
            self._apart(what, partial(self._reader, tenant, mailbox_id, email))

    def _reader(self, tenant: Tenant, mailbox_id: int, email: str) -> None:
        user = users.by_email(self._tx, tenant.id, email)
        if mailboxes.is_member(self._tx, tenant.id, mailbox_id, user.id):
            self._outcome.count("reader", new=False)
            return
        # Where faxes lie an export's word lets nobody in, no more than an administrator's.
        admission.refuse_into_faxes(self._tx, tenant.id, mailbox_id)
        membership.join(self._tx, tenant.id, mailbox_id, user)
        self._record(tenant.id, "mailbox.add-member", f"mailbox:{mailbox_id}", user=f"user:{user.id}", by=None)
        self._outcome.count("reader", new=True)

    def _number(self, tenant: Tenant, number: import_inventory.Number) -> None:
        e164 = e164_of(number.number, tenant.country, self._wishes.number_format)
        mailbox_id = mailboxes.by_name(self._tx, tenant.id, number.mailbox)
        if _leads_to(self._tx, tenant.id, e164, mailbox_id):
            self._outcome.count("number", new=False)
            return
        mailboxes.check_may_receive(self._tx, tenant.id, mailbox_id)
        dids.assign(self._tx, tenant.id, e164, mailbox_id)
        if number.name:
            dids.change(self._tx, tenant.id, e164, {"name": number.name})
        self._record(tenant.id, "did.add", f"did:{e164}", mailbox=f"mailbox:{mailbox_id}")
        self._outcome.count("number", new=True)


def _leads_to(tx: Transaction, tenant_id: int, number: str, mailbox_id: int) -> bool:
    try:
        return dids.mailbox_of(tx, tenant_id, number) == mailbox_id
    except NotFound:
        return False


def e164_of(text: str, country: str, number_format: str) -> str:
    """A DID as another server wrote it. With "any" a number without + is read as E.164 and as one of `country`, and is
    the one of these that its numbering plan knows. Raises InvalidNumber, also where that does not decide.
    """
    if text.strip().startswith("+"):
        return numbers.normalise(text, country)
    found = [number for _format, number in numbers.readings(text, country, number_format)]
    valid = [each for each in found if phonenumbers.is_valid_number(numbers.read(each, country))]
    at_home = [each for each in valid if each.startswith(f"+{phonenumbers.country_code_for_region(country)}")]
    if number_format == "any" and len(at_home) != 1 and len(found) > 1:
        raise InvalidNumber(
            f"{text[:40]!r} may be {found[0]} or {found[1]}. Say how numbers are written there: --numbers."
        )
    return next(iter(at_home or valid), None) or numbers.normalise(text, country)


def _left_contact(known: Known, error: FaxplanError | str) -> Left:
    return Left(f"contact {known.entry.shown} {known.entry.number}", str(error))


def _enter_contacts(
    admin: Database, portal: Database, tenant: Tenant, found: Sequence[Known], wishes: Wishes, outcome: Outcome
) -> None:
    with admin.across_tenants() as tx:
        tx.enter_tenant(tenant.id)
        roles = {row["email"]: row["role"] for row in users.of_tenant(tx, tenant.id)}
    keeper = _keeper(roles, wishes)
    of_owner: dict[tuple[str, bool], list[Known]] = {}
    for known in found:
        shared = known.owner is None or known.owner not in roles
        owner = keeper if shared else known.owner
        if owner is None:
            why = "Nobody is there who could share it: --contacts-of names somebody of the tenant."
            outcome.left.append(_left_contact(known, why))
            continue
        of_owner.setdefault((owner, shared), []).append(known)
    for (email, shared), theirs in of_owner.items():
        try:
            with portal.tenant(tenant.id) as tx:
                _bring(tx, users.by_email(tx, tenant.id, email), theirs, outcome, shared=shared)
        except FaxplanError as error:
            if error.retryable:
                raise
            what = f"{len(theirs)} contacts of {email}"
            outcome.left.append(Left(what, str(error)))


def _keeper(roles: Mapping[str, str], wishes: Wishes) -> str | None:
    if wishes.contacts_of is not None:
        wanted = wishes.contacts_of.strip().lower()
        return wanted if wanted in roles else None
    return next((email for email, role in roles.items() if role == users.ADMINISTRATOR), None)


def _bring(tx: Transaction, user: User, found: Sequence[Known], outcome: Outcome, *, shared: bool) -> None:
    """As a file that they bring, and then what belongs into each group once more, which changes no contact."""
    for at in range(0, len(found), contact_files.MOST_LINES - 1):
        some = found[at : at + contact_files.MOST_LINES - 1]
        brought = contact_imports.take_at_once(tx, user, _file(some), _READING, shared=shared)
        outcome.new["contact"] += len(brought.new)
        outcome.there["contact"] += len(brought.changed) + brought.same
        # The heading is line 1, and no cell has a line end but a note, which is kept in one line here.
        outcome.left.extend(_left_contact(some[each.record.line - 2], each.why) for each in brought.unreadable)
    for name in sorted({group for known in found for group in known.groups}):
        group = _group(tx, user, name, shared=shared)
        members = [known for known in found if name in known.groups]
        for at in range(0, len(members), contact_files.MOST_LINES - 1):
            some = members[at : at + contact_files.MOST_LINES - 1]
            contact_imports.take_at_once(tx, user, _file(some), _READING, shared=shared, group_id=group)


def _group(tx: Transaction, user: User, name: str, *, shared: bool) -> int:
    try:
        found = contact_groups.named(tx, user, name)
        if found.shared == shared:
            return found.id
    except NotFound:
        pass
    return contact_groups.add(tx, user, name, shared=shared).id


def _file(some: Sequence[Known]) -> bytes:
    entries = [known.entry for known in some]
    rows = ([each.name, each.company, each.number, each.email, " ".join(each.note.split())] for each in entries)
    return contact_files.write([["Name", "Company", "Fax number", "E-mail", "Note"], *rows]).encode()
