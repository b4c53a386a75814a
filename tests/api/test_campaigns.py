"""Programs make campaigns, add recipients, start them and see whom they have reached."""

import csv
import io
from base64 import b64decode, b64encode

from faxplan.call_result import CallResult
from faxplan.db import Row
from portal.api import call as calls
from tests.api.conftest import Program
from tests.api.test_faxes import LETTER, problem
from tests.db.test_campaigns import campaigner
from tests.db.test_failing_over import settle
from tests.faxes import claim
from tests.retained import count, execute
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
    content = b"Fax;Name\n030 23110002;Ann\n"
    assert acme.ask("POST", f"{place}/recipients", data={"file": (io.BytesIO(content), "a.csv")}).status_code == 202
    campaigner(world).work()
    assert acme.hand(f"{place}/recipients", {"csv": b64encode(content).decode()}).status_code == 202
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


def test_a_file_that_cannot_be_read_is_told_of_and_taken_away(world: World, acme: Program) -> None:
    made = acme.hand("/campaigns", {"name": "Spring", "documents": [LETTER]})
    place = f"/campaigns/{made.get_json()['id']}"
    assert problem(acme.ask("DELETE", f"{place}/file")) == (404, "not-found")
    assert acme.hand(f"{place}/recipients", {"numbers": ["030 23110001"]}).status_code == 202
    execute(world, "update campaign_files set content = ''")
    campaigner(world).work()
    assert acme.get(place).get_json()["recipients"]["wrong"] == "This file is empty."
    assert problem(acme.ask("POST", f"{place}/start")) == (409, "campaign-file-wrong")
    assert acme.ask("DELETE", f"{place}/file").status_code == 204
    found = acme.get(place).get_json()["recipients"]
    assert (found["wrong"], found["lines"], found["lines_read"]) == ("", None, None)
    assert problem(acme.ask("POST", f"{place}/start")) == (409, "no-recipients")


def test_a_csv_file_is_looked_at_and_read_as_is_said(world: World, acme: Program) -> None:
    made = acme.hand("/campaigns", {"name": "Spring", "documents": [LETTER]})
    place = f"/campaigns/{made.get_json()['id']}/recipients"
    content = "x|Имя|y\nBonn|Анна|030 23110001\nBerlin|Боб|12\n".encode("cp1251")
    how = {"encoding": "windows-1251", "heading": True, "columns": {"number": 2, "name": 1}}
    found = acme.hand(f"{place}/preview", {"csv": b64encode(content).decode(), **how}).get_json()
    assert found == {
        "separator": "pipe", "encoding": "windows-1251", "heading": ["x", "Имя", "y"],
        "columns": {"number": 2, "name": 1, "first": None, "last": None, "company": None},
        "lines": 2, "unreadable": 0, "looked_at": 2, "numbers": 1,
        "first": [
            {"line": 2, "cells": ["Bonn", "Анна", "030 23110001"], "number": "+493023110001", "name": "Анна"},
            {"line": 3, "cells": ["Berlin", "Боб", "12"], "number": None, "name": "Боб"},
        ],
    }  # fmt: skip
    assert acme.get(place).get_json()["recipients"] == []
    form = {"file": (io.BytesIO(content), "a.csv"), "encoding": "windows-1251", "heading": "true",
            "columns": '{"number": 2, "name": 1}'}  # fmt: skip
    assert acme.ask("POST", place, data=form).get_json() == {"lines": 2}
    campaigner(world).work()
    (ann, bob) = acme.get(place).get_json()["recipients"]
    assert (ann["number"], ann["name"], bob["why"]) == ("+493023110001", "Анна", "invalid-number")
    assert problem(acme.hand(f"{place}/preview", {})) == (422, "invalid-request")
    assert problem(acme.hand(f"{place}/preview", {"csv": "YQ==", "columns": {"town": 1}})) == (422, "invalid-request")


def test_it_is_cloned_and_sent_again_to_who_failed(world: World, acme: Program) -> None:
    made = acme.hand("/campaigns", {"name": "Spring", "documents": [LETTER], "pace": {"per_minute": 6000}})
    place = f"/campaigns/{made.get_json()['id']}"
    acme.hand(f"{place}/recipients", {"numbers": ["030 23110001"]})
    assert problem(acme.hand(f"{place}/clone", {"recipients": "all"})) == (409, "campaign-file-in-hand")
    campaigner(world).work()
    again = acme.hand(f"{place}/clone", {"name": "Summer", "recipients": "all"}, Idempotency_Key="1")
    assert (again.status_code, again.get_json()["recipients"]["waiting"]) == (201, 1)
    assert acme.hand(f"{place}/clone", {"name": "Summer", "recipients": "all"}, Idempotency_Key="1").text == again.text
    assert problem(acme.hand(f"{place}/clone", {"recipients": "failed"})) == (409, "no-recipients")
    world.render_all()
    acme.ask("POST", f"{place}/start")
    acme.ask("POST", f"{place}/cancel")
    assert problem(acme.hand(f"{place}/clone", {})) == (409, "campaign-document-sealed")
    anew = acme.hand(f"{place}/clone", {"documents": [LETTER]}).get_json()
    assert (anew["name"], anew["state"], anew["recipients"]["total"]) == ("Spring", "draft", 0)
    assert anew["pace"]["per_minute"] == 6000


