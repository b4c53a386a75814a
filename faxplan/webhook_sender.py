"""The sender: tells endpoints what waits for them; threads of the worker's process, beside its renderings and mail.

Each thread takes an endpoint for itself, tells it some of what is due, and lets it go: so one that is slow, or away,
holds up no other, and rests after each failure, longer each time. What a sender had in hand when it was killed is told
again, with the webhook-id that it had: at least once, and whoever hears knows the second time by that.
"""

import logging
import os
import random
import socket
import threading
import time
from pathlib import Path

from faxplan import audit, log_lines, notices, webhook_events, webhook_signatures
from faxplan.config import Settings
from faxplan.db import Database, Transaction
from faxplan.errors import DatabaseUnavailable
from faxplan.listener import Listener
from faxplan.web_client import AddressRefused, Busy, FetchFailed, WebClient
from faxplan.webhook_events import Delivery, Failed, State, Turn

LOG = logging.getLogger("faxplan.webhooks")
THREADS = 4
MOST_OF_TENANT = 2
"""Endpoints of a tenant that are told at once."""
LEASE_SECONDS = 180
AT_ONCE = 50
"""Deliveries of a turn, at most."""
TURN_SECONDS = 30.0
"""After so long a turn ends, with the delivery in hand."""
SWEEP_SECONDS = 5.0
AWAY_SECONDS = 1.0
RETRY_SECONDS = (5, 60, 300, 1800, 7200, 18000, 36000)
"""After each try, and after those to come the last of these; and up to a quarter more."""
GIVE_UP_SECONDS = 3 * 86400
OFF_AFTER_SECONDS = 5 * 86400
"""An endpoint that has failed for so long, each time, and so often, is turned off."""
OFF_AFTER_FAILURES = 10
_GONE = 410
_FORGET_SECONDS = 600.0
_SLACK_SECONDS = 43200
"""So much later than others is given up what nobody has tried: its endpoint was off, or at rest."""


