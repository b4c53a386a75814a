"""The worker: renders what waits, woken by NOTIFY and swept by time (worker_process has the rest of its process).

Several may run, on any machine that has the store.
"""

import errno
import logging
import shutil
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from faxplan import (
    counters,
    cover_drawing,
    draft_closing,
    log_lines,
    mail_readers,
    overdue,
    page_images,
    render_jobs,
    rendering,
    renderings,
    transient_readers,
)
from faxplan.confinement import Confinement, SandboxUnavailable
from faxplan.cover_drawing import Due
from faxplan.db import Database
from faxplan.document_store import DocumentLost, KeyElsewhere, Store, StoreUnavailable
from faxplan.documents import RENDERING
from faxplan.errors import DatabaseUnavailable, DocumentRefused, FaxplanError, RenderingFailed
from faxplan.files import UnsafeFolder
from faxplan.key_folder import KeyFolder
from faxplan.listener import Listener
from faxplan.render_jobs import RenderJob
from faxplan.renderings import Rendered, RenderOrder
from faxplan.transient_readers import KeyGone

T = TypeVar("T")
LOG = logging.getLogger("faxplan.worker")
LEASE_SECONDS = 1800
"""Longer than any rendering may take. A worker that was killed does not cost that long: see `free_jobs_of_dead`."""
MOST_TRIES = 3
RETRY_SECONDS = 30
LONGEST_RETRY_SECONDS = 900
LEAST_FREE_BYTES = 64 * 1024**2
"""With less room than this a converter's failure is the disk's."""
KILLS = "Each attempt to convert this document ended the converter. Print it to a new PDF and send that."
SWEEP_SECONDS = 1.0
AWAY_SECONDS = 1.0
"""Between two questions to a database that is away."""
SIGNAL_SECONDS = 0.2
"""So much later than its converter, at most, a worker that is ended with it learns that it is to stop."""


