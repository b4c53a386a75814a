"""Dials through FreeSWITCH without Faxplan, with the scripts of tests/live/scripts, and reads what they wrote."""

import itertools
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from faxplan.dial_string import Dial, originate
from faxplan.event_socket import EventSocket, SwitchEvent
from faxplan.freeswitch_instance import Instance

T = TypeVar("T")
NUMBER = "+493023125001"
"""Whom `invite` calls as."""
_invites = itertools.count(100)


@dataclass(frozen=True)
class Live:
    """`folder`: where the scripts in `ours` write; `faxplan_port`: where the carrier reaches Faxplan itself."""

    ours: Instance
    carrier: Instance
    folder: Path
    faxplan_port: int

    def received(self) -> dict[str, dict[str, Any]]:
        """What fax_in wrote, by channel UUID."""
        return {path.name.split(".")[0]: json.loads(path.read_text()) for path in self.folder.glob("*.received.json")}

    def hook(self, attempt: str) -> dict[str, str] | None:
        path = self.folder / f"{attempt}.hook.json"
        return json.loads(path.read_text()) if path.exists() else None


@dataclass(frozen=True)
class Dialled:
    attempt: str
    job: str


def dial(connection: EventSocket, number: str, tiff: Path, gateway: str = "carrier", **variables: str) -> Dialled:
    """Start a call; values must not hold a comma, a space or a quote (a space is written \\s)."""
    attempt = str(uuid.uuid4())
    settings = {
        "origination_uuid": attempt,
        "origination_caller_id_number": "15557000",
        "ignore_early_media": "true",
        "originate_timeout": "30",
        "fax_enable_t38": "true",
        "execute_on_fax_result": r"sched_hangup\s+3\snormal_clearing",
        "api_hangup_hook": rf"python::probe_out::settle\s{attempt}",
        **variables,
    }
    listed = ",".join(f"{name}={value}" for name, value in settings.items())
    command = f"originate {{{listed}}}sofia/gateway/{gateway}/{number} '&python(probe_out {tiff})'"
    return Dialled(attempt, connection.bgapi(command, str(uuid.uuid4())))


def wait_for(found: Callable[[], T | None], seconds: float, what: str) -> T:
    """The first truthy value; a test fails, saying for what it waited, when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        value = found()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"no {what} within {seconds:.0f} s")
        time.sleep(0.1)


def job_result(connection: EventSocket, job: str, others: list[SwitchEvent]) -> str:
    """The BACKGROUND_JOB's output of that job; events that come before it are added to `others`."""

    def next_one() -> str | None:
        event = connection.next_event(0.2)
        if event is None:
            return None
        if event.name == "BACKGROUND_JOB" and event.headers["Job-UUID"] == job:
            return event.body.strip()
        others.append(event)
        return None

    return wait_for(next_one, 40, f"BACKGROUND_JOB of {job}")


def invite(ours: Instance, carriers_side: EventSocket, gateway: str = "carrier", **rule: Any) -> dict[str, str]:
    """Dials a number that is refused at once, by the product's dial string; what the carrier's channel knew of it.

    rule: fields of Dial. carriers_side: subscribed to CHANNEL_HANGUP_COMPLETE at the carrier.
    """
    called = f"+49309{next(_invites)}9900486"
    fields = {"t38": True, "ring_seconds": 10, "call_cap_seconds": 60, **rule}
    ours.api(f"bgapi {originate(Dial(17, str(uuid.uuid4()), gateway, called, NUMBER, **fields))}")

    def arrived() -> dict[str, str] | None:
        event = carriers_side.next_event(0.2)
        if event is None or event.headers.get("Caller-Destination-Number") != called:
            return None
        return event.headers

    headers = wait_for(arrived, 20, "INVITE at the carrier")
    return {name.removeprefix("variable_"): value for name, value in headers.items() if name.startswith("variable_")}
