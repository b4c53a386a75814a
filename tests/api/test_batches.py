"""The faxes of one request are labelled as they are accepted, looked at and stopped together, and sent again."""

import io
import threading
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from faxplan import labels, resending, users
from faxplan.resending import Handed, Offer
from portal.app import Portal
from tests.api.conftest import Program, a_program
from tests.api.test_faxes import LETTER, NUMBER, problem, send
from tests.retained import count
from tests.world import Office, World

THREE = [NUMBER, "+493023125010", "+493023125011"]


def later() -> str:
    return (datetime.now(UTC) + timedelta(hours=1)).isoformat()


def test_the_faxes_of_a_request_are_looked_at_and_stopped_together(world: World, acme: Program, borea: Program) -> None:
    sent = send(acme, to=THREE, send_at=later(), once="order-1").get_json()
    other = send(acme).get_json()
    place, ids = f"/batches/{sent['batch']}", [each["id"] for each in sent["faxes"]]
    assert sent["batch"] != other["batch"]
    assert send(acme, to=THREE, send_at=later(), once="order-2").get_json()["batch"] != sent["batch"]
    listed = acme.get("/faxes", direction="outbound", batch=sent["batch"]).get_json()
    assert [each["id"] for each in listed["faxes"]] == ids[::-1]
    assert {each["batch"] for each in listed["faxes"]} == {sent["batch"]}
    first = acme.get("/faxes", direction="outbound", batch=sent["batch"], limit=2).get_json()
    rest = acme.get("/faxes", direction="outbound", batch=sent["batch"], limit=2, cursor=first["next"]).get_json()
    assert [each["id"] for each in (*first["faxes"], *rest["faxes"])] == ids[::-1]
    assert acme.get("/faxes", direction="inbound", batch=sent["batch"]).get_json()["faxes"] == []
    world.render_all()
    acme.ask("POST", f"/faxes/{ids[0]}/cancel")
    found = acme.get(place).get_json()
    assert (found["faxes"], found["final"], found["pages"], found["pages_done"]) == (3, False, 3, 0)
    assert found["standings"] == {"open": 2, "arrived": 0, "partial": 0, "failed": 0, "stopped": 1}
    one = acme.get("/faxes", direction="outbound", batch=sent["batch"], state="stopped").get_json()["faxes"]
    assert [each["id"] for each in one] == ids[:1]
    assert problem(borea.get(place)) == problem(borea.ask("POST", f"{place}/cancel")) == (404, "not-found")
    assert problem(borea.get("/faxes", direction="outbound", batch=sent["batch"])) == (404, "not-found")
    assert acme.ask("POST", f"{place}/cancel").get_json() == {"cancelled": 2, "in_calls": 0, "ended": 1}
    assert acme.get(place).get_json()["final"]
    assert acme.get(f"/faxes/{other['faxes'][0]['id']}").get_json()["state"] == "queued"
    for each in ids:
        acme.ask("DELETE", f"/faxes/{each}")
    assert problem(acme.get(place)) == (404, "not-found")


def test_a_batch_is_its_sender_s_alone(world: World, portal: Portal, acme: Program) -> None:
    """SECURITY: a colleague, even an administrator, neither sees nor stops it."""
    batch = send(acme, to=THREE, send_at=later()).get_json()["batch"]
    with world.admin.tenant(world.acme.tenant.id) as tx:
        boss = users.create(tx, world.acme.tenant.id, email="b@acme.example", name="B", role=users.ADMINISTRATOR)
    other = a_program(world, portal, Office(world.acme.tenant, boss, world.acme.did))
    for said in (other.get(f"/batches/{batch}"), other.ask("POST", f"/batches/{batch}/cancel"),
                 other.get("/faxes", direction="outbound", batch=batch)):  # fmt: skip
        assert problem(said) == (404, "not-found")
    assert acme.get(f"/batches/{batch}").get_json()["standings"]["open"] == 3


def test_faxes_have_their_labels_from_the_beginning_or_are_not_sent(world: World, acme: Program) -> None:
    sent = send(acme, to=THREE[:2], labels=["Order 4711", " order  4711", "B"]).get_json()["faxes"]
    for each in sent:
        assert acme.get(f"/faxes/{each['id']}").get_json()["labels"] == ["B", "Order 4711"]
    form = acme.ask(
        "POST", "/faxes",
        data={"to": NUMBER, "labels": ["B", "C"], "file": (io.BytesIO(b"x"), "a.txt")},
    )  # fmt: skip
    assert acme.get(f"/faxes/{form.get_json()['faxes'][0]['id']}").get_json()["labels"] == ["B", "C"]
    rows = acme_audit(world, "label.add")
    assert [each["details"]["faxes"] for each in rows[:2]] == [[each["id"] for each in sent]] * 2
    assert {each["authenticated"] for each in rows} == {f"api-key:{acme.key_id}"}
    faxes = count(world, "faxes")
    for wrong, error_id in (
        (["a\nb\x01"], "invalid-label"),
        ([" "], "invalid-label"),
        (["x"] * 21, "invalid-request"),
    ):
        assert problem(send(acme, labels=wrong)) == (422, error_id), wrong
    with world.portal.tenant(world.acme.tenant.id) as tx:
        tx.execute(
            "insert into labels (tenant_id, name, key) select %s, 'l' || i, 'l' || i from generate_series(1, %s) i",
            (world.acme.tenant.id, labels.MOST),
        )
        tx.execute(
            """insert into fax_labels (tenant_id, fax_id, label_id, list, owner_id, at)
               select l.tenant_id, l.fax_id, x.id, l.list, l.owner_id, l.at from listings l, labels x
               where l.fax_id = %s on conflict do nothing""",
            (sent[0]["id"],),
        )
    assert problem(send(acme, labels=["One more"])) == (422, "too-many-labels")
    assert count(world, "faxes") == faxes


