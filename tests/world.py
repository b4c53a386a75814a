"""A fresh installation with two tenants, one trunk and a store, for tests of flows on real PostgreSQL."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from faxplan import dids, routes, tenants, trunk_directory, users
from faxplan.config import Settings
from faxplan.db import Database
from faxplan.documents import Store
from faxplan.journal import Journal
from faxplan.listener import Listener
from faxplan.spool import Spool
from faxplan.tenants import Tenant
from faxplan.users import User
from faxplan.worker import Worker
from tests.installations import Installation


@dataclass
class Office:
    """One tenant with a user and a DID into the user's mailbox."""

    tenant: Tenant
    user: User
    did: str


@dataclass
class World:
    """Everything a flow needs. Databases by role."""

    installation: Installation
    admin: Database
    portal: Database
    switch: Database
    worker: Database
    store: Store
    spool: Spool
    journal: Journal
    settings: Settings
    acme: Office
    borea: Office

    def render_all(self) -> None:
        """Does what the worker would."""
        listener = Listener(self.installation.url("faxplan_worker"), ())
        worker = Worker(self.worker, listener, self.store, name="test")
        while worker.work_one():
            pass

    def stored(self) -> list[Path]:
        """The objects in the store, and whatever else is there but its marker."""
        return [path for path in self.store.root.rglob("*") if path.is_file() and path != self.store.marker]

    def fax(self, office: Office, fax_id: int) -> dict[str, object]:
        """A fax's row, as its tenant sees it."""
        with self.portal.tenant(office.tenant.id) as tx:
            return tx.one("select * from faxes where id = %s", (fax_id,))

    def attempts(self, office: Office, fax_id: int) -> list[dict[str, object]]:
        """A fax's calls."""
        with self.portal.tenant(office.tenant.id) as tx:
            return tx.rows("select * from attempts where fax_id = %s order by number", (fax_id,))


def office(admin: Database, slug: str, did: str) -> Office:
    with admin.across_tenants() as tx:
        tenant = tenants.create(
            tx, slug=slug, name=slug.title(), country="DE", time_zone="Europe/Berlin", station_ident=did
        )
    with admin.tenant(tenant.id) as tx:
        user = users.create(tx, tenant.id, email=f"user@{slug}.example", name="A User")
        assert user.mailbox_id is not None
        dids.assign(tx, tenant.id, did, user.mailbox_id)
    return Office(tenant, user, did)


@pytest.fixture
def world(installation: Installation, tmp_path: Path) -> Iterator[World]:
    with world_on(installation, tmp_path) as made:
        yield made


@contextmanager
def world_on(installation: Installation, folder: Path) -> Iterator[World]:
    """Two tenants, a trunk and the folders of a node, on this installation."""
    dbs = {role: Database(installation.url(f"faxplan_{role}")) for role in ("admin", "portal", "switch", "worker")}
    with dbs["admin"].across_tenants() as tx:
        values = {"host": "127.0.0.1", "port": 5080, "inbound_country": "DE", "source_networks": ["127.0.0.0/8"]}
        routes.add(tx, "+", trunk_directory.add(tx, "carrier", values))
    settings = Settings(
        database_url=installation.url(""),
        state_dir=folder / "state",
        node="node1",
        calls_per_second=200,
        calls_to_one_number=1000,
    )
    spool, journal = Spool(settings.spool), Journal(settings.journal)
    spool.prepare()
    journal.prepare()
    acme, borea = office(dbs["admin"], "acme", "+493023125001"), office(dbs["admin"], "borea", "+493023125002")
    yield World(
        installation,
        **dbs,
        store=Store(settings.store),
        spool=spool,
        journal=journal,
        settings=settings,
        acme=acme,
        borea=borea,
    )
    for db in dbs.values():
        db.close()
