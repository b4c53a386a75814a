"""What programs look up: a fax's calls with their codes, labels, their user's keys, and the audit."""

from typing import Any

from faxplan import reader_keys, users
from faxplan.enrolment import Secret
from portal.app import Portal
from tests.api.conftest import Program, a_program
from tests.api.test_faxes import problem, send
from tests.retained import execute, sent
from tests.world import PHRASE, Office, World


def test_each_call_of_a_fax_is_told_with_its_codes(world: World, acme: Program) -> None:
    number = sent(world, world.acme)
    execute(
        world,
        """update attempts set outcome = 'not-sent', explanation = 'The number is busy.', sip_code = 486,
                  q850_cause = 17, hangup_cause = 'USER_BUSY', fax_result_code = 2,
                  fax_result_text = 'Timer T0 expired', start_page = 1
           where fax_id = %s""",
        (number,),
    )
    (call,) = acme.get(f"/faxes/{number}/attempts").get_json()["attempts"]
    assert {name: call[name] for name in ("number", "from_page", "outcome", "sip_code", "q850_cause", "t30_code")} == {
        "number": 1, "from_page": 2, "outcome": "not-sent", "sip_code": 486, "q850_cause": 17, "t30_code": 2,
    }  # fmt: skip
    assert (call["detail"], call["t30_text"]) == ("The number is busy.", "Timer T0 expired")
    queued = send(acme).get_json()["faxes"][0]["id"]
    assert acme.get(f"/faxes/{queued}/attempts").get_json() == {"attempts": []}


def test_labels_are_those_that_the_user_sees(acme: Program) -> None:
    number = send(acme).get_json()["faxes"][0]["id"]
    for name in ("b", "A"):
        acme.hand(f"/faxes/{number}/labels", {"name": name})
    assert acme.get("/labels").get_json() == {"labels": ["A", "b"]}


def test_a_program_lists_and_ends_keys_of_its_user_alone(world: World, portal: Portal, acme: Program) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {"role": users.ADMINISTRATOR})
        cara = users.create(tx, world.acme.tenant.id, email="cara@acme.example", name="Cara")
    others = a_program(world, portal, Office(world.acme.tenant, cara, world.acme.did))
    second = a_program(world, portal, world.acme, name="second")
    found = {each["name"]: each for each in acme.get("/keys").get_json()["keys"]}
    assert {name: each["this_one"] for name, each in found.items()} == {"second": False, "test": True}
    assert (found["test"]["id"], found["test"]["ending"]) == (acme.key_id, acme.secret[-4:])
    assert acme.secret not in acme.get("/keys").text
    # Also an administrator ends others' keys in the portal alone.
    assert problem(acme.ask("DELETE", f"/keys/{others.key_id}")) == (404, "not-found")
    for program in (second, acme):
        assert acme.ask("DELETE", f"/keys/{program.key_id}").status_code == 204
        assert program.get("/account").status_code == 401
    assert others.get("/account").status_code == 200


def test_the_audit_is_read_by_administrators_with_its_cursor(world: World, acme: Program) -> None:
    assert problem(acme.get("/audit")) == (403, "forbidden")
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {"role": users.ADMINISTRATOR})
    number = send(acme).get_json()["faxes"][0]["id"]
    acme.hand(f"/faxes/{number}/labels", {"name": "x"})
    everything = acme.get("/audit").get_json()
    assert everything["next"] is None
    sequences = [each["sequence"] for each in everything["rows"]]
    assert sequences == sorted(sequences, reverse=True)
    label = everything["rows"][0]
    assert {name: label[name] for name in ("action", "authenticated", "result", "words")} == {
        "action": "label.add", "authenticated": f"api-key:{acme.key_id}", "result": "done",
        "words": "A User put a label on faxes",
    }  # fmt: skip
    seen: list[int] = []
    query: dict[str, Any] = {"limit": 2}
    while query.get("cursor", "") is not None:
        said = acme.get("/audit", **query).get_json()
        seen += [each["sequence"] for each in said["rows"]]
        query["cursor"] = said["next"]
    assert seen == sequences
    assert [each["action"] for each in acme.get("/audit", action="fax").get_json()["rows"]] == ["fax.submit"]
    assert acme.get("/audit", object=f"fax:{number}", since="2099-01-01T00:00:00Z").get_json()["rows"] == []
    assert problem(acme.get("/audit", actor="a\0")) == (422, "invalid-request")
    assert problem(acme.get("/audit", cursor="x")) == (422, "invalid-request")


def test_what_opens_mailboxes_is_given_to_who_reads_them(world: World, portal: Portal, acme: Program) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        cara = users.create(tx, world.acme.tenant.id, email="cara@acme.example", name="Cara", role="administrator")
    others = a_program(world, portal, Office(world.acme.tenant, cara, world.acme.did))
    for name in ("archive", "shop"):
        reader_keys.make(world.portal, world.acme.user, Secret(PHRASE), name, [world.acme.user.email])
    found = acme.get("/reader-keys").get_json()["reader_keys"]
    assert [(each["name"], len(each["epochs"])) for each in found] == [("archive", 1), ("shop", 1)]
    assert found[0]["epochs"][0]["mailbox"] == world.acme.user.mailbox_id
    assert found[0]["epochs"][0]["wrap"] != found[1]["epochs"][0]["wrap"]
    assert others.get("/reader-keys").get_json() == {"reader_keys": []}
    reader_keys.revoke(world.portal, world.acme.user, "shop")
    assert [each["name"] for each in acme.get("/reader-keys").get_json()["reader_keys"]] == ["archive"]