def test_faxes_that_begin_with_labels_and_labels_that_are_put_on_do_not_wait_for_each_other(
    world: World, acme: Program
) -> None:
    """Whoever took the labels' turn behind what a fax takes would wait for who has it, and the other way round."""
    numbers = [send(acme).get_json()["faxes"][0]["id"] for _each in range(2)]
    said: list[int] = []

    def label(number: int, each: int) -> None:
        said.append(acme.hand(f"/faxes/{number}/labels", {"name": f"L{each}"}).status_code)

    def begin(each: int) -> None:
        said.append(send(acme, labels=[f"L{each}", "All"]).status_code)

    threads = [threading.Thread(target=label, args=(number, each)) for each in range(6) for number in numbers]
    threads += [threading.Thread(target=begin, args=(each,)) for each in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(said) == [201] * 6 + [204] * 12


def acme_audit(world: World, action: str) -> list[dict[str, Any]]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return tx.rows("select * from audit where action = %s order by sequence", (action,))


@pytest.fixture
def ended(world: World, acme: Program) -> int:
    """A fax that was stopped, after its rendering."""
    number = send(acme, send_at=later()).get_json()["faxes"][0]["id"]
    world.render_all()
    acme.ask("POST", f"/faxes/{number}/cancel")
    assert isinstance(number, int)
    return number


def test_what_no_machine_opens_any_more_is_sent_again_with_its_document(
    world: World, acme: Program, borea: Program, ended: int
) -> None:
    assert problem(acme.hand(f"/faxes/{ended}/resend", {})) == (409, "resend-needs-document")
    assert count(world, "faxes") == 1
    again = send(acme, resend_of=ended, once="x").get_json()
    assert acme_audit(world, "fax.submit")[-1]["details"]["resent"] == f"fax:{ended}"
    assert problem(send(acme, resend_of=again["faxes"][0]["id"])) == (409, "not-final")
    assert problem(acme.hand(f"/faxes/{again['faxes'][0]['id']}/resend", {})) == (409, "not-final")
    for program in (borea, acme):
        known = ended if program is borea else 999
        assert problem(send(program, resend_of=known)) == (404, "not-found")
        assert problem(program.hand(f"/faxes/{known}/resend", {})) == (404, "not-found")
        assert problem(program.ask("POST", f"/faxes/{known}/resend-offer")) == (404, "not-found")


def test_what_machines_open_yet_is_sent_again_at_once(world: World, acme: Program) -> None:
    """As long as another fax of the same request has not ended."""
    first, _second = (each["id"] for each in send(acme, to=THREE[:2], send_at=later()).get_json()["faxes"])
    world.render_all()
    acme.ask("POST", f"/faxes/{first}/cancel")
    said = acme.hand(f"/faxes/{first}/resend", {"to": THREE[1:]}, Idempotency_Key="once")
    assert (said.status_code, [each["to"] for each in said.get_json()["faxes"]]) == (201, THREE[1:])
    assert acme.hand(f"/faxes/{first}/resend", {"to": THREE[1:]}, Idempotency_Key="once").text == said.text
    assert acme.get(f"/batches/{said.get_json()['batch']}").get_json()["faxes"] == 2
    assert problem(acme.hand(f"/faxes/{first}/resend", {"to": ["110"]})) == (422, "emergency-number")


def test_a_reader_s_key_opens_it_to_the_machines_once_more(world: World, acme: Program, ended: int) -> None:
    offered = acme.ask("POST", f"/faxes/{ended}/resend-offer").get_json()
    opened = acme_audit(world, "fax.open")[-1]
    assert (opened["details"]["to"], opened["authenticated"]) == ("machines", f"api-key:{acme.key_id}")
    wraps = wrapped(world, ended, offered)
    said = acme.hand(f"/faxes/{ended}/resend", {"wraps": wraps[:-1]})
    assert problem(said) == (409, "keys-moved")
    said = acme.hand(f"/faxes/{ended}/resend", {"wraps": wraps})
    assert said.status_code == 201, said.text
    number = said.get_json()["faxes"][0]["id"]
    assert acme.get(f"/faxes/{number}").get_json()["state"] == "queued"


def wrapped(world: World, fax_id: int, offered: dict[str, Any]) -> list[dict[str, Any]]:
    """As a client does that has the user's keys; what it was offered is what the domain offers."""
    own: Offer = resending.offer(world.portal, world.acme.user, fax_id)
    assert [each["document"] for each in offered["documents"]] == [each.document_id for each in own.documents]
    assert [each["machine"] for each in offered["machines"]] == [each.id for each in own.machines]
    handed: Handed = resending.wrap(own, world.ring(world.acme))
    return [
        {"document": document, "machine": machine, "wrap": b64(wrap)}
        for (document, machine), wrap in handed.wraps.items()
    ]


def b64(content: bytes) -> str:
    return b64encode(content).decode()


def test_json_takes_no_more_than_it_knows(acme: Program) -> None:
    assert problem(acme.hand("/faxes/1/resend", {"documents": [LETTER]})) == (422, "invalid-request")
