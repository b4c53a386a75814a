"""`make run` on a FreeSWITCH of its own: what an administrator sees and does while it runs."""

import json
from pathlib import Path

import pytest

from faxplan import config, guard, trunk_directory
from faxplan.db import Database
from faxplan.freeswitch_found import find
from faxplan.home import Home
from tests.live.conftest import NOT_INSTALLED
from tests.run.running import faxplan, home, read_until, rest, running, wait_for

__all__ = ["home"]


@pytest.mark.timeout(360)
def test_the_first_fax_a_users_fax_the_doctor_the_gateways_and_the_guard(home: Home, tmp_path: Path) -> None:
    found = find()
    if found is None or found.missing:
        pytest.skip(NOT_INSTALLED)
    with running(home, switch="freeswitch") as process:
        told = read_until(process, "Ctrl-C here ends everything.")
        assert "All 3 pages arrived." in told
        assert told.count("T.38, 14,400 bit/s, ECM") == 2
        (folder,) = home.inbox.iterdir()
        assert sorted(path.suffix for path in folder.iterdir()) == [".pdf", ".png", ".png", ".png"]
        settings = config.load(home.settings_file)
        admin = Database(settings.database_url_for("admin"))

        letter = tmp_path / "letter.txt"
        letter.write_text("Dear Ms. Okafor\n")
        sent = faxplan(
            home, "send", str(letter), "978 555 0126", "--as", "edmund@harrow-pike.example", "--wait", "--json"
        )
        assert (sent.returncode, json.loads(sent.stdout)["state"]) == (0, "sent"), sent.stderr

        examined = faxplan(home, "doctor", "--json")
        findings = {finding["what"]: finding for finding in json.loads(examined.stdout)}
        assert examined.returncode == 0, examined.stdout
        for what in ("SIP profile", "gateway carrier", "scripts in FreeSWITCH", "runtime", "address in SDP"):
            assert findings[what]["level"] == "ok"

        with admin.across_tenants() as tx:
            trunk_directory.change(tx, "carrier", {"host": "127.0.0.1", "port": 5999})
            trunk_directory.add(
                tx, "second", {"host": "192.0.2.1", "inbound_country": "US", "source_networks": ["192.0.2.0/24"]}
            )

        def asked(command: str) -> str:
            with guard.connect(settings) as switch:
                return switch.api(command)

        def taken_up() -> bool:
            listed = asked("sofia status gateway")
            return "faxplan::second" in listed and "127.0.0.1:5999" in listed

        wait_for(taken_up, "the gateways to be as the trunk table says")
        wait_for(lambda: asked("acl 192.0.2.7 faxplan-trunks") == "true", "the access list to be taken up")
        assert asked("acl 198.51.100.7 faxplan-trunks") == "false"

        assert faxplan(home, "guard").stdout == ""
        asked("python fax_queue::stop")
        wait_for(
            lambda: "runtime ends" in (home.freeswitch / "log" / "freeswitch.log").read_text(errors="replace"),
            "its end",
        )
        with admin.across_tenants() as tx:
            tx.execute("update nodes set heartbeat_at = now() - interval '1 hour'")
        assert faxplan(home, "doctor").returncode == 1
        stopped = faxplan(home, "guard")
        assert (stopped.returncode, stopped.stdout) == (0, "")
        # From here on as if it had ended by itself.
        (home.state / "runtime.stopped").unlink()
        assert "so it was started again" in faxplan(home, "guard").stdout
        wait_for(lambda: faxplan(home, "guard").stdout == "", "the runtime to report")
        admin.close()
        process.terminate()
        assert "Faxplan has ended" in rest(process)
        assert process.wait(30) == 0
