"""By what a user faxes from a mail program: addresses that their mails come from, a secret address, and a PIN.

The user's own address is always one. The secret address (mail_address) is for machines that cannot sign, and the PIN a
last resort, where the tenant allows it: whoever sees a mail has them. Neither is kept, only what tells a right one.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Any

from faxplan import audit, mail_address, mail_sender, passphrases, tries, users
from faxplan.audit import Who
from faxplan.db import Database, Transaction
from faxplan.errors import FaxplanError, NotFound
from faxplan.language import _
from faxplan.users import User

PIN_DIGITS = 8
"""Ten tries in a quarter of an hour (tries) take 285 years for all of them."""
_TURN = 0x6D736563
_ONE_AT_A_TIME = Lock()
"""Argon2id takes 64 MiB; and who tries many at once is counted as they come."""


class InvalidSender(FaxplanError):
    """It is no address from which a user's mails could come."""

    error_id = "invalid-sender"


@dataclass(frozen=True, slots=True)
class Access:
    """token_since, pin_since: None: there is none."""

    addresses: Sequence[str]
    token_since: datetime | None
    pin_since: datetime | None


def of(tx: Transaction, user: User) -> Access:
    """By what a user's mails are known, beside their own address (roles portal and admin)."""
    ids = (user.tenant_id, user.id)
    rows = tx.rows("select address from mail_senders where tenant_id = %s and user_id = %s order by address", ids)
    return Access(
        [row["address"] for row in rows],
        tx.value("select created_at from mail_tokens where tenant_id = %s and user_id = %s", ids),
        tx.value("select changed_at from mail_pins where tenant_id = %s and user_id = %s", ids),
    )


# ---------------------------------------------------------------------------------------------------------- who it is


def user_of_address(tx: Transaction, tenant_id: int, address: str) -> User | None:
    """Whose mails come from it, if they may act; nothing is proven by that (role portal). address: in lower case."""
    found = tx.value(
        """select coalesce(
               (select id from users where tenant_id = %(tenant)s and email = %(address)s),
               (select user_id from mail_senders where tenant_id = %(tenant)s and address = %(address)s))""",
        {"tenant": tenant_id, "address": address},
    )
    return _enabled(tx, tenant_id, found)


def user_of_token(tx: Transaction, tenant_id: int, token: str) -> User | None:
    """Whose secret it is, if they may act (role portal). token: in lower case."""
    found = tx.value(
        "select user_id from mail_tokens where tenant_id = %s and token_hash = %s", (tenant_id, _hash_of(token))
    )
    return _enabled(tx, tenant_id, found)


def _enabled(tx: Transaction, tenant_id: int, user_id: int | None) -> User | None:
    if user_id is None:
        return None
    try:
        return users.get(tx, tenant_id, user_id)
    except NotFound:
        return None


def is_pin(db: Database, user: User, pin: str) -> bool:
    """Whether these are the user's digits (role portal). A wrong one is counted, and a row of the audit, which has
    nothing of it. Raises TooManyTries."""
    with _ONE_AT_A_TIME, db.tenant(user.tenant_id) as tx:
        counted = tries.of_pins(tx, user.email)
        tries.check(tx, user.tenant_id, counted)
        row = tx.row(
            "select salt, pin_hash from mail_pins where tenant_id = %s and user_id = %s", (user.tenant_id, user.id)
        )
        if row is not None and hmac.compare_digest(_pin_hash(pin, bytes(row["salt"])), bytes(row["pin_hash"])):
            return True
        tries.note(tx, user.tenant_id, counted)
        _record(tx, user, "system", "user.mail-pin-tried", result="refused")
    return False


def count_pin_of_nobody(db: Database, tenant_id: int, address: str) -> None:
    """A PIN came from an address that is no user's (role portal): it is counted as a wrong one of a user, or who is
    made to wait would be known to be one. Raises TooManyTries."""
    with _ONE_AT_A_TIME, db.tenant(tenant_id) as tx:
        counted = tries.of_pins(tx, address)
        tries.check(tx, tenant_id, counted)
        tries.note(tx, tenant_id, counted)


