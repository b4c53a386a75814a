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


def fsapi(session: Any, stream: Any, env: Any, args: str) -> None:
    """API: `python fax_queue NAME ...`, the same as `python fax_queue::NAME ...`."""
    name, _, rest = args.strip().partition(" ")
    _HERE.get(name, _answering(name or "help"))(session, stream, env, rest)


def _answering(name: str) -> Any:
    def answered(session: Any, stream: Any, env: Any, args: str) -> None:
        faxplan_switch.answer(stream, name, args)

    return answered


def __getattr__(name: str) -> Any:
    """mod_python3 asks for the function that a command names: of what is none, too, there is an answer."""
    if name.startswith("_") or name == "handler":
        raise AttributeError(name)
    return _answering(name)


_HERE = {"stop": stop, "start": start, "alive": alive}
status, calls, trunks, fax = _answering("status"), _answering("calls"), _answering("trunks"), _answering("fax")
pause, resume = _answering("pause"), _answering("resume")
