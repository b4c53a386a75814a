"""`faxplan api-key`: by what programs act for a user, as they make, see and end it on the command line."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from faxplan import api_keys
from tests.db.test_cli_keys import ME, said, shop
from tests.installations import Installation
from tests.world import World, world_on

__all__ = ["shop"]


@pytest.fixture
def world(installation: Installation, tmp_path: Path) -> Iterator[World]:
    with world_on(installation, tmp_path, enrolled=False) as made:
        yield made


def test_from_no_key_to_one_that_has_ended(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no API key" in said(capsys, "api-key", "list", "--as", ME)
    options = ("--scope", "faxes:send", "--scope", "account:read", "--until", "2099-12-31", "--as", ME)
    made = json.loads(said(capsys, "api-key", "add", "The shop", *options, "--json"))
    assert (made["name"], made["scopes"], made["expired"]) == ("The shop", ["faxes:send", "account:read"], False)
    user = shop.acme.user
    with shop.portal.tenant(user.tenant_id) as tx:
        found = api_keys.find(tx, user.tenant_id, made["secret"])
    assert found is not None
    assert "name already" in said(capsys, "api-key", "add", "The shop", *options, code=1)
    listed = said(capsys, "api-key", "list", "--as", ME)
    assert ("The shop" in listed, made["ending"] in listed, made["secret"] in listed) == (True, True, False)
    assert [each["id"] for each in json.loads(said(capsys, "api-key", "list", "--as", ME, "--json"))] == [made["id"]]
    assert json.loads(said(capsys, "api-key", "end", "The shop", "--as", ME, "--json")) == {
        "id": made["id"], "name": "The shop",
    }  # fmt: skip
    with shop.portal.tenant(user.tenant_id) as tx:
        assert api_keys.find(tx, user.tenant_id, made["secret"]) is None
    assert "You have no API key" in said(capsys, "api-key", "end", "The shop", "--as", ME, code=1)
