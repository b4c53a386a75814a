"""Takes Faxplan off a machine: ends what runs, then puts back what the installation has changed."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from faxplan import (
    install_database,
    install_live,
    install_manifest,
    install_own_switch,
    install_owner,
    install_plan,
    install_removal,
    install_switch,
)
from faxplan.errors import SwitchUnavailable
from faxplan.install_apply import Step
from faxplan.install_database import LOCAL_URL
from faxplan.install_removal import Removing
from faxplan.install_switch import SwitchHere
from faxplan.install_tree import InstallRefused, Tree
from faxplan.machine_turn import machine_turn

_SERVICES = (
    "faxplan-portal.socket", "faxplan-lmtp.socket", "faxplan-administration.socket",
    "faxplan-worker", "faxplan-portal", "faxplan-lmtp", "faxplan-administration",
)  # fmt: skip
"""Sockets first: they would start what answers at them."""


class Uninstaller:
    """Raises InstallRefused where nothing is installed."""

    def __init__(self, root: Path, prefix: Path) -> None:
        self.tree = Tree(root)
        self._prefix = prefix
        manifest, path = install_removal.manifest_of(self.tree, prefix)
        if manifest is None:
            raise InstallRefused(
                f"Nothing is installed here by `faxplan install`: there is no {path}. What was installed by hand goes "
                "by hand: docs/install-on-freeswitch.md."
            )
        self._manifest = manifest
        self._manifest_path = path
        self._removing = Removing(self.tree, manifest, path)
        self._url = manifest.choices.get("database_url", LOCAL_URL)

    def steps(self, *, purge_data: bool) -> list[Step]:
        """In order."""
        steps = self._removing.steps()
        accounts = [Step(f"remove the account {name}", lambda: None) for name in self._accounts(purge_data=purge_data)]
        if not purge_data:
            return [*steps, *accounts]
        name = install_database.name_of(self._url)
        purge = [
            Step(f"DESTROY the database {name}", lambda: None),
            Step(f"DESTROY {install_plan.STATE}", lambda: None),
        ]
        return [*steps, *accounts, *purge]

    def uninstall(self, *, purge_data: bool, force: bool, say: Callable[[str], None]) -> list[str]:
        """Does it; what is left to an administrator. Raises InstallRefused."""
        with machine_turn(self.tree.at(self._prefix), "faxplan uninstall"):
            install_manifest.refuse_changed(self.tree, self._manifest_path, self._manifest)
            return self._uninstall(purge_data=purge_data, force=force, say=say)

    def _uninstall(self, *, purge_data: bool, force: bool, say: Callable[[str], None]) -> list[str]:
        notes: list[str] = []
        if not force:
            self._refuse_without_configuration()
        switch = self._switch(notes, force=force)
        if switch is not None and switch.running:
            self._end(switch, force, say)
        elif switch is not None and not force and install_owner.is_alive(self.tree, switch.run_dir):
            raise InstallRefused(
                "FreeSWITCH runs and does not answer at its event socket: runtime and profile cannot be stopped. "
                "Stop it, or take the files away all the same: --force. Nothing was changed."
            )
        self._stop_services(say)
        self._removing.sweep()
        # The last is the manifest's: until all is done, it can be done again.
        *steps, forget = self._removing.steps()
        for step in steps:
            step.do()
            say(step.what)
        if switch is not None and switch.running and self._manifest.choices.get("own_switch") != "True":
            install_live.forget(switch)
            notes.append("FreeSWITCH keeps mod_python3 loaded until it is next restarted; nothing of ours runs in it")
        self._logins_gone(notes)
        # Written as the runtime was stopped; a later installation is to run.
        self.tree.remove(install_plan.STATE / "runtime.stopped")
        self._services_gone(notes)
        self._remove_accounts(notes, say, purge_data=purge_data)
        notes += [
            f"{path} stays: files of somebody else lie in it" for path in self._removing.left() if self._told(path)
        ]
        notes += self._data(purge_data, say)
        remove = "apt-get remove faxplan" if self.tree.exists(install_plan.PACKAGED) else f"rm -r {self._prefix}"
        notes.append(f"releases stay in {self._prefix}/releases; to remove them: {remove}")
        forget.do()
        say(forget.what)
        return notes

    def _accounts(self, *, purge_data: bool) -> list[str]:
        """Those that we made and that go. To one of them faxes belong, which stay: so it stays with them."""
        kept = () if purge_data else (install_own_switch.ACCOUNT,)
        return [name for name in self._manifest.accounts if name not in kept]

    def _remove_accounts(self, notes: list[str], say: Callable[[str], None], *, purge_data: bool) -> None:
        for account in self._accounts(purge_data=purge_data):
            if not self.tree.has_account(account):
                continue
            try:
                install_live.remove_account(self.tree, account)
                say(f"remove the account {account}")
            except InstallRefused as error:
                notes.append(f"the account {account} stays: {error}")

    def _told(self, path: str) -> bool:
        """The prefix stays always."""
        prefix = install_plan.PREFIX
        return not prefix.is_relative_to(path) and "lib/faxplan" not in path

    def _refuse_without_configuration(self) -> None:
        """What was laid on a disk that is not there now would stay, and nobody would know of it any more."""
        conf = Path(self._manifest.choices.get("conf_dir", "/"))
        named = [*self._manifest.files, *(line.path for line in self._manifest.lines)]
        there = [name for name in named if Path(name).is_relative_to(conf)]
        if there and not self.tree.at(conf).is_dir():
            raise InstallRefused(
                f"FreeSWITCH's configuration, {conf}, is not there, in which {len(there)} files have something of "
                "Faxplan's. If it lies on a disk that is not mounted, mount it; if it was moved, lead a link there; if "
                "it is gone for good, with FreeSWITCH, say --force. Nothing was changed."
            )

    def _switch(self, notes: list[str], *, force: bool) -> SwitchHere | None:
        if not self.tree.is_this_machine:
            return None
        choices = self._manifest.choices
        if choices.get("own_switch") == "True":
            return self._own_switch()
        try:
            return install_switch.find(
                self.tree, Path(choices["freeswitch"]), Path(choices["conf_dir"]), choices["user"]
            )
        except (KeyError, InstallRefused) as gone:
            # FreeSWITCH was removed first; its process may be there still.
            if not force and "conf_dir" in choices and install_switch.answers(self.tree, Path(choices["conf_dir"])):
                raise InstallRefused(
                    f"{gone} But it runs still, and has Faxplan's scripts loaded. End it, or take the files away all "
                    "the same: --force. Nothing was changed."
                ) from None
            notes.append(f"FreeSWITCH was told nothing, since it was not found: {gone}")
            return None

    def _own_switch(self) -> SwitchHere | None:
        """Faxplan's own, as a running one where it answers."""
        choices = self._manifest.choices
        try:
            pbx = install_switch.find(
                self.tree, Path(choices["freeswitch"]), Path(choices["conf_dir"]), choices["user"]
            )
            own = install_own_switch.beside(self.tree, pbx, choices)
            with own.connect() as connection:
                return replace(own, variables={"core_uuid": connection.api("global_getvar core_uuid")})
        except (KeyError, InstallRefused, SwitchUnavailable):
            return None

    def _end(self, switch: SwitchHere, force: bool, say: Callable[[str], None]) -> None:
        try:
            calls = install_live.fax_calls(switch)
            if calls and not force:
                said = "1 fax is in a call" if calls == 1 else f"{calls} faxes are in calls"
                raise InstallRefused(f"{said}. Wait, or end them: --force. Nothing was changed.")
            install_live.stop(switch, say)
            if self._manifest.choices.get("own_switch") == "True" and not install_live.systemd_runs(self.tree):
                install_live.end_switch(switch, say)
        except SwitchUnavailable as error:
            raise InstallRefused(f"FreeSWITCH runs, and cannot be told to stop faxes: {error}") from error

    def _stop_services(self, say: Callable[[str], None]) -> None:
        if install_live.systemd_runs(self.tree):
            mounts = [unit for unit in self._manifest.units if unit.endswith(".mount")]
            others = [unit for unit in self._manifest.units if unit not in mounts]
            install_live.systemctl("disable", "--now", *_SERVICES, *others)
            # First it must be forgotten: an older one has FreeSWITCH require the mounts, and be stopped with them.
            for step in self._removing.steps():
                if step.path == install_plan.DROP_IN:
                    step.do()
                    say(step.what)
            install_live.systemctl("daemon-reload")
            if mounts:
                install_live.systemctl("disable", "--now", *mounts)
            say("services are stopped")
        elif self.tree.is_this_machine:
            say("no systemd runs here: end the worker yourself, where one runs")

    def _logins_gone(self, notes: list[str]) -> None:
        """PostgreSQL reads its files anew, where ours stood in them."""
        if self.tree.is_this_machine and any("/postgresql/" in line.path for line in self._manifest.lines):
            try:
                install_database.reload_logins()
            except InstallRefused as error:
                notes.append(f"PostgreSQL has not read pg_hba.conf anew: {error}")

    def _services_gone(self, notes: list[str]) -> None:
        if install_live.systemd_runs(self.tree) and (failed := install_live.systemctl("daemon-reload")):
            notes.append(f"systemctl daemon-reload: {failed}")

    def _data(self, purge_data: bool, say: Callable[[str], None]) -> list[str]:
        if not purge_data:
            return [f"faxes and keys stay in {install_plan.STATE}, and in the database"]
        notes = []
        if install_database.is_local(self._url) and self.tree.is_this_machine:
            install_database.drop(install_database.name_of(self._url))
            say("the database is destroyed")
        else:
            notes.append("the database is elsewhere: drop it there")
        install_removal.purge_state(self.tree)
        say(f"{install_plan.STATE} is destroyed")
        return notes
