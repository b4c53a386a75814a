"""Whom a campaign goes to: numbers that are written, a file that is looked at before it is added, and the list."""

import re
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from faxplan import (
    campaign_contacts,
    campaign_files,
    campaign_recipients,
    campaign_uploads,
    campaigns,
    contact_files,
    contact_groups,
    contacts,
)
from faxplan.campaign_files import MOST_LINES, Preview
from faxplan.campaign_uploads import Upload
from faxplan.contact_files import ENCODINGS, SEPARATORS, Reading, UnreadableFile
from faxplan.contacts import Wanted
from faxplan.errors import FaxplanError
from faxplan.language import _, marked
from portal import answers, wording
from portal.pages import recipients as written_ones
from portal.pages.campaign_steps import STEPS
from portal.pages.campaigns import OF_RECIPIENTS, WHY, Shown, one
from portal.pages.contacts import ids
from portal.pages.imports import SEPARATOR_LABELS
from portal.visit import Visit

AT_ONCE = 100
MOST_MB = campaign_files.MOST_BYTES // 1024**2
MOST_COLUMNS_SHOWN, MOST_CONTACTS = 8, 50
MOST_WRITTEN = 2 * 1024**2
"""Bytes of a form with numbers: more come as a file."""
COLUMNS = {
    "number": marked("Fax number"),
    "name": marked("Name"),
    "first": marked("First name"),
    "last": marked("Last name"),
}
ENCODING_LABELS = {
    "utf-8": marked("UTF-8"),
    "utf-16": marked("UTF-16"),
    "windows-1252": marked("Western European (Windows-1252)"),
    "windows-1250": marked("Central European (Windows-1250)"),
    "windows-1251": marked("Cyrillic (Windows-1251)"),
    "windows-1253": marked("Greek (Windows-1253)"),
    "windows-1254": marked("Turkish (Windows-1254)"),
    "windows-1255": marked("Hebrew (Windows-1255)"),
    "windows-1256": marked("Arabic (Windows-1256)"),
    "iso-8859-1": marked("Western European (ISO 8859-1)"),
    "iso-8859-2": marked("Central European (ISO 8859-2)"),
    "iso-8859-15": marked("Western European (ISO 8859-15)"),
    "ibm850": marked("Western European (DOS)"),
    "macintosh": marked("Western European (Macintosh)"),
    "shift_jis": marked("Japanese (Shift JIS)"),
    "euc-kr": marked("Korean (EUC-KR)"),
    "gb18030": marked("Chinese (GB 18030)"),
    "big5": marked("Chinese (Big5)"),
}


def page(visit: Visit, number: int) -> Response:
    """GET: those that there are, how it stands with them, and how more are added."""
    return _page(visit, one(visit, number))


def now(visit: Visit, number: int) -> Response:
    """GET, for the page's script: how far its file is read."""
    shown = one(visit, number)
    return answers.page(visit, "campaign_reading.html", shown=shown, campaign=shown.campaign, counts=shown.counts)


def _page(
    visit: Visit, shown: Shown, wrong: str = "", status: int = 200, *, numbers: str = "", of_file: bool = False
) -> Response:
    given, campaign = visit.request.args, shown.campaign
    state, why = given.get("state"), given.get("why")
    state = state if state in OF_RECIPIENTS else None
    why = why if why in WHY else None
    after = ids([given.get("after", "")])
    with visit.db.tenant(visit.its_tenant.id) as tx:
        found = campaign_recipients.some(
            tx, visit.user, campaign.id, state=state, why=why, after=after[0] if after else 0, limit=AT_ONCE + 1
        )
        upload = campaign_uploads.waiting(tx, visit.user, campaign.id)
    rows = found[:AT_ONCE]
    states = OF_RECIPIENTS | ({"waiting": marked("Gets nothing")} if campaign.state == "cancelled" else {})

    def link(**said: object) -> str:
        query = urlencode({name: value for name, value in said.items() if value})
        return f"/campaigns/{campaign.id}/recipients{'?' if query else ''}{query}"

    return answers.page(
        visit, "campaign_recipients.html", status, shown=shown, campaign=campaign, counts=shown.counts, rows=rows,
        state=state, chosen_why=why, link=link, states=states, why=WHY, is_first=not after, upload=upload,
        onward=link(state=state, why=why, after=rows[-1]["id"]) if len(found) > AT_ONCE else None, wrong=wrong,
        numbers=numbers, of_file=of_file, steps=STEPS, most_mb=MOST_MB, most_lines=MOST_LINES,
        of_state={**asdict(shown.counts), "left-out": shown.left_out},
    )  # fmt: skip


def add_numbers(visit: Visit, number: int) -> Response:
    """POST: those that are written in the form."""
    text = visit.request.form.get("numbers", "")
    given = written_ones.written(text)
    try:
        if not given:
            raise UnreadableFile(_("Write at least one fax number."))
        with visit.db.tenant(visit.its_tenant.id) as tx:
            campaigns.check_permitted(tx, visit.user)
            campaign_files.bring_numbers(tx, visit.user, number, given)
    except (UnreadableFile, campaigns.NotNow) as error:
        return _page(visit, one(visit, number), wording.for_browser(str(error)), 400, numbers=text)
    return answers.to(f"/campaigns/{number}/recipients", note="brought")


def bring(visit: Visit, number: int) -> Response:
    """POST: a file, to be looked at."""
    file = visit.request.files.get("file")
    try:
        if file is None or not file.filename:
            raise UnreadableFile(_("Choose the file."))
        name = re.split(r"[\\/]", file.filename)[-1].replace("\0", "")
        file.stream.flush()
        with visit.db.tenant(visit.its_tenant.id) as tx:
            tx.give_time(60)
            path = Path(str(file.stream.name))
            if path.stat().st_size > campaign_files.MOST_BYTES:
                raise UnreadableFile(_("This file is too large: {most} MB at most. Divide it.").format(most=MOST_MB))
            campaign_uploads.begin(tx, visit.user, number, name, path.read_bytes())
    except (UnreadableFile, campaigns.NotNow) as error:
        return _page(visit, one(visit, number), wording.for_browser(str(error)), 400, of_file=True)
    return answers.to(f"/campaigns/{number}/file")


