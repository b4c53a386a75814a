"""`faxplan upgrade`: another release in force, without a restart of FreeSWITCH, and back again.

In this order, so that whatever fails leaves the release before in force and at work: the new one is made beside it and
looked at; FreeSWITCH is asked whether it can take it; the database gets the migrations, which suit the release that
runs; `current` leads to the new one; FreeSWITCH takes it (conf/scripts); the services are restarted.
"""

import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from faxplan import entry_scripts, guard, migrations, release_making
from faxplan.config import Settings
from faxplan.db import Database
from faxplan.errors import FaxplanError, InvalidSetting, SwitchUnavailable
from faxplan.release_making import Say, Wheel
from faxplan.releases import NoRelease, Releases

UNITS = ("faxplan-worker", "faxplan-portal", "faxplan-administration", "faxplan-lmtp")
_SYSTEMD = Path("/run/systemd/system")
_PROGRESS = re.compile(r"\d\d:\d\d:\d\d  ")
"""What `faxplan database migrate` says of how far it is, and whom it waits for, begins so (progress.Display)."""
_LAST_LINES = 20
TAKES_SECONDS = 90.0
"""How long FreeSWITCH may take to load a release, and to hand the runtime over."""


class RestartNeeded(FaxplanError):
    """FreeSWITCH cannot take the release while it runs; nothing was changed."""

    error_id = "restart-needed"


class NotTaken(FaxplanError):
    """FreeSWITCH has not taken the release; the one before is in force again."""

    error_id = "release-not-taken"


class CutOff(FaxplanError):
    """An upgrade was killed before FreeSWITCH and the services had its release, and nobody said where to go."""

    error_id = "upgrade-cut-off"


class DatabaseTooNew(FaxplanError):
    """The database is of a newer Faxplan than that release."""

    error_id = "database-newer"


@dataclass
class Upgraded:
    """version: in force now. before: the one that was. removed: releases that nobody needs any more."""

    version: str
    before: str
    removed: list[str] = field(default_factory=list)
    to_do: list[str] = field(default_factory=list)
    """What is left to whoever asked for it, in sentences."""


