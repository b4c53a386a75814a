"""Campaigns: made of documents, given recipients, started, paused and cancelled; and whom they have reached."""

from base64 import b64encode
from dataclasses import asdict

from werkzeug.wrappers import Response

from faxplan import (
    api_requests,
    campaign_covers,
    campaign_files,
    campaign_tests,
    campaigns,
    cover_templates,
    drafts,
)
from faxplan.campaign_words import CampaignCover
from faxplan.campaigns import Pace
from faxplan.contact_files import Reading
from faxplan.db import Transaction
from faxplan.errors import FaxplanError
from faxplan.language import _
from faxplan.originals import HandedIn
from faxplan.paper import Resolution
from portal import wording
from portal.api import call as calls
from portal.api import campaign_shapes as shapes
from portal.api.call import Call
from portal.api.problems import InvalidRequest

_UNDER_WAY = "under-way"
"""How programs are told of `released`."""


def make(call: Call) -> Response:
    """One of a document, without recipients yet."""
    asked = call.given(shapes.MakeCampaign)
    first, *more = calls.documents(call)
    document = HandedIn(first.file, first.name, Resolution(asked.resolution.value), asked.password, more)
    draft = drafts.make(call.db, call.store, call.user, document)
    try:
        with call.db.tenant(call.tenant.id) as tx:
            made = campaigns.make(
                tx, call.user, asked.name, draft.id, _pace(asked.pace), calling=asked.caller_id,
                billing_code=asked.billing_code, stop_at=f"{call.request.host}/stop", actor=call.actor,
            )  # fmt: skip
            response = calls.answer(_shown(tx, call, made), 201)
            if call.begun is not None:
                api_requests.answer(tx, call.begun, response.status_code, response.get_data(as_text=True))
            return response
    except FaxplanError as error:
        if not error.retryable:
            drafts.remove(call.db, call.user, draft.id)
        raise


def listed(call: Call) -> Response:
    """Those that the user sees."""
    asked = call.asked(shapes.CampaignPage)
    before = calls.place_of(asked.cursor)
    with call.db.tenant(call.tenant.id) as tx:
        found = campaigns.of_user(tx, call.user, before=before and before[1], limit=asked.limit + 1)
        shown = [_shown(tx, call, each) for each in found[: asked.limit]]
    last = found[asked.limit - 1] if len(found) > asked.limit else None
    onward = None if last is None else calls.cursor_of((last.created_at, last.id))
    return calls.answer(shapes.Campaigns(campaigns=shown, next=onward))


def one(call: Call) -> Response:
    """How it stands with it."""
    with call.db.tenant(call.tenant.id) as tx:
        return calls.answer(_shown(tx, call, campaigns.get(tx, call.user, call.path["number"])))


def change(call: Call) -> Response:
    """Its name, or its pace."""
    asked = call.given(shapes.ChangeCampaign)
    values = {} if asked.name is None else {"name": asked.name}
    if asked.pace is not None:
        values |= asdict(_pace(asked.pace)) | {"weekdays": list(asked.pace.weekdays)}
    with call.db.tenant(call.tenant.id) as tx:
        found = campaigns.change(tx, call.user, call.path["number"], values, actor=call.actor)
        return calls.answer(_shown(tx, call, found))


def add(call: Call) -> Response:
    """Recipients, which a worker looks at one by one."""
    asked = call.given(shapes.AddRecipients)
    given = [bool(asked.numbers), asked.csv is not None, bool(call.files)]
    if sum(given) != 1:
        raise InvalidRequest(_("Send either numbers or one CSV file."), [("/numbers", "one of them")])
    if asked.numbers:
        content, reading = "\n".join(map(_cell, asked.numbers)).encode(), Reading("tab", False, {"number": 0})
    else:
        content, reading = asked.csv or calls.documents(call)[0].file.read_bytes(), Reading()
    with call.db.tenant(call.tenant.id) as tx:
        progress = campaign_files.bring(tx, call.user, call.path["number"], content, reading)
    return calls.answer(shapes.Reading(lines=progress.lines), 202)


def _cell(number: str) -> str:
    """On a line of its own, whatever it has in it."""
    return " ".join(number.replace('"', " ").split()) or "-"


def recipients(call: Call) -> Response:
    """Some of them."""
    asked = call.asked(shapes.RecipientPage)
    state = "released" if asked.state == _UNDER_WAY else asked.state
    with call.db.tenant(call.tenant.id) as tx:
        found = campaigns.recipients(
            tx, call.user, call.path["number"], state=state, after=asked.after, limit=asked.limit
        )
    return calls.answer(
        shapes.Recipients(
            recipients=[
                shapes.Recipient(
                    id=each["id"], written=each["written"], number=each["number"], name=each["name"],
                    state=_UNDER_WAY if each["state"] == "released" else each["state"],  # type: ignore[arg-type]
                    why=each["why"],
                    fax=each["fax_id"],
                )
                for each in found
            ]
        )
    )  # fmt: skip


def cover_fields(call: Call) -> Response:
    """Those that there are, and those that some lack."""
    with call.db.tenant(call.tenant.id) as tx:
        return calls.answer(_fields(tx, call))


