"""Several nodes: which registers a trunk, which has taken up its changes, and how one goes out of service."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from faxplan import (
    doctor_database,
    doctor_nodes,
    gateway_sync,
    node_provisioning,
    node_trunks,
    nodes,
    registrations,
    trunk_directory,
    trunk_health,
)
from faxplan.accepting import Refused
from faxplan.call_result import CallResult
from faxplan.cli import main
from faxplan.errors import DatabaseUnavailable, NotFound
from faxplan.findings import Finding, Level
from faxplan.gateway_sync import GatewaySync
from faxplan.node_provisioning import NodeAtWork
from faxplan.pending import Pending, PendingFax
from faxplan.switch import GatewayState
from tests.faxes import accepted, claim, due_now, fax_tiff, pending_folder, queued
from tests.routing import add_route, change
from tests.runtime import SENT, Runtime
from tests.world import World

ACCOUNT = {"register": True, "username": "fax", "password": "secret"}


class Switch:
    def __init__(self, gateways: Callable[[], set[str]] = set) -> None:
        self.commands: list[str] = []
        self.logged: list[str] = []
        self.gateways = gateways
        self.refused: set[str] = set()
        """Gateways that the carrier does not let register from here."""

    def command(self, text: str) -> None:
        self.commands.append(text.removeprefix("sofia profile faxplan "))

    def gateway(self, name: str) -> GatewayState:
        if name not in self.gateways():
            return GatewayState("")
        return GatewayState("FAIL_WAIT" if name in self.refused else "REGED")

    def log(self, level: str, text: str) -> None:
        self.logged.append(f"{level}: {text}")


class Node:
    """What of a node's runtime takes trunks up. by_hand: the gateways that its administrator has written."""

    def __init__(self, world: World, name: str, folder: Path, by_hand: set[str] | None = None) -> None:
        self.world = world
        self.name = name
        self.gateways = folder / name
        self.by_hand = by_hand
        self.switch = Switch(lambda: self.has)
        settings = replace(world.settings, node=name, gateway_dir=self.gateways if by_hand is None else None)
        self.sync = GatewaySync(self.switch, world.switch, settings)  # type: ignore[arg-type]

    def report(self, *, paused: bool = False) -> bool:
        with self.world.switch.across_tenants() as tx:
            return nodes.report(tx, self.name, switch_uuid=f"switch of {self.name}", max_channels=30, paused=paused)

    def works(self) -> None:
        self.report()
        self.sync.work()

    def dies(self, seconds: int = 600) -> None:
        with self.world.admin.across_tenants() as tx:
            tx.execute(
                "update nodes set heartbeat_at = now() - make_interval(secs => %s) where name = %s",
                (seconds, self.name),
            )

    @property
    def has(self) -> set[str]:
        """The gateways of its FreeSWITCH."""
        return {path.stem for path in self.gateways.glob("*.xml")} if self.by_hand is None else self.by_hand


