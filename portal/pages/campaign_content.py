"""What a campaign's faxes carry beside its document: a cover page for each recipient; and tests of all of it.

What the cover says is sealed: the portal shows what is handed to it, and who changes it writes it anew.
"""

from collections.abc import Sequence
from typing import Any

from werkzeug.wrappers import Response

from faxplan import campaign_covers, campaign_recipients, campaign_tests, cover_templates, covers
from faxplan.campaign_tests import Test
from faxplan.campaign_words import CampaignCover, InvalidCampaignCover
from faxplan.db import Transaction
from faxplan.errors import FaxplanError, NotFound
from faxplan.language import marked
from portal import answers, wording
from portal.forms import Field, Form, Kind
from portal.pages import covers as cover_pages
from portal.pages.campaign_steps import STEPS
from portal.pages.campaigns import Shown, one
from portal.pages.contacts import ids
from portal.visit import Visit

OFFERED = 25
"""Recipients whose cover can be chosen to be looked at; a recipient in the list of all leads to its own."""
FIELDS = (
    Field("to_name", marked("Recipient's name"), longest=2 * covers.LONGEST),
    Field("to_company", marked("Recipient's company"), longest=2 * covers.LONGEST),
    Field("subject", marked("Subject"), longest=2 * covers.LONGEST),
    Field("message", marked("Message"), Kind.LINES, longest=covers.LONGEST_MESSAGE),
    Field("phone", marked("Your telephone number"), longest=covers.LONGEST, autocomplete="tel"),
    Field("reference", marked("Reference"), longest=2 * covers.LONGEST),
)


def cover(visit: Visit, number: int) -> Response:
    """GET: what each recipient's cover page says."""
    return _cover(visit, one(visit, number), Form.of(FIELDS, {"to_name": CampaignCover().to_name}))


def _cover(visit: Visit, shown: Shown, form: Form, status: int = 200) -> Response:
    given, campaign = visit.request.values, shown.campaign
    asked = next(iter(ids([given.get("recipient", "")])), None)
    with visit.db.tenant(visit.its_tenant.id) as tx:
        own = cover_templates.of_tenant(tx, visit.its_tenant.id)
        fields = campaign_covers.fields(tx, visit.user, campaign.id)
        lacking = campaign_covers.lacking(tx, visit.user, campaign.id, fields)
        offered = campaign_recipients.some(tx, visit.user, campaign.id, state="waiting", limit=OFFERED)
        if asked is not None and asked not in {each["id"] for each in offered}:
            offered = [*_of_one(tx, visit, campaign.id, asked), *offered]
    default = next((str(each.id) for each in own if each.is_default), str(cover_templates.PLAIN_ID))
    return answers.page(
        visit, "campaign_cover.html", status, shown=shown, campaign=campaign, form=form, steps=STEPS, fields=fields,
        lacking=lacking, offered=offered, recipient=asked, templates=[cover_templates.plain(), *own],
        chosen=given.get(cover_pages.NAME, default), may_change=campaign.state in ("draft", "paused"),
        is_first=visit.request.method == "GET",
    )  # fmt: skip


def _of_one(tx: Transaction, visit: Visit, campaign_id: int, recipient_id: int) -> list[dict[str, Any]]:
    found = campaign_covers.one(tx, visit.user, campaign_id, recipient_id)
    return [{"id": found.id, "name": found.name, "number": found.number}]


def set_cover(visit: Visit, number: int) -> Response:
    """POST: they say so from now on."""
    shown = one(visit, number)
    form = Form.read(FIELDS, visit.request.form)
    if form.ok:
        try:
            campaign_covers.put(visit.db, visit.store, visit.user, number, _written(visit, form), actor=visit.actor)
            return answers.to(f"/campaigns/{number}/cover", note="saved")
        except NotFound:
            raise
        except FaxplanError as error:
            form = form.failed(error)
    return _cover(visit, shown, form, 400)


def preview(visit: Visit, number: int) -> Response:
    """POST: as one recipient would get it, as a picture. Nothing of it is kept."""
    form = Form.read(FIELDS, visit.request.form)
    if not form.ok:
        raise InvalidCampaignCover(next(iter(form.errors.values())))
    recipient = next(iter(ids([visit.request.form.get("recipient", "")])), None)
    return cover_pages.drawn(
        lambda: campaign_covers.preview(visit.db, visit.store, visit.user, number, _written(visit, form), recipient)
    )


def remove_cover(visit: Visit, number: int) -> Response:
    """POST: there is none any more."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        campaign_covers.remove(tx, visit.user, number, actor=visit.actor)
    return answers.to(f"/campaigns/{number}/cover", note="removed")


def _written(visit: Visit, form: Form) -> CampaignCover:
    template = ids([visit.request.form.get(cover_pages.NAME, "")])
    return CampaignCover(template[0] if template else cover_templates.PLAIN_ID, **form.values)


def test(visit: Visit, number: int) -> Response:
    """GET: a fax as a recipient would get it, to a number of one's own; and what became of the last ones."""
    return _test(visit, one(visit, number))


def _test(visit: Visit, shown: Shown, wrong: str = "", status: int = 200) -> Response:
    with visit.db.tenant(visit.its_tenant.id) as tx:
        tests = campaign_tests.of_campaign(tx, visit.user, shown.campaign.id)
    return answers.page(
        visit, "campaign_test.html", status, shown=shown, campaign=shown.campaign, tests=tests, wrong=wrong,
        number=visit.request.form.get("number", ""), waits=_wait(tests),
    )  # fmt: skip


def _wait(tests: Sequence[Test]) -> bool:
    return any(each.done_at is None for each in tests)


def tests_now(visit: Visit, number: int) -> Response:
    """GET, for the page's script: what became of them."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        tests = campaign_tests.of_campaign(tx, visit.user, number)
    return answers.page(visit, "campaign_tests.html", shown=one(visit, number), tests=tests, waits=_wait(tests))


def ask_test(visit: Visit, number: int) -> Response:
    """POST: a worker sends it within moments."""
    shown = one(visit, number)
    written = visit.request.form.get("number", "").strip()[:80]
    try:
        campaign_tests.ask(visit.db, visit.user, number, written, then=lambda _tx, test: test, actor=visit.actor)
    except FaxplanError as error:
        if error.retryable:
            raise
        return _test(visit, shown, wording.for_browser(str(error)), 400)
    return answers.to(f"/campaigns/{number}/test")
