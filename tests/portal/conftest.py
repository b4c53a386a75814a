"""The portal as a browser sees it: a client of its WSGI application, which may log in."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from werkzeug.test import Client, TestResponse

from faxplan import passphrases, users
from portal import cookies
from portal.app import Portal
from tests.browser import browsers
from tests.browser.devtools import DevTools
from tests.forks import forks
from tests.passwords import derived_once
from tests.world import PHRASE, Office, World, world

__all__ = ["derived_once", "forks", "world"]

DOMAIN = "fax.example"
HERE = {"REMOTE_ADDR": "127.0.0.1"}


@dataclass
class Visitor:
    """One browser. csrf: of its session, once it has one."""

    client: Client
    office: Office
    csrf: str = ""

    @property
    def host(self) -> str:
        return f"{self.office.tenant.slug}.{DOMAIN}"

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.client.get(
            path, base_url=f"https://{self.host}", headers=_named(headers), environ_base=HERE, buffered=True
        )

    def post(self, path: str, form: dict[str, object] | None = None, **headers: str) -> TestResponse:
        """As from a page of ours, with its token."""
        given = {"Sec_Fetch_Site": "same-origin", **headers}
        data = {"csrf": self.csrf, **(form or {})}
        return self.client.post(
            path, base_url=f"https://{self.host}", data=data, headers=_named(given), environ_base=HERE
        )

    def hand(self, path: str, value: object, **headers: str) -> TestResponse:
        """As a script of ours hands something over as JSON."""
        given = {"Sec_Fetch_Site": "same-origin", "Accept": "application/json", "X_CSRF_Token": self.csrf, **headers}
        return self.client.post(
            path, base_url=f"https://{self.host}", json=value, headers=_named(given), environ_base=HERE
        )

    def log_in(self, phrase: str = PHRASE, email: str | None = None) -> TestResponse:
        email = self.office.user.email if email is None else email
        said = self.post("/log-in/challenge", {"email": email}, Accept="application/json").get_json()
        cost = passphrases.Cost(**said["cost"])
        auth = passphrases.derive(phrase, bytes.fromhex(said["salt"]), cost).auth
        answer = self.post("/log-in", {"email": email, "auth": auth.hex()}, Accept="application/json")
        if answer.status_code == 200:
            page = self.get("/account").text
            self.csrf = page.partition('name="csrf" content="')[2].partition('"')[0]
            assert self.csrf
        return answer

    @property
    def token(self) -> str | None:
        cookie = self.client.get_cookie(cookies.NAME, domain=self.host)
        return None if cookie is None else cookie.value


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@pytest.fixture
def portal(world: World) -> Portal:
    return Portal(world.portal, world.store, DOMAIN, admin=world.admin, settings=world.settings)


def visitor(portal: Portal, office: Office) -> Visitor:
    return Visitor(Client(portal), office)


@pytest.fixture
def ann(world: World, portal: Portal) -> Visitor:
    """Of acme, logged in."""
    found = visitor(portal, world.acme)
    assert found.log_in().status_code == 200
    return found


@pytest.fixture
def olga(world: World, ann: Visitor) -> Visitor:
    """Ann, as who runs the installation; she administers no tenant."""
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {"operator": True})
    return ann


@pytest.fixture
def ben(world: World, portal: Portal) -> Visitor:
    """Of borea, logged in."""
    found = visitor(portal, world.borea)
    assert found.log_in().status_code == 200
    return found


@pytest.fixture(scope="session")
def chromium(run_directory: Path) -> Iterator[DevTools]:
    """One for all tests, each of which has it as if it were new (DevTools.apart): seconds of a processor less."""
    with browsers.driven(run_directory) as tools:
        yield tools


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.txt"
    path.write_text("A letter.\n\fIts second page.\n")
    return path
