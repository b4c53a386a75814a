"""Campaigns: the list, making one, how it goes, and what is done with it. What one is made of: campaign_steps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup
from werkzeug.wrappers import Response

from faxplan import (
    campaign_clones,
    campaign_contacts,
    campaign_covers,
    campaign_files,
    campaign_outlook,
    campaign_progress,
    campaign_recipients,
    campaign_results,
    campaigns,
    drafts,
    language,
    users,
)
from faxplan.campaign_clones import Whom
from faxplan.campaign_pace import Pace
from faxplan.campaign_progress import Point
from faxplan.campaign_recipients import Counts
from faxplan.campaign_words import CampaignCover
from faxplan.campaigns import LONGEST_NAME, Campaign
from faxplan.db import Transaction
from faxplan.errors import FaxplanError
from faxplan.language import _, marked
from faxplan.originals import HandedIn
from faxplan.paper import CHOICES, Resolution
from faxplan.recipients import Recipients, numbers_of
from faxplan.users import User
from portal import answers, charts, wording
from portal.charts import Series
from portal.pages.contacts import ids
from portal.pages.draft_form import Filled
from portal.pages.drafts import files_of, has_office, refused
from portal.places import STOP
from portal.templates import when
from portal.visit import Visit

AT_ONCE = 20
RESOLUTIONS = {"standard": marked("Standard"), "fine": marked("Fine"), "superfine": marked("Superfine")}
STATES = {
    "draft": marked("Not started"),
    "running": marked("Runs"),
    "paused": marked("Paused"),
    "cancelled": marked("Cancelled"),
    "finished": marked("Finished"),
}
WHY = {
    "duplicate": marked("Is in it already"),
    "do-not-fax": marked("Is on the do-not-fax list"),
    "invalid-number": marked("Is no fax number"),
    "number-barred": marked("May not be called"),
    "cover-failed": marked("The cover page cannot be made"),
}
OF_RECIPIENTS = {
    "waiting": marked("Waits"),
    "released": marked("On its way"),
    "sent": marked("Arrived"),
    "failed": marked("Failed"),
    "cancelled": marked("Cancelled"),
    "left-out": marked("Left out"),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """One of them, as pages have it. owner: whose it is, where that is somebody else; None: who looks."""

    campaign: Campaign
    counts: Counts
    owner: User | None

    @property
    def bar(self) -> Markup:
        """How far it is, drawn."""
        return charts.share(_parts(self.counts))

    @property
    def ended(self) -> int:
        """Recipients of whom all is done."""
        return self.counts.sent + self.counts.failed + self.counts.cancelled

    @property
    def is_reading(self) -> bool:
        """Whether a file of its recipients is being read."""
        return self.counts.lines is not None and not self.counts.wrong

    @property
    def left_out(self) -> int:
        """Lines that get no fax."""
        return sum(self.counts.left_out.values())

    @property
    def when(self) -> datetime:
        """When it last became what it is."""
        return self.campaign.ended_at or self.campaign.started_at or self.campaign.created_at


def _parts(counts: Counts) -> list[tuple[str, int, str]]:
    return [
        ("well", counts.sent, _("arrived")),
        ("fault", counts.failed, _("failed")),
        ("other", counts.released, _("on their way")),
        ("rest", counts.waiting + counts.cancelled, _("not begun")),
    ]


def everything(visit: Visit) -> Response:
    """GET: those that the user sees, the newest first."""
    before = ids([visit.request.args.get("before", "")])
    with visit.db.tenant(visit.its_tenant.id) as tx:
        found = campaigns.of_user(tx, visit.user, before=before[0] if before else None, limit=AT_ONCE + 1)
        shown = _shown(visit, tx, found[:AT_ONCE])
    return answers.page(
        visit, "campaigns.html", found=shown, states=STATES, is_first=not before,
        onward=shown[-1].campaign.id if len(found) > AT_ONCE else None,
    )  # fmt: skip


def new(visit: Visit) -> Response:
    """GET: where its document is handed in."""
    return _new(visit)


def _new(visit: Visit, wrong: str = "", status: int = 200) -> Response:
    form = visit.request.form
    return answers.page(
        visit, "campaign_new.html", status, wrong=wrong, called=form.get("name", _a_name(visit)), longest=LONGEST_NAME,
        resolutions=[(each.value, RESOLUTIONS[each.value]) for each in CHOICES],
        resolution=form.get("resolution", Resolution.FINE.value), has_office=has_office(),
    )  # fmt: skip


def make(visit: Visit) -> Response:
    """POST: one of the files in the form."""
    name = visit.request.form.get("name", "").strip() or _a_name(visit)

    def then(tx: Transaction, draft_id: int) -> Campaign:
        return campaigns.make(
            tx, visit.user, name, draft_id, Pace(), stop_at=visit.request.host + STOP, actor=visit.actor
        )

    try:
        made = _with_document(visit, then)
    except FaxplanError as error:
        if error.retryable or visit.request.wants_json:
            raise
        return _new(visit, wording.for_browser(str(error)), 400)
    address = f"/campaigns/{made.id}/document"
    return answers.data({"address": address}) if visit.request.wants_json else answers.to(address)


def _with_document(visit: Visit, then: Callable[[Transaction, int], Campaign]) -> Campaign:
    """Of the files in the form, which go where nothing comes of it."""
    form = visit.request.form
    wanted = form.get("resolution", "")
    resolution = next((each for each in CHOICES if each.value == wanted), Resolution.FINE)
    first, *more = files_of(visit)
    document = HandedIn(first.file, first.name, resolution, form.get("password") or None, more)
    draft = drafts.make(visit.db, visit.store, visit.user, document)
    made: Campaign | None = None
    try:
        with visit.db.tenant(visit.its_tenant.id) as tx:
            made = then(tx, draft.id)
        return made
    finally:
        if made is None:
            drafts.remove(visit.db, visit.user, draft.id)


def of_draft(visit: Visit, number: int) -> Response:
    """POST, of a draft's form: a campaign of it, with all that is filled in there."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        draft = drafts.get(tx, visit.user, number)
    try:
        to = Filled.of(visit.request.form).recipients(visit)
        with visit.db.tenant(visit.its_tenant.id) as tx:
            made = campaigns.make(
                tx, visit.user, _a_name(visit), number, Pace(start_at=to.send_at), calling=to.calling,
                billing_code=to.billing_code.strip(), stop_at=visit.request.host + STOP, actor=visit.actor,
            )  # fmt: skip
            _bring(tx, visit, made, to)
    except FaxplanError as error:
        if error.retryable:
            raise
        return refused(visit, draft, wording.for_browser(str(error)))
    if to.cover is not None:
        try:
            cover = CampaignCover.of(to.cover)
            campaign_covers.put(visit.db, visit.store, visit.user, made.id, cover, actor=visit.actor)
        except FaxplanError as error:
            if error.retryable:
                raise
            return answers.to(f"/campaigns/{made.id}/cover", note="no-cover")
    return answers.to(f"/campaigns/{made.id}/document")


