"""What an organisation's administrators have programs do: mailboxes, numbers, cover pages, do-not-fax list."""

from typing import Any

import pytest

from faxplan import users
from portal.app import Portal
from tests.api.conftest import Program, a_program
from tests.api.test_faxes import NUMBER, problem, send
from tests.retained import received
from tests.world import World


@pytest.fixture
def boss(world: World, portal: Portal) -> Program:
    """Acme's user, as its administrator."""
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {"role": users.ADMINISTRATOR})
    return a_program(world, portal, world.acme)


def audited(world: World, program: Program) -> list[str]:
    """What the program did, each act with its key."""
    with world.portal.tenant(world.acme.tenant.id) as tx:
        rows = tx.rows(
            "select action from audit where authenticated = %s order by sequence", (f"api-key:{program.key_id}",)
        )
    return [row["action"] for row in rows]


def test_mailboxes_are_made_and_read_as_far_as_no_key_is_to_be_made(world: World, boss: Program) -> None:
    made = boss.hand("/organisation/mailboxes", {"name": "Claims"})
    assert made.status_code == 201
    mailbox: dict[str, Any] = made.get_json()
    assert (mailbox["kind"], mailbox["readers"], mailbox["has_key"], mailbox["members"]) == ("group", 0, False, [])
    assert problem(boss.hand("/organisation/mailboxes", {"name": "Claims"})) == (422, "constraint-violated")
    assert problem(boss.hand("/organisation/mailboxes", {"name": "  "})) == (422, "invalid-mailbox")
    place = f"/organisation/mailboxes/{mailbox['id']}"
    # Who has no key yet reads it once they have one; for whom has, the mailbox's is made, in a browser.
    with world.admin.tenant(world.acme.tenant.id) as tx:
        cara = users.create(tx, world.acme.tenant.id, email="cara@acme.example", name="Cara")
    let_in = boss.hand(f"{place}/readers", {"email": "cara@acme.example"}).get_json()
    assert [(each["email"], each["has_key"]) for each in let_in["members"]] == [("cara@acme.example", False)]
    assert problem(boss.hand(f"{place}/readers", {"email": world.acme.user.email})) == (409, "needs-client")
    assert problem(boss.hand(f"{place}/readers", {"email": "user@borea.example"})) == (404, "not-found")
    assert boss.ask("DELETE", f"{place}/readers/{cara.id}").status_code == 204
    assert problem(boss.ask("DELETE", f"{place}/readers/{cara.id}")) == (404, "not-found")
    # Of one's own, in which faxes lie, nobody is let in or removed without a key.
    received(world, world.acme, "one")
    own = f"/organisation/mailboxes/{world.acme.user.mailbox_id}"
    assert problem(boss.hand(f"{own}/readers", {"email": "cara@acme.example"}))[0] == 409
    assert problem(boss.ask("DELETE", f"{own}/readers/{world.acme.user.id}"))[0] == 409
    assert [each["id"] for each in boss.get(own).get_json()["members"]] == [world.acme.user.id]
    assert audited(world, boss) == ["mailbox.add", "mailbox.add-member", "mailbox.remove-member"]


def test_lists_go_on_with_their_cursors(boss: Program) -> None:
    for name in ("A", "B", "\u00c4"):
        boss.hand("/organisation/mailboxes", {"name": name})
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 1}
    while query.get("cursor", "") is not None:
        said = boss.get("/organisation/mailboxes", **query).get_json()
        seen += [each["name"] for each in said["mailboxes"]]
        query["cursor"] = said["next"]
    assert sorted(seen) == ["A", "B", "user@acme.example", "\u00c4"]
    assert [each["name"] for each in boss.get("/organisation/mailboxes", text="user@").get_json()["mailboxes"]] == [
        "user@acme.example"
    ]
    assert problem(boss.get("/organisation/mailboxes", cursor="x")) == (422, "invalid-request")


