"""The calls that a runtime has claimed, and what the switch has told of calls, until the database knows it."""

from collections.abc import Iterator
from dataclasses import dataclass

from faxplan import queue
from faxplan.claims import ClaimedFax
from faxplan.db import Database


@dataclass(slots=True)
class LiveCall:
    """A call that this runtime has claimed. Times are monotonic.

    dialled_at: when its originate was; None: not yet. has_channel: the switch made one. error: the cause of its `-ERR`.
    grace_until: when to look whether that is all there will be; None: there is nothing to look for.
    """

    fax: ClaimedFax
    dialled_at: float | None = None
    has_channel: bool = False
    error: str | None = None
    grace_until: float | None = None


class LiveCalls:
    """Those of one runtime, by channel UUID and by attempt; pages and starts also of calls that came in."""

    def __init__(self) -> None:
        self._calls: dict[str, LiveCall] = {}
        self._channel_of: dict[int, str] = {}
        self._pages: dict[str, int] = {}
        self._started: set[str] = set()

    def __iter__(self) -> Iterator[LiveCall]:
        return iter(self._calls.values())

    def __len__(self) -> int:
        return len(self._calls)

    def __contains__(self, attempt_id: int) -> bool:
        return attempt_id in self._channel_of

    def seen(self) -> list[tuple[LiveCall, int]]:
        """Every call, with its pages that the database may not know yet; for any thread: the list is a copy."""
        return [(call, self._pages.get(call.fax.channel_uuid, 0)) for call in list(self._calls.values())]

    def add(self, fax: ClaimedFax) -> None:
        """It was claimed."""
        self._calls[fax.channel_uuid] = LiveCall(fax)
        self._channel_of[fax.attempt_id] = fax.channel_uuid

    def on_channel(self, channel_uuid: str) -> LiveCall | None:
        """The call with this channel; None where it is not this runtime's."""
        return self._calls.get(channel_uuid)

    def of_attempt(self, attempt_id: int) -> LiveCall | None:
        """The call of this attempt; None where it is not this runtime's."""
        return self._calls.get(self._channel_of.get(attempt_id, ""))

    def forget(self, attempt_id: int) -> None:
        """It is settled."""
        channel_uuid = self._channel_of.pop(attempt_id, "")
        self._calls.pop(channel_uuid, None)
        self._pages.pop(channel_uuid, None)
        self._started.discard(channel_uuid)

    def dialled_since(self, oldest: float) -> set[int]:
        """Attempts whose originate was later than that."""
        return {call.fax.attempt_id for call in self if call.dialled_at is not None and call.dialled_at > oldest}

    def note_start(self, channel_uuid: str) -> None:
        """The two machines agreed on a transmission."""
        self._started.add(channel_uuid)

    def note_pages(self, channel_uuid: str, pages: int) -> None:
        """So many pages of the call are done. Never goes back."""
        self._pages[channel_uuid] = max(pages, self._pages.get(channel_uuid, 0))

    def pages_told(self, attempt_id: int) -> int:
        """Pages of a call of this runtime that the database may not know yet."""
        return self._pages.get(self._channel_of.get(attempt_id, ""), 0)

    @property
    def untold(self) -> bool:
        """Whether there is something that the database does not know yet."""
        return bool(self._pages or self._started)

    def record(self, db: Database) -> None:
        """Tells the database, in one transaction. Raises DatabaseUnavailable: all is kept for later."""
        if not self.untold:
            return
        with db.across_tenants() as tx:
            # Faxes before calls: the order of locks in queue.py.
            for channel_uuid in self._started:
                if (call := self._calls.get(channel_uuid)) is not None:
                    tx.enter_tenant(call.fax.tenant_id)
                    queue.mark_sending(tx, call.fax.tenant_id, call.fax.fax_id)
            for channel_uuid, pages in self._pages.items():
                queue.record_pages(tx, channel_uuid, pages)
        self._pages.clear()
        self._started.clear()
