"""What opens with a dump of the database, the store and the server's configuration: nothing that no machine waits for.

Whoever has them looks for anything that works as a key: every value of 32 bytes and every stretch of 32 bytes in what
the dump has in hexadecimal or base64, and in every file. Each is tried on every wrap, lock and sealed file there is. In
the raw files of PostgreSQL, with what was deleted and the write-ahead log, the keys that the test knows are sought.
"""

import base64
import io
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from faxplan import audit_key, inbound, outbound, passphrases, transient_readers, user_keys, vault
from faxplan.call_result import CallResult
from faxplan.keyring import Keyring
from faxplan.outbound import SendRequest
from faxplan.passphrases import WrongSecret
from faxplan.sealed import SealBroken, SealedReader
from faxplan.wraps import PrivateKey, PublicKey
from tests import secrets_sought
from tests.bench.whole import write_settings
from tests.db.test_failing_over import settle
from tests.db.test_transient_readers import age
from tests.faxes import NUMBER, accepted, claim, fax_tiff, pending_folder
from tests.installations import Installation
from tests.past_the_gate import connected
from tests.world import World, world_on

KEY_BYTES = 32
LONGEST_SEARCHED = 200_000
"""Of a file, so many bytes are looked at from each place on."""


@dataclass(frozen=True)
class Taken:
    """What somebody took at one moment. dump: pg_dump's text. store, others: contents by path; others: what lies beside
    the store that a backup would have."""

    dump: str
    store: dict[str, bytes]
    others: dict[str, bytes]

    @cached_property
    def tables(self) -> dict[str, list[dict[str, str]]]:
        """Each table's rows, as COPY writes them."""
        found = {}
        for table, columns, rows in re.findall(
            r"^COPY public\.(\w+) \(([^)]*)\) FROM stdin;\n(.*?)^\\\.$", self.dump, re.MULTILINE | re.DOTALL
        ):
            names = columns.split(", ")
            found[table] = [dict(zip(names, row.split("\t"), strict=True)) for row in rows.splitlines()]
        return found

    def column(self, table: str, column: str) -> list[bytes]:
        """A column of bytes, without what is null."""
        return [_bytes(row[column]) for row in self.tables[table] if row[column] != r"\N"]


def _bytes(written: str) -> bytes:
    return bytes.fromhex(written.removeprefix(r"\\x"))


def take(world: World) -> Taken:
    program = world.installation.cluster.programs / "pg_dump"
    url = world.installation.url("faxplan_backup")
    dump = subprocess.run([program, url], check=True, capture_output=True, text=True).stdout
    state = world.settings.state_dir
    store = {path.name: path.read_bytes() for path in world.stored()}
    beside = [path for path in secrets_sought.files_below(state) if world.store.root not in path.parents]
    # As docs/security.md says: a backup has all but this folder.
    kept = [path for path in beside if state / "keys" not in path.parents]
    return Taken(dump, store, {str(path): path.read_bytes() for path in (*kept, write_settings(world))})


def machines_keys(world: World) -> set[bytes]:
    """What lies in the folder of this machine's keys."""
    return {path.read_bytes() for path in world.store.keys.root.glob("*.key")}


# ----------------------------------------------------------------------------------------------------------- the search


def _windows(content: bytes) -> Iterator[bytes]:
    return (content[at : at + KEY_BYTES] for at in range(len(content) - KEY_BYTES + 1))