# ------------------------------------------------------------------------------------------------------- what is given


def add_address(tx: Transaction, user: User, written: str, *, actor: Who) -> str:
    """Mails from it are the user's from now on, once they are proven; as it is kept. Raises InvalidSender, and
    ConstraintViolated where it is somebody's already."""
    address = mail_sender.address(written.strip())
    if address is None or "." not in mail_sender.domain_of(address):
        raise InvalidSender(
            _("{address} is no e-mail address. Write it as name@example.org.").format(address=repr(written[:254]))
        )
    if tx.value("select exists (select from users where tenant_id = %s and email = %s)", (user.tenant_id, address)):
        raise InvalidSender(_("{address} is a user's own address, and theirs alone.").format(address=address))
    tx.execute(
        "insert into mail_senders (tenant_id, address, user_id) values (%s, %s, %s)", (user.tenant_id, address, user.id)
    )
    _record(tx, user, actor, "user.mail-sender-add", email=address)
    return address


def remove_address(tx: Transaction, user: User, written: str, *, actor: Who) -> None:
    """Mails from it are the user's no more. Raises NotFound."""
    address = written.strip().lower()
    if not tx.execute(
        "delete from mail_senders where tenant_id = %s and user_id = %s and address = %s",
        (user.tenant_id, user.id, address),
    ):
        raise NotFound(_("{email} does not fax from {address}.").format(email=user.email, address=repr(address[:254])))
    _record(tx, user, actor, "user.mail-sender-remove", email=address)


def new_token(tx: Transaction, user: User, *, actor: Who) -> str:
    """A new secret for the user's address, which is shown once; the one before is none any more."""
    token = mail_address.new_token()
    _end(tx, user, "mail_tokens")
    tx.execute(
        "insert into mail_tokens (tenant_id, user_id, token_hash) values (%s, %s, %s)",
        (user.tenant_id, user.id, _hash_of(token)),
    )
    _record(tx, user, actor, "user.mail-token")
    return token


def end_token(tx: Transaction, user: User, *, actor: Who) -> None:
    """The user's secret address is none any more."""
    _end(tx, user, "mail_tokens")
    _record(tx, user, actor, "user.mail-token", ended=True)


def new_pin(tx: Transaction, user: User, *, actor: Who) -> str:
    """New digits, which are shown once; those before are none any more."""
    pin = "".join(secrets.choice("0123456789") for _each in range(PIN_DIGITS))
    salt = passphrases.new_salt()
    _end(tx, user, "mail_pins")
    tx.execute(
        "insert into mail_pins (tenant_id, user_id, salt, pin_hash) values (%s, %s, %s, %s)",
        (user.tenant_id, user.id, salt, _pin_hash(pin, salt)),
    )
    _record(tx, user, actor, "user.mail-pin")
    return pin


def end_pin(tx: Transaction, user: User, *, actor: Who) -> None:
    """The user's PIN is none any more."""
    _end(tx, user, "mail_pins")
    _record(tx, user, actor, "user.mail-pin", ended=True)


def _end(tx: Transaction, user: User, table: str) -> None:
    # Of two who make one at once the later has it.
    tx.take_turn(_TURN, user.tenant_id)
    tx.execute(f"delete from {table} where tenant_id = %s and user_id = %s", (user.tenant_id, user.id))


def _record(tx: Transaction, user: User, actor: Who, action: str, *, result: str = "done", **details: Any) -> None:
    audit.record(tx, user.tenant_id, actor=actor, action=action, object=f"user:{user.id}", result=result, **details)


def _hash_of(token: str) -> bytes:
    """SHA-256 will do: nobody guesses 124 random bits."""
    return hashlib.sha256(b"faxplan mail token:" + token.encode()).digest()


def _pin_hash(pin: str, salt: bytes) -> bytes:
    return passphrases.stored(passphrases.derive(pin, salt).auth)
