"""Programs are told of each change of a fax's state, signed, by whom it concerns and nobody else; and none is lost."""

import base64
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from psycopg2.errors import InsufficientPrivilege
from standardwebhooks import Webhook, WebhookVerificationError

from faxplan import users, webhook_events, webhook_sender, webhook_signatures, webhooks
from faxplan.db import Database
from faxplan.errors import Forbidden, NotFound
from faxplan.key_folder import KeyFolder
from faxplan.listener import Listener
from faxplan.users import User
from faxplan.web_client import AddressRefused, WebClient
from faxplan.webhook_events import Delivery, State
from faxplan.webhook_sender import WebhookSender
from faxplan.webhooks import Event, InvalidWebhook
from tests.db.test_internal_delivery import deliver, from_acme_to_borea
from tests.db.test_mailer import keys, relay, text
from tests.faxes import claim, queued
from tests.mail_relay import MailRelay
from tests.mailing import mailer
from tests.past_the_gate import connected
from tests.retained import execute, received, sent
from tests.webhook_receiver import Receiver, Told, a_sender, an_endpoint, tell_all
from tests.world import World

__all__ = ["keys", "relay"]


@pytest.fixture
def receiver(world: World, tmp_path: Path) -> Iterator[Receiver]:
    with Receiver(tmp_path / "tls") as receiver:
        receiver.allowed(world)
        yield receiver


def deliveries(world: World, user: User, endpoint_id: int, state: State | None = None) -> list[Delivery]:
    with world.portal.tenant(user.tenant_id) as tx:
        return webhook_events.of_endpoint(tx, user, endpoint_id, limit=100, state=state)


def verifies(public_key: str, told: Told) -> bool:
    """As anybody would who has read the specification."""
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix("whpk_")))
    signed = f"{told.id}.{told.headers['webhook-timestamp']}.".encode() + told.body
    for each in told.headers["webhook-signature"].split(" "):
        version, _comma, signature = each.partition(",")
        if version == "v1a":
            try:
                key.verify(base64.b64decode(signature), signed)
            except InvalidSignature:
                continue
            return True
    return False


def boss(world: World) -> User:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        return users.create(tx, world.acme.tenant.id, email="b@acme.example", name="B", role="administrator")


# --------------------------------------------------------------------------------------------------------- what is told


def test_each_change_of_state_is_told_in_its_order_and_of_received_faxes(world: World, receiver: Receiver) -> None:
    an_endpoint(world, world.acme, receiver.address)
    fax_id = sent(world, world.acme)
    came_in = received(world, world.acme, "one")
    tell_all(world)
    assert [each.said["type"] for each in receiver.told if each.said["data"]["fax_id"] == fax_id] == [
        "fax.accepted", "fax.queued", "fax.dialing", "fax.sent",
    ]  # fmt: skip
    assert [each.said["type"] for each in receiver.told if each.said["data"]["fax_id"] == came_in] == [
        "fax.receiving", "fax.received",
    ]  # fmt: skip
    last = receiver.told[3].said
    assert last["data"] == {"fax_id": fax_id, "direction": "outbound", "state": "sent"}
    assert set(last) == {"type", "timestamp", "data"}
    assert last["timestamp"].endswith("Z")
    assert len({each.id for each in receiver.told}) == len(receiver.told) == 6
    tell_all(world)
    assert len(receiver.told) == 6


def test_only_what_was_chosen_is_told_and_nothing_while_it_is_off(world: World, receiver: Receiver) -> None:
    _secret, endpoint = an_endpoint(world, world.acme, receiver.address, webhooks.FINAL)
    sent(world, world.acme)
    assert [each.type for each in deliveries(world, world.acme.user, endpoint.id)] == ["fax.sent"]
    for off, on in (
        ("update webhook_endpoints set enabled = false", "update webhook_endpoints set enabled = true"),
        (
            "update tenants set permissions = array_remove(permissions, 'api')",
            "update tenants set permissions = permissions || 'api'::text",
        ),
    ):
        execute(world, off)
        sent(world, world.acme)
        execute(world, on)
        assert len(deliveries(world, world.acme.user, endpoint.id)) == 1, off


