"""`python -m portal`: the portal as a server, of gunicorn, by the settings."""

from typing import Any

from gunicorn.app.base import BaseApplication
from werkzeug.middleware.proxy_fix import ProxyFix

from faxplan import config
from faxplan.config import Settings
from faxplan.db import Database
from faxplan.document_store import Store
from portal.app import Portal

SLOWEST_SECONDS = 120
"""A process of which a request takes longer is replaced: a document of 100 MB is sealed in a few."""


def application(settings: Settings) -> Any:
    """The WSGI application of an installation."""
    db = Database(settings.database_url_for("portal"), max_connections=settings.portal_threads + 2)
    portal = Portal(db, Store.of(settings), settings.portal_domain)
    # One proxy: of what more say the first could be anybody's word.
    return ProxyFix(portal, x_for=1, x_proto=1) if settings.portal_behind_proxy else portal


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        """What gunicorn is to know; it reads no file of its own."""
        values = {
            "bind": self._settings.portal_listen,
            "workers": self._settings.portal_processes,
            "threads": self._settings.portal_threads,
            "worker_class": "gthread",
            "timeout": SLOWEST_SECONDS,
            "forwarded_allow_ips": "",
            "errorlog": "-",
            "loglevel": "warning",
            "proc_name": "faxplan portal",
        }
        for name, value in values.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """In each process: connections are not shared."""
        return application(self._settings)


if __name__ == "__main__":
    _Server(config.load()).run()
