"""How a call ended: FreeSWITCH's strings, parsed once."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from faxplan import channel_variables as cv
from faxplan import foreign_text, sent_invite, t30_trace
from faxplan.errors import FaxplanError

GetVariable = Callable[[str], str | None]
_NUMBER = re.compile(r"-?[0-9]{1,18}")
_REDIRECTION = re.compile(r"sip:(3[0-9]{2})")
US, FAR_END = "us", "far-end"
"""Who ended a call."""
T38_NEGOTIATED = "negotiated"
"""t38_status of a call whose pages went over T.38 (mod_spandsp_fax.c)."""
_ENDED_BY = {"send_": US, "recv_": FAR_END}


class UnreadableResult(FaxplanError):
    """The switch set a variable to something that it never sets it to."""

    error_id = "unreadable-result"


@dataclass(frozen=True, slots=True)
class CallResult:
    """One call, ended. None: the switch did not say, because the call never came that far.

    fax_success: what txfax or rxfax reported. pages: acknowledged (sending) or whole (receiving) in this call.
    channel: whether the switch made a channel at all. transfer_rate: bit/s. image_resolution: as FreeSWITCH writes it,
    pixels per metre. invited_at, progress_at, answered_at, ended_at: UTC epoch seconds, on the switch's clock.
    rang: whether a 180, 182 or 183 came without media, as far as FreeSWITCH tells them apart (sofia.c).
    phase_b_times, phase_d_times: of a call that is traced (t30_trace.times). hung_up_by, codec, media_address, and (of
    calls that go out) invite_uri to invite_asserted: as in schema.sql.
    """

    hangup_cause: str
    q850_cause: int | None = None
    sip_code: int | None = None
    fax_success: bool | None = None
    fax_result_code: int | None = None
    fax_result_text: str | None = None
    pages: int = 0
    t38_status: str | None = None
    ecm_used: bool | None = None
    v17_disabled: bool | None = None
    transfer_rate: int | None = None
    bad_rows: int | None = None
    encoding: str | None = None
    image_resolution: str | None = None
    local_station_id: str | None = None
    remote_station_id: str | None = None
    remote_country: str | None = None
    remote_vendor: str | None = None
    remote_model: str | None = None
    sip_call_id: str | None = None
    peer_address: str | None = None
    answered_at: float | None = None
    ended_at: float | None = None
    channel: bool = True
    invited_at: float | None = None
    progress_at: float | None = None
    rang: bool = False
    hung_up_by: str | None = None
    sip_phrase: str | None = None
    peer_port: int | None = None
    media_address: str | None = None
    codec: str | None = None
    invite_uri: str | None = None
    invite_to: str | None = None
    invite_from: str | None = None
    invite_asserted: str | None = None
    phase_b_times: str | None = None
    phase_d_times: str | None = None

    @property
    def answered(self) -> datetime | None:
        """When the far end answered."""
        return datetime.fromtimestamp(self.answered_at, UTC) if self.answered_at else None

    def as_dict(self) -> dict[str, Any]:
        """For JSON; `CallResult(**d)` reads it back."""
        # All values are plain; dataclasses.asdict would copy each of them deeply.
        return {name: getattr(self, name) for name in self.__slots__}


def parse(get: GetVariable, *, ended_at: float) -> CallResult:
    """A call's variables, by `get(name)`, as a CallResult. ended_at: where the switch does not say when.

    Raises UnreadableResult if success, result code or pages cannot be read: nothing unreadable becomes a zero. Any
    other value that cannot be read is None: a far machine's oddity must not undo a success.
    """
    pages = _number(get, cv.FAX_PAGES) or 0
    phase_b, phase_d = t30_trace.times(get, pages)
    return CallResult(
        hangup_cause=get(cv.HANGUP_CAUSE) or "NONE",
        # Of a received call only the second is there before its script ends, where the far end gave a Reason.
        q850_cause=_number_or_none(get, cv.HANGUP_CAUSE_Q850) or _number_or_none(get, cv.SIP_TERM_CAUSE),
        sip_code=_number_or_none(get, cv.SIP_TERM_STATUS) or _redirection(get) or _answer_to_invite(get),
        fax_success=_flag(get, cv.FAX_SUCCESS, "1", "0"),
        fax_result_code=_number(get, cv.FAX_RESULT_CODE),
        pages=pages,
        ecm_used={"on": True, "off": False}.get(get(cv.FAX_ECM_USED) or ""),
        v17_disabled={"1": True, "0": False}.get(get(cv.FAX_V17_DISABLED) or ""),
        transfer_rate=_number_or_none(get, cv.FAX_TRANSFER_RATE),
        bad_rows=_number_or_none(get, cv.FAX_BAD_ROWS),
        invited_at=_moment(get, cv.START_UEPOCH),
        progress_at=_first(_moment(get, cv.PROGRESS_UEPOCH), _moment(get, cv.PROGRESS_MEDIA_UEPOCH)),
        rang=_moment(get, cv.PROGRESS_UEPOCH) is not None,
        answered_at=_moment(get, cv.ANSWER_UEPOCH) or _number_or_none(get, cv.ANSWER_EPOCH, most=2**35) or None,
        fax_result_text=foreign_text.kept(get(cv.FAX_RESULT_TEXT)),
        t38_status=foreign_text.kept(get(cv.FAX_T38_STATUS)),
        encoding=foreign_text.kept(get(cv.FAX_ENCODING_NAME)),
        image_resolution=foreign_text.kept(get(cv.FAX_IMAGE_RESOLUTION)),
        local_station_id=foreign_text.kept(get(cv.FAX_LOCAL_STATION_ID)),
        remote_station_id=foreign_text.kept(get(cv.FAX_REMOTE_STATION_ID)),
        remote_country=foreign_text.kept(get(cv.FAX_REMOTE_COUNTRY)),
        remote_vendor=foreign_text.kept(get(cv.FAX_REMOTE_VENDOR)),
        remote_model=foreign_text.kept(get(cv.FAX_REMOTE_MODEL)),
        sip_call_id=foreign_text.kept(get(cv.SIP_CALL_ID)),
        sip_phrase=_refusal_in_words(get),
        hung_up_by=_hung_up_by(get),
        peer_address=foreign_text.kept(get(cv.SIP_NETWORK_IP)),
        peer_port=port(get, cv.SIP_NETWORK_PORT),
        media_address=_media_address(get),
        codec=foreign_text.kept(get(cv.READ_CODEC)),
        phase_b_times=phase_b,
        phase_d_times=phase_d,
        ended_at=_moment(get, cv.END_UEPOCH) or ended_at,
    )


def parse_sent(get: GetVariable, *, ended_at: float, from_user: str | None) -> CallResult:
    """As `parse`, of a call that went out: with what its INVITE said. from_user: of its trunk."""
    said = sent_invite.read(get, from_user)
    return replace(
        parse(get, ended_at=ended_at),
        invite_uri=foreign_text.kept(said.request_uri),
        invite_to=foreign_text.kept(said.to),
        invite_from=foreign_text.kept(said.sender),
        invite_asserted=foreign_text.kept(said.asserted),
    )


def port(get: GetVariable, name: str) -> int | None:
    """A variable that holds a port; None where it holds none."""
    return _number_or_none(get, name, most=65535)


def _moment(get: GetVariable, name: str) -> float | None:
    micros = _number_or_none(get, name, most=2**55)
    return micros / 1_000_000 if micros and micros > 0 else None


def _first(*moments: float | None) -> float | None:
    return min((each for each in moments if each is not None), default=None)


def _hung_up_by(get: GetVariable) -> str | None:
    if _redirection(get) is not None:
        # FreeSWITCH calls that a CANCEL of its own.
        return FAR_END
    said = get(cv.SIP_HANGUP_DISPOSITION) or ""
    if said == "recv_refuse" and not get(cv.SIP_NETWORK_IP):
        # The SIP stack's own 408 or 503: no answer ever came, and FreeSWITCH calls that a refusal, too.
        return None
    return _ENDED_BY.get(said[:5])


def _refusal_in_words(get: GetVariable) -> str | None:
    refused = get(cv.SIP_HANGUP_DISPOSITION) == "recv_refuse"
    return foreign_text.kept(get(cv.SIP_INVITE_FAILURE_PHRASE)) if refused else None


def _media_address(get: GetVariable) -> str | None:
    address, port = get(cv.REMOTE_MEDIA_IP), get(cv.REMOTE_MEDIA_PORT)
    if not address:
        return None
    host = f"[{address}]" if ":" in address else address
    return foreign_text.kept(f"{host}:{port}" if port else host)


def _redirection(get: GetVariable) -> int | None:
    found = _REDIRECTION.fullmatch(get(cv.PROTO_SPECIFIC_HANGUP_CAUSE) or "")
    return int(found[1]) if found else None


def _answer_to_invite(get: GetVariable) -> int | None:
    """A final answer that came before any other; 487 is only the echo of our own CANCEL (RFC 3261, 9.1)."""
    code = _number_or_none(get, cv.SIP_INVITE_FAILURE_STATUS)
    return None if code == 487 else code


def without_channel(cause: str, *, ended_at: float) -> CallResult:
    """The result of a call for which the switch made no channel: `-ERR CAUSE` is all that there is."""
    return CallResult(hangup_cause=cause or "NONE", ended_at=ended_at, channel=False)


def unreadable(cause: str, *, ended_at: float) -> CallResult:
    """The result of a call of which nothing else can be read (UnreadableResult)."""
    return CallResult(hangup_cause=cause or "NONE", ended_at=ended_at)


def _number(get: GetVariable, name: str, most: int = 2**31 - 1) -> int | None:
    """most: what the column holds. int() alone would take 1_000, other scripts' digits and surrounding space."""
    value = get(name)
    if not value:
        return None
    if not _NUMBER.fullmatch(value) or abs(int(value)) > most:
        raise UnreadableResult(f"The switch set {name} to {ascii(value)[:60]}, which is no number.")
    return int(value)


def _number_or_none(get: GetVariable, name: str, most: int = 2**31 - 1) -> int | None:
    try:
        return _number(get, name, most)
    except UnreadableResult:
        return None


def _flag(get: GetVariable, name: str, yes: str, no: str) -> bool | None:
    value = get(name)
    if not value:
        return None
    if value not in (yes, no):
        raise UnreadableResult(f"The switch set {name} to {ascii(value)[:60]}; it should be {yes} or {no}.")
    return value == yes
