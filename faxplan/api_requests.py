"""Requests that may be repeated: an Idempotency-Key makes of the same request, however often it comes, one act.

Whoever begins one notes what was asked. The answer is kept in the transaction of the act itself, so that after a crash
either both are there or neither is. A day later both are forgotten. Each function works within a tenant (role portal).
"""

import re
import secrets
from dataclasses import dataclass

from faxplan.db import Database, Transaction
from faxplan.errors import FaxplanError
from faxplan.language import _

KEPT_HOURS = 24
WORKING_SECONDS = 600
"""So long a request may be worked on; who comes later takes it over."""
_KEY = re.compile(r"[!-~]{1,255}")


class InvalidIdempotencyKey(FaxplanError):
    """The key is none."""

    error_id = "invalid-idempotency-key"


class OtherRequest(FaxplanError):
    """Another request came with this key before."""

    error_id = "idempotency-key-reused"


class InHand(FaxplanError):
    """The request that came with this key before is being worked on."""

    error_id = "request-in-hand"
    retryable = True


@dataclass(frozen=True, slots=True)
class Begun:
    """A request that is this one's to do."""

    tenant_id: int
    key_id: int
    key: str
    attempt: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A request that was done before. status: of HTTP. answer: its body."""

    status: int
    answer: str


def begin(db: Database, tenant_id: int, key_id: int, key: str, asked: bytes) -> Begun | Answered:
    """asked: SHA-256 of what is asked. Raises InvalidIdempotencyKey, OtherRequest and InHand."""
    if not _KEY.fullmatch(key):
        raise InvalidIdempotencyKey(_("An Idempotency-Key has 1 to 255 visible ASCII characters, such as a UUID."))
    attempt = secrets.token_hex(16)
    with db.tenant(tenant_id) as tx:
        tx.execute(
            f"delete from api_requests where tenant_id = %s and begun_at < now() - interval '{KEPT_HOURS} hours'",
            (tenant_id,),
        )
        # One that nobody works on any more has left nothing: its act and its answer are one transaction.
        row = tx.row(
            f"""insert into api_requests as r (tenant_id, key_id, key, asked, attempt) values (%s, %s, %s, %s, %s)
                on conflict on constraint api_requests_pkey do update set attempt = excluded.attempt, begun_at = now()
                    where r.answer is null and r.asked = excluded.asked
                      and r.begun_at < now() - interval '{WORKING_SECONDS} seconds'
                returning attempt""",
            (tenant_id, key_id, key, asked, attempt),
        )
        if row is not None:
            return Begun(tenant_id, key_id, key, attempt)
        row = tx.one(
            "select asked, status, answer from api_requests where tenant_id = %s and key_id = %s and key = %s",
            (tenant_id, key_id, key),
        )
    if bytes(row["asked"]) != asked:
        raise OtherRequest(
            _("Another request came with this Idempotency-Key before. Take a new key for a new request.")
        )
    if row["answer"] is None:
        raise InHand(_("This request is being worked on. Repeat it in a moment, with the same Idempotency-Key."))
    return Answered(row["status"], row["answer"])


def answer(tx: Transaction, begun: Begun, status: int, text: str) -> None:
    """Keeps the answer, in the transaction of the act. Raises InHand where somebody else has it in hand by now, or has
    done it: then nothing of this is to last."""
    kept = tx.execute(
        """update api_requests set status = %s, answer = %s
           where tenant_id = %s and key_id = %s and key = %s and attempt = %s and answer is null""",
        (status, text, begun.tenant_id, begun.key_id, begun.key, begun.attempt),
    )
    if not kept:
        raise InHand(_("This request is being worked on. Repeat it in a moment, with the same Idempotency-Key."))


def let_go(db: Database, begun: Begun) -> None:
    """Nothing was done: who repeats it begins anew."""
    with db.tenant(begun.tenant_id) as tx:
        tx.execute(
            """delete from api_requests where tenant_id = %s and key_id = %s and key = %s and attempt = %s
               and answer is null""",
            (begun.tenant_id, begun.key_id, begun.key, begun.attempt),
        )
