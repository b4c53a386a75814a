"""A fax in words: where it stands in one sentence, and every call of it as a time line. Words first, codes after."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from faxplan import language, numbers, sandbox_numbers
from faxplan.history import SENT, Attempt, Fax
from faxplan.language import _, marked, ngettext
from faxplan.retelling import retold
from faxplan.tenants import Tenant

_INDENT = " " * 10
_HELD_BY = {
    "tenant": marked("Your organisation is switched off; it is dialled when that is over."),
    "hours": marked("It is dialled when your organisation's sending hours begin."),
    "hour-full": marked("Your organisation has sent as much as it may in an hour; it is dialled in the next one."),
    "barred": marked("The number has been barred meanwhile; ask the administrator."),
    "trunks-off": marked("Every trunk that serves the number is switched off; it is dialled when one is on again."),
    "no-route": marked("No trunk serves the number; ask the administrator."),
    "trunks-rest": marked(
        "Every trunk that serves the number rests after failed calls; it is dialled when one has rested."
    ),
}
"""By Fax.held_by."""


def headline(fax: Fax, country: str) -> str:
    """Which fax this is: `Fax 12 to 030 23125002`. country: the reader's (ISO 3166-1 alpha-2)."""
    return visible(_("Fax {number} {party}").format(number=fax.id, party=party(fax, country)))


def party(fax: Fax, country: str) -> str:
    """`to` or `from` the other number, as people of `country` read it."""
    if fax.direction == SENT:
        return _("to {number}").format(number=numbers.readable(fax.called_number, country))
    if fax.calling_number is None:
        return _("from a withheld number")
    return _("from {number}").format(number=numbers.readable(fax.calling_number, country))


def standing(fax: Fax, zone: ZoneInfo, now: datetime) -> str:
    """What happens to the fax at this moment, or what became of it, in a sentence."""
    if fax.final:
        return visible(retold(fax.explanation) if fax.explanation else _("It is {state}.").format(state=fax.state))
    if fax.state == "queued":
        return _waiting(fax, zone, now)
    words = {
        "accepted": _("Its pages are being prepared."),
        "dialing": _("Dialling."),
        "sending": _("Sending: {count} of {pages} arrived.").format(
            count=fax.pages_done + (fax.call_pages or 0), pages=_pages(fax.pages or 0)
        ),
        "receiving": _("Receiving: {pages} so far.").format(pages=_pages(fax.call_pages or 0)),
    }
    return words[fax.state]


def _waiting(fax: Fax, zone: ZoneInfo, now: datetime) -> str:
    if fax.not_before is None or fax.not_before <= now:
        return _(_HELD_BY[fax.held_by]) if fax.held_by in _HELD_BY else _("It waits for a free line.")
    at = clock(fax.not_before, zone, now)
    if not fax.explanation:
        return _("It is dialled at {at}.").format(at=at)
    attempt = fax.attempts_made - fax.uncounted + 1
    again = _("Trying again at {at} (attempt {attempt} of {most}).")
    return f"{visible(retold(fax.explanation))} {again.format(at=at, attempt=attempt, most=fax.max_attempts)}"


@dataclass(frozen=True, slots=True)
class Event:
    """One moment of a fax. text, more: in words, whole sentences or parts of one. codes: what the machines said."""

    at: datetime
    text: str
    more: Sequence[str] = ()
    codes: Sequence[str] = ()


def events(fax: Fax, calls: Sequence[Attempt], tenant: Tenant) -> list[Event]:
    """All of a fax, from its beginning on. tenant: whose it is; its country's numbers are in national form."""
    first = _("Handed in for {number}") if fax.direction == SENT else _("Came in for {number}")
    after = _(", then {digits} after the answer").format(digits=fax.post_dial) if fax.post_dial else ""
    first = first.format(number=numbers.readable(fax.called_number, tenant.country))
    more = [forwarded(fax)] if fax.forwarded_by is not None else []
    found = [Event(fax.created_at, f"{first}{after}", more)]
    for call in calls:
        found += _of_call(fax, call)
    if fax.purged_at is not None:
        found.append(Event(fax.purged_at, _("Its pages were destroyed: this record is what is left")))
    return found


def of_fax(fax: Fax, calls: Sequence[Attempt], tenant: Tenant, now: datetime, *, codes: bool = True) -> list[str]:
    """The whole record: a headline with the outcome, each call with its times, and (`codes`) what the machines said.

    tenant: whose fax it is; times are in its zone, and its country's numbers in national form.
    """
    zone = tenant.zone
    what = [fax.file_name or None, _pages(fax.pages) if fax.pages is not None else None, fax.resolution]
    lines = [f"{headline(fax, tenant.country)}: {fax.state}. {standing(fax, zone, now)}"]
    if any(what):
        lines.append(f"{_INDENT}{', '.join(part for part in what if part)}")
    for event in events(fax, calls, tenant):
        lines.append(f"{event.at.astimezone(zone):%H:%M:%S}  {event.text}")
        lines += [_INDENT + line for line in (*event.more, *(event.codes if codes else ()))]
    return [visible(line) for line in lines]


def forwarded(fax: Fax) -> str:
    """Of a copy, who laid it there: `Forwarded by user@acme.example, a copy of fax 12.`"""
    if fax.copy_of is None:
        return _("Forwarded by {who}.").format(who=fax.forwarded_by)
    return _("Forwarded by {who}, a copy of fax {number}.").format(who=fax.forwarded_by, number=fax.copy_of)


