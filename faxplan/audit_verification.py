"""Whether the audit is what was written: every chain by itself, then beside checkpoints that were kept elsewhere.

A chain shows what was changed inside of it. A checkpoint shows the rest: a tail that was cut off, a chain that was
written anew from the first row. docs/audit.md says what each fault means.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from faxplan import audit, audit_chain, audit_keys, audit_restores, audit_tree, tenants
from faxplan.audit_chain import Checked, Fault, Progress
from faxplan.audit_restores import Restore
from faxplan.checkpoints import Checkpoint
from faxplan.db import Database, Transaction
from faxplan.merkle import Frontier

REWRITTEN, TREE = "rewritten", "tree-inconsistent"


@dataclass(slots=True)
class Verified:
    """What was found. keys: those that the audit does not know of. lost: sentences about what is missing since a
    restore, as its row says: for people to judge.
    """

    chains: dict[int, Checked] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    keys: list[Fault] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    restores: list[Restore] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Those that are whole."""
        return sum(each.rows for each in self.chains.values())


def verify(
    db: Database, tenant_id: int | None, checkpoints: Sequence[Checkpoint], progress: Progress = lambda _: None
) -> Verified:
    """Reads one chain (0: the installation's), or all of them and the tree (None), in bounded memory. Role admin.

    Nothing is locked: the audit goes on growing meanwhile. Each chain is checked up to its first fault.
    """
    found = Verified()
    with db.across_tenants() as tx:
        chosen = _chains(tx, checkpoints) if tenant_id is None else [tenant_id]
        found.restores = audit_restores.everyone(tx)
    for each in chosen:
        marks = {checkpoint.chains[each][0] for checkpoint in checkpoints if each in checkpoint.chains}
        with db.tenant(each) as tx:
            checked = audit_chain.check(tx, each, marks, progress)
            found.keys += (
                audit_keys.unknown_machines(tx) if each == audit.INSTALLATION else audit_keys.unknown(tx, each)
            )
        found.chains[each] = checked
        if checked.fault:
            found.faults.append(checked.fault)
    for checkpoint in checkpoints:
        _compare(found, checkpoint)
    if tenant_id is None:
        _check_tree(db, found, checkpoints)
    return found


def total(db: Database, tenant_id: int | None) -> int:
    """About how many rows there are to verify, for progress."""
    with db.across_tenants() as tx:
        return int(
            tx.value(
                "select coalesce(sum(sequence), 0)::bigint from audit_heads where tenant_id = coalesce(%s, tenant_id)",
                (tenant_id,),
            )
        )


def _chains(tx: Transaction, checkpoints: Iterable[Checkpoint]) -> list[int]:
    """Of everybody who may have one, also where all trace of it is gone here."""
    known = {audit.INSTALLATION, *(tenant.id for tenant in tenants.everyone(tx))}
    known |= {row["tenant_id"] for row in tx.rows("select tenant_id from audit_heads")}
    known |= {row["tenant_id"] for row in tx.rows("select distinct tenant_id from audit_leaves")}
    return sorted(known.union(*(checkpoint.chains for checkpoint in checkpoints)))


def _compare(found: Verified, checkpoint: Checkpoint) -> None:
    """The chains with what a checkpoint says about them."""
    restores = audit_restores.since(found.restores, checkpoint)
    for tenant_id, (size, last_hash) in checkpoint.chains.items():
        checked = found.chains.get(tenant_id)
        if checked is None or checked.marks.get(size) == last_hash:
            continue
        if checked.fault and checked.rows < size:
            # What is wrong with the chain is said already, and it was read no further.
            continue
        if restores and size > audit_restores.kept(restores, tenant_id):
            found.lost.append(
                f"chain {tenant_id}: rows up to {size} of {checkpoint.shown} are not all here since {restores[0].shown}"
            )
        elif size > checked.rows:
            words = f"{audit_chain.absent(checked.rows + 1, size, f' of {checkpoint.shown}')} at the end"
            found.faults.append(Fault(tenant_id, checked.rows + 1, audit_chain.TAIL, words))
        else:
            words = f"the chain was written anew: row {size} has another hash than in {checkpoint.shown}"
            found.faults.append(Fault(tenant_id, size, REWRITTEN, words))


def _check_tree(db: Database, found: Verified, checkpoints: Sequence[Checkpoint]) -> None:
    """Grows the Merkle tree anew, and looks at it where it and the checkpoints were signed."""
    with db.across_tenants() as tx:
        stored = audit_tree.now(tx)
    wanted = {stored.frontier.size, *(checkpoint.size for checkpoint in checkpoints)}
    roots, grown = _roots(db, wanted, stored.frontier.size)
    if isinstance(roots, Fault):
        found.faults.append(roots)
        return
    if grown.hashes != stored.frontier.hashes:
        words = f"the tree of {stored.frontier.size} rows that is kept is not that of the rows"
        found.faults.append(Fault(audit.INSTALLATION, 0, TREE, words))
    for checkpoint in checkpoints:
        restores = audit_restores.since(found.restores, checkpoint)
        if restores and checkpoint.size > min(each.size for each in restores):
            continue  # leaves of it were lost; the chains say which
        if checkpoint.generation > stored.generation or checkpoint.size > stored.frontier.size:
            words = (
                f"{checkpoint.shown} is ahead of the tree, which has {stored.frontier.size}. Where the database was "
                "restored from a backup, say so: `faxplan audit restored`"
            )
            found.faults.append(Fault(audit.INSTALLATION, 0, TREE, words))
        elif roots[checkpoint.size] != checkpoint.root:
            words = f"{checkpoint.shown} is not consistent with the rows: their tree of that size has another root"
            found.faults.append(Fault(audit.INSTALLATION, 0, TREE, words))


def _roots(db: Database, wanted: set[int], size: int) -> tuple[Mapping[int, bytes] | Fault, Frontier]:
    """The roots of the tree at these sizes, up to `size`; or what is wrong with the notes of its leaves."""
    frontier = Frontier()
    roots = {0: frontier.root()}
    with db.across_tenants() as tx:
        tx.give_time(600)
        for note in audit_tree.leaves(tx):
            if frontier.size >= size:
                break
            if note["first_leaf"] != frontier.size:
                words = f"which row is leaf {frontier.size} of the tree is noted nowhere"
                return Fault(note["tenant_id"], note["first_sequence"], TREE, words), frontier
            before = frontier.size
            for leaf in audit_tree.hashes(tx, note):
                frontier.add(leaf)
                if frontier.size in wanted:
                    roots[frontier.size] = frontier.root()
            first, last = note["first_sequence"], note["last_sequence"]
            if frontier.size - before != last - first + 1:
                words = f"of rows {first} to {last}, leaves of the tree, only {frontier.size - before} are here"
                return Fault(note["tenant_id"], first, TREE, words), frontier
    if frontier.size != size:
        words = f"of {size} leaves of the tree the notes have {frontier.size}"
        return Fault(audit.INSTALLATION, 0, TREE, words), frontier
    return roots, frontier
