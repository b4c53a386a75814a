"""A PostgreSQL with a replica: its URL names both, and when the first dies and the other is promoted, all goes on."""

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from faxplan import postgres, postgres_account
from faxplan.config import Settings
from faxplan.installation import create_installation
from faxplan.postgres import Cluster
from tests.faxes import due_now, queued
from tests.installations import Installation, server
from tests.runtime import SENT, Runtime
from tests.world import World, world_on


@dataclass(frozen=True)
class Replicated(Installation):
    """`replica` follows `cluster`, whose transactions end only when it has them."""

    replica: Cluster

    def url(self, role: str) -> str:
        where = quote(f"{self.cluster.socket_dir},{self.replica.socket_dir}", safe="")
        return f"postgresql://{role}@/{self.database}?host={where}&target_session_attrs=read-write&connect_timeout=2"

    def fail_over(self) -> None:
        """As who watches over them does it."""
        self.cluster.kill9()
        postgres._checked(self.replica, "pg_ctl", "promote", "-D", self.replica.data_dir, "-w")


@pytest.fixture
def replicated(tmp_path: Path) -> Iterator[tuple[World, Replicated]]:
    with tempfile.TemporaryDirectory(prefix="faxplan-own-") as folder:
        Path(folder).chmod(0o711)
        first = postgres.start(Path(folder, "first"))
        copied = Path(folder, "second")
        postgres_account.place_data(postgres_account.account(), copied)
        postgres._checked(
            first, "pg_basebackup", "-h", first.socket_dir, "-U", "postgres", "-D", copied, "-R", "-C", "-S", "second",
            "--checkpoint=fast", "-d", "application_name=second",
        )  # fmt: skip
        second = postgres.start(copied)
        try:
            create_installation(first.superuser_url(), "faxplan")
            made = Replicated(first, "faxplan", second)
            with world_on(made, tmp_path) as world:
                yield world, made
        finally:
            for cluster in (first, second):
                cluster.stop()


@pytest.mark.soak
def test_what_was_committed_is_there_and_faxes_go_on(
    replicated: tuple[World, Replicated], monkeypatch: pytest.MonkeyPatch
) -> None:
    world, servers = replicated
    runtime = Runtime(world, monkeypatch)
    runtime.switch.on_originate = lambda call: runtime.switch.ends(call, SENT)
    first = queued(world, world.acme)
    runtime.run(runtime.final(world.acme, first))
    waits = queued(world, world.acme)
    _followed(servers)
    servers.fail_over()
    for db in (world.admin, world.portal, world.switch, world.worker):
        # The pool notices that its connections are dead before it gives one out.
        with db.across_tenants() as tx:
            assert tx.value("select pg_is_in_recovery()") is False
    assert world.fax(world.acme, first)["state"] == "sent"
    due_now(world)
    runtime.run(runtime.final(world.acme, waits))
    assert world.fax(world.acme, waits)["state"] == "sent"


def _followed(servers: Replicated) -> None:
    """Until the replica has all."""
    with server(servers.cluster) as cursor:
        for _ in range(300):
            cursor.execute("select pg_current_wal_lsn() <= replay_lsn from pg_stat_replication")
            if cursor.fetchone() == (True,):
                return
            time.sleep(0.1)
    pytest.fail("the replica does not follow")


@pytest.mark.parametrize(
    ("url", "role", "said"),
    [
        (
            "postgresql://db1,db2/faxplan?target_session_attrs=read-write",
            "switch",
            "postgresql://faxplan_switch@db1,db2/faxplan?target_session_attrs=read-write",
        ),
        (
            "postgresql://db1:5433,db2:5434/faxplan?target_session_attrs=read-write",
            "portal",
            "postgresql://faxplan_portal@db1:5433,db2:5434/faxplan?target_session_attrs=read-write",
        ),
    ],
)
def test_a_url_may_name_several_servers(url: str, role: str, said: str) -> None:
    settings = Settings(database_url=url)
    assert settings.database_url_for(role) == said
    assert settings.database_name == "faxplan"
    assert settings.printable()["database_url"] == url
