"""A tenant's chain of the audit, checked row by row: what was changed, taken out, put in or moved shows here.

Only what is at the end does not: a cut tail whose head was mended, and a chain that was written anew from its first
row. Those a checkpoint shows that was kept elsewhere (audit_verification).
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from faxplan import audit_form
from faxplan.db import Row, Transaction

CHANGED, MISSING, OUT_OF_PLACE, TAIL, HEAD = "changed", "missing", "out-of-place", "tail-missing", "head-wrong"
AT_ONCE = 2000
"""Rows that are in memory together."""
_SECONDS = 600.0
"""For one statement: the next rows of a cursor."""

Progress = Callable[[int], None]
"""Is told of so many more rows."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong. sequence: the first row of the chain that is not as it was written, or is not there.

    kind: one of the above, or of audit_verification. words: a sentence without its full stop.
    """

    tenant_id: int
    sequence: int
    kind: str
    words: str


def absent(first: int, last: int, of: str = "") -> str:
    """Says which rows are not there. of: whose they are, where that is not the chain's."""
    rows, are = (f"row {first}", "is") if first == last else (f"rows {first} to {last}", "are")
    return f"{rows}{of} {are} missing"


@dataclass(slots=True)
class Link:
    """The last row of a chain that was found whole; at first what goes before all rows."""

    tenant_id: int
    sequence: int = 0
    hash: str = ""
    form: int = audit_form.OLD_FORM

    def follow(self, row: Row) -> Fault | None:
        """Takes the next row, or says what is wrong with it."""
        expected, found = self.sequence + 1, row["sequence"]
        if found < expected:
            return self._fault(found, OUT_OF_PLACE, f"row {found} was put in: rows are numbered from 1")
        if found > expected:
            return self._fault(expected, MISSING, absent(expected, found - 1))
        whole = audit_form.hash_of(row) == row["hash"] and self._form_fits(row)
        if row["previous_hash"] != self.hash:
            before = f"row {self.sequence}" if self.sequence else "the beginning of the chain"
            why = "one of the two was put in or written anew" if whole else "it was moved, put in or changed"
            return self._fault(found, OUT_OF_PLACE, f"row {found} does not follow {before}: {why}")
        if not whole:
            return self._fault(found, CHANGED, f"row {found} is not what was written: its hash is another")
        self.sequence, self.hash, self.form = found, row["hash"], row["form"]
        return None

    def _form_fits(self, row: Row) -> bool:
        """Form 1 came before form 2, and does not cover two columns, which were empty then."""
        if row["form"] == audit_form.OLD_FORM:
            return self.form == audit_form.OLD_FORM and not row["authenticated"] and not row["address"]
        return True

    def _fault(self, sequence: int, kind: str, words: str) -> Fault:
        return Fault(self.tenant_id, sequence, kind, words)


@dataclass(slots=True)
class Checked:
    """A chain that was looked at. rows: that are whole, from the first one on. last_hash: the last one's of these.

    marks: of the rows that were asked for and are whole, the hashes.
    """

    tenant_id: int
    rows: int = 0
    last_hash: str = ""
    fault: Fault | None = None
    marks: dict[int, str] = field(default_factory=dict)


def rows(tx: Transaction, tenant_id: int, *, after: int = 0, until: int | None = None) -> Iterator[Row]:
    """A chain's rows, as audit_form has them, as they were when the first was asked for. In that tenant's transaction.

    after, until: sequences. Besides the columns each row has what the head of the chain says: head_sequence, head_hash.
    """
    tx.give_time(_SECONDS)
    return tx.stream(
        f"""select c.*, (select h.sequence from audit_heads h where h.tenant_id = %(tenant)s) as head_sequence,
                   (select h.hash from audit_heads h where h.tenant_id = %(tenant)s) as head_hash
            from ({audit_form.SELECT} where tenant_id = %(tenant)s and sequence > %(after)s
                  and sequence <= coalesce(%(until)s, sequence)) c
            order by c.sequence""",
        {"tenant": tenant_id, "after": after, "until": until},
        at_once=AT_ONCE,
    )


def check(tx: Transaction, tenant_id: int, marks: Collection[int], progress: Progress) -> Checked:
    """Reads a whole chain, in batches, up to its first fault. In that tenant's transaction (role admin).

    A mark of 0 is not asked for. Memory does not grow with the rows.
    """
    found, link = Checked(tenant_id), Link(tenant_id)
    wanted = frozenset(marks)
    head: tuple[int | None, str] | None = None
    lowest = tx.value("select min(sequence) from audit where tenant_id = %s", (tenant_id,))
    for number, row in enumerate(rows(tx, tenant_id, after=min(lowest or 0, 1) - 1), 1):
        head = (row["head_sequence"], row["head_hash"])
        if (fault := link.follow(row)) is not None:
            found.fault = fault
            break
        if link.sequence in wanted:
            found.marks[link.sequence] = link.hash
        if number % AT_ONCE == 0:
            progress(AT_ONCE)
    else:
        progress(link.sequence % AT_ONCE)
        found.fault = _of_head(link, head) if head else _of_empty(tx, tenant_id)
    found.rows, found.last_hash = link.sequence, link.hash
    return found


def _of_empty(tx: Transaction, tenant_id: int) -> Fault | None:
    """A chain of which there was no row: whether its head knows of some that there ought to be."""
    head = tx.row("select sequence, hash from audit_heads where tenant_id = %s", (tenant_id,))
    if head is None or tx.value("select count(*) from audit where tenant_id = %s", (tenant_id,)):
        # It has none, or has just begun.
        return None
    return _of_head(Link(tenant_id), (head["sequence"], head["hash"]))


def _of_head(link: Link, head: tuple[int | None, str]) -> Fault | None:
    """What the chain's head says that its last row does not."""
    sequence, last_hash = head
    after = link.sequence + 1
    if sequence is None:
        return Fault(link.tenant_id, after, HEAD, "the chain has rows and no head")
    if sequence > link.sequence:
        return Fault(link.tenant_id, after, TAIL, f"{absent(after, sequence)} at the end")
    if sequence < link.sequence:
        words = f"row {sequence + 1} was put in behind the end: the chain's head is row {sequence}"
        return Fault(link.tenant_id, sequence + 1, OUT_OF_PLACE, words)
    if last_hash != link.hash:
        return Fault(link.tenant_id, sequence, HEAD, f"the chain's head has another hash than row {sequence}")
    return None
