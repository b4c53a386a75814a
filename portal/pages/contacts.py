"""Contacts: the list, one of them, and what several are put into."""

from urllib.parse import urlencode

from werkzeug.wrappers import Response

from faxplan import contact_files, contact_groups, contacts, language, numbers
from faxplan.contacts import ALL, SCOPES, Contact, Entry, Wanted
from faxplan.errors import FaxplanError
from faxplan.language import marked
from portal import answers
from portal.forms import Field, Form, Kind
from portal.visit import Visit

AT_ONCE = 50
SUGGESTED = 8
MOST_CHOSEN = 200
"""Ids that one form may name."""
FIELDS = (
    Field("name", marked("Name")),
    Field("company", marked("Company"), hint=marked("A name or a company is needed.")),
    Field("number", marked("Fax number"), required=True, longest=60, autocomplete="off",
          hint=marked("As you dial it, or with + and the country code.")),
    Field("email", marked("E-mail address"), Kind.EMAIL, longest=254),
    Field("note", marked("Note"), Kind.LINES, longest=2000),
    Field("shared", marked("Shared with your organisation"), Kind.SWITCH,
          hint=marked("Everybody sees it then; you and your administrators change it. Off: only you see it.")),
)  # fmt: skip


def everyone(visit: Visit) -> Response:
    """GET: those that the words and the filters find, by name."""
    wanted = wanted_of(visit)
    after = _place(visit.request.args.get("after", ""))
    with visit.db.tenant(visit.its_tenant.id) as tx:
        group = None if wanted.group is None else contact_groups.get(tx, visit.user, wanted.group)
        found = contacts.find(tx, visit.user, wanted, limit=AT_ONCE + 1, after=after)
        groups = contact_groups.of_user(tx, visit.user)
    shown = found[:AT_ONCE]
    onward = f"{shown[-1].sort_key}~{shown[-1].id}" if len(found) > AT_ONCE else None
    return answers.page(
        visit,
        "contacts.html",
        wanted=wanted,
        found=shown,
        groups=groups,
        group=group,
        changeable=[each for each in groups if contacts.may_change(visit.user, each)],
        may_change_group=group is not None and contacts.may_change(visit.user, group),
        link=lambda **changed: link(wanted, **changed),
        onward=onward,
        is_first=after is None,
        is_filtered=bool(wanted.text) or wanted.scope != ALL or group is not None,
    )


def new(visit: Visit) -> Response:
    """GET: the form for one more, with the number that a fax was from or to."""
    number = visit.request.args.get("number", "")[:60]
    readable = numbers.normalise_or_none(number, visit.its_tenant.country)
    shown = numbers.readable(readable, visit.its_tenant.country) if readable else ""
    return _new(visit, Form.of(FIELDS, {"number": shown}))


def add(visit: Visit) -> Response:
    """POST: one more."""
    form = Form.read(FIELDS, visit.request.form)
    if not form.ok:
        return _new(visit, form, 400)
    try:
        with visit.db.tenant(visit.its_tenant.id) as tx:
            made = contacts.add(tx, visit.user, _entry(form), shared=form.values["shared"])
    except FaxplanError as error:
        return _new(visit, form.failed(error), 400)
    return answers.to(f"/contacts/{made.id}", note="added")


def page(visit: Visit, number: int) -> Response:
    """GET: one of them."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        contact = contacts.get(tx, visit.user, number)
    readable = numbers.readable(contact.number, visit.its_tenant.country)
    values = {name: getattr(contact, name) for name in ("name", "company", "email", "note", "shared")}
    return _page(visit, contact, Form.of(FIELDS, {**values, "number": readable}))


def change(visit: Visit, number: int) -> Response:
    """POST: its values."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        contact = contacts.get(tx, visit.user, number)
    form = Form.read(FIELDS, visit.request.form)
    if not form.ok:
        return _page(visit, contact, form, 400)
    try:
        with visit.db.tenant(visit.its_tenant.id) as tx:
            contacts.change(tx, visit.user, number, _entry(form), shared=form.values["shared"])
    except FaxplanError as error:
        return _page(visit, contact, form.failed(error), 400)
    return answers.to(f"/contacts/{number}", note="saved")


