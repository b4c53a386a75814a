"""Several runtimes over a long queue: each fax is one's, once; and the queue's length costs a claim nothing."""

from collections import Counter

import pytest

from faxplan import claims, lanes, queue
from faxplan.ways import Ways
from tests import many
from tests.faxes import in_threads
from tests.world import World


def claims_and_ends_all(world: World, node: str) -> list[int]:
    """As a runtime whose calls end at once: the attempts that it had."""
    ways, mine = Ways(), []
    while True:
        with world.switch.across_tenants() as tx:
            taken = claims.claim_faxes(
                tx, node=node, switch_uuid=node, most=16, max_calls=1000, lease_seconds=600, ways=ways
            ).faxes
        if not taken:
            return mine
        for fax in taken:
            mine.append(fax.fax_id)
            with world.switch.tenant(fax.tenant_id) as tx:
                assert queue.take_call(tx, fax.tenant_id, fax.attempt_id)


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])])
def test_two_nodes_over_many_faxes_make_one_attempt_of_each(world: World, count: int) -> None:
    many.add_tenants(world, 10)
    many.queue(world, count)
    shares = in_threads(lambda: claims_and_ends_all(world, "one"), lambda: claims_and_ends_all(world, "two"))
    one, two = (Counter(share) for share in shares)  # type: ignore[call-overload]
    assert one
    assert two
    assert sum((one + two).values()) == len(one + two) == count
    attempts = 0
    with world.admin.across_tenants() as tx:
        ids = [row["id"] for row in tx.rows("select id from tenants")]
    for tenant_id in ids:
        with world.portal.tenant(tenant_id) as tx:
            attempts += tx.value("select count(*) from attempts")
            assert tx.value("select count(*) from fax_queue") == 0
    assert attempts == count


@pytest.mark.parametrize("count", [2_000, pytest.param(1_000_000, marks=[pytest.mark.soak, pytest.mark.timeout(1800)])])
def test_a_claim_looks_at_the_heads_of_lanes_and_not_at_the_queue(world: World, count: int) -> None:
    """EXPLAIN says how many rows each step has touched."""
    many.add_tenants(world, 10)
    many.queue(world, count)
    with world.switch.across_tenants() as tx:
        count_of_lanes = tx.value("select count(distinct (priority, tenant_id, lane)) from fax_queue")
        plan = tx.rows(
            f"explain (analyze, format json) {lanes.LOOK.sql}",
            {"node": "node1", "most": 16, "past": 0, "internal": False, "lanes": lanes.LANES_AT_ONCE, "tried": 60},
        )[0]
    (root,) = plan["QUERY PLAN"]
    touched = [node for node in nodes_of(root["Plan"]) if node.get("Relation Name") == "fax_queue"]
    assert touched
    assert all("Index" in node["Node Type"] for node in touched)
    # Two looks a lane (is there another, and which fax is its first), and those that end them.
    assert sum(node["Actual Rows"] * node["Actual Loops"] for node in touched) <= 3 * count_of_lanes + 3


def nodes_of(plan: dict[str, object]) -> list[dict[str, object]]:
    return [plan, *(node for child in plan.get("Plans", []) for node in nodes_of(child))]  # type: ignore[attr-defined]
