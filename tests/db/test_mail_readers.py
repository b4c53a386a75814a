"""Received faxes of mailboxes that chose mail: a worker opens them until they are handed over, and nobody else."""

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from psycopg2.errors import InsufficientPrivilege

from faxplan import documents, mail_readers, mailboxes, outbound, transient_readers
from faxplan.db import Transaction
from faxplan.document_store import KeyElsewhere
from faxplan.key_folder import KeyFolder
from faxplan.outbound import SendRequest
from faxplan.pending import PendingFax
from faxplan.transient_readers import KeyGone
from tests.db.test_inbound import arrived, deliver
from tests.db.test_transient_readers import age, folder
from tests.faxes import NUMBER
from tests.mailing import choose_mail, to_be_mailed
from tests.past_the_gate import connected
from tests.world import World


@pytest.fixture
def keys(world: World) -> KeyFolder:
    """The worker's, which it has renewed once."""
    made = folder(world.settings.mailer_keys)
    mail_readers.renew(world.worker, made, "node1")
    return made


def choose(world: World, *, mail: bool) -> bool:
    user = world.acme.user
    return choose_mail(world, user, mail=mail)


def waiting(world: World) -> list[int]:
    """Documents that a worker could mail."""
    found = to_be_mailed(world.worker)
    assert {tenant for tenant, _ in found} <= {world.acme.tenant.id}
    return [document for _, document in found]


def read(world: World, keys: KeyFolder, document_id: int) -> bytes:
    with mail_readers.opened(world.worker, world.store, keys, world.acme.tenant.id, document_id) as reader:
        return reader.read()


def let_go(world: World, document_ids: list[int]) -> None:
    with world.worker.tenant(world.acme.tenant.id) as tx:
        mail_readers.let_go(tx, world.acme.tenant.id, document_ids)


@pytest.fixture
def fax(world: World, keys: KeyFolder) -> Iterator[PendingFax]:
    """A call that ended, for a mailbox that chose mail; not delivered yet."""
    assert choose(world, mail=True)
    return arrived(world)


def test_without_the_choice_no_worker_opens_anything(world: World, keys: KeyFolder) -> None:
    assert deliver(world, arrived(world)) == "received"
    assert waiting(world) == []
    with world.worker.across_tenants() as tx:
        assert tx.value("select count(*) from transient_wraps") == 0


def test_what_waits_for_mail_a_worker_opens_until_it_is_handed_over(
    world: World, keys: KeyFolder, fax: PendingFax
) -> None:
    assert deliver(world, fax) == "received"
    tiff, pdf = waiting(world)
    assert read(world, keys, tiff)[:4] == b"II*\0"
    assert read(world, keys, pdf)[:4] == b"%PDF"
    let_go(world, [tiff])
    assert waiting(world) == [pdf]
    with pytest.raises(KeyGone, match="as before"):
        read(world, keys, tiff)
    let_go(world, [tiff, pdf])
    assert waiting(world) == []
    # Its readers read on.
    with world.portal.tenant(world.acme.tenant.id) as tx:
        stored = documents.get(tx, world.acme.tenant.id, pdf)
    assert world.opened(stored)[:4] == b"%PDF"


def test_the_switch_opens_none_of_it(world: World, keys: KeyFolder, fax: PendingFax) -> None:
    assert deliver(world, fax) == "received"
    switchs = world.store.keys
    assert switchs.root != keys.root
    assert {each.raw for each in switchs.held()}.isdisjoint(each.raw for each in keys.held())
    for document_id in waiting(world):
        with pytest.raises(KeyElsewhere):
            read(world, KeyFolder(switchs.root), document_id)
        with world.switch.tenant(world.acme.tenant.id) as tx:
            # Nor is it taken for something that waits to be sent.
            assert documents.get_to_send(tx, world.acme.tenant.id, document_id).wraps == {}


def test_the_switch_makes_itself_no_mailer_and_removes_none(world: World, keys: KeyFolder) -> None:
    insert = "insert into transient_keys (purpose, node, public_key) values (%s, 'node9', %s)"
    with connected(world.installation, "faxplan_switch") as cursor:
        cursor.execute(insert, ("dispatch", b"1" * 32))
        for statement in ("delete from transient_keys where purpose = 'mailer'",
                          "update transient_keys set retired_at = now() where purpose = 'mailer'"):  # fmt: skip
            cursor.execute(statement)
            assert cursor.rowcount == 0
        with pytest.raises(InsufficientPrivilege):
            cursor.execute(insert, ("mailer", b"2" * 32))


def test_after_a_day_the_old_key_is_destroyed_and_what_waits_moves_on(
    world: World, keys: KeyFolder, fax: PendingFax
) -> None:
    assert deliver(world, fax) == "received"
    (old,), tiff = keys.held(), waiting(world)[0]
    with world.worker.tenant(world.acme.tenant.id) as tx:
        copied = documents.get_to_mail(tx, world.acme.tenant.id, tiff)  # a dump of that day
    age(world, "created_at", transient_readers.LIFETIME_SECONDS)
    mail_readers.renew(world.worker, keys, "node1")
    age(world, "retired_at", transient_readers.MAILER_GRACE_SECONDS)
    mail_readers.renew(world.worker, keys, "node1")
    assert old not in keys.held()
    assert read(world, keys, waiting(world)[0])[:4] == b"II*\0"
    digest = copied.stored.digest
    assert digest is not None
    assert transient_readers.file_key(keys, copied.wraps, digest) is None


