"""The Merkle tree over the rows of all chains, which checkpoints sign. It grows; what is in it is not read again.

Its leaves are the rows' hashes (32 bytes), in the order in which checkpoints took them in: at each, chain after chain
by tenant, of each the rows that are new. `audit_leaves` notes that order, one row for each chain and checkpoint, and
`audit_tree` the frontier. docs/audit.md says why so. Role admin.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from faxplan import audit_chain
from faxplan.audit_chain import AT_ONCE, Fault, Link, Progress
from faxplan.db import Database, Row, Transaction
from faxplan.errors import FaxplanError
from faxplan.merkle import Frontier

_TURN = 0x617564
"""Any number ("aud" in ASCII)."""
AT_MOST = 100_000
"""Rows that one transaction takes in."""


class AuditTampered(FaxplanError):
    """The audit is not what was written, so nothing is signed."""

    error_id = "audit-tampered"

    def __init__(self, faults: list[Fault]) -> None:
        said = "; ".join(f"chain {each.tenant_id}: {each.words}" for each in faults[:10])
        super().__init__(
            f"The audit is not what was written, so no checkpoint is signed: {said}. Keep the database and the "
            "checkpoints as they are, look at all with `faxplan audit verify`, and find out who had access."
        )
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Tree:
    """How far the tree has grown. chains: of each tenant, which rows are in it (the last one's sequence and hash)."""

    generation: int
    frontier: Frontier
    chains: Mapping[int, tuple[int, str]]


def take_turn(tx: Transaction) -> None:
    """From the next statement on nobody else lets the tree grow, until the transaction ends."""
    tx.take_turn(_TURN, 0)


def now(tx: Transaction) -> Tree:
    """The tree as it is."""
    row = tx.one("select generation, size, frontier from audit_tree")
    chains = {each["tenant_id"]: (each["last_sequence"], each["last_hash"]) for each in tx.rows(_IN_THE_TREE)}
    return Tree(row["generation"], Frontier(row["size"], map(bytes.fromhex, row["frontier"])), chains)


def grow(db: Database, progress: Progress) -> Tree:
    """Takes in what is new in all chains, and checks it on the way. Raises AuditTampered.

    In steps of at most AT_MOST rows, each committed: whoever is stopped goes on there.
    """
    while True:
        with db.across_tenants() as tx:
            take_turn(tx)
            tree = now(tx)
            room = AT_MOST
            for head in tx.rows(_GROWN):
                if not room:
                    break
                room -= _take_in(tx, tree.frontier, head, room, progress)
            if room == AT_MOST:
                return tree
            hashes = [each.hex() for each in tree.frontier.hashes]
            tx.execute("update audit_tree set size = %s, frontier = %s", (tree.frontier.size, hashes))


def waiting_since(tx: Transaction) -> datetime | None:
    """When the oldest row was written that no checkpoint has taken in; None where there is none. Enters tenants."""
    times = []
    for head in tx.rows(_GROWN):
        tx.enter_tenant(head["tenant_id"])
        first = head["last_sequence"] + 1
        at = tx.value("select at from audit where tenant_id = %s and sequence = %s", (head["tenant_id"], first))
        if at is not None:
            times.append(at)
    return min(times, default=None)


def leaves(tx: Transaction) -> Iterator[Row]:
    """The notes of which rows are which leaves, in the order of the leaves; so many at once are in memory."""
    at = -1
    while found := tx.rows(_NOTES, {"after": at, "most": AT_ONCE}):
        yield from found
        at = found[-1]["first_leaf"]


def hashes(tx: Transaction, note: Row) -> Iterator[bytes]:
    """The leaves of one note, in their order. Enters that tenant."""
    tx.enter_tenant(note["tenant_id"])
    found = tx.stream(
        """select hash from audit where tenant_id = %s and sequence between %s and %s order by sequence""",
        (note["tenant_id"], note["first_sequence"], note["last_sequence"]),
        at_once=AT_ONCE,
    )
    return (bytes.fromhex(row["hash"]) for row in found)


_IN_THE_TREE = """
    select h.tenant_id, l.last_sequence, l.last_hash from audit_heads h
    cross join lateral (select last_sequence, last_hash from audit_leaves l where l.tenant_id = h.tenant_id
                        order by first_sequence desc limit 1) l"""
# Those whose head is another than when the tree last took them in. Row by row: the index gives each chain's last note.
_GROWN = """
    select h.tenant_id, h.sequence, h.hash, coalesce(l.last_sequence, 0) as last_sequence,
           coalesce(l.last_hash, '') as last_hash
    from audit_heads h
    left join lateral (select last_sequence, last_hash from audit_leaves l where l.tenant_id = h.tenant_id
                       order by first_sequence desc limit 1) l on true
    where h.sequence <> coalesce(l.last_sequence, 0) or h.hash <> coalesce(l.last_hash, '')
    order by h.tenant_id"""
_NOTES = """
    select tenant_id, first_sequence, last_sequence, last_hash, first_leaf from audit_leaves
    where first_leaf > %(after)s order by first_leaf limit %(most)s"""


def _take_in(tx: Transaction, frontier: Frontier, head: Row, room: int, progress: Progress) -> int:
    """The new rows of one chain, as many as there is room for; how many it took."""
    tenant_id, before = head["tenant_id"], head["last_sequence"]
    if head["sequence"] < before:
        gone = audit_chain.absent(head["sequence"] + 1, before, ", which a checkpoint has taken in,")
        words = f"{gone} at the end"
        raise AuditTampered([Fault(tenant_id, head["sequence"] + 1, audit_chain.TAIL, words)])
    link, first_leaf = Link(tenant_id, before, head["last_hash"]), frontier.size
    last = min(head["sequence"], before + room)
    tx.enter_tenant(tenant_id)
    for row in audit_chain.rows(tx, tenant_id, after=before, until=last):
        if fault := link.follow(row):
            raise AuditTampered([fault])
        frontier.add(bytes.fromhex(link.hash))
    if link.sequence < last or (last == head["sequence"] and link.hash != head["hash"]):
        words = f"what follows row {link.sequence} is not what the chain's head says"
        raise AuditTampered([Fault(tenant_id, link.sequence + 1, audit_chain.TAIL, words)])
    tx.execute(
        """insert into audit_leaves (tenant_id, first_sequence, last_sequence, last_hash, first_leaf)
           values (%s, %s, %s, %s, %s)""",
        (tenant_id, before + 1, last, link.hash, first_leaf),
    )
    taken: int = last - before
    progress(taken)
    return taken
