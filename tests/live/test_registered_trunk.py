"""A trunk that registers, by real SIP: its account, calls both ways, wrong passwords, and that none is told."""

import dataclasses
import re
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

import pytest

from faxplan import doctor_switch, mailboxes, node_trunks, nodes, outbound, registrations, trunk_provisioning
from faxplan.config import Settings, to_toml
from faxplan.findings import Finding, Level, ok
from faxplan.freeswitch_instance import Instance, InstanceOptions
from faxplan.outbound import SendRequest
from tests.bench.whole import SCRIPTS, wait_for
from tests.live.registering_carrier import ACCOUNT, RegisteringCarrier, registering
from tests.received_pages import assert_same_pages_below_the_header
from tests.world import World

# What the configuration would break on, were it not written with care: XML and FreeSWITCH's preprocessor.
PASSWORD = "secr&t-\"<$${base_dir}>'-word"  # noqa: S105 - of this test's carrier
WRONG = "wr0ng-w0rd"
ACME, BOREA, NOBODY_S_DID = "+493023125001", "+493023125002", "+493023125099"


@dataclass
class Office:
    """Faxplan's FreeSWITCH, whose gateways and access list come from the trunk table alone."""

    instance: Instance
    settings: Settings
    world: World

    def gateway(self) -> dict[str, str]:
        """What FreeSWITCH says about the trunk; empty while it does not know it."""
        told = self.instance.api("sofia status gateway office")
        return dict(re.findall(r"^(\w+)[ ]*\t(.*)$", told, re.MULTILINE))

    def registered(self) -> bool:
        return (self.gateway().get("State"), self.gateway().get("Status")) == ("REGED", "UP")

    def refused(self) -> bool:
        return (self.gateway().get("State"), self.gateway().get("Status")) == ("FAIL_WAIT", "DOWN")

    def send(self, letter: Path, number: str) -> int:
        world = self.world
        fax = outbound.submit(world.portal, world.store, world.acme.user, SendRequest(number, letter, letter.name))
        world.render_all()
        return fax.fax_id

    def settled(self, fax_id: int) -> Callable[[], bool]:
        def all_ended() -> bool:
            calls = self.world.attempts(self.world.acme, fax_id)
            return bool(calls) and all(call["outcome"] for call in calls)

        return all_ended

    def diagnosis(self) -> list[Finding]:
        """What the doctor finds about the running switch."""
        return doctor_switch.running(self.settings, (), {})


@pytest.fixture(scope="module")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegisteringCarrier]:
    with registering(tmp_path_factory.mktemp("registrar"), PASSWORD) as carrier:
        yield carrier


@pytest.fixture
def office(world: World, carrier: RegisteringCarrier, tmp_path: Path) -> Iterator[Office]:
    file = tmp_path / "faxplan.toml"
    instance = Instance(
        carrier.found,
        InstanceOptions(
            base=tmp_path / "fs",
            script_dir=SCRIPTS,
            python=Path(sys.executable),
            environment={"FAXPLAN_CONFIG": str(file)},
            trunk_networks=(),
            max_sessions=50,
            log_level="debug",
        ),
    )
    password_file = tmp_path / "event_socket_password"
    password_file.touch(mode=0o600)
    password_file.write_text(instance.password)
    settings = dataclasses.replace(
        world.settings,
        gateway_dir=instance.gateways_folder,
        acl_file=instance.acl_path,
        event_socket=f"127.0.0.1:{instance.event_socket_port}",
        event_socket_password_file=password_file,
    )
    written = dataclasses.asdict(settings).items()
    file.write_text(to_toml({name: value for name, value in written if value is not None}))
    # The other trunk sends from the same address: calls are told apart by the registration they come to.
    trunk_provisioning.add_trunk(
        world.admin,
        "test",
        "office",
        {
            "host": "127.0.0.1",
            "port": carrier.registrar_port,
            "register": True,
            "username": ACCOUNT,
            "password": PASSWORD,
            "inbound_country": "DE",
            "source_networks": ["127.0.0.1/32"],
        },
    )
    trunk_provisioning.add_route(world.admin, "test", "+49", "office", position=100, only_for=None)
    made = Office(instance, settings, world)
    try:
        instance.start()
        yield made
    finally:
        instance.stop()


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.txt"
    path.write_text("Page 1 of two.\n\fPage 2 of two.\n")
    return path


