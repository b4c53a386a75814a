"""Which calls are answered: by trunk, called number, caller and limits, all before the answer."""

from collections.abc import Mapping
from dataclasses import dataclass

from faxplan import (
    attempts,
    called_number,
    caller_identity,
    did_callers,
    dids,
    inbound,
    mail_readers,
    mailboxes,
    numbers,
    queue,
    received_media,
    trunks,
    vault,
)
from faxplan.caller_identity import Caller
from faxplan.db import Database, Transaction
from faxplan.destinations import Offered
from faxplan.dids import Did
from faxplan.errors import DatabaseUnavailable
from faxplan.invite import Invite
from faxplan.lookups import Caller as Waiting
from faxplan.spool import InboundSidecar, Spool
from faxplan.trunks import Trunk
from faxplan.vault import MailboxKey


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """A call that wants to be answered. source_address: where its INVITE really came from.

    trunk: by the dialplan's own word, never the peer's; None: it is known by its address. gateway, invite, call_id:
    written by the peer. encrypted: whether its media are, as encrypted_media.offered has it.
    """

    channel_uuid: str
    source_address: str
    invite: Invite
    gateway: str | None = None
    trunk: str | None = None
    encrypted: bool = False
    source_port: int | None = None
    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """The switch that has the call: its name, the UUID of this run of it, how many calls it takes at once.

    lease_seconds: after which a call without a record is taken for dead.
    """

    name: str
    switch_uuid: str
    max_channels: int
    lease_seconds: int


@dataclass(frozen=True, slots=True)
class Accepted:
    """A call to be answered: whose it is, with which station ident (CSI) we answer, and what it may use.

    variables: channel variables that must stand before the answer.
    """

    sidecar: InboundSidecar
    ident: str
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Refused:
    """A call not to be answered. cause: for hang-up before answer, which FreeSWITCH turns into the SIP code."""

    cause: str
    reason: str


FULL = "NORMAL_CIRCUIT_CONGESTION"
"""503."""
UNKNOWN_SOURCE = "INCOMING_CALL_BARRED"
"""403."""
UNKNOWN_DID = "UNALLOCATED_NUMBER"
"""404."""
NOT_ENCRYPTED = "INCOMPATIBLE_DESTINATION"
"""488."""
BUSY = "USER_BUSY"
"""486."""
DECLINED = "CALL_REJECTED"
"""603."""
NOBODY_READS = "SUBSCRIBER_ABSENT"
"""480."""
CANNOT_LOOK_UP = "NORMAL_TEMPORARY_FAILURE"
"""503: the carrier tries elsewhere."""
TOO_LATE = "PostgreSQL or the spool's disk took too long to look up an incoming call. See what they wait for."


@dataclass(frozen=True, slots=True)
class _Called:
    """The DID that is called; where the INVITE says so, and in which format its carrier writes numbers."""

    did: Did
    place: str
    number_format: str


def accept(
    db: Database, spool: Spool, call: IncomingCall, node: Node, waiting: Waiting, *, wait_seconds: float | None = None
) -> Accepted | Refused:
    """Decides about a call and, if it is to be answered, commits its `receiving` row and writes its sidecar.

    waiting: who waits for it, to answer or to refuse with CANNOT_LOOK_UP. wait_seconds: so long at most it waits for
    others that claim faxes or accept calls; None: until they are done. Raises DatabaseUnavailable, also where that was
    too long, or where he has given up meanwhile: nothing is committed then, or it is undone.
    """
    with db.across_tenants() as tx:
        decided = _decide(tx, call, node, wait_seconds)
        if waiting.gave_up:
            raise DatabaseUnavailable(TOO_LATE)
    if isinstance(decided, Refused):
        return decided
    try:
        spool.expect(decided.sidecar)
        # Asked when all is written: a commit and a disk may take their time.
        if not waiting.take():
            raise DatabaseUnavailable(TOO_LATE)
    except (OSError, DatabaseUnavailable):
        actor = f"switch:{node.name}"
        inbound.withdraw(db, spool, decided.sidecar, actor=actor, words=inbound.NOT_LOOKED_UP)
        raise
    return decided


def _decide(tx: Transaction, call: IncomingCall, node: Node, wait_seconds: float | None) -> Accepted | Refused:
    if call.trunk is None:
        trunk = trunks.by_source(tx, call.source_address, call.gateway)
    else:
        trunk = trunks.by_name(tx, call.trunk)
    if trunk is None:
        return Refused(UNKNOWN_SOURCE, _no_trunk(call))
    if trunk.encrypted_media and not call.encrypted:
        return Refused(NOT_ENCRYPTED, f"trunk {trunk.name} takes SRTP with its keys by TLS only, and this has none")
    called = _called(tx, call.invite, trunk)
    if called is None:
        return Refused(UNKNOWN_DID, f"{_asked_for(call.invite, trunk)} is nobody's DID")
    did = called.did
    tx.enter_tenant(did.tenant_id)
    caller = caller_identity.identify(call.invite, trusted=trunk.trusts_identity)
    calling = _e164(caller, trunk, called.number_format)
    if (refused := _not_let_in(tx, did, calling)) is not None:
        return refused
    mailbox = vault.mailbox_for(tx, did.tenant_id, did.mailbox_id)
    if mailbox is None:
        return Refused(NOBODY_READS, f"nobody is enrolled who could open what comes for {did.number}")
    queue.take_turn(tx, wait_seconds)
    full = _full(tx, node, trunk, did)
    return full or _open(tx, call, node, trunk, called, mailbox, caller, calling)