def test_a_number_is_led_elsewhere_and_its_callers_chosen(world: World, boss: Program) -> None:
    did, place = world.acme.did, f"/organisation/numbers/{world.acme.did}"
    (listed,) = boss.get("/organisation/numbers").get_json()["numbers"]
    assert (listed["number"], listed["mailbox_id"], listed["receives"]) == (did, world.acme.user.mailbox_id, True)
    group = boss.hand("/organisation/mailboxes", {"name": "Group"}).get_json()["id"]
    changed = boss.ask("PATCH", place, json={"mailbox": group, "name": "Front desk", "max_calls": 2})
    assert (changed.status_code, changed.get_json()["mailbox"], changed.get_json()["max_calls"]) == (200, "Group", 2)
    # It has no key yet: they are laid where an administrator reads.
    assert changed.get_json()["laid_in"] == "user@acme.example"
    assert boss.ask("PATCH", place, json={"max_calls": None, "name": None}).get_json()["max_calls"] is None
    assert boss.get(place.replace("+49", "0")).get_json()["name"] == "Front desk"
    assert problem(boss.ask("PATCH", place, json={"mailbox": 999})) == (404, "not-found")
    assert boss.hand(f"{place}/callers", {"caller": "+4930", "rule": "block"}).get_json()["callers"] == [
        {"caller": "+4930", "rule": "block"}
    ]
    assert problem(boss.hand(f"{place}/callers", {"caller": "x", "rule": "block"})) == (422, "invalid-caller")
    assert boss.ask("DELETE", f"{place}/callers/+4930").status_code == 204
    assert problem(boss.ask("DELETE", f"{place}/callers/+4930")) == (404, "not-found")
    assert problem(boss.get("/organisation/numbers/x")) == (404, "not-found")
    assert audited(world, boss) == ["mailbox.add", "did.change", "did.change", "did.caller.add", "did.caller.remove"]


def test_cover_pages_are_made_previewed_changed_and_deleted(world: World, boss: Program) -> None:
    text = {"body": "Dear {{ to_name }},\n{{ message }}", "footer": "Acme"}
    picture = boss.hand("/cover-pages/preview", text)
    assert (picture.status_code, picture.content_type, picture.data[:4]) == (200, "image/png", b"\x89PNG")
    wrong = boss.hand("/cover-pages/preview", {"body": "a\n{{ nobody }}"})
    assert problem(wrong) == (422, "invalid-cover-text")
    assert "2" in wrong.get_json()["detail"]
    assert problem(boss.hand("/organisation/cover-pages", {"name": "L", "body": "{{"})) == (422, "invalid-cover-text")
    assert problem(boss.hand("/cover-pages/preview", {"body": "a\n" * 1999})) == (422, "cover-too-long")
    made = boss.hand("/organisation/cover-pages", {"name": "Letter", **text, "is_standard": True})
    place = f"/organisation/cover-pages/{made.get_json()['id']}"
    assert (made.status_code, made.get_json()["is_standard"]) == (201, True)
    assert [each["name"] for each in boss.get("/cover-pages").get_json()["cover_pages"]] == ["Plain", "Letter"]
    changed = boss.ask("PUT", place, json={"name": "Letter", "body": "x", "is_standard": False}).get_json()
    assert (changed["body"], changed["footer"], changed["is_standard"]) == ("x", "", False)
    assert boss.get(place).get_json() == changed
    assert boss.get("/organisation/cover-pages").get_json() == {"cover_pages": [changed]}
    assert boss.ask("DELETE", place).status_code == 204
    assert problem(boss.get(place)) == (404, "not-found")
    assert audited(world, boss) == [
        "cover.add", "cover.default", "cover.change", "cover.default", "cover.remove",
    ]  # fmt: skip


def test_a_number_on_the_do_not_fax_list_is_sent_nothing(world: World, boss: Program) -> None:
    made = boss.hand("/organisation/do-not-fax", {"number": "030 23125009", "reason": "They asked"})
    assert (made.status_code, made.get_json()["number"], made.get_json()["reason"]) == (201, NUMBER, "They asked")
    assert boss.hand("/organisation/do-not-fax", {"number": NUMBER}).get_json()["reason"] == "They asked"
    assert problem(send(boss)) == (422, "do-not-fax")
    assert boss.get(f"/organisation/do-not-fax/{NUMBER}").get_json() == made.get_json()
    assert boss.get("/organisation/do-not-fax", text="2312").get_json()["entries"] == [made.get_json()]
    assert boss.get("/organisation/do-not-fax", text="999").get_json() == {"entries": [], "next": None}
    assert boss.ask("DELETE", f"/organisation/do-not-fax/{NUMBER}").status_code == 204
    assert problem(boss.ask("DELETE", f"/organisation/do-not-fax/{NUMBER}")) == (404, "not-found")
    assert send(boss).status_code == 201
    assert audited(world, boss)[:2] == ["do-not-fax.add", "fax.submit"]
