"""Watching a fax go out, page by page: one line that changes on a terminal, one line an event anywhere else."""

import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TextIO

from faxplan import history, time_line
from faxplan.db import Database
from faxplan.errors import DatabaseUnavailable
from faxplan.history import Fax
from faxplan.tenants import Tenant
from faxplan.users import User

POLL_SECONDS = 0.2
AWAY_SECONDS = 1.0
_AWAY = "The database is away; waiting for it. The fax is accepted, and not lost."
_BAR = 24


class Display:
    """Writes progress to a stream: on a terminal (`live`) it rewrites one line, elsewhere it writes only news."""

    def __init__(self, stream: TextIO, *, live: bool | None = None) -> None:
        self._stream = stream
        self._live = stream.isatty() if live is None else live
        self._open = False
        self._said = ""

    def update(self, line: str, news: str) -> None:
        """line: everything, for a terminal. news: what happened, written once, for a file or a pipe."""
        if self._live:
            width = shutil.get_terminal_size().columns
            # Carriage return, and erase to the end of the line.
            self._stream.write(f"\r\x1b[K{line[: width - 1]}")
            self._open = True
        elif news != self._said:
            self._stream.write(f"{datetime.now(UTC).astimezone():%H:%M:%S}  {news}\n")
        self._said = news
        self._stream.flush()

    def close(self) -> None:
        """Leaves the last line as it stands."""
        if self._open:
            self._stream.write("\n")
            self._stream.flush()
            self._open = False


def follow(
    db: Database,
    user: User,
    fax_id: int,
    tenant: Tenant,
    display: Display,
    *,
    look: Callable[[], None] = lambda: None,
) -> Fax:
    """Shows a fax of this user until it is final; the final fax. `look` runs between two looks, and may raise.

    A database that is away is waited for, however long: the fax is accepted, and whoever is told to try again sends it
    twice. Raises NotFound.
    """
    started = time.monotonic()
    try:
        while True:
            try:
                with db.tenant(user.tenant_id) as tx:
                    fax = history.fax(tx, user, fax_id)
            except DatabaseUnavailable:
                display.update(f"{time.monotonic() - started:3.0f} s  {_AWAY}", _AWAY)
                look()
                time.sleep(AWAY_SECONDS)
                continue
            now = datetime.now(UTC)
            standing = time_line.standing(fax, tenant.zone, now)
            doing = _doing(fax, standing, tenant.country)
            display.update(f"{bar(fax)}  {time.monotonic() - started:3.0f} s  {doing}", standing)
            if fax.final:
                return fax
            look()
            time.sleep(POLL_SECONDS)
    finally:
        display.close()


def _doing(fax: Fax, standing: str, country: str) -> str:
    """Beside the bar, which counts the pages already: short, for terminals of 80 columns."""
    words = {"dialing": "Dialling", "sending": "Sending"}
    return f"{words[fax.state]} {time_line.party(fax, country)}" if fax.state in words else standing


def bar(fax: Fax) -> str:
    """How much of it has arrived: `[========------------]  1 of 3 pages`."""
    if not fax.pages:
        return f"[{'-' * _BAR}]"
    done = min(fax.pages_done + (0 if fax.final else fax.call_pages or 0), fax.pages)
    filled = _BAR * done // fax.pages
    return f"[{'=' * filled}{'-' * (_BAR - filled)}]  {done} of {fax.pages} pages"