class WebhookSender:
    """Some threads. `name` tells their leases from others'. Raises InvalidSetting."""

    def __init__(self, db: Database, listener: Listener, settings: Settings, *, name: str) -> None:
        self._db = db
        self._listener = listener
        self._client = WebClient.of(settings)
        self._name = name
        self._stop = threading.Event()
        self._more = [threading.Event() for _thread in range(THREADS)]
        self._next_sweep = 0.0

    def stop(self) -> None:
        """Ends `run` after the deliveries in hand."""
        self._stop.set()
        for each in self._more:
            each.set()

    def run(self) -> None:
        """Works until stopped; a database that is away is waited for."""
        threads = [
            threading.Thread(target=self._serve, args=(number,), name=f"webhooks-{number}") for number in range(THREADS)
        ]
        try:
            self.free_turns_of_dead()
        except DatabaseUnavailable as error:
            LOG.error("%s What was in hand is told when its lease has ended.", error)
        for each in threads:
            each.start()
        away = False
        try:
            while not self._stop.is_set():
                try:
                    self.sweep()
                    self._listener.heard(SWEEP_SECONDS)
                    away = False
                    for more in self._more:
                        more.set()
                except DatabaseUnavailable as error:
                    if not away:
                        LOG.error("%s No webhook is told until then.", error)
                    away = True
                    self._stop.wait(AWAY_SECONDS)
        finally:
            self.stop()
            for thread in threads:
                thread.join()

    def _serve(self, number: int) -> None:
        more = self._more[number]
        while not self._stop.is_set():
            more.clear()
            try:
                while not self._stop.is_set() and self.work(number):
                    pass
            except DatabaseUnavailable:
                # Whoever listens says so. What is in hand is ours still, when it is back.
                self._stop.wait(AWAY_SECONDS)
            except Exception:
                # One endpoint's trouble must not end a thread: with them all nobody would be told any more.
                LOG.exception("a turn of %s/%s has broken off", self._name, number)
            more.wait(SWEEP_SECONDS)

    def work(self, number: int = 0) -> bool:
        """One turn, of the thread of this number; False where nothing is due. Raises DatabaseUnavailable."""
        sender = f"{self._name}/{number}"
        with self._db.across_tenants() as tx:
            turn = webhook_events.claim(tx, sender=sender, lease_seconds=LEASE_SECONDS, most_of_tenant=MOST_OF_TENANT)
        if turn is None:
            return False
        ends = time.monotonic() + TURN_SECONDS
        with self._db.tenant(turn.tenant_id) as tx:
            deliveries = webhook_events.due(tx, turn, AT_ONCE)
        for delivery in deliveries:
            if self._stop.is_set() or time.monotonic() > ends:
                break
            with log_lines.about(tenant=turn.tenant_id, fax=delivery.fax_id):
                is_told = self._tell(turn, sender, delivery)
            if not is_told:
                break
        with self._db.tenant(turn.tenant_id) as tx:
            webhook_events.let_go(tx, turn, sender)
        return True

    def _tell(self, turn: Turn, sender: str, delivery: Delivery) -> bool:
        """Whether the next is to be told."""
        with self._db.tenant(turn.tenant_id) as tx:
            if not webhook_events.is_ours(tx, turn, sender, turn.address):
                return False
            keys = webhook_events.signing_keys(tx, turn)
        body = webhook_events.body(delivery)
        signed = webhook_signatures.headers(keys, delivery.message, int(time.time()), body)
        headers = {"Content-Type": "application/json", "Accept": "*/*", "User-Agent": "webhooks", **signed}
        status, answer, said = None, "", ""
        try:
            answered = self._client.hand(turn.address, body, headers, most=webhook_events.MOST_ANSWER)
            status, answer = answered.status, _readable(answered.content)
        except Busy:
            # Nobody's fault of those.
            return False
        except (AddressRefused, FetchFailed) as error:
            said = str(error)
        except Exception as error:
            # One endpoint's trouble must not keep the others.
            LOG.exception("webhook %s of tenant %s", turn.id, turn.tenant_id)
            said = f"It could not be told: {type(error).__name__}."
        if status is not None and 200 <= status < 300:
            with self._db.tenant(turn.tenant_id) as tx:
                webhook_events.delivered(tx, turn, delivery, status, answer)
            return True
        self._note_failure(turn, delivery, said or f"The endpoint answers with {status}.", status, answer)
        return False

    def _note_failure(self, turn: Turn, delivery: Delivery, said: str, status: int | None, answer: str) -> None:
        gone = status == _GONE
        waited = time.time() - delivery.waits_since.timestamp()
        again_in = None if gone or waited > GIVE_UP_SECONDS else _delay(delivery.tries)
        why = Failed(said, status, answer, again_in, State.FAILED if gone else State.GIVEN_UP)
        with self._db.tenant(turn.tenant_id) as tx:
            failing = webhook_events.failed(tx, turn, delivery, why)
            if failing is None:
                return
            LOG.info("webhook %s of tenant %s, failure %s: %s", turn.id, turn.tenant_id, failing.failures, said)
            if gone:
                _turn_off(tx, turn, delivery, "gone", "It answered with 410: it is gone.")
            elif failing.seconds > OFF_AFTER_SECONDS and failing.failures >= OFF_AFTER_FAILURES:
                days = int(failing.seconds // 86400)
                _turn_off(tx, turn, delivery, "failing", f"Nothing was delivered there for {days} days. {said}")

    def sweep(self) -> None:
        """Gives up and forgets, now and then (webhook_events.sweep). Raises DatabaseUnavailable."""
        if time.monotonic() < self._next_sweep:
            return
        with self._db.across_tenants() as tx:
            more = webhook_events.sweep(tx, GIVE_UP_SECONDS + _SLACK_SECONDS)
        self._next_sweep = time.monotonic() + (0 if more else _FORGET_SECONDS)

    def free_turns_of_dead(self) -> None:
        """Gives back what senders of this machine had in hand when they were killed."""
        with self._db.across_tenants() as tx:
            for sender in webhook_events.busy_senders(tx):
                host, _colon, process = sender.rpartition(":")
                pid = process.partition("/")[0]
                is_dead = pid == str(os.getpid()) or not Path(f"/proc/{pid}").exists()
                if host == socket.gethostname() and is_dead:
                    webhook_events.release(tx, sender)


def _turn_off(tx: Transaction, turn: Turn, delivery: Delivery, because: str, why: str) -> None:
    """Whoever made it is told by mail; of a test that nobody else sees, they see it themselves."""
    if not webhook_events.turn_off(tx, turn, because):
        return
    if delivery.fax_id is not None:
        text = f"The webhook {turn.address} is turned off. {why} Turn it on once it can be reached again."
        notices.tell_user(tx, turn.tenant_id, turn.made_by, delivery.fax_id, notices.WEBHOOK, text)
    audit.record(
        tx, turn.tenant_id, actor="worker", action="webhook.turn-off", object=f"webhook:{turn.id}", because=because,
        address=turn.address,
    )  # fmt: skip


def _delay(tries: int) -> float:
    """tries: those before this one."""
    # Not all at the same moment, where an endpoint was away.
    return RETRY_SECONDS[min(tries, len(RETRY_SECONDS) - 1)] * random.uniform(1, 1.25)  # noqa: S311 - no secret


def _readable(content: bytes) -> str:
    """What somebody else has written, as text."""
    return "".join(
        each if each.isprintable() or each == "\n" else "\ufffd" for each in content.decode(errors="replace")
    )
