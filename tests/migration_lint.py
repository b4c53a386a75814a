"""What a migration that expands must not do: it runs while releases are at work that do not know of it.

By the words of its SQL, statement by statement; what a function's body does is left to whoever reads it.
"""

import re
from collections.abc import Iterator

from faxplan.migration_files import Migration

FIRST = 84
"""Earlier ones were written for a Faxplan that was stopped for them."""
LARGE = {
    "api_requests", "attempts", "audit", "audit_leaves", "campaign_recipients", "contacts", "documents", "drafts",
    "fax_deadlines", "fax_labels", "fax_queue", "faxes", "listings", "mail_recipients", "mailbox_entries",
    "mailbox_wraps", "mails_in", "notices", "outbox", "renderings", "t30_traces", "tombstones", "transient_wraps",
    "webhook_deliveries",
}  # fmt: skip
"""Tables that grow with the faxes: nobody can wait until all their rows were read."""

_QUOTED = re.compile(r"--[^\n]*|\$(\w*)\$.*?\$\1\$|'(?:[^']|'')*'", re.DOTALL)
_FORBIDDEN = (
    (r"\balter\s.*\brename\b", "renames: add the new one, and fill both"),
    (r"\balter\s+table\b.*\bdrop\s+(column\b|(?!constraint|default|not|identity|expression)\w)", "drops a column"),
    (r"\bdrop\s+(table|view|schema|type|function|sequence)\b", "drops what a release at work may use"),
    (r"\balter\s+(column\s+)?\w+\s+(set\s+data\s+)?type\b", "changes a type, which writes the whole table anew"),
    (r"\bset\s+not\s+null\b", "sets not null, which reads the whole table: a check not valid, then validate it"),
    (r"\brevoke\b", "takes a right away"),
    (r"\b(truncate|cluster|vacuum\s+full|lock\s+table)\b", "takes the whole table"),
)  # fmt: skip
_INDEX = re.compile(
    r"\bcreate\s+(?:unique\s+)?index\s+(?P<beside>concurrently\s+)?.*?\bon\s+(?:only\s+)?(?P<table>\w+)"
)
_TABLE = re.compile(r"create\s+table\s+(?:if\s+not\s+exists\s+)?(\w+)")
_ON_TABLE = re.compile(r"\balter\s+table\s+(?:if\s+exists\s+)?(?:only\s+)?(?:public\.)?(?P<table>\w+)\s+(?P<acts>.*)")
_CONSTRAINT = re.compile(r"\badd\s+(constraint\s+\w+\s+)?(check|foreign\s+key|unique|primary\s+key|exclude)\b")
_VALIDATE = re.compile(r"\bvalidate\s+constraint\b")
_COLUMN = re.compile(r"add\s+(?!constraint\b|check\b|foreign\b|unique\b|primary\b|exclude\b)(.*)")
_NEXT_ACT = re.compile(r",\s*(?=(?:add|drop|alter|validate|enable|disable|force|owner)\b)")
_HAS_DEFAULT = re.compile(r"\bdefault\b|\bgenerated\b")
_DEFAULTS_THAT_MOVE = re.compile(
    r"\badd\b.*\bdefault\s+(clock_timestamp|random|gen_random_uuid|nextval)\b|\bidentity\b"
)


def faults(migration: Migration) -> list[str]:
    """What is wrong with one; nothing with those of before, and with contractions."""
    if migration.number < FIRST or migration.contracts:
        return []
    statements = list(_statements(migration.text))
    made = {found[1] for each in statements if (found := _TABLE.match(each))}
    return [
        f"{migration.path.name} {fault}, in: {each[:100]}"
        for each in statements
        for fault in _of(each, made, is_apart=migration.is_apart)
    ]


def _statements(text: str) -> Iterator[str]:
    for each in _QUOTED.sub(lambda found: " " if found[0].startswith("--") else "''", text).split(";"):
        if flat := " ".join(each.lower().split()):
            yield flat


def _of(statement: str, made: set[str], *, is_apart: bool) -> Iterator[str]:
    on = _ON_TABLE.match(statement)
    if on and on["table"] in made:
        return
    for form, why in _FORBIDDEN:
        if re.search(form, statement):
            yield why
    if on and any(_is_column_without_default(act) for act in _NEXT_ACT.split(on["acts"])):
        yield "adds a column that is not null and has no default"
    if (index := _INDEX.search(statement)) and index["table"] in LARGE - made and not index["beside"]:
        yield "makes an index that keeps everybody from writing: create index concurrently, in a file of its own"
    if on and on["table"] in LARGE:
        yield from _of_large(on["acts"], is_apart=is_apart)


def _is_column_without_default(act: str) -> bool:
    column = _COLUMN.match(act)
    return column is not None and "not null" in column[1] and not _HAS_DEFAULT.search(column[1])


def _of_large(acts: str, *, is_apart: bool) -> Iterator[str]:
    if _CONSTRAINT.search(acts) and not re.search(r"\bnot\s+valid\b|\busing\s+index\b", acts):
        yield "adds a constraint that reads the whole table: not valid, and validate it in a file of its own"
    if _VALIDATE.search(acts) and not is_apart:
        yield "validates in a transaction, whose other locks are held meanwhile: in a file of its own"
    if _DEFAULTS_THAT_MOVE.search(acts):
        yield "adds a default that differs by row, which writes the whole table anew"