def inbox(world: World) -> list[mailboxes.Entry]:
    with world.portal.tenant(world.borea.tenant.id) as tx:
        return mailboxes.entries(tx, world.borea.tenant.id, world.borea.user.id)


def received_calls(world: World) -> list[dict[str, object]]:
    found = []
    for office in (world.acme, world.borea):
        with world.portal.tenant(office.tenant.id) as tx:
            found += tx.rows(
                """select trunk, outcome, called_number from attempts a join faxes f on f.id = a.fax_id
                   where direction = 'inbound'"""
            )
    return found


def change_trunk(world: World, **values: object) -> None:
    trunk_provisioning.change_trunk(world.admin, "test", "office", values)


def test_a_fax_goes_out_and_comes_in_through_the_registration(
    office: Office, carrier: RegisteringCarrier, letter: Path, tmp_path: Path
) -> None:
    world = office.world
    wait_for(office.registered, "the trunk to be registered")
    assert f"sip:gw+office@127.0.0.1:{office.instance.sip_port}" in str(carrier.contact())
    assert ok("gateway office", "registered") in office.diagnosis()
    fax_id = office.send(letter, world.borea.did)
    wait_for(lambda: world.fax(world.acme, fax_id)["state"] in ("sent", "failed"), "the fax to be final", 120)
    wait_for(lambda: bool(inbox(world)), "the fax to lie in the mailbox")
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["trunk"], attempt["outcome"], attempt["pages"]) == ("office", "sent", 2), attempt
    (entry,) = inbox(world)
    assert (entry.state, entry.pages, entry.calling_number) == ("received", 2, world.acme.did)
    (call,) = received_calls(world)
    assert (call["trunk"], call["outcome"], call["called_number"]) == ("office", "received", world.borea.did)
    assert_same_pages_below_the_header(world, fax_id, world.acme, world.borea, tmp_path)
    assert_secret(office, PASSWORD)


@pytest.mark.parametrize(
    ("user", "to", "found"),
    [
        ("gw+office", BOREA, BOREA),
        # Carriers that put a user of their own into the Contact's place, and leave its parameters.
        (BOREA, ACME, BOREA),
        (ACCOUNT, BOREA, BOREA),
        ("gw+office", NOBODY_S_DID, None),
        (NOBODY_S_DID, ACME, None),
    ],
    ids=["in To", "in the request", "in To of a call to the account", "nobody's in To", "nobody's in the request"],
)
def test_a_call_to_the_registration_finds_its_did(
    office: Office, carrier: RegisteringCarrier, user: str, to: str, found: str | None
) -> None:
    world = office.world
    wait_for(office.registered, "the trunk to be registered")
    told = carrier.call(f"{user}@127.0.0.1:{office.instance.sip_port};transport=udp;gw=office", to)
    if found is None:
        # 404: FreeSWITCH's name for it.
        assert told == "-ERR UNALLOCATED_NUMBER"
        assert received_calls(world) == []
    else:
        assert told.startswith("+OK"), told
        assert [(call["called_number"], call["trunk"]) for call in received_calls(world)] == [(found, "office")]
        # The caller hung up at once. The call ends before the switch does, which would else be ended by force.
        wait_for(lambda: received_calls(world)[0]["outcome"] == "failed", "the call to be settled")


def test_a_wrong_password_is_told_and_a_right_one_taken_up(
    office: Office, carrier: RegisteringCarrier, letter: Path
) -> None:
    world = office.world
    wait_for(office.registered, "the trunk to be registered")
    change_trunk(world, password=WRONG)
    wait_for(office.refused, "the registration to be refused")
    fax_id = office.send(letter, world.borea.did)
    wait_for(office.settled(fax_id), "the attempt to be settled")
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["outcome"], attempt["hangup_cause"]) == ("not-sent", "GATEWAY_DOWN")
    assert str(attempt["explanation"]).startswith("The trunk could not take the call.")
    assert world.fax(world.acme, fax_id)["state"] == "queued"
    (told,) = [found for found in office.diagnosis() if found.what == "gateway office"]
    assert told.level is Level.ERROR
    assert "user name and password" in told.remedy
    assert_secret(office, WRONG, PASSWORD)

    change_trunk(world, password=PASSWORD)
    wait_for(office.registered, "the trunk to be registered again")
    with world.switch.across_tenants() as tx:
        tx.execute("update fax_queue set not_before = now()")
        tx.notify("faxplan_queue")
    wait_for(lambda: world.fax(world.acme, fax_id)["state"] == "sent", "the fax to be sent", 120)


