"""Where one can go: the portal's main pages, by who may go there."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from faxplan import permissions
from faxplan.language import marked
from faxplan.permissions import CONTACTS, Permission
from faxplan.users import User
from portal.roles import ADMINISTRATOR, OPERATOR, USER, Role

STOP = "/stop"
"""Where who gets faxes of a campaign asks for no more; it stands on their first page, behind the host."""


@dataclass(frozen=True, slots=True)
class Place:
    """name: by which a page says that it is the one (`place` in its template). icon: of templates/icons.html.
    is_near: one of the few in a phone's bar; the others are in the menu. needs: what one has to be permitted."""

    name: str
    address: str
    label: str
    icon: str
    is_near: bool = False
    needs: Permission | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """Places of a role. title: empty for everybody's."""

    role: Role
    title: str
    places: tuple[Place, ...]


PARTS = (
    Part(
        USER,
        "",
        (
            Place("inbox", "/inbox", marked("Inbox"), "inbox", is_near=True, needs=permissions.RECEIVE),
            Place("sent", "/sent", marked("Sent"), "sent", is_near=True),
            Place("campaigns", "/campaigns", marked("Campaigns"), "horn", needs=Permission.CAMPAIGNS),
            Place("contacts", "/contacts", marked("Contacts"), "book", is_near=True, needs=CONTACTS),
        ),
    ),
    Part(
        ADMINISTRATOR,
        marked("Organisation"),
        (
            Place("people", "/organisation/people", marked("People"), "people"),
            Place("mailboxes", "/organisation/mailboxes", marked("Mailboxes"), "boxes"),
            Place("numbers", "/organisation/numbers", marked("Numbers"), "hash"),
            Place("quotas", "/organisation/quotas", marked("Quotas"), "gauge"),
            Place("settings", "/organisation/settings", marked("Settings"), "gear"),
            Place("brand", "/organisation/brand", marked("Brand"), "brush"),
            Place("mail", "/organisation/mail", marked("Mail"), "mail"),
            Place("covers", "/organisation/covers", marked("Cover pages"), "sheet"),
            Place("retention", "/organisation/retention", marked("Retention"), "clock"),
            Place("do-not-fax", "/organisation/do-not-fax", marked("Do not fax"), "bar_sign"),
            Place("reports", "/organisation/reports", marked("Reports"), "chart"),
            Place("sign-on", "/organisation/sign-on", marked("Single sign-on"), "key"),
            Place("webhooks", "/organisation/webhooks", marked("Webhooks"), "fork", needs=Permission.API),
            Place("audit", "/organisation/audit", marked("Audit"), "book"),
            Place("recovery", "/organisation/recovery", marked("Recovery key"), "key"),
        ),
    ),
    Part(
        OPERATOR,
        marked("Installation"),
        (
            Place("overview", "/installation", marked("Overview"), "gauge"),
            Place("tenants", "/installation/tenants", marked("Tenants"), "building"),
            Place("all-numbers", "/installation/numbers", marked("All numbers"), "hash"),
            Place("trunks", "/installation/trunks", marked("Trunks"), "trunk"),
            Place("routes", "/installation/routes", marked("Routes"), "fork"),
            Place("calls", "/installation/calls", marked("Calls"), "phone"),
            Place("queue", "/installation/queue", marked("Queue"), "queue"),
            Place("nodes", "/installation/nodes", marked("Nodes"), "node"),
            Place("failures", "/installation/failures", marked("Failures"), "rules"),
            Place("barring", "/installation/barring", marked("Refusals"), "bar_sign"),
            Place("installation-audit", "/installation/audit", marked("Audit"), "book"),
            Place("installation-settings", "/installation/settings", marked("Settings"), "gear"),
        ),
    ),
)


_WITHIN = re.compile(r"/(?![/\\])[A-Za-z0-9/_.~?&=%+,:-]{0,2000}")


def within(address: str) -> str:
    """An address of ours to which an address leads on; empty where it is none: it may be anybody's."""
    return address if _WITHIN.fullmatch(address) else ""


def parts(user: User, permitted: Collection[Permission], *, has_administration: bool) -> Iterator[Part]:
    """Those that a user has, with the places to which they may go. has_administration: whether administration is
    answered at all here."""
    for part in PARTS:
        if part.role.is_of(user) and (has_administration or part.role is USER):
            yield replace(part, places=tuple(each for each in part.places if each.needs in (None, *permitted)))
