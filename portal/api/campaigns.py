"""Campaigns: made of documents, given recipients, started, paused and cancelled; and whom they have reached."""

from base64 import b64encode
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from werkzeug.wrappers import Response

from faxplan import (
    campaign_clones,
    campaign_contacts,
    campaign_covers,
    campaign_files,
    campaign_progress,
    campaign_recipients,
    campaign_results,
    campaign_tests,
    campaigns,
    contact_files,
    cover_templates,
    drafts,
)
from faxplan.api_keys import Scope
from faxplan.campaign_clones import Whom
from faxplan.campaign_pace import Pace, Retries
from faxplan.campaign_words import CampaignCover
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
from portal.api.problems import InvalidRequest, NoScope
from portal.places import STOP

_UNDER_WAY = campaign_results.STATES["released"]


def make(call: Call) -> Response:
    """One of a document, without recipients yet."""
    asked = call.given(shapes.MakeCampaign)

    def then(tx: Transaction, draft_id: int) -> campaigns.Campaign:
        return campaigns.make(
            tx, call.user, asked.name, draft_id, _pace(asked.pace), calling=asked.caller_id,
            billing_code=asked.billing_code, retries=_retries(asked.retries), stop_at=call.request.host + STOP,
            actor=call.actor,
        )  # fmt: skip

    return _with_document(call, Resolution(asked.resolution.value), asked.password, then)


def clone(call: Call) -> Response:
    """One as another one is, or was."""
    asked = call.given(shapes.CloneCampaign)
    whom = Whom(asked.recipients.value)

    def then(tx: Transaction, draft_id: int | None) -> campaigns.Campaign:
        return campaign_clones.clone(
            tx, call.user, call.path["number"], asked.name, whom, draft_id=draft_id, stop_at=call.request.host + STOP,
            actor=call.actor,
        )  # fmt: skip

    if call.files:
        with call.db.tenant(call.tenant.id) as tx:
            campaigns.get(tx, call.user, call.path["number"])
        return _with_document(call, Resolution(asked.resolution.value), asked.password, then)
    with call.db.tenant(call.tenant.id) as tx:
        return calls.kept(tx, call, _shown(tx, call, then(tx, None)), 201)


def _with_document(
    call: Call, resolution: Resolution, password: str | None, then: Callable[[Transaction, int], campaigns.Campaign]
) -> Response:
    """A campaign of what was sent along, which goes where it cannot be."""
    first, *more = calls.documents(call)
    document = HandedIn(first.file, first.name, resolution, password, more)
    draft = drafts.make(call.db, call.store, call.user, document)
    try:
        with call.db.tenant(call.tenant.id) as tx:
            return calls.kept(tx, call, _shown(tx, call, then(tx, draft.id)), 201)
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
    """Its name, its pace, or its tries."""
    asked = call.given(shapes.ChangeCampaign)
    values: dict[str, Any] = {} if asked.name is None else {"name": asked.name}
    if asked.pace is not None:
        values |= asdict(_pace(asked.pace)) | {"weekdays": list(asked.pace.weekdays)}
    if asked.retries is not None:
        values |= {"max_attempts": asked.retries.max_attempts, "retry_delays": asked.retries.delays}
    with call.db.tenant(call.tenant.id) as tx:
        found = campaigns.change(tx, call.user, call.path["number"], values, actor=call.actor)
        return calls.answer(_shown(tx, call, found))


def add(call: Call) -> Response:
    """Recipients, which a worker looks at one by one."""
    asked = call.given(shapes.AddRecipients)
    from_contacts = bool(asked.contacts or asked.groups or asked.all_contacts)
    if sum((bool(asked.numbers), asked.csv is not None, bool(call.files), from_contacts)) != 1:
        raise InvalidRequest(_("Send numbers, or one CSV file, or contacts."), [("/numbers", _("one of them"))])
    if from_contacts and Scope.CONTACTS_READ not in call.key.scopes:
        raise NoScope(_("This API key is not for that: it takes the scope {scope}.").format(scope=Scope.CONTACTS_READ))
    csv = None if asked.numbers or from_contacts else _csv(call, asked)
    with call.db.tenant(call.tenant.id) as tx:
        if from_contacts:
            progress = campaign_contacts.bring(
                tx, call.user, call.path["number"], contact_ids=asked.contacts, group_ids=asked.groups,
                everyone=asked.all_contacts,
            )  # fmt: skip
        elif csv is None:
            progress = campaign_files.bring_numbers(tx, call.user, call.path["number"], asked.numbers)
        else:
            progress = campaign_files.bring(tx, call.user, call.path["number"], csv, _reading(asked))
    return calls.answer(shapes.Reading(lines=progress.lines), 202)


