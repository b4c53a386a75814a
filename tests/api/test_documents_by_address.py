"""Programs name documents by their addresses, and nothing is faxed that they could not fetch themselves."""

import ipaddress
from base64 import b64encode
from collections.abc import Iterator

import pytest
from werkzeug.test import TestResponse

from faxplan.web_client import WebClient
from portal.app import Portal
from tests.api.conftest import Program
from tests.api.test_faxes import LETTER, NUMBER, problem
from tests.fax_mails import pdf
from tests.retained import count
from tests.web_server import Page, WebServer, web_server
from tests.world import World


@pytest.fixture
def server() -> Iterator[WebServer]:
    with web_server() as made:
        yield made


@pytest.fixture
def allowed(portal: Portal) -> None:
    """As the operator's setting would."""
    portal._api._web = WebClient((ipaddress.ip_network("127.0.0.0/8"),))  # type: ignore[union-attr]


def send(acme: Program, *documents: object, once: str = "") -> TestResponse:
    named = {"Idempotency_Key": once} if once else {}
    return acme.hand("/faxes", {"to": [NUMBER], "documents": documents}, **named)


@pytest.mark.usefixtures("allowed")
def test_documents_come_from_both(world: World, acme: Program, server: WebServer) -> None:
    server.pages["/contract"] = Page(pdf(2), headers={"Content-Disposition": "attachment; filename=contract.pdf"})
    said = send(acme, {"url": server.url("/contract")}, LETTER)
    assert said.status_code == 201, said.text
    world.render_all()
    number = said.get_json()["faxes"][0]["id"]
    assert acme.get(f"/faxes/{number}").get_json()["pages"] == 3
    assert list(world.settings.work.iterdir()) == []


@pytest.mark.usefixtures("allowed")
def test_the_same_request_fetches_nothing_again(world: World, acme: Program, server: WebServer) -> None:
    """What lies there may have changed meanwhile, or be gone."""
    server.pages["/a"] = Page(pdf(1))
    first = send(acme, {"url": server.url("/a")}, once="x")
    server.pages["/a"] = Page(pdf(2))
    again = send(acme, {"url": server.url("/a")}, once="x")
    assert (again.status_code, again.text) == (201, first.text)
    assert problem(send(acme, {"url": server.url("/b")}, once="x")) == (422, "idempotency-key-reused")
    assert (server.asked, count(world, "faxes")) == (["/a"], 1)


def test_what_is_not_public_is_refused_and_not_asked(world: World, acme: Program, server: WebServer) -> None:
    """SECURITY: unless an operator has said so."""
    server.pages["/secret"] = Page(b"secret")
    for url in (
        server.url("/secret"), f"https://127.0.0.1:{server.port}/secret", f"https://localhost:{server.port}/secret",
        f"https://[::1]:{server.port}/", "https://169.254.169.254/latest/meta-data/", "https://0.0.0.0/",
        "https://me:x@example.com/",
    ):  # fmt: skip
        assert problem(send(acme, {"url": url})) == (422, "address-refused"), url
    assert (server.asked, count(world, "faxes"), world.stored()) == ([], 0, [])


@pytest.mark.usefixtures("allowed")
def test_what_is_not_there_is_said(world: World, acme: Program, server: WebServer) -> None:
    server.pages |= {"/busy": Page(status=503), "/a.zip": Page(b"PK\x03\x04")}
    assert problem(send(acme, {"url": server.url("/none")}, once="x")) == (422, "fetch-refused")
    assert problem(send(acme, {"url": server.url("/busy")}, once="x")) == (502, "fetch-failed")
    assert problem(send(acme, {"url": "http://127.0.0.1:1/"})) == (502, "fetch-failed")
    assert problem(send(acme, {"url": server.url("/a.zip")}))[0] == 422
    for wrong, pointer in (
        ({"url": "ftp://x/"}, "/documents/0/url"),
        ({"url": server.url("/"), "content": b64encode(b"x").decode()}, "/documents/0/content"),
        ({"url": 1}, "/documents/0/url"),
        ({}, "/documents/0/name"),
        ("x", "/documents/0"),
    ):
        said = send(acme, wrong)
        assert problem(said) == (422, "invalid-request")
        assert said.get_json()["errors"][0]["pointer"] == pointer
    assert (count(world, "faxes"), world.stored()) == (0, [])
    assert list(world.settings.work.iterdir()) == []
    # Nothing was done: the same request may be made again.
    server.pages["/none"] = Page(pdf(1))
    assert send(acme, {"url": server.url("/none")}, once="x").status_code == 201
