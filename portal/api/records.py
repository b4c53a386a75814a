"""What there is to look up: a fax's calls, labels, the user's API keys, and for administrators the audit."""

from werkzeug.wrappers import Response

from faxplan import api_keys, audit_entries, audit_words, history, labels, program_login, reader_keys
from faxplan.api_keys import Scope
from faxplan.audit_entries import Wanted
from faxplan.keyring import Epoch
from portal import wording
from portal.api import call as calls
from portal.api import shapes_records as shapes
from portal.api.call import Call
from portal.api.shapes_records import Attempt, AuditFilters, AuditList, AuditRow, Key


def attempts(call: Call) -> Response:
    """All calls of a fax."""
    with call.db.tenant(call.tenant.id) as tx:
        found = history.attempts(tx, call.user, call.path["number"])
    return calls.answer(shapes.Attempts(attempts=[_attempt(each) for each in found]))


def _attempt(each: history.Attempt) -> Attempt:
    return Attempt(
        number=each.number,
        trunk=each.trunk,
        from_page=each.start_page + 1,
        pages=each.pages,
        outcome=each.outcome,
        detail=wording.for_browser(each.explanation) if each.explanation else None,
        started_at=each.started_at,
        answered_at=each.answered_at,
        ended_at=each.ended_at,
        seconds=each.seconds,
        post_dial_delay=each.post_dial_delay,
        hung_up_by=each.hung_up_by,
        sip_code=each.sip_code,
        sip_phrase=each.sip_phrase,
        sip_call_id=each.sip_call_id,
        q850_cause=each.q850_cause,
        hangup_cause=each.hangup_cause,
        t30_code=each.fax_result_code,
        t30_text=each.fax_result_text,
        t38=each.t38_status,
        codec=each.codec,
        ecm=each.ecm_used,
        transfer_rate=each.transfer_rate,
        bad_rows=each.bad_rows,
        encoding=each.encoding,
        remote_station_id=each.remote_station_id,
        local_station_id=each.local_station_id,
    )


def label_names(call: Call) -> Response:
    """Labels that are on faxes that the user sees."""
    with call.db.tenant(call.tenant.id) as tx:
        found = labels.seen_by(tx, call.user)
    return calls.answer(shapes.LabelNames(labels=[each.name for each in found]))


def keys(call: Call) -> Response:
    """The user's own."""
    with call.db.tenant(call.tenant.id) as tx:
        found = api_keys.of_user(tx, call.user)
    return calls.answer(shapes.Keys(keys=[_key(call, each) for each in found]))


def end_key(call: Call) -> Response:
    """One of the user's own does nothing any more; it may be the one that asks."""
    with call.db.tenant(call.tenant.id) as tx:
        api_keys.end(tx, call.user, call.path["number"], actor=call.actor)
    return calls.nothing()


def _key(call: Call, each: api_keys.ApiKey) -> Key:
    return Key(
        id=each.id, name=each.name, ending=each.ending,
        scopes=[scope.value for scope in Scope if scope in each.scopes], created_at=each.created_at,
        used_at=each.used_at, expires_at=each.expires_at, expired=each.has_expired, this_one=each.id == call.key.id,
    )  # fmt: skip


def readers(call: Call) -> Response:
    """What readers' keys open: keys of mailboxes, each wrapped to them."""
    with call.db.tenant(call.tenant.id) as tx:
        found = reader_keys.of_user(tx, call.user)
    return calls.answer(shapes.ReaderKeys(reader_keys=[_reader(each) for each in found]))


def _reader(reader: reader_keys.Reader) -> shapes.ReaderKey:
    return shapes.ReaderKey(
        name=reader.name,
        public_key=reader.public.raw,
        epochs=[_epoch(each, reader.key_id) for each in reader.epochs],
    )


def _epoch(each: Epoch, key_id: int) -> shapes.MailboxEpoch:
    return shapes.MailboxEpoch(
        mailbox=each.mailbox_id, epoch=each.number, public_key=each.public.raw, wrap=each.wraps.get(key_id),
        earlier=each.earlier,
    )  # fmt: skip


def key_parameters(call: Call) -> Response:
    """What makes of the user's password what unlocks their key."""
    with call.db.tenant(call.tenant.id) as tx:
        found = program_login.current_key(tx, call.user)
    lock = found.password
    return calls.answer(
        shapes.UserKeyParameters(
            public_key=found.public.raw, salt=lock.salt, memory_kib=lock.cost.memory, passes=lock.cost.passes,
            lanes=lock.cost.lanes,
        )
    )  # fmt: skip


def unlock_key(call: Call) -> Response:
    """The user's key, locked, for who shows that they can open it; and what it opens."""
    asked = call.given(shapes.UnlockUserKey)
    by_code = asked.by == "recovery-code"
    key, epochs = program_login.unlock(call.db, call.user, call.key.id, asked.auth, call.actor, by_code=by_code)
    return calls.answer(
        shapes.UserKey(
            public_key=key.public.raw,
            locked=key.recovery.locked if by_code else key.password.locked,
            epochs=[_epoch(each, key.id) for each in epochs],
        )
    )


def audit(call: Call) -> Response:
    """Some rows of the organisation's, for its administrators."""
    asked = call.asked(AuditFilters)
    place = calls.named_place_of(asked.cursor)
    wanted = Wanted(asked.actor, asked.action, asked.object, asked.since, asked.until)
    with call.db.tenant(call.tenant.id) as tx:
        rows = audit_entries.some(
            tx, call.tenant.id, wanted, before=None if place is None else place[1], limit=asked.limit + 1
        )
        part = rows[: asked.limit]
        names = audit_entries.names(tx, call.tenant.id, part)
    shown = [
        AuditRow(
            **{name: row[name] for name in AuditRow.model_fields if name != "words"},
            words=audit_words.sentence(row, names, call.tenant.country),
        )
        for row in part
    ]
    onward = ("", part[-1]["sequence"]) if len(rows) > asked.limit else None
    return calls.answer(AuditList(rows=shown, next=calls.named_cursor_of(onward)))
