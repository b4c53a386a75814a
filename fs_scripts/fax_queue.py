"""The runtime of this node: FreeSWITCH starts it (python.conf, startup-script), or `pyrun fax_queue`; one at a time.

`python fax_queue::stop` ends it without touching calls; `python fax_queue::alive` answers +OK: Python works.
"""

from typing import Any

import faxplan_switch

from faxplan.dialer import Dialer


def runtime(args: str) -> None:
    """Claims and dials faxes until FreeSWITCH stops."""
    try:
        faxplan_switch.stop_requested.clear()
        here = faxplan_switch.installation()
        switch = faxplan_switch.FreeSwitch()
        dialer = Dialer(switch, here.db, here.listener(), here.store, here.spool, here.journal, here.settings)
        faxplan_switch.log("notice", f"runtime of node {here.settings.node} starts")
        dialer.run()
        faxplan_switch.log("notice", "runtime ends")
    except BaseException as error:  # SystemExit and all: what leaves here may end FreeSWITCH
        faxplan_switch.log_failure("fax_queue", error)


def stop(session: Any, stream: Any, env: Any, args: str) -> None:
    """API: ends the runtime after its present step."""
    faxplan_switch.stop_requested.set()
    stream.write("+OK\n")


def alive(session: Any, stream: Any, env: Any, args: str) -> None:
    """API: answers, which shows that Python in the switch is not stuck."""
    stream.write("+OK\n")
