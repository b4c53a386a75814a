"""Attempts: one row a call, opened before it, closed once after it."""

from dataclasses import dataclass

from faxplan import foreign_text
from faxplan.call_result import CallResult
from faxplan.caller_identity import Caller
from faxplan.db import Transaction
from faxplan.destinations import Offered
from faxplan.invite import Invite
from faxplan.spool import OutboundSidecar

MOST_CALLER_ID = 200
ANONYMOUS = "anonymous"
"""What stands in caller_id where the caller wants to be."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the INVITE of a call that comes in said, and what was made of it. place: where the called number stood."""

    invite: Invite
    caller: Caller
    place: str
    call_id: str | None = None

    @property
    def caller_id(self) -> str:
        """Who calls, in words."""
        if self.caller.anonymous:
            return ANONYMOUS
        parts = dict.fromkeys(part for part in (self.caller.name, self.caller.number) if part)
        return foreign_text.kept(" ".join(parts), MOST_CALLER_ID) or ""


def open_inbound(
    tx: Transaction,
    tenant_id: int,
    fax_id: int,
    *,
    node: str,
    trunk: str,
    channel_uuid: str,
    peer: tuple[str, int | None],
    said: Said,
    may: Offered,
) -> int:
    """The attempt of a call that comes in; its id. Those of calls that go out are opened by claims.claim_faxes.

    may: what the call may use. peer: address and port that the INVITE came from. What settles a dispute is kept as the
    peer wrote it.
    """
    invite = said.invite
    return int(
        tx.value(
            """insert into attempts (tenant_id, fax_id, number, node, trunk, channel_uuid, peer_address, caller_id,
                                     called_from, invite_uri, invite_to, invite_from, invite_asserted, invite_diversion,
                                     verstat, attest, t38_offered, ecm_offered, v17_offered, peer_port, sip_call_id,
                                     channel)
               values (%s, %s, 1, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, true)
               returning id""",
            (
                tenant_id,
                fax_id,
                node,
                trunk,
                channel_uuid,
                foreign_text.kept(peer[0]),
                said.caller_id,
                said.place,
                foreign_text.kept(invite.request_uri),
                foreign_text.kept(invite.to),
                foreign_text.kept(invite.sender),
                foreign_text.kept(invite.asserted or invite.remote_party),
                foreign_text.kept(invite.diversion or invite.history),
                said.caller.verstat,
                said.caller.attest,
                may.t38,
                may.ecm,
                may.v17,
                peer[1],
                foreign_text.kept(said.call_id),
            ),
        )
    )


def open_internal(
    tx: Transaction,
    tenant_id: int,
    fax_id: int,
    *,
    number: int,
    start_page: int,
    node: str,
    caller_id: str | None,
) -> int:
    """The attempt of a fax that is delivered without a call, on either side of it; its id."""
    return int(
        tx.value(
            """insert into attempts (tenant_id, fax_id, number, node, channel_uuid, start_page, caller_id, internal)
               values (%s, %s, %s, %s, gen_random_uuid()::text, %s, %s, true) returning id""",
            (tenant_id, fax_id, number, node, start_page, caller_id),
        )
    )


def keep_trace(tx: Transaction, tenant_id: int, attempt_id: int, trace: str | None) -> None:
    """Keeps what t30_trace.read gave of its call; None: nothing."""
    if trace is not None:
        tx.later(
            """insert into t30_traces (tenant_id, attempt_id, trace) values (%s, %s, %s)
               on conflict do nothing""",
            (tenant_id, attempt_id, trace),
        )


def reopen(tx: Transaction, tenant_id: int, attempt_id: int) -> None:
    """Takes back that a call was given up as lost: what it received has turned up."""
    tx.execute(
        "update attempts set outcome = null, ended_at = null where tenant_id = %s and id = %s and outcome = 'failed'",
        (tenant_id, attempt_id),
    )


def note_failed_over(tx: Transaction, tenant_id: int, attempt_id: int) -> None:
    """Its fax went on through another trunk at once: no try of its rule is used up."""
    tx.later("update attempts set failed_over = true where tenant_id = %s and id = %s", (tenant_id, attempt_id))


def close(
    tx: Transaction,
    tenant_id: int,
    attempt_id: int,
    result: CallResult,
    *,
    outcome: str,
    explanation: str,
    pages: int,
    rule: str | None = None,
    sent: OutboundSidecar | None = None,
    channel: bool | None = None,
) -> None:
    """Writes how the call ended.

    outcome: as attempts.outcome in schema.sql; pages: of this call; rule: of failure_rules; sent: of a call that went
    out; channel: whether there was one, None where that is not known, or known before.
    """
    tx.later(
        """update attempts set outcome = %s, explanation = %s, pages = %s, answered_at = %s,
               ended_at = coalesce(to_timestamp(%s), now()), sip_code = %s, q850_cause = %s, hangup_cause = %s,
               fax_result_code = %s, fax_result_text = %s, t38_status = %s, ecm_used = %s, v17_disabled = %s,
               transfer_rate = %s, bad_rows = %s, encoding = %s, image_resolution = %s, local_station_id = %s,
               remote_station_id = %s, remote_country = %s, remote_vendor = %s, remote_model = %s,
               sip_call_id = coalesce(%s, sip_call_id), peer_address = coalesce(%s, peer_address),
               peer_port = coalesce(%s, peer_port), dialled = %s, caller_id = coalesce(%s, caller_id), rule = %s,
               channel = coalesce(%s, channel), invited_at = to_timestamp(%s), progress_at = to_timestamp(%s),
               hung_up_by = %s, sip_phrase = %s, media_address = %s, codec = %s,
               invite_uri = coalesce(%s, invite_uri), invite_to = coalesce(%s, invite_to),
               invite_from = coalesce(%s, invite_from), invite_asserted = coalesce(%s, invite_asserted)
           where tenant_id = %s and id = %s and outcome is null""",
        (
            outcome,
            explanation,
            pages,
            result.answered,
            result.ended_at,
            result.sip_code,
            result.q850_cause,
            result.hangup_cause,
            result.fax_result_code,
            result.fax_result_text,
            result.t38_status,
            result.ecm_used,
            result.v17_disabled,
            result.transfer_rate,
            result.bad_rows,
            result.encoding,
            result.image_resolution,
            result.local_station_id,
            result.remote_station_id,
            result.remote_country,
            result.remote_vendor,
            result.remote_model,
            result.sip_call_id,
            result.peer_address,
            result.peer_port,
            sent.dialled if sent else None,
            sent.caller_id if sent else None,
            rule,
            channel,
            result.invited_at,
            result.progress_at,
            result.hung_up_by,
            result.sip_phrase,
            result.media_address,
            result.codec,
            result.invite_uri,
            result.invite_to,
            result.invite_from,
            result.invite_asserted,
            tenant_id,
            attempt_id,
        ),
    )
