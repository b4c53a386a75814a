"""How a call ended: FreeSWITCH's strings, parsed once."""

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from faxplan import channel_variables as cv
from faxplan.errors import FaxplanError

GetVariable = Callable[[str], str | None]
_NUMBER = re.compile(r"-?[0-9]{1,12}")


class UnreadableResult(FaxplanError):
    """The switch set a variable to something that it never sets it to."""

    error_id = "unreadable-result"


@dataclass(frozen=True, slots=True)
class CallResult:
    """One call, ended. None: the switch did not say, because the call never came that far.

    fax_success: what txfax or rxfax reported. pages: acknowledged (sending) or whole (receiving) in this call.
    transfer_rate: bit/s. image_resolution: as FreeSWITCH writes it, pixels per metre. answered_at: UTC epoch seconds.
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
    answered_at: int | None = None
    ended_at: float | None = None

    @property
    def answered(self) -> datetime | None:
        """When the far end answered."""
        return datetime.fromtimestamp(self.answered_at, UTC) if self.answered_at else None

    def as_dict(self) -> dict[str, Any]:
        """For JSON; `CallResult(**d)` reads it back."""
        return asdict(self)


def parse(get: GetVariable, *, ended_at: float) -> CallResult:
    """A call's variables, by `get(name)`, as a CallResult.

    Raises UnreadableResult: nothing unreadable becomes a zero.
    """
    text_of = {
        "fax_result_text": cv.FAX_RESULT_TEXT,
        "t38_status": cv.FAX_T38_STATUS,
        "encoding": cv.FAX_ENCODING_NAME,
        "image_resolution": cv.FAX_IMAGE_RESOLUTION,
        "local_station_id": cv.FAX_LOCAL_STATION_ID,
        "remote_station_id": cv.FAX_REMOTE_STATION_ID,
        "remote_country": cv.FAX_REMOTE_COUNTRY,
        "remote_vendor": cv.FAX_REMOTE_VENDOR,
        "remote_model": cv.FAX_REMOTE_MODEL,
        "sip_call_id": cv.SIP_CALL_ID,
        "peer_address": cv.SIP_NETWORK_IP,
    }
    return CallResult(
        hangup_cause=get(cv.HANGUP_CAUSE) or "NONE",
        q850_cause=_number(get, cv.HANGUP_CAUSE_Q850),
        sip_code=_number(get, cv.SIP_TERM_STATUS) or _answer_to_invite(get),
        fax_success=_flag(get, cv.FAX_SUCCESS, "1", "0"),
        fax_result_code=_number(get, cv.FAX_RESULT_CODE),
        pages=_number(get, cv.FAX_PAGES) or 0,
        ecm_used=_flag(get, cv.FAX_ECM_USED, "on", "off"),
        v17_disabled=_flag(get, cv.FAX_V17_DISABLED, "1", "0"),
        transfer_rate=_number(get, cv.FAX_TRANSFER_RATE),
        bad_rows=_number(get, cv.FAX_BAD_ROWS),
        answered_at=_number(get, cv.ANSWER_EPOCH, most=2**35) or None,
        ended_at=ended_at,
        **{field: _text(get(variable)) for field, variable in text_of.items()},
    )


def _answer_to_invite(get: GetVariable) -> int | None:
    """A final answer that came before any other; 487 is only the echo of our own CANCEL (RFC 3261, 9.1)."""
    code = _number(get, cv.SIP_INVITE_FAILURE_STATUS)
    return None if code == 487 else code


def without_channel(cause: str, *, ended_at: float) -> CallResult:
    """The result of a call for which the switch made no channel: `-ERR CAUSE` is all that there is."""
    return CallResult(hangup_cause=cause or "NONE", ended_at=ended_at)


def _number(get: GetVariable, name: str, most: int = 2**31 - 1) -> int | None:
    """most: what the column holds. int() alone would take 1_000, other scripts' digits and surrounding space."""
    value = get(name)
    if not value:
        return None
    if not _NUMBER.fullmatch(value) or abs(int(value)) > most:
        raise UnreadableResult(f"The switch set {name} to {ascii(value)[:60]}, which is no number.")
    return int(value)


def _flag(get: GetVariable, name: str, yes: str, no: str) -> bool | None:
    value = get(name)
    if not value:
        return None
    if value not in (yes, no):
        raise UnreadableResult(f"The switch set {name} to {ascii(value)[:60]}; it should be {yes} or {no}.")
    return value == yes


def _text(value: str | None) -> str | None:
    """Text that a peer wrote: what PostgreSQL and JSON cannot hold (NUL, lone surrogates) is shown escaped."""
    if not value:
        return None
    return value.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")[:250]
