"""DIDs of all tenants, as an operator gives them out: one, a range, a table; and numbers that tenants may call as."""

from collections.abc import Sequence

from werkzeug.wrappers import Response

from faxplan import did_batches, did_provisioning, number_directory, provisioning, tenant_directory
from faxplan.did_batches import Entry, Line
from faxplan.errors import FaxplanError
from faxplan.language import _, marked
from portal import answers
from portal.forms import Field, Form, Kind, differing
from portal.pages.installation.tenants import short_names
from portal.visit import Visit

AT_ONCE = 100
MOST_BYTES = 50_000
"""Of a table: it comes a second time, in a field of the form by which it is confirmed."""
_TENANT = Field("tenant", marked("Tenant"), required=True, longest=40, hint=marked("Its short name."))
_MAILBOX = Field(
    "mailbox",
    marked("Mailbox"),
    required=True,
    longest=254,
    hint=marked("Where its faxes go, by its name. A person's own has their e-mail address."),
)
ONE = (
    Field(
        "number",
        marked("Number"),
        required=True,
        longest=40,
        autocomplete="off",
        hint=marked("As +49 30 123456, or as it is dialled in the tenant's country."),
    ),
    _TENANT,
    _MAILBOX,
)
RANGE = (
    Field("first", marked("First number"), required=True, longest=40),
    Field("last", marked("Last number"), required=True, longest=40),
    _TENANT,
    _MAILBOX,
)
CHANGED = (
    Field("mailbox", marked("Mailbox"), required=True, longest=254, hint=_MAILBOX.hint),
    Field("name", marked("Name"), longest=100, hint=marked("What people call the number.")),
    Field(
        "station_ident",
        marked("Station ident"),
        longest=20,
        hint=marked("What fax machines show of it. Empty: the tenant's."),
    ),
    Field(
        "max_calls",
        marked("Calls at once"),
        Kind.NUMBER,
        least=1,
        hint=marked("Then busy. Empty: no limit of its own."),
    ),
    Field(
        "refusal",
        marked("Callers that are not let in hear"),
        Kind.CHOICE,
        choices=(("decline", marked("Declined (603)")), ("busy", marked("Busy (486)"))),
    ),
    Field("ecm", marked("Error correction"), Kind.SWITCH),
    Field("t38", marked("T.38"), Kind.SWITCH, hint=marked("Off: sound alone (G.711).")),
    Field("enabled", marked("Switched on"), Kind.SWITCH, hint=marked("Off: calls get 404.")),
)
VERIFIED = (
    Field("number", marked("Number"), required=True, longest=40),
    Field(
        "how",
        marked("How that was found out"),
        required=True,
        longest=200,
        hint=marked("Such as: contract of 3 May, seen."),
    ),
)


def everything(visit: Visit) -> Response:
    """GET: all of them, by number; those that begin so, or of one tenant."""
    return _everything(visit, Form.of(VERIFIED, {}))


def _everything(visit: Visit, form: Form, status: int = 200) -> Response:
    given = visit.request.args
    beginning, tenant, after = (given.get(name, "").strip() for name in ("q", "tenant", "after"))
    found = number_directory.some(visit.its_admin, beginning=beginning, tenant=tenant, after=after, limit=AT_ONCE + 1)
    shown = found[:AT_ONCE]
    whose = tenant_directory.one(visit.its_admin, tenant) if tenant else None
    return answers.page(
        visit,
        "installation/numbers.html",
        status,
        numbers=shown,
        beginning=beginning,
        whose=whose,
        verified=provisioning.all_numbers(visit.its_admin, tenant) if whose else [],
        form=form,
        onward=shown[-1]["number"] if len(found) > AT_ONCE else None,
        is_first=not after,
    )


def new(visit: Visit) -> Response:
    """GET: the forms for one, a range and a table."""
    given = {"tenant": visit.request.args.get("tenant", "")}
    return _new(visit, Form.of(ONE, given), Form.of(RANGE, given))


def add(visit: Visit) -> Response:
    """POST: one."""
    form = Form.read(ONE, visit.request.form)
    if form.ok:
        try:
            did = did_provisioning.add(
                visit.its_admin,
                visit.actor,
                form.values["tenant"],
                form.values["number"],
                mailbox=form.values["mailbox"],
                station_ident="",
            )
            return answers.to(f"/installation/numbers/{did.number}", note="added")
        except FaxplanError as error:
            form = form.failed(error)
    return _new(visit, form, Form.of(RANGE, {}), status=400)


def try_range(visit: Visit) -> Response:
    """POST: what would become of each number of a range."""
    form = Form.read(RANGE, visit.request.form)
    if form.ok:
        try:
            return _tried(visit, did_batches.of_range(visit.its_admin, **form.values))
        except FaxplanError as error:
            form = form.failed(error)
    return _new(visit, Form.of(ONE, {}), form, status=400)


