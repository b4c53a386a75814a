"""A fresh installation with two tenants, one trunk and a store, for tests of flows on real PostgreSQL."""

import hashlib
import pickle
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

import faxplan
from faxplan import (
    dids,
    documents,
    keyring,
    routes,
    tenants,
    transient_readers,
    trunk_directory,
    user_keys,
    users,
    vault,
)
from faxplan.config import ROLES, Settings
from faxplan.db import Database, Transaction
from faxplan.document_store import Store
from faxplan.documents import Sealed, StoredObject, Wrapped
from faxplan.installation import SCHEMA
from faxplan.journal import Journal
from faxplan.key_folder import KeyFolder
from faxplan.keyring import Enrolment, Keyring
from faxplan.listener import Listener
from faxplan.spool import Spool
from faxplan.tenants import Tenant
from faxplan.users import User
from faxplan.worker import Worker
from faxplan.wraps import PrivateKey, PublicKey
from tests.installations import Installation, Installations, one_at_a_time


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
    purge: Database
    metrics: Database
    store: Store
    keyrings: dict[int, PrivateKey]
    """Of the offices' users, by tenant: what opens with their password."""
    spool: Spool
    journal: Journal
    settings: Settings
    acme: Office
    borea: Office

    def opened(self, document: StoredObject) -> bytes:
        """A document's content, as the user opens it in whose mailbox it is."""
        office = self.acme if document.tenant_id == self.acme.tenant.id else self.borea
        ring = self.ring(office)
        with self.portal.tenant(office.tenant.id) as tx:
            document_id = tx.value("select id from documents where object_name = %s", (document.object_name,))
            stored, key = documents.opened(tx, office.tenant.id, document_id, ring)
        with self.store.open(stored, key) as content:
            return content.read()

    def ring(self, office: Office) -> Keyring:
        """What the office's user opens."""
        with self.portal.tenant(office.tenant.id) as tx:
            epochs = vault.epochs_of_user(tx, office.tenant.id, office.user.id)
            (key_id,) = (each.id for each in user_keys.of_user(tx, office.tenant.id, office.user.id))
        return Keyring({key_id: self.keyrings[office.tenant.id]}, epochs)

    def copy_out(self, document: StoredObject, target: Path) -> None:
        """The same, into a file."""
        target.write_bytes(self.opened(document))

    def seal(self, file: Path, office: Office, kind: str = documents.RENDERING) -> Sealed:
        """A file, sealed into the store as this office's, and not yet recorded."""
        return self.store.seal(file, office.tenant.id, kind)

    def to_send(self, tx: Transaction, made: Sealed) -> Wrapped:
        """As it would be recorded when it was handed in."""
        office = self.acme if made.stored.tenant_id == self.acme.tenant.id else self.borea
        mailboxes = vault.keys_of_mailboxes(tx, office.tenant.id, [office.user.mailbox_id])
        return made.wrapped(mailboxes, transient_readers.current(tx))

    def a_worker(self) -> Worker:
        """One that does not run yet."""
        return Worker(
            self.worker,
            Listener(self.installation.url("faxplan_worker"), ()),
            self.store,
            name="test",
            node=self.settings.node,
            mailer_keys=KeyFolder(self.settings.mailer_keys),
            wait_hours=72,
        )

    def render_all(self) -> None:
        """Does what the worker would."""
        worker = self.a_worker()
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


PHRASE = "correct horse battery"


_ready_made: dict[int, tuple[Enrolment, PrivateKey, str]] = {}


def ready_made(number: int) -> tuple[Enrolment, PrivateKey, str]:
    """One of several keys of this test run, which PHRASE opens; and its recovery code. Argon2id has its price."""
    if number not in _ready_made:
        _ready_made[number] = keyring.new_user_key(PHRASE)
    return _ready_made[number]


def enrol(portal: Database, office: Office) -> PrivateKey:
    """Gives an office's user a key, and the mailboxes that nobody could open another; the user's private key."""
    enrolment, private, _ = ready_made(office.tenant.id)
    with portal.tenant(office.tenant.id) as tx:
        user_keys.add(tx, office.tenant.id, office.user.id, enrolment)
        for mailbox_id, epoch in vault.mailboxes_out_of_reach(tx, office.tenant.id, office.user.id).items():
            begun, _ = keyring.new_epoch(vault.readers(tx, office.tenant.id, mailbox_id))
            vault.begin_epoch(tx, office.tenant.id, mailbox_id, epoch + 1, begun)
    return private


@dataclass(frozen=True)
class Founded:
    """A world that was made once for this run, and of which each test has a copy.

    template: its database. ready: keys, as `ready_made` gives them, which its users have where they are enrolled.
    machine_keys: files of the folder of keys, by name.
    """

    template: str
    offices: tuple[Office, Office]
    ready: dict[int, tuple[Enrolment, PrivateKey, str]]
    machine_keys: dict[str, bytes]
    enrolled: bool

    def place_keys(self, keys: KeyFolder) -> None:
        for name, content in self.machine_keys.items():
            (keys.root / name).touch(0o600)
            (keys.root / name).write_bytes(content)


