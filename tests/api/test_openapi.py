"""The OpenAPI document is what the API does: schemathesis makes requests of it, right ones and wrong ones, and finds no
answer that it does not have, and none that is our fault."""

import json
import re
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

from portal.api import openapi
from portal.api.operations import OPERATIONS, ROOT
from portal.app import Portal
from tests.api.conftest import Program
from tests.api.test_faxes import LETTER, NUMBER
from tests.portal.conftest import DOMAIN
from tests.world import World

Wsgi = Callable[[dict[str, Any], Any], Iterable[bytes]]


def on_its_host(portal: Portal, program: Program) -> Wsgi:
    """The portal as it is asked at the program's organisation, by whom it has a key."""

    def asked(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ["HTTP_HOST"] = f"{program.office.tenant.slug}.{DOMAIN}"
        environ["HTTP_AUTHORIZATION"] = f"Bearer {program.secret}"
        return portal(environ, start_response)

    return asked


def _path(written: str) -> str:
    return re.sub(r"<(?:[^<>]*:)?([a-z]+)>", r"{\1}", written)


def test_the_document_is_one(world: World, acme: Program) -> None:
    said = acme.ask("GET", "/openapi.json", headers={"Authorization": ""})
    assert (said.status_code, said.content_type) == (200, "application/json")
    document = said.get_json()
    OpenAPIV31SpecValidator(document).validate()
    operations = {each["operationId"] for path in document["paths"].values() for each in path.values()}
    assert operations == {each.name for each in OPERATIONS}
    assert "faxplan" not in json.dumps(document).lower()
    assert document == openapi.document()


def _to_what_there_is(case: schemathesis.Case, numbers: dict[str, int]) -> None:
    """numbers: of things, by the first word of their addresses."""
    if "number" in case.path_parameters and case.operation.label not in (
        "DELETE /faxes/{number}",
        "DELETE /campaigns/{number}",
    ):
        case.path_parameters["number"] = numbers[case.path.split("/")[1]]
    if not isinstance(case.body, dict) or case.media_type != "application/json":
        return
    if case.operation.label in ("POST /faxes", "POST /campaigns"):
        case.body = {"to": [NUMBER], "documents": [LETTER], "name": "x"}
        case.body.pop("name" if case.path == "/faxes" else "to")
    elif case.operation.label == "POST /campaigns/{number}/recipients":
        case.body = {"numbers": [NUMBER]}


@pytest.mark.filterwarnings("ignore:Exception ignored in.*FileIO:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("examples", [20, pytest.param(1000, marks=pytest.mark.soak)])
def test_nothing_is_answered_that_is_not_in_it(world: World, portal: Portal, acme: Program, examples: int) -> None:
    world.settings = replace(world.settings, api_requests_per_minute=1_000_000)
    portal._api._settings = world.settings  # type: ignore[union-attr]  # as a restart would
    world.render_all()
    sent = acme.hand("/faxes", {"to": [NUMBER], "documents": [LETTER]})
    made = acme.hand("/campaigns", {"name": "x", "documents": [LETTER]})
    numbers = {"faxes": sent.get_json()["faxes"][0]["id"], "campaigns": made.get_json()["id"]}
    world.render_all()
    schema = schemathesis.openapi.from_wsgi(f"{ROOT}/openapi.json", on_its_host(portal, acme))
    checks = [
        not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
        unsupported_method, use_after_free,
    ]  # fmt: skip
    answered: dict[str, Counter[int]] = defaultdict(Counter)
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
                _to_what_there_is(case, numbers)
            found = case.call_and_validate(checks=checks)
            answered[case.operation.label][found.status_code] += 1

        ask()
    # It has found its way in, and not only been refused.
    assert set(answered) == {f"{each.method} {_path(each.path)}" for each in OPERATIONS}
    assert all(set(found) - {401, 429} for found in answered.values())
    done = [label for label, found in answered.items() if any(status < 300 for status in found)]
    # What their states forbid.
    refused = {"DELETE /faxes/{number}", "DELETE /campaigns/{number}"}
    refused |= {f"POST /campaigns/{{number}}/{what}" for what in ("start", "pause", "cancel")}
    assert set(answered) - set(done) <= refused, answered
