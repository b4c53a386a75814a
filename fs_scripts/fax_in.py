"""One call that comes in: `<action application="python" data="fax_in"/>`.

Looked up before the answer, received into the spool, delivered from pending/ (faxplan/inbound.py).
"""

import dataclasses
import time
from functools import partial
from typing import Any

import faxplan_switch

from faxplan import accepting, call_result, encrypted_media, inbound, invite, log_lines, t30_trace
from faxplan import channel_variables as cv
from faxplan.accepting import Accepted, IncomingCall, Node, Refused
from faxplan.document_store import StoreUnavailable
from faxplan.errors import DatabaseUnavailable, FaxplanError
from faxplan.lookups import TooManyLookups


def handler(session: Any, args: str) -> None:
    """Receives one fax."""
    invited_at = time.time()
    try:
        here = faxplan_switch.installation()
        decision = _decide(session, here)
        if isinstance(decision, Refused):
            faxplan_switch.log("notice", f"call refused with {decision.cause}: {decision.reason}")
            session.hangup(decision.cause)
            return
        with log_lines.about_this(decision):
            _take(session, here, decision, invited_at)
    except BaseException as error:  # what leaves a script may corrupt FreeSWITCH's memory
        faxplan_switch.log_failure("fax_in", error)


def _take(session: Any, here: faxplan_switch.Installation, decision: Accepted, invited_at: float) -> None:
    """Answers, receives, and delivers."""
    try:
        with here.spool.receiving(decision.sidecar.attempt_id):
            if not _answered(session, here, decision):
                actor = f"switch:{here.settings.node}"
                inbound.withdraw(here.db, here.spool, decision.sidecar, actor=actor, words=inbound.HUNG_UP_BEFORE)
                return
            result = dataclasses.replace(_receive(session, here, decision), invited_at=invited_at)
            pending = here.pending.secure(here.spool, decision.sidecar, result)
        inbound.deliver(here.db, here.store, pending, actor=f"switch:{here.settings.node}")
    except (DatabaseUnavailable, StoreUnavailable) as error:
        # The fax is safe in pending/; the runtime delivers it when database and store are there again.
        faxplan_switch.log_failure("delivery", error)
    except BaseException as error:  # here, where the line still says which fax it is about
        faxplan_switch.log_failure("fax_in", error)


def _decide(session: Any, here: faxplan_switch.Installation) -> Accepted | Refused:
    call = IncomingCall(
        channel_uuid=str(session.get_uuid()),
        source_address=session.getVariable(cv.SIP_NETWORK_IP) or "",
        gateway=session.getVariable(cv.SIP_GATEWAY),
        trunk=session.getVariable(cv.TRUNK),
        invite=invite.read(session.getVariable),
        encrypted=encrypted_media.offered(session.getVariable),
        source_port=call_result.port(session.getVariable, cv.SIP_NETWORK_PORT),
        call_id=session.getVariable(cv.SIP_CALL_ID),
    )
    settings = here.settings
    node = Node(
        settings.node,
        faxplan_switch.core_uuid(),
        max_channels=settings.max_channels,
        lease_seconds=settings.call_cap_seconds + settings.lease_margin_seconds,
    )
    look_up = partial(accepting.accept, here.db, here.spool, call, node, wait_seconds=settings.lookup_seconds)
    try:
        return faxplan_switch.lookups.run(look_up, settings.lookup_seconds)
    except (DatabaseUnavailable, OSError, TooManyLookups) as error:
        return Refused(accepting.CANNOT_LOOK_UP, f"{type(error).__name__} {error}")


def _answered(session: Any, here: faxplan_switch.Installation, accepted: Accepted) -> bool:
    """Answers, with what the answer needs to know. False: there is no call any more, most likely cancelled."""
    for name in cv.CLEARED_BEFORE_FAX:
        session.setVariable(name, None)
    session.setVariable(cv.FAX_IDENT, accepted.ident)
    for name, value in accepted.variables.items():
        session.setVariable(name, value)
    if accepted.sidecar.t30_trace != t30_trace.OFF:
        for name, value in t30_trace.variables(here.spool.inbound_trace(accepted.sidecar.attempt_id)).items():
            session.setVariable(name, value)
    session.execute("answer")
    # In a hang-up the application does not run, and says nothing.
    return bool(session.answered())


def _receive(session: Any, here: faxplan_switch.Installation, accepted: Accepted) -> call_result.CallResult:
    path = here.spool.inbound_tiff(accepted.sidecar.attempt_id)
    answered_at = time.time()
    session.execute("rxfax", str(path))
    # Set as the BYE comes (200) or the SIP stack gives the call up (another), and before the channel is hung up for it.
    # sip_hangup_disposition is set after that.
    ended_with = session.getVariable(cv.SIP_TERM_STATUS) or ""
    # Of a call that has ended already this changes nothing: the first cause stays.
    session.hangup("NORMAL_CLEARING")
    cause = faxplan_switch.hangup_cause(session) or "NONE"
    try:
        result = call_result.parse(session.getVariable, ended_at=time.time())
    except FaxplanError as error:
        faxplan_switch.log_failure("result of a received fax", error)
        result = call_result.unreadable(cause, ended_at=time.time())
    # FreeSWITCH sets the variables of neither before the script ends.
    return dataclasses.replace(
        result,
        hangup_cause=cause,
        answered_at=answered_at,
        hung_up_by={"": call_result.US, "200": call_result.FAR_END}.get(ended_with),
    )
