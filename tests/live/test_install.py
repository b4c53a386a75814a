"""faxplan install and uninstall on a running FreeSWITCH with its vanilla configuration, which never stops."""

import os
import re
import shlex
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.installations import Installation
from tests.live.calls import Live, wait_for
from tests.live.running import TEST_NUMBER
from tests.live.vanilla import FREESWITCH, PREFIX, VanillaMachine, received, unusable

PHRASE = "a ferry to the islands\n"
DID = "+493023125001"


@pytest.fixture
def machine(live: Live, tmp_path: Path) -> Iterator[VanillaMachine]:
    if why := unusable():
        pytest.skip(f"live: not run, {why}")
    (tmp_path / "machine").mkdir()
    made = VanillaMachine(tmp_path / "machine")
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture
def open_to_all(installation: Installation) -> Iterator[str]:
    """The database's URL, by a socket that accounts other than root's reach."""
    cluster = installation.cluster
    folder = Path(tempfile.mkdtemp(prefix="faxplan-socket-", dir=cluster.socket_dir.parent.parent))
    folder.chmod(0o755)
    for found in cluster.socket_dir.glob(".s.PGSQL.*"):
        if found.is_socket():
            os.link(found, folder / found.name)
            (folder / found.name).chmod(0o777)
    yield installation.url("").replace(quote(str(cluster.socket_dir), safe=""), quote(str(folder), safe=""))
    shutil.rmtree(folder)


def test_installed_used_and_taken_away_while_freeswitch_runs(
    machine: VanillaMachine, live: Live, installation: Installation, three_pages: Path, tmp_path: Path
) -> None:
    # Whether this machine has namespaces for converters is not what is looked at here.
    environment = {**os.environ, "FAXPLAN_SANDBOX": "limits"}
    machine.start_switch(environment)
    core, before = machine.api("global_getvar core_uuid"), machine.configuration()
    lasting = str(uuid.uuid4())
    assert machine.voice_call(lasting)

    first = str(PREFIX / "releases" / "0.1.0" / "bin" / "faxplan")
    options = ["--yes", "--sip-port", str(live.faxplan_port), "--database-url", installation.url("")]
    told = machine.run(first, "install", *options)
    assert "the SIP profile faxplan runs" in told, told
    assert "FreeSWITCH has loaded mod_python3" in told
    assert machine.api("python fax_queue::alive").startswith("+OK")
    assert machine.is_up(lasting)
    assert machine.voice_call(str(uuid.uuid4()))
    assert "nothing was changed" in machine.run(first, "install", *options)

    def faxplan(*words: str, given: str = "") -> str:
        return machine.run("/usr/local/bin/faxplan", *words, given=given, environment=environment)

    faxplan("trunk", "add", "carrier", "--host", "127.0.0.1", "--port", str(live.carrier.sip_port), "--country", "DE",
            "--source", "127.0.0.1")  # fmt: skip
    faxplan("route", "add", "+", "carrier")
    faxplan("tenant", "add", "acme", "--name", "Acme GmbH", "--country", "DE", "--time-zone", "Europe/Berlin",
            "--station-ident", "+49 30 23125 001")  # fmt: skip
    faxplan("user", "add", "acme", "anna@acme.example", "--name", "Anna Beispiel")
    faxplan("did", "add", "acme", "030 23125 001", "--mailbox", "anna@acme.example")
    faxplan("enrol", "--as", "anna@acme.example", given=PHRASE)
    machine.begin("/usr/local/bin/faxplan", "worker", environment=environment)
    wait_for(lambda: "carrier" in machine.api("sofia status gateway"), 30, "gateway of the trunk")
    letter = tmp_path / "letter.txt"
    letter.write_text("A first fax.\n")
    sent = faxplan("send", str(letter), f"{TEST_NUMBER}000", "--as", "anna@acme.example", "--wait")
    assert "arrived" in sent

    live.carrier.api(f"bgapi originate {{fax_enable_t38=true}}sofia/gateway/faxplan/{DID} &txfax({three_pages})")

    def inbox() -> list[dict[str, object]]:
        return received(faxplan("list", "--inbox", "--json", "--as", "anna@acme.example"))

    (fax,) = wait_for(lambda: inbox() if inbox() and inbox()[0]["state"] == "received" else None, 90, "received fax")
    assert fax["pages"] == 3
    assert machine.is_up(lasting)

    told = faxplan("uninstall", "--yes")
    assert machine.is_up(lasting), told
    assert machine.voice_call(str(uuid.uuid4()))
    assert machine.api("global_getvar core_uuid") == core
    assert "faxplan" not in machine.api("sofia status")
    assert machine.configuration() == before
    assert list(machine.at(FREESWITCH / "scripts").iterdir()) == []
    assert machine.at("/var/lib/faxplan/store").exists()
    # Nobody listens at the fax profile's port any more.
    reply = live.carrier.api(f"originate {{originate_timeout=5}}sofia/gateway/faxplan/{DID} &park()", 20)
    assert reply.startswith("-ERR")


