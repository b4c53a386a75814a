"""The worker's process: it renders (worker), and beside that, in threads of their own, hands mail over (mailer), tells
webhooks (webhook_sender) and lets campaigns go on (campaigner).
"""

import logging
import os
import signal
import socket
import threading

from faxplan import campaign_files, log_lines, monitoring, namespaces, outbox, render_jobs, webhooks
from faxplan.campaigner import Campaigner
from faxplan.config import Settings
from faxplan.confinement import LIMITS
from faxplan.db import Database
from faxplan.document_store import Store
from faxplan.key_folder import KeyFolder
from faxplan.listener import Listener
from faxplan.mailer import Mailer
from faxplan.webhook_sender import WebhookSender
from faxplan.worker import Worker

LOG = logging.getLogger("faxplan.worker")


def _make(settings: Settings) -> Worker:
    url = settings.database_url_for("worker")
    name = f"{socket.gethostname()}:{os.getpid()}"
    listener = Listener(url, (render_jobs.CHANNEL,))
    store = Store.of(settings, namespaces.kept)
    return Worker(
        Database(url),
        listener,
        store,
        name=name,
        node=settings.node,
        mailer_keys=KeyFolder(settings.mailer_keys),
        wait_hours=settings.wait_hours,
    )


def _mailer(settings: Settings) -> Mailer:
    url = settings.database_url_for("worker")
    return Mailer(
        Database(url),
        Listener(url, (outbox.CHANNEL,)),
        Store.of(settings, namespaces.kept),
        KeyFolder(settings.mailer_keys),
        settings,
        name=f"{socket.gethostname()}:{os.getpid()}",
    )


def _webhook_sender(settings: Settings) -> WebhookSender:
    url = settings.database_url_for("worker")
    name = f"{socket.gethostname()}:{os.getpid()}"
    return WebhookSender(Database(url), Listener(url, (webhooks.CHANNEL,)), settings, name=name)


def _campaigner(settings: Settings) -> Campaigner:
    url = settings.database_url_for("worker")
    return Campaigner(
        Database(url, max_connections=2), Database(settings.database_url_for("portal"), max_connections=2),
        Listener(url, (campaign_files.CHANNEL,)), Store.of(settings),
    )  # fmt: skip


def serve(settings: Settings) -> None:
    """A worker of this installation, until SIGTERM or SIGINT; it ends after the job in hand, and the mail. For the main
    thread."""
    log_lines.set_up(settings.log_level, "faxplan-worker")
    worker, mailer, campaigner = _make(settings), _mailer(settings), _campaigner(settings)
    sender = _webhook_sender(settings)

    def stop(*_: object) -> None:
        for each in (worker, mailer, campaigner, sender):
            each.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    if settings.sandbox == LIMITS:
        LOG.warning("Documents of strangers are converted with limits alone: sandbox is set so.")
    else:
        LOG.info("documents are converted in a namespace")
    LOG.info("worker ready")
    monitored = monitoring.of(settings, Store.of(settings), worker.is_alive)
    beside = [threading.Thread(target=each.run, name=type(each).__name__) for each in (mailer, campaigner, sender)]
    for thread in beside:
        thread.start()
    try:
        worker.run()
    finally:
        if monitored is not None:
            monitored.stop()
        mailer.stop()
        campaigner.stop()
        sender.stop()
        for thread in beside:
            thread.join()
