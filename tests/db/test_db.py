"""Transactions and connections. Those over TCP: the embedded PostgreSQL has a Unix socket only: a forwarder helps."""

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import closing

import psycopg2
import pytest

from faxplan import audit, outbound, render_jobs
from faxplan.constraints import ConstraintViolated
from faxplan.db import Database, ValueRefused
from faxplan.errors import DatabaseUnavailable
from faxplan.listener import Listener
from faxplan.outbound import SendRequest
from faxplan.postgres import SOCKET_NAME
from faxplan.queue import CANCEL_CHANNEL, QUEUE_CHANNEL
from tests.faxes import NUMBER, claim
from tests.installations import Installation
from tests.world import World

QUOTA = "insert into quotas (tenant_id, period, limit_pages, period_start) values (%s, %s, %s, current_date)"


class Forwarder(socketserver.BaseRequestHandler):
    """One connection, passed on in both directions until either end closes it."""

    def handle(self) -> None:
        with socket.socket(socket.AF_UNIX) as server:
            server.connect(self.server.unix_socket)  # type: ignore[attr-defined]
            answering = threading.Thread(target=_pass_on, args=(server, self.request), daemon=True)
            answering.start()
            _pass_on(self.request, server)
            answering.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    while block := source.recv(65536):
        target.sendall(block)
    target.shutdown(socket.SHUT_WR)


@pytest.fixture
def url(installation: Installation) -> Iterator[str]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Forwarder) as server:
        server.daemon_threads = True
        server.block_on_close = False
        server.unix_socket = str(installation.cluster.socket_dir / SOCKET_NAME)  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"postgresql://faxplan_switch@127.0.0.1:{server.server_address[1]}/{installation.database}"
        server.shutdown()


def patience(descriptor: int) -> list[int]:
    """Seconds of silence, seconds between probes, probes; and milliseconds until an answer is given up."""
    with socket.socket(fileno=descriptor) as connection:
        options = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT)
        try:
            assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            return [connection.getsockopt(socket.IPPROTO_TCP, option) for option in options]
        finally:
            connection.detach()


def test_a_server_that_goes_away_without_a_word_is_noticed_by_both_kinds_of_connection(url: str) -> None:
    db, listener = Database(url), Listener(url, ("faxplan_queue",))
    try:
        with db.across_tenants() as tx:
            assert patience(tx._pool.connection().fileno()) == [5, 2, 3, 10_000]
        listener.heard()
        assert patience(listener._connection.fileno()) == [5, 2, 3, 10_000]
    finally:
        listener.close()
        db.close()


def periods(world: World) -> list[str]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return [row["period"] for row in tx.rows("select period from quotas order by period")]


def test_later_is_sent_before_the_next_statement_and_at_the_latest_with_the_commit(world: World) -> None:
    tenant = world.acme.tenant.id
    with world.portal.tenant(tenant) as tx:
        tx.later(QUOTA, (tenant, "day", 10))
        assert tx.value("select count(*) from quotas") == 1
        tx.later(QUOTA, (tenant, "month", 100))
    assert periods(world) == ["day", "month"]


def test_later_alone_is_kept_and_a_percent_sign_in_it_is_no_placeholder(world: World) -> None:
    tenant = world.acme.tenant.id
    with world.portal.tenant(tenant) as tx:
        tx.later(QUOTA, (tenant, "day", 10))
        tx.later("update quotas set limit_pages = limit_pages % 7")
    with world.portal.tenant(tenant) as tx:
        assert tx.value("select limit_pages from quotas where period like 'd%'") == 3


def test_what_is_wrong_with_later_is_raised_at_the_end_and_nothing_is_kept(world: World) -> None:
    tenant = world.acme.tenant.id

    def one_of_two_is_wrong() -> None:
        with world.portal.tenant(tenant) as tx:
            tx.later(QUOTA, (tenant, "month", 100))
            tx.later(QUOTA, (tenant, "day", -1))

    with pytest.raises(ConstraintViolated, match="quota is a number"):
        one_of_two_is_wrong()
    assert periods(world) == []


@pytest.mark.parametrize(
    ("statement", "value", "said"),
    [
        ("select %s::bigint", 10**20, "out of range"),
        ("select * from users where name = %s", "\udcff", "UTF-8"),
        ("select * from users where name = %s", "a\0b", "NUL"),
        ("select %s::cidr", "192.0.2.1/24", "cidr"),
    ],
)
def test_a_value_that_no_column_takes_is_refused_in_words(
    world: World, statement: str, value: object, said: str
) -> None:
    with pytest.raises(ValueRefused, match=said) as refused, world.portal.tenant(world.acme.tenant.id) as tx:
        tx.rows(statement, (value,))
    assert "\n" not in str(refused.value)
    assert not refused.value.retryable