def _bring(tx: Transaction, visit: Visit, made: Campaign, to: Recipients) -> None:
    numbers = to.numbers
    if numbers and (to.contacts or to.groups):
        # One file at a time: beside numbers, contacts are numbers, too.
        numbers = numbers_of(tx, visit.user, to)
    if numbers:
        campaign_files.bring_numbers(tx, visit.user, made.id, numbers)
    elif to.contacts or to.groups:
        campaign_contacts.bring(tx, visit.user, made.id, contact_ids=to.contacts, group_ids=to.groups)


def _a_name(visit: Visit) -> str:
    """Which its user may change. Not the file's: that is sealed."""
    return _("Campaign of {day}").format(day=language.day(visit.now.astimezone(visit.zone).date()))


def page(visit: Visit, number: int) -> Response:
    """GET: how it goes; of one that was not started, the step to go on with."""
    shown = one(visit, number)
    if shown.campaign.state == "draft":
        has = shown.counts.total or shown.left_out or shown.is_reading
        return answers.to(f"/campaigns/{number}/{'review' if has else 'document'}")
    return answers.page(visit, "campaign.html", **_of_page(visit, shown))


def now(visit: Visit, number: int) -> Response:
    """GET: what changes of that, for the page's script."""
    return answers.page(visit, "campaign_now.html", **_of_page(visit, one(visit, number)))


def _of_page(visit: Visit, shown: Shown) -> dict[str, Any]:
    counts, points = shown.counts, list[Point]()
    with visit.db.tenant(visit.its_tenant.id) as tx:
        found = campaign_outlook.of(tx, shown.campaign, shown.owner or visit.user, counts.waiting, visit.now)
        if shown.campaign.started_at is not None:
            points = list(campaign_progress.progress(tx, visit.user, shown.campaign.id, counts=counts).points)
    bar = charts.share(_parts(counts), _("{ended} of {total} are done").format(ended=shown.ended, total=counts.total))
    return {
        "shown": shown, "campaign": shown.campaign, "counts": counts, "bar": bar, "states": STATES, "why": WHY,
        "points": points, "chart": _chart(visit, shown, points), "through": found.ends if counts.waiting else None,
    }  # fmt: skip


