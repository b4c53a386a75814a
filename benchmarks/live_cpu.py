"""CPU-seconds per sent fax of the sending FreeSWITCH: one page over T.38, a bare `&txfax(path)` over the event socket.

    python benchmarks/live_cpu.py [calls] [calls a second]

Two FreeSWITCH instances on 127.0.0.1 (tests/live's carrier receives). This is the yardstick for what Faxplan may add:
for another way of dialling, call `measure` with it on the same two instances, interleaved with the bare one.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from PIL import Image, ImageDraw

from faxplan.event_socket import EventSocket
from faxplan.free_ports import free_sip_port
from faxplan.freeswitch_found import find
from faxplan.freeswitch_instance import Instance, InstanceOptions
from faxplan.gateways import Gateway
from tests.live.carrier import DIALPLAN

RECEIVER_NUMBER = "15559900000"
# A one-page call takes about 20 s, most of it T.30's own pauses.
SECONDS_FOR_A_CALL = 120.0
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Measured:
    """`cpu_seconds_per_call`: of the sending FreeSWITCH, idling included. `sent`: calls with fax_success."""

    calls: int
    sent: int
    wall_seconds: float
    cpu_seconds_per_call: float


def cpu_seconds(pid: int) -> float:
    """User and system time of a process and all its threads so far (proc_pid_stat(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def measure(sender: Instance, dial: Callable[[int], None], calls: int, rate: float) -> Measured:
    """Call `dial(n)` for n from 0, `rate` times a second, and count until that many faxes have ended on `sender`."""
    with sender.connect() as results:
        results.subscribe("CUSTOM", "spandsp::txfaxresult")
        cpu, began = cpu_seconds(sender.pid), time.monotonic()
        ended = sent = 0
        for number in range(calls):
            dial(number)
            time.sleep(max(0.0, began + (number + 1) / rate - time.monotonic()))
        deadline = time.monotonic() + SECONDS_FOR_A_CALL
        while ended < calls and time.monotonic() < deadline:
            event = results.next_event(1)
            if event is not None:
                ended += 1
                sent += event.headers.get("fax-success") == "1"
        # Until the last call is torn down: hangup hooks are part of the price.
        while not sender.api("show channels count").strip().startswith("0 ") and time.monotonic() < deadline:
            time.sleep(0.2)
        spent = cpu_seconds(sender.pid) - cpu
    return Measured(calls, sent, time.monotonic() - began, spent / calls)


def bare_txfax(connection: EventSocket, tiff: Path) -> Callable[[int], None]:
    """A dial for `measure`: no script, no hook."""
    variables = (
        "{ignore_early_media=true,fax_enable_t38=true,execute_on_fax_result=sched_hangup\\s+3\\snormal_clearing}"
    )

    def dial(_number: int) -> None:
        connection.bgapi(f"originate {variables}sofia/gateway/carrier/{RECEIVER_NUMBER} &txfax({tiff})")

    return dial


@contextmanager
def two_switches(base: Path, script_dir: Path) -> Iterator[tuple[Instance, Instance]]:
    """The sending one and the carrier, without a limit that a measurement would meet."""
    found = find()
    if found is None or found.missing:
        sys.exit("live_cpu: not run, FreeSWITCH with mod_python3 is not installed; see docs/install-on-freeswitch.md")
    sender_port, carrier_port = free_sip_port(), free_sip_port()
    python = Path(sys.executable)
    to_carrier, to_sender = Gateway("carrier", "127.0.0.1", carrier_port), Gateway("ours", "127.0.0.1", sender_port)
    sender = Instance(
        found,
        InstanceOptions(
            base / "sender",
            script_dir,
            python,
            name="sender",
            sip_port=sender_port,
            startup_scripts=(),
            gateways=(to_carrier,),
            sessions_per_second=500,
            log_level="warning",
        ),
    )
    carrier = Instance(
        found,
        InstanceOptions(
            base / "carrier",
            script_dir,
            python,
            name="carrier",
            sip_port=carrier_port,
            startup_scripts=(),
            gateways=(to_sender,),
            dialplan=DIALPLAN,
            sessions_per_second=500,
            log_level="warning",
        ),
    )
    try:
        carrier.start()
        sender.start()
        yield sender, carrier
    finally:
        sender.stop()
        carrier.stop()


def one_page(path: Path) -> Path:
    """A4, fine, with text-like content of an ordinary letter's density."""
    page = Image.new("1", (1728, 2200), 1)
    draw = ImageDraw.Draw(page)
    for row in range(200, 2000, 30):
        draw.text((150, row), f"{row} The quick brown fox jumps over the lazy dog. " * 4, fill=0)
    page.save(path, compression="group4", dpi=(204, 196))
    return path


def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    rate = float(sys.argv[2]) if len(sys.argv) > 2 else 4.0
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        tiff = one_page(base / "page.tif")
        with two_switches(base, base) as (sender, carrier):
            idle, began = cpu_seconds(sender.pid), time.monotonic()
            time.sleep(5)
            idle = (cpu_seconds(sender.pid) - idle) / (time.monotonic() - began)
            runs = []
            for _ in range(3):
                received = cpu_seconds(carrier.pid)
                with sender.connect() as connection:
                    run = measure(sender, bare_txfax(connection, tiff), calls, rate)
                runs.append(run)
                received = (cpu_seconds(carrier.pid) - received) / calls
                print(
                    f"bare txfax: {run.sent} of {run.calls} sent in {run.wall_seconds:.1f} s, at {rate:g} a second; "
                    f"{run.cpu_seconds_per_call:.3f} CPU-seconds a call sending, {received:.3f} receiving"
                )
            median = statistics.median(run.cpu_seconds_per_call for run in runs)
            print(f"bare txfax: median {median:.3f} CPU-seconds a call sending; idle {idle:.3f} CPU-seconds a second")


if __name__ == "__main__":
    main()
