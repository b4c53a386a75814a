"""Administrators look after webhooks: the secret is shown once, what was told is a list, and goes out once more."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from faxplan import webhook_events, webhooks
from faxplan.webhooks import Event
from portal.app import Portal
from tests.portal.conftest import Visitor
from tests.portal.test_people import audited, boss
from tests.retained import execute, sent
from tests.webhook_receiver import Receiver, an_endpoint, tell_all
from tests.world import World

__all__ = ["boss"]
PAGE = "/organisation/webhooks"
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]{44}")


@pytest.fixture
def receiver(world: World, portal: Portal, tmp_path: Path) -> Iterator[Receiver]:
    with Receiver(tmp_path / "tls") as receiver:
        receiver.allowed(world)
        portal._settings = world.settings  # as a restart would
        yield receiver


def test_a_webhook_is_added_told_and_told_once_more(world: World, boss: Visitor, receiver: Receiver) -> None:
    assert "There is none." in boss.get(PAGE).text
    shown = boss.get(f"{PAGE}/new").text
    assert all(f'value="{each.value}"{" checked" if each in webhooks.FINAL else ""}>' in shown for each in Event)
    made = boss.post(PAGE, {"address": receiver.address, "description": "The shop", "types": ["fax.sent"]})
    assert made.status_code == 200
    (secret,) = SECRET.findall(made.text)
    assert "The shop" in boss.get(PAGE).text
    user = replace(world.acme.user, role="administrator")
    with world.portal.tenant(user.tenant_id) as tx:
        (webhook,) = webhooks.of_user(tx, user)
    here = f"{PAGE}/{webhook.id}"
    assert (webhook.own_only, webhook.types) == (False, (Event.SENT,))
    assert not SECRET.search(boss.get(here).text)
    assert webhook.public_keys[0] in boss.get(here).text
    sent(world, world.acme)
    receiver.answers, receiver.content = [500], b"<script>no"
    tell_all(world)
    page = boss.get(here).text
    assert "The endpoint answers with 500." in page
    assert "&lt;script&gt;no" in page
    assert "Again at" in page
    with world.portal.tenant(user.tenant_id) as tx:
        (delivery,) = webhook_events.of_endpoint(tx, user, webhook.id, limit=9)
    assert boss.post(f"/organisation/deliveries/{delivery.id}/resend", {}).location.startswith(here)
    assert boss.post(f"{here}/test", {}).status_code == 303
    tell_all(world)
    assert Webhook(secret).verify(receiver.told[1].body, dict(receiver.told[1].headers))
    assert boss.get(here).text.count("Delivered") == 2
    (other,) = SECRET.findall(boss.post(f"{here}/secret", {}).text)
    assert other != secret
    assert [row.authenticated for row in audited(world, "webhook.rotate")] == ["password"]
    off = {"address": receiver.address, "description": "", "types": ["fax.sent", "fax.failed"]}
    assert boss.post(here, off).status_code == 303
    assert boss.post(f"{here}/test", {}).status_code == 400
    assert "switched off" in boss.get(PAGE).text
    assert "Delete this webhook?" in boss.get(f"{here}/delete").text
    assert boss.post(f"{here}/delete", {}).status_code == 303
    assert boss.get(here).status_code == 404


def test_what_is_wrong_is_said_and_what_a_worker_turned_off_too(world: World, boss: Visitor) -> None:
    for values, why in (
        ({"address": "http://shop.example/", "types": ["fax.sent"]}, "begin with https"),
        ({"address": "https://shop.example/"}, "Choose of what"),
        ({"types": ["fax.sent"]}, "not complete"),
    ):
        answer = boss.post(PAGE, values)
        assert (answer.status_code, why in answer.text) == (400, True), values
    _secret, webhook = an_endpoint(world, world.acme, "https://shop.example/")
    for because, why in (("gone", "answered with 410"), ("failing", "delivered for days")):
        execute(world, "update webhook_endpoints set enabled = false, off_because = %s", (because,))
        assert why in boss.get(f"{PAGE}/{webhook.id}").text
