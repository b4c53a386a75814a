"""The runtime of this node: FreeSWITCH starts it (python.conf, startup-script), or `pyrun fax_queue`; one at a time.

`python fax_queue::stop` ends it without touching calls, for good: neither guard nor a restart of FreeSWITCH starts
it again, but `python fax_queue::start`. `python fax_queue::alive` answers +OK and the release: Python works.
What else an operator asks at fs_cli, `python fax_queue::status` and so on, faxplan/switch_answers.py answers; `python
fax_queue::help` lists it. `python fax_queue status` is the same.
"""

from typing import Any

import faxplan_switch

from faxplan import release
from faxplan.files import write_durably
from faxplan.runtime import Runtime


def runtime(args: str) -> None:
    """Claims and dials faxes until FreeSWITCH stops."""
    try:
        here = faxplan_switch.installation()
        if here.settings.stop_file.exists():
            faxplan_switch.log("notice", "the runtime was stopped on purpose; `python fax_queue::start` starts it")
            return
        switch = faxplan_switch.FreeSwitch(here.settings.stop_file)
        the_runtime = Runtime(
            switch, here.db, here.listener(), here.store, here.spool, here.journal, here.pending, here.settings
        )
        faxplan_switch.log("notice", f"runtime of node {here.settings.node} starts")
        with faxplan_switch.at_work(the_runtime):
            the_runtime.run()
        faxplan_switch.log("notice", "runtime ends")
    except BaseException as error:  # SystemExit and all: what leaves here may end FreeSWITCH
        faxplan_switch.log_failure("fax_queue", error)


def stop(session: Any, stream: Any, env: Any, args: str) -> None:
    """API: ends the runtime after its present step, until `start`."""
    try:
        write_durably(faxplan_switch.installation().settings.stop_file, b"by fax_queue::stop\n")
        stream.write("+OK\n")
    except BaseException as error:
        faxplan_switch.log_failure("fax_queue::stop", error)
        stream.write("-ERR see the log\n")


def start(session: Any, stream: Any, env: Any, args: str) -> None:
    """API: lets the runtime run again, and starts it."""
    try:
        faxplan_switch.installation().settings.stop_file.unlink(missing_ok=True)
        faxplan_switch.start_runtime()
        stream.write("+OK\n")
    except BaseException as error:
        faxplan_switch.log_failure("fax_queue::start", error)
        stream.write("-ERR see the log\n")


def alive(session: Any, stream: Any, env: Any, args: str) -> None:
    """API: answers, which shows that Python in the switch is not stuck, and with which release."""
    stream.write(f"+OK {release.NAME}".rstrip() + "\n")


def status(session: Any, stream: Any, env: Any, args: str) -> None:
    """API: this node, and the queue."""
    faxplan_switch.answer(stream, "status", args)


def calls(session: Any, stream: Any, env: Any, args: str) -> None:
    """API: calls of this node."""
    faxplan_switch.answer(stream, "calls", args)


def trunks(session: Any, stream: Any, env: Any, args: str) -> None:
    """API: every trunk."""
    faxplan_switch.answer(stream, "trunks", args)


def fax(session: Any, stream: Any, env: Any, args: str) -> None:
    """API: where one fax stands."""
    faxplan_switch.answer(stream, "fax", args)


def pause(session: Any, stream: Any, env: Any, args: str) -> None:
    """API: nothing new is dialled on this node."""
    faxplan_switch.answer(stream, "pause", args)


def resume(session: Any, stream: Any, env: Any, args: str) -> None:
    """API: it dials again."""
    faxplan_switch.answer(stream, "resume", args)


def help(session: Any, stream: Any, env: Any, args: str) -> None:  # noqa: A001 - what people type
    """API: what there is to ask."""
    faxplan_switch.answer(stream, "help", args)


def fsapi(session: Any, stream: Any, env: Any, args: str) -> None:
    """API: `python fax_queue NAME ...`, the same as `python fax_queue::NAME ...`."""
    name, _, rest = args.strip().partition(" ")
    here = {"stop": stop, "start": start, "alive": alive}
    if name in here:
        here[name](session, stream, env, rest)
    else:
        faxplan_switch.answer(stream, name or "help", rest)


def __getattr__(name: str) -> Any:
    """mod_python3 asks for the function that a command names: of what is none, too, there is an answer."""
    if name.startswith("_") or name == "handler":
        raise AttributeError(name)
    return lambda session, stream, env, args: faxplan_switch.answer(stream, name, args)  # noqa: ARG005 - as it calls
