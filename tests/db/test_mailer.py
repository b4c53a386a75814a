"""What waits in the outbox goes out once, as its mailbox has chosen, in the brand's name; real mail over a relay."""

import struct
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email.message import EmailMessage
from io import BytesIO

import pikepdf
import pysequoia
import pytest
from psycopg2.errors import InsufficientPrivilege

from faxplan import brands, deletion, mail_notices, mail_readers, mailbox_mail, mailboxes, membership, outbox, users
from faxplan import mailer as mailers
from faxplan.errors import DatabaseUnavailable, Forbidden, NotFound
from faxplan.key_folder import KeyFolder
from faxplan.mail_journal import MailJournal
from faxplan.mailbox_mail import Format, InvalidMailChoice, Mode
from faxplan.proofs import NoProof
from faxplan.users import User
from tests import retained
from tests.db.test_inbound import WELL, arrived, deliver
from tests.db.test_purge import BLOCKED
from tests.db.test_storeless import Disk
from tests.db.test_transient_readers import folder
from tests.faxes import accepted, fax_tiff, pending_folder
from tests.mail_relay import MailRelay
from tests.mailing import choose_mail, mailer, mails, to_be_mailed
from tests.retained import count, execute
from tests.vendor_words import vendor_words
from tests.world import World

OTHER = "secretary@partner.example"


@pytest.fixture
def keys(world: World) -> KeyFolder:
    made = folder(world.settings.mailer_keys)
    mail_readers.renew(world.worker, made, "node1")
    return made


@pytest.fixture
def relay(world: World) -> Iterator[MailRelay]:
    with MailRelay() as relay:
        world.settings = replace(
            world.settings, smtp_host="127.0.0.1", smtp_port=relay.port, smtp_from="fax@carrier.example",
            portal_domain="fax.example",
        )  # fmt: skip
        with world.admin.tenant(world.acme.tenant.id) as tx:
            brands.change(
                tx,
                world.acme.tenant.id,
                {
                    "name": "Nordwind: Fax",
                    "support": "Ask Nora",
                    "colour": "#aa3311",
                    "mail_reply_to": "desk@nordwind.example",
                },
            )
        yield relay


def own_mailbox(world: World, user: User) -> int:
    with world.portal.tenant(user.tenant_id) as tx:
        return mailboxes.by_name(tx, user.tenant_id, world.acme.user.email)


def add(world: World, address: str, *, by: User | None = None, shown: bool = True) -> None:
    user = by or world.acme.user
    mailbox_mail.add(world.portal, user, own_mailbox(world, world.acme.user), address, shown=shown, actor="test")


def choose(world: World, mode: Mode, *, by: User | None = None, shown: bool = True, **chosen: object) -> bool:
    user = by or world.acme.user
    mailbox = own_mailbox(world, world.acme.user)
    return mailbox_mail.choose(world.portal, user, mailbox, mode, shown=shown, actor="test", **chosen)  # type: ignore[arg-type]


def received(world: World) -> None:
    assert deliver(world, arrived(world)) == "received"


def text(message: EmailMessage, kind: str = "plain") -> str:
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content())


def attached(message: EmailMessage) -> list[tuple[str, str, bytes]]:
    return [
        (str(each.get_filename()), each.get_content_type(), each.get_content()) for each in message.iter_attachments()
    ]


def test_who_reads_a_mailbox_is_told_by_a_notice_without_a_page(
    world: World, keys: KeyFolder, relay: MailRelay
) -> None:
    received(world)
    assert mailer(world, keys).work()
    (mail,) = relay.mails
    assert (mail.sender, mail.recipients) == ("fax@carrier.example", [world.acme.user.email])
    said = mail.message
    assert str(said["From"]) == '"Nordwind: Fax" <fax@carrier.example>'
    assert str(said["Subject"]).startswith("Fax from ")
    assert (said["Auto-Submitted"], said["Reply-To"]) == ("auto-generated", "desk@nordwind.example")
    link = f"https://{world.acme.tenant.slug}.fax.example/faxes/"
    for kind in ("plain", "html"):
        assert link in text(said, kind)
        assert "Ask Nora" in text(said, kind)
    assert attached(said) == []
    assert not vendor_words(bytes(said))
    (row,) = mails(world, world.acme.user)
    assert (row["state"], row["sent_as"], row["said"]) == ("accepted", "notice", "250 taken")
    assert str(said["Message-ID"]) == f"<{row['token']}@carrier.example>"
    assert not mailer(world, keys).work()
    assert len(relay.mails) == 1