class Upgrade:
    """One run of it. say: is told each step before it is done, in a few words."""

    def __init__(self, settings: Settings, admin: Database, releases: Releases, say: Say) -> None:
        self._settings = settings
        self._admin = admin
        self._releases = releases
        self._say = say

    def to(self, what: str, *, superuser_url: str | None, switch_later: bool) -> Upgraded:
        """what: a wheel's file, or a version. switch_later: all but FreeSWITCH, where that needs a restart.

        Raises ReleaseNotMade, NoRelease, DatabaseTooNew, RestartNeeded, NotTaken, MachineBusy and what migrations do.
        """
        with self._releases.turn(f"faxplan upgrade {what}"):
            self._releases.sweep()
            half = self._releases.half_taken()
            before = half.before if half else self._releases.current()
            version = self._made(what)
            if half:
                self._say(f"an upgrade from {half.before} to {half.version} was cut off; all is brought to {version}")
            elif version == before:
                self._say(f"release {version} is in force already")
                # One that was killed may have left it to us.
                return Upgraded(version, before, self._remove_others())
            lacking = self._lacking(version, release_making.level_of(self._releases, version))
            later = self._ask_switch(version, switch_later=switch_later)
            if lacking:
                self._say(f"brings the database up to date: {lacking} migration(s)")
                self._migrate(version, superuser_url)
            return self._take(version, later)

    def back(self, *, switch_later: bool) -> Upgraded:
        """To the release before, which the database suits unless something was taken away meanwhile.

        Errors as `to`.
        """
        with self._releases.turn("faxplan upgrade --back"):
            self._releases.sweep()
            before, version = self._releases.current(), self._releases.previous()
            if half := self._releases.half_taken():
                raise CutOff(
                    f"An upgrade from {half.before} to {half.version} was cut off. Say which of them is to be in "
                    f"force: faxplan upgrade {half.version}, or faxplan upgrade {half.before}"
                )
            if version is None:
                raise NoRelease(f"There is no release before {before} to go back to.")
            self._lacking(version, release_making.level_of(self._releases, version))
            return self._take(version, self._ask_switch(version, switch_later=switch_later))

    def plan(self, what: str) -> list[str]:
        """What `to` would do, in sentences; nothing is changed. Raises ReleaseNotMade and DatabaseTooNew."""
        before = self._releases.current()
        with tempfile.TemporaryDirectory() as folder:
            wheel = self._wheel(what, Path(folder))
        if wheel is None:
            version, level = what, release_making.level_of(self._releases, what)
        else:
            version, level = wheel.version, wheel.level
        if version == before and not self._releases.half_taken():
            return [f"release {version} is in force already; nothing would be done"]
        missing = self._lacking(version, level)
        made = version in self._releases.made()
        return [
            f"release {version} {'is there already' if made else 'would be made'}: {self._releases.of(version)}",
            f"the database would get {missing} migration(s)" if missing else "the database stays as it is",
            f"{self._releases.prefix}/current would lead to {version}, and no more to {before}",
            "FreeSWITCH would take it without a restart, unless it has loaded packages in other versions",
            f"would be restarted: {', '.join(self._units()) or 'nothing by systemd, which does not run here'}",
        ]

    def _made(self, what: str) -> str:
        # Among what `sweep` removes: what is fetched is large.
        with tempfile.TemporaryDirectory(prefix=".", suffix=".making", dir=self._releases.folder) as folder:
            wheel = self._wheel(what, Path(folder))
            if wheel is None:
                return what
            if wheel.version != self._releases.current():
                self._lacking(wheel.version, wheel.level)
                release_making.make(self._releases, wheel, self._say)
            return wheel.version

    def _wheel(self, what: str, folder: Path) -> Wheel | None:
        """None: a version that is there already."""
        if what.endswith(".whl"):
            return release_making.read(Path(what))
        if what in self._releases.made():
            return None
        self._releases.of(what)
        self._say(f"fetches version {what}")
        return release_making.read(release_making.fetched(what, folder))

    def _lacking(self, version: str, level: int) -> int:
        """How many migrations the database lacks for a release that knows so many. Raises DatabaseTooNew where it has
        had one that took away what that release uses; those that only added something do it no harm."""
        with self._admin.across_tenants() as tx:
            had = migrations.level(tx)
            contracted = migrations.contracted_beyond(tx, level)
        if contracted:
            raise DatabaseTooNew(
                f"The database has had migration {contracted[-1]}, which took away what release {version} uses (it "
                f"knows {level}). Take a newer release. (`faxplan upgrade --back` goes to the release before.)"
            )
        return max(level - had, 0)

    def _migrate(self, version: str, superuser_url: str | None) -> None:
        program = str(self._releases.of(version) / "bin" / "faxplan")
        command = [program, "database", "migrate"]
        if superuser_url:
            command += ["--superuser-url", superuser_url]
        elif os.geteuid() == 0 and _is_local(self._settings.database_url) and _exists("postgres"):
            # PostgreSQL knows its superuser by the account, which may not read our settings.
            migrate = [*command, "--database", self._settings.database_name]
            command = ["runuser", "-u", "postgres", "--", *migrate]
        # It inherits our turn (machine_turn), which then lasts as long as it does.
        with subprocess.Popen(
            command, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            errors="replace", close_fds=False,
        ) as migrating:  # fmt: skip
            said: list[str] = []
            for line in migrating.stderr or ():
                said = [*said, line.rstrip()][-_LAST_LINES:]
                if _PROGRESS.match(line):
                    self._say(f"  {line.rstrip()}")
        if migrating.returncode != 0:
            why = "\n".join(each for each in said if not _PROGRESS.match(each))
            raise migrations.MigrationFailed(
                f"The database was not brought up to date, and nothing else was changed: {why}\n"
                f"Run it yourself, then this again: {' '.join(command)}"
            )

    def _take(self, version: str, later: str | None) -> Upgraded:
        """later: why FreeSWITCH is not to be asked to."""
        self._say(f"puts {version} in force")
        began = self._releases.begin_to_take(version)
        # One that was cut off may lead back to where it began.
        self._releases.lead(version, began.previous if version == began.before else began.before)
        done = Upgraded(version, began.before)
        if later is None:
            self._say("FreeSWITCH takes it; calls go on")
            try:
                self._have_taken(version)
            except BaseException:
                self._releases.lead(began.before, began.previous)
                self._releases.taken()
                # Should it have taken it, and only not said so in time, it goes back with us.
                with suppress(FaxplanError), guard.connect(self._settings) as switch:
                    switch.api("python fax_queue::upgrade", TAKES_SECONDS)
                raise
            done.to_do += self._older_entries(version)
        else:
            done.to_do.append(later)
        done.to_do += self._restart_services()
        self._releases.taken()
        done.removed = self._remove_others()
        return done

    def _ask_switch(self, version: str, *, switch_later: bool) -> str | None:
        """None: it takes the release as it runs. Else why it is not asked to, and what to do. Raises RestartNeeded."""
        try:
            with guard.connect(self._settings) as switch:
                said = switch.api(f"python fax_queue::upgrade check {version}", TAKES_SECONDS).strip()
        except InvalidSetting as unset:
            return f"FreeSWITCH was not asked ({unset}). In fs_cli: python fax_queue::upgrade"
        except SwitchUnavailable as away:
            return f"FreeSWITCH was not asked ({away}). It takes {version} when it starts."
        if said.startswith("+OK"):
            return None
        restart = "restart FreeSWITCH at a quiet time: `fsctl shutdown elegant restart` in fs_cli waits for its calls"
        if said.startswith("-ERR restart-needed"):
            found = said.removeprefix("-ERR restart-needed: ").removesuffix(" stays in force").rpartition("; ")[0]
            if switch_later:
                return f"FreeSWITCH keeps the release before until you {restart}. Why: {found}"
            raise RestartNeeded(
                f"FreeSWITCH cannot take {version} as it runs: {found}. Nothing was changed. With --switch-later all "
                f"else is done now, and FreeSWITCH keeps the release before until you {restart}."
            )
        if said.startswith("-ERR") and "::" not in said:
            raise NotTaken(f"FreeSWITCH would not take {version}, and nothing was changed: {said}")
        raise NotTaken(
            f"Python in FreeSWITCH does not know of releases ({said[:80] or 'no answer'}), and nothing was changed. "
            "Its entry scripts come with `faxplan install`."
        )

    def _have_taken(self, version: str) -> None:
        try:
            with guard.connect(self._settings) as switch:
                said = switch.api("python fax_queue::upgrade", TAKES_SECONDS).strip()
                alive = switch.api("python fax_queue::alive", TAKES_SECONDS).strip()
        except SwitchUnavailable as away:
            raise NotTaken(
                f"FreeSWITCH did not answer ({away}); `current` leads to the release before. See FreeSWITCH's log."
            ) from away
        if not said.startswith("+OK") or alive != f"+OK {version}":
            raise NotTaken(
                f"FreeSWITCH has not taken {version}; the release before is in force, there and here. It says: {said}"
            )
        self._say(f"FreeSWITCH says: {said.removeprefix('+OK ')}")

    def _older_entries(self, version: str) -> list[str]:
        """What FreeSWITCH does not take while it runs, in a sentence."""
        with suppress(FaxplanError), guard.connect(self._settings) as switch:
            to_do = entry_scripts.older(switch, self._releases.of(version) / "share" / "faxplan")
            return [] if to_do is None else [to_do]
        return []

    def _units(self) -> list[str]:
        """Services of ours that run."""
        if not _SYSTEMD.is_dir() or shutil.which("systemctl") is None:
            return []
        asked = [subprocess.run(["systemctl", "is-active", "--quiet", unit], check=False) for unit in UNITS]
        return [unit for unit, active in zip(UNITS, asked, strict=True) if active.returncode == 0]

    def _restart_services(self) -> list[str]:
        """What could not be done."""
        if not _SYSTEMD.is_dir():
            return [f"There is no systemd here: restart worker and portal by your own means ({', '.join(UNITS)})."]
        troubles = []
        for unit in self._units():
            self._say(f"restarts {unit}")
            if subprocess.run(["systemctl", "restart", unit], check=False).returncode != 0:
                troubles.append(f"{unit} did not start again: see `systemctl status {unit}`.")
        return troubles

    def _remove_others(self) -> list[str]:
        """Releases but the one in force, the one before, and those whose files FreeSWITCH's process still reads."""
        try:
            with guard.connect(self._settings) as switch:
                said = switch.api("python fax_queue::releases", TAKES_SECONDS)
        except FaxplanError:
            # Nobody knows.
            return []
        used = {line.partition(" ")[0] for line in said.splitlines()}
        if said.startswith("-ERR") or not used:
            return []
        used |= {self._releases.current(), self._releases.previous() or "", Path(sys.prefix).resolve().name}
        removed = []
        for version in self._releases.made():
            if version not in used:
                self._say(f"removes release {version}")
                with suppress(OSError):
                    self._releases.remove(version)
                    removed.append(version)
        return removed


def _is_local(url: str) -> bool:
    """Whether PostgreSQL is reached by a socket of this machine."""
    parts = urlsplit(url)
    host = parts.hostname or "".join(parse_qs(parts.query).get("host", []))
    return not host or host.startswith("/")


def _exists(account: str) -> bool:
    try:
        pwd.getpwnam(account)
    except KeyError:
        return False
    return True
