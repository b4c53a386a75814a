"""The mailer: hands over what waits in the outbox, each mail once; threads of the worker, beside its renderings.

A mail is made in memory when its turn comes, and nothing of it is kept. What a mail server has taken over is in the
journal before anything else happens, so a crash or a database that is away repeats only what was not taken; where the
server's answer itself was lost, the mail goes out again with the Message-ID that it had. A server that is away, or says
that it is busy, is left alone for a while, and the mails of tenants with another one go on. So they do beside one that
is slow: each has a thread to itself while it is handed mails over, and the installation's one that no other takes.
"""

import logging
import os
import socket
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from faxplan import (
    log_lines,
    mail_readers,
    outbox,
)
from faxplan.config import Settings
from faxplan.db import Database
from faxplan.document_store import Store, StoreUnavailable
from faxplan.errors import DatabaseUnavailable, FaxplanError, InvalidSetting, NotFound
from faxplan.key_folder import KeyFolder
from faxplan.language import _
from faxplan.listener import Listener
from faxplan.mail_journal import MailJournal
from faxplan.mail_making import Later, Made, MailMaker
from faxplan.mail_notices import NoRecipient
from faxplan.mailbox_mail import Mode
from faxplan.outbox import Ended, State, Waiting
from faxplan.relay_session import RelaySession
from faxplan.relays import Relays
from faxplan.smtp_answers import BrokenOff, ContentRefused, RelayRefused, SenderRefused, ServerAway

LOG = logging.getLogger("faxplan.mailer")
LEASE_SECONDS = 900
THREADS = 4
"""The first for the installation's mail server, the others for those of tenants."""
AT_ONCE = 20
"""Mails that are claimed together, and go out over one connection."""
TURN_SECONDS = 60.0
"""So long one mail server is handed mails over; then others have its thread, however slow it is."""
SWEEP_SECONDS = 5.0
AWAY_SECONDS = 1.0
LATER_SECONDS = 60.0
"""So long what cannot be made waits: only another worker can, or the store is away."""
_FORGET_SECONDS = 600
"""After so long nothing is on its way any more to be mailed that is not in the outbox."""


