"""Cover pages of faxes: a page of its own before the pages of a document, which names whom this one fax goes to.

A document is rendered once, however many faxes send it, and each fax has its own cover: what it says
(cover_layout.Sheet) is sealed as the fax is handed in, as a document of the fax; a worker draws it once the document's
pages are known (cover_drawing), and staging puts it before them. So nothing of it lies in the database, and it ends
with its fax.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from faxplan import (
    brands,
    contact_names,
    cover_layout,
    cover_page,
    cover_templates,
    documents,
    language,
    numbers,
    originals,
    tenants,
)
from faxplan.contacts import Contact
from faxplan.cover_layout import Sheet
from faxplan.cover_page import Job
from faxplan.cover_templates import CoverTemplate
from faxplan.db import Database, Transaction
from faxplan.document_store import Store
from faxplan.documents import Sealed
from faxplan.errors import FaxplanError, NotFound
from faxplan.files import write_whole
from faxplan.language import _
from faxplan.outbound import Cover
from faxplan.paper import Resolution
from faxplan.tenants import Tenant
from faxplan.users import User

LONGEST = 200
"""Of what is written on one line, in characters."""
LONGEST_MESSAGE = 6000


class InvalidCover(FaxplanError):
    """What a cover page is to say is too long."""

    error_id = "invalid-cover"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a user wants a cover page to say. template_id: as cover_templates.get; None: the tenant's default. to_name,
    to_company: of one recipient; of several, of those who are no contacts: contacts are called what they are called.
    """

    template_id: int | None = cover_templates.PLAIN_ID
    to_name: str = ""
    to_company: str = ""
    subject: str = ""
    message: str = ""
    phone: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class To:
    """Where one fax goes. called, calling: E.164; None: not known yet. when: not before. name: of who is to get this
    one; empty: as it is wanted of all."""

    called: str | None
    calling: str | None = None
    when: datetime | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """A cover that is sealed, and not recorded yet. pages: as far as that is known before it is drawn."""

    sealed: Sealed
    pages: int


def sheets(
    tx: Transaction, user: User, wanted: Wanted, to: Sequence[To], chosen: Sequence[Contact] = ()
) -> list[Sheet]:
    """What the covers of faxes to these say. chosen: contacts among them. Raises NotFound and InvalidCover."""
    if wanted.template_id is None:
        template = cover_templates.default(tx, user.tenant_id)
    else:
        template = cover_templates.get(tx, user.tenant_id, wanted.template_id)
    wanted = checked(wanted)
    return _sheets(tx, user, template, [(wanted, each) for each in to], chosen, alone=len(to) == 1)


def own_sheets(
    tx: Transaction, user: User, template: CoverTemplate, each: Sequence[tuple[Wanted, To]], notice: str = ""
) -> list[Sheet]:
    """The same, of which each is to say something of its own. each: as `checked` gives it. notice: at the foot of the
    first page."""
    return [replace(sheet, notice=notice) for sheet in _sheets(tx, user, template, each, (), alone=True)]


def _sheets(tx: Transaction, user: User, template: CoverTemplate, each: Sequence[tuple[Wanted, To]],
            chosen: Sequence[Contact], *, alone: bool) -> list[Sheet]:  # fmt: skip
    tenant = tenants.get(tx, user.tenant_id)
    brand = brands.of(tx, user.tenant_id, tenant.name)
    known = contact_names.of_numbers(tx, user, [to.called for _wanted, to in each if to.called])
    known |= {contact.number: contact for contact in chosen}
    common = Sheet(
        brand.name,
        template.body,
        template.footer,
        {"from_name": user.name or user.email, "from_company": tenant.sender_name},
        _labels(),
        cover_layout.on_letter(tenant.country),
    )
    return [
        replace(
            common,
            values={
                **common.values,
                "phone": wanted.phone,
                "subject": wanted.subject,
                "message": wanted.message,
                "reference": wanted.reference,
                **_of_one(tenant, wanted, to, known, alone=alone),
            },
        )
        for wanted, to in each
    ]


