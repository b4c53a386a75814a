"""The carrier's hand: ends calls to the test numbers 02n, 03n and 04n after page n, which no dialplan can.

Of those to 05n, the first one alone.
"""

import re
import threading
import time
from pathlib import Path

from faxplan.errors import SwitchUnavailable
from faxplan.freeswitch_instance import Instance

DIALPLAN = Path(__file__).parent / "carrier_dialplan.xml"
DROPPED = re.compile(r"9900(02|03|04|05)(\d)$")
ONCE = "05"
# The receiver says "page" before the sender has its confirmation, 1.3 s later over T.38; the next page takes longer.
SECONDS_AFTER_PAGE = 2.0


class DropAfterPage:
    """A thread that listens to the carrier's page events."""

    def __init__(self, carrier: Instance) -> None:
        self._carrier = carrier
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, name="drop-after-page", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        if not self._thread.is_alive():
            return  # the switch did not start
        self._ends.set()
        self._thread.join(10)

    def _run(self) -> None:
        dropped: dict[str, str] = {}
        with self._carrier.connect() as connection:
            connection.subscribe("CUSTOM", "spandsp::rxfaxpageresult", "spandsp::rxfaxnegociateresult")
            while not self._ends.is_set():
                event = connection.next_event(0.2)
                if event is None:
                    continue
                number = DROPPED.search(event.headers.get("Caller-Destination-Number", ""))
                pages = 0
                if event.subclass == "spandsp::rxfaxpageresult":
                    pages = int(event.headers["fax-document-transferred-pages"])
                if number and pages == int(number[2]):
                    uuid = event.headers["Unique-ID"]
                    if number[1] == ONCE and dropped.setdefault(number.string, uuid) != uuid:
                        continue
                    threading.Thread(target=self._drop, args=(uuid,), daemon=True).start()

    def _drop(self, uuid: str) -> None:
        time.sleep(SECONDS_AFTER_PAGE)
        try:
            self._carrier.api(f"uuid_kill {uuid}")
        except SwitchUnavailable:
            return  # the fixture has stopped it; so has the call