def test_what_has_not_happened_is_not_told(world: World, receiver: Receiver) -> None:
    _secret, endpoint = an_endpoint(world, world.acme, receiver.address)
    fax_id = queued(world, world.acme, pages=1)
    before = len(deliveries(world, world.acme.user, endpoint.id))
    with suppress(ZeroDivisionError), world.switch.tenant(world.acme.tenant.id) as tx:
        tx.execute("update faxes set state = 'dialing' where id = %s", (fax_id,))
        raise ZeroDivisionError
    with world.switch.tenant(world.acme.tenant.id) as tx:
        tx.execute("update faxes set state = state, priority = 10 where id = %s", (fax_id,))
    assert len(deliveries(world, world.acme.user, endpoint.id)) == before


def test_whose_faxes_are_told_where(world: World, receiver: Receiver) -> None:
    """An own webhook: of one's own; the organisation's: of all of it; nobody's: of another organisation."""
    admin = boss(world)
    _secret, own = an_endpoint(world, world.acme, receiver.address, webhooks.FINAL)
    _secret, whole = an_endpoint(
        world, replace(world.acme, user=admin), receiver.address, webhooks.FINAL, own_only=False
    )
    _secret, bosss = an_endpoint(world, replace(world.acme, user=admin), receiver.address, webhooks.FINAL)
    _secret, boreas = an_endpoint(world, world.borea, receiver.address, webhooks.FINAL)
    with world.admin.tenant(world.borea.tenant.id) as tx:
        other = users.create(tx, world.borea.tenant.id, email="b@borea.example", name="B", role="administrator")
    ours = {sent(world, world.acme), received(world, world.acme, "one")}
    for user, endpoint, seen in (
        (admin, own, ours),
        (admin, whole, ours),
        (admin, bosss, set()),
        (other, boreas, set()),
    ):
        assert {each.fax_id for each in deliveries(world, user, endpoint.id)} == seen
    # The same event everywhere, so that a program with two of them knows it.
    assert {each.message for each in deliveries(world, admin, own.id)} == {
        each.message for each in deliveries(world, admin, whole.id)
    }
    # Who reads a mailbox no more is told no more of it.
    execute(world, "delete from mailbox_members where user_id = %s", (world.acme.user.id,))
    received(world, world.acme, "two")
    assert len(deliveries(world, admin, own.id)) == 2
    assert len(deliveries(world, admin, whole.id)) == 3


def test_of_a_fax_between_two_organisations_each_is_told_its_own(world: World, receiver: Receiver) -> None:
    """Also where it changes hands in one transaction, without a call."""
    _secret, acmes = an_endpoint(world, world.acme, receiver.address)
    _secret, boreas = an_endpoint(world, world.borea, receiver.address)
    from_acme_to_borea(world)
    assert deliver(world) == "sent"
    for office, endpoint, types in (
        (world.acme, acmes, ["fax.accepted", "fax.queued", "fax.sending", "fax.sent"]),
        (world.borea, boreas, ["fax.received"]),
    ):
        told = deliveries(world, office.user, endpoint.id)
        assert [each.type for each in reversed(told)] == types


def test_one_that_is_being_deleted_keeps_no_fax_from_its_state(world: World, receiver: Receiver) -> None:
    """Nor waits anything for it: a claim of calls is of all tenants."""
    _secret, endpoint = an_endpoint(world, world.acme, receiver.address)
    _secret, other = an_endpoint(world, world.acme, receiver.address)
    fax_id = queued(world, world.acme, pages=1)
    with connected(world.installation, "faxplan_switch", world.acme.tenant.id) as cursor:
        cursor.execute("set lock_timeout = '20s'")
        with world.portal.tenant(world.acme.tenant.id) as tx:
            webhooks.remove(tx, world.acme.user, endpoint.id, actor="test")
            cursor.execute("update faxes set state = 'dialing' where id = %s", (fax_id,))
        cursor.connection.commit()
    assert world.fax(world.acme, fax_id)["state"] == "dialing"
    assert deliveries(world, world.acme.user, other.id)[0].type == "fax.dialing"