def test_a_switch_of_its_own_beside_a_pbx_whose_configuration_a_handler_serves(
    machine: VanillaMachine, live: Live, open_to_all: str, three_pages: Path
) -> None:
    environment = {**os.environ, "FAXPLAN_SANDBOX": "limits"}
    machine.serve_by_handler(DID, live.faxplan_port)
    machine.start_switch()
    before, lasting = machine.configuration(), str(uuid.uuid4())
    assert machine.voice_call(lasting)
    first = str(PREFIX / "releases" / "0.1.0" / "bin" / "faxplan")
    options = ["--yes", "--sip-ip", "127.0.0.1", "--sip-port", str(live.faxplan_port), "--database-url", open_to_all]
    told = machine.run(first, "install", *options)
    assert "mod_lua answers for its configuration and dialplan" in told
    (command,) = re.findall(r"own FreeSWITCH: `(.*)`", told)
    machine.begin(*shlex.split(command), environment=environment)

    def faxplan(*words: str, given: str = "") -> str:
        return machine.run("/usr/local/bin/faxplan", *words, given=given, environment=environment)

    faxplan("trunk", "add", "carrier", "--host", "127.0.0.1", "--country", "DE", "--source", "127.0.0.1")
    faxplan("tenant", "add", "acme", "--name", "Acme GmbH", "--country", "DE", "--time-zone", "Europe/Berlin",
            "--station-ident", "+49 30 23125 001")  # fmt: skip
    faxplan("user", "add", "acme", "anna@acme.example", "--name", "Anna Beispiel")
    faxplan("did", "add", "acme", "030 23125 001", "--mailbox", "anna@acme.example")
    faxplan("enrol", "--as", "anna@acme.example", given=PHRASE)
    machine.begin("runuser", "-u", "faxplan", "--", "/usr/local/bin/faxplan", "worker", environment=environment)
    wait_for(lambda: machine.at("/etc/faxplan/freeswitch/sip_profiles/faxplan/carrier.xml").exists(), 90, "gateway")
    pbx = f"sofia/faxplan/{DID}@127.0.0.1:{machine.external_port}"
    live.carrier.api(f"bgapi originate {{fax_enable_t38=true}}{pbx} &txfax({three_pages})")

    def inbox() -> list[dict[str, object]]:
        return received(faxplan("list", "--inbox", "--json", "--as", "anna@acme.example"))

    (fax,) = wait_for(lambda: inbox() if inbox() and inbox()[0]["state"] == "received" else None, 90, "received fax")
    assert fax["pages"] == 3
    assert "T.38," in faxplan("show", str(fax["id"]), "--as", "anna@acme.example")
    assert "faxplan\tprofile" not in machine.api("sofia status")
    told = faxplan("uninstall", "--yes")
    assert "own FreeSWITCH has ended" in told
    assert machine.is_up(lasting)
    assert machine.voice_call(str(uuid.uuid4()))
    assert machine.configuration() == before
    assert not machine.at("/etc/faxplan").exists()
