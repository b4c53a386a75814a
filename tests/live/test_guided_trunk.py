"""`faxplan trunk add --guided` with a real FreeSWITCH and a carrier at which it registers: from nothing to a fax."""

import dataclasses
import io
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from faxplan import cli, config, mailboxes, trunk_arrival, trunk_provisioning, trunk_registration
from faxplan.config import to_toml
from faxplan.free_ports import free_sip_port
from faxplan.freeswitch_instance import Instance, InstanceOptions
from tests.bench.whole import SCRIPTS, wait_for
from tests.live.registering_carrier import ACCOUNT, RegisteringCarrier, registering
from tests.unit.test_sip_options import udp_peer
from tests.world import World

PASSWORD = "secr&t-'word"  # noqa: S105 - of this test's carrier
Run = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RegisteringCarrier]:
    with registering(tmp_path_factory.mktemp("registrar"), PASSWORD) as carrier:
        yield carrier


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


@contextmanager
def registrar(status: str, *more: str) -> Iterator[int]:
    """Answers each request so; nothing at all for an empty status. Its port."""

    def answer(request: bytes) -> list[str]:
        if not status:
            return []
        kept = [
            line for line in request.decode().split("\r\n") if re.match("(Via|From|To|Call-ID|CSeq|v|f|t|i):", line)
        ]
        kept = [f"{line};tag=1" if line.startswith("To:") else line for line in kept]
        return ["\r\n".join([f"SIP/2.0 {status}", *kept, *more, "Content-Length: 0", "", ""])]

    with udp_peer(answer, patience=300) as port:
        yield port


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


_CHALLENGE = 'WWW-Authenticate: Digest realm="r", nonce="n-{}", algorithm=MD5'


def test_each_refusal_of_a_registration_is_told_as_the_carrier_says_it(run: Run, world: World) -> None:
    """By FreeSWITCH's own events: what sofia makes of each answer."""
    settings = config.load(None, os.environ)
    cases = [
        ("404 Not Found", (), "registration-404", 404),
        ("403 Forbidden", (), "registration-403", 403),
        ("503 Service Unavailable", (), "registration-503", 503),
        # The same challenge again, whatever it is answered with.
        ("401 Unauthorized", (_CHALLENGE.format(1),), "registration-challenge", 904),
        ("", (), "registration-silent", None),
    ]
    with ExitStack() as stack:
        ports = [stack.enter_context(registrar(status, *more)) for status, more, _name, _code in cases]
        for number, port in enumerate(ports):
            values = {"host": "127.0.0.1", "port": port, "register": True, "username": "u", "password": "w0rd",
                      "inbound_country": "DE"}  # fmt: skip
            trunk_provisioning.add_trunk(world.admin, "test", f"case-{number}", values)
        last = f"case-{len(cases) - 1}"
        wait_for(lambda: trunk_arrival.look(world.admin, last).done, "the trunks to be taken up", 60)
        found = [trunk_registration.register(settings, f"case-{number}") for number in range(len(cases))]
    told = [(each.found.trouble.name if each.found else "", each.status) for each in found]
    assert told == [(name, code) for _status, _more, name, code in cases]
