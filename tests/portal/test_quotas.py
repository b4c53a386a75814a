"""Quotas: what an organisation and its users may send, and who shares it out."""

import pytest

from faxplan import provisioning, quotas
from faxplan.db import Row
from tests.portal.conftest import Visitor
from tests.portal.test_people import audited, boss
from tests.world import World

__all__ = ["boss"]
PAGE = "/organisation/quotas"


def limits(world: World) -> list[Row]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return quotas.of_tenant(tx, world.acme.tenant.id)


def test_a_users_limit_is_set_changed_and_taken_away(world: World, boss: Visitor) -> None:
    assert "There is no limit for all together." in boss.get(PAGE).text
    email = world.acme.user.email
    for pages in ("10", "20"):
        assert boss.post(PAGE, {"email": email, "period": "day", "pages": pages}).status_code == 303
    (row,) = limits(world)
    assert (row["user"], row["period"], row["limit_pages"]) == (email, "day", 20)
    assert boss.post(PAGE, {"email": email, "period": "day", "pages": ""}).status_code == 303
    assert limits(world) == []
    (*_, last) = audited(world, "quota.set")
    assert (last.actor, last.details) == (f"user:{world.acme.user.id}", {"period": "day", "pages": None})


def test_what_is_used_and_held_is_shown(world: World, boss: Visitor) -> None:
    provisioning.set_quota(world.admin, "test", "acme", period="month", pages=200, email=None)
    provisioning.set_quota(world.admin, "test", "acme", period="month", pages=300, email=world.acme.user.email)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        quotas.reserve(tx, world.acme.tenant.id, world.acme.user.id, 50)
        quotas.settle(tx, world.acme.tenant.id, world.acme.user.id, reserved=40, used=40)
    page = boss.get(PAGE).text
    assert "40 of 200 pages used, 10 held for faxes under way" in page
    assert '<rect class="held" x="20" width="5"' in page
    assert '<rect class="used" width="20"' in page
    # A share that is more than there is.
    assert "More than your organisation may send altogether, 200" in page


def test_what_is_used_up_is_shown_full(world: World, boss: Visitor) -> None:
    provisioning.set_quota(world.admin, "test", "acme", period="day", pages=0, email=None)
    assert '<rect class="used full" width="100"' in boss.get(PAGE).text


@pytest.mark.parametrize("email", ["", "user@borea.example", "nobody@acme.example"])
def test_only_a_users_limit_is_an_administrators(world: World, boss: Visitor, email: str) -> None:
    """SECURITY: the organisation's own is the operator's."""
    provisioning.set_quota(world.admin, "test", "acme", period="day", pages=5, email=None)
    answer = boss.post(PAGE, {"email": email, "period": "day", "pages": "1000"})
    assert answer.status_code == 400
    assert "faxplan" not in answer.text.lower()
    assert [row["limit_pages"] for row in limits(world)] == [5]


@pytest.mark.parametrize("form", [{"period": "year"}, {"pages": "-1"}, {"pages": "1e3"}, {"pages": "99999999999"}])
def test_what_is_no_limit_is_refused(world: World, boss: Visitor, form: dict[str, object]) -> None:
    answer = boss.post(PAGE, {"email": world.acme.user.email, "period": "day", "pages": "1", **form})
    assert answer.status_code == 400
    assert limits(world) == []
