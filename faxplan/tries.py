"""Who has failed to log in too often, and waits.

Failures are counted by whence they come: of one network address, of it with one e-mail address, and of one e-mail
address over all network addresses, as those of many machines are. The last shuts out strangers alone: a browser in
which that user has logged in before (browsers) is counted by itself, and passkeys and recovery codes, which nobody
guesses, are not asked. So nobody can lock another user out. Within a tenant (role portal).
"""

import hmac
import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from faxplan.db import Transaction
from faxplan.errors import FaxplanError
from faxplan.language import _

WINDOW_SECONDS = 900
MOST_OF_ONE = 10
"""Failures in a window of one network address with one e-mail address; or of one browser that is known."""
MOST_OF_ADDRESS = 100
"""Of one network address with any: an office may have one for all its people."""
MOST_OF_ACCOUNT = 50
"""Of one e-mail address, from all network addresses, but for browsers that are known."""
MOST_CODES = 10
"""Codes of a second factor that were wrong after a right password, likewise."""


class TooManyTries(FaxplanError):
    """Somebody at this network address, or with this e-mail address, has failed too often."""

    error_id = "too-many-tries"
    retryable = True


@dataclass(frozen=True, slots=True)
class Counted:
    """Under which key a failure is counted, and how many there may be. of_account: whoever they come from."""

    key: bytes
    most: int
    of_account: bool = False


def of_stranger(tx: Transaction, address: str, email: str) -> list[Counted]:
    """What counts of who tries a password. address: the network address."""
    whence, who = network(address), _folded(email)
    return [
        *of_address(tx, address),
        Counted(_key(tx, f"{whence}\0{who}"), MOST_OF_ONE),
        Counted(_key(tx, f"account\0{who}"), MOST_OF_ACCOUNT, of_account=True),
    ]


def of_holder(tx: Transaction, address: str, email: str) -> list[Counted]:
    """What counts of who tries what nobody guesses."""
    return [*of_address(tx, address), Counted(_key(tx, f"{network(address)}\0{_folded(email)}"), MOST_OF_ONE)]


def of_address(tx: Transaction, address: str) -> list[Counted]:
    """What counts of who does not say who they are."""
    return [Counted(_key(tx, network(address)), MOST_OF_ADDRESS)]


def of_exchange(tx: Transaction, address: str) -> list[Counted]:
    """What counts of who brings an identity provider's codes. By itself: where the provider fails, an office's people
    log in by their passwords."""
    return [Counted(_key(tx, f"sign-on\0{network(address)}"), MOST_OF_ADDRESS)]


def of_opt_out(tx: Transaction, address: str) -> list[Counted]:
    """What counts of who asks for no more faxes: each time, as nobody is told whether it was something."""
    return [Counted(_key(tx, f"opt-out\0{network(address)}"), MOST_OF_ONE)]


def of_browser(tx: Transaction, browser: str, email: str) -> list[Counted]:
    """What counts in a browser in which the user has logged in before. browser: its token."""
    return [Counted(_key(tx, f"browser\0{browser}\0{_folded(email)}"), MOST_OF_ONE)]


def of_program(tx: Transaction, address: str, key_id: int) -> list[Counted]:
    """What counts of who has a user's API key (by its id) and tries passwords."""
    return [*of_address(tx, address), Counted(_key(tx, f"api-key\0{key_id}"), MOST_OF_ONE)]


def of_codes(tx: Transaction, email: str) -> list[Counted]:
    """What counts besides of who knows a password, and not the code of the second factor."""
    return [Counted(_key(tx, f"code\0{_folded(email)}"), MOST_CODES, of_account=True)]


def of_pins(tx: Transaction, email: str) -> list[Counted]:
    """What counts of PINs in mails that say to be this user's: whence they come is not known."""
    return [Counted(_key(tx, f"mail pin\0{_folded(email)}"), MOST_OF_ONE, of_account=True)]


def check(tx: Transaction, tenant_id: int, counted: Iterable[Counted]) -> None:
    """Raises TooManyTries."""
    most = {each.key: each for each in counted}
    rows = tx.rows(
        """select key, failures, window_ends - now() as left from login_tries
           where tenant_id = %s and key = any(%s) and window_ends > now()""",
        (tenant_id, list(most)),
    )
    full = [row for row in rows if row["failures"] >= most[bytes(row["key"])].most]
    if not full:
        return
    longest = max(full, key=lambda row: row["left"])
    minutes = max(1, round(longest["left"].total_seconds() / 60))
    wait = _("a minute") if minutes == 1 else _("{count} minutes").format(count=minutes)
    if all(most[bytes(row["key"])].of_account for row in full):
        raise TooManyTries(
            _("Somebody has tried this e-mail address too often. Wait {wait}, or log in with a passkey, or in a "
              "browser in which you have logged in before.").format(wait=wait)
        )  # fmt: skip
    raise TooManyTries(_("Too many tries from where you are. Wait {wait}, then try again.").format(wait=wait))


def note(tx: Transaction, tenant_id: int, counted: Iterable[Counted]) -> None:
    """Somebody has failed."""
    tx.execute("delete from login_tries where tenant_id = %s and window_ends <= now()", (tenant_id,))
    # In one order: two who fail at once must not wait for each other.
    for key in sorted(each.key for each in counted):
        tx.execute(
            """insert into login_tries (tenant_id, key, failures, window_ends)
               values (%s, %s, 1, now() + make_interval(secs => %s))
               on conflict on constraint login_tries_pkey do update set failures = login_tries.failures + 1""",
            (tenant_id, key, WINDOW_SECONDS),
        )


def secret(tx: Transaction) -> bytes:
    """Of which the salts of nobody, the keys here and passkeys' challenges are made; each with words of its own."""
    return bytes(tx.value("select secret from login_secret"))


def network(address: str) -> str:
    """Whose tries are counted together: of IPv6 a whole /64 is one customer's (RFC 6177)."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if parsed.version == 6 and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


def _key(tx: Transaction, of: str) -> bytes:
    """A hash that only this installation makes: the addresses are nobody's to keep."""
    return hmac.digest(secret(tx), f"faxplan tries:{of}".encode("utf-8", "surrogateescape"), "sha256")


def _folded(email: str) -> str:
    return email.strip().lower()
