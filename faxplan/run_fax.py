"""The first fax of `make run`: sent like any user's, watched page by page, and then both calls' records."""

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

from faxplan import demo, enrolment, history, numbers, outbound, progress, saving, time_line
from faxplan.db import Database
from faxplan.demo import Demo, Party
from faxplan.document_store import Store
from faxplan.errors import FaxplanError
from faxplan.history import Fax
from faxplan.home import Home
from faxplan.outbound import SendRequest
from faxplan.progress import Display

_ARRIVAL_SECONDS = 30.0


class NotDelivered(FaxplanError):
    """The demonstration's fax was sent, and did not come in, or could not be sent."""

    error_id = "not-delivered"


def send(db: Database, store: Store, demonstration: Demo, home: Home, *, look: Callable[[], None]) -> None:
    """Faxes the shipped document from one tenant to the other's DID, and shows everything that there is to see.

    `look` runs all the while, and may raise. Raises NotDelivered with the reason.
    """
    sender, receiver = demonstration.sender, demonstration.receiver
    since = datetime.now(UTC)
    number = numbers.readable(receiver.did, sender.tenant.country)
    submitted = outbound.submit(db, store, sender.user, SendRequest(number, demo.DOCUMENT, demo.DOCUMENT.name))
    print(f"\nFaxing {demo.DOCUMENT.name} ({submitted.pages} pages) through the trunk '{demo.TRUNK}'")
    print(f"  from  {_who(sender)}\n  to    {_who(receiver)}\n")
    # While the database is away, `look` starts it again, or ends the run.
    sent = progress.follow(db, sender.user, submitted.fax_id, sender.tenant, Display(sys.stdout), look=look)
    came = _received(db, sender, receiver, since, look)
    _print_record("The call as it was sent", db, sender, sent)
    if came is None:
        raise NotDelivered(f"{receiver.tenant.name} received nothing. {sent.explanation}")
    _print_record("The call as it was received", db, receiver, came)
    # As `faxplan open` does it, with the password of the one who received it.
    ring = enrolment.unlock(db, receiver.user, demo.secret(receiver, home.passwords))
    saved = saving.save(db, store, receiver.user, came, ring, home.inbox / str(came.id))
    print(f"\nIt lies sealed in the mailbox of {receiver.user.name} ({receiver.tenant.name}), whose key opens it:")
    for path in saved:
        print(f"  {home.shown(path)}")
    if sent.state != "sent":
        raise NotDelivered(f"The demonstration fax did not arrive whole: {sent.explanation}")


def _received(db: Database, sender: Party, receiver: Party, since: datetime, look: Callable[[], None]) -> Fax | None:
    """The fax as it came in, once it is delivered: the receiving side is done a moment after the sending one."""
    deadline = time.monotonic() + _ARRIVAL_SECONDS
    while time.monotonic() < deadline:
        with db.tenant(receiver.tenant.id) as tx:
            fax_id = history.received_since(tx, receiver.user, called=receiver.did, calling=sender.did, since=since)
            fax = history.fax(tx, receiver.user, fax_id) if fax_id is not None else None
        if fax is not None and fax.final:
            return fax
        look()
        time.sleep(progress.POLL_SECONDS)
    return None


def _print_record(title: str, db: Database, party: Party, fax: Fax) -> None:
    with db.tenant(party.tenant.id) as tx:
        calls = history.attempts(tx, party.user, fax.id)
    print(f"\n{title} ({party.tenant.name})")
    for line in time_line.of_fax(fax, calls, party.tenant, datetime.now(UTC)):
        print(f"  {line}")


def _who(party: Party) -> str:
    return f"{party.tenant.name}, {party.user.email}, {numbers.readable(party.did, party.tenant.country)}"