class Mailer:
    """Some threads. `name` tells their leases from others'. keys: the machine's, for mail."""

    def __init__(
        self, db: Database, listener: Listener, store: Store, keys: KeyFolder, settings: Settings, *, name: str
    ) -> None:
        self._db = db
        self._listener = listener
        self._maker = MailMaker(db, store, keys, settings)
        self._name = name
        self._journal = MailJournal(settings.mail_journal)
        self._stop = threading.Event()
        self._relays = Relays(db, settings)
        self._unwritten: dict[str, Ended] = {}
        self._next_forgetting = 0.0
        self._claiming = threading.Lock()
        self._more = [threading.Event() for _thread in range(THREADS)]

    def stop(self) -> None:
        """Ends `run` after the mails in hand."""
        self._stop.set()
        for each in self._more:
            each.set()

    def run(self) -> None:
        """Works until stopped; a database or a mail server that is away is waited for, and by pages a store."""
        threads = [threading.Thread(target=self._serve, args=(each,), name=f"mail-{each}") for each in range(THREADS)]
        try:
            self._listen(threads)
        finally:
            self.stop()
            for each in threads:
                if each.ident is not None:
                    each.join()

    def _listen(self, threads: Sequence[threading.Thread]) -> None:
        away, fresh = False, True
        while not self._stop.is_set():
            try:
                if fresh:
                    self.prepare()
                # First: what the dead have handed over nobody is to find free.
                self.replay()
                if fresh:
                    self._free_mails_of_dead()
                    for each in threads:
                        each.start()
                    fresh = False
                self._forget_unwanted()
                self._listener.heard(SWEEP_SECONDS)
                for more in self._more:
                    more.set()
                away = False
            except (DatabaseUnavailable, OSError) as error:
                if not away:
                    LOG.error("%s No mail goes out until then.", error)
                away = True
                self._stop.wait(AWAY_SECONDS)
            except Exception:
                # The worker would go on without us, and nobody would miss this thread.
                LOG.exception("No mail goes out for a moment.")
                self._stop.wait(AWAY_SECONDS)

    def _serve(self, number: int) -> None:
        """A thread: the first for the installation's mail server, the others for tenants'."""
        more, away = self._more[number], False
        while not self._stop.is_set():
            more.clear()
            try:
                while not self._stop.is_set() and self._turn(accounts=number > 0, others=number == 0):
                    away = False
            except (DatabaseUnavailable, OSError) as error:
                if not away:
                    LOG.error("%s No mail goes out until then.", error)
                away = True
                self._stop.wait(AWAY_SECONDS)
                more.set()
            except Exception:
                # The worker would go on without us, and nobody would miss this thread.
                LOG.exception("No mail goes out for a moment.")
                self._stop.wait(AWAY_SECONDS)
                more.set()
            more.wait(SWEEP_SECONDS)

    def prepare(self) -> None:
        """Makes the journal's folder. Raises UnsafeFolder."""
        self._journal.prepare()

    def work(self) -> bool:
        """A turn, of one mail server; False where nothing is due. Raises DatabaseUnavailable."""
        self.replay()
        self._forget_unwanted()
        return self._turn()

    def _turn(self, *, accounts: bool = True, others: bool = True) -> bool:
        """accounts, others: as outbox.claim."""
        # One thread at a time: another would find the same mail server free.
        with self._claiming, self._db.across_tenants() as tx:
            mails = outbox.claim(
                tx, worker=self._name, lease_seconds=LEASE_SECONDS, most=AT_ONCE,
                except_of=self._relays.tenants_at_rest(), accounts=accounts,
                others=others and not self._relays.rests(None),
            )  # fmt: skip
            if not mails:
                return False
            key = mails[0].tenant_id if mails[0].has_account else None
            self._relays.take(key)
        try:
            return self._over(key, mails)
        finally:
            self._relays.let_go(key)

    def _over(self, key: int | None, waiting: list[Waiting]) -> bool:
        """Mails that go out over one connection, as far as they do; False where the mail server is away."""
        until = time.monotonic() + TURN_SECONDS
        try:
            with self._relays.of(key).session() as relay:
                while waiting and not self._stop.is_set():
                    self._hand_over(relay, waiting[0])
                    waiting.pop(0)
                    if time.monotonic() >= until:
                        break
            if key is None or time.monotonic() < until:
                self._relays.there(key)
            else:
                # A tenant's, which took its time, in which others' mail waited: it is theirs now.
                self._relays.away(key)
            reason, away = "", False
        except (ServerAway, InvalidSetting) as error:
            seconds = self._relays.away(key)
            LOG.error("%s Mail waits for it for %.0f s.", error, seconds)
            if isinstance(error, BrokenOff):
                # It may be this mail that the server does not survive: the others go first from now on.
                self._try_again(waiting.pop(0), error)
            reason, away = str(error), True
        except (DatabaseUnavailable, StoreUnavailable, OSError):
            raise
        except Exception as error:
            # One server's trouble must not keep all the others' mail.
            seconds = self._relays.away(key)
            LOG.exception("Mail waits for the mail server of %s for %.0f s.", key or "the installation", seconds)
            reason, away = type(error).__name__, True
        for mail in waiting:
            self._postpone(mail, reason, counts=False)
        return not away

    def replay(self) -> None:
        """Notes what mail servers have taken over of which the database has not heard. What it does not take stays in
        the journal: it goes out no second time, and keeps no other mail."""
        for ended in (*list(self._unwritten.values()), *self._journal):
            try:
                self._note(ended)
            except DatabaseUnavailable:
                raise
            except FaxplanError as error:
                LOG.error("mail %s of tenant %s has ended, which cannot be noted: %s", ended.id, ended.tenant_id, error)

    def _hand_over(self, relay: RelaySession, mail: Waiting) -> None:
        """Raises ServerAway."""
        # It may have been handed over under a lease that has run out, or by this process before it lost the database.
        with self._db.across_tenants() as tx:
            if self._is_taken_over(mail) or not outbox.is_waiting(tx, mail):
                return
            tx.enter_tenant(mail.tenant_id)
            fax_id = outbox.fax_of(tx, mail)
        with log_lines.about(tenant=mail.tenant_id, fax=fax_id):
            self._make_and_hand_over(relay, mail)

    def _make_and_hand_over(self, relay: RelaySession, mail: Waiting) -> None:
        try:
            made, said = self._made_and_taken(relay, mail)
        except NotFound:
            self._end(mail, State.GIVEN_UP, _("The fax is deleted."), None)
        except NoRecipient as error:
            self._end(mail, State.GIVEN_UP, str(error), None)
        except RelayRefused as error:
            LOG.error("mail %s of tenant %s: %s", mail.id, mail.tenant_id, error)
            self._end(mail, State.REFUSED, str(error), None)
        except (ServerAway, DatabaseUnavailable):
            raise
        except (Later, StoreUnavailable) as error:
            # Those that carry no pages go on.
            self._postpone(mail, str(error), counts=False, delay=LATER_SECONDS)
        except Exception as error:  # noqa: BLE001 - one mail's trouble must not keep all the others
            self._try_again(mail, error)
        else:
            self._end(mail, State.ACCEPTED, said, made.sent_as)

    def _made_and_taken(self, relay: RelaySession, mail: Waiting) -> tuple[Made, str]:
        """The mail that the server has, and what it said."""
        made = self._maker.made(relay.relay, mail)
        try:
            return made, self._taken(relay, mail, made)
        except ContentRefused as error:
            if not made.sent_as.carries_pages:
                raise
            LOG.error("mail %s of tenant %s goes out as a notice: %s", mail.id, mail.tenant_id, error)
            refused = error
        made = self._maker.made(relay.relay, mail, refused=refused)
        return made, self._taken(relay, mail, made)

    def _taken(self, relay: RelaySession, mail: Waiting, made: Made) -> str:
        """What the server said when it took it."""
        content, is_signed = self._maker.signed(mail, made)
        sender = made.sender if mail.has_account else self._maker.envelope_sender(mail, made, is_signed=is_signed)
        try:
            return relay.hand_over(content, sender=sender, recipient=mail.recipient)
        except SenderRefused as error:
            if sender == made.sender:
                raise
            LOG.warning("mail %s of tenant %s goes out without a way back: %s", mail.id, mail.tenant_id, error)
        return relay.hand_over(content, sender=made.sender, recipient=mail.recipient)

    def _try_again(self, mail: Waiting, error: Exception) -> None:
        unknown = None if isinstance(error, FaxplanError) else error
        LOG.error("mail %s of tenant %s, try %s: %s", mail.id, mail.tenant_id, mail.tries, error, exc_info=unknown)
        if (datetime.now(UTC) - mail.created_at).total_seconds() > mail_readers.GIVE_UP_SECONDS:
            self._end(mail, State.GIVEN_UP, str(error), None)
        else:
            self._postpone(mail, str(error), counts=True)

    def _end(self, mail: Waiting, state: State, said: str, sent_as: Mode | None) -> None:
        ended = Ended(mail.tenant_id, mail.id, mail.token, state, said, None if sent_as is None else sent_as.value)
        try:
            self._journal.write(ended)
        except OSError as error:
            # A full disk, say: what the server has must not go out again, as long as we live to know it.
            LOG.error("A mail is noted in the database alone: %s cannot be written (%s).", self._journal.folder, error)
            self._unwritten[ended.token] = ended
        self._note(ended)

    def _note(self, ended: Ended) -> None:
        """Also lets go of what was mailed, once no other recipient waits for it."""
        with self._db.tenant(ended.tenant_id) as tx:
            if outbox.end(tx, ended):
                mail_readers.let_go_of_mailed(tx, ended.tenant_id, ended.id)
        self._unwritten.pop(ended.token, None)
        self._journal.remove(ended)

    def _is_taken_over(self, mail: Waiting) -> bool:
        return mail.token in self._unwritten or self._journal.has(mail.token)

    def _postpone(self, mail: Waiting, said: str, *, counts: bool, delay: float = 0) -> None:
        delays = outbox.RETRY_SECONDS
        delay = delays[min(mail.tries, len(delays)) - 1] if counts else delay
        with self._db.across_tenants() as tx:
            outbox.postpone(tx, mail, said, delay, counts=counts)

    def _forget_unwanted(self) -> None:
        if time.monotonic() < self._next_forgetting:
            return
        self._next_forgetting = time.monotonic() + _FORGET_SECONDS
        mail_readers.forget_unwanted(self._db, _FORGET_SECONDS)

    def _free_mails_of_dead(self) -> None:
        """Gives back what workers of this machine had in hand when they were killed."""
        with self._db.across_tenants() as tx:
            for name in outbox.busy_workers(tx):
                host, _colon, process = name.rpartition(":")
                pid = process.partition("/")[0]
                if host == socket.gethostname() and (pid == str(os.getpid()) or not Path(f"/proc/{pid}").exists()):
                    outbox.release(tx, name)
