"""What runs is told of an installation, or of its end: FreeSWITCH by its event socket, no restart; and systemd."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from faxplan.errors import SwitchUnavailable
from faxplan.event_socket import EventSocket
from faxplan.install_switch import SwitchHere
from faxplan.install_tree import InstallRefused, Tree

PROFILE = "faxplan"
_MODULES = ("mod_tone_stream", "mod_spandsp", "mod_sofia", "mod_python3")
_WAIT_SECONDS = 20.0
_LOAD_SECONDS = 90.0
_STOP_SECONDS = 30.0
"""FreeSWITCH stops no SIP profile that has not been up for ten seconds, and says so (mod_sofia.c, cmd_profile)."""


def runs_profile(connection: EventSocket) -> bool:
    """Whether our SIP profile is up."""
    return re.search(rf"^\s*{PROFILE}\s+profile\s.*RUNNING", connection.api("sofia status"), re.MULTILINE) is not None


def take_up(switch: SwitchHere, *, changed: bool, fresh: bool, say: Callable[[str], None]) -> list[str]:
    """Has a running FreeSWITCH read what was laid, load what is missing, and start profile and runtime.

    What went wrong, a sentence each. `changed`: false where all was in place; then only what does not run is started.
    `fresh`: the first time; a runtime that somebody has stopped since stays so. Raises SwitchUnavailable.
    """
    wrong: list[str] = []
    with switch.connect() as connection:
        if changed:
            connection.api("reloadxml", _LOAD_SECONDS)
            connection.api("reloadacl", _LOAD_SECONDS)
            say("FreeSWITCH has read its configuration anew (reloadxml, reloadacl); no call ended")
        for module in _MODULES:
            if connection.api(f"module_exists {module}").strip() == "true":
                continue
            reply = connection.api(f"load {module}", _LOAD_SECONDS).strip()
            if connection.api(f"module_exists {module}").strip() != "true":
                return [
                    *wrong,
                    f"FreeSWITCH could not load {module}: {reply[-200:]}. Its log says why: {switch.log_dir}.",
                ]
            say(f"FreeSWITCH has loaded {module}")
        wrong += _profile(connection, switch, say)
        if fresh:
            reply = connection.api("python fax_queue::start", _LOAD_SECONDS).strip()
            if not reply.startswith("+OK"):
                wrong.append(f"the runtime does not start: {reply or 'no answer'}. FreeSWITCH's log says why.")
            else:
                say("the runtime is started")
        if changed and not wrong and not connection.api("python fax_queue::alive", _LOAD_SECONDS).startswith("+OK"):
            wrong.append(f"Python in FreeSWITCH does not answer; its log says why: {switch.log_dir}.")
    return wrong


def _profile(connection: EventSocket, switch: SwitchHere, say: Callable[[str], None]) -> list[str]:
    served = connection.api("xml_locate configuration configuration name sofia.conf")
    if f'name="{PROFILE}"' not in served:
        return [f"FreeSWITCH has no SIP profile {PROFILE}: an XML handler answers before {switch.conf_dir} is read."]
    if runs_profile(connection):
        return []
    connection.api(f"sofia profile {PROFILE} start", _LOAD_SECONDS)
    if not _becomes(lambda: runs_profile(connection)):
        why = f"another program may have its port. {switch.conf_dir}/faxplan/vars.xml has address and port"
        return [f"the SIP profile {PROFILE} does not start: {why}; FreeSWITCH's log says more."]
    say(f"the SIP profile {PROFILE} runs")
    return []


def fax_calls(switch: SwitchHere) -> int:
    """How many calls our profile has. Raises SwitchUnavailable."""
    with switch.connect() as connection:
        text = connection.api("show channels as json")
    try:
        rows = json.loads(text).get("rows", [])
    except ValueError:
        return 0
    return sum(1 for row in rows if str(row.get("name", "")).startswith(f"sofia/{PROFILE}/"))


def stop(switch: SwitchHere, say: Callable[[str], None]) -> None:
    """Ends runtime and profile; other calls go on. Raises SwitchUnavailable and InstallRefused."""
    with switch.connect() as connection:
        if connection.api("module_exists mod_python3").strip() == "true":
            connection.api("python fax_queue::stop", _LOAD_SECONDS)
            # One step of the runtime is the longest; `releases` counts the scripts that run.
            _becomes(lambda: not re.search(r" [1-9]\d*$", connection.api("python fax_queue::releases"), re.MULTILINE))
        reply = ""

        def stopped() -> bool:
            nonlocal reply
            if not runs_profile(connection):
                return True
            # One that was accepted shows at the next look: it runs no more, though its thread has still to end.
            reply = connection.api(f"sofia profile {PROFILE} stop", _LOAD_SECONDS).strip()
            return not runs_profile(connection)

        if not _becomes(stopped, _STOP_SECONDS):
            raise InstallRefused(f"The SIP profile {PROFILE} does not stop: {reply[-200:] or 'no answer'}")
        say("runtime and SIP profile are stopped; no other call ended")


def end_switch(switch: SwitchHere, say: Callable[[str], None]) -> None:
    """Ends a FreeSWITCH that is Faxplan's own. Raises InstallRefused."""
    # It closes the connection before it answers.
    with suppress(SwitchUnavailable), switch.connect() as connection:
        connection.api("fsctl shutdown now")
    if not _becomes(lambda: why_unanswered(switch) is not None):
        raise InstallRefused("Faxplan's own FreeSWITCH does not end. Ask fs_cli what it does.")
    say("Faxplan's own FreeSWITCH has ended")


def forget(switch: SwitchHere) -> None:
    """Has FreeSWITCH read its configuration without us. Raises SwitchUnavailable."""
    with switch.connect() as connection:
        connection.api("reloadxml", _LOAD_SECONDS)
        connection.api("reloadacl", _LOAD_SECONDS)


def _becomes(true: Callable[[], bool], seconds: float = _WAIT_SECONDS) -> bool:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True


def systemd_runs(tree: Tree) -> bool:
    """Whether this machine's services are systemd's."""
    return tree.is_this_machine and Path("/run/systemd/system").is_dir() and shutil.which("systemctl") is not None


def systemctl(*arguments: str) -> str:
    """'' where it went well, else what it said."""
    ended = subprocess.run(["systemctl", *arguments], capture_output=True, text=True, timeout=120, check=False)
    return "" if ended.returncode == 0 else ended.stderr.strip() or f"exit status {ended.returncode}"


def add_account(tree: Tree, name: str) -> None:
    """A system account without a home folder, in a group of its own name. Raises InstallRefused."""
    _account(tree, ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", "--user-group", name])


def remove_account(tree: Tree, name: str) -> None:
    """Raises InstallRefused."""
    _account(tree, ["userdel", name])


def _account(tree: Tree, command: list[str]) -> None:
    program, *rest = command
    where = [] if tree.is_this_machine else ["--root", str(tree.root)]
    try:
        ended = subprocess.run([program, *where, *rest], capture_output=True, text=True, timeout=60, check=False)
    except OSError as error:
        raise InstallRefused(f"{program}: {error}. Install the package passwd.") from error
    if ended.returncode != 0:
        raise InstallRefused(f"{' '.join(command)} failed: {ended.stderr.strip()}")


def why_unanswered(switch: SwitchHere) -> str | None:
    """None where the running FreeSWITCH can be told things."""
    try:
        with switch.connect():
            return None
    except SwitchUnavailable as error:
        return str(error)
