"""The bytes that a row of the audit is hashed as. docs/audit.md describes them for whoever checks an export.

A row is a dict with the columns that SELECT gives. Every value that is hashed is text, exactly as PostgreSQL prints it
and as an export has it; nothing is parsed and written anew on the way.
"""

import hashlib

from faxplan.db import Row

OLD_FORM, FORM = 1, 2
DOMAIN = "faxplan-audit-2"

COLUMNS = (
    "tenant_id", "sequence", "at", "actor", "authenticated", "address", "action", "object", "result", "details",
    "previous_hash", "hash", "form", "old_form",
)  # fmt: skip
"""Of a row here. old_form: the whole text that was hashed of a row of form 1, None for others."""
SELECT = """
    select tenant_id, sequence, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at, actor,
           authenticated, address, action, object, result, details::text as details, previous_hash, hash, form,
           case when form = 1 then jsonb_build_array(
               tenant_id, sequence, extract(epoch from at)::text, actor, action, object, result, details,
               previous_hash)::text end as old_form
    from audit"""


def hash_of(row: Row) -> str | None:
    """The hash (64 hexadecimal digits) that belongs to a row's values; None for a form that there is not.

    Form 1 covers neither `authenticated` nor `address`: whoever checks asks that they are empty.
    """
    if row["form"] == FORM:
        return hashlib.sha256(preimage(row)).hexdigest()
    if row["form"] == OLD_FORM:
        return hashlib.sha256(row["old_form"].encode()).hexdigest()
    return None


def preimage(row: Row) -> bytes:
    """Form 2: twelve netstrings (length in bytes, colon, UTF-8, comma), in this order."""
    texts = (
        DOMAIN,
        str(row["tenant_id"]),
        str(row["sequence"]),
        row["at"],
        row["actor"],
        row["authenticated"],
        row["address"],
        row["action"],
        row["object"],
        row["result"],
        details_hash(row),
        row["previous_hash"],
    )
    return b"".join(b"%d:%b," % (len(each), each) for each in map(str.encode, texts))


def details_hash(row: Row) -> str:
    """SHA-256 of the details' text: a row can be checked without them."""
    return hashlib.sha256(row["details"].encode()).hexdigest()
