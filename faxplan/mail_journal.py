"""The mailer's journal: what mail servers have taken over, on disk before the database hears of it.

One file a mail, fsynced as soon as the server has said so, and removed once it is noted. So what a crash or a database
that is away leaves behind is noted later, and handed over no second time.
"""

import json
import logging
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from faxplan.files import private_folder, sweep_partials, unreadable_name, write_durably
from faxplan.outbox import Ended, State

LOG = logging.getLogger(__name__)


class MailJournal:
    """A folder of its own for each machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def prepare(self) -> None:
        """Makes the folder, private. Raises UnsafeFolder."""
        private_folder(self.folder)
        sweep_partials(self.folder)

    def write(self, ended: Ended) -> None:
        """Records what became of a mail, durably."""
        write_durably(self._path(ended.token), json.dumps(asdict(ended)).encode())

    def __iter__(self) -> Iterator[Ended]:
        """What is not noted yet. A file that cannot be read is put aside, and told."""
        for path in sorted(self.folder.glob("*.json")):
            try:
                content = json.loads(path.read_bytes())
                yield Ended(**content | {"state": State(content["state"])})
            except FileNotFoundError:
                # Another thread has noted it meanwhile.
                continue
            except (ValueError, TypeError, KeyError) as error:
                LOG.error("%s is no record of a mail (%s): it is put aside. That mail may go out twice.", path, error)
                path.rename(unreadable_name(path))

    def has(self, token: str) -> bool:
        """Whether something of this mail is to be noted."""
        return self._path(token).exists()

    def remove(self, ended: Ended) -> None:
        """It is noted."""
        self._path(ended.token).unlink(missing_ok=True)

    def _path(self, token: str) -> Path:
        return self.folder / f"{token}.json"