def stop(visit: Visit, number: int) -> Response:
    """POST: no more of its file is read."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        campaign_files.take_away(tx, visit.user, number, actor=visit.actor)
    return answers.to(f"/campaigns/{number}/recipients", note="taken-away")


def choose(visit: Visit, number: int) -> Response:
    """GET: contacts and groups, to be ticked."""
    return _choose(visit, one(visit, number))


def _choose(visit: Visit, shown: Shown, wrong: str = "", status: int = 200) -> Response:
    form = visit.request.values
    words = form.get("q", "").strip()[:200]
    with visit.db.tenant(visit.its_tenant.id) as tx:
        found = contacts.find(tx, visit.user, Wanted(words), limit=MOST_CONTACTS + 1)
        groups = contact_groups.of_user(tx, visit.user)
        chosen = written_ones.chips(visit, tx, form)
    ticked = {(each.kind, each.id) for each in chosen}
    return answers.page(
        visit, "campaign_contacts.html", status, shown=shown, campaign=shown.campaign, words=words, chosen=chosen,
        ticked_groups={each for kind, each in ticked if kind == "group"}, groups=groups, wrong=wrong,
        found=[each for each in found[:MOST_CONTACTS] if ("contact", each.id) not in ticked],
        more=len(found) > MOST_CONTACTS, everyone=form.get("everyone") == "on",
    )  # fmt: skip


def add_contacts(visit: Visit, number: int) -> Response:
    """POST: those that are ticked; or other words are searched for, and what is ticked stays so."""
    form, shown = visit.request.form, one(visit, number)
    if "search" in form:
        return _choose(visit, shown)
    contact_ids, group_ids = written_ones.named(form)
    try:
        with visit.db.tenant(visit.its_tenant.id) as tx:
            campaigns.check_permitted(tx, visit.user)
            campaign_contacts.bring(
                tx, visit.user, number, contact_ids=contact_ids, group_ids=group_ids,
                everyone=form.get("everyone") == "on",
            )  # fmt: skip
    except (UnreadableFile, campaigns.NotNow) as error:
        return _choose(visit, shown, wording.for_browser(str(error)), 400)
    return answers.to(f"/campaigns/{number}/recipients", note="brought")


@dataclass(frozen=True, slots=True)
class _Look:
    """A file as it would be read. columns: what each is called. wrong: why it cannot be."""

    upload: Upload
    found: Preview | None
    columns: list[str]
    wrong: str


def file(visit: Visit, number: int) -> Response:
    """GET: its first lines, as they are read; the address says what is to be read otherwise."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        if campaign_uploads.waiting(tx, visit.user, number) is None:
            return answers.to(f"/campaigns/{number}/recipients")
    return _file(visit, number, _reading(visit.request.args))


def _file(visit: Visit, number: int, reading: Reading, wrong: str = "", status: int = 200) -> Response:
    shown = one(visit, number)
    found, columns = None, list[str]()
    with visit.db.tenant(visit.its_tenant.id) as tx:
        upload = campaign_uploads.get(tx, visit.user, number)
        try:
            found = campaign_files.preview(tx, visit.user, upload.content, reading)
            columns = _columns(found)
        except UnreadableFile as error:
            wrong = wrong or str(error)
    return answers.page(
        visit, "campaign_file.html", status, shown=shown, campaign=shown.campaign, look=_Look(upload, found, columns,
        wording.for_browser(wrong)), labels=COLUMNS, separators=SEPARATOR_LABELS, encodings=ENCODING_LABELS,
        most=MOST_COLUMNS_SHOWN,
    )  # fmt: skip


def add_file(visit: Visit, number: int) -> Response:
    """POST: all that is in it, as it was looked at."""
    reading = _reading(visit.request.form)
    try:
        with visit.db.tenant(visit.its_tenant.id) as tx:
            tx.give_time(60)
            campaign_uploads.add(tx, visit.user, number, reading)
    except FaxplanError as error:
        if not isinstance(error, UnreadableFile | campaigns.NotNow):
            raise
        return _file(visit, number, reading, str(error), 400)
    return answers.to(f"/campaigns/{number}/recipients")


def drop(visit: Visit, number: int) -> Response:
    """POST: it is not to be added."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        campaign_uploads.drop(tx, visit.user, number)
    return answers.to(f"/campaigns/{number}/recipients")


def _reading(given: "MultiDict[str, str]") -> Reading:
    """What is not said is found out."""
    columns = None
    if given.get("said"):
        places = {field: ids([given.get(f"column-{field}", "")]) for field in COLUMNS}
        columns = {
            field: place[0] for field, place in places.items() if place and place[0] < contact_files.MOST_COLUMNS
        }
    separator, heading, encoding = given.get("separator"), given.get("heading"), given.get("encoding")
    return Reading(
        separator if separator in SEPARATORS else None,
        None if heading not in ("yes", "no") else heading == "yes",
        columns,
        encoding if encoding in ENCODINGS else None,
    )


def _columns(found: Preview) -> list[str]:
    """What each column is called: by its heading, or its place."""
    first = found.sheet.heading or []
    width = max([len(first), *(len(each.cells or ()) for each, _number in found.first)])
    named = [*first, *[""] * (width - len(first))]
    return [each[:40].strip() or _("Column {number}").format(number=place + 1) for place, each in enumerate(named)]
