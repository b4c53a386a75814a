"""What an organisation's administrator decides of its faxes: how they identify themselves, and when they are sent."""

from collections.abc import Mapping, Sequence
from typing import Any

from babel import Locale
from werkzeug.wrappers import Response

from faxplan import (
    caller_ids,
    calling_provisioning,
    language,
    opt_out,
    provisioning,
    sender_line,
    sending_hours,
)
from faxplan.errors import FaxplanError, NoCallerId
from faxplan.language import marked
from faxplan.sending_hours import Hours
from faxplan.tenants import Tenant
from portal import answers
from portal.forms import Field, Form, Kind
from portal.visit import Visit

_HEADER = Field(
    "header_line",
    marked("Header line above each page"),
    Kind.SWITCH,
    hint=marked("Date, your name, your number and the page. In the US it has to be there."),
)
_LANGUAGE = Field(
    "language",
    marked("Language of the pages"),
    Kind.CHOICE,
    hint=marked("Each person can choose another one for themselves, at Account."),
    choices=(
        ("", marked("As each browser asks")),
        *((each, language.named(each)) for each in language.available()),
    ),
)
FIELDS = (
    Field("header_name", marked("Name in the header line"), longest=50, hint=marked("Empty: your organisation's.")),
    Field(
        "station_ident",
        marked("Station ident"),
        longest=20,
        hint=marked("Digits that others see. Empty: the number that calls."),
    ),
    _HEADER,
    Field(
        "page_n_of_m", marked("It says how many pages there are"), Kind.SWITCH, hint=marked("page 1 of 3, not page 1.")
    ),
    Field(
        "time_zone",
        marked("Time zone"),
        required=True,
        longest=60,
        hint=marked("Such as Europe/Berlin. For header line, hours and quotas."),
    ),
    Field("max_attempts", marked("Attempts at most"), Kind.NUMBER, required=True, least=1, most=20),
    Field(
        "wait_hours",
        marked("Hours until a fax that was not sent is given up"),
        Kind.NUMBER,
        least=1,
        most=8760,
        hint=marked("Empty: as this installation has it."),
    ),
    Field(
        "opt_out_notice",
        marked("Opt-out notice of campaigns"),
        Kind.LINES,
        longest=opt_out.LONGEST,
        hint=marked(
            "At the foot of the first page: how to get no more. {address}, {number}, {code} are filled in. Empty: none."
        ),
    ),
    _LANGUAGE,
)
_DAYS = (
    marked("Monday"), marked("Tuesday"), marked("Wednesday"), marked("Thursday"), marked("Friday"), marked("Saturday"),
    marked("Sunday"),
)  # fmt: skip
HOURS = tuple(Field(f"day{day}", label, longest=100) for day, label in enumerate(_DAYS, 1))
SHOWN_PAGES = 3


def page(visit: Visit) -> Response:
    """GET: all of it."""
    return _page(visit)


def change(visit: Visit) -> Response:
    """POST: what is decided but for hours."""
    form, tenant = Form.read(FIELDS, visit.request.form), visit.its_tenant
    if not form.ok:
        return _page(visit, form=form, status=400)
    notice = " ".join(form.values["opt_out_notice"].split())
    values = {**form.values, "language": form.values["language"] or None, "opt_out_notice": notice}
    changed = {name: value for name, value in values.items() if value != getattr(tenant, name)}
    try:
        if changed:
            provisioning.change_tenant(visit.its_admin, visit.actor, tenant.slug, changed, by_operator=False)
    except FaxplanError as error:
        return _page(visit, form=form.failed(error), status=400)
    return answers.to("/organisation/settings", note="saved")


def change_hours(visit: Visit) -> Response:
    """POST: the hours of each day."""
    form = Form.read(HOURS, visit.request.form)
    try:
        if form.ok:
            calling_provisioning.replace_hours(visit.its_admin, visit.actor, visit.its_tenant.slug, _hours(form.values))
            return answers.to("/organisation/settings", note="saved")
    except FaxplanError as error:
        form = form.failed(error)
    return _page(visit, hours=form, status=400)


def _hours(values: Mapping[str, str]) -> list[Hours]:
    """Of `8:00-12:00, 13:00-18:00` for each day. Raises InvalidHours."""
    found: list[Hours] = []
    for day, word in enumerate(sending_hours.DAYS, 1):
        for clock in filter(None, (each.strip() for each in values[f"day{day}"].split(","))):
            found += sending_hours.parse(word, clock)
    return found


def _page(visit: Visit, *, form: Form | None = None, hours: Form | None = None, status: int = 200) -> Response:
    tenant = visit.its_tenant
    found = calling_provisioning.hours(visit.its_admin, tenant.slug)
    by_day = {f"day{day}": ", ".join(_clock(found, day)) for day in range(1, 8)}
    return answers.page(
        visit, "settings.html", status,
        form=form or Form.of(FIELDS, {each.name: getattr(tenant, each.name) for each in FIELDS}),
        hours=hours or Form.of(HOURS, by_day), has_hours=any(by_day.values()),
        others=[each for each in found if each["priority"] is not None], days=_DAYS,
        country=Locale.parse(language.current(), sep="-").territories.get(tenant.country, tenant.country),
        line=_line(visit, tenant),
    )  # fmt: skip


def _clock(hours: Sequence[Mapping[str, Any]], day: int) -> list[str]:
    return [
        f"{each['opens']}-{each['closes']}" for each in hours if each["priority"] is None and each["weekday"] == day
    ]


def _line(visit: Visit, tenant: Tenant) -> Sequence[str]:
    """What stands above the first page of a fax of three that goes out now; empty: nothing does."""
    with visit.db.tenant(tenant.id) as tx:
        try:
            number = caller_ids.choose(tx, tenant, None)
        except NoCallerId:
            number = ""
        return sender_line.texts(tx, tenant, number, SHOWN_PAGES)
