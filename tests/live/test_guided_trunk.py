"""`faxplan trunk add --guided` with a real FreeSWITCH and a carrier at which it registers: from nothing to a fax."""

import dataclasses
import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from faxplan import cli, mailboxes, trunk_provisioning
from faxplan.config import to_toml
from faxplan.free_ports import free_sip_port
from faxplan.freeswitch_found import find
from faxplan.freeswitch_instance import Instance, InstanceOptions
from tests.bench.whole import SCRIPTS, wait_for
from tests.live.conftest import NOT_INSTALLED
from tests.live.registering_carrier import ACCOUNT, RegisteringCarrier
from tests.world import World

PASSWORD = "secr&t-'word"  # noqa: S105 - of this test's carrier
Run = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegisteringCarrier]:
    found = find()
    if found is None or found.missing:
        pytest.skip(NOT_INSTALLED)
    carrier = RegisteringCarrier(found, tmp_path_factory.mktemp("registrar"), PASSWORD)
    try:
        carrier.start()
        yield carrier
    finally:
        carrier.stop()


@pytest.fixture
def run(
    world: World,
    carrier: RegisteringCarrier,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Run]:
    """A command's exit code and output, on the machine of a switch whose gateways come from the trunk table alone."""
    with world.admin.across_tenants() as tx:
        tx.execute("delete from routes")
        tx.execute("delete from trunks")
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
    monkeypatch.setenv("FAXPLAN_CONFIG", str(file))
    monkeypatch.setenv("FAXPLAN_USER", "user@acme.example")

    def command(*arguments: str, answers: str = "") -> tuple[int, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(answers))
        capsys.readouterr()
        code = cli.main(arguments)
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        assert PASSWORD not in out + err
        return code, out + err

    def reported() -> bool:
        with world.admin.across_tenants() as tx:
            return bool(tx.value("select count(*) from nodes"))

    try:
        instance.start()
        wait_for(reported, "the runtime to report")
        yield command
    finally:
        instance.stop()


def answers(port: int, password: str, number: str) -> str:
    """In the order of the questions."""
    lines = [
        "another", "office", "127.0.0.1", "udp", str(port), "y", ACCOUNT, password, "DE", "e164", "e164", "pai",
        "127.0.0.1", "receiver", "", "y", "+", number,
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def test_from_nothing_to_a_fax_that_arrives(run: Run, world: World, carrier: RegisteringCarrier) -> None:
    code, told = run("trunk", "add", "--guided", answers=answers(carrier.registrar_port, PASSWORD, world.borea.did))
    assert code == 0, told
    assert '<param name="password" value="(not shown)"/>' in told
    assert "taken up by node1" in told
    assert "registered (REGED)" in told
    assert "OPTIONS   200 OK" in told
    assert "The page arrived." in told
    assert "PROBLEM" not in told
    (row,) = trunk_provisioning.all_trunks(world.admin)
    assert (row["name"], row["register"], row["source_networks"]) == ("office", True, ["127.0.0.1/32"])
    assert [row["prefix"] for row in trunk_provisioning.all_routes(world.admin)] == ["+"]

    def arrived() -> bool:
        with world.portal.tenant(world.borea.tenant.id) as tx:
            return bool(mailboxes.entries(tx, world.borea.tenant.id, world.borea.user.id))

    wait_for(arrived, "the fax to lie in the mailbox")


def test_a_wrong_password_is_explained(run: Run, carrier: RegisteringCarrier) -> None:
    code, told = run("trunk", "add", "--guided", answers=answers(carrier.registrar_port, "wr0ng-w0rd", "none"))
    assert code == 1
    assert "The carrier refuses the registration with 403 Forbidden: mostly a wrong password" in told
    assert "TO DO     Enter user name and password anew" in told
    assert "To undo: `faxplan route remove + office`, then `faxplan trunk remove office`." in told


def test_a_host_that_nobody_listens_at_is_explained(run: Run) -> None:
    code, told = run("trunk", "add", "--guided", answers=answers(free_sip_port(), "some-w0rd", "none"))
    assert code == 1
    assert "PROBLEM   The registration" in told
    assert "nobody listens there" in told