def test_its_results_are_a_table_and_its_progress_is_counted(world: World, acme: Program) -> None:
    made = acme.hand("/campaigns", {"name": "Spring", "documents": [LETTER], "pace": {"per_minute": 6000}})
    place = f"/campaigns/{made.get_json()['id']}"
    csv_file = b"Fax,Name\n030 23110001,=cmd()\n030 23110002,Bob\n+12,-1\n"
    acme.hand(f"{place}/recipients", {"csv": b64encode(csv_file).decode()})
    campaigner(world).work()
    world.render_all()
    acme.ask("POST", f"{place}/start")
    execute(world, "update campaigns set paced_from = now() - interval '1 second'")
    campaigner(world).work()
    busy, other = sorted(claim(world), key=lambda each: each.fax_id)
    settle(world, busy, CallResult("USER_BUSY", sip_code=486))
    settle(world, other, CallResult("NORMAL_CLEARING", fax_success=True, fax_result_code=0, pages=1))
    campaigner(world).work()
    told = acme.ask("GET", f"{place}/results.csv", headers={"Accept-Language": "de"})
    assert (told.status_code, told.content_type) == (200, "text/csv; charset=utf-8")
    first, second, third = csv.DictReader(io.StringIO(told.text.removeprefix("\ufeff")))
    shown = ("written", "number", "name", "state", "attempts", "pages", "sip_code", "fax_result_code", "why")
    assert [[row[name] for name in shown] for row in (first, second, third)] == [
        ["030 23110001", "+493023110001", "'=cmd()", "under-way", "1", "0", "486", "", ""],
        ["030 23110002", "+493023110002", "Bob", "sent", "1", "1", "", "0", ""],
        ["'+12", "", "'-1", "left-out", "", "", "", "", "invalid-number"],
    ]
    assert "besetzt" in first["result"]
    assert second["ended_at"]
    found = acme.get(f"{place}/progress").get_json()
    assert [(each["sent"], each["under_way"], each["waiting"]) for each in found["points"]][-1] == (1, 1, 0)
    assert found["through_at"] is None
    assert [row["action"] for row in audited(world)][-1] == "campaign.export"


def audited(world: World) -> list[Row]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return tx.rows("select action from audit where action like 'campaign.%%' order by sequence")


def test_contacts_are_added_by_who_may_read_them(world: World, acme: Program) -> None:
    made = acme.hand("/campaigns", {"name": "Spring", "documents": [LETTER]})
    place = f"/campaigns/{made.get_json()['id']}/recipients"
    ann = acme.hand("/contacts", {"number": "030 23110001", "name": "Ann"}).get_json()["id"]
    group = acme.hand("/groups", {"name": "All"}).get_json()["id"]
    acme.hand(f"/groups/{group}/members", {"contacts": [ann]})
    for wanted in ({"contacts": [ann]}, {"groups": [group]}, {"all_contacts": True}):
        assert acme.hand(place, wanted).get_json() == {"lines": 1}
        campaigner(world).work()
    assert [each["why"] for each in acme.get(place).get_json()["recipients"]] == [None, "duplicate", "duplicate"]
    assert problem(acme.hand(place, {"groups": [group + 1]})) == (404, "not-found")
    assert problem(acme.hand(place, {"all_contacts": True, "numbers": ["1"]})) == (422, "invalid-request")
    execute(world, "update api_keys set scopes = '{campaigns}'")
    assert problem(acme.hand(place, {"contacts": [ann]})) == (403, "no-scope")


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


def test_programs_draw_one_cover_at_a_time(acme: Program) -> None:
    """Each is a process of its own: whoever asks for many at once does not take all that answers."""
    made = acme.hand("/campaigns", {"name": "Spring", "documents": [LETTER]})
    place = f"/campaigns/{made.get_json()['id']}/cover/preview"
    with calls.drawing():
        assert problem(acme.hand(place, {"cover": {}})) == (503, "drawing-busy")
    assert acme.hand(place, {"cover": {}}).status_code == 200
