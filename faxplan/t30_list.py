"""The T.30 of a call as a list for people: when, who said what, what it means, and where it broke."""

from datetime import datetime
from zoneinfo import ZoneInfo

from faxplan import t30_steps
from faxplan.history import Attempt
from faxplan.t30_steps import NEITHER, SENT, Step

_WENT_WELL = ("sent", "received")
_NO_TIME = " " * 8
_NONE_KEPT = "no T.30 trace is kept of it. `faxplan trunk set TRUNK --t30-trace failed` keeps those of calls that fail."


def of_call(call: Attempt, trace: str | None, zone: ZoneInfo) -> list[str]:
    """trace: as it is kept, None for none. Lines may hold what a stranger wrote: they are to be made visible.

    spandsp's log has no times. Those that there are the switch noted: of the answer, the negotiation, each page and the
    end.
    """
    if call.internal or call.answered_at is None:
        return [f"Call {call.number}: nothing was answered, so there is no T.30."]
    if trace is None:
        return [f"Call {call.number}: {_NONE_KEPT}"]
    steps = t30_steps.read(trace)
    broke = t30_steps.broke_at(steps, success=call.outcome in _WENT_WELL or call.fax_result_code == 0)
    lines = [f"Call {call.number}, its T.30:", f"{call.answered_at.astimezone(zone):%H:%M:%S}      answered"]
    for index, step in enumerate(steps):
        lines.append(_line(step, zone))
        if index == broke:
            why = f" ({call.fax_result_text})" if call.fax_result_text else ""
            lines.append(f"{_NO_TIME} >>>  it broke here{why}")
    if call.ended_at is not None:
        who = {"us": "we hung up", "far-end": "the far end hung up"}.get(call.hung_up_by or "", "the call ended")
        lines.append(f"{call.ended_at.astimezone(zone):%H:%M:%S}      {who}")
    return lines


def _line(step: Step, zone: ZoneInfo) -> str:
    at = _NO_TIME if step.at is None else f"{datetime.fromtimestamp(step.at, zone):%H:%M:%S}"
    arrow = "  " if step.side == NEITHER else "->" if step.side == SENT else "<-"
    mark = "!" if step.trouble else " "
    times = f", {step.times} times" if step.times > 1 else ""
    details = f" ({step.details})" if step.details else ""
    return f"{at} {mark}{arrow} {step.name:<9}{step.meaning}{times}{details}".rstrip()
