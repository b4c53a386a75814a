"""Faxes that wait for longer than they may: each ends once, in words, whoever else has it in hand at that moment."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from faxplan import deadlines, nodes, outbound, overdue, provisioning, queue, render_jobs, renderings, trunk_tests
from faxplan.call_result import CallResult, without_channel
from faxplan.db import Database, Transaction
from faxplan.deadlines import Overdue
from faxplan.errors import DatabaseUnavailable
from faxplan.key_folder import KeyFolder
from faxplan.listener import Listener
from faxplan.outbound import SendRequest
from faxplan.worker import Worker
from tests.db.test_failing_over import settle
from tests.faxes import NUMBER, audited, claim, due_now, in_threads, noticed, queued
from tests.routing import change
from tests.runtime import Runtime
from tests.world import World

HOURS = 72


def submit(world: World, folder: Path, send_at: datetime | None = None) -> int:
    """A fax that waits for its pages."""
    letter = folder / "letter.txt"
    letter.write_text("A letter.\n")
    request = SendRequest(NUMBER, letter, "letter.txt", send_at=send_at)
    return outbound.submit(world.portal, world.store, world.acme.user, request).fax_id


def waited(world: World, hours: float = HOURS + 1) -> None:
    """What waits has done so for so long."""
    with world.switch.across_tenants() as tx:
        tx.execute(
            """update fax_deadlines set waits_from = waits_from - make_interval(secs => %(seconds)s),
                                        ends_at = ends_at - make_interval(secs => %(seconds)s)""",
            {"seconds": hours * 3600},
        )


def end_all(world: World, db: Database | None = None) -> bool:
    logged: list[str] = []
    more = overdue.end_all(db or world.switch, wait_hours=HOURS, actor="switch:node1", log=logged.append)
    assert logged == []
    return more


def late(world: World) -> list[Overdue]:
    with world.switch.across_tenants() as tx:
        return deadlines.overdue(tx, wait_hours=HOURS, most=100)


def deadlines_left(world: World) -> int:
    with world.switch.across_tenants() as tx:
        return int(tx.value("select count(*) from fax_deadlines"))


def runs(world: World, silent_seconds: int = 0) -> None:
    """A switch has reported, so long ago."""
    with world.switch.across_tenants() as tx:
        nodes.report(tx, "node1", switch_uuid="switch-1", max_channels=10)
        tx.execute("update nodes set heartbeat_at = now() - make_interval(secs => %s)", (silent_seconds,))


@pytest.fixture(params=["switch", "worker"])
def ender(world: World, request: pytest.FixtureRequest) -> Database:
    """Whoever runs."""
    found: Database = getattr(world, request.param)
    return found


def test_one_whose_pages_nobody_prepares_ends_with_all_that_goes_with_an_end(
    world: World, tmp_path: Path, ender: Database
) -> None:
    provisioning.set_quota(world.admin, "test", "acme", period="day", pages=10, email=None)
    fax_id = submit(world, tmp_path)
    waited(world)
    assert not end_all(world, ender)
    fax = world.fax(world.acme, fax_id)
    assert (fax["state"], fax["error_id"], fax["reserved_pages"]) == ("failed", "waited-too-long", 0)
    assert fax["explanation"] == (
        "It waited for 73 hours, and was given up. No worker has prepared its pages: none runs on a machine that has "
        "the document's key (node1). The administrator has to look. Send it again once that is mended."
    )
    assert noticed(world, world.acme) == ["failed"]
    assert audited(world, world.acme)[-1] == "fax.failed"
    (quota,) = provisioning.all_quotas(world.admin, "acme")
    assert (quota["used_pages"], quota["reserved_pages"]) == (0, 0)
    with world.switch.across_tenants() as tx:
        assert tx.value("select count(*) from transient_wraps") == 0
    assert deadlines_left(world) == 0
    # A worker that comes at last queues nothing.
    world.render_all()
    assert world.fax(world.acme, fax_id)["state"] == "failed"


@pytest.mark.parametrize(
    ("keep", "words"),
    [
        (lambda w: runs(w, silent_seconds=301), "No switch was running that could dial it"),
        (lambda w: change(w, "tenants", enabled=False), "Your organisation was switched off."),
        (lambda w: change(w, "trunks", enabled=False), "The trunks that take its number are switched off"),
        (
            lambda w: execute(
                w.switch,
                """insert into trunk_states (trunk_id, failures, rests_until)
                   select id, 5, now() + interval '1 minute' from trunks""",
            ),
            "The trunks that take its number do not work",
        ),
        (
            lambda w: execute(
                w.switch,
                """insert into trunk_states (trunk_id, node_rests)
                   select id, jsonb_build_object('node1', jsonb_build_array(3, now() + interval '1 minute'))
                   from trunks""",
            ),
            "The trunks that take its number do not work",
        ),
        (
            lambda w: execute(
                w.admin,
                """insert into sending_hours (tenant_id, weekday, opens, closes)
                   select %(tenant)s, extract(isodow from now() + interval '3 days')::integer, '00:00', '24:00'""",
                w.acme.tenant.id,
            ),
            "outside your organisation's sending hours",
        ),
        (
            lambda w: (
                change(w, "tenants", calls_per_hour=1),
                execute(
                    w.switch,
                    """insert into tenant_turns (tenant_id, served_at, hour, calls)
                       values (%(tenant)s, now(), date_trunc('hour', now()), 1)""",
                    w.acme.tenant.id,
                ),
            ),
            "calls or pages an hour were used up",
        ),
        (lambda _: None, "Other faxes had all the calls"),
    ],
)
def test_one_in_the_queue_says_what_kept_it(
    world: World, ender: Database, keep: Callable[[World], object], words: str
) -> None:
    fax_id = queued(world, world.acme)
    runs(world)
    keep(world)
    waited(world)
    end_all(world, ender)
    fax = world.fax(world.acme, fax_id)
    assert fax["state"] == "failed"
    assert words in str(fax["explanation"])
    assert str(fax["explanation"]).endswith("Send it again once that is mended.")
    with world.switch.across_tenants() as tx:
        assert tx.value("select count(*) from fax_queue") == 0


def execute(db: Database, sql: str, tenant_id: int = 0) -> None:
    with db.tenant(tenant_id) as tx:
        tx.execute(sql, {"tenant": tenant_id})


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        ("store-unavailable", "Its last call: The document store is not mounted"),
        ("key-elsewhere", "Its last call: This machine cannot open the document yet"),
    ],
)
def test_what_is_dialled_again_however_long_it_is_so_ends_as_well(world: World, cause: str, words: str) -> None:
    fax_id = queued(world, world.acme)
    runs(world)
    for _ in range(3):
        due_now(world)
        (fax,) = claim(world)
        settle(world, fax, without_channel(cause, ended_at=0))
        assert world.fax(world.acme, fax_id)["state"] == "queued"
    waited(world)
    end_all(world)
    assert world.fax(world.acme, fax_id)["state"] == "failed"
    assert words in str(world.fax(world.acme, fax_id)["explanation"])


def test_pages_that_had_arrived_stay_arrived_and_are_said(world: World) -> None:
    fax_id = queued(world, world.acme, pages=3)
    (fax,) = claim(world)
    settle(world, fax, CallResult("NORMAL_CLEARING", sip_code=200, fax_success=False, fax_result_code=49, pages=2))
    runs(world)
    waited(world)
    end_all(world)
    ended = world.fax(world.acme, fax_id)
    assert (ended["state"], ended["pages_done"]) == ("failed", 2)
    assert "2 of its 3 pages had arrived" in str(ended["explanation"])
    assert str(ended["explanation"]).endswith("Send the rest again once that is mended.")


def test_nothing_ends_before_its_time(world: World, tmp_path: Path) -> None:
    submit(world, tmp_path)
    queued(world, world.acme)
    waited(world, HOURS - 0.01)
    assert late(world) == []


def test_what_is_to_be_sent_later_is_counted_from_then(world: World, tmp_path: Path) -> None:
    fax_id = submit(world, tmp_path, send_at=datetime.now(UTC) + timedelta(hours=24))
    waited(world, HOURS + 23)
    assert late(world) == []
    waited(world, 2)
    assert [each.fax_id for each in late(world)] == [fax_id]


def test_a_tenants_own_hours_count_and_a_change_of_them_reaches_what_waits(world: World) -> None:
    fax_ids = [queued(world, world.acme), queued(world, world.borea)]
    waited(world, 2)
    provisioning.change_tenant(world.admin, "test", "acme", {"wait_hours": 1})
    assert [each.fax_id for each in late(world)] == fax_ids[:1]
    provisioning.change_tenant(world.admin, "test", "acme", {"wait_hours": 100})
    waited(world, 80)
    assert [each.fax_id for each in late(world)] == fax_ids[1:]
    provisioning.change_tenant(world.admin, "test", "acme", {"wait_hours": None})
    assert sorted(each.fax_id for each in late(world)) == fax_ids
    # One that is handed in now.
    provisioning.change_tenant(world.admin, "test", "acme", {"wait_hours": 1})
    third = queued(world, world.acme)
    waited(world, 1.5)
    assert third in [each.fax_id for each in late(world)]


def test_one_in_a_call_is_left_alone_until_it_waits_again(world: World) -> None:
    fax_id = queued(world, world.acme)
    (fax,) = claim(world)
    waited(world)
    end_all(world)
    assert world.fax(world.acme, fax_id)["state"] == "dialing"
    # It does not stand in the others' way meanwhile.
    assert late(world) == []
    settle(world, fax, CallResult("USER_BUSY", sip_code=486, q850_cause=17))
    assert world.fax(world.acme, fax_id)["state"] == "queued"
    waited(world, deadlines.AGAIN_SECONDS / 3600)
    end_all(world)
    assert world.fax(world.acme, fax_id)["state"] == "failed"
    assert "Its last call: The line was busy." in str(world.fax(world.acme, fax_id)["explanation"])


def test_one_that_was_sent_has_no_deadline_any_more(world: World) -> None:
    queued(world, world.acme)
    (fax,) = claim(world)
    settle(world, fax, CallResult("NORMAL_CLEARING", fax_success=True, fax_result_code=0, pages=3))
    outbound.cancel(world.portal, world.acme.user, queued(world, world.acme))
    assert deadlines_left(world) == 0


def test_only_so_many_end_at_once_and_the_oldest_first(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overdue, "MOST_AT_ONCE", 2)
    fax_ids = []
    for _ in range(3):
        waited(world, 1)
        fax_ids.append(queued(world, world.acme))
    waited(world)
    assert end_all(world)
    assert [world.fax(world.acme, each)["state"] for each in fax_ids] == ["failed", "failed", "queued"]
    assert not end_all(world)
    assert world.fax(world.acme, fax_ids[2])["state"] == "failed"


def test_one_that_cannot_be_ended_does_not_keep_the_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = queued(world, world.acme), queued(world, world.borea)
    waited(world)
    real, logged = outbound.finish, []

    def finish(tx: Transaction, fax: dict[str, object], *arguments: object, **named: object) -> None:
        if fax["id"] == first:
            raise RuntimeError("a fault of ours")
        real(tx, fax, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(outbound, "finish", finish)
    overdue.end_all(world.switch, wait_hours=HOURS, actor="test", log=logged.append)
    assert logged == [f"overdue fax {first}: RuntimeError: 'a fault of ours'"]
    assert world.fax(world.acme, first)["state"] == "queued"
    assert world.fax(world.borea, second)["state"] == "failed"
    assert late(world) == []


def test_a_database_that_is_away_is_everyones_trouble(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    queued(world, world.acme)
    waited(world)

    def away(*_: object, **__: object) -> bool:
        raise DatabaseUnavailable("PostgreSQL is away.")

    monkeypatch.setattr(overdue, "end_one", away)
    with pytest.raises(DatabaseUnavailable):
        end_all(world)


def test_a_test_of_a_trunk_that_no_switch_takes_ends_by_a_worker(world: World) -> None:
    fax_id = trunk_tests.submit(world.portal, world.store, world.acme.user, "carrier", NUMBER)
    waited(world)
    end_all(world, world.worker)
    assert world.fax(world.acme, fax_id)["state"] == "failed"
    assert "No switch was running" in str(world.fax(world.acme, fax_id)["explanation"])
    with world.switch.across_tenants() as tx:
        assert tx.value("select count(*) from trunk_tests") == 0


# -------------------------------------------------------------------------------------------------------------- races


def test_a_claim_and_an_end_at_one_moment_leave_the_fax_to_one_of_them(world: World) -> None:
    seen = set()
    for _ in range(12):
        fax_id = queued(world, world.acme)
        waited(world)
        _, claimed = in_threads(lambda: end_all(world), lambda: claim(world))
        assert isinstance(claimed, list)
        state = world.fax(world.acme, fax_id)["state"]
        seen.add(state)
        assert (state, len(claimed)) in (("failed", 0), ("dialing", 1), ("queued", 0))
        with world.switch.across_tenants() as tx:
            in_calls = tx.value("select count(*) from calls where fax_id = %s", (fax_id,))
            in_queue = tx.value("select count(*) from fax_queue where fax_id = %s", (fax_id,))
        assert (in_queue, in_calls) == {"failed": (0, 0), "dialing": (0, 1), "queued": (1, 0)}[str(state)]
        for fax in claimed:
            settle(world, fax, CallResult("NORMAL_CLEARING", fax_success=True, fax_result_code=0, pages=3))
        end_all(world)
        assert deadlines_left(world) == 0
    assert "failed" in seen or "dialing" in seen


@pytest.mark.parametrize("first", ["claim", "end"])
def test_whoever_has_the_fax_first_has_it(world: World, first: str) -> None:
    """The same, moment by moment: the other has its row, and has not committed."""
    fax_id = queued(world, world.acme)
    waited(world)
    (overdue_one,) = late(world)
    with world.switch.tenant(world.acme.tenant.id) as tx:
        assert queue.lock_fax(tx, world.acme.tenant.id, fax_id)
        if first == "claim":
            (ended,) = in_threads(lambda: overdue.end_one(world.switch, overdue_one, actor="test"))
            assert ended is False
        else:
            (claimed,) = in_threads(lambda: claim(world))
            assert claimed == []
    assert world.fax(world.acme, fax_id)["state"] == "queued"
    assert overdue.end_one(world.switch, overdue_one, actor="test")


def test_pages_that_are_finished_at_that_moment_are_dialled_or_the_fax_has_ended(world: World, tmp_path: Path) -> None:
    for _ in range(8):
        fax_id = submit(world, tmp_path)
        with world.worker.across_tenants() as tx:
            job = render_jobs.claim(tx, worker="test", lease_seconds=60)
        assert job is not None
        made = renderings.Rendered([world.seal(tmp_path / "letter.txt", world.acme)], 1)
        waited(world)
        in_threads(
            lambda: end_all(world),
            lambda job=job, made=made: renderings.finished(world.worker, job, "test", made),
        )
        state = world.fax(world.acme, fax_id)["state"]
        with world.switch.across_tenants() as tx:
            in_queue = tx.value("select count(*) from fax_queue where fax_id = %s", (fax_id,))
        assert (state, in_queue) in (("failed", 0), ("queued", 1))
        end_all(world)
        assert world.fax(world.acme, fax_id)["state"] == "failed"
        assert deadlines_left(world) == 0


def test_two_nodes_and_a_worker_end_each_fax_once(world: World) -> None:
    provisioning.set_quota(world.admin, "test", "acme", period="day", pages=100, email=None)
    fax_ids = [queued(world, world.acme, pages=2) for _ in range(10)]
    waited(world)
    in_threads(
        lambda: end_all(world), lambda: end_all(world, world.worker), lambda: end_all(world), lambda: end_all(world)
    )
    end_all(world)
    assert {world.fax(world.acme, each)["state"] for each in fax_ids} == {"failed"}
    assert audited(world, world.acme).count("fax.failed") == len(fax_ids)
    assert noticed(world, world.acme) == ["failed"] * len(fax_ids)
    (quota,) = provisioning.all_quotas(world.admin, "acme")
    assert (quota["used_pages"], quota["reserved_pages"]) == (0, 0)


# -------------------------------------------------------------------------------------------------------- who looks


def test_a_runtime_looks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    change(world, "trunks", enabled=False)
    runtime = Runtime(world, monkeypatch, wait_hours=48)
    fax_id = queued(world, world.acme)
    waited(world, 49)
    runtime.run(runtime.final(world.acme, fax_id))
    assert world.fax(world.acme, fax_id)["error_id"] == "waited-too-long"
    assert runtime.switch.logged == []


def test_a_worker_looks_and_goes_on_while_the_store_is_away(world: World) -> None:
    fax_id = queued(world, world.acme)
    waited(world, 49)
    world.store.marker.unlink()
    listener = Listener(world.installation.url("faxplan_worker"), (render_jobs.CHANNEL,))
    mailer_keys = KeyFolder(world.settings.mailer_keys)
    worker = Worker(
        world.worker, listener, world.store, name="test", node="node1", mailer_keys=mailer_keys, wait_hours=48
    )
    (ended, _) = in_threads(lambda: ends_within(world, worker, fax_id), worker.run)
    assert ended


def ends_within(world: World, worker: Worker, fax_id: int) -> bool:
    try:
        for _ in range(300):
            if world.fax(world.acme, fax_id)["state"] == "failed":
                return True
            with world.portal.across_tenants() as tx:
                tx.execute("select pg_sleep(0.1)")
        return False
    finally:
        worker.stop()
