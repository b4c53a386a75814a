"""What an organisation's administrators have programs do: mailboxes, numbers, cover pages, do-not-fax list.

Keys of mailboxes are made where a user's key is, which is never here: what takes one is refused.
"""

from dataclasses import replace

from werkzeug.wrappers import Response

from faxplan import (
    cover_provisioning,
    cover_templates,
    covers,
    did_provisioning,
    dids,
    do_not_fax,
    do_not_fax_provisioning,
    mailbox_provisioning,
    mailboxes,
    numbers,
    provisioning,
)
from faxplan.cover_templates import CoverTemplate
from faxplan.covers import To, Wanted
from faxplan.db import Row, Transaction
from faxplan.errors import InvalidNumber, NotFound
from faxplan.language import _
from faxplan.mailbox_provisioning import Made, NeedsClient
from faxplan.paper import Resolution
from portal.api import call as calls
from portal.api import shapes_organisation as shapes
from portal.api.call import Call

_NUMBER = "number"


# ------------------------------------------------------------------------------------------------------------ mailboxes


def all_mailboxes(call: Call) -> Response:
    """Some of them, by name."""
    asked = call.asked(shapes.Named)
    after = calls.after_of(asked.cursor)
    with call.db.tenant(call.tenant.id) as tx:
        rows = mailboxes.directory(tx, call.tenant.id, words=asked.text, after=after, limit=asked.limit + 1)
    shown, onward = calls.part_of(rows, asked.limit, lambda row: row["name"])
    return calls.answer(shapes.OrganisationMailboxes(mailboxes=[_mailbox(row) for row in shown], next=onward))


def add_mailbox(call: Call) -> Response:
    """A group's."""
    name = call.given(shapes.NewMailbox).name
    number = provisioning.add_mailbox(call.its_admin, call.actor, call.tenant.slug, name)
    return _with_readers(call, number, 201)


def mailbox(call: Call) -> Response:
    """One, and who reads it."""
    return _with_readers(call, call.path["number"])


def add_reader(call: Call) -> Response:
    """Somebody reads it from now on, where no key is to be made for that."""
    number, email = call.path["number"], call.given(shapes.NewReader).email
    try:
        mailbox_provisioning.let_in(call.its_admin, call.actor, call.tenant.slug, number, email, Made(), by=call.user)
    except NeedsClient as error:
        raise _needs_browser() from error
    return _with_readers(call, number)


def remove_reader(call: Call) -> Response:
    """Somebody reads it no more, where no key is to be made for that."""
    number, reader, where = call.path["number"], call.path["reader"], (call.its_admin, call.tenant.slug)
    if mailbox_provisioning.to_remove(*where, number, reader).needed:
        raise _needs_browser()
    admin, slug = where
    if not mailbox_provisioning.remove(admin, call.actor, slug, number, reader, None, shown=False):
        raise NotFound(_("They do not read this mailbox."))
    return calls.nothing()


def _needs_browser() -> NeedsClient:
    return NeedsClient(
        _(
            "For this a key of the mailbox is made, with a user's key, which no program here has. An administrator "
            "does it in the portal, at Mailboxes."
        )
    )


def _mailbox(row: Row) -> shapes.OrganisationMailbox:
    return shapes.OrganisationMailbox(**_of_mailbox(row))


def _of_mailbox(row: Row) -> Row:
    return {
        "id": row["id"], "name": row["name"], "kind": row["kind"], "mail": row["mail_mode"], "numbers": row["dids"],
        "readers": row["members"], "readers_with_key": row["holders"], "has_key": row["has_key"],
    }  # fmt: skip


def _with_readers(call: Call, number: int, status: int = 200) -> Response:
    with call.db.tenant(call.tenant.id) as tx:
        row, members = mailboxes.entry(tx, call.tenant.id, number), mailboxes.members(tx, call.tenant.id, number)
    readers = [
        shapes.Reader(
            id=each["id"], email=each["email"], name=each["name"], enabled=each["enabled"], has_key=each["holds_key"]
        )
        for each in members
    ]
    return calls.answer(shapes.MailboxWithReaders(**_of_mailbox(row), members=readers), status)


