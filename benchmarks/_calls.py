"""Calls between FreeSWITCH instances, and what they cost: processor time."""

import os
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from faxplan.event_socket import EventSocket
from faxplan.freeswitch_instance import Instance
from faxplan.postgres import Cluster

# A one-page call takes about 20 s, most of it T.30's own pauses.
SECONDS_FOR_A_CALL = 120.0
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Load:
    """So many calls, so many of them begun a second."""

    calls: int
    rate: float


@dataclass(frozen=True)
class Measured:
    """`sent`: calls with fax_success. CPU-seconds per call: of FreeSWITCH, idling included, and of PostgreSQL."""

    calls: int
    sent: int
    wall_seconds: float
    cpu: float
    database: float


@dataclass(frozen=True)
class Letter:
    """What a bare txfax sends."""

    tiff: Path
    ident: str
    header: str


@dataclass(frozen=True)
class Meter:
    """Counts what `counted` spends on the calls that `sender` makes, until all are torn down and `settled`."""

    counted: Instance
    sender: Instance
    cluster: Cluster
    settled: Callable[[], bool] = lambda: True

    def run(self, dial: Callable[[int], None], load: Load) -> Measured:
        """Call `dial(n)` for n from 0, and wait until that many faxes have ended on `sender`."""
        with self.sender.connect() as results:
            results.subscribe("CUSTOM", "spandsp::txfaxresult")
            cpu, database, began = cpu_seconds(self.counted.pid), database_seconds(self.cluster), time.monotonic()
            for number in range(load.calls):
                dial(number)
                time.sleep(max(0.0, began + (number + 1) / load.rate - time.monotonic()))
            deadline = time.monotonic() + SECONDS_FOR_A_CALL
            sent = _sent(results, load.calls, deadline)
            # Hangup hooks and what follows them are part of the price.
            while not self._over() and time.monotonic() < deadline:
                time.sleep(0.2)
            cpu, database = cpu_seconds(self.counted.pid) - cpu, database_seconds(self.cluster) - database
        took = time.monotonic() - began
        return Measured(load.calls, sent, took, cpu / load.calls, database / load.calls)

    def _over(self) -> bool:
        quiet = all(each.api("show channels count").strip().startswith("0 ") for each in (self.sender, self.counted))
        return quiet and self.settled()


def _sent(results: EventSocket, calls: int, deadline: float) -> int:
    """How many of so many faxes succeeded."""
    ended = sent = 0
    while ended < calls and time.monotonic() < deadline:
        if event := results.next_event(1):
            ended += 1
            sent += event.headers.get("fax-success") == "1"
    return sent


def bare_txfax(connection: EventSocket, destination: str, letter: Letter) -> Callable[[int], None]:
    """A dial for `Meter.run`: no script, no hook. `destination`: gateway/number."""
    header = letter.header.replace(" ", "\\s")
    variables = (
        "{ignore_early_media=true,fax_enable_t38=true,fax_enable_t38_request=false,"
        f"fax_ident={letter.ident},fax_header={header},"
        "execute_on_fax_result=sched_hangup\\s+3\\snormal_clearing}"
    )

    def dial(_number: int) -> None:
        connection.bgapi(f"originate {variables}sofia/gateway/{destination} &txfax({letter.tiff})")

    return dial


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, all its threads, and its children: those that live, and that have ended.

    proc_pid_stat(5), fields 14 to 17. A bare FreeSWITCH has no children; Faxplan's makes PDFs and images in them.
    """
    spent, children = {}, defaultdict(list)
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = _stat(path)
        except OSError:
            continue  # it has just ended, and its parent has its time
        number = int(path.parent.name)
        spent[number] = sum(int(field) for field in fields[11:15])
        children[int(fields[1])].append(number)
    of_tree, waiting = 0, [pid]
    while waiting:
        number = waiting.pop()
        of_tree += spent.get(number, 0)
        waiting += children[number]
    return of_tree / TICKS_PER_SECOND


def database_seconds(cluster: Cluster) -> float:
    """CPU-seconds of PostgreSQL: the server, with its ended children, and those that live."""
    server = str(cluster.pid())
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = _stat(path)
        except (FileNotFoundError, ProcessLookupError):
            continue  # ended meanwhile; the server has its time
        if path.parent.name == server:
            ticks += sum(int(field) for field in fields[11:15])
        elif fields[1] == server:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS_PER_SECOND


def _stat(path: Path) -> list[str]:
    """The fields from the third on: the second, the name, may hold anything."""
    return path.read_text().rpartition(")")[2].split()