def test_a_notification_says_on_which_channel_and_nothing_else(world: World) -> None:
    """Any role may listen, also one that sees no tenant: to what is said at each step of a fax."""
    channels = (QUEUE_CHANNEL, CANCEL_CHANNEL, render_jobs.CHANNEL)
    with closing(psycopg2.connect(world.installation.url("faxplan_backup"))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for channel in channels:
                cursor.execute(f'listen "{channel}"')
        letter = world.settings.state_dir / "letter.txt"
        letter.write_text("A letter.\n")
        request = SendRequest(NUMBER, letter, letter.name)
        fax_id = outbound.submit(world.portal, world.store, world.acme.user, request).fax_id
        world.render_all()
        assert claim(world)
        assert not outbound.cancel(world.portal, world.acme.user, fax_id)
        with world.portal.tenant(world.acme.tenant.id) as tx:
            tx.notify_where("%s", QUEUE_CHANNEL, (True,))
        # What was said before this is answered is there by then.
        connection.cursor().execute("select 1")
        heard = {(each.channel, each.payload) for each in connection.notifies}
    assert heard == {(channel, "") for channel in channels}


def test_after_a_tenants_transaction_whoever_names_none_is_nobody(installation: Installation) -> None:
    """With nothing but the gate itself: without this nothing else of Faxplan begins."""
    with closing(psycopg2.connect(installation.url("postgres"))) as connection, connection:
        cursor = connection.cursor()
        cursor.execute(
            """insert into tenants (slug, name, country, time_zone) values ('acme', 'Acme', 'DE', 'Europe/Berlin')
               returning id"""
        )
        assert cursor.fetchone() == (1,)
        cursor.execute("insert into mailboxes (tenant_id, name) values (1, 'Office')")
    with closing(Database(installation.url("faxplan_portal"), max_connections=1)) as db:
        with db.tenant(1) as tx:
            assert tx.value("select count(*) from mailboxes") == 1
        with db.across_tenants() as tx:
            assert tx.value("select count(*) from mailboxes") == 0


def test_later_is_taken_back_with_its_transaction(world: World) -> None:
    tenant = world.acme.tenant.id

    def fails_after_writing() -> None:
        with world.portal.tenant(tenant) as tx:
            tx.later(QUOTA, (tenant, "day", 10))
            assert tx.value("select 1") == 1
            tx.later(QUOTA, (tenant, "month", 10))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails_after_writing()
    assert periods(world) == []


def test_entering_another_tenant_goes_with_what_is_done_there(world: World) -> None:
    with world.switch.across_tenants() as tx:
        for office in (world.acme, world.borea):
            tx.enter_tenant(office.tenant.id)
            audit.record(tx, office.tenant.id, actor="switch:node1", action="test.enter", object=office.did)
    for office in (world.acme, world.borea):
        with world.portal.tenant(office.tenant.id) as tx:
            assert tx.value("select object from audit where action = 'test.enter'") == office.did


def test_a_pooled_connection_that_died_is_replaced_before_anything_is_done(world: World) -> None:
    tenant = world.acme.tenant.id
    assert periods(world) == []
    world.installation.end_connections("faxplan_portal")
    with world.portal.tenant(tenant) as tx:
        tx.later(QUOTA, (tenant, "day", 10))
    assert periods(world) == ["day"]


def test_a_connection_that_dies_in_a_transaction_takes_it_along(world: World) -> None:
    tenant = world.acme.tenant.id

    def connection_ends_half_way() -> None:
        with world.portal.tenant(tenant) as tx:
            assert tx.execute(QUOTA, (tenant, "day", 10)) == 1
            world.installation.end_connections("faxplan_portal")
            tx.later(QUOTA, (tenant, "month", 10))

    with pytest.raises(DatabaseUnavailable):
        connection_ends_half_way()
    assert periods(world) == []


def test_a_transaction_may_be_given_more_time_and_the_next_has_it_no_more(world: World) -> None:
    shown = "show statement_timeout"
    with world.admin.across_tenants() as tx:
        assert tx.value(shown) == "30s"
        tx.give_time(1800)
        assert tx.value(shown) == "30min"
    with world.admin.across_tenants() as tx:
        assert tx.value(shown) == "30s"