class Worker:
    """One worker process. `name` tells its leases from others'. node: the machine, by the name of its keys.

    mailer_keys: the machine's, for mail, which no switch opens (mail_readers).
    wait_hours: the installation's setting; what waits for longer, and not by a value of its tenant's, is given up.
    confinement: of the converters; the store's, unless it is said otherwise.
    """

    def __init__(
        self,
        db: Database,
        listener: Listener,
        store: Store,
        *,
        name: str,
        node: str,
        mailer_keys: KeyFolder,
        wait_hours: int,
        confinement: Confinement | None = None,
    ) -> None:
        self._db = db
        self._listener = listener
        self._store = store
        self._confinement = confinement or store.confinement
        self._name = name
        self._node = node
        self._wait_hours = wait_hours
        self._mailer_keys = mailer_keys
        self._next_renewal = 0.0
        self._next_overdue = 0.0
        self._next_drafts = 0.0
        self._next_fold = 0.0
        self._beat = time.monotonic()
        self._stop = threading.Event()
        self._machine_delay = RETRY_SECONDS
        self._lease_ends = 0.0

    def is_alive(self) -> bool:
        """False: it has had one thing in hand for longer than any takes."""
        return time.monotonic() - self._beat < LEASE_SECONDS + RETRY_SECONDS

    def stop(self) -> None:
        """Ends `run` after the job in hand; one that waits for the database, or whose converter is ended as well, is
        given back."""
        self._stop.set()

    def run(self) -> None:
        """Works until stopped; a database or a store that is away is waited for, and a sandbox that cannot be had."""
        try:
            self._work_until_stopped()
        finally:
            self._confinement.close()

    def _work_until_stopped(self) -> None:
        away, fresh = False, True
        while not self._stop.is_set():
            self._beat = time.monotonic()
            try:
                # First: also while the store is away.
                self._end_overdue()
                self._close_drafts()
                self._fold_counters()
                if fresh:
                    self._store.sweep()
                    for keys in (self._store.keys, self._mailer_keys):
                        keys.prepare()
                    self.free_jobs_of_dead()
                    self._make_store()
                    fresh = False
                self._renew_keys()
                worked = self.work_one()
                if not worked:
                    self._listener.heard(SWEEP_SECONDS)
                away = False
            except (DatabaseUnavailable, SandboxUnavailable, StoreUnavailable) as error:
                if not away:
                    LOG.error("%s Waiting for it.", error)
                away = True
                self._stop.wait(1)

    def _make_store(self) -> None:
        """Where it makes itself: a machine on which nothing was sent yet has one, too. One that is away is waited for
        when a document asks for it."""
        with suppress(StoreUnavailable):
            self._store.be_there()

    def _renew_keys(self) -> None:
        """Sees to this machine's key (transient_readers), now and then."""
        if time.monotonic() < self._next_renewal:
            return
        # First: a folder of keys that cannot be written must not keep us from all else.
        self._next_renewal = time.monotonic() + SWEEP_SECONDS
        try:
            more = transient_readers.renew(self._db, self._store.keys, self._node)
            more = mail_readers.renew(self._db, self._mailer_keys, self._node) or more
        except OSError as error:
            LOG.error("The keys of this machine cannot be renewed (%s). `faxplan doctor` looks at their folder.", error)
            self._next_renewal += RETRY_SECONDS
            return
        except FaxplanError as error:
            if error.retryable:
                raise
            # One tenant's trouble, say: the documents of the others are rendered all the same.
            LOG.error("The keys of this machine are not renewed: %s", error)
            self._next_renewal += RETRY_SECONDS
            return
        if not more:
            self._next_renewal += transient_readers.RENEWAL_SECONDS

    def _close_drafts(self) -> None:
        """Takes expired drafts away from the machines, now and then."""
        if time.monotonic() < self._next_drafts:
            return
        more = draft_closing.close_expired(self._db, LOG.error)
        self._next_drafts = time.monotonic() + (SWEEP_SECONDS if more else draft_closing.LOOK_SECONDS)

    def _fold_counters(self) -> None:
        """Adds to the counters what has ended, now and then."""
        if time.monotonic() < self._next_fold:
            return
        with self._db.across_tenants() as tx:
            more = counters.fold(tx)
        self._next_fold = time.monotonic() + (SWEEP_SECONDS if more else counters.FOLD_SECONDS)

    def _end_overdue(self) -> None:
        """Gives up what has waited for too long (overdue), now and then: it may be a switch that is missing."""
        if time.monotonic() < self._next_overdue:
            return
        more = overdue.end_all(self._db, wait_hours=self._wait_hours, actor="worker", log=LOG.error)
        self._next_overdue = time.monotonic() + (SWEEP_SECONDS if more else overdue.LOOK_SECONDS)

    def free_jobs_of_dead(self) -> None:
        """Gives back what workers of this machine had in hand when they were killed."""
        with self._db.across_tenants() as tx:
            for name in render_jobs.busy_workers(tx):
                host, _, pid = name.rpartition(":")
                if host == socket.gethostname() and not Path(f"/proc/{pid}").exists():
                    render_jobs.release(tx, name)

    def work_one(self) -> bool:
        """Renders one document; False where none waits. Raises DatabaseUnavailable, StoreUnavailable and
        SandboxUnavailable."""
        self._store.check()
        self._confinement.check()
        with self._db.across_tenants() as tx:
            job = render_jobs.claim(tx, worker=self._name, lease_seconds=LEASE_SECONDS)
        if job is None:
            return False
        self._lease_ends = time.monotonic() + LEASE_SECONDS
        with log_lines.about(tenant=job.tenant_id, rendering=job.rendering_id):
            try:
                with log_lines.about(faxes=self._insist(lambda: self._faxes_of(job))):
                    self._work_on(job)
            except DatabaseUnavailable:
                if self._stop.is_set():
                    self._give_back(job)
                raise
        return True

    def _faxes_of(self, job: RenderJob) -> tuple[int, ...]:
        with self._db.tenant(job.tenant_id) as tx:
            return renderings.waiting_faxes(tx, job)

    def _work_on(self, job: RenderJob) -> None:
        if job.tries > MOST_TRIES:
            LOG.error(
                "rendering %s of tenant %s ended its worker %s times", job.rendering_id, job.tenant_id, MOST_TRIES
            )
            self._fail(job, RenderingFailed(KILLS))
            return
        try:
            made = self._render(job)
        except DatabaseUnavailable:
            raise
        except (OSError, UnsafeFolder, StoreUnavailable, SandboxUnavailable) as error:
            self._wait_for_machine(job, error)
        except FaxplanError as error:
            # systemd ends the converters together with us, and perhaps a moment sooner.
            if self._stop.wait(SIGNAL_SECONDS):
                self._give_back(job)
            elif isinstance(error, KeyElsewhere):
                self._insist(lambda: self._postpone(job, RETRY_SECONDS, counts=False))
            elif isinstance(error, DocumentRefused | DocumentLost | KeyGone):
                self._fail(job, error)
            else:
                self._try_again(job, error)
        else:
            self._machine_delay = RETRY_SECONDS
            self._finish(job, made)

    def _finish(self, job: RenderJob, made: Rendered | None) -> None:
        if made is None:
            self._insist(lambda: cover_drawing.end(self._db, job, self._name))
        elif not self._insist(lambda: renderings.finished(self._db, job, self._name, made)):
            for each in made.documents:
                self._store.delete(each.stored.object_name)

    def _insist(self, step: Callable[[], T]) -> T:
        """What `step` returns, asked again while the database is away: that is no fault of a document, and none of its
        tries. Raises DatabaseUnavailable when the job's lease has run out, or the worker is to stop.
        """
        waiting = False
        while True:
            try:
                return step()
            except DatabaseUnavailable as error:
                if not waiting:
                    LOG.error("%s The job in hand waits for it.", error)
                waiting = True
                if self._stop.wait(AWAY_SECONDS) or time.monotonic() > self._lease_ends:
                    raise

    def _give_back(self, job: RenderJob) -> None:
        """Lets go of a job that we cannot bring to its end; none of its tries."""
        LOG.info("rendering %s of tenant %s is given back", job.rendering_id, job.tenant_id)
        try:
            self._postpone(job, 0, counts=False)
        except DatabaseUnavailable as error:
            LOG.error("%s The next worker of this machine frees the job.", error)

    def _fail(self, job: RenderJob, error: FaxplanError) -> None:
        self._insist(lambda: renderings.failed(self._db, job, self._name, error))

    def _postpone(self, job: RenderJob, delay_seconds: float, *, counts: bool) -> None:
        with self._db.across_tenants() as tx:
            render_jobs.postpone(tx, job, self._name, delay_seconds, counts=counts)

    def _render(self, job: RenderJob) -> Rendered | None:
        """None: what was to be made were covers, and they are queued."""
        order = self._insist(lambda: self._order(job))
        if order.is_made:
            for cover in self._insist(lambda: self._covers(job)):
                with log_lines.about(fax=cover.fax_id):
                    self._draw(job, cover)
            return None
        with self._store.scratch.folder() as folder:
            original, target = folder / "original", folder / "fax.tif"
            try:
                self._store.copy_to_send(order.original, original)
                fax = rendering.render(
                    original, target, resolution=order.resolution, within=self._confinement, notice=order.notice
                )
            except RenderingFailed as error:
                # Ghostscript and LibreOffice fail without a reason where they cannot write.
                if shutil.disk_usage(folder).free < LEAST_FREE_BYTES:
                    raise OSError(errno.ENOSPC, f"no room in {folder.parent}: {error}") from error
                raise
            files = {RENDERING: target} | self._images(job, target, folder)
            return Rendered(renderings.seal_all(self._store, job.tenant_id, files), len(fax.pages))

    def _covers(self, job: RenderJob) -> list[Due]:
        with self._db.tenant(job.tenant_id) as tx:
            return cover_drawing.due(tx, job)

    def _draw(self, job: RenderJob, cover: Due) -> None:
        """One fax's cover: what is wrong with it is of this fax alone."""
        try:
            made, pages = cover_drawing.draw(
                self._store, job.tenant_id, cover, partial(self._images, job), within=self._confinement
            )
        except (DocumentRefused, DocumentLost, KeyGone, RenderingFailed) as error:
            may_do_better = isinstance(error, RenderingFailed) and job.tries < MOST_TRIES
            if may_do_better or self._stop.wait(SIGNAL_SECONDS):
                raise
            found = error
            self._insist(lambda: cover_drawing.failed(self._db, job, cover, found))
            return
        if not self._insist(lambda: cover_drawing.drawn(self._db, job, cover, made, pages)):
            for each in made:
                self._store.delete(each.stored.object_name)

    def _images(self, job: RenderJob, fax: Path, folder: Path, pages: int = page_images.MOST_PAGES) -> dict[str, Path]:
        """The pages for the screen. The fax goes out without them where they cannot be made, for whatever reason."""
        try:
            return renderings.images(fax, folder, pages, within=self._confinement)
        except (FaxplanError, OSError) as error:
            if self._stop.wait(SIGNAL_SECONDS):
                # Ended together with us: the next worker makes all of it.
                raise
            LOG.error("rendering %s of tenant %s has no page images: %s", job.rendering_id, job.tenant_id, error)
        return {}

    def _order(self, job: RenderJob) -> RenderOrder:
        with self._db.tenant(job.tenant_id) as tx:
            return renderings.order(tx, job)

    def _wait_for_machine(self, job: RenderJob, error: Exception) -> None:
        """A full, broken or missing disk is no document's fault: no job fails for it; each waits longer, until one
        succeeds.
        """
        LOG.error(
            "rendering %s of tenant %s, again in %s s: %s", job.rendering_id, job.tenant_id, self._machine_delay, error
        )
        self._insist(lambda: self._postpone(job, self._machine_delay, counts=False))
        self._machine_delay = min(2 * self._machine_delay, LONGEST_RETRY_SECONDS)

    def _try_again(self, job: RenderJob, error: FaxplanError) -> None:
        """A converter that broke may do better later (it was killed, say); after MOST_TRIES it is final."""
        LOG.error("rendering %s of tenant %s, try %s: %s", job.rendering_id, job.tenant_id, job.tries, error)
        if job.tries >= MOST_TRIES:
            self._fail(job, error)
            return
        self._insist(lambda: self._postpone(job, RETRY_SECONDS, counts=True))
