"""PostgreSQL goes away while calls go on: nothing is lost. Each test has a cluster of its own, to be stopped."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from faxplan import postgres
from faxplan.call_result import CallResult
from faxplan.errors import DatabaseUnavailable
from faxplan.installation import create_installation
from faxplan.listener import Listener
from faxplan.postgres import Cluster
from faxplan.switch import FaxStarted, PageDone
from tests.faxes import audited, due_now, noticed, queued
from tests.installations import Installation
from tests.runtime import DROPPED, SENT, Runtime
from tests.scripted_switch import Originate
from tests.world import World, world_on


@pytest.fixture
def installation() -> Iterator[Installation]:
    directory = Path(tempfile.mkdtemp(prefix="faxplan-outage-test-"))
    directory.chmod(0o711)
    # Durable: what was committed must be there after a crash.
    cluster = postgres.start(directory / "data")
    create_installation(cluster.superuser_url(), "faxplan")
    yield Installation(cluster, "faxplan")
    cluster.kill9()
    shutil.rmtree(cluster.data_dir)
    if cluster.socket_dir != cluster.data_dir:
        shutil.rmtree(cluster.socket_dir)
    shutil.rmtree(directory)


@pytest.fixture
def world(installation: Installation, tmp_path: Path) -> Iterator[World]:
    with world_on(installation, tmp_path) as made:
        yield made


@pytest.fixture
def runtime(world: World, monkeypatch: pytest.MonkeyPatch) -> Runtime:
    return Runtime(world, monkeypatch)


def outage_during_the_call(
    world: World, runtime: Runtime, down: Callable[[Cluster], None], result: CallResult, pages: int
) -> Callable[[], bool]:
    """The database goes when the call is answered, and comes back when the runtime has noticed. Whether it is back."""
    cluster = world.installation.cluster
    back: list[Cluster] = []

    def answered(call: Originate) -> None:
        if not back:
            down(cluster)
        runtime.switch.tell(FaxStarted(call.uuid), *(PageDone(call.uuid, page + 1) for page in range(pages)))
        runtime.switch.ends(call, result)

    def is_back() -> bool:
        if not back and any("nothing new is dialled" in line for line in runtime.switch.logged):
            back.append(postgres.start(cluster.data_dir))
        return bool(back)

    runtime.switch.on_originate = answered
    return is_back


@pytest.mark.parametrize("down", [Cluster.stop, Cluster.kill9], ids=["stopped", "killed"])
def test_a_fax_that_succeeds_meanwhile_is_sent_once(
    world: World, runtime: Runtime, down: Callable[[Cluster], None]
) -> None:
    fax_id = queued(world, world.acme, pages=3)
    is_back = outage_during_the_call(world, runtime, down, SENT, 3)
    final = runtime.final(world.acme, fax_id)
    runtime.run(lambda: is_back() and final())
    assert world.fax(world.acme, fax_id)["state"] == "sent"
    assert [a["outcome"] for a in world.attempts(world.acme, fax_id)] == ["sent"]
    assert len(runtime.switch.originated) == 1
    assert noticed(world, world.acme) == ["sent"]
    assert audited(world, world.acme) == ["fax.sent"]
    assert not [*world.journal.folder.iterdir(), *world.spool.outbound.iterdir()]
    assert [line for line in runtime.switch.logged if "answers again" in line]


def test_pages_told_meanwhile_are_not_sent_again(world: World, runtime: Runtime) -> None:
    fax_id = queued(world, world.acme, pages=3)
    is_back = outage_during_the_call(world, runtime, Cluster.stop, DROPPED, 2)
    settled = runtime.settled(world.acme, fax_id)
    runtime.run(lambda: is_back() and settled())
    assert world.fax(world.acme, fax_id)["pages_done"] == 2
    due_now(world)
    starts = []

    def resumed(call: Originate) -> None:
        sidecar = world.spool.staged(call.attempt_id)
        assert sidecar is not None
        starts.append(sidecar.start_page)
        runtime.switch.ends(call, CallResult("NORMAL_CLEARING", fax_success=True, fax_result_code=0, pages=1))

    runtime.switch.on_originate = resumed
    runtime.run(runtime.final(world.acme, fax_id))
    assert starts == [2]
    assert world.fax(world.acme, fax_id)["state"] == "sent"


def test_the_gate_says_that_it_is_closed_and_opens_again(world: World) -> None:
    cluster = world.installation.cluster
    cluster.stop()
    # A connection of the pool notices as something is asked, and a new one cannot be made.
    for _ in range(2):
        with pytest.raises(DatabaseUnavailable), world.portal.tenant(world.acme.tenant.id) as tx:
            pytest.fail(f"it answered: {tx.value('select 1')}")
    postgres.start(cluster.data_dir)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select count(*) from users") == 1


def test_a_transaction_that_is_cut_off_leaves_nothing(world: World) -> None:
    cluster = world.installation.cluster

    def cut_off() -> None:
        with world.admin.tenant(world.acme.tenant.id) as tx:
            tx.execute("update users set name = 'Another'")
            cluster.stop()
            postgres.start(cluster.data_dir)
            tx.execute("update users set enabled = false")

    with pytest.raises(DatabaseUnavailable):
        cut_off()
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.one("select name, enabled from users") == {"name": "A User", "enabled": True}


def test_a_listener_reconnects_and_says_that_it_may_have_missed_something(world: World) -> None:
    cluster = world.installation.cluster
    listener = Listener(world.installation.url("faxplan_switch"), ("faxplan_queue",))
    assert listener.heard()
    assert not listener.heard()
    cluster.stop()
    # The first look may only find the server's farewell.
    with pytest.raises(DatabaseUnavailable):
        _ = [listener.heard() for _ in range(3)]
    assert not listener.connected
    with pytest.raises(DatabaseUnavailable):
        listener.heard()
    postgres.start(cluster.data_dir)
    assert listener.heard()
    with world.switch.across_tenants() as tx:
        tx.notify("faxplan_queue")
    assert listener.heard(60)
    listener.close()


def test_a_lock_asked_for_on_a_connection_that_breaks_is_an_outage(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener = Listener(world.installation.url("faxplan_switch"), ())
    assert listener.try_lock(1)
    with (
        closing(psycopg2.connect(world.installation.url("postgres"))) as connection,
        connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("select pg_terminate_backend(pid, 10000) from pg_stat_activity where usename = 'faxplan_switch'")
    # It breaks between the look at the connection and the question.
    monkeypatch.setattr(listener, "heard", lambda: True)
    with pytest.raises(DatabaseUnavailable):
        listener.try_lock(2)
    assert not listener.connected


def test_two_do_not_hold_one_lock(world: World) -> None:
    url = world.installation.url("faxplan_switch")
    first, second = Listener(url, ()), Listener(url, ())
    assert first.try_lock(1)
    assert not second.try_lock(1)
    first.close()
    second.close()