def _decoded(text: bytes) -> Iterator[bytes]:
    """What is written there in hexadecimal or base64, of at least a key's length."""
    for run in re.findall(rb"[0-9a-fA-F]{64,}", text):
        yield bytes.fromhex(run[: len(run) // 2 * 2].decode())
        yield bytes.fromhex(run[1 : 1 + (len(run) - 1) // 2 * 2].decode())
    for run in re.findall(rb"[A-Za-z0-9+/_-]{43,}", text):
        for start in range(4):
            whole = run[start : start + (len(run) - start) // 4 * 4].translate(bytes.maketrans(b"-_", b"+/"))
            yield base64.b64decode(whole + b"=" * (-len(whole) % 4))


def candidates(taken: Taken) -> tuple[set[bytes], set[bytes]]:
    """What may be a key: by its place (whole values, whatever is written as text), and any 32 bytes of any file."""
    texts = [taken.dump.encode(), *taken.others.values()]
    likely: set[bytes] = set()
    for text in texts:
        for value in _decoded(text):
            likely.update(_windows(value))
        if len(text) == KEY_BYTES:
            likely.add(text)
    anything: set[bytes] = set()
    for content in (*taken.store.values(), *taken.others.values()):
        anything.update(_windows(content[:LONGEST_SEARCHED]))
    return likely, anything - likely


def private_keys(taken: Taken) -> set[bytes]:
    """Every candidate that is the private key of some reader: of a user, a mailbox's epoch, a machine."""
    public = {
        *taken.column("user_keys", "public_key"),
        *taken.column("mailbox_epochs", "public_key"),
        *taken.column("transient_keys", "public_key"),
    }
    likely, anything = candidates(taken)
    return {each for each in likely | anything if _public(each) in public}


def _public(raw: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(raw).public_key().public_bytes_raw()


def opened(taken: Taken, keys: set[bytes]) -> dict[str, bytes]:
    """The documents that open with these private keys, and with what these open: contents by object name."""
    ring = _all_that_open(taken, {PrivateKey(raw) for raw in keys})
    digests = {row["id"]: _bytes(row["header_digest"]) for row in taken.tables["documents"]}
    names = {row["id"]: row["object_name"] for row in taken.tables["documents"]}
    found = {}
    for table in ("mailbox_wraps", "transient_wraps"):
        for row in taken.tables[table]:
            for key in ring:
                try:
                    file_key = key.unwrap(_bytes(row["wrap"]), digests[row["document_id"]])
                except SealBroken:
                    continue
                found[names[row["document_id"]]] = _content(taken, names[row["document_id"]], file_key)
    return found


def _content(taken: Taken, name: str, key: bytes) -> bytes:
    return b"".join(SealedReader(io.BytesIO(taken.store[name]), key).chunks())


def _all_that_open(taken: Taken, ring: set[PrivateKey]) -> set[PrivateKey]:
    """These keys, with the mailboxes' keys that are wrapped to them, and those before these, until there is no more."""
    epochs = {
        (row["mailbox_id"], int(row["epoch"])): PublicKey(_bytes(row["public_key"]))
        for row in taken.tables["mailbox_epochs"]
    }
    wraps = [
        (epochs[row["mailbox_id"], int(row["epoch"])], _bytes(row["wrap"])) for row in taken.tables["mailbox_keys"]
    ]
    wraps += [
        (epochs[row["mailbox_id"], int(row["epoch"]) - 1], _bytes(row["earlier_key"]))
        for row in taken.tables["mailbox_epochs"]
        if row["earlier_key"] != r"\N"
    ]
    while True:
        more = {found for public, wrap in wraps for key in ring if (found := _unwrapped(key, wrap, public)) is not None}
        if more <= ring:
            return ring
        ring = ring | more


def _unwrapped(key: PrivateKey, wrap: bytes, public: PublicKey) -> PrivateKey | None:
    try:
        return key.unwrap_private(wrap, public)
    except SealBroken:
        return None


def unlocked(taken: Taken) -> set[bytes]:
    """Users' private keys whose lock opens with anything that is there, as if it were a password's key."""
    public = {row["id"]: _bytes(row["public_key"]) for row in taken.tables["user_keys"]}
    likely, _ = candidates(taken)
    found = set()
    for row in taken.tables["key_locks"]:
        for wrap in likely:
            try:
                found.add(passphrases.unlock(_bytes(row["locked"]), wrap, public[row["user_key_id"]]).raw)
            except WrongSecret:
                continue
    return found


def opened_by_file_keys(taken: Taken) -> set[str]:
    """Sealed files that open with anything that is there, as if it were their key."""
    likely, _ = candidates(taken)
    found = set()
    for name, content in taken.store.items():
        for key in likely:
            try:
                SealedReader(io.BytesIO(content), key)
            except SealBroken:
                continue
            found.add(name)
    return found


# ------------------------------------------------------------------------------------------------------------ the world


@pytest.fixture
def world(installation: Installation, tmp_path: Path) -> Iterator[World]:
    """One of its own, with keys that no other test has: one of them plants a key into files that all tests share."""
    with world_on(installation, tmp_path) as made:
        yield made


@pytest.fixture
def busy(world: World, tmp_path: Path) -> World:
    """A fax that was sent, one that was received, and one that waits; and a key that signs the audit."""
    audit_key.load_or_make(world.settings.audit_key)
    submit(world, tmp_path, "a letter that was sent")
    (fax,) = claim(world)
    settle(world, fax, CallResult("NORMAL_CLEARING", fax_success=True, fax_result_code=0, pages=1))
    sidecar = accepted(world, world.acme, "uuid-1")
    fax_tiff(world.spool.inbound_tiff(sidecar.attempt_id), 1)
    pending = pending_folder(world).secure(
        world.spool, sidecar, CallResult("NORMAL_CLEARING", fax_success=True, pages=1)
    )
    assert inbound.deliver(world.switch, world.store, pending, actor="test") == "received"
    submit(world, tmp_path, "a letter that waits")
    return world


def submit(world: World, folder: Path, words: str) -> None:
    letter = folder / "letter.txt"
    letter.write_text(words)
    outbound.submit(world.portal, world.store, world.acme.user, SendRequest(NUMBER, letter, "letter.txt"))
    world.render_all()


def of_the_fax_that_waits(world: World) -> set[str]:
    """Its original and its pages, by object name."""
    with world.portal.tenant(world.acme.tenant.id) as tx:
        rows = tx.rows(
            """select d.object_name from faxes f join renderings r on r.id = f.rendering_id
               join documents d on d.id in (r.original_id, r.document_id) where f.state = 'queued'"""
        )
    return {row["object_name"] for row in rows}


def secrets_of(world: World) -> dict[str, bytes]:
    """Private keys that the test knows, since it made them, or has the password."""
    tenant = world.acme.tenant.id
    with world.portal.tenant(tenant) as tx:
        (key_id,) = (each.id for each in user_keys.of_user(tx, tenant, world.acme.user.id))
        ring = Keyring({key_id: world.keyrings[tenant]}, vault.epochs_of_user(tx, tenant, world.acme.user.id))
    mailbox = ring.key_of(world.acme.user.mailbox_id or 0, 1)
    (machine,) = machines_keys(world)
    assert mailbox is not None
    return {"user": world.keyrings[tenant].raw, "mailbox": mailbox.raw, "machine": machine}


def a_day_later(world: World) -> None:
    """The machine takes a new key, and destroys the old one."""
    for column, seconds in (
        ("created_at", transient_readers.LIFETIME_SECONDS),
        ("retired_at", transient_readers.GRACE_SECONDS),
    ):
        age(world, column, seconds)
        transient_readers.renew(world.switch, world.store.keys, world.settings.node)


# ------------------------------------------------------------------------------------------------------------ the proof


def test_dump_store_and_settings_open_nothing(busy: World) -> None:
    taken = take(busy)
    # Sent: original, rendering and its two images, twice. Received: TIFF, PDF and two images.
    assert len(taken.store) == 12
    keys = private_keys(taken)
    assert keys == set()
    assert opened(taken, keys) == {}
    assert unlocked(taken) == set()
    assert opened_by_file_keys(taken) == set()


def test_with_the_machines_keys_of_that_moment_what_was_queued_opens_and_nothing_else(busy: World) -> None:
    found = opened(take(busy), machines_keys(busy))
    assert found.keys() == of_the_fax_that_waits(busy)
    assert b"a letter that waits" in found.values()


def test_once_the_key_of_that_day_is_destroyed_the_dump_opens_nothing(busy: World) -> None:
    """Though the fax was queued when it was taken, and still is."""
    before = take(busy)
    a_day_later(busy)
    after = take(busy)
    assert opened(before, machines_keys(busy)) == {}
    assert private_keys(after) == set()
    # It still can be sent, and with the keys of this day it opens.
    assert opened(after, machines_keys(busy)).keys() == of_the_fax_that_waits(busy)


def test_a_user_opens_what_is_in_the_own_mailbox(busy: World) -> None:
    """The control: with the key that the password opens, the same search opens all."""
    taken = take(busy)
    assert opened(taken, {busy.keyrings[busy.acme.tenant.id].raw}).keys() == taken.store.keys()


@pytest.mark.parametrize("form", range(4))
def test_a_key_that_lies_about_is_found(busy: World, form: int) -> None:
    """The control of the search: a mailbox's, planted into a file of the state folder, or into a table."""
    raw = secrets_of(busy)["mailbox"]
    note = busy.settings.state_dir / "note"
    written = [
        b"my key " + raw + b"!",
        f"key = {raw.hex()}".encode(),
        b"key = " + base64.b64encode(b"x" + raw),
    ]
    if form < len(written):
        note.write_bytes(written[form])
    else:
        with connected(busy.installation, "postgres") as cursor:
            cursor.execute("update users set name = %s", (f"key {raw.hex()}",))
            cursor.connection.commit()
    taken = take(busy)
    assert private_keys(taken) == {raw}
    assert opened(taken, {raw}).keys() == taken.store.keys()


def test_no_private_key_lies_in_postgresqls_own_files(busy: World) -> None:
    """With what was deleted, and the write-ahead log; and the machine's key nowhere but in its folder."""
    secrets = secrets_of(busy)
    a_day_later(busy)
    (machine,) = machines_keys(busy)
    secrets |= {"the machine's new key": machine}
    with connected(busy.installation, "postgres") as cursor:
        cursor.execute("select oid from pg_database where datname = current_database()")
        (oid,) = cursor.fetchone() or (0,)
        cursor.execute("select public_key from transient_keys")
        public = {f"public {number}": bytes(row[0]) for number, row in enumerate(cursor.fetchall())}
        cursor.execute("checkpoint")
    data = busy.installation.cluster.data_dir
    files = list(secrets_sought.files_below(data / "base" / str(oid), data / "pg_wal"))
    # The cluster is that of other tests, too: it recycles its write-ahead log meanwhile.
    assert secrets_sought.in_files(files, public, may_go=True) == set(public)  # the control: these are the right files
    assert secrets_sought.in_files(files, secrets, may_go=True) == set()
    everything = secrets_sought.files_below(busy.settings.state_dir)
    assert secrets_sought.in_files(everything, secrets) == {"the machine's new key"}
