import errno
from dataclasses import replace
from pathlib import Path

import pytest

from faxplan import (
    gateway_sync,
    gateways,
    nodes,
    overview,
    trunk_arrival,
    trunk_directory,
    trunk_health,
    trunk_provisioning,
)
from faxplan.config import Settings
from faxplan.gateway_sync import GatewaySync
from faxplan.switch import GatewayState
from tests.world import World


class Switch:
    """A faxplan.switch.Switch that notes what it is told."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.logged: list[str] = []
        self.silent: set[str] = set()
        """Gateways whose OPTIONS nobody answers."""

    def command(self, text: str) -> None:
        self.commands.append(text.removeprefix("sofia profile faxplan "))

    def gateway(self, name: str) -> GatewayState:
        return GatewayState("REGED", name in self.silent)

    def log(self, level: str, text: str) -> None:
        self.logged.append(f"{level}: {text}")


@pytest.fixture
def settings(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(gateway_sync, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(gateway_sync, "START_AFTER_SECONDS", 0.0)
    return replace(world.settings, gateway_dir=tmp_path / "gateways", acl_file=tmp_path / "trunks_acl.xml")


def test_the_first_look_writes_everything_and_the_second_nothing(world: World, settings: Settings) -> None:
    switch = Switch()
    sync = GatewaySync(switch, world.switch, settings)  # type: ignore[arg-type]
    sync.work()
    assert switch.commands == ["rescan", "reloadacl"]
    assert settings.gateway_dir is not None
    assert settings.acl_file is not None
    assert [path.name for path in settings.gateway_dir.iterdir()] == ["carrier.xml"]
    assert '<node type="allow" cidr="127.0.0.0/8"/>' in settings.acl_file.read_text()
    sync.work()
    assert len(switch.commands) == 2
    # A runtime that starts anew finds everything as it should be; but the one before may have died before its rescan.
    again = Switch()
    GatewaySync(again, world.switch, settings).work()  # type: ignore[arg-type]
    assert again.commands == ["rescan"]


def test_a_changed_trunk_is_killed_then_started_and_a_removed_one_killed(world: World, settings: Settings) -> None:
    with world.admin.across_tenants() as tx:
        trunk_directory.add(tx, "second", {"host": "192.0.2.1", "inbound_country": "DE"})
    switch = Switch()
    sync = GatewaySync(switch, world.switch, settings)  # type: ignore[arg-type]
    sync.work()
    switch.commands.clear()
    with world.admin.across_tenants() as tx:
        trunk_directory.change(tx, "carrier", {"host": "192.0.2.9", "port": 5070})
        tx.execute("update trunks set enabled = false where name = 'second'")
    sync.work()
    assert switch.commands == ["killgw carrier", "killgw second"]
    sync.work()
    assert switch.commands == ["killgw carrier", "killgw second", "startgw carrier"]


def test_a_trunk_whose_options_nobody_answers_is_told_of_before_a_call_fails(world: World, settings: Settings) -> None:
    def down_on() -> list[list[str]]:
        with world.admin.across_tenants() as tx:
            return [row["down_on"] for row in trunk_health.everyone(tx)]

    with world.switch.across_tenants() as tx:
        tx.execute("insert into nodes (name, max_channels) values (%s, 10)", (settings.node,))
    switch = Switch()
    sync = GatewaySync(switch, world.switch, settings)  # type: ignore[arg-type]
    switch.silent = {"carrier"}
    sync.work()
    sync.work()
    assert down_on() == [[settings.node]]
    found = [(each.need, each.what) for each in overview.look(world.admin).needed]
    assert (overview.Need.TRUNK_DOWN, "carrier") in found
    # A node that says nothing any more says nothing of trunks.
    with world.admin.across_tenants() as tx:
        tx.execute("update nodes set heartbeat_at = now() - interval '5 minutes'")
    assert down_on() == [[]]
    switch.silent = set()
    sync.work()
    with world.admin.across_tenants() as tx:
        tx.execute("update nodes set heartbeat_at = now()")
    assert down_on() == [[]]


def test_a_trunk_that_cannot_be_written_is_logged_once_and_changes_nothing(world: World, settings: Settings) -> None:
    with world.admin.across_tenants() as tx:
        # Past the directory's checks.
        tx.execute("insert into trunks (name, host, inbound_country) values ('bad', 'not a host', 'DE')")
    switch = Switch()
    sync = GatewaySync(switch, world.switch, settings)  # type: ignore[arg-type]
    sync.work()
    sync.work()
    assert len(switch.logged) == 1
    assert "not a host" in switch.logged[0]
    assert switch.commands == []


@pytest.mark.parametrize("part", ["gateway", "access list"])
def test_what_a_full_disk_prevented_is_done_when_there_is_room(
    world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    switch = Switch()
    sync = GatewaySync(switch, world.switch, settings)  # type: ignore[arg-type]
    with monkeypatch.context() as no_room:
        no_room.setattr(*((gateways, "_replace") if part == "gateway" else (gateway_sync, "write_durably")), full)
        sync.work()
        sync.work()
    assert len(switch.logged) == (1 if part == "gateway" else 2)
    sync.work()
    assert settings.acl_file is not None
    assert settings.acl_file.exists()
    assert switch.commands == ["rescan", "reloadacl"]


@pytest.mark.parametrize("died", ["before the first file", "before killgw", "before startgw"])
def test_a_runtime_that_dies_while_it_changes_a_gateway_leaves_the_rest_to_the_next(
    world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch, died: str
) -> None:
    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    switch = Switch()
    sync = GatewaySync(switch, world.switch, settings)  # type: ignore[arg-type]
    sync.work()
    with world.admin.across_tenants() as tx:
        trunk_directory.change(tx, "carrier", {"host": "192.0.2.9", "port": 5070})
    where = {"before the first file": (gateways, "_replace"), "before killgw": (GatewaySync, "_tell")}
    with monkeypatch.context() as dying:
        dying.setattr(*where.get(died, (GatewaySync, "_start")), dies)
        if died == "before startgw":
            sync.work()
        with pytest.raises(KeyboardInterrupt):
            sync.work()
    after = Switch()
    following = GatewaySync(after, world.switch, settings)  # type: ignore[arg-type]
    following.work()
    following.work()
    assert after.commands == ["killgw carrier", "rescan", "startgw carrier"]
    assert settings.gateway_dir is not None
    assert [path.name for path in settings.gateway_dir.iterdir()] == ["carrier.xml"]


def test_files_kept_by_hand_are_left_alone(world: World) -> None:
    switch = Switch()
    GatewaySync(switch, world.switch, world.settings).work()  # type: ignore[arg-type]
    assert (switch.commands, switch.logged) == ([], [])


def test_a_node_says_when_its_gateways_are_as_they_should_be(world: World, settings: Settings) -> None:
    with world.switch.across_tenants() as tx:
        nodes.report(tx, "node1", switch_uuid="s", max_channels=10)
    assert not trunk_arrival.look(world.admin, "carrier").done
    sync = GatewaySync(Switch(), world.switch, settings)  # type: ignore[arg-type]
    sync.work()
    assert trunk_arrival.look(world.admin, "carrier").have == ["node1"]
    # A change that it has not seen yet.
    trunk_provisioning.change_trunk(world.admin, "test", "carrier", {"port": 5070})
    assert trunk_arrival.look(world.admin, "carrier").waiting == ["node1"]
    sync.work()
    assert trunk_arrival.look(world.admin, "carrier").have == ["node1"]


def test_a_node_whose_gateways_cannot_be_written_says_nothing(
    world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with world.switch.across_tenants() as tx:
        nodes.report(tx, "node1", switch_uuid="s", max_channels=10)
    monkeypatch.setattr(gateways, "_replace", full)
    GatewaySync(Switch(), world.switch, settings).work()  # type: ignore[arg-type]
    assert trunk_arrival.look(world.admin, "carrier").waiting == ["node1"]
    # Nor one whose files an administrator keeps.
    GatewaySync(Switch(), world.switch, replace(settings, gateway_dir=None)).work()  # type: ignore[arg-type]
    assert trunk_arrival.look(world.admin, "carrier").waiting == ["node1"]


def test_a_node_that_is_silent_is_not_waited_for(world: World) -> None:
    with world.switch.across_tenants() as tx:
        nodes.report(tx, "node1", switch_uuid="s", max_channels=10)
        tx.execute("update nodes set heartbeat_at = now() - interval '1 h'")
    arrival = trunk_arrival.look(world.admin, "carrier")
    assert (arrival.have, arrival.waiting, arrival.done) == ([], [], False)
