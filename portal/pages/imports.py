"""Files of contacts: handed in, looked at as they would be taken, with what each column means, and then taken."""

import re
from dataclasses import dataclass

from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from faxplan import contact_files, contact_groups, contact_imports, contacts
from faxplan.contact_files import FIELDS, SEPARATORS, Reading
from faxplan.contact_imports import Brought, Preview
from faxplan.errors import FaxplanError
from faxplan.language import _, marked
from portal import answers, wording
from portal.pages.contacts import csv, ids, separator
from portal.visit import Visit

MOST_SHOWN = 50
SAMPLE = 5
LABELS = {
    "name": marked("Name"),
    "first": marked("First name"),
    "last": marked("Last name"),
    "company": marked("Company"),
    "number": marked("Fax number"),
    "email": marked("E-mail address"),
    "note": marked("Note"),
}
SEPARATOR_LABELS = {
    "comma": marked("Comma"), "semicolon": marked("Semicolon"), "tab": marked("Tab"), "pipe": marked("Vertical bar"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Choice:
    """How a file is to be taken, as a form says it."""

    reading: Reading
    shared: bool
    group: int | None

    @classmethod
    def of(cls, given: "MultiDict[str, str]") -> "Choice":
        """What is not said is found out."""
        columns = None
        if given.get("said"):
            places = {field: ids([given.get(f"column-{field}", "")]) for field in FIELDS}
            columns = {field: place[0] for field, place in places.items() if place}
        said = given.get("separator", "")
        heading = given.get("heading")
        group = ids([given.get("group", "")])
        return cls(
            Reading(
                said if said in SEPARATORS else None,
                None if heading not in ("yes", "no") else heading == "yes",
                columns,
            ),
            given.get("shared") == "on",
            group[0] if group else None,
        )


def choose(visit: Visit) -> Response:
    """GET: where a file is handed in."""
    return answers.page(visit, "import.html", wrong="")


def add(visit: Visit) -> Response:
    """POST: a file, to be looked at."""
    file = visit.request.files.get("file")
    try:
        if file is None or not file.filename:
            raise contact_files.UnreadableFile(_("Choose the file."))
        name = re.split(r"[\\/]", file.filename)[-1].replace("\0", "")
        with visit.db.tenant(visit.its_tenant.id) as tx:
            brought = contact_imports.begin(tx, visit.user, name, file.stream.read())
    except FaxplanError as error:
        if error.retryable:
            raise
        return answers.page(visit, "import.html", 400, wrong=str(error))
    return answers.to(f"/imports/{brought.id}")


def page(visit: Visit, number: int) -> Response:
    """GET: what would come of it; once it is taken, what came of it."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        brought = contact_imports.get(tx, visit.user, number)
    if brought.taken is not None:
        return answers.page(visit, "import_taken.html", brought=brought, taken=brought.taken)
    return _page(visit, brought, Choice.of(visit.request.args))


def take(visit: Visit, number: int) -> Response:
    """POST: takes it in."""
    choice = Choice.of(visit.request.form)
    with visit.db.tenant(visit.its_tenant.id) as tx:
        brought = contact_imports.get(tx, visit.user, number)
    try:
        with visit.db.tenant(visit.its_tenant.id) as tx:
            tx.give_time(60)
            contact_imports.take(tx, visit.user, number, choice.reading, shared=choice.shared, group_id=choice.group)
    except contact_imports.AlreadyTaken:
        return answers.to(f"/imports/{number}")
    except FaxplanError as error:
        if error.retryable:
            raise
        return _page(visit, brought, choice, wrong=str(error), status=400)
    return answers.to(f"/imports/{number}")


def left(visit: Visit, number: int) -> Response:
    """GET: a CSV file of the lines that cannot be taken, and why."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        brought = contact_imports.get(tx, visit.user, number)
        choice = Choice.of(visit.request.args)
        if brought.taken is not None:
            told = brought.taken
            choice = Choice(Reading(told["separator"], told["heading"], told["columns"]), told["shared"], None)
        found = contact_imports.preview(tx, visit.user, brought.content, choice.reading, shared=choice.shared)
    return csv(contact_imports.left(found, separator()), "contacts-to-correct.csv")


def _page(visit: Visit, brought: Brought, choice: Choice, *, wrong: str = "", status: int = 200) -> Response:
    found: Preview | None = None
    with visit.db.tenant(visit.its_tenant.id) as tx:
        groups = contact_groups.of_user(tx, visit.user)
        try:
            found = contact_imports.preview(tx, visit.user, brought.content, choice.reading, shared=choice.shared)
        except contact_files.UnreadableFile as error:
            wrong = wrong or str(error)
    return answers.page(
        visit,
        "import_preview.html",
        status,
        brought=brought,
        found=found,
        counts=contact_imports.counts(found) if found else {},
        choice=choice,
        wrong=wording.for_browser(wrong),
        columns=_columns(found) if found else [],
        labels=LABELS,
        separators=SEPARATOR_LABELS,
        groups=[each for each in groups if contacts.may_change(visit.user, each)],
        sample=SAMPLE,
        most=MOST_SHOWN,
        for_browser=wording.for_browser,
        query=visit.request.query_string.decode("ascii", "replace"),
    )


def _columns(found: Preview) -> list[str]:
    """What each column is called: by its heading, or by what stands first in it."""
    sheet = found.sheet
    first = sheet.heading or next((each.cells for each in sheet.records if each.cells), [])
    width = max(sheet.width, len(first))
    named = [*first, *[""] * (width - len(first))]
    return [each[:40] or _("Column {number}").format(number=place + 1) for place, each in enumerate(named)]
