"""A program looks after webhooks, and sees of what it was told."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from faxplan import users
from portal.app import Portal
from tests.api.conftest import Program, a_program
from tests.api.test_faxes import LETTER, NUMBER
from tests.webhook_receiver import Receiver, tell_all
from tests.world import Office, World

NOT_FOUND = 404


@pytest.fixture
def receiver(world: World, portal: Portal, tmp_path: Path) -> Iterator[Receiver]:
    with Receiver(tmp_path / "tls") as receiver:
        receiver.allowed(world)
        portal._api._settings = world.settings  # type: ignore[union-attr]  # as a restart would
        yield receiver


def test_a_program_is_told_of_what_it_sends(world: World, acme: Program, receiver: Receiver) -> None:
    made = acme.hand("/webhooks", {"address": receiver.address, "types": ["fax.accepted"], "own_only": True})
    assert made.status_code == 201
    webhook = made.get_json()
    number, secret = webhook["id"], webhook["secret"]
    assert (webhook["made_by"], webhook["enabled"], webhook["off_because"]) == ("user@acme.example", True, None)
    assert webhook["public_keys"][0].startswith("whpk_")
    shown = acme.get(f"/webhooks/{number}").get_json()
    assert shown == {name: value for name, value in webhook.items() if name != "secret"}
    assert acme.get("/webhooks").get_json() == {"webhooks": [shown]}
    fax = acme.hand("/faxes", {"to": [NUMBER], "documents": [LETTER]}).get_json()["faxes"][0]["id"]
    tell_all(world)
    (told,) = receiver.told
    said = Webhook(secret).verify(told.body, dict(told.headers))
    assert said["data"] == {"fax_id": fax, "direction": "outbound", "state": "accepted"}
    listed = acme.get(f"/webhooks/{number}/deliveries").get_json()
    (delivery,) = listed["deliveries"]
    assert (delivery["message_id"], delivery["state"], delivery["status"]) == (told.id, "delivered", 204)
    assert (delivery["fax_id"], delivery["next_try_at"], listed["next"]) == (fax, None, None)
    again = acme.ask("POST", f"/webhooks/deliveries/{delivery['id']}/resend")
    assert (again.status_code, again.get_json()["state"]) == (202, "waiting")
    tested = acme.ask("POST", f"/webhooks/{number}/test")
    assert (tested.status_code, tested.get_json()["type"]) == (202, "webhook.test")
    rotated = acme.ask("POST", f"/webhooks/{number}/secret").get_json()
    assert rotated["secret"] not in (secret, None)
    tell_all(world)
    assert [each.id for each in receiver.told] == [told.id, told.id, tested.get_json()["message_id"]]
    assert all(
        Webhook(each).verify(receiver.told[2].body, dict(receiver.told[2].headers))
        for each in (secret, rotated["secret"])
    )
    first = acme.get(f"/webhooks/{number}/deliveries", limit=1).get_json()
    second = acme.get(f"/webhooks/{number}/deliveries", limit=1, cursor=first["next"]).get_json()
    assert [each["deliveries"][0]["type"] for each in (first, second)] == ["webhook.test", "fax.accepted"]
    assert second["next"] is None
    off = acme.ask("PATCH", f"/webhooks/{number}", json={"enabled": False, "description": "The shop"})
    assert (off.get_json()["enabled"], off.get_json()["description"]) == (False, "The shop")
    assert acme.ask("POST", f"/webhooks/{number}/test").get_json()["error_id"] == "invalid-webhook"
    assert acme.ask("DELETE", f"/webhooks/{number}").status_code == 204
    assert acme.get(f"/webhooks/{number}").status_code == NOT_FOUND


def test_what_is_refused_says_why(world: World, acme: Program) -> None:
    for asked, status, error_id in (
        ({"address": "https://shop.example/"}, 403, "forbidden"),
        ({"address": "http://shop.example/", "own_only": True}, 422, "address-refused"),
        ({"address": "https://shop.example/", "types": ["fax.eaten"], "own_only": True}, 422, "invalid-request"),
    ):
        said = acme.hand("/webhooks", asked)
        assert (said.status_code, said.get_json()["error_id"]) == (status, error_id)


def test_anothers_webhooks_are_unknown(world: World, portal: Portal, acme: Program, borea: Program) -> None:
    """Another organisation's, and the organisation's own to who is no administrator."""
    with world.admin.tenant(world.acme.tenant.id) as tx:
        admin = users.create(tx, world.acme.tenant.id, email="b@acme.example", name="B", role="administrator")
    boss = a_program(world, portal, Office(world.acme.tenant, admin, world.acme.did))
    number = boss.hand("/webhooks", {"address": "https://shop.example/"}).get_json()["id"]
    delivery = boss.ask("POST", f"/webhooks/{number}/test").get_json()["id"]
    for program in (borea, acme):
        for method, path in (
            ("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/secret"), ("POST", "/test"), ("GET", "/deliveries"),
        ):  # fmt: skip
            given = {"json": {"enabled": False}} if method == "PATCH" else {}
            assert program.ask(method, f"/webhooks/{number}{path}", **given).status_code == NOT_FOUND, path
        assert program.ask("POST", f"/webhooks/deliveries/{delivery}/resend").status_code == NOT_FOUND
        assert program.get("/webhooks").get_json() == {"webhooks": []}
    assert boss.get(f"/webhooks/{number}").get_json()["enabled"]
