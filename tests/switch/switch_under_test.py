"""What the behaviour tests need of a switch, and what they do with it. Another switch joins as one more parameter.

Everything is watched from inside: scripts in the switch write JSON lines, so that both are asked in the same way.
"""

import json
import os
import textwrap
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
PATIENCE_SECONDS = 60.0

PRELUDE = """\
import json
import freeswitch

NOTES = {notes!r}

def note(kind, **values):
    with open(NOTES, "a") as file:
        file.write(json.dumps(dict(values, kind=kind)) + "\\n")

def settle(session, stream, env, args):
    note("hook", session=repr(session), args=args, env=json.loads(env.serialize("json")))
"""

RECORDER = """
def runtime(args):
    wanted = json.loads(bytes.fromhex(args).decode())
    consumer = freeswitch.EventConsumer()
    for name, subclass in wanted:
        consumer.bind(name, subclass)
    note("recording")
    while freeswitch.running():
        event = consumer.pop(1, 100)
        if event is None:
            continue
        if event.getHeader("Event-Subclass") == wanted[-1][1]:
            break
        note("event", type=event.getType(), body=event.getBody(), headers=json.loads(event.serialize("json")))
    note("recorded")
"""


class SwitchUnderTest(Protocol):
    """A running switch with mod_python, mod_spandsp and a profile that has the two gateways."""

    name: str
    script_dir: Path
    gateway: str
    """Reaches the test numbers (docs/bench.md): numbers that end in 9900 and three digits."""
    down_gateway: str
    """Is loaded and down."""
    own_prefix: str
    """Numbers with it, dialled through `gateway`, come back as inbound calls: `python fax_in` of script_dir."""

    def api(self, command: str) -> str:
        """The reply of an API command."""


class Probe:
    """One test's hand inside the switch: its scripts, the calls it makes, and what the scripts saw."""

    def __init__(self, switch: SwitchUnderTest, folder: Path) -> None:
        self.switch = switch
        self.folder = folder
        self._notes = folder / "notes.jsonl"
        self._events = folder / "events.jsonl"
        self._end = f"probe::end-{uuid.uuid4()}"

    def script(self, body: str, name: str | None = None, notes: Path | None = None) -> str:
        """Write a script; the module's name. `note(kind, **values)` and a hook `settle` are there already."""
        name = name or f"probe_{uuid.uuid4().hex[:12]}"
        source = PRELUDE.format(notes=str(notes or self._notes)) + textwrap.dedent(body)
        file = self.switch.script_dir / f"{name}.py"
        written = file.stat().st_mtime + 1 if file.exists() else 0.0
        file.write_text(source, encoding="utf-8")
        # Python takes a script of the same size and second for the one that it has compiled.
        written = max(written, time.time())
        os.utime(file, (written, written))
        return name

    def sender(self, tiff: Path, **variables: str) -> str:
        """A script that sets variables and sends the file."""
        return self.script(
            f"""
            def handler(session, args):
                for name, value in {variables!r}.items():
                    session.setVariable(name, value)
                session.execute("txfax", {str(tiff)!r})
                note("sent", args=args, fax_success=session.getVariable("fax_success"))
            """
        )

    def number(self, digits: str) -> str:
        return f"15559900{digits}"

    def dial(
        self,
        number: str,
        module: str,
        *,
        args: str = "17",
        gateway: str | None = None,
        cap_seconds: int = 600,
        **variables: str,
    ) -> str:
        """Originate in the background; the UUID of the job and of the channel. Values are written as they are."""
        call = str(uuid.uuid4())
        settings = {
            "origination_uuid": call,
            "origination_caller_id_number": "15557000",
            "ignore_early_media": "true",
            "originate_timeout": "5",
            "fax_enable_t38": "true",
            "fax_enable_t38_request": "false",
            "api_hangup_hook": f"'python::{module}::settle {args}'",
            "api_on_answer": f"'sched_hangup +{cap_seconds} {call} allotted_timeout'",
            "api_on_fax_success": f"'sched_hangup +3 {call} normal_clearing'",
            "api_on_fax_failure": f"'sched_hangup +3 {call} normal_clearing'",
        } | variables
        listed = ",".join(f"{name}={value}" for name, value in settings.items())
        where = f"sofia/gateway/{gateway or self.switch.gateway}/{number}"
        reply = self.switch.api(f"bgapi uuid:{call} originate {{{listed}}}{where} '&python({module} {args})'")
        assert reply == f"+OK Job-UUID: {call}\n"
        return call

    def notes(self, kind: str) -> list[dict[str, Any]]:
        return [item for item in _lines(self._notes) if item["kind"] == kind]

    def wait_for_note(self, kind: str) -> dict[str, Any]:
        return wait_for(lambda: self.notes(kind), f"{kind} noted")[0]

    def hook(self, call: str) -> dict[str, str]:
        """What the hangup hook of that call got: header names as FreeSWITCH has them, variable_* among them."""

        def found() -> dict[str, str] | None:
            return next((item["env"] for item in self.notes("hook") if item["env"].get("Unique-ID") == call), None)

        return wait_for(found, f"hangup hook of {call}")

    def record(self, *bindings: tuple[str, str]) -> None:
        """Start writing down events; before the call."""
        wanted = json.dumps([*bindings, ("CUSTOM", self._end)])
        module = self.script(RECORDER, notes=self._events)
        self.switch.api(f"pyrun {module} {wanted.encode().hex()}")
        wait_for(lambda: [item for item in _lines(self._events) if item["kind"] == "recording"], "recording")

    def events(self, call: str, type_: str, subclass: str = "") -> list[dict[str, str]]:
        """Headers of the events so far that belong to a call (or job)."""
        return [
            item["headers"]
            for item in _lines(self._events)
            if item["kind"] == "event"
            and item["type"] == type_
            and item["headers"].get("Event-Subclass", "") == subclass
            and call in (item["headers"].get("Unique-ID"), item["headers"].get("Job-UUID"))
        ]

    def job(self, call: str) -> str:
        """The body of the call's BACKGROUND_JOB; `record(("BACKGROUND_JOB", ""))` first."""

        def found() -> str | None:
            return next(
                (
                    item["body"]
                    for item in _lines(self._events)
                    if item["kind"] == "event" and item["headers"].get("Job-UUID") == call
                ),
                None,
            )

        return wait_for(found, f"BACKGROUND_JOB of {call}").strip()

    def wait_until_gone(self, call: str) -> None:
        """Until the channel is destroyed: its hook is over. `uuid_exists` is false before; FreeSWITCH's list lags."""
        wait_for(lambda: self.switch.api(f"uuid_exists {call}") == "false", f"{call} down")
        wait_for(lambda: call not in self.switch.api("show channels as json"), f"{call} gone")

    def end(self) -> None:
        """Stop recording, if it was begun."""
        if not self._events.exists():
            return
        ender = self.script(
            f"""
            def runtime(args):
                freeswitch.Event("CUSTOM", {self._end!r}).fire()
            """
        )
        self.switch.api(f"pyrun {ender}")
        wait_for(lambda: [item for item in _lines(self._events) if item["kind"] == "recorded"], "end of recording")


def wait_for(found: Callable[[], T | None], what: str) -> T:
    """The first truthy value; a failure that says what was missed where none comes."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        value = found()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {PATIENCE_SECONDS:.0f} s: {what}")
        time.sleep(0.02)


def _lines(file: Path) -> list[dict[str, Any]]:
    if not file.exists():
        return []
    # The last line may be half written.
    return [
        json.loads(line) for line in file.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")
    ]