def test_a_password_that_the_carrier_refuses_at_a_call_is_recorded(
    office: Office, carrier: RegisteringCarrier, letter: Path
) -> None:
    world = office.world
    wait_for(office.registered, "the trunk to be registered")
    carrier.change_password("another")
    try:
        fax_id = office.send(letter, world.borea.did)
        wait_for(office.settled(fax_id), "the attempt to be settled")
    finally:
        carrier.change_password(PASSWORD)
    (attempt,) = world.attempts(world.acme, fax_id)
    assert (attempt["outcome"], attempt["hangup_cause"], attempt["sip_code"]) == ("not-sent", "CALL_REJECTED", 403)
    assert str(attempt["explanation"]).startswith("The trunk forbids this call (SIP 403).")
    # It says so of every call: the fax waits until somebody has mended that.
    assert world.fax(world.acme, fax_id)["state"] == "queued"


def test_a_registered_trunk_that_is_changed_stays_reachable(office: Office, carrier: RegisteringCarrier) -> None:
    wait_for(office.registered, "the trunk to be registered")
    change_trunk(office.world, ping_seconds=60)
    wait_for(lambda: office.gateway().get("PingFreq") == "60" and office.registered(), "the trunk to be changed")
    # The old gateway's end, on FreeSWITCH's next rounds, must not take the new one's registration with it.
    log = office.instance.log_path
    wait_for(lambda: "Deleted gateway office" in log.read_text(errors="replace"), "the old one's end")
    assert f"@127.0.0.1:{office.instance.sip_port}" in str(carrier.contact())


def assert_secret(office: Office, *passwords: str) -> None:
    """That nothing below the switch's and Faxplan's folders holds a password, but the gateway's own, private file.

    FreeSWITCH keeps its whole configuration a second time, in its log folder, which is closed to others.
    """
    base = office.instance.base
    own = office.instance.gateways_folder / "office.xml"
    assert stat.S_IMODE(own.stat().st_mode) == 0o600
    assert stat.S_IMODE(base.stat().st_mode) == 0o700
    freeswitch_s = {own, base / "log" / "freeswitch.xml.fsxml"}
    written = [each for folder in (base, office.settings.state_dir) for each in folder.rglob("*") if each.is_file()]
    assert office.instance.log_path in written
    searched = [path for path in written if path not in freeswitch_s]
    for password in passwords:
        forms = {password.encode(), escape(password).encode(), repr(password).encode()[1:-1]}
        assert [path for path in searched if any(form in path.read_bytes() for form in forms)] == []


def test_a_node_says_whether_it_is_registered_and_gives_it_up_as_its_runtime_is_stopped(office: Office) -> None:
    """By what FreeSWITCH itself says; beside another node, which would take it over."""
    world = office.world

    def row() -> dict[str, object]:
        with world.admin.across_tenants() as tx:
            found = registrations.holders(tx)
            said = tx.value("select registered from nodes where name = %s", (office.settings.node,))
        return {**next(each for each in found if each["trunk"] == "office"), "registered": said}

    wait_for(lambda: row()["registered"] == ["office"], "the node to say that it is registered", 90)
    assert (row()["node"], row()["failing"]) == (office.settings.node, None)
    change_trunk(world, password=WRONG)
    wait_for(lambda: row()["failing"] is not None and office.refused(), "the node to say that it is refused", 90)
    assert row()["registered"] == []
    with world.switch.across_tenants() as tx:
        nodes.report(tx, "node2", switch_uuid="of another machine", max_channels=1)
        node_trunks.applied(tx, "node2", node_trunks.versions(tx))
    assert office.instance.api("python fax_queue::stop").startswith("+OK")
    wait_for(lambda: not office.gateway(), "FreeSWITCH to have no such gateway any more", 60)
    with world.admin.across_tenants() as tx:
        assert {each["name"]: each["stopped"] for each in nodes.everyone(tx)}[office.settings.node]
