"""`python -m portal`: the portal as a server, of gunicorn, by the settings.

Administration works with the database role admin, which the process that answers everybody else had better not have: it
is a process of its own, `python -m portal --administration`, to which the proxy leads what begins with /organisation/
or /installation/, also below /api/v1. `--everything` is both in one, for a demonstration.
"""

import argparse
import sys
from enum import Enum
from typing import Any

from gunicorn.app.base import BaseApplication
from werkzeug.middleware.proxy_fix import ProxyFix

from faxplan import config, log_lines, namespaces, releases
from faxplan.config import Settings
from faxplan.db import Database
from faxplan.document_store import Store
from faxplan.errors import InvalidSetting
from portal.app import Portal

SLOWEST_SECONDS = 120
"""A process of which a request takes longer is replaced: a document of 100 MB is sealed in a few."""
ENDING_SECONDS = 30
"""So long a process that is to end goes on with what it has in hand; faxplan-portal.service waits a little longer.
Meanwhile whoever comes waits at the socket, where systemd keeps that: so not for as long as the slowest."""


class Part(Enum):
    """What a process answers."""

    USERS = "users"
    ADMINISTRATION = "administration"
    EVERYTHING = "everything"


def application(settings: Settings, part: Part) -> Any:
    """The WSGI application of an installation, or one part of it."""
    connections = settings.portal_threads + 2
    db = Database(settings.database_url_for("portal"), max_connections=connections)
    admin = None
    if part is not Part.USERS:
        admin = Database(settings.database_url_for("admin"), max_connections=connections)
    portal = Portal(
        db,
        # Several documents at once, and many one after the other: each has a sandbox that runs already.
        Store.of(settings, namespaces.pooled),
        settings.portal_domain,
        admin=admin,
        has_users=part is not Part.ADMINISTRATION,
        beside=bool(settings.portal_administration_listen),
        settings=settings,
    )
    # One proxy: of what more say the first could be anybody's word.
    return ProxyFix(portal, x_for=1, x_proto=1) if settings.portal_behind_proxy else portal


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    def __init__(self, settings: Settings, part: Part) -> None:
        self._settings = settings
        self._part = part
        super().__init__()

    @property
    def _listen(self) -> str:
        if self._part is not Part.ADMINISTRATION:
            return self._settings.portal_listen
        if not self._settings.portal_administration_listen:
            raise InvalidSetting(
                "The administration has no address. Set portal_administration_listen, such as 127.0.0.1:8081."
            )
        return self._settings.portal_administration_listen

    def load_config(self) -> None:
        """What gunicorn is to know; it reads no file of its own."""
        values = {
            "bind": self._listen,
            "workers": self._settings.portal_processes,
            "threads": self._settings.portal_threads,
            "worker_class": "gthread",
            "timeout": SLOWEST_SECONDS,
            "graceful_timeout": ENDING_SECONDS,
            "forwarded_allow_ips": "",
            "errorlog": "-",
            "loglevel": "warning",
            "proc_name": f"faxplan portal, {self._part.value}",
        }
        # A socket in the account's home folder, which commands the server. Older versions know of none.
        if "control_socket_disable" in self.cfg.settings:
            values["control_socket_disable"] = True
        for name, value in values.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """In each process: connections are not shared."""
        return application(self._settings, self._part)


def main() -> None:
    """Serves until it is told to end."""
    releases.begin_in_its_folder()
    parser = argparse.ArgumentParser(prog="python -m portal", description="The portal, by the settings.")
    which = parser.add_mutually_exclusive_group()
    for part, words in (
        (Part.ADMINISTRATION, "only the pages of administrators and operators, which need the database role admin"),
        (Part.EVERYTHING, "these and everybody's in one process"),
    ):
        which.add_argument(f"--{part.value}", dest="part", action="store_const", const=part, help=words)
    parser.set_defaults(part=Part.USERS)
    # gunicorn reads the command line, too.
    part = parser.parse_args().part
    sys.argv[1:] = []
    log_lines.set_up("WARNING", "faxplan-administration" if part is Part.ADMINISTRATION else "faxplan-portal")
    _Server(config.load(), part).run()


if __name__ == "__main__":
    main()