def _chart(visit: Visit, shown: Shown, points: Sequence[Point]) -> Markup | None:
    """How it went, from its start; None: nothing has been counted yet."""
    started = shown.campaign.started_at
    if not points or started is None:
        return None
    total = shown.counts.total
    series = [
        ("well", Series(_("arrived"), [0, *(each.sent for each in points)])),
        ("fault", Series(_("failed"), [0, *(each.failed + each.cancelled for each in points)])),
        ("other", Series(_("on their way"), [0, *(each.under_way for each in points)])),
        ("ground", Series(_("not begun"), [total, *(each.waiting for each in points)])),
    ]
    at = [started.astimezone(visit.zone), *(each.at.astimezone(visit.zone) for each in points)]
    one_day = at[0].date() == at[-1].date()
    places = [f"{each:%H:%M}" if one_day else when(each, visit.zone, visit.now) for each in at]
    return charts.areas(_("Recipients over time: arrived, failed, on their way, not begun"), places, series)


def pause(visit: Visit, number: int) -> Response:
    """POST: nothing more is begun."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        campaigns.pause(tx, visit.user, number, actor=visit.actor)
    return answers.to(f"/campaigns/{number}")


def ask_cancel(visit: Visit, number: int) -> Response:
    """GET: whether it is really to end."""
    shown = one(visit, number)
    return answers.page(visit, "campaign_cancel.html", shown=shown, campaign=shown.campaign, counts=shown.counts)


def cancel(visit: Visit, number: int) -> Response:
    """POST: it is over."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        campaigns.cancel(tx, visit.user, number, actor=visit.actor)
    return answers.to(f"/campaigns/{number}", note="ended-campaign")


def ask_remove(visit: Visit, number: int) -> Response:
    """GET: whether it is really to go."""
    shown = one(visit, number)
    return answers.page(visit, "campaign_remove.html", shown=shown, campaign=shown.campaign)


def remove(visit: Visit, number: int) -> Response:
    """POST: one that was never started is gone."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        campaigns.remove(tx, visit.user, number, actor=visit.actor)
    return answers.to("/campaigns", note="removed")


def results(visit: Visit, number: int) -> Response:
    """GET: what became of each recipient, as a CSV file."""
    lines = campaign_results.export(visit.db, visit.user, number, actor=visit.actor)
    return answers.table(f"campaign-{number}.csv", lines)


def ask_clone(visit: Visit, number: int) -> Response:
    """GET: to whom another one like it is to go."""
    return _clone(visit, one(visit, number))


def _clone(visit: Visit, shown: Shown, wrong: str = "", status: int = 200) -> Response:
    form, campaign = visit.request.form, shown.campaign
    asked = form.get("whom") or visit.request.args.get("whom")
    possible = [Whom.NOBODY] if campaign.purged_at else [*Whom] if shown.counts.failed else [Whom.ALL, Whom.NOBODY]
    return answers.page(
        visit, "campaign_clone.html", status, shown=shown, campaign=campaign, wrong=wrong, longest=LONGEST_NAME,
        called=form.get("name", campaign.name), whom=[(each.value, _WHOM[each]) for each in possible],
        chosen=asked if asked in possible else possible[0].value, counts=shown.counts,
        needs_document=campaign.ended_at is not None or shown.owner is not None or campaign.draft_id is None,
    )  # fmt: skip


_WHOM = {
    Whom.ALL: marked("All who were to get this one"),
    Whom.FAILED: marked("Those whose fax failed"),
    Whom.NOBODY: marked("Nobody yet"),
}


def clone(visit: Visit, number: int) -> Response:
    """POST: another one as it is or was."""
    form, shown = visit.request.form, one(visit, number)
    whom = next((each for each in Whom if each == form.get("whom")), Whom.NOBODY)

    def then(tx: Transaction, draft_id: int | None) -> Campaign:
        name = form.get("name", "").strip() or None
        return campaign_clones.clone(
            tx, visit.user, number, name, whom, draft_id=draft_id, stop_at=visit.request.host + STOP, actor=visit.actor
        )

    try:
        if any(each.filename for each in visit.request.files.getlist("file")):
            made = _with_document(visit, then)
        else:
            with visit.db.tenant(visit.its_tenant.id) as tx:
                made = then(tx, None)
    except FaxplanError as error:
        if error.retryable:
            raise
        return _clone(visit, shown, wording.for_browser(str(error)), 400)
    return answers.to(f"/campaigns/{made.id}/document")


def one(visit: Visit, number: int) -> Shown:
    """Raises NotFound."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        return _shown(visit, tx, [campaigns.get(tx, visit.user, number)])[0]


def _shown(visit: Visit, tx: Transaction, found: list[Campaign]) -> list[Shown]:
    counted = campaign_recipients.counts_of(tx, visit.its_tenant.id, [each.id for each in found])
    others = {each.user_id for each in found} - {visit.user.id}
    owners = {each: users.known(tx, visit.its_tenant.id, each) for each in others}
    return [Shown(each, counted[each.id], owners.get(each.user_id)) for each in found]
