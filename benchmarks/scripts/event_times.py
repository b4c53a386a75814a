"""Runs in FreeSWITCH: writes when calls were answered and started applications, to the file that EVENT_TIMES names.

An event socket would not do, which looks for events every 20 ms; nor would the events' own times, whose clock moves in
such steps.
"""

import os
import time

import freeswitch


def runtime(args: str) -> None:  # noqa: ARG001 - mod_python3 gives it
    """A line an event: seconds of the monotonic clock, channel, event, application."""
    events = freeswitch.EventConsumer("CHANNEL_ANSWER")
    events.bind("CHANNEL_EXECUTE", "")
    with open(os.environ["EVENT_TIMES"], "a", buffering=1, encoding="ascii") as file:  # noqa: PTH123
        while freeswitch.running():
            event = events.pop(1, 500)
            if event is not None:
                words = (event.getHeader("Unique-ID"), event.getType(), event.getHeader("Application") or "-")
                file.write(f"{time.monotonic():.6f} {' '.join(words)}\n")
