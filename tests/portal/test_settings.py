"""What an organisation's administrator decides: the header line, the time zone, attempts, and hours."""

import pytest

from faxplan import calling_provisioning, provisioning, sending_hours, tenants
from faxplan.priorities import Priority
from faxplan.tenants import Tenant
from tests.portal.conftest import Visitor
from tests.portal.test_people import audited, boss
from tests.world import World

__all__ = ["boss"]
PAGE = "/organisation/settings"
FORM: dict[str, object] = {
    "header_name": "Acme", "station_ident": "+493023125001", "header_line": "on", "page_n_of_m": "on",
    "time_zone": "Europe/Berlin", "max_attempts": "5", "wait_hours": "",
}  # fmt: skip


def tenant(world: World) -> Tenant:
    with world.portal.across_tenants() as tx:
        return tenants.get(tx, world.acme.tenant.id)


def test_the_header_line_is_shown_as_it_will_be(world: World, boss: Visitor) -> None:
    form = {**FORM, "header_name": "Acme & Sons", "page_n_of_m": "", "time_zone": "Asia/Tokyo", "wait_hours": "5"}
    assert boss.post(PAGE, form).status_code == 303
    page = boss.get(PAGE).text
    assert "<span>Acme &amp; Sons</span><span>+493023125001</span><span>page 1</span>" in page
    assert "Germany" in page
    now = tenant(world)
    assert (now.header_name, now.page_n_of_m, now.time_zone, now.wait_hours) == ("Acme & Sons", False, "Asia/Tokyo", 5)
    # The tenant's own audit has it, and what was changed alone.
    (row,) = audited(world, "tenant.change")
    assert row.actor == f"user:{world.acme.user.id}"
    assert row.details.keys() == {"header_name", "page_n_of_m", "time_zone", "wait_hours", "max_attempts"} - (
        {"max_attempts"} if world.acme.tenant.max_attempts == 5 else set()
    )
    assert boss.post(PAGE, {**form, "header_line": ""}).status_code == 303
    assert "Nothing stands above your pages." in boss.get(PAGE).text


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"time_zone": "Mars/Olympus"}, "time zone"),
        ({"station_ident": "x"}, "station ident"),
        ({"max_attempts": "0"}, "whole number"),
        ({"wait_hours": "9000"}, "whole number"),
        ({"header_name": "x" * 51}, "At most 50"),
        ({"opt_out_notice": "{name}"}, "no field name"),
        ({"opt_out_notice": "{address}"}, "asks for the code"),
    ],
)
def test_what_is_wrong_is_said(world: World, boss: Visitor, form: dict[str, object], said: str) -> None:
    before = tenant(world)
    answer = boss.post(PAGE, {**FORM, **form})
    assert answer.status_code == 400
    assert said in answer.text
    assert tenant(world) == before


def test_how_to_get_no_more_is_on_one_line(world: World, boss: Visitor) -> None:
    assert boss.post(PAGE, {**FORM, "opt_out_notice": "No more?\r\n{address}, {code}"}).status_code == 303
    assert tenant(world).opt_out_notice == "No more? {address}, {code}"
    assert boss.post(PAGE, FORM).status_code == 303
    assert tenant(world).opt_out_notice == ""


def test_in_the_us_the_header_line_stays(world: World, boss: Visitor) -> None:
    with world.admin.across_tenants() as tx:
        tx.execute("update tenants set country = 'US' where id = %s", (world.acme.tenant.id,))
    answer = boss.post(PAGE, {**FORM, "header_line": ""})
    assert (answer.status_code, "47 CFR 68.318(d)" in answer.text) == (400, True)
    assert tenant(world).header_line


def test_what_is_the_operators_is_not_changed(world: World, boss: Visitor) -> None:
    """SECURITY: limits, switching off, and the country."""
    extra = {
        "max_calls": "1000",
        "enabled": "",
        "calls_per_hour": "9",
        "pages_per_hour": "9",
        "name": "x",
        "country": "US",
    }
    assert boss.post(PAGE, {**FORM, **extra}).status_code == 303
    now, before = tenant(world), world.acme.tenant
    for name in ("max_calls", "enabled", "calls_per_hour", "pages_per_hour", "name", "country"):
        assert getattr(now, name) == getattr(before, name)
    with pytest.raises(ValueError, match="max_calls"):
        provisioning.change_tenant(world.admin, "test", "acme", {"max_calls": 5}, by_operator=False)


def test_hours_are_set_and_taken_away(world: World, boss: Visitor) -> None:
    assert "At all times" in boss.get(PAGE).text
    calling_provisioning.add_hours(world.admin, "test", "acme", sending_hours.parse("sun", "1:00-2:00"), Priority.BULK)
    days = {f"day{day}": "" for day in range(1, 8)}
    form: dict[str, object] = {**days, "day1": "8:00-12:00, 13:00-17:00", "day5": "22:00-6:00"}
    assert boss.post(f"{PAGE}/hours", form).status_code == 303
    page = boss.get(PAGE).text
    assert 'value="08:00-12:00, 13:00-17:00"' in page
    assert 'value="22:00-24:00"' in page
    assert 'value="00:00-06:00"' in page
    assert "bulk: Sunday 01:00-02:00" in page
    wrong: dict[str, object] = {**form, "day2": "noon"}
    answer = boss.post(f"{PAGE}/hours", wrong)
    assert (answer.status_code, "are no hours" in answer.text) == (400, True)
    assert len(calling_provisioning.hours(world.admin, "acme")) == 5
    assert boss.post(f"{PAGE}/hours", {**days}).status_code == 303
    # Those of a priority are others' to take away.
    assert [row["priority"] for row in calling_provisioning.hours(world.admin, "acme")] == [Priority.BULK]
    assert len(audited(world, "hours.set")) == 2
