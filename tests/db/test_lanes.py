"""What is due: faxes of a lane, in its tenant's sending hours; and when a look is worth while."""

from faxplan import lanes, tenants
from tests.claiming import BULK, taken, trunk_names
from tests.faxes import NUMBER, claim, due_now, queued
from tests.routing import add_route, add_trunk
from tests.world import World


def test_a_fax_that_is_not_due_waits(world: World) -> None:
    queued(world, world.acme, due_in=3600)
    assert claim(world) == []
    with world.switch.across_tenants() as tx:
        wait, calls = lanes.outlook(tx, "node1")
        assert wait is not None
        assert 3500 < wait <= 3600
        assert calls == 0
    due_now(world)
    with world.switch.across_tenants() as tx:
        assert lanes.outlook(tx, "node1") == (lanes.BLOCKED_SECONDS, 0)
    assert len(claim(world)) == 1
    with world.switch.across_tenants() as tx:
        assert lanes.outlook(tx, "node1") == (None, 1)


def test_a_disabled_tenants_faxes_are_nothing_to_wait_for(world: World) -> None:
    queued(world, world.acme)
    with world.admin.across_tenants() as tx:
        tenants.change(tx, world.acme.tenant.id, {"enabled": False})
    assert claim(world) == []
    with world.switch.across_tenants() as tx:
        assert lanes.outlook(tx, "node1") == (None, 0)


def test_a_queued_fax_follows_routes_that_were_changed(world: World) -> None:
    fax_id = queued(world, world.acme)
    add_route(world, "+49", add_trunk(world, "new"))
    assert claim(world) == []
    (fax,) = claim(world)
    assert (fax.fax_id, trunk_names([fax])) == (fax_id, ["new"])
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["trunk"], attempt["route_prefix"]) == ("new", "+49")


def test_faxes_to_other_numbers_come_up_behind_many_to_one_that_is_taken(world: World) -> None:
    for _ in range(50):
        queued(world, world.acme, due_in=-60)
    other = queued(world, world.acme, number="+494012345678")
    (first,) = claim(world, calls_to_one_number=1)
    assert first.called_number == NUMBER
    assert [taken(world, calls_to_one_number=1) for _ in range(2)] == [[], [other]]
    with world.switch.across_tenants() as tx:
        waits = tx.value("select count(*) from fax_queue where not_before > now()")
    assert waits == 49


class TestSendingHours:
    def test_a_tenants_faxes_wait_for_them(self, world: World) -> None:
        queued(world, world.acme)
        queued(world, world.borea)
        self.open(world, "never")
        assert [fax.tenant_id for fax in claim(world)] == [world.borea.tenant.id]
        self.open(world, "now")
        assert [fax.tenant_id for fax in claim(world)] == [world.acme.tenant.id]

    def test_those_of_one_priority_bind_no_other(self, world: World) -> None:
        bulk, normal = queued(world, world.acme, priority=BULK), queued(world, world.acme)
        self.open(world, "never", priority=BULK)
        assert taken(world) == [normal]
        self.open(world, "now", priority=BULK)
        assert taken(world) == [bulk]

    def open(self, world: World, when: str, priority: int | None = None) -> None:
        """All of today, or only on another day than today and tomorrow, in the tenant's own zone."""
        with world.admin.tenant(world.acme.tenant.id) as tx:
            today = tx.value("select extract(isodow from now() at time zone %s)", (world.acme.tenant.time_zone,))
            days = range(1, 8) if when == "now" else [int(today + 2) % 7 + 1]
            tx.execute("delete from sending_hours")
            for day in days:
                tx.execute(
                    """insert into sending_hours (tenant_id, priority, weekday, opens, closes)
                       values (%s, %s, %s, '00:00', '24:00')""",
                    (world.acme.tenant.id, priority, day),
                )