def try_table(visit: Visit) -> Response:
    """POST: what would become of each line of a table."""
    file = visit.request.files.get("file")
    content = b"" if file is None else file.stream.read(MOST_BYTES + 1)
    wrong = ""
    if not content:
        wrong = _("Choose a file.")
    elif len(content) > MOST_BYTES:
        wrong = _("The table is larger than 50 kB. Take it in parts.")
    else:
        try:
            return _tried(visit, did_batches.read(_text(content)))
        except FaxplanError as error:
            if error.retryable:
                raise
            wrong = str(error)
    return _new(visit, Form.of(ONE, {}), Form.of(RANGE, {}), wrong=wrong, status=400)


def add_several(visit: Visit) -> Response:
    """POST: those that were tried; all of them or none."""
    entries = did_batches.read(visit.request.form.get("lines", ""))
    try:
        did_batches.add(visit.its_admin, visit.actor, entries)
    except did_batches.NotAllOfThem as error:
        return _lines(visit, entries, error.lines, 400)
    return answers.to("/installation/numbers", note="added")


def page(visit: Visit, e164: str) -> Response:
    """GET: one of them."""
    slug = number_directory.tenant_of(visit.its_admin, e164)
    return _page(visit, slug, e164, None)


def change(visit: Visit, e164: str) -> Response:
    """POST: its mailbox and its values."""
    slug = number_directory.tenant_of(visit.its_admin, e164)
    form = Form.read(CHANGED, visit.request.form)
    if form.ok:
        now = did_provisioning.everything(visit.its_admin, slug, e164)
        changed = differing(form.values, now)
        mailbox = changed.pop("mailbox", None)
        try:
            if changed or mailbox is not None:
                did_provisioning.change(visit.its_admin, visit.actor, slug, e164, changed, mailbox=mailbox)
            return answers.to(f"/installation/numbers/{e164}", note="saved")
        except FaxplanError as error:
            form = form.failed(error)
    return _page(visit, slug, e164, form, 400)


def remove(visit: Visit, e164: str) -> Response:
    """POST: it is nobody's any more."""
    slug = number_directory.tenant_of(visit.its_admin, e164)
    did_provisioning.remove(visit.its_admin, visit.actor, slug, e164)
    return answers.to("/installation/numbers", note="removed")


# ------------------------------------------------------------------------------------------- what tenants may call as


def verify(visit: Visit, slug: str) -> Response:
    """POST: a number is a tenant's, which may call as it."""
    form = Form.read(VERIFIED, visit.request.form)
    if form.ok:
        try:
            provisioning.add_number(visit.its_admin, visit.actor, slug, form.values["number"], how=form.values["how"])
            return answers.to(f"/installation/numbers?tenant={slug}", note="added")
        except FaxplanError as error:
            form = form.failed(error)
    tenant = tenant_directory.one(visit.its_admin, slug)
    return answers.page(
        visit,
        "installation/numbers_verified.html",
        400,
        whose=tenant,
        form=form,
        verified=provisioning.all_numbers(visit.its_admin, slug),
    )


def withdraw(visit: Visit, slug: str) -> Response:
    """POST: it may not any more."""
    provisioning.remove_number(visit.its_admin, visit.actor, slug, visit.request.form.get("number", ""))
    return answers.to(f"/installation/numbers?tenant={slug}", note="removed")


# ------------------------------------------------------------------------------------------------------------ the pages


def _new(visit: Visit, one: Form, several: Form, *, wrong: str = "", status: int = 200) -> Response:
    known = short_names(visit)
    one, several = one.suggesting(known, "tenant"), several.suggesting(known, "tenant")
    return answers.page(visit, "installation/numbers_new.html", status, one=one, several=several, wrong=wrong)


def _text(content: bytes) -> str:
    """Spreadsheets write UTF-8, or what Windows had before."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _tried(visit: Visit, entries: Sequence[Entry]) -> Response:
    if len(did_batches.written(entries).encode()) > MOST_BYTES:
        raise did_batches.InvalidBatch(_("These lines have more than 50 kB together. Take them in parts."))
    return _lines(visit, entries, did_batches.tried(visit.its_admin, entries))


def _lines(visit: Visit, entries: Sequence[Entry], lines: Sequence[Line], status: int = 200) -> Response:
    wrong = sum(bool(line.wrong) for line in lines)
    return answers.page(
        visit, "installation/numbers_tried.html", status, lines=lines, wrong=wrong, written=did_batches.written(entries)
    )


def _page(visit: Visit, slug: str, e164: str, form: Form | None, status: int = 200) -> Response:
    did = did_provisioning.everything(visit.its_admin, slug, e164)
    boxes = number_directory.mailbox_names(visit.its_admin, slug)
    return answers.page(
        visit, "installation/number.html", status, did=did, tenant=slug, boxes=boxes, form=form or Form.of(CHANGED, did)
    )
