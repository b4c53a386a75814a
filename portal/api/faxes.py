"""Faxes: sent, looked at, fetched sealed, stopped, labelled and deleted."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial

from werkzeug.wrappers import Response

from faxplan import (
    batches,
    deletion,
    history,
    labels,
    listings,
    outbound,
    priorities,
    resending,
    send_time,
    submission,
    viewing,
)
from faxplan.covers import Wanted
from faxplan.db import Transaction
from faxplan.originals import HandedIn
from faxplan.outbound import Submitted
from faxplan.paper import Resolution
from faxplan.recipients import Recipients
from faxplan.resending import Handed, ResendRequest
from faxplan.viewing import Readable
from portal import sealed_files, wording
from portal.api import call as calls
from portal.api import shapes
from portal.api.call import Call
from portal.api.shapes import (
    Cancelled,
    Cover,
    Fax,
    FaxError,
    FaxFilters,
    FaxList,
    Label,
    ResendFax,
    SendFax,
    SentFax,
    SentFaxes,
)


def send(call: Call) -> Response:
    """A fax to each of the numbers."""
    asked = call.given(SendFax)
    first, *more = calls.documents(call)
    document = HandedIn(first.file, first.name, Resolution(asked.resolution.value), asked.password, more)
    to = Recipients(
        asked.to,
        priorities.named(asked.priority.value),
        _not_before(asked.send_at, call),
        asked.caller_id,
        asked.billing_code,
        cover=None if asked.cover is None else _cover(asked.cover),
        labels=asked.labels,
    )
    return submission.submit(
        call.db, call.store, call.user, document, to, partial(_accepted, call), resend_of=asked.resend_of
    )


def _accepted(call: Call, tx: Transaction, batch: int, sent: Sequence[Submitted]) -> Response:
    faxes = [SentFax(id=each.fax_id, to=each.called_number, pages=each.pages) for each in sent]
    return calls.kept(tx, call, SentFaxes(batch=batch, faxes=faxes), 201)


def resend_offer(call: Call) -> Response:
    """What a reader's client has to wrap for it."""
    offered = resending.offer(call.db, call.user, call.path["number"])
    return calls.answer(
        shapes.ResendOffer(
            machines=[shapes.Machine(machine=each.id, public_key=each.public.raw) for each in offered.machines],
            documents=[
                shapes.ToWrap(
                    document=each.document_id, digest=each.digest,
                    wraps=[shapes.Wrap(mailbox=mailbox, epoch=epoch, wrap=wrap)
                           for (mailbox, epoch), wrap in each.wraps.items()],
                )
                for each in offered.documents
            ],
        )
    )  # fmt: skip


def resend(call: Call) -> Response:
    """One that has ended goes out again."""
    asked, number = call.given(ResendFax), call.path["number"]
    send_at = _not_before(asked.send_at, call)
    wanted: list[str | None] = [*asked.to]
    requests = [
        ResendRequest(number, each, priorities.named(asked.priority.value), send_at, asked.caller_id,
                      asked.billing_code)
        for each in wanted or [None]
    ]  # fmt: skip
    handed = Handed(number, {(each.document, each.machine): each.wrap for each in asked.wraps}) if asked.wraps else None
    return resending.by_program(call.db, call.user, requests, handed, partial(_accepted, call))


def batch(call: Call) -> Response:
    """How it stands with the faxes of one request."""
    with call.db.tenant(call.tenant.id) as tx:
        found = batches.get(tx, call.user, call.path["number"])
    return calls.answer(
        shapes.Batch(
            id=found.id, created_at=found.at, faxes=len(found.fax_ids), final=found.final,
            standings=shapes.Standings(**found.standings), pages=found.pages, pages_done=found.pages_done,
        )
    )  # fmt: skip


def cancel_batch(call: Call) -> Response:
    """Stops those of them that have not ended."""
    found = batches.cancel(call.db, call.user, call.path["number"])
    return calls.answer(shapes.StoppedBatch(cancelled=found.cancelled, in_calls=found.in_calls, ended=found.ended))


def _not_before(moment: datetime | None, call: Call) -> datetime | None:
    return None if moment is None else send_time.parse(moment.isoformat(), call.tenant.zone, call.now)


def _cover(cover: Cover) -> Wanted:
    return Wanted(cover.template, **cover.model_dump(exclude={"template"}))


