"""One call that goes out: `originate ... '&python(fax_out <attempt>)'`, and its hook `fax_out::settle <attempt>`.

The handler touches neither database nor document store: between answer and txfax there is only a file to read.
"""

import time
from typing import Any

import faxplan_switch

from faxplan import call_result, encrypted_media, log_lines, post_dial, t30_trace
from faxplan import channel_variables as cv
from faxplan.errors import FaxplanError
from faxplan.journal import Outcome
from faxplan.spool import OutboundSidecar, Spool


def handler(session: Any, args: str) -> None:
    """Sends the staged pages of an attempt."""
    try:
        attempt_id = int(args)
        spool = faxplan_switch.installation().spool
        sidecar = spool.staged(attempt_id)
        with log_lines.about(attempt=attempt_id), log_lines.about_this(sidecar):
            _send(session, spool, attempt_id, sidecar)
    except BaseException as error:  # what leaves a script may corrupt FreeSWITCH's memory
        faxplan_switch.log_failure("fax_out", error)


def _send(session: Any, spool: Spool, attempt_id: int, sidecar: OutboundSidecar | None) -> None:
    if sidecar is None:
        faxplan_switch.log("err", f"attempt {attempt_id} has nothing staged; hanging up")
        session.hangup("NORMAL_TEMPORARY_FAILURE")
        return
    if sidecar.encrypted_media and not encrypted_media.confirmed(session.getVariable):
        faxplan_switch.log("err", f"attempt {attempt_id} was answered without SRTP; hanging up")
        session.hangup("INCOMPATIBLE_DESTINATION")
        return
    for name in cv.CLEARED_BEFORE_FAX:
        session.setVariable(name, None)
    session.setVariable(cv.FAX_IDENT, sidecar.ident)
    session.setVariable(cv.FAX_HEADER, cv.NO_HEADER)
    session.setVariable(cv.FAX_USE_ECM, "true" if sidecar.use_ecm else "false")
    session.setVariable(cv.FAX_DISABLE_V17, "true" if sidecar.disable_v17 else "false")
    if sidecar.start_page:
        session.setVariable(cv.FAX_START_PAGE, str(sidecar.start_page))
    if sidecar.t30_trace != t30_trace.OFF:
        for name, value in t30_trace.variables(spool.outbound_trace(attempt_id)).items():
            session.setVariable(name, value)
    if sidecar.tones:
        _dial_after_answer(session, sidecar.tones)
    session.execute("txfax", str(spool.outbound_tiff(attempt_id)))


def _dial_after_answer(session: Any, tones: str) -> None:
    """DTMF, all of it before txfax. tones: as post_dial.tones gives them, which is looked at once more."""
    tones = post_dial.tones(tones)
    # Nobody takes an image offer that comes meanwhile, and two seconds later it would end the fax: refused at once
    # (488), it leaves the call in audio, and the next offer is taken.
    t38 = session.getVariable(cv.FAX_ENABLE_T38)
    session.setVariable(cv.FAX_ENABLE_T38, "false")
    if session.getVariable(cv.DTMF_TYPE) == cv.RFC2833:
        session.execute("send_dtmf", tones)
        # send_dtmf returns at once; the digits go while the channel is read (switch_rtp.c, do_2833).
        session.sleep(post_dial.milliseconds(tones))
    else:
        # Without telephone-event FreeSWITCH would send them by INFO, all at once, and few listen to that.
        session.execute("playback", post_dial.tone_stream(tones))
    session.setVariable(cv.FAX_ENABLE_T38, t38)


def settle(session: Any, stream: Any, env: Any, args: str) -> None:
    """Hangup hook: writes how the call ended to the journal, and wakes the runtime, which settles it."""
    try:
        attempt_id = int(args)
        here = faxplan_switch.installation()
        sidecar = here.spool.staged(attempt_id)
        with log_lines.about(attempt=attempt_id), log_lines.about_this(sidecar):
            _settle(here, env, attempt_id, sidecar)
    except BaseException as error:  # SystemExit in a hook ends FreeSWITCH
        faxplan_switch.log_failure("fax_out::settle", error)


def _settle(here: faxplan_switch.Installation, env: Any, attempt_id: int, sidecar: OutboundSidecar | None) -> None:
    if sidecar is None:
        faxplan_switch.log("err", f"attempt {attempt_id} ended, and has no sidecar; recovery will settle it")
        return
    now = time.time()
    try:
        result = call_result.parse_sent(
            lambda name: env.getHeader(f"variable_{name}"), ended_at=now, from_user=sidecar.from_user
        )
    except FaxplanError as error:
        faxplan_switch.log_failure(f"result of attempt {attempt_id}", error)
        result = call_result.unreadable(env.getHeader("Hangup-Cause") or "", ended_at=now)
    if sidecar.encrypted_media:
        result = encrypted_media.explained(result)
    channel_uuid = env.getHeader("Unique-ID")
    here.journal.write(Outcome(sidecar.tenant_id, sidecar.fax_id, attempt_id, result, channel_uuid))
    faxplan_switch.announce_journalled(attempt_id)