def _of_one(tenant: Tenant, wanted: Wanted, to: To, known: Mapping[str, Contact], *, alone: bool) -> dict[str, str]:
    contact = known.get(to.called or "")
    written = wanted.to_name, wanted.to_company
    if to.name:
        name, company = to.name, ""
    elif contact is None or (alone and any(written)):
        name, company = written
    else:
        name, company = contact.name, contact.company
    return {
        "to_name": name,
        "to_company": company,
        "to_number": _readable(to.called),
        "from_number": _readable(to.calling),
        "date": _date((to.when or datetime.now(UTC)).astimezone(tenant.zone)),
    }


def _readable(number: str | None) -> str:
    """With its country code: who reads it may be anywhere."""
    return numbers.readable(number, None) if number else ""


def _date(moment: datetime) -> str:
    # Here, so that what draws nothing does without Babel.
    from babel.dates import format_date  # noqa: PLC0415

    return str(format_date(moment, "long", locale=language.current()))


def _labels() -> dict[str, str]:
    """In the language of whoever sends it."""
    return {
        "fax": _("Fax"), "phone": _("Phone"), "to": _("To"), "from": _("From"), "date": _("Date"), "pages": _("Pages"),
        "reference": _("Reference"), "subject": _("Subject"), "page": _("Page {number} of {total}"),
    }  # fmt: skip


def checked(wanted: Wanted) -> Wanted:
    """As it is drawn. Raises InvalidCover."""
    lines = [
        " ".join(each.split())
        for each in (wanted.to_name, wanted.to_company, wanted.subject, wanted.phone, wanted.reference)
    ]
    message = "\n".join(wanted.message.splitlines()).rstrip()
    if any(len(each) > LONGEST for each in lines):
        raise InvalidCover(_("A line of the cover page has at most {most} characters.").format(most=LONGEST))
    if len(message) > LONGEST_MESSAGE:
        raise InvalidCover(
            _("The message on the cover page has at most {most} characters.").format(most=LONGEST_MESSAGE)
        )
    name, company, subject, phone, reference = lines
    return Wanted(wanted.template_id, name, company, subject, message, phone, reference)


def logo(tx: Transaction, tenant_id: int) -> bytes | None:
    """The tenant's, PNG."""
    try:
        return brands.stored_picture(tx, tenant_id, brands.LOGO)
    except NotFound:
        return None


# -------------------------------------------------------------------------------------------------- as it is handed in


def seal(
    db: Database, store: Store, user: User, wanted: Wanted, to: Sequence[To], chosen: Sequence[Contact] = ()
) -> list[Made]:
    """A cover for each fax, in the store (role portal).

    Raises NotFound, InvalidCover, CoverTooLong, and as Store.seal does.
    """
    with db.tenant(user.tenant_id) as tx:
        said = sheets(tx, user, wanted, to, chosen)
        picture = logo(tx, user.tenant_id)
    return seal_sheets(store, user.tenant_id, said, check_length(store, said, picture))


def check_length(store: Store, said: Sequence[Sheet], picture: bytes | None) -> list[int]:
    """How many pages each has. Raises CoverTooLong and InvalidCoverText."""
    with store.scratch.folder() as folder:
        return cover_page.check_length(said, picture, folder, within=store.confinement)


def seal_sheets(store: Store, tenant_id: int, said: Sequence[Sheet], pages: Sequence[int]) -> list[Made]:
    """Sheets of so many pages, in the store: all or none. Raises as Store.seal does."""
    made: list[Sealed] = []
    with store.scratch.folder() as folder, store.kept_if_named(made):
        for sheet in said:
            write_whole(folder / "cover.json", sheet.packed())
            made.append(store.seal(folder / "cover.json", tenant_id, documents.COVER))
    return [Made(each, count) for each, count in zip(made, pages, strict=True)]


def record(tx: Transaction, user: User, made: Made) -> Cover:
    """The rows of one, for its fax: its sender opens it, and the machines do until the fax has ended."""
    document = made.sealed.wrapped(*originals.readers(tx, user))
    return Cover(documents.record_made(tx, document, made.pages), made.pages)


def preview(
    store: Store, sheet: Sheet, picture: bytes | None, body_pages: int | None, resolution: Resolution
) -> tuple[bytes, int]:
    """A PNG of a cover's pages as they will be sent, and how many. Nothing of it is kept. Raises CoverTooLong."""
    with store.scratch.folder() as folder:
        return cover_page.preview(Job(sheet, picture, body_pages), resolution, folder, within=store.confinement)
