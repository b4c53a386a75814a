"""Whether this node's spool takes what a call needs, with a word in the log when that changes.

A node whose disk is full fails each fax at once, and so would take one after the other from nodes that are well.
"""

import os
import shutil
import time

from faxplan.spool import Spool
from faxplan.switch import Switch

LEAST_BYTES = 8 << 20
"""Of room, below which nothing is dialled: some calls' pages."""
TRIED_BYTES = 1 << 20
AGAIN_SECONDS = 10.0
"""Between two tries of a disk on which something could not be written."""


class SpoolWatch:
    """A runtime's look at the spool. Where it takes nothing no fax is dialled, and other nodes have them."""

    def __init__(self, spool: Spool, switch: Switch) -> None:
        self._folder = spool.outbound
        self._switch = switch
        self._told = ""
        self._failed = False
        self._next_try = 0.0

    def failed(self) -> None:
        """A call could not be written: it is tried before the next is claimed."""
        self._failed = True

    def is_well(self) -> bool:
        """Looks now."""
        wrong = self._wrong()
        if wrong and wrong != self._told:
            told = f"{wrong} Nothing new is dialled on this node until it takes files; other nodes dial."
            self._switch.log("crit", ascii(told)[1:-1][:400])
        if self._told and not wrong:
            self._switch.log("notice", "the spool takes files again")
        self._told = wrong
        return not wrong

    def _wrong(self) -> str:
        try:
            room = shutil.disk_usage(self._folder)
            # ramfs counts none, nor does a tmpfs without a limit.
            if room.total and room.free < LEAST_BYTES:
                return f"The spool {self._folder} has less than {LEAST_BYTES >> 20} MB of room."
            if self._failed:
                if time.monotonic() < self._next_try:
                    return self._told or f"The spool {self._folder} has just failed."
                self._next_try = time.monotonic() + AGAIN_SECONDS
                self._try()
                self._failed = False
        except OSError as error:
            return f"The spool {self._folder} cannot be written ({error.strerror})."
        return ""

    def _try(self) -> None:
        file = self._folder / ".tried"
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "wb") as writer:
                writer.write(bytes(TRIED_BYTES))
                writer.flush()
                os.fsync(writer.fileno())
        finally:
            file.unlink(missing_ok=True)