@pytest.fixture(scope="session")
def founded(all_installations: Installations, run_directory: Path) -> Founded:
    """What another worker of the run has made, or what this one makes for all.

    Each tree has its own, since a run may be of several (tests/mutants/), and another code may write other rows.
    """
    sources = sorted([*Path(faxplan.__file__).parent.rglob("*.py"), SCHEMA, Path(__file__)])
    digest = hashlib.sha256(b"".join(hashlib.sha256(each.read_bytes()).digest() for each in sources)).hexdigest()[:16]
    file = run_directory / f"founded-{digest}"
    with one_at_a_time(run_directory):
        if not file.exists():
            partial = file.with_suffix(".partial")
            partial.write_bytes(pickle.dumps(found(all_installations, f"founded_{digest}")))
            partial.rename(file)
    made: Founded = pickle.loads(file.read_bytes())  # noqa: S301 - written above, in a folder of this run's own
    _ready_made.update(made.ready)
    return made


def found(
    all_installations: Installations,
    template: str,
    *,
    enrolled: bool = True,
    then: Callable[[World], object] = lambda _: None,
) -> Founded:
    """A world that others will be copies of, in a database of this name. then: what happens in it, which may leave
    nothing in the store."""
    installation = all_installations.create(name=template)
    with tempfile.TemporaryDirectory() as folder, world_on(installation, Path(folder), enrolled=enrolled) as made:
        then(made)
        machine_keys = {path.name: path.read_bytes() for path in made.store.keys.root.iterdir()}
        offices = (made.acme, made.borea)
    # As they were before they were used: what a key has worked out since goes into no file.
    ready = {
        number: (replace(enrolment, public=PublicKey(enrolment.public.raw)), PrivateKey(private.raw), code)
        for number, (enrolment, private, code) in _ready_made.items()
    }
    return Founded(template, offices, ready, machine_keys, enrolled)


@pytest.fixture
def world(all_installations: Installations, founded: Founded, tmp_path: Path) -> Iterator[World]:
    with copied(all_installations, founded, tmp_path) as made:
        yield made


@contextmanager
def copied(all_installations: Installations, founded: Founded, folder: Path) -> Iterator[World]:
    installation = all_installations.create(founded.template)
    with world_on(installation, folder, founded=founded) as made:
        yield made
    installation.dispose()


@contextmanager
def world_on(
    installation: Installation,
    folder: Path,
    *,
    enrolled: bool = True,
    founded: Founded | None = None,
    spool_dir: Path | None = None,
    sandbox: str = "limits",
) -> Iterator[World]:
    """Two tenants, a trunk and the folders of a node, on this installation. enrolled: their users have keys.

    founded: of what the installation is a copy; None: there is nothing in it. spool_dir: where not below `folder`.
    sandbox: the setting; what most tests are about are flows, and tests/unit/test_namespaces.py has the sandbox.
    """
    dbs = {role: Database(installation.url(f"faxplan_{role}")) for role in ROLES}
    with dbs["admin"].across_tenants() as tx:
        # A copy of a template is another database, which purge takes for one that was restored.
        tx.execute("update purge_state set database = database_identity()")
    settings = Settings(
        database_url=installation.url(""),
        state_dir=folder / "state",
        spool_dir=spool_dir,
        node="node1",
        sandbox=sandbox,
        calls_per_second=200,
        calls_to_one_number=1000,
    )
    spool, journal = Spool(settings.spool), Journal(settings.journal)
    spool.prepare()
    journal.prepare()
    store = Store.of(settings)
    store.keys.prepare()
    if founded is None:
        acme, borea = _offices(dbs["admin"])
        transient_readers.ensure(dbs["switch"], store.keys, settings.node)
        keyrings = {each.tenant.id: enrol(dbs["portal"], each) for each in (acme, borea) if enrolled}
    else:
        acme, borea = map(replace, founded.offices)
        founded.place_keys(store.keys)
        keyrings = {each.tenant.id: ready_made(each.tenant.id)[1] for each in (acme, borea) if founded.enrolled}
    yield World(
        installation,
        **dbs,
        store=store,
        keyrings=keyrings,
        spool=spool,
        journal=journal,
        settings=settings,
        acme=acme,
        borea=borea,
    )
    for db in dbs.values():
        db.close()


def _offices(admin: Database) -> tuple[Office, Office]:
    """And the trunk that both call by."""
    with admin.across_tenants() as tx:
        values = {"host": "127.0.0.1", "port": 5080, "inbound_country": "DE", "source_networks": ["127.0.0.0/8"]}
        routes.add(tx, "+", trunk_directory.add(tx, "carrier", values))
    return office(admin, "acme", "+493023125001"), office(admin, "borea", "+493023125002")
