"""What a campaign is made of, a page for each step: its document, its pace and hours, and all of it before it starts.

Whom it goes to is a step as well: campaign_recipients.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from werkzeug.wrappers import Response

from faxplan import (
    campaign_covers,
    campaign_outlook,
    campaigns,
    drafts,
    numbers,
    send_time,
    users,
)
from faxplan.campaign_pace import InvalidCampaign
from faxplan.campaigns import LONGEST_NAME, Campaign
from faxplan.errors import FaxplanError, NotFound
from faxplan.language import _, marked
from portal import answers, wording
from portal.forms import Field, Form, Kind
from portal.pages import draft_form
from portal.pages.campaigns import WHY, Shown, one
from portal.visit import Visit

STEPS = (
    ("document", marked("Document")),
    ("recipients", marked("Recipients")),
    ("cover", marked("Cover page")),
    ("pace", marked("Pace and hours")),
    ("review", marked("Review and start")),
)
DAYS = (
    ("1", marked("Monday")),
    ("2", marked("Tuesday")),
    ("3", marked("Wednesday")),
    ("4", marked("Thursday")),
    ("5", marked("Friday")),
    ("6", marked("Saturday")),
    ("7", marked("Sunday")),
)
_CLOCKS = [f"{hour:02}:{minute:02}" for hour in range(24) for minute in (0, 30)] + ["24:00"]


def document(visit: Visit, number: int) -> Response:
    """GET: its pages, what it is called and as whom it calls."""
    return _document(visit, one(visit, number))


def _document(visit: Visit, shown: Shown, form: Form | None = None, status: int = 200) -> Response:
    campaign, draft = shown.campaign, None
    with visit.db.tenant(visit.its_tenant.id) as tx:
        choices = draft_form.choices(visit, tx)
        if campaign.draft_id is not None and shown.owner is None:
            draft = drafts.get(tx, visit.user, campaign.draft_id)
    fields = _document_fields(choices, campaign, visit.its_tenant.country)
    given = {"name": campaign.name, "calling": campaign.calling or "", "billing_code": campaign.billing_code}
    return answers.page(
        visit, "campaign_document.html", status, shown=shown, campaign=campaign, draft=draft, steps=STEPS,
        form=form or Form.of(fields, given),
    )  # fmt: skip


def _document_fields(choices: Mapping[str, Any], campaign: Campaign, country: str) -> Sequence[Field]:
    fields = [Field("name", marked("Name"), required=True, longest=LONGEST_NAME,
                    hint=marked("Only your organisation sees it."))]  # fmt: skip
    callers = [*choices["callers"], *({campaign.calling} - {None, *choices["callers"]})]
    if len(callers) > 1:
        named = [("", marked("As usual")), *((each, numbers.readable(each, country)) for each in callers)]
        fields.append(Field("calling", marked("Calls as"), Kind.CHOICE, choices=named))
    if choices["wants_code"]:
        fields.append(
            Field("billing_code", marked("Billing code"), required=choices["needs_code"],
                  longest=choices["longest_code"])
        )  # fmt: skip
    return fields


def change_document(visit: Visit, number: int) -> Response:
    """POST: what it is called, and as whom it calls."""
    shown = one(visit, number)
    with visit.db.tenant(visit.its_tenant.id) as tx:
        choices = draft_form.choices(visit, tx)
    form = Form.read(_document_fields(choices, shown.campaign, visit.its_tenant.country), visit.request.form)
    if form.ok:
        values = {**form.values}
        if "calling" in values:
            values["calling"] = values["calling"] or None
        try:
            _change(visit, shown, values)
            return answers.to(_next(shown, number, "recipients"))
        except FaxplanError as error:
            form = form.failed(error)
    return _document(visit, shown, form, 400)


def standing(visit: Visit, number: int) -> Response:
    """GET, for the page's script: whether its pages are made."""
    campaign = one(visit, number).campaign
    return answers.data({"state": campaign.rendering, "pages": campaign.pages, "explanation": None})


def pace(visit: Visit, number: int) -> Response:
    """GET: how fast it goes, and when."""
    shown = one(visit, number)
    return _pace(visit, shown, Form.of(_pace_fields(visit, shown.campaign), _paced(visit, shown.campaign)))


def _pace(visit: Visit, shown: Shown, form: Form, status: int = 200) -> Response:
    return answers.page(
        visit, "campaign_pace.html", status, shown=shown, campaign=shown.campaign, form=form, steps=STEPS
    )


def _pace_fields(visit: Visit, campaign: Campaign) -> Sequence[Field]:
    of, most = campaign.pace, visit.its_tenant.max_attempts
    opens, closes = (sorted({*_CLOCKS, each}) for each in (of.opens, of.closes))
    return (
        Field("per_minute", marked("Faxes begun in a minute"), Kind.NUMBER, required=True, least=1, most=6000,
              longest=4),
        Field("at_once", marked("Calls at once"), Kind.NUMBER, required=True, least=1, most=1000, longest=4,
              hint=marked("At most. Your organisation's other faxes go before these.")),
        Field("opens", marked("From"), Kind.CHOICE, choices=[(each, each) for each in opens if each != "24:00"]),
        Field("closes", marked("Until"), Kind.CHOICE, choices=[(each, each) for each in closes if each != "00:00"]),
        Field("weekdays", marked("On"), Kind.SEVERAL, choices=DAYS),
        Field("start_at", marked("Not before"), Kind.MOMENT, longest=40),
        Field("max_attempts", marked("Tries of each fax"), Kind.NUMBER, least=1, most=most, longest=2,
              hint=marked("Empty: as many as your organisation's others.")),
        Field("retry_delays", marked("Minutes between them"), longest=120,
              hint=marked("Such as 5, 15, 60: the last one holds for all further tries. Empty: as your "
                          "organisation's others.")),
    )  # fmt: skip


