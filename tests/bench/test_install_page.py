"""Step 7 of docs/install-on-freeswitch.md, on a database with nothing in it, leads to a fax sent and one received."""

import io
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pikepdf
import pytest

from bench import BenchConfig, InboundCall, NumberingPlan, Switch, dialplan
from faxplan import cli, nodes, rendering
from faxplan.config import Settings, to_toml
from faxplan.db import Database
from faxplan.document_store import Store
from faxplan.spool import Spool
from tests.bench.whole import DIALPLAN, SCRIPTS, wait_for
from tests.documented import claimed
from tests.faxes import fax_tiff
from tests.installations import Installation

PAGE = Path(__file__).parents[2] / "docs" / "install-on-freeswitch.md"
LETTER = Path(rendering.__file__).parent / "data" / "demo-fax.pdf"
CARRIER = "192.0.2.10"
PHRASE = "a ferry to the islands\n"


def chapter() -> list[list[str]]:
    """The arguments of `faxplan` in step 7, in order."""
    text = "".join(claimed(__file__, "docs/install-on-freeswitch.md"))
    lines = re.findall(r"^(?:runuser -u freeswitch -- )?faxplan (.+)$", text, re.MULTILINE)
    assert len(lines) == text.count("\n")
    return [shlex.split(line) for line in lines]


@pytest.fixture
def settings(installation: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Of a node whose folders are there, as step 2 makes them."""
    # A machine that forbids namespaces gets as far; tests/unit/test_namespaces.py has the sandbox.
    made = Settings(database_url=installation.url(""), state_dir=tmp_path / "state", node="node1", sandbox="limits")
    Spool(made.spool).prepare()
    Store.of(made).keys.prepare()
    file = tmp_path / "faxplan.toml"
    file.write_text(to_toml({name: getattr(made, name) for name in ("database_url", "state_dir", "node", "sandbox")}))
    monkeypatch.setenv("FAXPLAN_CONFIG", str(file))
    monkeypatch.chdir(tmp_path)
    return made


@pytest.fixture
def worker(settings: Settings) -> Iterator[None]:
    """As step 6 starts it."""
    process = subprocess.Popen([sys.executable, "-m", "faxplan.cli", "worker"], cwd=PAGE.parents[1])
    yield
    process.terminate()
    assert process.wait(60) == 0


@pytest.fixture
def switch(settings: Settings, installation: Installation, worker: None) -> Iterator[Switch]:
    """The switch of step 6, with the carrier at its other side: the page's own DID is ours, what it calls is a fax."""
    plan = NumberingPlan(
        {
            "own": [{"prefix": "+493023125001", "from_address": CARRIER}],
            "number": [{"exact": "+493023125002", "kind": "fax"}],
        }
    )
    config = BenchConfig(
        script_dir=SCRIPTS,
        startup_scripts=["fax_queue"],
        plan=plan,
        gateways=["carrier"],
        inbound=dialplan.actions(DIALPLAN, {"faxplan_inbound_cap": "3600"}),
    )
    admin = Database(installation.url("faxplan_admin"))
    with Switch(config) as running:

        def reports() -> bool:
            with admin.across_tenants() as tx:
                return bool(nodes.everyone(tx))

        wait_for(reports, "the runtime to report")
        yield running
        assert running.wait_idle()
        assert not running.complaints
    admin.close()


def typed(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> int:
    """Runs a command; the password is what it hears if it asks for one."""
    monkeypatch.setattr("sys.stdin", io.StringIO(PHRASE))
    return cli.main(arguments)


def test_the_page_leads_to_a_fax_sent_and_one_received(
    switch: Switch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(LETTER, tmp_path / "letter.pdf")
    commands = chapter()
    listing = next(place for place, words in enumerate(commands) if words[0] == "list")
    for words in commands[:listing]:
        given = [str(tmp_path / "letter.pdf") if word == "/tmp/letter.pdf" else word for word in words]
        code = typed(monkeypatch, given)
        out, err = capsys.readouterr()
        # The doctor speaks of this machine as well, which has no FreeSWITCH of step 1.
        assert code == 0 or words == ["doctor"], (words, err)
        if words[0] == "enrol":
            assert re.search(r"^ +(\w+-){7}\w+$", out, re.MULTILINE), "the recovery code"
        if words[0] == "send":
            assert "All 3 pages arrived." in out
    cli.main(["doctor", "--json"])
    found = {each["what"]: each["level"] for each in json.loads(capsys.readouterr().out)}
    assert {found[what] for what in ("keys", "trunks", "runtime", "worker")} == {"ok"}
    assert not {"routes", "DIDs"} & found.keys()

    call = InboundCall("+493023125001", fax_tiff(tmp_path / "from-outside.tif", 2), from_address=CARRIER)
    assert switch.call_in(call).ended.wait(60)
    assert switch.wait_idle()

    def received() -> bool:
        assert typed(monkeypatch, [*commands[listing], "--json"]) == 0
        return [fax["id"] for fax in json.loads(capsys.readouterr().out)] == [2]

    wait_for(received, "the fax to lie in the mailbox")
    for words in commands[listing:]:
        assert typed(monkeypatch, words) == 0
    with pikepdf.open(tmp_path / "anna" / "fax-2.pdf") as pdf:
        assert len(pdf.pages) == 2
    assert {words[0] for words in commands} >= {"trunk", "route", "tenant", "user", "did", "enrol", "doctor", "open"}