# -------------------------------------------------------------------------------------------------------------- numbers


def all_numbers(call: Call) -> Response:
    """Some of them, by number."""
    asked = call.asked(shapes.Named)
    after = calls.after_of(asked.cursor)
    with call.db.tenant(call.tenant.id) as tx:
        rows = dids.directory(tx, call.tenant.id, words=asked.text, after=after, limit=asked.limit + 1)
    shown, onward = calls.part_of(rows, asked.limit, lambda row: row[_NUMBER])
    return calls.answer(
        shapes.OrganisationNumbers(numbers=[shapes.OrganisationNumber(**row) for row in shown], next=onward)
    )


def number(call: Call) -> Response:
    """All about one."""
    return _number(call, _e164(call))


def change_number(call: Call) -> Response:
    """Where its faxes go, and what its calls may do."""
    e164 = _e164(call)
    values = calls.changed(call.given(shapes.ChangeNumber), nullable=["max_calls"])
    mailbox_id = values.pop("mailbox", None)
    name = None
    if mailbox_id is not None:
        with call.db.tenant(call.tenant.id) as tx:
            name = mailboxes.entry(tx, call.tenant.id, mailbox_id)["name"]
    if values or name is not None:
        did_provisioning.change(call.its_admin, call.actor, call.tenant.slug, e164, values, mailbox=name)
    return _number(call, e164)


def add_caller(call: Call) -> Response:
    """One more entry of its list of callers."""
    e164, asked = _e164(call), call.given(shapes.Caller)
    did_provisioning.add_caller(call.its_admin, call.actor, call.tenant.slug, e164, asked.caller, asked.rule)
    return _number(call, e164, 201)


def remove_caller(call: Call) -> Response:
    """One less."""
    e164 = _e164(call)
    did_provisioning.remove_caller(call.its_admin, call.actor, call.tenant.slug, e164, call.path["caller"])
    return calls.nothing()


def _e164(call: Call) -> str:
    """Of the organisation's number that the address names. Raises NotFound, also for what is no number."""
    try:
        e164 = numbers.normalise(call.path["e164"], call.tenant.country)
    except InvalidNumber as error:
        raise NotFound(_("Your organisation has no such number.")) from error
    with call.db.tenant(call.tenant.id) as tx:
        dids.check_there(tx, call.tenant.id, e164)
    return e164


def _number(call: Call, e164: str, status: int = 200) -> Response:
    row = did_provisioning.everything(call.its_admin, call.tenant.slug, e164)
    laid_in = did_provisioning.reached(call.its_admin, call.tenant.slug, e164)
    known = {name: row[name] for name in shapes.NumberSettings.model_fields if name in row and name != "callers"}
    callers = [shapes.Caller(**each) for each in row["callers"]]
    said = shapes.NumberSettings(**known, laid_in=laid_in, callers=callers, refused_calls=row["refused"])
    return calls.answer(said, status)


# ---------------------------------------------------------------------------------------------------------- cover pages


def all_covers(call: Call) -> Response:
    """The organisation's own."""
    with call.db.tenant(call.tenant.id) as tx:
        found = cover_templates.of_tenant(tx, call.tenant.id)
    return calls.answer(shapes.CoverPageTexts(cover_pages=[_cover(each) for each in found]))


def add_cover(call: Call) -> Response:
    """One more."""
    return _put_cover(call, None, 201)


def cover(call: Call) -> Response:
    """What it says."""
    return calls.answer(_cover(_own_cover(call)))


def change_cover(call: Call) -> Response:
    """All of it is another from now on."""
    return _put_cover(call, _own_cover(call).id, 200)


def remove_cover(call: Call) -> Response:
    """It is gone; what was handed in keeps it."""
    cover_provisioning.remove(call.its_admin, call.actor, call.tenant.slug, _own_cover(call).id)
    return calls.nothing()


