"""The runtime of a node on a scripted switch, with real database, spool and journal."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from faxplan import dialer, runtime, salvage
from faxplan.call_result import CallResult
from faxplan.listener import Listener
from faxplan.pending import Pending
from faxplan.queue import CANCEL_CHANNEL, QUEUE_CHANNEL
from tests.scripted_switch import Clock, ScriptedSwitch
from tests.world import Office, World

SENT = CallResult("NORMAL_CLEARING", fax_success=True, fax_result_code=0, pages=3)
DROPPED = CallResult("NORMAL_CLEARING", fax_success=False, fax_result_code=49, pages=0)


class AtOnce(ThreadPoolExecutor):
    """Does what it is given before `submit` returns."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


class Runtime:
    """A node: `run(until)` works until a condition holds; the clock is the test's."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch, **settings: object) -> None:
        self.world = world
        self.switch = ScriptedSwitch(Clock(), world.spool, world.journal)
        for module in (dialer, runtime):
            monkeypatch.setattr(module, "time", self.switch.clock)
        # The clock's minutes are no time for a thread to work in.
        monkeypatch.setattr(salvage, "ThreadPoolExecutor", AtOnce)
        self.settings = replace(world.settings, **settings)  # type: ignore[arg-type]

    def run(self, until: Callable[[], bool]) -> None:
        self.switch.until = until
        self.switch.turns = 0
        listener = Listener(self.world.installation.url("faxplan_switch"), (QUEUE_CHANNEL, CANCEL_CHANNEL))
        try:
            runtime.Runtime(
                self.switch,
                self.world.switch,
                listener,
                self.world.store,
                self.world.spool,
                self.world.journal,
                Pending(self.settings.pending, self.world.store.confinement),
                self.settings,
            ).run()
        finally:
            listener.close()

    def settled(self, office: Office, fax_id: int, attempts: int = 1) -> Callable[[], bool]:
        """Whether so many calls of a fax have ended."""
        return lambda: sum(a["outcome"] is not None for a in self.world.attempts(office, fax_id)) >= attempts

    def final(self, office: Office, *fax_ids: int) -> Callable[[], bool]:
        """Whether these faxes have ended."""
        return lambda: all(self.world.fax(office, fax_id)["finished_at"] for fax_id in fax_ids)
