"""Programs send faxes, look at them, fetch them sealed, and send each once however often they ask."""

import io
import json
import threading
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from werkzeug.test import TestResponse

from faxplan import api_requests, quotas, submission
from faxplan.errors import DatabaseUnavailable
from portal.api import catalogue
from tests.api.conftest import Program
from tests.fax_mails import pdf
from tests.retained import count, execute
from tests.world import World

NUMBER = "+493023125009"
LETTER = {"name": "letter.txt", "content": b64encode(b"A letter.\n").decode()}


def send(acme: Program, *, once: str = "", **more: Any) -> TestResponse:
    named = {"Idempotency_Key": once} if once else {}
    return acme.hand("/faxes", {"to": [NUMBER], "documents": [LETTER], **more}, **named)


def problem(said: TestResponse) -> tuple[int, str]:
    value = said.get_json(force=True)
    assert said.content_type == "application/problem+json"
    assert (value["status"], value["type"]) == (said.status_code, f"/api/v1/problems#{value['error_id']}")
    # Who writes programs is told of each.
    assert catalogue.BY_ID[value["error_id"]].status == said.status_code
    return said.status_code, value["error_id"]


def test_json_and_a_form_send_the_same(world: World, acme: Program) -> None:
    by_json = acme.hand(
        "/faxes",
        {
            "to": [NUMBER, "030 23125010", "+49 30 23125009"], "resolution": "standard", "priority": "bulk",
            "documents": [LETTER, {"name": "b.pdf", "content": b64encode(pdf(2)).decode()}],
            "cover": {"to_name": "Ann", "message": "Hello"}, "billing_code": "4711",
        },
    )  # fmt: skip
    by_form = acme.ask(
        "POST", "/faxes",
        data={
            "to": [NUMBER, "030 23125010", "+49 30 23125009"], "resolution": "standard", "priority": "bulk",
            "file": [(io.BytesIO(b"A letter.\n"), "letter.txt"), (io.BytesIO(pdf(2)), "b.pdf")],
            "cover": json.dumps({"to_name": "Ann", "message": "Hello"}), "billing_code": "4711",
        },
    )  # fmt: skip
    assert (by_json.status_code, by_form.status_code) == (201, 201), (by_json.text, by_form.text)
    for said in (by_json, by_form):
        assert [each["to"] for each in said.get_json()["faxes"]] == [NUMBER, "+493023125010"]
    world.render_all()
    shown = [acme.get(f"/faxes/{said.get_json()['faxes'][0]['id']}").get_json() for said in (by_json, by_form)]
    assert [each["pages"] for each in shown] == [4, 4]
    for name in ("state", "to", "resolution", "final", "error", "attempts"):
        assert shown[0][name] == shown[1][name]
    assert (shown[0]["state"], shown[0]["resolution"], shown[0]["final"]) == ("queued", "standard", False)