def test_a_key_outlives_the_calls_that_were_answered_with_it(world: World, keys: KeyFolder, fax: PendingFax) -> None:
    """A call lasts longer than any fax takes from its submission to its commit."""
    (old,) = keys.held()
    age(world, "created_at", transient_readers.LIFETIME_SECONDS)
    mail_readers.renew(world.worker, keys, "node1")
    age(world, "retired_at", transient_readers.MAILER_GRACE_SECONDS - 60)
    mail_readers.renew(world.worker, keys, "node1")
    assert old in keys.held()
    assert deliver(world, fax) == "received"
    mail_readers.renew(world.worker, keys, "node1")
    assert read(world, keys, waiting(world)[0])[:4] == b"II*\0"


def test_a_fax_whose_mailer_is_gone_meanwhile_is_delivered_without(
    world: World, keys: KeyFolder, fax: PendingFax
) -> None:
    with world.worker.across_tenants() as tx:
        tx.execute("delete from transient_keys where purpose = 'mailer'")
    assert deliver(world, fax) == "received"
    assert waiting(world) == []
    assert mailboxes_of(world) == 1


def mailboxes_of(world: World) -> int:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return len(mailboxes.entries(tx, world.acme.tenant.id, world.acme.user.id))


def test_no_worker_no_mail_and_the_fax_all_the_same(world: World) -> None:
    assert choose(world, mail=True)
    assert deliver(world, arrived(world)) == "received"
    assert waiting(world) == []


def test_what_was_chosen_otherwise_during_the_call_is_not_wrapped(
    world: World, keys: KeyFolder, fax: PendingFax
) -> None:
    assert choose(world, mail=False)
    assert deliver(world, fax) == "received"
    assert waiting(world) == []


def test_switched_off_while_a_fax_is_delivered_it_does_not_wait(
    world: World, keys: KeyFolder, fax: PendingFax, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted, off = mail_readers.still_wanted, threading.Thread(target=lambda: choose(world, mail=False))

    def and_meanwhile(tx: Transaction, tenant_id: int, mailbox_id: int, wraps: Mapping[int, bytes]) -> dict[int, bytes]:
        found = wanted(tx, tenant_id, mailbox_id, wraps)
        if off.ident is None:
            off.start()
            # It waits for us, or has long done what it should not.
            off.join(2)
        return found

    monkeypatch.setattr(mail_readers, "still_wanted", and_meanwhile)
    assert deliver(world, fax) == "received"
    off.join()
    assert waiting(world) == []


def test_switched_off_what_waits_is_given_up_at_once(world: World, keys: KeyFolder, fax: PendingFax) -> None:
    assert deliver(world, fax) == "received"
    assert choose(world, mail=False)
    assert not choose(world, mail=False)
    assert waiting(world) == []
    with world.portal.tenant(world.acme.tenant.id) as tx:
        told = tx.rows("select details from audit where action = 'mailbox.mail' order by sequence")
    assert [(each["details"]["mode"], each["details"]["given_up"]) for each in told] == [("plain", 0), ("notice", 2)]


def test_what_nobody_mails_is_given_up_after_days(
    world: World, keys: KeyFolder, fax: PendingFax, tmp_path: Path
) -> None:
    assert deliver(world, fax) == "received"
    letter = tmp_path / "letter.txt"
    letter.write_text("A letter.\n")
    outbound.submit(world.portal, world.store, world.acme.user, SendRequest(NUMBER, letter, "letter.txt"))
    with connected(world.installation, "postgres") as cursor:
        cursor.execute("update transient_wraps set created_at = created_at - make_interval(secs => %s)",
                       (mail_readers.GIVE_UP_SECONDS - 60,))  # fmt: skip
        cursor.connection.commit()
    # It counts from the first key on.
    age(world, "created_at", transient_readers.LIFETIME_SECONDS)
    mail_readers.renew(world.worker, keys, "node1")
    assert len(waiting(world)) == 2
    with connected(world.installation, "postgres") as cursor:
        cursor.execute("update transient_wraps set created_at = created_at - interval '2 minutes'")
        cursor.connection.commit()
    mail_readers.renew(world.worker, keys, "node1")
    assert waiting(world) == []
    with world.worker.across_tenants() as tx:
        # What waits to be sent waits on.
        assert tx.value("select count(*) from transient_wraps") == 1


def test_after_a_restore_what_waited_is_given_up_and_its_readers_have_it(
    world: World, keys: KeyFolder, fax: PendingFax
) -> None:
    """The database is back at a day whose keys are destroyed by now."""
    assert deliver(world, fax) == "received"
    tiff, _ = waiting(world)
    fresh = folder(keys.root.parent / "fresh")
    with pytest.raises(KeyElsewhere):
        read(world, fresh, tiff)
    mail_readers.renew(world.worker, fresh, "node1")
    assert waiting(world) == []
    with pytest.raises(KeyGone):
        read(world, fresh, tiff)
    assert mailboxes_of(world) == 1


def test_another_machines_worker_is_given_what_waits(world: World, keys: KeyFolder, fax: PendingFax) -> None:
    assert deliver(world, fax) == "received"
    there = folder(keys.root.parent / "there")
    mail_readers.renew(world.worker, there, "node2")
    with pytest.raises(KeyElsewhere):
        read(world, there, waiting(world)[0])
    mail_readers.renew(world.worker, keys, "node1")
    assert read(world, there, waiting(world)[0])[:4] == b"II*\0"
    let_go(world, waiting(world))
    assert waiting(world) == []