def _not_let_in(tx: Transaction, did: Did, calling: str | None) -> Refused | None:
    """Why a DID, within its tenant, takes no call of this caller; None: it does."""
    if not mailboxes.may_receive(tx, did.tenant_id, did.mailbox_id):
        return Refused(UNKNOWN_DID, f"{did.number} leads to the mailbox of a user who may not receive")
    if did_callers.may_call(tx, did.tenant_id, did.number, calling):
        return None
    dids.count_refusal(tx, did, dids.BY_CALLER)
    cause = BUSY if did.refusal == "busy" else DECLINED
    return Refused(cause, f"{did.number} is not for {calling or 'anonymous callers'}")


def _no_trunk(call: IncomingCall) -> str:
    if call.trunk is not None:
        return f"the dialplan says trunk {ascii(call.trunk)[:60]}, and there is no enabled one of that name"
    return f"no trunk sends from {ascii(call.source_address)[:60]}"


def _called(tx: Transaction, invite: Invite, trunk: Trunk) -> _Called | None:
    """The first number in the INVITE, in the order of the trunk's entry, that is an enabled DID."""
    said = called_number.written(invite, trunk.called_from, trusted=trunk.trusts_identity)
    read = [
        (place, number_format, number)
        for place, text in said
        for number_format, number in numbers.readings(
            called_number.without_prefix(text, trunk.inbound_prefix), trunk.inbound_country, trunk.inbound_format
        )
    ]
    found = dids.find(tx, {number for _, _, number in read})
    for place, number_format, number in read:
        did = found.get(number)
        if did is not None and did.enabled:
            return _Called(did, place, number_format)
    return None


def _asked_for(invite: Invite, trunk: Trunk) -> str:
    said = called_number.written(invite, trunk.called_from, trusted=trunk.trusts_identity)
    return ", ".join(ascii(text)[:60] for _, text in said)[:200] or "''"


def _e164(caller: Caller, trunk: Trunk, number_format: str) -> str | None:
    """The caller's number; None: none, or withheld.

    Read first in the trunk's format for calling numbers, or in that in which the carrier wrote the called one. Where it
    is none in that: a trunk of any format may write the two differently, and no E.164 number begins with a 0, so that
    it is a national one with any other.
    """
    own = trunk.inbound_calling_format
    formats = [own or number_format]
    if (own or trunk.inbound_format) == "any" or caller.number.startswith("0"):
        formats.append("any")
    read = (numbers.readings(caller.number, trunk.inbound_country, each) for each in formats)
    return next((number for found in read for _, number in found), None)


def _full(tx: Transaction, node: Node, trunk: Trunk, did: Did) -> Refused | None:
    """Which limit leaves no room for this call; None: none. Over trunk and node the carrier may try another way."""
    now = queue.load(tx, node=node.name, trunk_id=trunk.id, tenant_id=did.tenant_id, did=did.number)
    if now.drains:
        return Refused(FULL, f"node {node.name} takes no calls: an administrator drains it")
    if now.on_node >= node.max_channels:
        return Refused(FULL, f"{now.on_node} calls are going on, as many as max_channels allows")
    if trunk.max_calls is not None and now.on_trunk >= trunk.max_calls:
        return Refused(FULL, f"trunk {trunk.name} has {now.on_trunk} calls, as many as its max_calls allows")
    for limit, calls, reason in (
        (did.max_calls, now.for_did, dids.DID_FULL),
        (did.tenant_max_calls, now.of_tenant, dids.TENANT_FULL),
    ):
        if limit is not None and calls >= limit:
            dids.count_refusal(tx, did, reason)
            whose = did.number if reason == dids.DID_FULL else f"tenant {did.tenant_id}"
            return Refused(BUSY, f"{whose} has {calls} calls, as many as its max_calls allows")
    return None


def _open(
    tx: Transaction,
    call: IncomingCall,
    node: Node,
    trunk: Trunk,
    called: _Called,
    mailbox: MailboxKey,
    caller: Caller,
    calling: str | None,
) -> Accepted:
    did = called.did
    fax_id = int(
        tx.value(
            """insert into faxes (tenant_id, direction, state, mailbox_id, called_number, calling_number)
               values (%s, 'inbound', 'receiving', %s, %s, %s) returning id""",
            (did.tenant_id, mailbox.mailbox_id, did.number, calling),
        )
    )
    t38, ecm = trunk.t38 and did.t38, trunk.ecm and did.ecm
    attempt_id = attempts.open_inbound(
        tx,
        did.tenant_id,
        fax_id,
        node=node.name,
        trunk=trunk.name,
        channel_uuid=call.channel_uuid,
        peer=(call.source_address, call.source_port),
        said=attempts.Said(call.invite, caller, called.place, call.call_id),
        may=Offered(t38=t38, v17=trunk.v17, ecm=ecm),
    )
    queue.open_call(
        tx,
        did.tenant_id,
        fax_id=fax_id,
        attempt_id=attempt_id,
        node=node.name,
        switch_uuid=node.switch_uuid,
        channel_uuid=call.channel_uuid,
        trunk_id=trunk.id,
        destination=did.number,
        lease_seconds=node.lease_seconds,
    )
    mailers = mail_readers.keys_for(tx, did.tenant_id, mailbox.mailbox_id)
    sidecar = InboundSidecar(
        did.tenant_id,
        fax_id,
        attempt_id,
        mailbox.mailbox_id,
        call.channel_uuid,
        t30_trace=trunk.t30_trace,
        epoch=mailbox.epoch,
        public_key=mailbox.public.raw.hex(),
        mailers={str(each.id): each.public.raw.hex() for each in mailers},
    )
    return Accepted(sidecar, did.station_ident, received_media.variables(trunk, t38=t38, ecm=ecm))