@pytest.fixture
def pair(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Node, Node]:
    monkeypatch.setattr(gateway_sync, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(gateway_sync, "START_AFTER_SECONDS", 0.0)
    return Node(world, "one", tmp_path), Node(world, "two", tmp_path)


@pytest.fixture
def registered(world: World, pair: tuple[Node, Node]) -> Iterator[tuple[Node, Node]]:
    """Trunk `account` registers, and node one has it; `carrier` does not register."""
    with world.admin.across_tenants() as tx:
        trunk_directory.add(tx, "account", {"host": "192.0.2.1", "inbound_country": "DE", **ACCOUNT})
    for node in pair:
        node.works()
    return pair


def found_by_doctor(world: World, here: str = "here") -> list[Finding]:
    with world.admin.across_tenants() as tx:
        return doctor_nodes.others(tx, here)


def holder(world: World) -> str | None:
    with world.admin.across_tenants() as tx:
        (row,) = registrations.holders(tx)
    return row["node"]


class TestARegistration:
    def test_one_node_alone_has_it(self, world: World, registered: tuple[Node, Node]) -> None:
        one, two = registered
        for node in (two, one, two):
            node.works()
        assert (one.has, two.has) == ({"carrier", "account"}, {"carrier"})
        assert [each.found for each in found_by_doctor(world)] == ["account on one"]

    def test_another_takes_it_over_from_a_dead_one_and_keeps_it(
        self, world: World, registered: tuple[Node, Node]
    ) -> None:
        one, two = registered
        one.dies()
        two.works()
        assert two.has == {"carrier"}, "after an outage of the database all look dead: it looks twice"
        two.works()
        assert two.has == {"carrier", "account"}
        assert "rescan" in two.switch.commands
        one.works()
        assert one.has == {"carrier"}
        assert one.switch.commands[-1] == "killgw account"
        two.works()
        assert (holder(world), two.has) == ("two", {"carrier", "account"})

    def test_after_an_outage_of_the_database_it_stays_where_it_is(
        self, world: World, registered: tuple[Node, Node]
    ) -> None:
        one, two = registered
        for node in registered:
            node.dies()
        two.works()
        one.works()
        two.works()
        assert (holder(world), two.has) == ("one", {"carrier"})

    def test_a_drained_node_gives_it_up_at_once_and_takes_none(
        self, world: World, registered: tuple[Node, Node]
    ) -> None:
        one, two = registered
        node_provisioning.drain(world.admin, "me", "one")
        one.works()
        assert one.has == {"carrier", "account"}, "until another has it"
        two.works()
        one.works()
        assert (one.has, two.has) == ({"carrier"}, {"carrier", "account"})
        node_provisioning.drain(world.admin, "me", "two")
        node_provisioning.resume(world.admin, "me", "one")
        one.works()
        assert holder(world) == "one"

    @pytest.mark.usefixtures("registered")
    def test_its_calls_go_out_there_alone(self, world: World) -> None:
        with world.admin.across_tenants() as tx:
            account = tx.value("select id from trunks where name = 'account'")
        add_route(world, "+4930", account)
        queued(world, world.acme)
        assert claim(world, node="two") == []
        (fax,) = claim(world, node="one")
        assert fax.trunk is not None
        assert fax.trunk.name == "account"

    @pytest.mark.usefixtures("registered")
    def test_the_doctor_of_another_node_misses_no_gateway(self, world: World) -> None:
        for node, wanted in (("one", {"carrier", "account"}), ("two", {"carrier"})):
            _, seen = doctor_database.database(replace(world.settings, node=node))
            assert seen.transports.keys() == wanted

    def test_a_paused_node_gives_it_to_one_that_dials(self, world: World, registered: tuple[Node, Node]) -> None:
        """docs/operation.md and scaling.md say so."""
        one, two = registered
        with world.admin.across_tenants() as tx:
            account = tx.value("select id from trunks where name = 'account'")
        add_route(world, "+4930", account)
        queued(world, world.acme)
        one.report(paused=True)
        one.sync.work()
        assert claim(world, node="two") == []
        two.works()
        one.sync.work()
        assert (one.has, two.has) == ({"carrier"}, {"carrier", "account"})
        assert len(claim(world, node="two")) == 1

    def test_of_paused_nodes_alone_it_stays_where_it_is(self, world: World, registered: tuple[Node, Node]) -> None:
        for node in registered:
            node.report(paused=True)
            node.sync.work()
        assert holder(world) == "one"
        registered[0].dies()
        for _look in range(2):
            registered[1].report(paused=True)
            registered[1].sync.work()
        assert holder(world) == "two", "it answers calls, and nobody else does"

    def test_a_runtime_that_is_stopped_on_purpose_gives_it_up_at_once(
        self, world: World, registered: tuple[Node, Node]
    ) -> None:
        """FreeSWITCH goes on there, and would renew it for ever beside the node that takes it over."""
        one, two = registered
        one.sync.leave()
        assert (one.has, one.switch.commands[-1]) == ({"carrier"}, "killgw account")
        two.works()
        assert (holder(world), two.has) == ("two", {"carrier", "account"})
        assert any("stopped on purpose" in each.found for each in found_by_doctor(world))
        one.works()
        assert (holder(world), one.has) == ("two", {"carrier"})
        assert [each.found for each in found_by_doctor(world)] == ["account on two"]

    @pytest.mark.parametrize("other", ["dead", "drained", "by hand"])
    def test_one_that_is_stopped_keeps_it_where_nobody_would_take_it(
        self, world: World, tmp_path: Path, registered: tuple[Node, Node], other: str
    ) -> None:
        one, two = registered
        if other == "dead":
            two.dies()
        elif other == "drained":
            node_provisioning.drain(world.admin, "me", "two")
        else:
            Node(world, "two", tmp_path, by_hand={"account"}).works()
        one.sync.leave()
        assert (holder(world), one.has) == ("one", {"carrier", "account"})

    def test_while_the_database_is_away_one_that_is_stopped_keeps_all(
        self, registered: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(*_: object) -> None:
            raise DatabaseUnavailable("PostgreSQL does not answer.")

        monkeypatch.setattr(nodes, "stopped", away)
        registered[0].sync.leave()
        assert registered[0].has == {"carrier", "account"}
        assert "stay registered" in registered[0].switch.logged[-1]

    def test_a_trunk_that_registers_no_more_is_everybodys(self, world: World, registered: tuple[Node, Node]) -> None:
        change(world, "trunks", register=False)
        for node in registered:
            node.works()
        assert [node.has for node in registered] == [{"carrier", "account"}] * 2
        queued(world, world.acme)
        assert len(claim(world, node="two")) == 1

    def test_where_files_are_kept_by_hand_any_node_dials(self, world: World) -> None:
        change(world, "trunks", **ACCOUNT)
        with world.switch.across_tenants() as tx:
            nodes.report(tx, "one", switch_uuid="x", max_channels=30)
        GatewaySync(Switch(), world.switch, replace(world.settings, node="one")).work()  # type: ignore[arg-type]
        queued(world, world.acme)
        assert holder(world) is None
        assert len(claim(world, node="two")) == 1


class TestARegistrationThatFails:
    """On the node that holds it, while that works."""

    def test_it_moves_once_and_is_told(
        self, world: World, registered: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one, two = registered
        one.switch.refused = {"account"}
        for node in (one, two, one, two):
            node.works()
        assert holder(world) == "one", "it may just be on its way"
        monkeypatch.setattr(registrations, "UNREGISTERED", -1)
        (told,) = found_by_doctor(world)
        assert (told.level, told.what) == (Level.ERROR, "trunk account, registration")
        assert "one has not been able to register it" in told.found
        with world.admin.across_tenants() as tx:
            state = next(each for each in trunk_health.everyone(tx) if each["name"] == "account")
        assert state["unregistered_on"] == "one"
        monkeypatch.setattr(registrations, "FAILING_SECONDS", 0)
        two.works()
        one.works()
        assert (holder(world), one.has, two.has) == ("two", {"carrier"}, {"carrier", "account"})
        with world.admin.across_tenants() as tx:
            moved = tx.one("select actor, object, details from audit where action = 'trunk.take-over'")
        assert (moved["actor"], moved["object"]) == ("switch:two", "trunk:account")
        assert moved["details"] == {"before": "one", "why": "failing"}
        two.works()
        assert [each.found for each in found_by_doctor(world)] == ["account on two"]

    def test_one_that_fails_everywhere_does_not_wander(
        self, world: World, registered: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one, two = registered
        monkeypatch.setattr(registrations, "FAILING_SECONDS", 0)
        for node in registered:
            node.switch.refused = {"account"}
        held = []
        for _look in range(6):
            for node in registered:
                node.works()
            held.append(holder(world))
        assert held == ["two"] * 6, held
        with world.admin.across_tenants() as tx:
            (row,) = registrations.holders(tx)
        assert row["tried"] == ["one"]
        # A new password: where it failed with the old one counts no more, and it fails anew before it moves.
        with world.admin.across_tenants() as tx:
            trunk_directory.change(tx, "account", {"password": "another"})
        one.works()
        assert holder(world) == "two"
        two.works()
        one.works()
        assert holder(world) == "one"

    def test_after_an_hour_the_first_one_tries_again(
        self, world: World, registered: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(registrations, "FAILING_SECONDS", 0)
        for node in registered:
            node.switch.refused = {"account"}
        for _look in range(2):
            for node in registered:
                node.works()
        assert holder(world) == "two"
        monkeypatch.setattr(registrations, "TRIED_SECONDS", 0)
        registered[0].works()
        assert holder(world) == "one"

    def test_one_that_is_there_again_stays(
        self, world: World, registered: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one, two = registered
        one.switch.refused = {"account"}
        one.works()
        one.works()
        one.switch.refused = set()
        one.works()
        monkeypatch.setattr(registrations, "FAILING_SECONDS", 0)
        two.works()
        assert holder(world) == "one"

    def test_a_node_that_is_no_better_off_leaves_it(
        self, world: World, registered: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one, two = registered
        monkeypatch.setattr(registrations, "FAILING_SECONDS", 0)
        one.switch.refused = {"account"}
        for _look in range(2):
            one.works()
            two.report(paused=True)
            two.sync.work()
        assert holder(world) == "one"


class TestGatewaysByHandBesideOurs:
    """One node writes its gateways, the other one's administrator does."""

    def test_it_takes_over_what_its_switch_has_registered(
        self, world: World, registered: tuple[Node, Node], tmp_path: Path
    ) -> None:
        one, _ = registered
        two = Node(world, "two", tmp_path, by_hand={"account"})
        for _look in range(2):
            one.works()
            two.works()
        assert holder(world) == "one"
        (twice,) = [each for each in found_by_doctor(world) if each.level == Level.ERROR]
        assert "one and two have registered it" in twice.found
        one.dies()
        for _look in range(2):
            two.works()
        assert holder(world) == "two"
        with world.admin.across_tenants() as tx:
            account = tx.value("select id from trunks where name = 'account'")
        add_route(world, "+4930", account)
        queued(world, world.acme)
        assert len(claim(world, node="two")) == 1
        one.works()
        assert one.has == {"carrier"}, "it has not been given back"

    @pytest.mark.parametrize("state", ["absent", "refused"])
    def test_it_takes_nothing_that_its_switch_has_not(
        self, world: World, registered: tuple[Node, Node], tmp_path: Path, state: str
    ) -> None:
        two = Node(world, "two", tmp_path, by_hand=set() if state == "absent" else {"account"})
        two.switch.refused = {"account"}
        registered[0].dies()
        for _look in range(3):
            two.works()
        assert holder(world) == "one"

    def test_what_fails_there_goes_back_to_one_that_writes_its_gateways(
        self, world: World, registered: tuple[Node, Node], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one, _ = registered
        two = Node(world, "two", tmp_path, by_hand={"account"})
        two.works()
        one.dies()
        two.works()
        two.works()
        assert holder(world) == "two"
        monkeypatch.setattr(registrations, "FAILING_SECONDS", 0)
        two.switch.refused = {"account"}
        two.works()
        one.works()
        assert (holder(world), one.has) == ("one", {"carrier", "account"})


class TestAChange:
    def test_it_is_noted_where_it_was_taken_up(
        self, world: World, pair: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one, two = pair
        for node in pair:
            node.works()
        change(world, "trunks", host="192.0.2.7")
        one.works()
        two.report()
        assert found_by_doctor(world) == [], "it has a minute"
        monkeypatch.setattr(node_trunks, "LATE_SECONDS", -1)
        (late,) = found_by_doctor(world)
        assert (late.level, late.what) == (Level.ERROR, "trunk carrier, two")
        assert "version 1" in late.found
        assert "2 is the newest" in late.found
        two.works()
        assert found_by_doctor(world) == []

    def test_why_it_could_not_be_is_told_at_once(self, world: World, pair: tuple[Node, Node]) -> None:
        one, _ = pair
        one.works()
        with world.admin.across_tenants() as tx:
            # Past the directory's checks.
            tx.execute("update trunks set host = 'not a host'")
        one.works()
        (wrong,) = found_by_doctor(world)
        assert "not a host" in wrong.found
        change(world, "trunks", host="192.0.2.7")
        one.works()
        assert found_by_doctor(world) == []

    def test_a_node_whose_gateways_are_kept_by_hand_is_not_judged(self, world: World, pair: tuple[Node, Node]) -> None:
        pair[0].report()
        assert found_by_doctor(world) == []


def test_a_node_whose_disk_is_broken_reports_all_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It dials and has its registrations: taken for dead, it could be removed, and others would register as well."""

    def broken(_pending: Pending) -> Iterator[PendingFax]:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Pending, "waiting", broken)
    runtime = Runtime(world, monkeypatch)
    end = runtime.switch.clock.monotonic() + 20
    runtime.run(lambda: runtime.switch.clock.monotonic() > end)
    with world.admin.across_tenants() as tx:
        assert [each["name"] for each in nodes.everyone(tx)] == ["node1"]


class TestADrainedNode:
    def test_it_dials_nothing_and_answers_nobody(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        runtime = Runtime(world, monkeypatch)
        runtime.switch.on_originate = lambda call: runtime.switch.ends(call, SENT)
        first = queued(world, world.acme)
        runtime.run(runtime.final(world.acme, first))
        node_provisioning.drain(world.admin, "me", "node1")
        waits = queued(world, world.acme)
        end = runtime.switch.clock.monotonic() + 60
        runtime.run(lambda: runtime.switch.clock.monotonic() > end)
        assert world.fax(world.acme, waits)["state"] == "queued"
        with pytest.raises(AssertionError, match="takes no calls: an administrator drains it") as refused:
            accepted(world, world.acme, "uuid-1")
        assert Refused.__name__ in str(refused.value)
        node_provisioning.resume(world.admin, "me", "node1")
        due_now(world)
        runtime.run(runtime.final(world.acme, waits))
        assert world.fax(world.acme, waits)["state"] == "sent"
        accepted(world, world.acme, "uuid-2")


class TestADeadNode:
    def test_the_doctor_says_what_lies_on_it(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        sidecar = accepted(world, world.acme, "uuid-1")
        fax_tiff(world.spool.inbound_tiff(sidecar.attempt_id), 1)
        pending_folder(world).secure(
            world.spool, sidecar, CallResult("NORMAL_CLEARING", fax_success=True, pages=1)
        )  # fmt: skip
        accepted(world, world.acme, "uuid-2")
        world.store.root.mkdir()  # no store: its disk is not mounted
        runtime = Runtime(world, monkeypatch)
        end = runtime.switch.clock.monotonic() + 20
        runtime.run(lambda: runtime.switch.clock.monotonic() > end)
        Node(world, "node1", world.settings.state_dir).dies()
        (found,) = found_by_doctor(world)
        assert (found.level, found.what) == (Level.ERROR, "node node1")
        assert "1 received faxes that were not delivered" in found.found
        assert found_by_doctor(world, "node1") == [], "of the node itself another finding tells"

    def test_one_that_is_gone_is_removed_with_its_calls(
        self, world: World, registered: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        one, two = registered
        fax_id = queued(world, world.acme)
        assert len(claim(world, node="one")) == 1
        with pytest.raises(NodeAtWork, match=r"reported \d+ s ago"):
            node_provisioning.remove(world.admin, "me", "one", lost=True)
        one.dies(90)
        with pytest.raises(NodeAtWork, match="has 1 calls"):
            node_provisioning.remove(world.admin, "me", "one", lost=False)
        assert node_provisioning.remove(world.admin, "me", "one", lost=True) == 1
        two.works()
        assert (holder(world), two.has) == ("two", {"carrier", "account"})
        runtime = Runtime(world, monkeypatch, node="two")
        runtime.run(runtime.settled(world.acme, fax_id))
        (attempt,) = world.attempts(world.acme, fax_id)
        assert (attempt["node"], attempt["outcome"]) == ("one", "unknown")
        with pytest.raises(NotFound):
            node_provisioning.remove(world.admin, "me", "one", lost=True)


def test_a_node_that_was_removed_and_reports_again_says_what_it_has(
    world: World, registered: tuple[Node, Node]
) -> None:
    """Cut off from the database, say, and taken for gone: its runtime never ended."""
    one, two = registered
    one.dies()
    two.works()
    node_provisioning.remove(world.admin, "administrator:root", one.name, lost=False)
    one.works()
    with world.admin.across_tenants() as tx:
        assert node_trunks.reached(tx, "carrier") == [("one", True), ("two", True)]
    with world.switch.across_tenants() as tx:
        assert node_trunks.told(tx, "one") == node_trunks.versions(tx)


def test_commands(
    world: World, registered: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAXPLAN_DATABASE_URL", world.settings.database_url)
    monkeypatch.setenv("FAXPLAN_STATE_DIR", str(world.settings.state_dir))

    def said(*arguments: str) -> str:
        main([*arguments])
        out = capsys.readouterr()
        return out.out + out.err

    assert "registers" in said("node", "list").lower()
    assert "takes no calls any more" in said("node", "drain", "one")
    listed = said("node", "list")
    assert ("drained" in listed, "at work" in listed, "account" in listed) == (True, True, True)
    assert "drained" in said("status")
    assert "as fax on one" in said("trunk", "list")
    assert "takes calls again" in said("node", "resume", "one")
    assert "There is no node" in said("node", "drain", "three")
    registered[1].dies(90)
    assert "is forgotten" in said("node", "remove", "two")
