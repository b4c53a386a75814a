"""The API as a program sees it: a client of the portal's WSGI application, with a key."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from faxplan import api_keys
from faxplan.api_keys import Scope
from portal.app import Portal
from tests.forks import forks
from tests.portal.conftest import DOMAIN, HERE, portal
from tests.world import Office, World, world

__all__ = ["forks", "portal", "world"]


@dataclass
class Program:
    """One that acts for an office's user."""

    client: Client
    office: Office
    key_id: int
    secret: str

    def ask(self, method: str, path: str, *, headers: dict[str, str] | None = None, **given: Any) -> TestResponse:
        """path: below /api/v1."""
        own = {"Authorization": f"Bearer {self.secret}"} if self.secret else {}
        return self.client.open(
            f"/api/v1{path}", method=method, base_url=f"https://{self.office.tenant.slug}.{DOMAIN}",
            headers=own | (headers or {}), environ_base=HERE, buffered=True, **given,
        )  # fmt: skip

    def get(self, path: str, **query: Any) -> TestResponse:
        return self.ask("GET", path, query_string=query)

    def hand(self, path: str, value: object, **headers: str) -> TestResponse:
        named = {name.replace("_", "-"): each for name, each in headers.items()}
        return self.ask("POST", path, json=value, headers=named)


def a_program(
    world: World, portal: Portal, office: Office, scopes: Collection[Scope] | None = None, *, name: str = "test",
    expires_at: datetime | None = None,
) -> Program:  # fmt: skip
    with world.portal.tenant(office.tenant.id) as tx:
        wanted = api_keys.open_to(office.user) if scopes is None else scopes
        secret, key = api_keys.make(tx, office.user, name, wanted, expires_at, actor="test")
    return Program(Client(portal), office, key.id, secret)


@pytest.fixture
def acme(world: World, portal: Portal) -> Program:
    return a_program(world, portal, world.acme)


@pytest.fixture
def borea(world: World, portal: Portal) -> Program:
    return a_program(world, portal, world.borea)
