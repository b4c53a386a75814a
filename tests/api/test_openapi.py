"""The OpenAPI document is what the API does: schemathesis makes requests of it, right ones and wrong ones, and finds no
answer that it does not have, and none that is our fault."""

import json
import re
import traceback
from base64 import b64encode
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import hypothesis
import pytest
import schemathesis
from openapi_spec_validator import OpenAPIV31SpecValidator
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
    use_after_free,
)

from faxplan import api_keys, passphrases, users
from faxplan.api_keys import Scope
from faxplan.web_client import WebClient
from portal.api import catalogue, openapi
from portal.api.operations import OPERATIONS, ROOT
from portal.app import Portal
from tests.api.conftest import Program, a_program
from tests.api.test_faxes import LETTER, NUMBER
from tests.portal.conftest import DOMAIN
from tests.world import World, ready_made

BAD_REQUEST = 400
FEW = 10
"""Requests of each operation; in `make soak` a thousand."""
Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


def on_its_host(portal: Portal, program: Program) -> Wsgi:
    """The portal as it is asked at the program's organisation, by whom it has a key."""

    def asked(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ["HTTP_HOST"] = f"{program.office.tenant.slug}.{DOMAIN}"
        environ["HTTP_AUTHORIZATION"] = f"Bearer {program.secret}"
        return portal(environ, start_response)

    return asked


def _path(written: str) -> str:
    return re.sub(r"<(?:[^<>]*:)?([a-z0-9]+)>", r"{\1}", written)


def _made(world: World, acme: Program) -> dict[str, dict[str, int | str]]:
    """What there is, by the addresses in which it stands: what one operation ends another does not ask for."""
    world.render_all()
    sent = acme.hand("/faxes", {"to": [NUMBER], "documents": [LETTER]})
    campaign = acme.hand("/campaigns", {"name": "x", "documents": [LETTER]})
    fax = sent.get_json()["faxes"][0]["id"]
    world.render_all()
    contacts = [acme.hand("/contacts", {"number": NUMBER, "name": each}).get_json()["id"] for each in "abc"]
    groups = [acme.hand("/groups", {"name": each}).get_json()["id"] for each in "ab"]
    acme.hand(f"/groups/{groups[1]}/members", {"contacts": contacts[1:2]})
    place = {"address": "https://shop.example/", "own_only": True}
    webhooks = [acme.hand("/webhooks", place).get_json()["id"] for _each in "12"]
    told = acme.ask("POST", f"/webhooks/{webhooks[0]}/test").get_json()
    with world.portal.tenant(world.acme.tenant.id) as tx:
        _secret, key = api_keys.make(tx, world.acme.user, "other", [Scope.KEYS], None, actor="test")
    with world.admin.tenant(world.acme.tenant.id) as tx:
        for name in ("cara", "dora"):
            dora = users.create(tx, world.acme.tenant.id, email=f"{name}@acme.example", name=name).id
    with world.admin.tenant(world.borea.tenant.id) as tx:
        emil = users.create(tx, world.borea.tenant.id, email="emil@borea.example", name="Emil").id
    groups_ = [acme.hand("/organisation/mailboxes", {"name": each}).get_json()["id"] for each in "ab"]
    assert acme.hand(f"/organisation/mailboxes/{groups_[1]}/readers", {"email": "dora@acme.example"}).status_code == 200
    covers = [acme.hand("/organisation/cover-pages", {"name": each, "body": "x"}).get_json()["id"] for each in "ab"]
    for each in ("+4930990013", "+4930990014"):
        acme.hand("/organisation/do-not-fax", {"number": each})
    acme.hand(f"/organisation/numbers/{world.acme.did}/callers", {"caller": "+4940", "rule": "block"})
    acme.hand("/installation/numbers", {"number": "+4930990015", "tenant": "borea", "mailbox": "user@borea.example"})
    acme.hand("/installation/trunks", {"name": "spare", "host": "192.0.2.8", "inbound_country": "DE"})
    acme.hand("/installation/routes", {"prefix": "+4998"})
    return {
        "DELETE /organisation/mailboxes/": {"number": groups_[1], "reader": dora},
        "/organisation/mailboxes/": {"number": groups_[0]},
        "/organisation/numbers/": {"e164": world.acme.did, "caller": "+4940"},
        "DELETE /organisation/cover-pages/": {"number": covers[1]},
        "/organisation/cover-pages/": {"number": covers[0]},
        "DELETE /organisation/do-not-fax/": {"e164": "+4930990014"},
        "/organisation/do-not-fax/": {"e164": "+4930990013"},
        "/installation/tenants/": {"slug": "borea", "number": emil},
        "DELETE /installation/numbers/": {"e164": "+4930990015"},
        "/installation/numbers/": {"e164": world.borea.did},
        "DELETE /installation/trunks/": {"name": "spare"},
        "/installation/trunks/": {"name": "carrier"},
        "/faxes/": {"number": fax},
        "/batches/": {"number": sent.get_json()["batch"]},
        "/campaigns/": {"number": campaign.get_json()["id"]},
        "/contacts/": {"number": contacts[0]},
        "/groups/{number}/": {"number": groups[1], "contact": contacts[1]},
        "/groups/": {"number": groups[0]},
        "/webhooks/deliveries/": {"number": told["id"]},
        "/webhooks/{number}/": {"number": webhooks[0]},
        "/webhooks/": {"number": webhooks[1]},
        "/keys/": {"number": key.id},
        "": {"member": contacts[2]},
    }


def test_the_document_is_one(world: World, acme: Program) -> None:
    said = acme.ask("GET", "/openapi.json", headers={"Authorization": ""})
    assert (said.status_code, said.content_type) == (200, "application/json")
    document = said.get_json()
    OpenAPIV31SpecValidator(document).validate()
    operations = {each["operationId"] for path in document["paths"].values() for each in path.values()}
    assert operations == {each.name for each in OPERATIONS}
    assert "faxplan" not in json.dumps(document).lower()
    assert document == openapi.document()


_BOX = {"tenant": "borea", "mailbox": "user@borea.example"}
_CONTACT: dict[str, Any] = {"number": NUMBER, "name": "Ann"}
_BODIES: dict[str, dict[str, Any]] = {
    "POST /faxes": {"to": [NUMBER], "documents": [LETTER]},
    "POST /faxes/{number}/labels": {"name": "Label"},
    "POST /campaigns": {"name": "x", "documents": [LETTER]},
    "POST /campaigns/{number}/recipients": {"numbers": [NUMBER]},
    "POST /campaigns/{number}/recipients/preview": {"csv": "RmF4CjEK"},
    "PUT /campaigns/{number}/cover": {"subject": "For {{ name }}"},
    "POST /campaigns/{number}/cover/preview": {"cover": {"message": "Hello {{ name }}"}},
    "POST /campaigns/{number}/test": {"to": NUMBER},
    "POST /contacts": _CONTACT,
    "PUT /contacts/{number}": _CONTACT,
    "PUT /groups/{number}": {"name": "Others"},
    "POST /webhooks": {"address": "https://shop.example/faxes", "own_only": True},
    "PATCH /webhooks/{number}": {"enabled": True},
    "POST /organisation/mailboxes": {"name": "c"},
    "POST /organisation/mailboxes/{number}/readers": {"email": "cara@acme.example"},
    "PATCH /organisation/numbers/{e164}": {"name": "Desk"},
    "POST /organisation/numbers/{e164}/callers": {"caller": "+4930", "rule": "block"},
    "POST /organisation/cover-pages": {"name": "c", "body": "x"},
    "PUT /organisation/cover-pages/{number}": {"name": "a", "body": "x"},
    "POST /cover-pages/preview": {"body": "x"},
    "POST /organisation/do-not-fax": {"number": "+4930990012"},
    "POST /installation/tenants": {"slug": "cara", "name": "C", "country": "DE", "time_zone": "Europe/Berlin"},
    "PATCH /installation/tenants/{slug}": {"name": "Borea"},
    "POST /installation/tenants/{slug}/people": {"email": "bea@borea.example"},
    "PATCH /installation/tenants/{slug}/people/{number}": {"name": "B"},
    "POST /installation/numbers": {"number": "+4930990016", **_BOX},
    "POST /installation/numbers/several": {"numbers": [{"number": "+4930990017", **_BOX}], "only_try": True},
    "PATCH /installation/numbers/{e164}": {"name": "Desk"},
    "POST /installation/trunks": {"name": "second", "host": "192.0.2.9", "inbound_country": "DE"},
    "PATCH /installation/trunks/{name}": {"ecm": True},
    "POST /installation/routes": {"prefix": "+4999"},
    "PATCH /installation/routes": {"weight": 1},
}
_QUERIES = {
    "PATCH /installation/routes": {"prefix": "+", "trunk": "carrier"},
    "DELETE /installation/routes": {"prefix": "+4998"},
}


def _to_what_there_is(case: schemathesis.Case, made: dict[str, dict[str, int | str]], tenant_id: int) -> None:
    label = case.operation.label
    known = next(ids for begin, ids in made.items() if label.startswith(begin) or f" {begin}" in label)
    if label in _QUERIES:
        case.query = dict(_QUERIES[label])
    for name in case.path_parameters.keys() & known.keys():
        case.path_parameters[name] = known[name]
    if case.operation.label == "DELETE /campaigns/{number}":
        case.path_parameters["number"] = 10**6
    if not isinstance(case.body, dict) or case.media_type != "application/json":
        return
    if case.operation.label == "POST /user-key/unlock":
        auth = passphrases.recovery_auth(ready_made(tenant_id)[2])
        case.body = {"auth": b64encode(auth).decode(), "by": "recovery-code"}
    elif case.operation.label in _BODIES:
        case.body = dict(_BODIES[case.operation.label])
    elif "contacts" in case.body:
        case.body["contacts"] = [made[""]["member"]]


@pytest.mark.filterwarnings("ignore:Exception ignored in.*FileIO:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("examples", [FEW, pytest.param(1000, marks=[pytest.mark.soak, pytest.mark.timeout(14_400)])])
def test_nothing_is_answered_that_is_not_in_it(world: World, portal: Portal, acme: Program, examples: int) -> None:
    world.settings = replace(world.settings, api_requests_per_minute=1_000_000)
    portal._api._settings = world.settings  # type: ignore[union-attr]  # as a restart would
    # It asks for documents everywhere.
    portal._api._web = WebClient(resolver=lambda _host, _port: ["127.0.0.1"])  # type: ignore[union-attr]
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {"role": users.ADMINISTRATOR, "operator": True})
        world.acme.user = users.get(tx, world.acme.tenant.id, world.acme.user.id)
    acme = a_program(world, portal, world.acme, name="all of it")
    made = _made(world, acme)
    schema = schemathesis.openapi.from_wsgi(f"{ROOT}/openapi.json", on_its_host(portal, acme))
    checks = [
        not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
        unsupported_method, use_after_free,
    ]  # fmt: skip
    answered: dict[str, Counter[int]] = defaultdict(Counter)
    wrong: dict[str, str] = {}
    for found in schema.get_all_operations():
        operation = found.ok()

        @hypothesis.settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(hypothesis.HealthCheck),
            phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
        )
        @hypothesis.given(case=operation.as_strategy())
        def ask(case: schemathesis.Case) -> None:
            if sum(answered[case.operation.label].values()) % 2:
                # Left to itself it finds neither a fax nor a document.
                _to_what_there_is(case, made, world.acme.tenant.id)
            elif case.method == "DELETE" and "number" in case.path_parameters:
                # Nothing that others ask for, such as the key by which it asks.
                case.path_parameters["number"] = max(case.path_parameters["number"], 10**6)
            elif case.operation.label == "PATCH /installation/tenants/{slug}":
                # Not the one that asks.
                case.path_parameters["slug"] = "borea"
            found = case.call_and_validate(checks=checks)
            answered[case.operation.label][found.status_code] += 1
            if found.status_code >= BAD_REQUEST:
                problem = found.json()
                assert catalogue.BY_ID[problem["error_id"]].status == found.status_code

        try:
            ask()
        except Exception as error:  # noqa: BLE001 - of one operation: those behind it are looked at as well
            wrong[operation.label] = "".join(traceback.format_exception(error))
        if examples > FEW:
            print(operation.label, dict(answered[operation.label]), "wrong" * (operation.label in wrong), flush=True)
    assert wrong == {}, "\n\n".join(wrong.values())
    # It has found its way in, and not only been refused.
    assert set(answered) == {f"{each.method} {_path(each.path)}" for each in OPERATIONS}
    assert all(set(found) - {401, 429} for found in answered.values())
    done = [label for label, found in answered.items() if any(status < 300 for status in found)]
    # What their states forbid.
    refused = {"DELETE /faxes/{number}", "DELETE /campaigns/{number}", "DELETE /campaigns/{number}/file"}
    refused |= {"POST /faxes/{number}/resend", "POST /faxes/{number}/resend-offer"}
    refused |= {f"POST /campaigns/{{number}}/{what}" for what in ("start", "pause", "cancel")}
    assert set(answered) - set(done) <= refused, answered
