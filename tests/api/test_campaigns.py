"""Programs make campaigns, add recipients, start them and see whom they have reached."""

import io
from base64 import b64encode

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