def _fields(tx: Transaction, call: Call) -> shapes.CoverFields:
    number = call.path["number"]
    campaign = campaigns.get(tx, call.user, number)
    found = campaign_covers.fields(tx, call.user, number)
    lacking = campaign_covers.lacking(tx, call.user, number)
    return shapes.CoverFields(
        has_cover=campaign.cover_id is not None,
        fields=[
            shapes.CoverField(name=each.name, headings=list(each.headings), recipients=each.recipients)
            for each in found
        ],
        lacking=[shapes.LackedField(name=name, recipients=n) for name, n in lacking.items()],
    )


def put_cover(call: Call) -> Response:
    """What they say from now on."""
    cover = _cover(call, call.given(shapes.CampaignCover))
    campaign_covers.put(call.db, call.store, call.user, call.path["number"], cover, actor=call.actor)
    with call.db.tenant(call.tenant.id) as tx:
        return calls.answer(_fields(tx, call))


def _cover(call: Call, asked: shapes.CampaignCover) -> CampaignCover:
    template = asked.template
    if template is None:
        with call.db.tenant(call.tenant.id) as tx:
            found = (each.id for each in cover_templates.of_tenant(tx, call.tenant.id) if each.is_default)
            template = next(found, cover_templates.PLAIN_ID)
    return CampaignCover(template, **asked.model_dump(exclude={"template"}))


def remove_cover(call: Call) -> Response:
    """They say nothing any more."""
    with call.db.tenant(call.tenant.id) as tx:
        campaign_covers.remove(tx, call.user, call.path["number"], actor=call.actor)
    return calls.nothing()


def preview_cover(call: Call) -> Response:
    """As it will be drawn."""
    asked = call.given(shapes.PreviewCover)
    png, pages = campaign_covers.preview(
        call.db, call.store, call.user, call.path["number"], _cover(call, asked.cover), asked.recipient
    )
    return calls.answer(shapes.CoverPreview(pages=pages, png=b64encode(png).decode()))


def ask_test(call: Call) -> Response:
    """A worker sends it."""
    asked = call.given(shapes.AskTest)

    def then(tx: Transaction, test: campaign_tests.Test) -> Response:
        return calls.kept(tx, call, _test(test), 202)

    return campaign_tests.ask(
        call.db, call.user, call.path["number"], asked.to, asked.recipient, then=then, actor=call.actor
    )


def tests(call: Call) -> Response:
    """What became of them."""
    with call.db.tenant(call.tenant.id) as tx:
        found = campaign_tests.of_campaign(tx, call.user, call.path["number"])
    return calls.answer(shapes.CampaignTests(tests=[_test(each) for each in found]))


def _test(test: campaign_tests.Test) -> shapes.CampaignTest:
    return shapes.CampaignTest(
        id=test.id, to=test.number, recipient=test.recipient_id, asked_at=test.asked_at,
        is_done=test.done_at is not None, fax=test.fax_id, why=wording.for_browser(test.why),
    )  # fmt: skip


def start(call: Call) -> Response:
    """It goes from now on."""
    with call.db.tenant(call.tenant.id) as tx:
        return calls.answer(_shown(tx, call, campaigns.start(tx, call.user, call.path["number"], actor=call.actor)))


def pause(call: Call) -> Response:
    """Nothing more is begun."""
    with call.db.tenant(call.tenant.id) as tx:
        return calls.answer(_shown(tx, call, campaigns.pause(tx, call.user, call.path["number"], actor=call.actor)))


def cancel(call: Call) -> Response:
    """It is over."""
    with call.db.tenant(call.tenant.id) as tx:
        return calls.answer(_shown(tx, call, campaigns.cancel(tx, call.user, call.path["number"], actor=call.actor)))


def remove(call: Call) -> Response:
    """Forgets one that was never started."""
    with call.db.tenant(call.tenant.id) as tx:
        campaigns.remove(tx, call.user, call.path["number"], actor=call.actor)
    return calls.nothing()


def _pace(asked: shapes.Pace) -> Pace:
    return Pace(asked.per_minute, asked.at_once, asked.opens, asked.closes, asked.weekdays, asked.start_at)


def _shown(tx: Transaction, call: Call, campaign: campaigns.Campaign) -> shapes.Campaign:
    found = campaigns.counts(tx, call.user, campaign.id)
    return shapes.Campaign(
        id=campaign.id,
        name=campaign.name,
        state=campaign.state,  # type: ignore[arg-type]  # one of them, as schema.sql has it
        why=wording.for_browser(campaign.why),
        pages=campaign.pages,
        pace=shapes.Pace(**asdict(campaign.pace)),
        created_at=campaign.created_at,
        started_at=campaign.started_at,
        ended_at=campaign.ended_at,
        recipients=shapes.Counts(
            total=found.total, waiting=found.waiting, under_way=found.released, sent=found.sent, failed=found.failed,
            cancelled=found.cancelled, lines=found.lines, lines_read=found.lines_read,
            left_out=[shapes.LeftOut(why=why, recipients=n) for why, n in sorted(found.left_out.items())],  # type: ignore[arg-type]
        ),
    )  # fmt: skip