def preview(call: Call) -> Response:
    """A CSV file as it would be read; nothing is kept."""
    asked = call.given(shapes.CsvFile)
    if (asked.csv is not None) == bool(call.files):
        raise InvalidRequest(_("Send one CSV file."), [("/csv", "one of them")])
    content = _csv(call, asked)
    with call.db.tenant(call.tenant.id) as tx:
        campaigns.get(tx, call.user, call.path["number"])
        found = campaign_files.preview(tx, call.user, content, _reading(asked))
    sheet = found.sheet
    return calls.answer(
        shapes.FilePreview(
            separator=sheet.separator,  # type: ignore[arg-type]  # one of contact_files.SEPARATORS
            encoding=sheet.encoding,  # type: ignore[arg-type]  # one of contact_files.ENCODINGS
            heading=sheet.heading,
            columns=shapes.Columns(**{name: sheet.columns.get(name) for name in shapes.Columns.model_fields}),
            lines=found.lines,
            unreadable=found.unreadable,
            looked_at=found.looked_at,
            numbers=found.numbers,
            first=[
                shapes.PreviewLine(
                    line=each.line, cells=each.cells, number=number,
                    name="" if each.cells is None else contact_files.entry_of(each, sheet.columns).name,
                )
                for each, number in found.first
            ],
        )
    )  # fmt: skip


def _csv(call: Call, asked: shapes.CsvFile) -> bytes:
    return calls.documents(call)[0].file.read_bytes() if asked.csv is None else asked.csv


def _reading(asked: shapes.CsvFile) -> Reading:
    columns = None if asked.columns is None else asked.columns.model_dump(exclude_none=True)
    return Reading(asked.separator, asked.heading, columns, asked.encoding)


def take_away(call: Call) -> Response:
    """Reads no more of its file of recipients."""
    with call.db.tenant(call.tenant.id) as tx:
        campaign_files.take_away(tx, call.user, call.path["number"], actor=call.actor)
    return calls.nothing()


def recipients(call: Call) -> Response:
    """Some of them."""
    asked = call.asked(shapes.RecipientPage)
    state = "released" if asked.state == _UNDER_WAY else asked.state
    with call.db.tenant(call.tenant.id) as tx:
        found = campaign_recipients.some(
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


def results(call: Call) -> Response:
    """What became of it, as a table."""
    number = call.path["number"]
    lines = campaign_results.export(call.db, call.user, number, actor=call.actor)
    response = Response(lines, content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="campaign-{number}.csv"'
    return response


def progress(call: Call) -> Response:
    """How far it is, over time."""
    with call.db.tenant(call.tenant.id) as tx:
        found = campaign_progress.progress(tx, call.user, call.path["number"])
    return calls.answer(
        shapes.Progress(
            begun_at=found.begun_at,
            seconds=found.seconds,
            points=[shapes.Point(**asdict(each)) for each in found.points],
            through_at=found.through_at,
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
            template = cover_templates.default(tx, call.tenant.id).id
    return CampaignCover(template, **asked.model_dump(exclude={"template"}))


def remove_cover(call: Call) -> Response:
    """They say nothing any more."""
    with call.db.tenant(call.tenant.id) as tx:
        campaign_covers.remove(tx, call.user, call.path["number"], actor=call.actor)
    return calls.nothing()


def preview_cover(call: Call) -> Response:
    """As it will be drawn."""
    asked = call.given(shapes.PreviewCover)
    with calls.drawing():
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


def _retries(asked: shapes.Retries) -> Retries:
    return Retries(asked.max_attempts, asked.delays)


def _shown(tx: Transaction, call: Call, campaign: campaigns.Campaign) -> shapes.Campaign:
    found = campaign_recipients.counts(tx, call.user, campaign.id)
    return shapes.Campaign(
        id=campaign.id,
        name=campaign.name,
        state=campaign.state,  # type: ignore[arg-type]  # one of them, as schema.sql has it
        why=wording.for_browser(campaign.why),
        pages=campaign.pages,
        pace=shapes.Pace(**asdict(campaign.pace)),
        retries=shapes.Retries(max_attempts=campaign.retries.max_attempts, delays=list(campaign.retries.delays)),
        created_at=campaign.created_at,
        started_at=campaign.started_at,
        ended_at=campaign.ended_at,
        purged_at=campaign.purged_at,
        recipients=shapes.Counts(
            total=found.total, waiting=found.waiting, under_way=found.released, sent=found.sent, failed=found.failed,
            cancelled=found.cancelled, lines=found.lines, lines_read=found.lines_read,
            wrong=wording.for_browser(found.wrong),
            left_out=[shapes.LeftOut(why=why, recipients=n) for why, n in sorted(found.left_out.items())],  # type: ignore[arg-type]
        ),
    )  # fmt: skip