def test_the_fax_itself_goes_out_as_it_is_and_then_no_worker_opens_it(
    world: World, keys: KeyFolder, relay: MailRelay
) -> None:
    choose_mail(world, world.acme.user, mail=True)
    add(world, OTHER)
    received(world)
    relay.refused.add(OTHER)
    assert mailer(world, keys).work()
    (mail,) = relay.mails
    ((name, kind, content),) = attached(mail.message)
    assert (name[:4], name[-4:], kind) == ("fax-", ".pdf", "application/pdf")
    with pikepdf.open(BytesIO(content)) as document:
        assert len(document.pages) >= 1
    assert not vendor_words(bytes(mail.message) + content)
    states = {row["recipient"]: (row["state"], row["sent_as"]) for row in mails(world, world.acme.user)}
    assert states == {world.acme.user.email: ("accepted", "plain"), OTHER: ("refused", None)}
    assert to_be_mailed(world.worker) == []


def test_while_one_recipient_waits_the_worker_can_open_it(world: World, keys: KeyFolder, relay: MailRelay) -> None:
    choose_mail(world, world.acme.user, mail=True)
    add(world, OTHER)
    received(world)
    relay.busy_for.add(OTHER)
    mailer(world, keys).work()
    assert len(relay.mails) == 1
    assert len(to_be_mailed(world.worker)) == 2
    relay.busy_for.clear()
    execute(world, "update outbox set not_before = now()")
    mailer(world, keys).work()
    assert [each.recipients for each in relay.mails] == [[world.acme.user.email], [OTHER]]
    assert to_be_mailed(world.worker) == []


def test_a_pdf_with_a_password(world: World, keys: KeyFolder, relay: MailRelay) -> None:
    add(world, OTHER)
    with pytest.raises(InvalidMailChoice, match="password"):
        choose(world, Mode.LOCKED_PDF)
    choose(world, Mode.LOCKED_PDF, password="seven herons by the quay")
    received(world)
    mailer(world, keys).work()
    ((_, _, content),) = attached(relay.mails[0].message)
    with pytest.raises(pikepdf.PasswordError):
        pikepdf.open(BytesIO(content))
    with pikepdf.open(BytesIO(content), password="seven herons by the quay") as document:
        assert document.encryption.R == 6


def test_a_tiff_names_no_machine(world: World, keys: KeyFolder, relay: MailRelay) -> None:
    add(world, OTHER)
    choose(world, Mode.PLAIN, file_format=Format.TIFF)
    received(world)
    mailer(world, keys).work()
    ((name, kind, content),) = attached(relay.mails[0].message)
    assert (name[-5:], kind, content[:4]) == (".tiff", "image/tiff", b"II*\0")
    assert not vendor_words(content)


def test_of_a_tiff_that_breaks_off_a_notice_goes_instead(world: World, keys: KeyFolder, relay: MailRelay) -> None:
    add(world, OTHER)
    choose(world, Mode.PLAIN, file_format=Format.TIFF)
    sidecar = accepted(world, world.acme, "uuid-1")
    tiff = world.spool.inbound_tiff(sidecar.attempt_id)
    fax_tiff(tiff, 2)
    content = bytearray(tiff.read_bytes())
    (first,) = struct.unpack_from("<I", content, 4)
    (tags,) = struct.unpack_from("<H", content, first)
    struct.pack_into("<I", content, first + 2 + 12 * tags, len(content))  # the second page is behind the end
    tiff.write_bytes(content)
    assert deliver(world, pending_folder(world).secure(world.spool, sidecar, WELL)) in ("received", "partial")
    assert mailer(world, keys).work()
    assert attached(relay.mails[0].message) == []
    assert "The fax is not in this mail" in text(relay.mails[0].message)
    assert [row["state"] for row in mails(world, world.acme.user)] == ["accepted"]


