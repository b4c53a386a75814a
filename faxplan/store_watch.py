"""Whether the document store is there, with a word in the log when that changes."""

from faxplan.document_store import Store, StoreUnavailable
from faxplan.switch import Switch


class StoreWatch:
    """A runtime's look at the store. Without it no fax is dialled, and none fails."""

    def __init__(self, store: Store, switch: Switch) -> None:
        self._store = store
        self._switch = switch
        self._gone = False

    def is_there(self) -> bool:
        """Looks now."""
        try:
            self._store.check()
        except StoreUnavailable as error:
            if not self._gone:
                self._gone = True
                told = f"{error} Until then nothing new is dialled, and received faxes wait in pending/."
                self._switch.log("err", ascii(told)[:400])
            return False
        if self._gone:
            self._gone = False
            self._switch.log("notice", "the document store is there again")
        return True