def listed(call: Call) -> Response:
    """Some of the user's, newest first."""
    asked = call.asked(FaxFilters)
    of = listings.SENT if asked.direction is shapes.Direction.OUTBOUND else listings.INBOX
    place = calls.place_of(asked.cursor)
    with call.db.tenant(call.tenant.id) as tx:
        label = None
        if asked.label is not None:
            label = labels.named(tx, call.user, asked.label)
            if label is None:
                return calls.answer(FaxList(faxes=[], next=None))
        together = None
        if asked.batch is not None:
            known = batches.get(tx, call.user, asked.batch)
            together = (known.at, known.fax_ids)
        filters = listings.Filters(
            mailbox_id=asked.mailbox, standing=None if asked.state is None else asked.state.value, since=asked.since,
            until=asked.until, label_id=None if label is None else label.id, together=together,
        )  # fmt: skip
        part = listings.part(tx, call.user, of, filters, limit=asked.limit, before=place)
        found = history.of_ids(tx, call.user, [number for _at, number in part.places])
        put_on = labels.of_faxes(tx, call.tenant.id, [each.id for each in found])
    shown = [_shown(each, [label.name for label in put_on[each.id]]) for each in found]
    return calls.answer(FaxList(faxes=shown, next=calls.cursor_of(part.onward)))


def one(call: Call) -> Response:
    """All about one, but for its pages."""
    number = call.path["number"]
    with call.db.tenant(call.tenant.id) as tx:
        fax = history.fax(tx, call.user, number)
        attempts = history.attempts(tx, call.user, number)
        put_on = labels.of_faxes(tx, call.tenant.id, [number])[number]
    last = next((each for each in reversed(attempts) if each.outcome is not None), None)
    return calls.answer(_shown(fax, [each.name for each in put_on], last))


def _shown(fax: history.Fax, names: list[str], last: history.Attempt | None = None) -> Fax:
    error = None
    if fax.explanation and fax.state not in ("sent", "received"):
        error = FaxError(
            error_id=fax.error_id,
            detail=wording.for_browser(fax.explanation),
            sip_code=None if last is None else last.sip_code,
            q850_cause=None if last is None else last.q850_cause,
            t30_code=None if last is None else last.fax_result_code,
            t30_text=None if last is None else last.fax_result_text,
        )
    return Fax(
        id=fax.id,
        direction=shapes.Direction(fax.direction),
        state=fax.state,  # type: ignore[arg-type]  # one of them, as schema.sql has it
        final=fax.final,
        to=fax.called_number,
        caller_id=fax.calling_number,
        pages=fax.pages,
        # Of the call that is under way as well: who watches sees page after page.
        pages_done=fax.pages_done + (0 if fax.final else fax.call_pages or 0),
        attempts=fax.attempts_made,
        most_attempts=fax.max_attempts,
        next_attempt_at=fax.not_before,
        resolution=fax.resolution,
        mailbox=fax.mailbox,
        labels=names,
        batch=fax.batch,
        test=fax.is_test,
        created_at=fax.created_at,
        finished_at=fax.finished_at,
        error=error,
    )


def cancel(call: Call) -> Response:
    """Stops one that is being sent."""
    return calls.answer(Cancelled(cancelled=outbound.cancel(call.db, call.user, call.path["number"])))


def delete(call: Call) -> Response:
    """Nobody sees it any more, and the next purge destroys it."""
    deletion.delete(call.db, call.user, call.path["number"])
    return calls.nothing()


def put_label(call: Call) -> Response:
    """Puts a label on."""
    labels.put_on(call.db, call.user, call.actor, [call.path["number"]], call.given(Label).name)
    return calls.nothing()


def take_label(call: Call) -> Response:
    """Takes one off."""
    labels.take_off(call.db, call.user, call.actor, [call.path["number"]], call.path["name"])
    return calls.nothing()


# -------------------------------------------------------------------------------------------------------- sealed files


def files(call: Call) -> Response:
    """What opens it in a program that has a reader's key; it counts as read from then on."""
    number = call.path["number"]
    found = viewing.of_fax(call.db, call.user, number, address=call.address, by="program")
    return calls.answer(shapes.SealedFiles(files=[_sealed(each, number) for each in found]))


def _sealed(each: Readable, number: int) -> shapes.SealedFile:
    stored = each.stored
    return shapes.SealedFile(
        name=each.name,  # type: ignore[arg-type]  # one of viewing's
        address=f"/api/v1/faxes/{number}/files/{each.name}",
        tenant=stored.tenant_id,
        document=stored.object_name,
        artefact=stored.kind,
        digest=stored.digest or b"",
        sealed_name=each.sealed_name,
        wraps=[shapes.Wrap(mailbox=mailbox, epoch=epoch, wrap=wrap) for (mailbox, epoch), wrap in each.wraps.items()],
    )


def file(call: Call) -> Response:
    """A sealed file, whole or a range of it."""
    stored = viewing.stored(call.db, call.user, call.path["number"], call.path["name"])
    return sealed_files.answer(call.request, call.store.sealed_file(stored))
