"""The queue, failure rules, refused numbers, audit and settings, as an operator sees them."""

import csv
import io
from dataclasses import replace
from typing import Any

import pytest
from werkzeug.test import Client

from faxplan import (
    audit,
    audit_export,
    audit_list,
    calling_provisioning,
    numbers,
    provisioning,
    refused_numbers,
    routes,
    tenants,
)
from faxplan.errors import FaxplanError
from portal.app import Portal
from tests.faxes import queued
from tests.portal.conftest import DOMAIN, Visitor
from tests.retained import execute
from tests.world import World

QUEUE, FAILURES, AUDIT = "/installation/queue", "/installation/failures", "/installation/audit"


def test_an_empty_queue_says_so(olga: Visitor) -> None:
    assert "No fax waits for a call." in olga.get(QUEUE).text
    assert "No fax of it waits for a call." in olga.get(f"{QUEUE}/borea").text
    assert olga.get(f"{QUEUE}/nobody").status_code == 404


def waits(world: World, olga: Visitor) -> str:
    return olga.get(f"{QUEUE}/borea").text.partition("<tbody>")[2].partition("</tbody>")[0]


def test_why_a_fax_waits_is_told(world: World, olga: Visitor) -> None:
    queued(world, world.borea, pages=3)
    assert 'href="/installation/queue/borea"' in olga.get(QUEUE).text
    assert "It is due, and waits for a free line." in waits(world, olga)
    execute(world, "update fax_queue set not_before = now() + interval '1 hour'")
    assert "It is dialled then" in waits(world, olga)
    execute(world, "update fax_queue set not_before = now()")
    with world.admin.across_tenants() as tx:
        routes.change(tx, "+", tx.value("select id from trunks"), {"enabled": False})
    assert "No route takes the number." in waits(world, olga)
    with world.admin.across_tenants() as tx:
        tenants.change(tx, world.borea.tenant.id, {"enabled": False})
    assert "The tenant is switched off." in waits(world, olga)


def test_the_queue_of_a_tenant_goes_on(world: World, olga: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.pages.installation.queue.AT_ONCE", 2)
    ids = [queued(world, world.borea, pages=1) for _ in range(5)]
    queued(world, world.acme, pages=1)
    seen: list[int] = []
    path = f"{QUEUE}/borea"
    while path:
        page = olga.get(path).text
        seen += [int(part.partition("<")[0]) for part in page.split('<th scope="row">')[1:]]
        path = page.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert sorted(seen) == ids
    for strange in ("x", "1-x", "nan-1", "inf-1", "-", "1e400-1"):
        assert olga.get(f"{QUEUE}/borea?after={strange}").status_code == 200


RULE: dict[str, object] = {
    "condition": "sip:486", "action": "retry", "delay": "60", "times": "2", "downgrade": "", "tenant": "borea",
    "trunk": "",
}  # fmt: skip


def test_a_rule_is_changed_and_as_shipped_again(world: World, olga: Visitor) -> None:
    assert olga.post(FAILURES, RULE).status_code == 303
    (row,) = calling_provisioning.changed_rules(world.admin)
    assert (row["condition"], row["tenant"], row["delay"], row["times"]) == ("sip:486", "borea", 60, 2)
    assert "again after 1 min, 2 times" in olga.get(FAILURES).text
    form = {"condition": "sip:486", "tenant": "borea", "trunk": ""}
    assert olga.post(f"{FAILURES}/reset", {**form, "tenant": ""}).status_code == 404
    assert olga.post(f"{FAILURES}/reset", form).status_code == 303
    assert calling_provisioning.changed_rules(world.admin) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"condition": "sip:200"}, "is no way in which a call ends"),
        ({"action": "final"}, "a fax is not dialled again"),
        ({"action": "x"}, "Choose one of these."),
        ({"tenant": "nobody"}, "There is no tenant"),
        ({"trunk": "nothing"}, "There is no trunk"),
    ],
)
def test_a_rule_that_cannot_be_is_said(world: World, olga: Visitor, changed: dict[str, object], said: str) -> None:
    answer = olga.post(FAILURES, {**RULE, **changed})
    assert (answer.status_code, said in answer.text) == (400, True)
    assert calling_provisioning.changed_rules(world.admin) == []