def ask(visit: Visit, number: int) -> Response:
    """GET: whether it is really to go."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        contact = contacts.get(tx, visit.user, number)
        contacts.check_change(visit.user, contact)
        groups = contact_groups.of_contact(tx, visit.user, number)
    return answers.page(visit, "contact_delete.html", contact=contact, groups=groups)


def remove(visit: Visit, number: int) -> Response:
    """POST: it is gone."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        contacts.remove(tx, visit.user, number)
    return answers.to("/contacts", note="removed")


def members(visit: Visit) -> Response:
    """POST: those that are ticked into a group, or out of it."""
    form = visit.request.form
    group = ids(form.getlist("group"))
    if group:
        act = contact_groups.take if form.get("act") == "take" else contact_groups.put
        with visit.db.tenant(visit.its_tenant.id) as tx:
            act(tx, visit.user, group[0], ids(form.getlist("contact")))
    return answers.to(f"/contacts?group={group[0]}" if group else "/contacts", note="saved")


def suggest(visit: Visit) -> Response:
    """GET, for scripts: contacts and groups that begin so."""
    words = visit.request.args.get("q", "")[:100]
    if not words.strip():
        return answers.data([])
    with visit.db.tenant(visit.its_tenant.id) as tx:
        found = contacts.find(tx, visit.user, Wanted(words), limit=SUGGESTED)
        groups = contact_groups.beginning(tx, visit.user, words)[:SUGGESTED]
    country = visit.its_tenant.country
    return answers.data(
        [
            *({"kind": "group", "id": each.id, "name": each.name, "about": members_words(each.members)}
              for each in groups),
            *({"kind": "contact", "id": each.id, "name": each.shown, "about": about(each, country)} for each in found),
        ]
    )  # fmt: skip


def export(visit: Visit) -> Response:
    """GET: a CSV file of those that the words and the filters find."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        entries = [each.entry for each in contacts.all_of(tx, visit.user, wanted_of(visit))]
    return csv(contact_files.write_entries(entries, separator()), "contacts.csv")


def csv(text: str, name: str) -> Response:
    """A file to be saved."""
    response = Response(text, content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def separator() -> str:
    """What spreadsheets of who reads this expect: where a comma is in numbers, a semicolon."""
    return "," if language.current() == language.SOURCE else ";"


def about(contact: Contact, country: str) -> str:
    """What tells a contact from another of the same name."""
    readable = numbers.readable(contact.number, country)
    return f"{contact.company}, {readable}" if contact.name and contact.company else readable


def members_words(count: int) -> str:
    """How many contacts are in a group."""
    return language.ngettext("{count} contact", "{count} contacts", count).format(count=count)


def wanted_of(visit: Visit) -> Wanted:
    """What the address asks for; what is none of ours is as if it were not there."""
    given = visit.request.args
    scope = given.get("in", ALL)
    group = ids([given.get("group", "")])
    return Wanted(given.get("q", "").strip()[:200], scope if scope in SCOPES else ALL, group[0] if group else None)


def link(wanted: Wanted, *, path: str = "/contacts", **changed: object) -> str:
    """The address of the list with other filters: text, scope, group, after."""
    given = {"q": wanted.text, "in": wanted.scope, "group": wanted.group, **changed}
    kept = {name: value for name, value in given.items() if value not in (None, "", ALL)}
    return f"{path}?{urlencode(kept)}" if kept else path


def ids(texts: list[str]) -> list[int]:
    """Those of them that an id can be."""
    return [int(each) for each in texts[:MOST_CHOSEN] if each.isascii() and each.isdigit() and int(each[:20]) < 2**63]


def _new(visit: Visit, form: Form, status: int = 200) -> Response:
    return answers.page(visit, "contact_new.html", status, form=form)


def _page(visit: Visit, contact: Contact, form: Form, status: int = 200) -> Response:
    with visit.db.tenant(visit.its_tenant.id) as tx:
        groups = contact_groups.of_contact(tx, visit.user, contact.id)
    return answers.page(
        visit, "contact.html", status, contact=contact, form=form, groups=groups,
        may_change=contacts.may_change(visit.user, contact),
    )  # fmt: skip


def _entry(form: Form) -> Entry:
    return Entry(**{name: form.values[name] for name in ("name", "company", "number", "email", "note")})


def _place(text: str) -> tuple[str, int] | None:
    key, _, number = text.rpartition("~")
    found = ids([number])
    return (key, found[0]) if found and "\0" not in key else None