# ----------------------------------------------------------------------------------------------------------- signatures


def test_the_reference_library_verifies_and_refuses_what_is_old_or_anothers(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, endpoint = an_endpoint(world, world.acme, receiver.address, (Event.SENT,))
    fax_id = sent(world, world.acme)
    tell_all(world)
    (told,) = receiver.told
    assert Webhook(secret).verify(told.body, dict(told.headers))["data"]["fax_id"] == fax_id
    assert verifies(endpoint.public_keys[0], told)
    another = webhook_signatures.SigningKeys.new()
    with pytest.raises(WebhookVerificationError, match="No matching"):
        Webhook(another.secret_text).verify(told.body, dict(told.headers))
    assert not verifies(webhook_signatures.public_text(another.public_key), told)
    with pytest.raises(WebhookVerificationError, match="No matching"):
        Webhook(secret).verify(told.body.replace(b"sent", b"lost"), dict(told.headers))
    assert not verifies(endpoint.public_keys[0], replace(told, body=told.body + b" "))
    # With another time of sending, or as another message, it is none of ours.
    for name, value in (("webhook-timestamp", str(int(time.time()) + 1)), ("webhook-id", "msg_other")):
        with pytest.raises(WebhookVerificationError, match="No matching"):
            Webhook(secret).verify(told.body, {**told.headers, name: value})
        assert not verifies(endpoint.public_keys[0], replace(told, headers={**told.headers, name: value}))
    # What somebody has recorded is too old in a while; what we try again is signed anew.
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now - 301)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        delivery = webhook_events.of_endpoint(tx, world.acme.user, endpoint.id, limit=1)[0]
        webhook_events.resend(tx, world.acme.user, delivery.id, actor="test")
    tell_all(world)
    assert receiver.told[1].id == told.id
    with pytest.raises(WebhookVerificationError, match="too old"):
        Webhook(secret).verify(receiver.told[1].body, dict(receiver.told[1].headers))


def test_while_one_secret_takes_anothers_place_both_sign(world: World, receiver: Receiver) -> None:
    old, endpoint = an_endpoint(world, world.acme, receiver.address)
    user = world.acme.user
    with world.portal.tenant(user.tenant_id) as tx:
        new, rotated = webhooks.rotate(tx, user, endpoint.id, actor="test")
    assert new != old
    assert rotated.public_keys == (rotated.public_keys[0], endpoint.public_keys[0])
    with world.portal.tenant(user.tenant_id) as tx:
        webhook_events.test(tx, user, endpoint.id, actor="test")
    tell_all(world)
    (told,) = receiver.told
    assert [each.partition(",")[0] for each in told.headers["webhook-signature"].split(" ")] == ["v1", "v1a"] * 2
    for secret in (old, new):
        assert Webhook(secret).verify(told.body, dict(told.headers))["data"] == {}
    assert all(verifies(key, told) for key in rotated.public_keys)
    execute(world, "update webhook_secrets set ends_at = now() - interval '1 second' where ends_at is not null")
    with world.portal.tenant(user.tenant_id) as tx:
        webhook_events.test(tx, user, endpoint.id, actor="test")
    tell_all(world)
    assert Webhook(new).verify(receiver.told[1].body, dict(receiver.told[1].headers))
    with pytest.raises(WebhookVerificationError, match="No matching"):
        Webhook(old).verify(receiver.told[1].body, dict(receiver.told[1].headers))
    with world.portal.tenant(user.tenant_id) as tx:
        for _time in range(webhooks.MOST_SECRETS - 1):
            webhooks.rotate(tx, user, endpoint.id, actor="test")
        with pytest.raises(InvalidWebhook, match="within a day"):
            webhooks.rotate(tx, user, endpoint.id, actor="test")