def test_the_shipped_table_is_there_and_a_line_of_it_is_taken_over(olga: Visitor) -> None:
    page = olga.get(FAILURES).text
    assert "The line was busy" in page
    assert "faxplan" not in page.partition("<main")[2].lower()
    page = olga.get(f"{FAILURES}?condition=cause:UNALLOCATED_NUMBER").text
    assert 'value="cause:UNALLOCATED_NUMBER"' in page
    assert '<option value="final" selected>' in page


def test_who_tried_what_may_not_be_called_is_seen(world: World, olga: Visitor) -> None:
    assert "Nobody tried" in olga.get("/installation/barring").text
    for _ in range(2):
        with pytest.raises(FaxplanError):
            outbound_to(world, "110")
    page = olga.get("/installation/barring").text
    assert "Emergency numbers are never called" in page
    assert "user@borea.example" in page
    assert '<td class="amount" data-label="Times">2</td>' in page
    assert "Nobody tried" in olga.get("/installation/barring?tenant=acme").text
    assert olga.get("/installation/barring?tenant=nobody").status_code == 404
    execute(world, "alter table audit disable trigger user; update audit set at = at - interval '2 days'")
    assert "Nobody tried" in olga.get("/installation/barring?hours=24").text
    assert "user@borea.example" in olga.get("/installation/barring?hours=1000000").text


def outbound_to(world: World, number: str) -> None:
    with refused_numbers.audited(world.portal, world.borea.user, "fax.submit", number):
        numbers.normalise(number, "DE")


def test_the_audit_is_the_installations_newest_first_and_filtered(
    world: World, olga: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.pages.installation.audit.AT_ONCE", 2)
    for each in range(3):
        provisioning.change_tenant(world.admin, f"administrator:{each}", "borea", {"name": f"<b>{each}"})
    provisioning.set_quota(world.admin, "x", "borea", period="day", pages=1, email=None)
    olga.post(FAILURES, RULE)
    seen: list[str] = []
    path = AUDIT
    while path:
        page = olga.get(path).text
        seen += [part.partition(" ")[0] for part in page.split('<td data-label="What">')[1:]]
        path = page.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert seen[:4] == ["failure-rule.set", "tenant.change", "tenant.change", "tenant.change"]
    page = olga.get(f"{AUDIT}?action=tenant&actor=administrator:1").text
    assert "name: &lt;b&gt;1" in page
    assert page.count('data-label="Who"') == 1
    assert "There is no such row." in olga.get(f"{AUDIT}?action=%25").text
    for strange in ("x", "-1", "9" * 30, "\u0663"):
        assert olga.get(f"{AUDIT}?before={strange}").status_code == 200


def test_the_audit_is_exported_as_it_was_hashed_and_that_is_a_row(world: World, olga: Visitor) -> None:
    provisioning.change_tenant(world.admin, "administrator:1", "borea", {"name": 'A "quoted", =name\n'})
    answer = olga.get(f"{AUDIT}.csv")
    rows: list[dict[str, Any]] = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    with world.admin.across_tenants() as tx:
        kept = list(audit_export.rows(tx, audit.INSTALLATION, since=None, until=None))
        (last, *_) = audit_list.some(tx, audit.INSTALLATION, before=None, limit=1)
    assert rows == [{name: "" if value is None else str(value) for name, value in row.items()} for row in kept]
    assert (last["action"], last["actor"]) == ("audit.export", f"user:{world.acme.user.id}")


def test_settings_are_shown_without_passwords(world: World, olga: Visitor) -> None:
    secret = replace(world.settings, database_url="postgresql://u:s3cret-word@localhost/x?password=s3cret-too")
    portal = Portal(world.portal, world.store, DOMAIN, admin=world.admin, settings=secret)
    visitor = Visitor(Client(portal), world.acme)
    assert visitor.log_in().status_code == 200
    page = visitor.get("/installation/settings").text
    assert "database_url" in page
    assert "s3cret" not in page


def test_the_doctor_looks_from_here(olga: Visitor) -> None:
    page = olga.post("/installation/settings/examination").text
    assert "database as admin" in page
    assert "checks" in page
    assert "`faxplan" not in page