def test_fifty_equal_requests_make_one_fax(world: World, acme: Program) -> None:
    """SECURITY: fifty times the same request makes one fax."""
    said: list[TestResponse] = []

    def ask() -> None:
        said.append(send(acme, once="order-4711"))

    threads = [threading.Thread(target=ask) for _each in range(50)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    codes = {each.status_code for each in said}
    assert codes <= {201, 409, 503}
    assert count(world, "faxes") == 1
    (made,) = {each.text for each in said if each.status_code == 201}
    again = send(acme, once="order-4711")
    assert (again.status_code, again.text, again.headers["Idempotent-Replayed"]) == (201, made, "true")
    assert problem(send(acme, once="order-4711", resolution="standard")) == (422, "idempotency-key-reused")
    assert send(acme, once="order-4712").status_code == 201
    assert count(world, "faxes") == 2


def test_a_form_with_another_boundary_is_the_same_request(world: World, acme: Program) -> None:
    def ask(content: bytes) -> TestResponse:
        return acme.ask(
            "POST", "/faxes", data={"to": NUMBER, "file": (io.BytesIO(content), "a.txt")},
            headers={"Idempotency-Key": "x"},
        )  # fmt: skip

    assert ask(b"one").text == ask(b"one").text
    assert problem(ask(b"other")) == (422, "idempotency-key-reused")
    assert count(world, "faxes") == 1


def test_what_was_refused_may_be_asked_again(world: World, acme: Program) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        quotas.set_limit(tx, world.acme.tenant.id, period="day", pages=0)
    assert problem(send(acme, once="x")) == (422, "quota-exceeded")
    with world.admin.tenant(world.acme.tenant.id) as tx:
        quotas.set_limit(tx, world.acme.tenant.id, period="day", pages=10)
    assert send(acme, once="x").status_code == 201


def test_a_request_whose_answer_was_lost_is_done_once(
    world: World, acme: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = submission.submit

    def lost(*given: Any, **named: Any) -> Any:
        real(*given, **named)
        raise DatabaseUnavailable("away")

    monkeypatch.setattr(submission, "submit", lost)
    assert problem(send(acme, once="x")) == (503, "database-unavailable")
    monkeypatch.undo()
    assert send(acme, once="x").headers["Idempotent-Replayed"] == "true"
    assert count(world, "faxes") == 1


def test_a_request_that_was_killed_is_taken_over_and_never_done_twice(world: World, acme: Program) -> None:
    asked = bytes(32)
    tenant = world.acme.tenant.id
    first = api_requests.begin(world.portal, tenant, acme.key_id, "x", asked)
    assert isinstance(first, api_requests.Begun)
    with pytest.raises(api_requests.InHand):
        api_requests.begin(world.portal, tenant, acme.key_id, "x", asked)
    execute(world, "update api_requests set begun_at = now() - interval '601 seconds'")
    second = api_requests.begin(world.portal, tenant, acme.key_id, "x", asked)
    assert isinstance(second, api_requests.Begun)
    # Should the first live after all, it does nothing.
    with pytest.raises(api_requests.InHand), world.portal.tenant(tenant) as tx:
        api_requests.answer(tx, first, 201, "{}")
    api_requests.let_go(world.portal, first)
    with world.portal.tenant(tenant) as tx:
        api_requests.answer(tx, second, 201, "{}")
    assert api_requests.begin(world.portal, tenant, acme.key_id, "x", asked) == api_requests.Answered(201, "{}")


@pytest.mark.parametrize(
    ("value", "status", "error_id", "pointer"),
    [
        ({}, 422, "invalid-request", "/to"),
        ({"to": []}, 422, "invalid-request", "/to"),
        ({"to": [NUMBER]}, 422, "invalid-request", "/documents"),
        ({"to": [NUMBER], "documents": [LETTER], "colour": "red"}, 422, "invalid-request", "/colour"),
        ({"to": [NUMBER], "documents": [{"name": "a", "content": "%"}]}, 422, "invalid-request", "/documents/0/content"),  # noqa: E501
        ({"to": [NUMBER], "documents": [LETTER], "resolution": "huge"}, 422, "invalid-request", "/resolution"),
        ({"to": [NUMBER], "documents": [LETTER], "send_at": "2026-12-24T18:00:00"}, 422, "invalid-request", "/send_at"),
        ({"to": ["12"], "documents": [LETTER]}, 422, "invalid-number", None),
        ({"to": ["${api(x)}"], "documents": [LETTER]}, 422, "invalid-number", None),
        ({"to": ["110"], "documents": [LETTER]}, 422, "emergency-number", None),
        ({"to": [NUMBER], "documents": [{"name": "a.zip", "content": "UEsDBA=="}]}, 422, None, None),
        ({"to": [NUMBER], "documents": [LETTER], "caller_id": "+4915112345678"}, 422, "foreign-caller-id", None),
        ({"to": [NUMBER], "documents": [LETTER], "cover": {"template": 99}}, 404, "not-found", None),
        ({"to": [NUMBER] * 101, "documents": [LETTER]}, 422, "invalid-request", "/to"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(
    world: World, acme: Program, value: dict[str, Any], status: int, error_id: str | None, pointer: str | None
) -> None:
    said = acme.hand("/faxes", value)
    assert problem(said)[0] == status, said.text
    assert error_id in (None, said.get_json()["error_id"]), said.text
    assert pointer is None or pointer in [each["pointer"] for each in said.get_json()["errors"]], said.text
    assert count(world, "faxes") == 0
    assert world.stored() == []


def test_bodies_of_other_kinds_are_refused(acme: Program) -> None:
    def ask(content: bytes, kind: str) -> tuple[int, str]:
        return problem(acme.ask("POST", "/faxes", data=content, content_type=kind))

    assert ask(b"{", "application/json") == (400, "not-readable")
    assert ask(b'{"to": ["\\ud800"]}', "application/json")[0] in (400, 422)
    assert ask(b"to=1", "application/x-www-form-urlencoded") == (415, "wrong-media-type")
    assert ask(b"x", "text/plain") == (415, "wrong-media-type")
    assert ask(b" " * (16 * 1024**2 + 1), "application/json") == (413, "too-large")
    assert problem(acme.ask("POST", "/faxes/1/labels", data=b" " * 70_000, content_type="application/json"))[0] == 413
    assert problem(acme.ask("PUT", "/faxes", json={})) == (405, "no-such-method")
    assert problem(acme.get("/nothing")) == (404, "not-found")
    assert problem(acme.get(f"/faxes/{2**70}")) == (404, "not-found")


def test_a_list_goes_on_with_its_cursor(world: World, acme: Program) -> None:
    made = [send(acme).get_json()["faxes"][0]["id"] for _each in range(5)]
    seen: list[int] = []
    query: dict[str, Any] = {"direction": "outbound", "limit": 2}
    for _part in range(3):
        said = acme.get("/faxes", **query).get_json()
        seen += [each["id"] for each in said["faxes"]]
        query["cursor"] = said["next"]
    assert (seen, query["cursor"]) == (made[::-1], None)
    for wrong in ("x", "W10", "bnVsbA", "A" * 300, b64encode(b'["2026-01-01T00:00:00", 1]').decode()):
        assert problem(acme.get("/faxes", direction="outbound", cursor=wrong)) == (422, "invalid-request"), wrong
    for wrong in ({}, {"direction": "up"}, {"direction": "outbound", "limit": 0}, {"direction": "inbound", "x": 1}):
        assert problem(acme.get("/faxes", **wrong)) == (422, "invalid-request")
    assert acme.get("/faxes", direction="inbound").get_json() == {"faxes": [], "next": None}
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert acme.get("/faxes", direction="outbound", since=tomorrow).get_json()["faxes"] == []


def test_a_fax_is_labelled_stopped_and_deleted(world: World, acme: Program) -> None:
    number = send(acme, send_at=(datetime.now(UTC) + timedelta(hours=1)).isoformat()).get_json()["faxes"][0]["id"]
    world.render_all()
    assert problem(acme.ask("DELETE", f"/faxes/{number}")) == (409, "not-ended")
    assert acme.hand(f"/faxes/{number}/labels", {"name": "Order 4711"}).status_code == 204
    assert acme.get(f"/faxes/{number}").get_json()["labels"] == ["Order 4711"]
    assert [
        each["id"] for each in acme.get("/faxes", direction="outbound", label="order 4711").get_json()["faxes"]
    ] == [number]
    assert acme.ask("DELETE", f"/faxes/{number}/labels/Order%204711").status_code == 204
    assert acme.ask("POST", f"/faxes/{number}/cancel").get_json() == {"cancelled": True}
    assert problem(acme.ask("POST", f"/faxes/{number}/cancel")) == (409, "already-final")
    said = acme.get(f"/faxes/{number}").get_json()
    assert (said["state"], said["final"], said["labels"]) == ("cancelled", True, [])
    assert acme.ask("DELETE", f"/faxes/{number}").status_code == 204
    assert problem(acme.get(f"/faxes/{number}")) == (404, "not-found")


def test_files_come_as_ciphertext_with_what_opens_them(world: World, acme: Program) -> None:
    number = send(acme).get_json()["faxes"][0]["id"]
    world.render_all()
    files = {each["name"]: each for each in acme.get(f"/faxes/{number}/files").get_json()["files"]}
    assert set(files) == {"tiff", "images", "thumbnail", "original"}
    for name, each in files.items():
        assert each["address"] == f"/api/v1/faxes/{number}/files/{name}"
        assert [wrap["mailbox"] for wrap in each["wraps"]] == [world.acme.user.mailbox_id]
    sealed = acme.get(f"/faxes/{number}/files/original")
    assert (sealed.status_code, sealed.content_type) == (200, "application/octet-stream")
    assert b"A letter" not in sealed.data
    part = acme.ask("GET", f"/faxes/{number}/files/original", headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.data) == (206, sealed.data[:10])
    assert problem(acme.get(f"/faxes/{number}/files/pdf")) == (404, "not-found")


def test_the_account_says_what_there_is_to_send_with(world: World, acme: Program) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        quotas.set_limit(tx, world.acme.tenant.id, period="month", pages=100)
    send(acme)
    assert acme.get("/numbers").get_json() == {"numbers": [{"number": world.acme.did, "is_standard": True}]}
    (mailbox,) = acme.get("/mailboxes").get_json()["mailboxes"]
    assert (mailbox["id"], mailbox["unread"]) == (world.acme.user.mailbox_id, 0)
    assert [each["is_standard"] for each in acme.get("/cover-pages").get_json()["cover_pages"]] == [True]
    (quota,) = acme.get("/quota").get_json()["quotas"]
    assert (quota["of"], quota["pages"], quota["used"], quota["reserved"], quota["room"]) == (
        "organisation",
        100,
        0,
        1,
        99,
    )