def _paced(visit: Visit, campaign: Campaign) -> dict[str, Any]:
    of = campaign.pace
    return {
        "per_minute": of.per_minute, "at_once": of.at_once, "opens": of.opens, "closes": of.closes,
        "weekdays": [str(each) for each in of.weekdays],
        "max_attempts": campaign.retries.max_attempts,
        "retry_delays": ", ".join(f"{each / 60:g}" for each in campaign.retries.delays),
        "start_at": f"{of.start_at.astimezone(visit.zone):%Y-%m-%dT%H:%M}" if of.start_at else None,
    }  # fmt: skip


def change_pace(visit: Visit, number: int) -> Response:
    """POST: as it is filled in."""
    shown = one(visit, number)
    before = _paced(visit, shown.campaign)
    form = Form.read(_pace_fields(visit, shown.campaign), visit.request.form)
    if form.ok:
        try:
            values = {**form.values, "weekdays": [int(each) for each in form.values["weekdays"]]}
            values["start_at"] = shown.campaign.pace.start_at
            if form.values["start_at"] != (before["start_at"] or ""):
                values["start_at"] = _moment(visit, form.values["start_at"])
            values["retry_delays"] = _delays(form.values["retry_delays"])
            _change(visit, shown, values)
            return answers.to(_next(shown, number, "review"))
        except FaxplanError as error:
            form = form.failed(error)
    return _pace(visit, shown, form, 400)


def _delays(text: str) -> list[int]:
    """Seconds. Raises InvalidCampaign."""
    try:
        return [round(float(each) * 60) for each in text.replace(";", ",").split(",") if each.strip()]
    except (ValueError, OverflowError) as error:
        raise InvalidCampaign(_("Write the minutes between tries as 5, 15, 60.")) from error


def _moment(visit: Visit, text: str) -> datetime | None:
    return send_time.parse(text.replace("T", " "), visit.zone, visit.now) if text else None


def _change(visit: Visit, shown: Shown, values: Mapping[str, Any]) -> None:
    """What is another now: so much stands in the audit, and a pace that is the same is not begun anew."""
    campaign = shown.campaign
    now = {**asdict(campaign), **asdict(campaign.pace), "max_attempts": campaign.retries.max_attempts,
           "retry_delays": list(campaign.retries.delays), "weekdays": list(campaign.pace.weekdays)}  # fmt: skip
    changed = {name: value for name, value in values.items() if value != now[name]}
    if {"opens", "closes"} & set(changed):
        # Each is as it should be with the other one.
        changed |= {name: values[name] for name in ("opens", "closes")}
    if changed:
        with visit.db.tenant(visit.its_tenant.id) as tx:
            campaigns.change(tx, visit.user, campaign.id, changed, actor=visit.actor)


def _next(shown: Shown, number: int, step: str) -> str:
    """The step after one; of a campaign that was started there are none."""
    return f"/campaigns/{number}/{step}" if shown.campaign.state == "draft" else f"/campaigns/{number}"


def review(visit: Visit, number: int) -> Response:
    """GET: all of it, and what it comes to."""
    shown = one(visit, number)
    return _review(visit, shown) if shown.campaign.state == "draft" else answers.to(f"/campaigns/{number}")


def _review(visit: Visit, shown: Shown, wrong: str = "", status: int = 200) -> Response:
    campaign = shown.campaign
    with visit.db.tenant(visit.its_tenant.id) as tx:
        owner = shown.owner or users.known(tx, visit.its_tenant.id, campaign.user_id)
        found = campaign_outlook.of(tx, campaign, owner, shown.counts.waiting, visit.now)
        lacking = campaign_covers.lacking(tx, visit.user, campaign.id)
    return answers.page(
        visit, "campaign_review.html", status, shown=shown, campaign=campaign, counts=shown.counts, found=found,
        lacking=lacking, wrong=wrong or wording.for_browser(found.wrong), steps=STEPS,
        left=[draft_form.left(each) for each in found.quotas], why=WHY,
        days=[label for value, label in DAYS if int(value) in campaign.pace.weekdays],
    )  # fmt: skip


def start(visit: Visit, number: int) -> Response:
    """POST: it goes."""
    try:
        with visit.db.tenant(visit.its_tenant.id) as tx:
            campaigns.start(tx, visit.user, number, actor=visit.actor)
    except NotFound:
        raise
    except campaigns.NotNow as error:
        shown = one(visit, number)
        if shown.campaign.state != "draft":
            return answers.to(f"/campaigns/{number}")
        return _review(visit, shown, wording.for_browser(str(error)), 400)
    return answers.to(f"/campaigns/{number}")
