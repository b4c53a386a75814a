"""`make run` for real, below a folder with a space in its name: PostgreSQL, worker and bench as processes."""

import contextlib
import http.client
import json
import os
import re
import signal
import subprocess
import sys
from email import message_from_bytes, policy
from pathlib import Path
from urllib.parse import urlsplit

import pikepdf
from PIL import Image

from faxplan import config, login, namespace, sessions, users
from faxplan.db import Database
from faxplan.home import Home
from faxplan.processes import PidFile, ProcessId
from portal import cookies
from tests.run.running import PROJECT, faxplan, home, read_until, rest, running, wait_for
from tests.vendor_words import vendor_words

__all__ = ["home"]


def children(home: Home) -> list[ProcessId]:
    return PidFile(home.pid_file).alive()


def postgres_runs(home: Home) -> bool:
    return (home.postgres.resolve() / "postmaster.pid").exists()


def logged_in(home: Home, email: str) -> str:
    """The cookie of somebody who has logged in."""
    database = Database(config.load(home.settings_file).database_url_for("portal"))
    user = users.find(database, email)
    with database.tenant(user.tenant_id) as tx:
        token, _ = sessions.begin(tx, user, authenticated=login.PASSWORD, address="127.0.0.1", agent="")
    database.close()
    return f"{cookies.NAME}={token}"


def asked(link: str, cookie: str = "") -> tuple[int, str | None, str]:
    """What the portal answers: status, where to, and the page; its hosts are all on this machine."""
    address = urlsplit(link)
    connection = http.client.HTTPConnection("127.0.0.1", address.port)
    connection.request("GET", address.path, headers={"Host": address.netloc, "Cookie": cookie})
    with contextlib.closing(connection):
        response = connection.getresponse()
        return response.status, response.getheader("Location"), response.read().decode()


def test_the_first_fax_a_users_fax_and_ctrl_c(home: Home, tmp_path: Path) -> None:
    with running(home) as process:
        told = read_until(process, "Ctrl-C here ends everything.")
        assert "the bench, as you asked" in told
        assert re.search("Sending: [0-3] of 3 pages arrived.", told)
        assert "All 3 pages arrived." in told
        assert told.count("T.38, 14,400 bit/s, ECM") == 2
        assert home.settings_file.stat().st_mode & 0o777 == 0o600
        # The portal answers, and its users' passwords are where it is said.
        addresses = dict(re.findall(r"^  (http://\S+)  \S+, password in (.+)$", told, re.MULTILINE))
        assert [address.partition(".")[0] for address in addresses] == ["http://calder-marine", "http://harrow-pike"]
        for address, file in addresses.items():
            assert "Log in" in asked(f"{address}/log-in")[2]
            assert Path(file).stat().st_mode & 0o777 == 0o600
        # In a namespace where one can be made; else it was said, in one line.
        lack = namespace.trouble()
        assert ("limits of resources alone" in told) == (lack is not None)
        says = "in a namespace" if lack is None else "with limits alone"
        assert f"documents are converted {says}" in (home.logs / "worker.log").read_text().lower().replace(
            " of strangers", ""
        )
        # She who got the fax has a notice of it by mail, whose link the portal knows: it asks for a log-in first.
        inbox = home.mail / "ruth@calder-marine.example"
        wait_for((inbox / "1.eml").exists, "the notice by mail")
        notice = message_from_bytes((inbox / "1.eml").read_bytes(), policy=policy.default)
        assert str(notice["From"]) == '"Calder Marine Supply Inc." <fax@fax.example>'
        assert not vendor_words(notice.as_bytes())
        (link,) = re.findall(r"http://\S+", notice.get_body(("plain",)).get_content())
        assert asked(link)[:2] == (303, f"/log-in?to=%2Ffaxes%2F{link.rpartition('/')[2]}")
        status, _, page = asked(link, logged_in(home, "ruth@calder-marine.example"))
        assert (status, "(207) 555-0143" in page) == (200, True)
        assert sorted(path.name for path in home.mail.iterdir()) == [inbox.name]
        (folder,) = home.inbox.iterdir()
        assert sorted(path.suffix for path in folder.iterdir()) == [".pdf", ".png", ".png", ".png"]
        with pikepdf.open(next(folder.glob("*.pdf"))) as pdf:
            assert len(pdf.pages) == 3
        with Image.open(next(folder.glob("*-1.png"))) as page:
            assert page.width == 1728

        second = subprocess.run(
            [sys.executable, "-m", "faxplan.run", "--home", str(home.root)],
            check=False,
            cwd=PROJECT,
            capture_output=True,
            text=True,
        )
        assert (second.returncode, second.stdout) == (1, "")
        assert f"already (process {process.pid})" in second.stderr

        letter = tmp_path / "letter.txt"
        letter.write_text("Dear Ms. Okafor\n")
        sent = faxplan(
            home, "send", str(letter), "978 555 0126", "--as", "edmund@harrow-pike.example", "--wait", "--json"
        )
        assert (sent.returncode, json.loads(sent.stdout)["state"]) == (0, "sent"), sent.stderr

        def delivered() -> bool:
            listed = faxplan(home, "list", "--inbox", "--json", "--as", "ruth@calder-marine.example")
            return [fax["state"] for fax in json.loads(listed.stdout)] == ["received", "received"]

        wait_for(delivered, "the letter to be received")
        here = children(home)
        assert len(here) == 4
        process.send_signal(signal.SIGINT)
        assert "Faxplan has ended" in rest(process)
        assert process.wait(30) == 0
    assert not [child for child in here if child.alive()]
    assert not postgres_runs(home)


def test_what_a_killed_run_left_is_ended_and_its_data_go_on(home: Home) -> None:
    with running(home, "--no-fax") as process:
        read_until(process, "Ctrl-C here ends everything.")
        left = children(home)
        process.kill()
        process.wait()
    assert [child for child in left if child.alive()] == left
    with running(home, "--once") as process:
        told = rest(process)
        assert process.wait(30) == 0, told
    assert "Ending what an earlier run left behind: the portal, the bench, the worker, the mail server." in told
    assert "Fax 1 to (978) 555-0126: sent." in told
    assert not [child for child in left if child.alive()]
    assert not postgres_runs(home)


def test_a_child_that_dies_is_named_and_started_again_but_not_for_ever(home: Home) -> None:
    with running(home, "--no-fax") as process:
        read_until(process, "Ctrl-C here ends everything.")
        for _ in range(3):
            (worker,) = (child for child in children(home) if child.name == "the worker")
            os.kill(worker.pid, signal.SIGKILL)
            told = read_until(process, "Starting the worker again.")
            assert "the worker ended (by signal SIGKILL). Its log" in told
            wait_for(lambda: len(children(home)) == 4, "the new worker to be noted")
        (worker,) = (child for child in children(home) if child.name == "the worker")
        os.kill(worker.pid, signal.SIGKILL)
        assert "the worker keeps ending" in rest(process)
        assert process.wait(30) == 1
    assert not children(home)
    assert not postgres_runs(home)