def preview_cover(call: Call) -> Response:
    """A picture of it, with an example; or what is wrong with it. Nothing is kept."""
    asked = call.given(shapes.CoverText)
    cover_templates.check(asked.body, asked.footer)
    example = Wanted(
        cover_templates.PLAIN_ID, _("Erika Example"), _("Example and Sons"), _("Your enquiry"),
        _("This is where the message stands that is written with a fax."), "", _("A-17"),
    )  # fmt: skip
    with call.db.tenant(call.tenant.id) as tx:
        sheet = covers.sheets(tx, call.user, example, [To(None, None)])[0]
        picture = covers.logo(tx, call.tenant.id)
    sheet = replace(sheet, body=asked.body, footer=asked.footer)
    with calls.drawing():
        png, _pages = covers.preview(call.store, sheet, picture, 3, Resolution.FINE)
    return Response(png, content_type="image/png")


def _own_cover(call: Call) -> CoverTemplate:
    with call.db.tenant(call.tenant.id) as tx:
        return cover_templates.own(tx, call.tenant.id, call.path["number"])


def _put_cover(call: Call, template_id: int | None, status: int) -> Response:
    asked, where = call.given(shapes.NewCoverPage), (call.its_admin, call.actor, call.tenant.slug)
    made = cover_provisioning.put(*where, asked.name, asked.body, asked.footer, template_id=template_id)
    if asked.is_standard is not None and asked.is_standard != made.is_default:
        cover_provisioning.make_default(*where, made.id if asked.is_standard else None)
    with call.db.tenant(call.tenant.id) as tx:
        return calls.answer(_cover(cover_templates.own(tx, call.tenant.id, made.id)), status)


def _cover(each: CoverTemplate) -> shapes.CoverPageText:
    return shapes.CoverPageText(
        id=each.id, name=each.name, body=each.body, footer=each.footer, is_standard=each.is_default
    )


# ----------------------------------------------------------------------------------------------------------- do not fax


def all_entries(call: Call) -> Response:
    """Some of the list, by number."""
    asked = call.asked(shapes.Named)
    digits, after = "".join(filter(str.isdigit, asked.text)).lstrip("0"), calls.after_of(asked.cursor)
    with call.db.tenant(call.tenant.id) as tx:
        rows = do_not_fax.of_tenant(tx, call.tenant.id, digits=digits, after=after, limit=asked.limit + 1)
    shown, onward = calls.part_of(rows, asked.limit, lambda row: row[_NUMBER])
    return calls.answer(shapes.Entries(entries=[shapes.Entry(**row) for row in shown], next=onward))


def add_entry(call: Call) -> Response:
    """One more; what is on the list stays as it is."""
    asked = call.given(shapes.NewEntry)
    e164 = do_not_fax_provisioning.add(call.its_admin, call.actor, call.tenant.slug, asked.number, asked.reason)
    with call.db.tenant(call.tenant.id) as tx:
        return calls.answer(_entry(tx, call, e164), 201)


def entry(call: Call) -> Response:
    """Whether a number is on it."""
    with call.db.tenant(call.tenant.id) as tx:
        return calls.answer(_entry(tx, call, _any_number(call)))


def remove_entry(call: Call) -> Response:
    """One less."""
    do_not_fax_provisioning.remove(call.its_admin, call.actor, call.tenant.slug, _any_number(call))
    return calls.nothing()


def _any_number(call: Call) -> str:
    try:
        return numbers.normalise(call.path["e164"], call.tenant.country)
    except InvalidNumber as error:
        raise NotFound(_("No such number is on the do-not-fax list.")) from error


def _entry(tx: Transaction, call: Call, e164: str) -> shapes.Entry:
    row = do_not_fax.find(tx, call.tenant.id, e164)
    if row is None:
        raise NotFound(_("No such number is on the do-not-fax list."))
    return shapes.Entry(**row)
