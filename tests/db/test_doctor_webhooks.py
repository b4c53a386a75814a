"""The doctor on webhooks: which fail, which are off, which are behind; and what to do."""

import pytest

from faxplan import doctor_database, doctor_webhooks, webhooks
from faxplan.findings import Finding, Level
from faxplan.webhooks import Endpoint
from tests.retained import execute, received
from tests.webhook_receiver import an_endpoint
from tests.world import World

ADDRESS = "https://shop.example/hear?password=secret"


@pytest.fixture
def endpoint(world: World) -> Endpoint:
    _secret, made = an_endpoint(world, world.acme, ADDRESS)
    return made


def found(world: World) -> dict[str, Finding]:
    with world.admin.across_tenants() as tx:
        told = {each.what: each for each in doctor_webhooks.webhooks(tx)}
    assert not any("secret?" in each.found or "password" in each.found for each in told.values())
    return told


def fails(world: World, interval: str) -> None:
    execute(world, f"update webhook_endpoints set failures = 12, failing_since = now() - interval '{interval}'")


def test_without_webhooks_nothing_is_said(world: World) -> None:
    assert found(world) == {}


def test_all_is_well_where_messages_go_out(world: World, endpoint: Endpoint) -> None:
    received(world, world.acme, "one")
    told = found(world)["webhooks"]
    assert (told.level, told.found) == (Level.OK, "1 webhook, 2 messages on their way")
    assert told in doctor_database.database(world.settings)[0]


def test_one_that_fails_for_long_is_named_by_its_host(world: World, endpoint: Endpoint) -> None:
    an_endpoint(world, world.borea, "https://other.example/")
    received(world, world.acme, "one")
    fails(world, "50 minutes")
    assert set(found(world)) == {"webhooks"}
    fails(world, "3 hours")
    execute(world, "update webhook_endpoints set failures = 0, failing_since = null where tenant_id = %s",
            (world.borea.tenant.id,))  # fmt: skip
    told = found(world)["webhooks that fail"]
    assert told.level is Level.WARNING
    assert told.found.startswith("shop.example of acme (for 3 h, 12 times in a row, 2 wait). After 5 days")
    assert "secret" not in told.remedy
    with world.portal.tenant(world.acme.tenant.id) as tx:
        webhooks.rotate(tx, world.acme.user, endpoint.id, actor="test")
    assert "its secret not long before: shop.example of acme" in found(world)["webhooks that fail"].remedy


@pytest.mark.parametrize(("because", "words"), [("gone", "gone (410)"), ("failing", "it failed")])
def test_one_that_was_turned_off_is_named_and_one_that_its_users_turned_off_is_not(
    world: World, endpoint: Endpoint, because: str, words: str
) -> None:
    execute(world, "update webhook_endpoints set enabled = false")
    assert set(found(world)) == {"webhooks"}
    execute(world, f"update webhook_endpoints set off_because = '{because}'")
    (told,) = found(world).values()
    assert (told.what, told.level) == ("webhooks that were turned off", Level.WARNING)
    assert words in told.found


def test_one_that_is_behind_is_slow_or_nobody_tries(world: World, endpoint: Endpoint) -> None:
    received(world, world.acme, "one")
    execute(world, "update webhook_deliveries set not_before = now() - interval '20 minutes'")
    told = found(world)["webhooks that are behind"]
    assert (told.level, told.found) == (
        Level.WARNING, "shop.example of acme (2 due, the first for 20 min), and nobody has tried",
    )  # fmt: skip
    assert "systemctl" in told.remedy
    execute(world, "update webhook_endpoints set served_at = now()")
    assert "more happens than they take" in found(world)["webhooks that are behind"].found
    # While it rests nothing is late.
    execute(world, "update webhook_endpoints set rests_until = now() + interval '5 minutes'")
    assert set(found(world)) == {"webhooks"}