@pytest.mark.parametrize("role", ["admin", "portal", "switch", "purge"])
def test_what_signs_only_the_worker_reads(world: World, receiver: Receiver, role: str) -> None:
    an_endpoint(world, world.acme, receiver.address)
    for name in ("secret", "private_key"):
        with (
            connected(world.installation, f"faxplan_{role}", world.acme.tenant.id) as cursor,
            pytest.raises(InsufficientPrivilege),
        ):
            cursor.execute(f"select {name} from webhook_secrets")


# ------------------------------------------------------------------------------------------------------------- delivery


def test_what_failed_is_told_again_later_with_its_id(world: World, receiver: Receiver) -> None:
    _secret, endpoint = an_endpoint(world, world.acme, receiver.address, (Event.SENT,))
    receiver.answers = [500]
    receiver.content = b"no\x00pe\r" + b"x" * 5000
    sent(world, world.acme)
    tell_all(world)
    (waiting,) = deliveries(world, world.acme.user, endpoint.id)
    assert (waiting.state, waiting.tries, waiting.status) == (State.WAITING, 1, 500)
    assert waiting.said == "The endpoint answers with 500."
    assert waiting.answer == "no\ufffdpe\ufffd" + "x" * (webhook_events.MOST_ANSWER - 6)
    first, last = webhook_sender.RETRY_SECONDS[0], webhook_sender.RETRY_SECONDS[-1]
    assert first <= (waiting.not_before - (waiting.tried_at or waiting.at)).total_seconds() <= 1.25 * first
    assert last <= webhook_sender._delay(100) <= 1.25 * last
    # Not before, and while the endpoint rests nothing else goes there either.
    sent(world, world.acme)
    tell_all(world)
    assert len(receiver.told) == 1
    execute(world, "update webhook_endpoints set rests_until = now()")
    execute(world, "update webhook_deliveries set not_before = now() where id = %s", (waiting.id,))
    tell_all(world)
    assert len(receiver.told) == 3
    assert [each.id for each in receiver.told].count(waiting.message) == 2
    assert {each.state for each in deliveries(world, world.acme.user, endpoint.id)} == {State.DELIVERED}


def test_it_is_given_up_after_three_days(world: World, receiver: Receiver) -> None:
    _secret, endpoint = an_endpoint(world, world.acme, receiver.address, (Event.SENT,))
    receiver.answers = [500] * 2
    sent(world, world.acme)
    execute(world, "update webhook_deliveries set waits_since = now() - interval '71 hours'")
    tell_all(world)
    assert deliveries(world, world.acme.user, endpoint.id)[0].state is State.WAITING
    execute(world, "update webhook_deliveries set waits_since = now() - interval '73 hours', not_before = now()")
    execute(world, "update webhook_endpoints set rests_until = now()")
    tell_all(world)
    assert deliveries(world, world.acme.user, endpoint.id)[0].state is State.GIVEN_UP
    # By hand it goes out all the same.
    with world.portal.tenant(world.acme.tenant.id) as tx:
        given_up = webhook_events.of_endpoint(tx, world.acme.user, endpoint.id, limit=1)[0]
        webhook_events.resend(tx, world.acme.user, given_up.id, actor="test")
    tell_all(world)
    assert deliveries(world, world.acme.user, endpoint.id)[0].state is State.DELIVERED


def test_what_nobody_tries_is_given_up_and_what_ended_is_forgotten(world: World, receiver: Receiver) -> None:
    _secret, endpoint = an_endpoint(world, world.acme, receiver.address)
    sent(world, world.acme)
    execute(world, "update webhook_endpoints set enabled = false")
    execute(world, "update webhook_deliveries set waits_since = now() - interval '85 hours' where type = 'fax.sent'")
    a_sender(world).sweep()
    assert [each.type for each in deliveries(world, world.acme.user, endpoint.id, State.GIVEN_UP)] == ["fax.sent"]
    execute(world, "update webhook_deliveries set ended_at = now() - interval '31 days' where state = 'given-up'")
    a_sender(world).sweep()
    assert {each.type for each in deliveries(world, world.acme.user, endpoint.id)} == {
        "fax.accepted", "fax.queued", "fax.dialing",
    }  # fmt: skip