def test_over_a_connection_that_proves_nothing_a_notice_goes_instead(
    world: World, keys: KeyFolder, relay: MailRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose_mail(world, world.acme.user, mail=True)
    received(world)
    # As if the relay were another machine.
    monkeypatch.setattr("faxplan.mail.Relay._is_here", False)
    mailer(world, keys).work()
    (mail,) = relay.mails
    assert attached(mail.message) == []
    assert "The fax is not in this mail" in text(mail.message)
    assert mails(world, world.acme.user)[0]["sent_as"] == "notice"


def test_a_relay_that_is_away_is_left_alone_and_nothing_is_lost(
    world: World, keys: KeyFolder, relay: MailRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    received(world)
    relay.busy = True
    one = mailer(world, keys)
    assert not one.work()
    (row,) = mails(world, world.acme.user)
    assert (row["state"], row["tries"]) == ("waiting", 0)
    relay.busy = False
    asked = relay.connections
    assert not one.work()  # it rests
    assert relay.connections == asked
    assert mailer(world, keys).work()
    assert len(relay.mails) == 1


def test_what_was_taken_over_goes_out_no_second_time_though_the_database_did_not_hear_of_it(
    world: World, keys: KeyFolder, relay: MailRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    received(world)
    one = mailer(world, keys)

    def away(*_args: object) -> None:
        raise DatabaseUnavailable("away")

    with monkeypatch.context() as patched:
        patched.setattr(mailers.outbox, "end", away)
        with pytest.raises(DatabaseUnavailable):
            one.work()
    assert len(relay.mails) == 1
    assert mails(world, world.acme.user)[0]["state"] == "waiting"
    execute(world, "update outbox set lease_until = now() - interval '1 second'")
    assert not mailer(world, keys, name="another:1").work()
    assert len(relay.mails) == 1
    assert mails(world, world.acme.user)[0]["state"] == "accepted"


def test_a_try_whose_answer_was_lost_is_repeated_with_the_same_message_id(
    world: World, keys: KeyFolder, relay: MailRelay
) -> None:
    received(world)
    relay.hangs_up_after_data = True
    assert not mailer(world, keys).work()
    relay.hangs_up_after_data = False
    assert not mailer(world, keys).work()
    execute(world, "update outbox set not_before = now()")
    assert mailer(world, keys).work()
    one, two = relay.mails
    assert one.message["Message-ID"] == two.message["Message-ID"]
    assert len(mails(world, world.acme.user)) == 1


def test_two_mailers_hand_over_each_mail_once(world: World, keys: KeyFolder, relay: MailRelay) -> None:
    for _ in range(6):
        received(world)
    several = [mailer(world, keys, name=f"one:{number}") for number in range(3)]
    threads = [threading.Thread(target=each.work) for each in several]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    for each in several:
        each.work()
    ids = [str(mail.message["Message-ID"]) for mail in relay.mails]
    assert len(ids) == len(set(ids)) == 6


def test_after_three_days_a_mail_is_given_up_and_its_reader_has_the_fax(
    world: World, keys: KeyFolder, relay: MailRelay
) -> None:
    choose_mail(world, world.acme.user, mail=True)
    received(world)
    relay.busy_for.add(world.acme.user.email)
    execute(world, "update outbox set created_at = created_at - interval '4 days'")
    mailer(world, keys).work()
    (row,) = mails(world, world.acme.user)
    assert (row["state"], row["said"][-16:]) == ("given-up", "450 not just now")
    assert to_be_mailed(world.worker) == []


def test_who_has_left_the_mailbox_gets_no_more_of_it(world: World, keys: KeyFolder, relay: MailRelay) -> None:
    tenant, mailbox = world.acme.tenant.id, own_mailbox(world, world.acme.user)
    with world.admin.tenant(tenant) as tx:
        she = users.create(tx, tenant, email="two@acme.example", name="")
        membership.enter(tx, tenant, mailbox, she, None)
    add(world, OTHER, by=she)
    choose(world, Mode.PLAIN, by=she)
    with world.admin.tenant(tenant) as tx:
        users.change(tx, tenant, she.id, {"enabled": False})
    received(world)
    assert mails(world, world.acme.user) == []
    with world.admin.tenant(tenant) as tx:
        users.change(tx, tenant, she.id, {"enabled": True})
        membership.leave(tx, tenant, mailbox, she, None)
    received(world)
    assert [row["recipient"] for row in mails(world, world.acme.user)] == [world.acme.user.email]
    mailer(world, keys).work()
    assert attached(relay.mails[0].message) == []
    # What was wrapped for a mail that there is none of, no worker keeps.
    assert mail_readers.forget_unwanted(world.worker, 0) == 2
    assert to_be_mailed(world.worker) == []


def test_pages_are_mailed_by_who_reads_them_alone(world: World) -> None:
    tenant = world.acme.tenant.id
    with world.admin.tenant(tenant) as tx:
        boss = users.create(tx, tenant, email="boss@acme.example", name="", role="administrator")
        stranger = users.create(tx, tenant, email="two@acme.example", name="")
    add(world, OTHER, by=boss)  # of notices
    with pytest.raises(InvalidMailChoice, match="administrator"):
        choose(world, Mode.PLAIN)
    add(world, "own@acme.example")
    with pytest.raises(Forbidden):
        choose(world, Mode.PLAIN, by=boss)
    with pytest.raises(NotFound):
        choose(world, Mode.OFF, by=stranger)
    with pytest.raises(NotFound):
        choose(world, Mode.OFF, by=world.borea.user)
    with pytest.raises(NoProof):
        choose(world, Mode.PLAIN, shown=False)
    assert choose(world, Mode.PLAIN)
    with pytest.raises(Forbidden):
        add(world, "boss@acme.example", by=boss)
    with pytest.raises(NoProof):
        add(world, "boss@acme.example", shown=False)
    # An administrator ends it, and that is all.
    assert choose(world, Mode.NOTICE, by=boss, shown=False)


def test_who_is_added_while_somebody_chooses_is_looked_at(world: World) -> None:
    """SECURITY: of sealed mail each recipient has a key, whoever is quicker."""
    key = bytes(pysequoia.Tsk.generate("<one@partner.example>").extract_certificate())
    mailbox = own_mailbox(world, world.acme.user)
    mailbox_mail.add(
        world.portal, world.acme.user, mailbox, "one@partner.example", openpgp_key=key, shown=True, actor="test"
    )
    with ThreadPoolExecutor(1) as another:
        with world.portal.tenant(world.acme.tenant.id) as tx:
            # Somebody adds another one: it is their turn, and they have not committed.
            tx.take_turn(mailbox_mail._TURN, world.acme.tenant.id)
            tx.execute(
                "insert into mail_recipients (tenant_id, mailbox_id, address, added_by) values (%s, %s, %s, %s)",
                (world.acme.tenant.id, mailbox, OTHER, world.acme.user.id),
            )
            choosing = another.submit(choose, world, Mode.OPENPGP)
            while not count(world, "pg_locks", BLOCKED) and not choosing.done():
                time.sleep(0.01)
        with pytest.raises(InvalidMailChoice, match=OTHER):
            choosing.result()


def test_nobody_but_the_worker_reads_the_password(world: World) -> None:
    add(world, OTHER)
    choose(world, Mode.LOCKED_PDF, password="seven herons by the quay")
    for role in (world.portal, world.admin, world.switch):
        with pytest.raises(InsufficientPrivilege), role.tenant(world.acme.tenant.id) as tx:
            tx.value("select mail_password from mailboxes where tenant_id = %s limit 1", (world.acme.tenant.id,))


def test_a_journal_entry_that_cannot_be_read_stops_nothing(world: World, keys: KeyFolder, relay: MailRelay) -> None:
    received(world)
    one = mailer(world, keys)
    (world.settings.mail_journal / "broken.json").write_text("{")
    assert one.work()
    assert len(relay.mails) == 1
    assert [each.name for each in world.settings.mail_journal.iterdir()] == ["broken.json.unreadable"]


def test_what_cannot_be_noted_goes_out_no_second_time_and_keeps_no_other(
    world: World, keys: KeyFolder, relay: MailRelay
) -> None:
    add(world, OTHER)
    add(world, "a@partner.example")
    received(world)
    one, two = mails(world, world.acme.user)
    made = mailer(world, keys)
    ended = outbox.Ended(one["tenant_id"], one["id"], one["token"], outbox.State.ACCEPTED, "250 \0")
    MailJournal(world.settings.mail_journal).write(ended)
    assert made.work()
    assert [each.recipients for each in relay.mails] == [[two["recipient"]]]


def test_a_mail_that_the_server_does_not_survive_keeps_no_other(
    world: World, keys: KeyFolder, relay: MailRelay
) -> None:
    add(world, "a@partner.example")
    add(world, OTHER)
    relay.hangs_up_on.add("a@partner.example")
    received(world)
    assert not mailer(world, keys).work()
    assert mailer(world, keys).work()
    assert [each.recipients for each in relay.mails] == [[OTHER]]
    (row,) = (each for each in mails(world, world.acme.user) if each["state"] == "waiting")
    assert "broke off" in row["said"]


def test_an_address_that_no_server_can_be_told_keeps_no_other(world: World, keys: KeyFolder, relay: MailRelay) -> None:
    tenant = world.acme.tenant.id
    for wrong in ("a..b@partner.example", "j\u00fcrgen@partner.example", "a@partner.example."):
        with pytest.raises(InvalidMailChoice):
            add(world, wrong)
    with world.admin.tenant(tenant) as tx:
        she = users.create(tx, tenant, email="j\u00fcrgen@acme.example", name="")
        membership.enter(tx, tenant, own_mailbox(world, world.acme.user), she, None)
    received(world)
    assert mailer(world, keys).work()
    assert [each.recipients for each in relay.mails] == [[world.acme.user.email]]
    (row,) = (each for each in mails(world, world.acme.user) if each["recipient"] == she.email)
    assert (row["state"], "no address" in row["said"]) == ("refused", True)


def test_what_cannot_be_made_keeps_no_other(
    world: World, keys: KeyFolder, relay: MailRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(world, "a@partner.example")
    add(world, OTHER)
    received(world)
    makes = mail_notices.message

    def breaks(known: object, mail: mailers.Waiting, *more: object, **named: object) -> object:
        if mail.recipient != OTHER:
            raise RuntimeError("a bug")
        return makes(known, mail, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(mail_notices, "message", breaks)
    assert mailer(world, keys).work()
    assert [each.recipients for each in relay.mails] == [[OTHER]]


def test_a_slow_server_keeps_others_waiting_for_a_turn_and_no_longer(
    world: World, keys: KeyFolder, relay: MailRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        received(world)
    execute(world, "update outbox set said = '450 not just now'")
    monkeypatch.setattr(mailers, "TURN_SECONDS", 0.0)
    one = mailer(world, keys)
    assert one.work()
    assert [(row["state"], row["tries"], row["said"]) for row in mails(world, world.acme.user)] == [
        ("accepted", 1, "250 taken"), ("waiting", 0, "450 not just now"),
    ]  # fmt: skip
    assert one.work()
    assert len(relay.mails) == 2


def test_while_the_store_is_away_notices_go_on(world: World, keys: KeyFolder, relay: MailRelay) -> None:
    choose_mail(world, world.acme.user, mail=True)
    received(world)
    retained.received(world, world.borea, "one")
    disk, one = Disk(world.store), mailer(world, keys)
    disk.unmount()
    assert one.work()
    assert [each.recipients for each in relay.mails] == [[world.borea.user.email]]
    # Not again at once.
    assert not one.work()
    (row,) = mails(world, world.acme.user)
    assert (row["state"], row["tries"]) == ("waiting", 0)
    disk.mount()
    execute(world, "update outbox set not_before = now()")
    assert one.work()
    assert mails(world, world.acme.user)[0]["sent_as"] == "plain"


def test_whatever_goes_wrong_mail_goes_on(
    world: World, keys: KeyFolder, relay: MailRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    received(world)
    claims, one = mailers.outbox.claim, mailer(world, keys)

    def fails_once(*_args: object, **_named: object) -> object:
        monkeypatch.setattr(mailers.outbox, "claim", claims)
        raise RuntimeError("a bug")

    monkeypatch.setattr(mailers.outbox, "claim", fails_once)
    monkeypatch.setattr(mailers, "AWAY_SECONDS", 0.0)
    relay.on_mail = one.stop
    one.run()
    assert len(relay.mails) == 1


def test_a_log_in_that_cannot_be_read_is_waited_for(world: World, keys: KeyFolder, relay: MailRelay) -> None:
    received(world)
    right = world.settings
    world.settings = replace(right, smtp_password_file=right.state_dir / "missing")
    assert not mailer(world, keys).work()
    world.settings = right
    assert mailer(world, keys).work()
    assert len(relay.mails) == 1


def test_with_a_disk_that_takes_nothing_no_mail_goes_out_twice(world: World, keys: KeyFolder, relay: MailRelay) -> None:
    for _ in range(2):
        received(world)
    one = mailer(world, keys)
    # Nothing can be written there, as on a full disk.
    world.settings.mail_journal.rmdir()
    relay.on_mail = lambda: world.installation.let_in(anybody=False)
    with pytest.raises(DatabaseUnavailable):
        one.work()
    with pytest.raises(DatabaseUnavailable):
        one.work()
    relay.on_mail = lambda: None
    world.installation.let_in(anybody=True)
    while one.work():
        pass
    assert len({str(mail.message["Message-ID"]) for mail in relay.mails}) == len(relay.mails) == 2
    assert [row["state"] for row in mails(world, world.acme.user)] == ["accepted"] * 2


def test_of_what_is_too_large_for_the_server_a_notice_goes_instead(
    world: World, keys: KeyFolder, relay: MailRelay
) -> None:
    choose_mail(world, world.acme.user, mail=True)
    received(world)
    relay.largest = 4000
    assert mailer(world, keys).work()
    (mail,) = relay.mails
    assert attached(mail.message) == []
    assert "The fax is not in this mail" in text(mail.message)
    (row,) = mails(world, world.acme.user)
    assert (row["state"], row["sent_as"]) == ("accepted", "notice")
    assert to_be_mailed(world.worker) == []
    relay.largest = 1000
    received(world)
    mailer(world, keys).work()
    assert [row["state"] for row in mails(world, world.acme.user)] == ["accepted", "refused"]


def test_of_what_a_filter_refuses_a_notice_goes_instead_once(world: World, keys: KeyFolder, relay: MailRelay) -> None:
    choose_mail(world, world.acme.user, mail=True)
    received(world)
    relay.refuses_content = b"application/pdf"
    assert mailer(world, keys).work()
    (mail,) = relay.mails
    assert (attached(mail.message), "takes none with what is in it" in text(mail.message)) == ([], True)
    received(world)
    relay.refuses_content = b"Subject: "
    mailer(world, keys).work()
    assert [(row["state"], row["sent_as"], row["said"][-13:]) for row in mails(world, world.acme.user)] == [
        ("accepted", "notice", "250 taken"), ("refused", None, "554 looks bad"),
    ]  # fmt: skip


def test_of_a_call_that_brought_no_fax_no_pages_are_missed(world: World, keys: KeyFolder, relay: MailRelay) -> None:
    choose_mail(world, world.acme.user, mail=True)
    received(world)
    execute(world, "update notices set kind = 'failed'")
    mailer(world, keys).work()
    (mail,) = relay.mails
    assert "brought no fax" in str(mail.message["Subject"])
    assert "is not in this mail" not in text(mail.message)


def test_what_only_another_worker_can_open_waits_for_it(world: World, keys: KeyFolder, relay: MailRelay) -> None:
    choose_mail(world, world.acme.user, mail=True)
    received(world)
    elsewhere = folder(world.settings.state_dir / "elsewhere")
    assert mailer(world, elsewhere, name="another:1").work()
    # Not at once again, and again.
    assert not mailer(world, elsewhere, name="another:1").work()
    (row,) = mails(world, world.acme.user)
    assert (row["state"], row["tries"]) == ("waiting", 0)
    execute(world, "update outbox set not_before = now()")
    assert mailer(world, keys).work()
    assert len(relay.mails) == 1


@pytest.mark.parametrize(
    ("sender", "domain", "comes_back"),
    [
        ("fax@fax.example", "fax.example", True),
        ("fax@carrier.example", "fax.carrier.example", True),
        ("fax@acme.fax.example", "fax.example", True),
        # Without a signature its envelope alone proves it.
        ("fax@carrier.example", "fax.example", False),
        ("fax@ax.example", "fax.example", False),
        ("fax@fax.example", "", False),
    ],
)
def test_what_comes_back_is_sent_to_us_where_the_mail_is_no_worse_proven(
    world: World, keys: KeyFolder, relay: MailRelay, sender: str, domain: str, comes_back: bool
) -> None:
    world.settings = replace(world.settings, smtp_from=sender, mail_domain=domain)
    received(world)
    mailer(world, keys).work()
    ((mail,), (row,)) = relay.mails, mails(world, world.acme.user)
    assert mail.sender == (f"bounce-{row['token']}@acme.{domain}" if comes_back else sender)
    assert sender in str(mail.message["From"])


def test_a_server_that_refuses_that_sender_gets_the_mail_in_its_own(
    world: World, keys: KeyFolder, relay: MailRelay
) -> None:
    world.settings = replace(world.settings, mail_domain="carrier.example")
    relay.refuses_sender = "bounce-"
    received(world)
    mailer(world, keys).work()
    (mail,) = relay.mails
    assert mail.sender == "fax@carrier.example"
    assert mails(world, world.acme.user)[0]["state"] == "accepted"
    relay.refuses_sender = ""
    world.settings = replace(world.settings, mail_bounces=False)
    received(world)
    mailer(world, keys).work()
    assert relay.mails[1].sender == "fax@carrier.example"


def test_a_server_that_refuses_the_sender_itself_gets_nothing(world: World, keys: KeyFolder, relay: MailRelay) -> None:
    relay.refuses_sender = "fax@"
    received(world)
    mailer(world, keys).work()
    (row,) = mails(world, world.acme.user)
    assert (row["state"], relay.mails) == ("refused", [])
    assert "553 not in this name" in row["said"]


def test_who_is_no_recipient_any_more_gets_nothing_of_what_waited(
    world: World, keys: KeyFolder, relay: MailRelay
) -> None:
    choose_mail(world, world.acme.user, mail=True)
    add(world, OTHER)
    received(world)
    mailbox = own_mailbox(world, world.acme.user)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        known = mailbox_mail.of(tx, world.acme.user, mailbox).recipients
    (gone,) = (each.id for each in known if each.address == OTHER)
    mailbox_mail.remove(world.portal, world.acme.user, mailbox, gone, actor="test")
    mailer(world, keys).work()
    assert [each.recipients for each in relay.mails] == [[world.acme.user.email]]
    states = {row["recipient"]: (row["state"], row["sent_as"]) for row in mails(world, world.acme.user)}
    assert states == {world.acme.user.email: ("accepted", "plain"), OTHER: ("given-up", None)}
    assert to_be_mailed(world.worker) == []


def test_whoever_may_not_mail_pages_any_more_has_none_mailed(world: World, keys: KeyFolder, relay: MailRelay) -> None:
    choose_mail(world, world.acme.user, mail=True)
    received(world)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {"enabled": False})
    mailer(world, keys).work()
    assert relay.mails == []
    assert [row["state"] for row in mails(world, world.acme.user)] == ["given-up"]


def test_who_is_to_get_a_fax_no_more_does_not_get_what_waited_for_them(
    world: World, keys: KeyFolder, relay: MailRelay
) -> None:
    tenant, mailbox = world.acme.tenant.id, own_mailbox(world, world.acme.user)
    with world.admin.tenant(tenant) as tx:
        she, he = (users.create(tx, tenant, email=f"{name}@acme.example", name="") for name in ("she", "he"))
        membership.enter(tx, tenant, mailbox, she, None)
        membership.enter(tx, tenant, mailbox, he, None)
    add(world, "a@partner.example", by=she)
    add(world, "b@partner.example", by=he)
    add(world, "c@partner.example")
    add(world, "d@partner.example")
    choose(world, Mode.PLAIN)
    received(world)
    with world.portal.tenant(tenant) as tx:
        (third,) = (
            each.id
            for each in mailbox_mail.of(tx, world.acme.user, mailbox).recipients
            if each.address == "c@partner.example"
        )
    mailbox_mail.remove(world.portal, world.acme.user, mailbox, third, actor="test")
    with world.admin.tenant(tenant) as tx:
        users.change(tx, tenant, she.id, {"enabled": False})
        membership.leave(tx, tenant, mailbox, he, None)
    assert mailer(world, keys).work()
    assert [each.recipients for each in relay.mails] == [["d@partner.example"]]
    assert [row["state"] for row in mails(world, world.acme.user)] == ["given-up"] * 3 + ["accepted"]
    assert to_be_mailed(world.worker) == []


def test_what_came_before_another_way_was_chosen_does_not_go_out_by_it(
    world: World, keys: KeyFolder, relay: MailRelay
) -> None:
    add(world, OTHER)
    choose(world, Mode.LOCKED_PDF, password="seven herons by the quay")
    received(world)
    choose(world, Mode.PLAIN)
    received(world)
    assert mailer(world, keys).work()
    before, after = (each.message for each in relay.mails)
    assert attached(before) == []
    assert "was changed after it came" in text(before)
    assert len(attached(after)) == 1


@pytest.mark.parametrize("kind", ["deleted", "off", "forbidden", "disabled"])
def test_of_what_nobody_is_to_hear_any_more_nobody_hears(
    world: World, keys: KeyFolder, relay: MailRelay, kind: str
) -> None:
    received(world)
    if kind == "deleted":
        with world.portal.tenant(world.acme.tenant.id) as tx:
            fax_id = tx.value("select max(id) from faxes")
        deletion.delete(world.portal, world.acme.user, fax_id)
    elif kind == "off":
        choose(world, Mode.OFF)
    else:
        change = {"enabled": False} if kind == "disabled" else {"permissions": ["send", "receive"]}
        with world.admin.tenant(world.acme.tenant.id) as tx:
            users.change(tx, world.acme.tenant.id, world.acme.user.id, change)
    mailer(world, keys).work()
    assert relay.mails == []
    assert [row["state"] for row in mails(world, world.acme.user)] == ["given-up"]


def test_nobody_waits_behind_all_that_another_tenant_has(
    world: World, keys: KeyFolder, relay: MailRelay, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        add(world, f"{number}@partner.example")
    received(world)
    sidecar = accepted(world, world.borea, "uuid-2")
    fax_tiff(world.spool.inbound_tiff(sidecar.attempt_id), 2)
    assert deliver(world, pending_folder(world).secure(world.spool, sidecar, WELL)) == "received"
    monkeypatch.setattr(mailers, "AT_ONCE", 2)
    one = mailer(world, keys)
    assert one.work()
    assert {each.recipients[0] for each in relay.mails} == {"0@partner.example", world.borea.user.email}
    while one.work():
        pass
    assert len(relay.mails) == 4
