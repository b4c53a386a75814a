"""Which mail became which fax: a mail that comes a second time is known, and becomes no second one.

A mail server that has not heard that a mail was taken sends it again, as does a mail program. Known is a mail by who
sent it, its Message-ID, its recipient, and what is in it: some machines give all their mails one Message-ID. The row is
written in the transaction that makes the fax.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from faxplan.db import Transaction
from faxplan.users import User

KEPT_DAYS = 30
"""Mail servers try for five."""
_ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_MESSAGE_ID = re.compile(rf"(?!.*=\?)(?=.{{1,250}}\Z){_ATOM}(?:\.{_ATOM})*@{_ATOM}(?:\.{_ATOM})*")
"""Without quotes, comments and literals, in which Python's email breaks lines, so that headers of the sender's own
would stand in our answer; or raises."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A mail that became a fax. fax_id None: it is purged, and its record as well."""

    fax_id: int | None


def digest_of(parts: Sequence[str]) -> bytes:
    """Of what makes a mail, and its recipient, this one."""
    written = json.dumps(list(parts), ensure_ascii=True)
    return hashlib.sha256(written.encode()).digest()


def find(tx: Transaction, user: User, digest: bytes) -> Taken | None:
    """What became of a mail (role portal); None: it was not here before."""
    row = tx.row(
        "select fax_id from mails_in where tenant_id = %s and user_id = %s and digest = %s",
        (user.tenant_id, user.id, digest),
    )
    return None if row is None else Taken(row["fax_id"])


def note(
    tx: Transaction, user: User, digest: bytes, fax_id: int, *, message_id: str | None, answer_to: str | None
) -> bool:
    """A mail has become a fax (role portal). False: somebody else was faster, and this transaction must not last.

    message_id: to which answers refer, where it can stand in a header. answer_to: who gets them; None: nobody.
    """
    changed = tx.execute(
        """insert into mails_in (tenant_id, user_id, digest, fax_id, message_id, answer_to)
           values (%s, %s, %s, %s, %s, %s) on conflict on constraint mails_in_pkey do nothing""",
        (user.tenant_id, user.id, digest, fax_id, _referable(message_id), answer_to),
    )
    return changed == 1


def forget(tx: Transaction, tenant_id: int) -> int:
    """Forgets mails of long ago (role purge); how many."""
    return tx.execute(
        "delete from mails_in where tenant_id = %s and received_at < now() - make_interval(days => %s)",
        (tenant_id, KEPT_DAYS),
    )


def _referable(message_id: str | None) -> str | None:
    return message_id if message_id is not None and _MESSAGE_ID.fullmatch(message_id) else None
