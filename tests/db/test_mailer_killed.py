"""The mailer is killed at random, and the database goes and comes, while mails go out by a real mail server.

Each mail is in its mailbox; one that is there twice was in hand at a kill, and what its server had said was on no disk.
"""

import os
import random
import re
import signal
import socket
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from faxplan import outbox
from faxplan.db import Database
from faxplan.key_folder import KeyFolder
from faxplan.listener import Listener
from faxplan.mail_journal import MailJournal
from faxplan.mailbox_mail import Mode
from faxplan.mailer import Mailer
from faxplan.relay_session import RelaySession
from tests import mta
from tests.db.test_mailer import add, choose, keys, received
from tests.db.test_mta import READER, SENDER, postfix, running
from tests.mailing import mails, to_be_mailed
from tests.mta import Postfix
from tests.world import World

__all__ = ["keys", "postfix", "running"]

pytestmark = [
    pytest.mark.skipif(not mta.available(), reason=mta.MISSING),
    pytest.mark.xdist_group("postfix"),
]


_PATIENCE_SECONDS = 10
_MESSAGE_ID = re.compile(rf"^Message-ID: <(\S+)@{SENDER.partition('@')[2]}>".encode(), re.MULTILINE)


@dataclass(frozen=True)
class Plan:
    """seconds: so long a mailer lives, at most. outages: in one of so many lives the database goes."""

    mails: int
    seconds: float
    seed: int
    outages: int


STEPS: Sequence[tuple[Any, str]] = (
    (RelaySession, "hand_over"),
    (MailJournal, "write"),
    (outbox, "end"),
    (MailJournal, "remove"),
)
"""Of each mail, one after another."""


def dies_after(step: tuple[Any, str], count: int) -> None:
    """This process, once it has done that so often."""
    where, name = step
    does, left = getattr(where, name), [count]

    def done(*arguments: Any, **named: Any) -> Any:
        came = does(*arguments, **named)
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return came

    setattr(where, name, done)


def in_a_process(world: World, keys: KeyFolder, dies: tuple[tuple[Any, str], int] | None) -> int:
    """A mailer at work; its process id. dies: after which step, and how many of these."""
    child = os.fork()
    if child == 0:
        try:
            if dies is not None:
                dies_after(*dies)
            url = world.installation.url("faxplan_worker")
            name = f"{socket.gethostname()}:{os.getpid()}"
            Mailer(Database(url), Listener(url, (outbox.CHANNEL,)), world.store, keys, world.settings, name=name).run()
        finally:
            os._exit(1)
    return child


def _is_dead(child: int) -> bool:
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


class Killing:
    """kills: so many while mails waited. in_hand: mails that had come at a kill, and of which nothing was noted."""

    def __init__(self, world: World, keys: KeyFolder, postfix: Postfix, plan: Plan) -> None:
        self._world, self._keys, self._postfix, self._plan = world, keys, postfix, plan
        self._random = random.Random(plan.seed)  # noqa: S311 - no secret
        self._settled: Counter[str] = Counter()
        self.kills = 0
        self.in_hand: list[str] = []

    def run(self) -> Counter[str]:
        """Until nothing waits any more; how often each mail has come, by its token."""
        while self._waiting():
            # Half of them where it hurts, half of them anywhere.
            step = self._random.choice([*STEPS, *[None] * len(STEPS)])
            dies = None if step is None else (step, self._random.randint(1, 9))
            child = in_a_process(self._world, self._keys, dies)
            try:
                self._live(child, self._random.uniform(0, self._plan.seconds) if dies is None else _PATIENCE_SECONDS)
            finally:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                self._world.installation.let_in(anybody=True)
            self.kills += 1
            self._look()
        return self._came()

    def _live(self, child: int, seconds: float) -> None:
        ends = time.monotonic() + seconds
        while time.monotonic() < ends and self._waiting() and not _is_dead(child):
            time.sleep(0.005)
        if self._random.randrange(self._plan.outages) == 0:
            self._world.installation.let_in(anybody=False)
            time.sleep(self._random.uniform(0, self._plan.seconds))

    def _look(self) -> None:
        """What is noted, in the journal or in the database, has come and never comes again."""
        noted = {path.stem for path in self._world.settings.mail_journal.glob("*.json")}
        noted |= {row["token"] for row in mails(self._world, self._world.acme.user) if row["state"] != "waiting"}
        came = self._came()
        for token, count in self._settled.items():
            assert came[token] == count, "what was noted has gone out again"
        assert noted <= came.keys(), "what was noted has not come"
        unknown = came.keys() - noted - set(self.in_hand)
        assert len(unknown) <= 1, "a mailer has one mail in hand"
        self.in_hand += unknown
        self._settled = Counter({token: came[token] for token in noted})

    def _came(self) -> Counter[str]:
        self._postfix.await_empty_queue()
        return Counter(token.decode() for raw in self._postfix.delivered(READER) for token in _MESSAGE_ID.findall(raw))

    def _waiting(self) -> bool:
        with self._world.worker.tenant(self._world.acme.tenant.id) as tx:
            return bool(tx.value("select exists (select from outbox where state = 'waiting')"))


@pytest.mark.parametrize(
    "plan",
    [
        pytest.param(Plan(mails=40, seconds=0.3, seed=1, outages=4), id="few"),
        pytest.param(
            Plan(mails=1000, seconds=0.6, seed=2, outages=6), id="many",
            marks=[pytest.mark.soak, pytest.mark.timeout(3600)],
        ),
    ],
)  # fmt: skip
def test_each_mail_comes_and_twice_only_what_was_in_hand(
    world: World, keys: KeyFolder, postfix: Postfix, plan: Plan
) -> None:
    add(world, READER)
    choose(world, Mode.PLAIN)
    received(world)
    # The same fax, again and again: what of it could be read goes when the last is out.
    with world.switch.tenant(world.acme.tenant.id) as tx:
        tx.execute(
            """insert into notices (tenant_id, mailbox_id, fax_id, kind, text)
               select %s, mailbox_id, fax_id, kind, text from notices, generate_series(2, %s)""",
            (world.acme.tenant.id, plan.mails),
        )
    killing = Killing(world, keys, postfix, plan)
    came = killing.run()
    rows = mails(world, world.acme.user)
    assert {row["token"] for row in rows} == came.keys()
    assert [row["sent_as"] for row in rows] == ["plain"] * plan.mails
    twice = [token for token, count in came.items() if count > 1]
    print(f"{plan.mails} mails, {killing.kills} kills: {len(killing.in_hand)} in hand, {len(twice)} came twice")
    assert killing.kills > 2
    assert set(twice) <= set(killing.in_hand)
    assert came.total() - plan.mails <= killing.kills
    assert to_be_mailed(world.worker) == []
    assert not list(world.settings.mail_journal.iterdir())
