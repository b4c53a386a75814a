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


_AS_TOLD = (
    "sip_code", "q850_cause", "hangup_cause", "fax_result_code", "fax_result_text", "t38_status", "ecm_used",
    "v17_disabled", "transfer_rate", "bad_rows", "encoding", "image_resolution", "local_station_id",
    "remote_station_id", "remote_country", "remote_vendor", "remote_model", "hung_up_by", "sip_phrase",
    "media_address", "codec",
)  # fmt: skip
_WHERE_TOLD = (
    "sip_call_id", "peer_address", "peer_port", "invite_uri", "invite_to", "invite_from", "invite_asserted",
    "caller_id", "channel",
)  # fmt: skip
"""Columns, all but the last two as in CallResult. These keep what they have where the call's end says nothing."""

_CLOSE = f"""
    update attempts set outcome = %(outcome)s, explanation = %(explanation)s, pages = %(pages)s, rule = %(rule)s,
        answered_at = %(answered_at)s, ended_at = coalesce(to_timestamp(%(ended_at)s), now()),
        invited_at = to_timestamp(%(invited_at)s), progress_at = to_timestamp(%(progress_at)s), dialled = %(dialled)s,
        {", ".join(f"{name} = %({name})s" for name in _AS_TOLD)},
        {", ".join(f"{name} = coalesce(%({name})s, {name})" for name in _WHERE_TOLD)}
    where tenant_id = %(tenant)s and id = %(attempt)s and outcome is null"""


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
        _CLOSE,
        {
            **result.as_dict(),
            "tenant": tenant_id,
            "attempt": attempt_id,
            "outcome": outcome,
            "explanation": explanation,
            "pages": pages,
            "answered_at": result.answered,
            "dialled": sent.dialled if sent else None,
            "caller_id": sent.caller_id if sent else None,
            "rule": rule,
            "channel": channel,
        },
    )
