"""Whoever asks shows that they hold a private key: they open what is wrapped to its public half, and say it.

A session is not yet its user: it may have been taken over, or begun without anything that opens a key. What a client
says to have wrapped no server can look into, so where that would let somebody in, the client shows first that it could.
A proof is of one key (user_keys), in one session, for some minutes; nothing of it is kept. Role portal.
"""

import hashlib
import hmac
import time

from faxplan import tries, user_keys
from faxplan.db import Transaction
from faxplan.errors import FaxplanError
from faxplan.language import _
from faxplan.sessions import Session
from faxplan.wraps import PublicKey

BYTES = 32
SECONDS = 600
"""A proof holds for so long, and at most for twice that."""
DIGEST = hashlib.sha256(b"faxplan, proof of a key").digest()
"""In the place of a file's header: no file has this one. static/vault/proof.js has the same words."""


class NoProof(FaxplanError):
    """Whoever asks has not shown, or not lately, that they have the key."""

    error_id = "no-proof"


def ask(tx: Transaction, session: Session, key_id: int, public: PublicKey) -> bytes:
    """A proof, wrapped to this key."""
    return public.wrap(_proof(tx, session, key_id, _now()), DIGEST)


def is_shown(tx: Transaction, session: Session, key_id: int, proof: bytes) -> bool:
    """Whether it is what `ask` has wrapped, in this session and lately."""
    now = _now()
    return any(hmac.compare_digest(proof, _proof(tx, session, key_id, each)) for each in (now, now - 1))


def ask_own(tx: Transaction, session: Session) -> bytes | None:
    """A proof, wrapped to the key of whoever is logged in; None: they have none."""
    own = user_keys.current(tx, session.user.tenant_id, session.user.id)
    return None if own is None else ask(tx, session, own.id, own.public)


def check_own(tx: Transaction, session: Session, proof: bytes) -> int:
    """The id of their key, of whoever is logged in and has shown that it is there. Raises NoProof."""
    own = user_keys.current(tx, session.user.tenant_id, session.user.id)
    if own is None or not is_shown(tx, session, own.id, proof):
        raise NoProof(_("Your browser has not shown that it has your key. Load this page again, and try once more."))
    return own.id


def _now() -> int:
    return int(time.time()) // SECONDS


def _proof(tx: Transaction, session: Session, key_id: int, at: int) -> bytes:
    """Of who has opened it: in this session, with this key, in this stretch of time."""
    said = f"key {key_id} in session {session.id} of {session.user.tenant_id} at {at}"
    return hmac.new(tries.secret(tx), said.encode(), hashlib.sha256).digest()
