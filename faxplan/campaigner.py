"""Campaigns go on: files of recipients are read, and faxes let go at their pace; a thread of the worker."""

import logging
import threading
import time
from collections.abc import Callable

from faxplan import campaign_files, campaign_release, campaign_tests
from faxplan.confinement import SandboxUnavailable
from faxplan.db import Database
from faxplan.document_store import Store, StoreUnavailable
from faxplan.errors import DatabaseUnavailable, FaxplanError
from faxplan.listener import Listener

LOG = logging.getLogger("faxplan.campaigns")
TICK_SECONDS = 0.5
IDLE_SECONDS = 5.0
AWAY_SECONDS = 1.0
REST_SECONDS = 60.0
"""So long nothing is done with a campaign after what nobody had foreseen."""
_AWAY = (StoreUnavailable, SandboxUnavailable, OSError)
"""What no campaign can help, and not all need: those that do wait for it."""


class Campaigner:
    """One thread. Several machines may have one: a campaign is with one of them at a time. watch: role worker, which
    sees which campaigns there are; db: role portal, within whose tenants they go on. store: for their covers."""

    def __init__(self, watch: Database, db: Database, listener: Listener, store: Store) -> None:
        self._watch = watch
        self._db = db
        self._listener = listener
        self._store = store
        self._stop = threading.Event()
        self._rests_until: dict[tuple[str, int, int], float] = {}
        self._waiting: set[tuple[str, int, int]] = set()

    def stop(self) -> None:
        """Ends `run` after the step in hand."""
        self._stop.set()

    def run(self) -> None:
        """Works until stopped; a database that is away is waited for."""
        away = False
        while not self._stop.is_set():
            try:
                running = self.work()
                away = False
                if running:
                    self._stop.wait(TICK_SECONDS)
                else:
                    self._listener.heard(IDLE_SECONDS)
            except DatabaseUnavailable as error:
                if not away:
                    LOG.error("%s Campaigns wait for it.", error)  # noqa: TRY400 - it says all
                away = True
                self._stop.wait(AWAY_SECONDS)
            except Exception:
                # The worker would go on without us, and nobody would miss this thread.
                LOG.exception("Campaigns rest for a moment.")
                self._stop.wait(AWAY_SECONDS)

    def work(self) -> bool:
        """A step of each; whether one is under way. Raises DatabaseUnavailable."""
        with self._watch.across_tenants() as tx:
            files = tx.rows("select tenant_id, campaign_id as id from campaign_files where wrong = '' order by 1, 2")
            running = tx.rows("select tenant_id, id from campaigns where state = 'running' order by 1, 2")
            cancelled = tx.rows(_CANCELLED)
            paused = tx.rows(_PAUSED)
            tests = tx.rows("select tenant_id, id, campaign_id from campaign_tests where done_at is null order by 1, 2")
        for each in files:
            self._one("the file of campaign", each["tenant_id"], each["id"], self._read)
        for each in (*running, *paused):
            self._one("campaign", each["tenant_id"], each["id"], self._step)
        for each in tests:
            self._one("a test of campaign", each["tenant_id"], each["campaign_id"], self._test(each["id"]))
        for each in cancelled:
            self._one("what is cancelled of campaign", each["tenant_id"], each["id"], self._cancel)
        return bool(running or cancelled or tests)

    def _one(self, what: str, tenant_id: int, campaign_id: int, act: Callable[[int, int], None]) -> None:
        """Whatever is wrong with one of them keeps no other from going on."""
        key = (what, tenant_id, campaign_id)
        if self._rests_until.get(key, 0.0) > time.monotonic():
            return
        try:
            act(tenant_id, campaign_id)
            self._waiting.discard(key)
        except DatabaseUnavailable:
            raise
        except _AWAY as error:
            if key not in self._waiting:
                LOG.error("%s %s of tenant %s waits: %s", what, campaign_id, tenant_id, error)  # noqa: TRY400 - it says all
            self._waiting.add(key)
            self._rests_until[key] = time.monotonic() + AWAY_SECONDS
        except FaxplanError as error:
            LOG.error("%s %s of tenant %s: %s", what, campaign_id, tenant_id, error)  # noqa: TRY400 - it says all
        except Exception:
            LOG.exception("%s %s of tenant %s rests for a minute", what, campaign_id, tenant_id)
            self._rests_until[key] = time.monotonic() + REST_SECONDS

    def _read(self, tenant_id: int, campaign_id: int) -> None:
        for progress in campaign_files.read(self._db, tenant_id, campaign_id):
            LOG.info(
                "campaign %s of tenant %s: %s lines of %s", campaign_id, tenant_id, progress.lines_read, progress.lines
            )
            if self._stop.is_set():
                return

    def _test(self, test_id: int) -> Callable[[int, int], None]:
        return lambda tenant_id, _campaign_id: campaign_tests.send(self._db, self._store, tenant_id, test_id)

    def _cancel(self, tenant_id: int, campaign_id: int) -> None:
        campaign_release.cancel_open(self._db, tenant_id, campaign_id)
        self._step(tenant_id, campaign_id)

    def _step(self, tenant_id: int, campaign_id: int) -> None:
        while campaign_release.step(self._db, tenant_id, campaign_id, self._store).may_go_on:
            if self._stop.is_set():
                return


# What they have let go ends all the same.
_PAUSED = """
    select c.tenant_id, c.id from campaigns c
    where c.state = 'paused' and exists (
        select from campaign_recipients r where r.tenant_id = c.tenant_id and r.campaign_id = c.id
          and r.state = 'released') order by 1, 2"""
_CANCELLED = """
    select c.tenant_id, c.id from campaigns c
    where c.state = 'cancelled' and c.ended_at > now() - interval '2 days' and exists (
        select from campaign_recipients r where r.tenant_id = c.tenant_id and r.campaign_id = c.id
          and r.state = 'released') order by 1, 2"""
