"""Senders are killed at random while they tell: each message comes, and twice only what was in hand at a kill."""

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from faxplan import webhook_events, webhooks
from faxplan.db import Database
from faxplan.listener import Listener
from faxplan.web_client import WebClient
from faxplan.webhook_sender import THREADS, WebhookSender
from faxplan.webhooks import Event
from tests.db.test_webhooks import a_name
from tests.retained import execute, sent
from tests.webhook_receiver import Receiver, an_endpoint
from tests.world import World

_PATIENCE_SECONDS = 10
STEPS: tuple[tuple[Any, str], ...] = ((WebClient, "hand"), (webhook_events, "delivered"), (webhook_events, "let_go"))


def _a_life(world: World, step: tuple[Any, str] | None, count: int) -> int:
    """A sender at work; its process id. step: after so many of these it is dead."""
    child = os.fork()
    if child == 0:
        try:
            if step is not None:
                where, name = step
                does, left = getattr(where, name), [count]

                def done(*given: Any, **named: Any) -> Any:
                    came = does(*given, **named)
                    left[0] -= 1
                    if left[0] <= 0:
                        os.kill(os.getpid(), signal.SIGKILL)
                    return came

                setattr(where, name, done)
            url = world.installation.url("faxplan_worker")
            WebhookSender(Database(url), Listener(url, (webhooks.CHANNEL,)), world.settings, name=a_name()).run()
        finally:
            os._exit(1)
    return child


def _noted(world: World) -> Counter[str]:
    """What was delivered, at how many endpoints; and `waiting`."""
    with world.worker.tenant(world.acme.tenant.id) as tx:
        return Counter(
            row["message"] if row["state"] == "delivered" else "waiting"
            for row in tx.rows("select message, state from webhook_deliveries")
        )


@pytest.mark.parametrize(
    ("messages", "seed"), [(60, 1), pytest.param(2000, 2, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])]
)
def test_each_message_comes_and_twice_only_what_was_in_hand(
    world: World, tmp_path: Path, messages: int, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    with Receiver(tmp_path / "tls") as receiver:
        receiver.allowed(world)
        for _endpoint in range(3):
            an_endpoint(world, world.acme, receiver.address, (Event.SENT,))
        sent(world, world.acme)
        execute(
            world,
            """insert into webhook_deliveries (tenant_id, endpoint_id, message, type, at, fax_id, direction, fax_state)
               select tenant_id, endpoint_id, 'msg_' || n, type, at, fax_id, direction, fax_state
               from webhook_deliveries, generate_series(2, %s) n""",
            (messages,),
        )
        kills, in_hand = 0, 0
        settled: dict[str, int] = {}
        while _noted(world)["waiting"]:
            # Half of them where it hurts, half of them anywhere.
            step = chance.choice([*STEPS, *[None] * len(STEPS)])
            child = _a_life(world, step, chance.randint(1, messages // 3))
            ends = time.monotonic() + (chance.uniform(0, 0.5) if step is None else _PATIENCE_SECONDS)
            while time.monotonic() < ends and _noted(world)["waiting"] and not _is_dead(child):
                time.sleep(0.01)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            kills += 1
            # Requests that it had sent are answered, and counted.
            time.sleep(0.05)
            noted, came = _noted(world), Counter(told.id for told in receiver.told)
            del noted["waiting"]
            assert all(came[message] >= count for message, count in noted.items()), "what was noted has not come"
            in_hand += came.total() - noted.total() - in_hand
            assert in_hand <= kills * THREADS
            assert all(came[message] == count for message, count in settled.items()), "what was noted has come again"
            settled = {message: came[message] for message, count in noted.items() if count == 3}
        print(f"{3 * messages} deliveries, {kills} kills, {in_hand} came twice")
        assert kills > 2
        assert set(came) == set(noted)
        assert set(noted.values()) == {3}


def _is_dead(child: int) -> bool:
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
