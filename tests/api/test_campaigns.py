"""Programs make campaigns, add recipients, start them and see whom they have reached."""

import io
from base64 import b64decode, b64encode

from tests.api.conftest import Program
from tests.api.test_faxes import LETTER, problem
from tests.db.test_campaigns import campaigner
from tests.retained import count
from tests.world import World


def test_a_campaign_is_made_and_goes(world: World, acme: Program) -> None:
    made = acme.hand("/campaigns", {"name": "Spring", "documents": [LETTER], "pace": {"per_minute": 6000}})
    assert made.status_code == 201, made.text
    place = f"/campaigns/{made.get_json()['id']}"
    assert problem(acme.ask("POST", f"{place}/start")) == (409, "no-recipients")
    added = acme.hand(f"{place}/recipients", {"numbers": ["030 23110001", "+49 30 23110001", "12", 'x"\n"y']})
    assert (added.status_code, added.get_json()) == (202, {"lines": 4})
    assert problem(acme.ask("POST", f"{place}/start")) == (409, "campaign-file-in-hand")
    campaigner(world).work()
    csv = b"Fax;Name\n030 23110002;Ann\n"
    assert acme.ask("POST", f"{place}/recipients", data={"file": (io.BytesIO(csv), "a.csv")}).status_code == 202
    campaigner(world).work()
    assert acme.hand(f"{place}/recipients", {"csv": b64encode(csv).decode()}).status_code == 202
    campaigner(world).work()
    found = acme.get(place).get_json()["recipients"]
    assert (found["waiting"], found["lines"]) == (2, None)
    assert found["left_out"] == [{"why": "duplicate", "recipients": 2}, {"why": "invalid-number", "recipients": 2}]
    for wrong in ({}, {"numbers": []}, {"numbers": ["1"], "csv": "YQ=="}):
        assert problem(acme.hand(f"{place}/recipients", wrong)) == (422, "invalid-request")
    world.render_all()
    assert acme.ask("POST", f"{place}/start").get_json()["state"] == "running"
    campaigner(world).work()
    rows = acme.get(f"{place}/recipients", state="under-way").get_json()["recipients"]
    assert [each["number"] for each in rows] == ["+493023110001"]
    assert acme.get(f"/faxes/{rows[0]['fax']}").get_json()["state"] == "queued"
    changed = acme.ask(
        "PATCH", place, json={"name": "Summer", "pace": {"per_minute": 1, "weekdays": [1, 2]}}
    ).get_json()
    assert (changed["name"], changed["pace"]["per_minute"], changed["pace"]["weekdays"]) == ("Summer", 1, [1, 2])
    assert acme.ask("POST", f"{place}/pause").get_json()["state"] == "paused"
    assert acme.ask("POST", f"{place}/cancel").get_json()["state"] == "cancelled"
    assert problem(acme.ask("DELETE", place)) == (409, "campaign-state")
    listed = acme.get("/campaigns", limit=1).get_json()
    assert ([each["name"] for each in listed["campaigns"]], listed["next"]) == (["Summer"], None)


def test_one_that_is_refused_leaves_nothing(world: World, acme: Program) -> None:
    assert problem(acme.hand("/campaigns", {"name": "x", "documents": [LETTER], "caller_id": "+49151234567"}))[0] == 422
    assert problem(acme.hand("/campaigns", {"name": "x"})) == (422, "invalid-request")
    assert count(world, "campaigns") == 0
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select count(*) from drafts where expires_at > now()") == 0
    made = acme.hand("/campaigns", {"name": "x", "documents": [LETTER]}, Idempotency_Key="1")
    again = acme.hand("/campaigns", {"name": "x", "documents": [LETTER]}, Idempotency_Key="1")
    assert (made.status_code, again.text) == (201, made.text)
    assert acme.ask("DELETE", f"/campaigns/{made.get_json()['id']}").status_code == 204
    assert count(world, "campaigns") == 0


def test_a_cover_with_fields_is_set_previewed_and_tried_out(world: World, acme: Program) -> None:
    made = acme.hand("/campaigns", {"name": "Spring", "documents": [LETTER], "pace": {"per_minute": 6000}})
    place = f"/campaigns/{made.get_json()['id']}"
    csv = b"Fax;Name;City\n030 23110001;Ann;Berlin\n030 23110002;Bob;\n"
    acme.hand(f"{place}/recipients", {"csv": b64encode(csv).decode()})
    campaigner(world).work()
    said = acme.ask("PUT", f"{place}/cover", json={"message": "Hello\n{{ name | eval }}"})
    assert problem(said) == (422, "invalid-campaign-cover")
    assert "Message: Line 2" in said.get_json()["detail"]
    assert problem(acme.ask("PUT", f"{place}/cover", json={"template": 99})) == (404, "not-found")
    said = acme.ask("PUT", f"{place}/cover", json={"message": "In {{ city }} at {{ street }}"}).get_json()
    assert (said["has_cover"], [each["name"] for each in said["fields"]]) == (
        True,
        ["number", "city", "name", "street"],
    )
    assert said["lacking"] == [{"name": "city", "recipients": 1}, {"name": "street", "recipients": 2}]
    assert acme.get(f"{place}/cover").get_json() == said
    second = acme.get(f"{place}/recipients").get_json()["recipients"][1]["id"]
    shown = acme.hand(f"{place}/cover/preview", {"cover": {"message": "{{ city }}"}, "recipient": second}).get_json()
    assert (shown["pages"], b64decode(shown["png"])[:4]) == (1, b"\x89PNG")
    asked = acme.hand(f"{place}/test", {"to": "030 23119999"}, Idempotency_Key="1")
    assert (asked.status_code, asked.get_json()["is_done"], asked.get_json()["fax"]) == (202, False, None)
    assert acme.hand(f"{place}/test", {"to": "030 23119999"}, Idempotency_Key="1").text == asked.text
    assert problem(acme.hand(f"{place}/test", {"to": "0900 1234567"}))[0] == 422
    campaigner(world).work()
    (done,) = acme.get(f"{place}/tests").get_json()["tests"]
    assert (done["is_done"], done["to"], done["why"]) == (True, "+493023119999", "")
    assert acme.get(f"/faxes/{done['fax']}").get_json()["state"] == "accepted"
    assert acme.get(place).get_json()["recipients"]["total"] == 2
    assert acme.ask("DELETE", f"{place}/cover").status_code == 204
    assert acme.get(f"{place}/cover").get_json()["has_cover"] is False