def test_an_endpoint_that_is_gone_is_turned_off_and_its_maker_is_told(world: World, receiver: Receiver) -> None:
    _secret, endpoint = an_endpoint(world, world.acme, receiver.address, (Event.SENT,))
    receiver.answers = [410]
    sent(world, world.acme)
    sent(world, world.acme)
    tell_all(world)
    assert len(receiver.told) == 1
    user = world.acme.user
    with world.portal.tenant(user.tenant_id) as tx:
        found = webhooks.get(tx, user, endpoint.id)
        assert (found.enabled, found.off_because) == (False, "gone")
        assert tx.value("select count(*) from audit where action = 'webhook.turn-off' and actor = 'worker'") == 1
        mail = tx.one(
            "select o.recipient, n.text from outbox o join notices n on n.id = o.notice_id where n.kind = 'webhook'"
        )
        assert mail["recipient"] == user.email
        assert "it is gone" in mail["text"]
        states = [each.state for each in webhook_events.of_endpoint(tx, user, endpoint.id, limit=9)]
        assert states == [State.WAITING, State.FAILED]
        with pytest.raises(InvalidWebhook, match="turned off"):
            webhook_events.test(tx, user, endpoint.id, actor="test")
        webhooks.change(tx, user, endpoint.id, {"enabled": True}, WebClient.of(world.settings), actor="test")
    tell_all(world)
    assert [each.state for each in deliveries(world, user, endpoint.id)] == [State.DELIVERED, State.FAILED]


def test_the_mail_of_that_leads_to_the_webhooks(
    world: World, receiver: Receiver, relay: MailRelay, keys: KeyFolder
) -> None:
    an_endpoint(world, world.acme, receiver.address, (Event.SENT,))
    receiver.answers = [410]
    sent(world, world.acme)
    tell_all(world)
    assert mailer(world, keys).work()
    (mail,) = relay.mails
    assert mail.message["Subject"] == "A webhook is turned off"
    words = text(mail.message)
    assert receiver.address in words
    assert "it is gone" in words
    assert "https://acme.fax.example/organisation/webhooks" in words


def test_an_endpoint_that_fails_for_days_is_turned_off(world: World, receiver: Receiver) -> None:
    _secret, endpoint = an_endpoint(world, world.acme, receiver.address, (Event.SENT,))
    sent(world, world.acme)
    for failures, days, is_on in ((20, 4, True), (3, 6, True), (20, 6, False)):
        receiver.answers = [503]
        execute(
            world,
            f"""update webhook_endpoints set rests_until = null, failures = {failures},
                failing_since = now() - interval '{days} days'""",
        )
        execute(world, "update webhook_deliveries set not_before = now()")
        tell_all(world)
        with world.portal.tenant(world.acme.tenant.id) as tx:
            assert webhooks.get(tx, world.acme.user, endpoint.id).enabled is is_on, (failures, days)


def test_nothing_is_told_in_a_private_network_and_no_redirection_followed(world: World, receiver: Receiver) -> None:
    _secret, endpoint = an_endpoint(world, world.acme, receiver.address, (Event.SENT,))
    sent(world, world.acme)
    allowed, world.settings = world.settings, replace(world.settings, web_private_networks="")
    tell_all(world)
    assert receiver.told == []
    assert "private network" in deliveries(world, world.acme.user, endpoint.id)[0].said
    world.settings = allowed
    execute(world, "update webhook_endpoints set rests_until = null")
    execute(world, "update webhook_deliveries set not_before = now()")
    receiver.answers, receiver.location = [302], receiver.address + "/elsewhere"
    tell_all(world)
    assert [each.path for each in receiver.told] == ["/faxes"]
    assert deliveries(world, world.acme.user, endpoint.id)[0].said == "The endpoint answers with 302."


