"""What the switch's operator is answered at fs_cli."""

from dataclasses import replace

import pytest

from faxplan import node_provisioning, nodes, registrations, switch_answers, trunk_health
from faxplan.live_calls import LiveCall, LiveCalls
from faxplan.switch_answers import Node
from tests.faxes import claim, pending_folder, queued
from tests.routing import change
from tests.runtime import SENT, Runtime
from tests.scripted_switch import Originate
from tests.world import World


class AtWork:
    """A runtime with these calls in hand."""

    def __init__(self, live: LiveCalls, *, hears: bool = True) -> None:
        self.started_at = 0.0
        self.live = live
        self.hears = hears

    def calls(self) -> list[tuple[LiveCall, int]]:
        return self.live.seen()

    def hears_database(self) -> bool:
        return self.hears


@pytest.fixture
def live() -> LiveCalls:
    return LiveCalls()


@pytest.fixture
def node(world: World, live: LiveCalls) -> Node:
    pending = pending_folder(world)
    pending.prepare()
    world.journal.prepare()
    return Node(world.settings, world.journal, pending, AtWork(live))


def asked(node: Node, name: str, arguments: str = "") -> list[str]:
    return switch_answers.answer(node, name, arguments).splitlines()


def test_status_has_calls_and_queue(world: World, node: Node, live: LiveCalls) -> None:
    for number in ("+493099001234", "+493099001235"):
        queued(world, world.acme, number=number)
    (fax,) = claim(world, 1)
    live.add(fax)
    said = asked(node, "status")
    assert said[1] == "Runtime    at work"
    assert "In hand    1 calls to send, 0 of them dialled" in said
    assert f"Calls      1 of {world.settings.max_channels}, 0 of them received; 1 on all nodes" in said
    assert any(line.startswith("Queue      1 faxes, 1 due, the oldest for ") for line in said)


def test_calls_have_their_pages_trunk_and_channel_also_such_as_no_database_knows(
    world: World, node: Node, live: LiveCalls
) -> None:
    queued(world, world.acme)
    (fax,) = claim(world)
    live.add(fax)
    live.note_pages(fax.channel_uuid, 2)
    heading, row = asked(node, "calls")
    assert heading.split() == ["FAX", "ATTEMPT", "TENANT", "WAY", "TRUNK", "NUMBER", "PAGES", "FOR", "CHANNEL"]
    assert row.split()[:7] == [str(fax.fax_id), str(fax.attempt_id), "acme", "out", "carrier", "+493099001234", "2"]
    assert row.endswith(fax.channel_uuid)
    assert asked(replace(node, settings=replace(node.settings, node="other")), "calls") == [
        "No call runs on this node."
    ]


def test_a_drained_node_says_so_and_what_another_one_registers(world: World, node: Node) -> None:
    change(world, "trunks", register=True, username="fax", password="secret")
    with world.switch.across_tenants() as tx:
        for name in ("other", node.settings.node):
            nodes.report(tx, name, switch_uuid=name, max_channels=1)
        registrations.hold(tx, "other", frozenset())
    assert "registered by other, which alone dials" in asked(node, "trunks")[1]
    elsewhere = replace(node, settings=replace(node.settings, node="other"))
    assert asked(elsewhere, "trunks")[1].split()[:2] == ["carrier", "up"]
    assert not any(line.startswith("Drained") for line in asked(node, "status"))
    node_provisioning.drain(world.admin, "me", node.settings.node)
    assert "Drained    takes no calls, until `faxplan node resume` lets it" in asked(node, "status")


def test_trunks_have_their_rests_as_this_node_sees_them(world: World, node: Node) -> None:
    with world.switch.across_tenants() as tx:
        trunk_id = tx.value("select id from trunks")
        trunk_health.down_on_node(tx, trunk_id, "GATEWAY_DOWN", node.settings.node)
    assert "unreachable from this node" in asked(node, "trunks")[1]
    assert "GATEWAY_DOWN" in asked(node, "trunks")[1]
    elsewhere = replace(node, settings=replace(node.settings, node="other"))
    assert f"up; not from {node.settings.node}" in asked(elsewhere, "trunks")[1]


def test_a_fax_of_any_tenant_is_found_by_its_number(world: World, node: Node) -> None:
    waiting, other = queued(world, world.acme, due_in=90), queued(world, world.borea)
    said = asked(node, "fax", str(waiting))
    assert said[0] == f"Fax        {waiting} of acme, outbound, to +493099001234"
    assert said[1].startswith("State      queued, 0 of 3 pages done, made ")
    assert said[2].startswith("Queue      due in 1 min ")
    assert said[-1] == "No call was made for it yet."
    (fax,) = claim(world)
    assert fax.fax_id == other
    said = asked(node, "fax", str(other))
    assert f"Call       attempt {fax.attempt_id} on node1 through carrier, channel {fax.channel_uuid}" in said
    assert said[-1].split()[:5] == [str(fax.attempt_id), "1", "carrier", "node1", "runs"]
    assert asked(node, "fax", "987654") == ["-ERR There is no fax 987654."]