def _of_call(fax: Fax, call: Attempt) -> list[Event]:
    through = _(" within this installation") if call.internal else ""
    if sandbox_numbers.is_one(fax.called_number):
        through = _(" to the sandbox")
    if call.trunk:
        through = _(" through {trunk}").format(trunk=call.trunk)
    if fax.direction == SENT:
        start = _(", from page {page}").format(page=call.start_page + 1) if call.start_page else ""
        which = _("Call {number}").format(number=call.number)
        found = [Event(call.started_at, f"{which}{through}{start}")]
    else:
        source = _(" from {address}").format(address=call.peer_address) if call.peer_address else ""
        found = [Event(call.started_at, _("Call") + through + source)]
    if call.answered_at is not None:
        found.append(Event(call.answered_at, _("Answered") + _far_machine(call)))
    if call.ended_at is not None:
        seconds = ""
        if call.seconds is not None:
            seconds = _(" ({seconds} s on the line)").format(seconds=f"{call.seconds:.0f}")
        how = transmission(call)
        found.append(
            Event(
                call.ended_at,
                (retold(call.explanation) if call.explanation else _("Ended.")) + seconds,
                [how] if how else [],
            )
        )
    # Of the whole call, behind all of it.
    return [*found[:-1], replace(found[-1], codes=code_lines(call))]


def transmission(call: Attempt) -> str:
    """How the pages travelled: `T.38, 14,400 bit/s, ECM`; empty where nothing did."""
    if call.fax_result_code is None and call.transfer_rate is None:
        return ""
    lines = {"negotiated": "T.38", "refused": _("G.711 audio, as T.38 was refused")}
    parts = [lines.get(call.t38_status or "", _("G.711 audio"))]
    if call.transfer_rate:
        parts.append(f"{language.number(call.transfer_rate)} bit/s")
    if call.ecm_used is not None:
        parts.append("ECM" if call.ecm_used else _("no ECM"))
    if call.encoding:
        parts.append(call.encoding)
    if call.image_resolution:
        parts.append(dots_per_inch(call.image_resolution))
    if call.bad_rows:
        parts.append(ngettext("{count} bad row", "{count} bad rows", call.bad_rows).format(count=call.bad_rows))
    return ", ".join(parts)


def dots_per_inch(per_metre: str) -> str:
    """FreeSWITCH's fax_image_resolution, `8040x7700` pixels a metre, as people know it: `204x196 dpi`."""
    numbers_found = per_metre.split("x")
    if len(numbers_found) != 2 or not all(number.isdigit() for number in numbers_found):
        return visible(per_metre)
    return "x".join(f"{int(number) * 0.0254:.0f}" for number in numbers_found) + " dpi"


def code_lines(call: Attempt) -> list[str]:
    """What the machines said, for whoever looks for a cause: SIP, Q.850 and T.30 codes, idents, ids."""
    said = [
        ("SIP", _joined(call.sip_code, call.sip_phrase)),
        ("Q.850", _joined(call.q850_cause, call.hangup_cause if call.hangup_cause != "NONE" else None)),
        ("T.30", _joined(call.fax_result_code, call.fax_result_text)),
        ("T.38", call.t38_status),
        ("V.17 off", "yes" if call.v17_disabled else None),
        ("codec", call.codec),
        (_("hung up by"), call.hung_up_by),
        (_("post-dial delay"), None if call.post_dial_delay is None else f"{call.post_dial_delay:.2f} s"),
        (_("node"), call.node),
    ]
    idents = [
        (_("our ident"), call.local_station_id),
        (_("far ident"), call.remote_station_id),
        (_("dialled"), call.dialled),
        (_("caller ID"), call.caller_id),
        (_("far address"), _address(call.peer_address, call.peer_port)),
        (_("far media"), call.media_address),
    ]
    proofs = [(_("number found in"), call.called_from), ("verstat", call.verstat), ("attestation", call.attest)]
    has_channel = not call.internal and call.channel is not False
    ids = [("Call-ID", call.sip_call_id), (_("channel"), call.channel_uuid if has_channel else None)]
    headers = [
        ("Request-URI", call.invite_uri),
        ("To", call.invite_to),
        ("From", call.invite_from),
        (_("asserted"), call.invite_asserted),
        (_("diverted"), call.invite_diversion),
    ]
    # Headers hold commas: each has a line of its own.
    lines = (_listed(said), _listed(idents), _listed(proofs), _listed(ids), *(_listed([each]) for each in headers))
    return [line for line in lines if line]


def clock(at: datetime, zone: ZoneInfo, now: datetime) -> str:
    """The time in the reader's zone; with the date where it is another day."""
    local, today = at.astimezone(zone), now.astimezone(zone)
    return f"{local:%H:%M}" if local.date() == today.date() else language.moment(local)


def _far_machine(call: Attempt) -> str:
    made_by = " ".join(part for part in (call.remote_vendor, call.remote_model) if part)
    ident = ""
    if call.remote_station_id:
        ident = _(" by '{ident}'").format(ident=visible(call.remote_station_id.strip()))
    return f"{ident} ({visible(made_by)})" if made_by else ident


def _pages(count: int) -> str:
    return ngettext("{count} page", "{count} pages", count).format(count=count)


def _joined(code: int | None, words: str | None) -> str | None:
    parts = [str(part) for part in (code, words) if part is not None]
    return " ".join(parts) or None


def _address(host: str | None, port: int | None) -> str | None:
    if host is None or port is None:
        return host
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _listed(pairs: Sequence[tuple[str, object]]) -> str:
    return ", ".join(f"{name} {visible(str(value).strip())}" for name, value in pairs if value not in (None, ""))


def visible(text: str) -> str:
    r"""What a stranger wrote, with all that a terminal would obey (controls, C1, bidi overrides) as escapes: `\x1b`."""
    return "".join(
        each if each.isprintable() or unicodedata.category(each) == "Zs" else each.encode("unicode_escape").decode()
        for each in text
    )