def test_endpoints_take_turns_and_a_tenant_has_not_all_senders(world: World, receiver: Receiver) -> None:
    for _endpoint in range(3):
        an_endpoint(world, world.acme, receiver.address, (Event.SENT,))
    an_endpoint(world, world.borea, receiver.address, (Event.SENT,))
    for office in (world.acme, world.acme, world.borea):
        sent(world, office)

    def turn(sender: str) -> tuple[int, int] | None:
        with world.worker.across_tenants() as tx:
            found = webhook_events.claim(tx, sender=sender, lease_seconds=60, most_of_tenant=2)
        return None if found is None else (found.tenant_id, found.id)

    acme, borea = world.acme.tenant.id, world.borea.tenant.id
    turns = [turn(f"sender/{number}") for number in range(4)]
    # Two of acme's, borea's, and nobody has a third of acme's.
    assert [each and each[0] for each in turns] == [acme, acme, borea, None]
    assert len(set(turns)) == 4
    # Who lost track of one has it back; and once it is let go, the one that waits the longest is next.
    assert turn("sender/0") == turns[0]
    assert turns[0] is not None
    with world.worker.tenant(acme) as tx:
        webhook_events.let_go(tx, webhook_events.Turn(*turns[0], 0, ""), "sender/0")
    third = turn("sender/0")
    assert third is not None
    assert third[0] == acme
    assert third not in turns


def test_who_is_slow_holds_up_nobody_else(world: World, receiver: Receiver, tmp_path: Path) -> None:
    hears, waits = threading.Event(), threading.Event()
    with Receiver(tmp_path / "slow") as slow:
        # Both are trusted.
        both = tmp_path / "both.pem"
        both.write_bytes((receiver.folder / "cafile.pem").read_bytes() + (slow.folder / "cafile.pem").read_bytes())
        world.settings = replace(world.settings, web_ca_file=both)

        def hold() -> None:
            hears.set()
            waits.wait(30)

        slow.then = hold
        an_endpoint(world, world.acme, slow.address, (Event.SENT,))
        sent(world, world.acme)
        url = world.installation.url("faxplan_worker")
        sender = WebhookSender(world.worker, Listener(url, (webhooks.CHANNEL,)), world.settings, name="test")
        running = threading.Thread(target=sender.run)
        running.start()
        try:
            assert hears.wait(30)
            came = threading.Event()
            receiver.then = came.set
            an_endpoint(world, world.acme, receiver.address, (Event.SENT,))
            sent(world, world.acme)
            assert came.wait(30)
            assert not waits.is_set()
        finally:
            waits.set()
            sender.stop()
            running.join()