@pytest.mark.parametrize("wrong", ["", "x", "1 2", "-1", "0", "99999999999999999999", "9" * 5000, "\u0661"])
def test_a_number_that_is_none_is_answered_with_the_usage(node: Node, wrong: str) -> None:
    (said,) = asked(node, "fax", wrong)
    assert said.startswith("-ERR Which fax? Say its number: `python fax_queue::fax 17`.")


@pytest.mark.parametrize("name", ["status", "calls", "trunks", "pause", "resume"])
def test_what_takes_nothing_says_so_and_does_nothing(node: Node, name: str) -> None:
    assert asked(node, name, "now") == [f"-ERR {name} takes nothing after it. Say `python fax_queue::{name}`."]
    assert not node.settings.pause_file.exists()


def test_what_is_no_command_leads_to_help(node: Node) -> None:
    assert asked(node, "stauts") == ["-ERR There is no command 'stauts'. `python fax_queue::help` lists all."]
    said = asked(node, "help")
    for name in (*switch_answers.COMMANDS, *switch_answers.ELSEWHERE):
        assert any(line.startswith(f"python fax_queue::{name} ") for line in said), name


def test_while_the_database_is_away_what_is_in_memory_is_told(world: World, node: Node, live: LiveCalls) -> None:
    queued(world, world.acme)
    (fax,) = claim(world)
    live.add(fax)
    away = Node(
        replace(node.settings, database_url="postgresql:///x?host=/nowhere"),
        node.journal,
        node.pending,
        AtWork(live, hears=False),
    )
    assert asked(away, "status")[1] == "Runtime    waits for PostgreSQL; calls go on, nothing new is dialled"
    assert asked(away, "status")[-1].startswith("Database   PostgreSQL is out of reach")
    assert asked(away, "calls")[-1].split()[:4] == [str(fax.fax_id), str(fax.attempt_id), "carrier", "+493099001234"]
    assert asked(away, "trunks")[0].startswith("-ERR PostgreSQL is out of reach")
    assert asked(replace(away, runtime=None), "calls")[0].startswith("-ERR PostgreSQL is out of reach")


def test_a_runtime_that_is_not_there_and_one_that_was_stopped(node: Node) -> None:
    none = replace(node, runtime=None)
    assert asked(none, "status")[1] == "Runtime    not running in this switch; `python fax_queue::start` starts it"
    node.settings.stop_file.write_text("")
    assert asked(node, "status")[1] == "Runtime    stopped on purpose; `python fax_queue::start` starts it"
    assert asked(node, "resume") == [
        "+OK This node was not paused. Its runtime: stopped on purpose; `python fax_queue::start` starts it."
    ]


def test_a_paused_node_says_so_dials_nothing_ends_what_it_has_and_goes_on_when_it_may(
    world: World, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime = Runtime(world, monkeypatch)
    first, second = queued(world, world.acme), queued(world, world.acme, number="+493099001239")
    calls: list[Originate] = []

    def pauses_then_waits(call: Originate) -> None:
        # The two are claimed together: what is claimed goes on to its end.
        calls.append(call)
        if len(calls) == 1:
            assert asked(node, "pause")[0].startswith("+OK This node dials nothing new, also after a restart")
        runtime.switch.ends(call, SENT)

    runtime.switch.on_originate = pauses_then_waits
    runtime.run(runtime.final(world.acme, first, second))
    assert asked(node, "status")[1] == "Runtime    paused: dials nothing new; `python fax_queue::resume` lets it"
    # Also another runtime, after a restart.
    third = queued(world, world.acme)

    def reported() -> bool:
        with world.admin.across_tenants() as tx:
            return bool(tx.value("select paused from nodes where name = 'node1'"))

    runtime.run(lambda: reported() and runtime.switch.turns > 50)
    assert world.fax(world.acme, third)["state"] == "queued"
    assert asked(node, "resume") == ["+OK This node dials again."]
    runtime.run(runtime.final(world.acme, third))
    assert world.fax(world.acme, third)["state"] == "sent"
    with world.admin.across_tenants() as tx:
        assert tx.value("select paused from nodes where name = 'node1'") is False


def test_what_a_far_machine_said_steers_no_terminal(world: World, node: Node) -> None:
    with world.switch.across_tenants() as tx:
        trunk_health.down_on_node(tx, tx.value("select id from trunks"), "gone\x1b[2J\nup", node.settings.node)
    assert "gone?[2J?up" in asked(node, "trunks")[1]
