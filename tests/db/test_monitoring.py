"""What monitoring is told, read as Prometheus reads it, beside what was done."""

import http.client
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from faxplan import counters, doctor_monitoring, monitored_address, monitoring, nodes, outbound, settling, trunk_health
from faxplan.call_result import CallResult
from faxplan.config import Settings
from faxplan.db import Database
from faxplan.document_store import Store
from faxplan.errors import InvalidSetting
from faxplan.findings import Level
from faxplan.free_ports import free_tcp_port
from faxplan.journal import Outcome
from faxplan.monitoring import Monitoring
from faxplan.outbound import SendRequest
from tests.db.test_internal_delivery import deliver
from tests.db.test_settling import ended, one_claim, refused, settle
from tests.faxes import accepted, claim, queued
from tests.past_the_gate import connected
from tests.retained import bound, execute, purge, sent
from tests.world import World

Asked = Callable[[str], tuple[int, str]]


@contextmanager
def asked(world: World, *, db: Database | None = None, store: Store | None = None, **options: bool) -> Iterator[Asked]:
    """By HTTP: status and text of a path."""
    listen = f"127.0.0.1:{free_tcp_port()}"
    alive = options.pop("alive", True)
    own = Database((db or world.metrics).url, max_connections=2, connect_seconds=2)
    made = Monitoring(
        listen, own, store or world.store, is_alive=lambda: alive, **{"by_tenant": False, **options}
    )  # fmt: skip
    made.start()

    def ask(path: str, method: str = "GET", accept: str = "") -> tuple[int, str]:
        connection = http.client.HTTPConnection(*monitored_address.parse(listen), timeout=30)
        connection.request(method, path, headers={"Accept": accept})
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, text

    try:
        yield ask
    finally:
        made.stop()