def test_a_turn_that_breaks_off_ends_no_thread(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    body, left, came = webhook_events.body, [webhook_sender.THREADS], threading.Event()

    def breaks(delivery: Delivery) -> bytes:
        left[0] -= 1
        if left[0] >= 0:
            raise ValueError("what nobody has thought of")
        return body(delivery)

    monkeypatch.setattr(webhook_events, "body", breaks)
    monkeypatch.setattr(webhook_sender, "SWEEP_SECONDS", 0.1)
    receiver.then = came.set
    an_endpoint(world, world.acme, receiver.address, (Event.SENT,))
    sent(world, world.acme)
    sender = a_sender(world)
    running = threading.Thread(target=sender.run)
    running.start()
    try:
        assert came.wait(30)
    finally:
        sender.stop()
        running.join()


def test_who_is_killed_before_it_is_noted_tells_again_with_the_same_id(world: World, receiver: Receiver) -> None:
    _secret, endpoint = an_endpoint(world, world.acme, receiver.address, (Event.ACCEPTED, Event.SENT))
    for _fax in range(3):
        sent(world, world.acme)
    url = world.installation.url("faxplan_worker")
    child = os.fork()
    if child == 0:
        try:
            noted = webhook_events.delivered
            left = [3]

            def dies(*given: object) -> None:
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                noted(*given)  # type: ignore[arg-type]

            webhook_events.delivered = dies  # type: ignore[assignment]
            WebhookSender(Database(url), Listener(url, ()), world.settings, name=a_name()).work()
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert len(receiver.told) == 3
    assert len(deliveries(world, world.acme.user, endpoint.id, State.WAITING)) == 4
    # Nobody else has the endpoint until it is known that its sender is dead.
    assert not a_sender(world).work()
    after = a_sender(world)
    after.free_turns_of_dead()
    while after.work():
        pass
    ids = [each.id for each in receiver.told]
    assert ids[2] == ids[3]
    assert len(ids) == 7
    assert set(ids) == {each.message for each in deliveries(world, world.acme.user, endpoint.id, State.DELIVERED)}


def a_name() -> str:
    """As the worker process calls its senders."""
    return f"{os.uname().nodename}:{os.getpid()}"


# --------------------------------------------------------------------------------------------------------- who may what


def test_who_looks_after_which(world: World, receiver: Receiver) -> None:
    admin, user, client = boss(world), world.acme.user, WebClient.of(world.settings)
    _secret, own = an_endpoint(world, world.acme, receiver.address)
    _secret, whole = an_endpoint(world, replace(world.acme, user=admin), receiver.address, own_only=False)
    sent(world, world.acme)
    (delivery, *_more) = deliveries(world, admin, whole.id)
    with pytest.raises(Forbidden, match="administrator"):
        an_endpoint(world, world.acme, receiver.address, own_only=False)
    for tenant, who in ((user.tenant_id, user), (world.borea.tenant.id, world.borea.user)):
        with world.portal.tenant(tenant) as tx:
            assert [each.id for each in webhooks.of_user(tx, who)] == ([own.id] if who is user else [])
            for act in (
                lambda tx=tx, who=who: webhooks.get(tx, who, whole.id),
                lambda tx=tx, who=who: webhooks.change(tx, who, whole.id, {"enabled": False}, client, actor="test"),
                lambda tx=tx, who=who: webhooks.remove(tx, who, whole.id, actor="test"),
                lambda tx=tx, who=who: webhooks.rotate(tx, who, whole.id, actor="test"),
                lambda tx=tx, who=who: webhook_events.test(tx, who, whole.id, actor="test"),
                lambda tx=tx, who=who: webhook_events.of_endpoint(tx, who, whole.id, limit=1),
                lambda tx=tx, who=who: webhook_events.resend(tx, who, delivery.id, actor="test"),
            ):
                with pytest.raises(NotFound):
                    act()
    with world.portal.tenant(user.tenant_id) as tx:
        assert [each.id for each in webhooks.of_user(tx, admin)] == [own.id, whole.id]
        webhooks.remove(tx, admin, own.id, actor="test")
        assert webhooks.of_user(tx, user) == []
        actions = tx.rows("select action from audit where action like 'webhook.%%' order by sequence")
    assert [each["action"] for each in actions] == ["webhook.make", "webhook.make", "webhook.remove"]


def test_a_webhook_is_made_within_limits(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    user, client = world.acme.user, WebClient()
    with world.portal.tenant(user.tenant_id) as tx:

        def make(address: str = "https://shop.example/faxes", **given: object) -> None:
            given = {"types": webhooks.FINAL, **given}
            webhooks.make(tx, user, address, client=client, own_only=True, actor="test", **given)  # type: ignore[arg-type]

        for address in ("http://shop.example/", "shop.example", "https://me@shop.example/", "ftp://x", "https://x/a b"):
            with pytest.raises(AddressRefused):
                make(address)
        for given in ({"types": ()}, {"description": "x" * 201}, {"description": "a\x00b"}):
            with pytest.raises(InvalidWebhook):
                make(**given)
        make(description=" The   shop ")
        monkeypatch.setattr(webhooks, "MOST_OF_TENANT", 2)
        make()
        with pytest.raises(InvalidWebhook, match="most"):
            make()
        assert webhooks.of_user(tx, user)[0].description == "The shop"
    claim(world)
