"""The outcome journal of a node: how calls ended, on disk before the database is asked.

One file an attempt, fsynced. It is written by the hangup hook, which touches no database, and taken by the runtime,
which settles it and removes the file. What a crash or a database outage left behind is settled at the next sweep.
"""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from faxplan.call_result import CallResult, without_channel
from faxplan.files import private_folder, sweep_partials, write_durably, write_new_durably

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the call of an attempt ended.

    channel_uuid: of its channel; a database that was restored gives the ids out again. None: written before it was
    noted.
    """

    tenant_id: int
    fax_id: int
    attempt_id: int
    result: CallResult
    channel_uuid: str | None = None

    def is_of(self, channel_uuid: str | None) -> bool:
        """Whether it may be of that call; it is where one of them is not known."""
        return None in (self.channel_uuid, channel_uuid) or self.channel_uuid == channel_uuid


class Journal:
    """The folder of outcomes that are not settled yet."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def prepare(self) -> None:
        """Makes the folder, private. Raises UnsafeFolder."""
        private_folder(self.folder)
        sweep_partials(self.folder)

    def write(self, outcome: Outcome) -> None:
        """Records an outcome durably.

        The first record of an attempt stays, but for one that knows only a cause (the runtime's, after an `-ERR`):
        the hangup hook may come after it, and knows more. One of another call with the same id goes.
        """
        target = self._path(outcome.attempt_id)
        content = {
            "tenant_id": outcome.tenant_id,
            "fax_id": outcome.fax_id,
            "attempt_id": outcome.attempt_id,
            "channel_uuid": outcome.channel_uuid,
            "result": outcome.result.as_dict(),
        }
        record = json.dumps(content).encode()
        if write_new_durably(target, record):
            return
        present = self.read(outcome.attempt_id)
        if present is None or not present.is_of(outcome.channel_uuid) or _knows_less(present.result, outcome.result):
            write_durably(target, record)

    def read(self, attempt_id: int) -> Outcome | None:
        """The outcome of an attempt; None where none waits, or where it cannot be read."""
        try:
            return _parsed(self._path(attempt_id).read_bytes())
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            # A damaged disk. Put aside, so that it is neither lost nor in the way; recovery settles the attempt.
            self._path(attempt_id).replace(self.folder / f"{attempt_id:d}.unreadable")
            return None

    def waiting(self) -> Iterator[Outcome]:
        """Every outcome that is not settled and can be read, oldest attempt first."""
        for path in sorted(self.folder.glob("[0-9]*.json"), key=lambda p: int(p.stem)):
            try:
                outcome = self.read(int(path.stem))
            except OSError:
                # This one's trouble; it is tried again, and the others are not to wait for it.
                LOG.exception("%s cannot be read", path)
                continue
            if outcome is not None:
                yield outcome

    def remove(self, attempt_id: int) -> None:
        """Forgets an outcome that the database has taken."""
        self._path(attempt_id).unlink(missing_ok=True)

    def _path(self, attempt_id: int) -> Path:
        return self.folder / f"{attempt_id:d}.json"


def _knows_less(present: CallResult, result: CallResult) -> bool:
    return _knows_only_a_cause(present) and not _knows_only_a_cause(result)


def _knows_only_a_cause(result: CallResult) -> bool:
    return replace(result, ended_at=0.0) == without_channel(result.hangup_cause, ended_at=0.0)


def _parsed(content: bytes) -> Outcome:
    value = json.loads(content)
    result = CallResult(**value["result"])
    return Outcome(value["tenant_id"], value["fax_id"], value["attempt_id"], result, value.get("channel_uuid"))