def read(text: str) -> dict[tuple[str, ...], float]:
    """Samples by name and values of their labels, as the scraper's own parser reads them."""
    return {
        (sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scraped(world: World, **options: bool) -> dict[tuple[str, ...], float]:
    with asked(world, **options) as ask:
        status, text = ask("/metrics")
    assert status == 200
    return read(text)


def some(world: World, begins: str) -> dict[tuple[str, ...], float]:
    return {key: value for key, value in scraped(world).items() if key[0].startswith(begins)}


def heard(world: World, name: str = "node1", seconds_ago: int = 0) -> None:
    with world.switch.across_tenants() as tx:
        nodes.report(tx, name, switch_uuid="switch-1", max_channels=30)
        tx.execute("update nodes set heartbeat_at = now() - make_interval(secs => %s) where name = %s",
                   (seconds_ago, name))  # fmt: skip


def fold(world: World) -> None:
    with world.worker.across_tenants() as tx:
        assert counters.fold(tx) is False


def test_calls_and_faxes_are_counted_as_they_ended(world: World) -> None:
    queued(world, world.acme)
    assert settle(world, ended(one_claim(world), pages=3, success=True))
    queued(world, world.acme)
    assert settle(world, ended(one_claim(world), pages=1))
    assert settle(world, refused(one_claim(world), "UNALLOCATED_NUMBER"))
    queued(world, world.borea)
    assert settle(world, refused(one_claim(world), "USER_BUSY"))
    found = scraped(world)
    ends = {key[1:]: value for key, value in found.items() if key[0] == "faxplan_calls_ended_total"}
    out, carrier = "direction=outbound", "trunk=carrier"
    assert ends == {
        (out, "result=sent", "rule=", carrier): 1,
        (out, "result=incomplete", "rule=dropped", carrier): 1,
        (out, "result=not-sent", "rule=bad-number", carrier): 1,
        (out, "result=not-sent", "rule=busy", carrier): 1,
    }
    faxes = {key[1:]: value for key, value in found.items() if key[0] == "faxplan_faxes_ended_total"}
    assert faxes == {
        (out, "error_id=", "result=sent"): 1,
        (out, "error_id=UNALLOCATED_NUMBER", "result=failed"): 1,
    }
    assert found["faxplan_faxes_submitted_total",] == 3
    assert found["faxplan_pages_total", out, "transport=audio"] == 4
    # Two were answered, each for 60.5 s.
    assert found["faxplan_call_duration_seconds_count", out] == 2
    assert found["faxplan_call_duration_seconds_sum", out] == pytest.approx(121)
    assert found["faxplan_call_duration_seconds_bucket", out, "le=60.0"] == 0
    assert found["faxplan_call_duration_seconds_bucket", out, "le=90.0"] == 2
    assert found["faxplan_call_duration_seconds_bucket", out, "le=+Inf"] == 2
    # First calls, of three faxes; the second fax's second call is none.
    assert found["faxplan_first_call_wait_seconds_count",] == 3
    assert found["faxplan_queue_faxes",] == 1
    assert found["faxplan_queue_due_faxes",] == 0


def test_what_was_delivered_within_the_installation_is_counted_on_both_sides_and_waits_for_nobody(
    world: World,
) -> None:
    queued(world, world.acme, number=world.borea.did)
    assert deliver(world) == "sent"
    found = some(world, "faxplan_")
    for direction, result in (("outbound", "sent"), ("inbound", "received")):
        assert found["faxplan_calls_ended_total", f"direction={direction}", f"result={result}", "rule=",
                     "trunk=(within)"] == 1  # fmt: skip
        assert found["faxplan_faxes_ended_total", f"direction={direction}", "error_id=", f"result={result}"] == 1
        assert found["faxplan_pages_total", f"direction={direction}", "transport=audio"] == 3


def test_a_counter_never_falls_and_counts_each_once_however_it_is_folded_and_purged(world: World) -> None:
    fax_id = sent(world, world.acme, days_ago=31)
    before = some(world, "faxplan_faxes_ended_total") | some(world, "faxplan_pages_total")
    assert sum(before.values()) > 1
    fold(world)
    fold(world)
    bound(world, world.acme, max_days=30, remove_records=True)
    purge(world)
    execute(world, "update faxes set purged_at = purged_at - interval '32 days' where id = %s", (fax_id,))
    assert purge(world).records == 1
    assert some(world, "faxplan_faxes_ended_total") | some(world, "faxplan_pages_total") == before
    queued(world, world.acme)
    assert settle(world, ended(one_claim(world), pages=3, success=True))
    fold(world)
    after = some(world, "faxplan_faxes_ended_total")
    assert sum(after.values()) == sum(value for key, value in before.items() if "faxes_ended" in key[0]) + 1


def test_a_test_of_a_trunk_is_not_counted(world: World) -> None:
    fax_id = queued(world, world.acme)
    with connected(world.installation, "postgres") as cursor:
        cursor.execute("update faxes set is_test = true where id = %s", (fax_id,))
        cursor.connection.commit()
    assert settle(world, ended(one_claim(world), pages=3, success=True))
    assert some(world, "faxplan_calls_ended_total") == some(world, "faxplan_faxes_ended_total") == {}


def test_what_is_no_known_cause_makes_no_label_of_its_own(world: World) -> None:
    for cause in ("UNALLOCATED_NUMBER", "X_BY_A_STRANGER", "Y_BY_A_STRANGER"):
        fax_id = queued(world, world.acme)
        (fax,) = claim(world)
        with world.portal.tenant(fax.tenant_id) as tx:
            outbound.finish(
                tx, tx.one("select * from faxes where id = %s", (fax_id,)), "failed", "x", actor="x", error_id=cause
            )
    ends = some(world, "faxplan_faxes_ended_total")
    assert {key[2]: value for key, value in ends.items()} == {"error_id=UNALLOCATED_NUMBER": 1, "error_id=other": 2}


def test_what_waits_runs_and_rests_now(world: World, tmp_path: Path) -> None:
    heard(world)
    heard(world, "node2", seconds_ago=500)
    queued(world, world.acme)
    assert len(claim(world)) == 1
    queued(world, world.acme)
    queued(world, world.borea, due_in=3600)
    with world.switch.across_tenants() as tx:
        tx.execute("update fax_queue set not_before = now() - interval '200 s' where not_before <= now()")
        for number in ("+49301", "+49302", "+49303"):
            trunk_health.failed(tx, tx.value("select id from trunks"), "x", number)
    accepted(world, world.borea, "uuid-1")
    letter = tmp_path / "letter.txt"
    letter.write_text("A letter.\n")
    outbound.submit(world.portal, world.store, world.acme.user, SendRequest("+493023125009", letter, "letter.txt"))
    found = scraped(world)
    running = {key[1:]: value for key, value in found.items() if key[0] == "faxplan_calls_running"}
    assert running == {
        ("direction=inbound", "node=node1"): 1,
        ("direction=outbound", "node=node1"): 1,
        ("direction=inbound", "node=node2"): 0,
        ("direction=outbound", "node=node2"): 0,
    }
    assert (found["faxplan_queue_faxes",], found["faxplan_queue_due_faxes",]) == (2, 1)
    assert 200 <= found["faxplan_queue_oldest_due_seconds",] < 300
    assert 500 <= found["faxplan_node_heartbeat_age_seconds", "node=node2"] < 600
    assert found["faxplan_node_max_calls", "node=node1"] == 30
    assert found["faxplan_node_paused", "node=node1"] == 0
    of_trunk = {key[0]: value for key, value in found.items() if key[1:] == ("trunk=carrier",)}
    assert (of_trunk["faxplan_trunk_enabled"], of_trunk["faxplan_trunk_resting"]) == (1, 1)
    assert (of_trunk["faxplan_trunk_failures_in_a_row"], of_trunk["faxplan_trunk_calls_running"]) == (3, 2)
    assert "faxplan_trunk_last_success_timestamp_seconds" not in of_trunk
    assert (found["faxplan_render_jobs_waiting",], found["faxplan_render_jobs_running",]) == (1, 0)
    assert found["faxplan_outbox_mails",] == 0
    assert found["faxplan_database_up",] == found["faxplan_store_up",] == 1
    assert 0 < found["faxplan_store_free_bytes",] <= found["faxplan_store_size_bytes",]
    assert found["faxplan_database_migrations_missing",] == 0


def test_tenants_are_named_only_where_that_is_wanted_and_nobody_is_called_by_number(world: World) -> None:
    queued(world, world.acme)
    heard(world)
    with asked(world) as ask:
        _, text = ask("/metrics")
    for secret in ("acme", "borea", world.acme.did, "+4930", world.acme.user.email):
        assert secret not in text
    found = scraped(world, by_tenant=True)
    assert found["faxplan_queue_faxes", "tenant=acme"] == 1
    # There before anything waits, so that an alert has something to compare with.
    assert found["faxplan_queue_faxes", "tenant=borea"] == 0


def test_it_is_openmetrics_too_and_head_has_no_body(world: World) -> None:
    with asked(world) as ask:
        status, text = ask("/metrics", "GET", "application/openmetrics-text; version=1.0.0")
        assert status == 200
        assert "faxplan_pages" in {family.name for family in openmetrics.text_string_to_metric_families(text)}
        assert ask("/metrics", "HEAD") == (200, "")
        assert ask("/metrics?x=1")[0] == 200
        assert ask("/")[0] == 404
        assert ask("/health/live") == (200, "alive\n")


def test_a_worker_that_hangs_is_not_alive(world: World) -> None:
    with asked(world, alive=False) as ask:
        assert ask("/health/live")[0] == 503


def test_ready_says_what_is_missing(world: World, tmp_path: Path) -> None:
    with asked(world) as ask:
        status, text = ask("/health/ready")
        assert (status, text) == (
            503, "No switch has ever reported: let FreeSWITCH run fax_queue, and see its log.\n"
        )  # fmt: skip
        heard(world, seconds_ago=90)
        status, text = ask("/health/ready")
        assert status == 503
        assert text.startswith("No switch reports: the last one did 9")
        heard(world, "node2")
        assert ask("/health/ready") == (200, "ready\n")
        letter = tmp_path / "letter.txt"
        letter.write_text("A letter.\n")
        outbound.submit(world.portal, world.store, world.acme.user, SendRequest("+493023125009", letter, "letter.txt"))
        assert ask("/health/ready") == (200, "ready\n")
        with world.worker.across_tenants() as tx:
            tx.execute("update render_jobs set not_before = now() - interval '61 s'")
        status, text = ask("/health/ready")
        assert (status, text[:29]) == (503, "No worker takes documents: on")
        with world.worker.across_tenants() as tx:
            tx.execute("delete from render_jobs")
        with connected(world.installation, "postgres") as cursor:
            cursor.execute("delete from schema_migration where number = (select max(number) from schema_migration)")
            cursor.connection.commit()
        status, text = ask("/health/ready")
        assert (status, "1 migrations behind: `faxplan database migrate`" in text) == (503, True)
        # And it asks nothing of a database that may lack what it would ask for.
        assert read(ask("/metrics")[1])["faxplan_database_migrations_missing",] == 1


def test_without_the_stores_disk_or_the_database_it_says_so_and_goes_on(world: World, tmp_path: Path) -> None:
    heard(world)
    away = Store.of(replace(world.settings, store_dir=tmp_path / "not-mounted"))
    with asked(world, store=away) as ask:
        status, text = ask("/health/ready")
        assert (status, "not-mounted" in text) == (503, True)
        found = read(ask("/metrics")[1])
        assert found["faxplan_store_up",] == 0
        assert ("faxplan_store_free_bytes",) not in found
        assert found["faxplan_database_up",] == 1
    nowhere = Database(f"postgresql://faxplan_metrics@127.0.0.1:{free_tcp_port()}/x", connect_seconds=2)
    with asked(world, db=nowhere) as ask:
        status, text = ask("/health/ready")
        assert (status, text[:13]) == (503, "The database:")
        found = read(ask("/metrics")[1])
        assert found["faxplan_database_up",] == 0
        assert ("faxplan_queue_faxes",) not in found


def test_the_role_reads_nothing_that_says_whose_or_to_whom(world: World) -> None:
    with connected(world.installation, "postgres") as cursor:
        cursor.execute(
            """select table_name::text, column_name::text from information_schema.column_privileges
               where grantee = 'faxplan_metrics' and privilege_type = 'SELECT'
                 and table_name not in ('schema_migration', 'nodes', 'counters', 'uncounted')"""
        )
        granted = set(cursor.fetchall())
        cursor.execute(
            """select count(*) from information_schema.column_privileges
               where grantee = 'faxplan_metrics' and privilege_type <> 'SELECT'"""
        )
        assert cursor.fetchone() == (0,)
    assert granted == {
        ("tenants", "id"), ("tenants", "slug"), ("trunks", "id"), ("trunks", "name"), ("trunks", "enabled"),
        ("trunks", "max_calls"), ("trunk_states", "trunk_id"), ("trunk_states", "failures"),
        ("trunk_states", "rests_until"), ("trunk_states", "node_rests"), ("trunk_states", "last_success_at"),
        ("fax_queue", "tenant_id"), ("fax_queue", "not_before"), ("calls", "direction"), ("calls", "node"),
        ("calls", "trunk_id"), ("outbox", "state"), ("outbox", "created_at"), ("render_jobs", "not_before"),
        ("render_jobs", "worker"), ("render_jobs", "lease_until"),
    }  # fmt: skip


def test_an_unknown_end_is_counted_without_a_rule(world: World) -> None:
    queued(world, world.acme)
    fax = one_claim(world)
    outcome = Outcome(fax.tenant_id, fax.fax_id, fax.attempt_id, CallResult("NONE"))
    assert settling.settle(world.switch, outcome, None, actor="x")
    ends = some(world, "faxplan_calls_ended_total")
    assert sum(ends.values()) == 1


def test_off_by_default_and_a_taken_address_stops_no_worker(world: World) -> None:
    assert monitoring.of(world.settings, world.store, lambda: True) is None
    listen = f"127.0.0.1:{free_tcp_port()}"
    settings = replace(world.settings, metrics_listen=listen)
    first = monitoring.of(settings, world.store, lambda: True)
    assert first is not None
    try:
        assert monitoring.of(settings, world.store, lambda: True) is None
        (found,) = doctor_monitoring.monitoring(settings)
        assert (found.level, found.found) == (Level.OK, f"answers at http://{listen}/metrics")
    finally:
        first.stop()
    (found,) = doctor_monitoring.monitoring(settings)
    assert (found.level, "faxplan-worker" in found.remedy) == (Level.ERROR, True)


@pytest.mark.parametrize("wrong", ["9109", "localhost", "127.0.0.1:", "127.0.0.1:70000", "http://127.0.0.1:9109", ":9"])
def test_an_address_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(InvalidSetting):
        monitored_address.parse(wrong)
    (found,) = doctor_monitoring.monitoring(Settings("", metrics_listen=wrong))
    assert found.level is Level.ERROR


def test_a_worker_alone_folds_what_ended(world: World) -> None:
    queued(world, world.acme)
    assert settle(world, ended(one_claim(world), pages=3, success=True))
    world.a_worker()._fold_counters()
    with world.metrics.across_tenants() as tx:
        assert tx.value("select count(*) from uncounted") == 0
        assert tx.value("select value from counters where name = 'faxes'") == 1


def test_the_page_has_every_metric_and_none_that_is_not_there(world: World) -> None:
    page = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text()
    queued(world, world.acme)
    heard(world)
    assert settle(world, ended(one_claim(world), pages=3, success=True))
    with world.admin.across_tenants() as tx:
        tx.execute("update trunks set max_calls = 5")
    with asked(world) as ask:
        families = list(text_string_to_metric_families(ask("/metrics")[1]))
    # As the parser has them: without the ending of a counter.
    told = {each.name + ("_total" if each.type == "counter" else "") for each in families}
    told = {each for each in told if not each.startswith("process_")}
    described = {
        name for line in page.splitlines() if line.startswith("| `faxplan_")
        for name in re.findall(r"`(faxplan_\w+)`", line.split(" | ")[0])
    }  # fmt: skip
    assert described == {"faxplan_build_info" if each.startswith("faxplan_build") else each for each in told}
