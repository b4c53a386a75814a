"""Installs Faxplan on a machine, or in a tree: finds, checks, lays, makes the database, has what runs take it up."""

import re
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

from faxplan import (
    install_database,
    install_live,
    install_manifest,
    install_needs,
    install_own_switch,
    install_plan,
    install_ports,
    install_switch,
    shipped,
)
from faxplan.errors import SwitchUnavailable
from faxplan.install_apply import Applying, Comparison, Step
from faxplan.install_manifest import Manifest
from faxplan.install_plan import ADMINISTRATION, PREFIX, Choices, OurFile, Plan
from faxplan.install_tree import InstallRefused, Owner, Tree
from faxplan.machine_turn import machine_turn

__all__ = ["PREFIX", "Done", "Installer", "Wanted", "is_installed"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an administrator says; None: found, or as at the installation before."""

    root: Path = Path("/")
    prefix: Path = PREFIX
    freeswitch: Path | None = None
    conf_dir: Path | None = None
    user: str | None = None
    sip_ip: str | None = None
    sip_port: int | None = None
    external_ip: str | None = None
    database_url: str | None = None
    shared: bool = False
    own_switch: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """`notes`: what is left to an administrator. `wrong`: what did not work."""

    done: tuple[str, ...]
    notes: tuple[str, ...]
    wrong: tuple[str, ...]


class Installer:
    """Looks at the machine as it is made. Raises InstallRefused, with all that is missing at once."""

    def __init__(self, wanted: Wanted) -> None:
        self.tree = Tree(wanted.root)
        self._wanted = wanted
        self._manifest_path = install_plan.manifest_path(wanted.prefix)
        found = install_manifest.load(self.tree, self._manifest_path)
        self._is_first = found is None
        self.manifest = found or Manifest()
        before = self.manifest.choices
        freeswitch = wanted.freeswitch or (Path(before["freeswitch"]) if "freeswitch" in before else None)
        conf_dir = wanted.conf_dir or (Path(before["conf_dir"]) if "conf_dir" in before else None)
        self.switch = install_switch.find(self.tree, freeswitch, conf_dir, wanted.user or before.get("user"))
        self._release = release_of(self.tree, wanted.prefix)
        self._handlers = install_ports.handlers(self.tree, self.switch)
        self.choices = self._choices(before)
        self._pbx = self.switch
        if self.choices.own_switch:
            self.switch = install_own_switch.beside(self.tree, self._pbx, before)
        missing = install_needs.look(
            self.tree,
            self._pbx,
            _python_of(self.tree, self._release),
            database_elsewhere=not install_database.is_local(self.choices.database_url),
        )
        if missing:
            raise InstallRefused(_all_that_is_missing(missing))

    def found(self) -> str:
        """A sentence on what was found."""
        pbx = self._pbx
        runs = "runs" if pbx.running else "does not run" if self.tree.is_this_machine else "is in this tree"
        told = f"FreeSWITCH {pbx.program} {runs}, as {pbx.owner.user}; its configuration is in {pbx.conf_dir}. "
        for module, sections in self._handlers.items():
            told += (
                f"{module} answers for its {' and '.join(sorted(sections))} before it reads files, as with FusionPBX: "
                "profiles and contexts in files would never be seen. "
            )
        if self.choices.own_switch:
            told += f"So faxes get a FreeSWITCH of their own beside it, with configuration in {self.switch.conf_dir}. "
        return f"{told}Faxes get SIP port {self.choices.sip_port}."

    def nothing_to_do(self) -> bool:
        """Whether all is in place, and runs where it can."""
        done = self.manifest.complete or not self.tree.is_this_machine
        laid = bool(self.manifest.files) and not self.steps() and not self.edits() and self._applying.is_swept()
        return done and laid and not self._idle()

    def steps(self) -> list[Step]:
        """What is to be laid, in order."""
        return [*self._accounts(), *self._compared.steps]

    def edits(self) -> list[Step]:
        """Files of others that are to be changed."""
        return list(self._compared.edits)

    def notes(self) -> list[str]:
        """What stays as it is."""
        return list(self._compared.notes)

    def install(self, *, with_edits: bool, start: bool, say: Callable[[str], None]) -> Done:
        """Does it. Where it ends halfway the next one goes on from there."""
        steps, edits = self.steps(), self.edits()
        done: list[str] = []

        def tell(what: str) -> None:
            done.append(what)
            say(what)

        with machine_turn(self.tree.at(self._wanted.prefix), "faxplan install"):
            known = None if self._is_first else self.manifest
            install_manifest.refuse_changed(self.tree, self._manifest_path, known)
            fresh = not self.manifest.complete
            self._applying.sweep()
            self.manifest.choices = self._remembered()
            for step in (*steps, *(edits if with_edits else [])):
                step.do()
                tell(step.what)
            notes = [*self._compared.notes]
            if not with_edits:
                notes += [f"add by hand, to {each.path}:\n{each.diff or each.what}" for each in edits]
            notes += self._database(tell, logins_changed=with_edits and bool(edits))
            wrong = self._start(tell, notes, changed=fresh or bool(steps or edits), fresh=fresh) if start else []
            notes += [] if fresh else self._restarts(steps)
            # What is to run is left to the machine itself: the next one, there, sees to it.
            self.manifest.complete = not wrong and start and self.tree.is_this_machine
            self._applying.save()
        return Done(tuple(done), tuple(notes), tuple(wrong))

    @cached_property
    def _plan(self) -> Plan:
        plan = install_plan.make(self.tree, self.switch, self.choices, shipped.folder())
        logins = install_database.login_lines(self.tree, self.choices.database_url, self.switch.owner.user)
        folders, files = plan.folders, plan.files
        if self.choices.own_switch:
            conf = shipped.folder() / "conf"
            folders = (*folders, *install_own_switch.folders(self.switch))
            unit = install_plan.adapted(install_own_switch.unit(self.switch, conf), self.switch, self.choices)
            unit_file = OurFile(install_plan.SYSTEMD / install_own_switch.UNIT, unit, 0o644, Owner())
            files = (*files, *install_own_switch.files(self.switch, conf), unit_file)
        return Plan(folders, files, plan.links, (*plan.lines, *logins))

    @cached_property
    def _applying(self) -> Applying:
        return Applying(self.tree, self._plan, self.manifest, self._manifest_path)

    @cached_property
    def _compared(self) -> Comparison:
        return self._applying.compared()

    def _choices(self, before: dict[str, str]) -> Choices:
        wanted = self._wanted
        if wanted.sip_port is not None:
            ports = wanted.sip_port, wanted.sip_port + 1
            if taken := set(ports) & install_ports.of_profiles(self.tree, self.switch):
                raise InstallRefused(
                    f"Port {min(taken)} is another SIP profile's of this FreeSWITCH. Choose a free one."
                )
        elif "sip_port" in before:
            ports = int(before["sip_port"]), int(before["tls_port"])
        else:
            ports = install_ports.free_pair(self.tree, self.switch)
        url = wanted.database_url or before.get("database_url") or install_database.LOCAL_URL
        install_database.name_of(url)
        return Choices(
            sip_ip=wanted.sip_ip or before.get("sip_ip") or "$${local_ip_v4}",
            sip_port=ports[0],
            tls_port=ports[1],
            external_ip=wanted.external_ip or before.get("external_ip") or "$${faxplan_sip_ip}",
            database_url=url,
            release=self._release,
            prefix=wanted.prefix,
            shared=wanted.shared or before.get("shared") == "True",
            own_switch=bool(wanted.own_switch or self._handlers or before.get("own_switch") == "True"),
        )

    def _remembered(self) -> dict[str, str]:
        told = {name: str(value) for name, value in asdict(self.choices).items() if name not in ("release", "prefix")}
        told |= {"freeswitch": str(self._pbx.program), "conf_dir": str(self._pbx.conf_dir)}
        told |= install_own_switch.remembered(self.switch) if self.choices.own_switch else {}
        return {**told, "user": f"{self._pbx.owner.user}:{self._pbx.owner.group}"}

    def _accounts(self) -> list[Step]:
        wanted = {ADMINISTRATION: "which the portal's administration runs as"}
        if self.choices.own_switch:
            wanted[install_own_switch.ACCOUNT] = "which Faxplan's own FreeSWITCH, worker and portal run as"
        return [
            Step(f"make the account {name}, {why}", lambda name=name: self._add_account(name))  # type: ignore[misc]
            for name, why in wanted.items()
            if not self.tree.has_account(name)
        ]

    def _add_account(self, name: str) -> None:
        self.manifest.accounts.append(name)
        if self.tree.at(self._manifest_path.parent).is_dir():
            self._applying.save()
        install_live.add_account(self.tree, name)

    def _database(self, tell: Callable[[str], None], *, logins_changed: bool) -> list[str]:
        """Makes it where it is here; what is left to an administrator."""
        url = self.choices.database_url
        name = install_database.name_of(url)
        if not install_database.is_local(url):
            command = f"faxplan database create --database {name} --superuser-url postgresql://postgres@THERE/postgres"
            return [f"the database is elsewhere: `{command}` makes it there, and says who must be let in"]
        if not self.tree.is_this_machine:
            return ["on the machine itself run `faxplan install` again: it makes the database, starts what is to run"]
        if logins_changed:
            install_database.reload_logins()
        if install_database.create(self.choices.prefix / "current" / "bin" / "faxplan", name):
            tell(f"database {name} is made, with its roles and tables")
        return []

    def _start(self, tell: Callable[[str], None], notes: list[str], *, changed: bool, fresh: bool) -> list[str]:
        if not self.tree.is_this_machine:
            return []
        own, user, wrong = self.choices.own_switch, self.switch.owner.user, []
        if install_live.systemd_runs(self.tree):
            units = [*install_plan.UNITS, *([install_own_switch.UNIT] if own else [])]
            install_live.systemctl("daemon-reload")
            self.manifest.units = units
            if failed := install_live.systemctl("enable", "--now", *units):
                wrong.append(f"systemctl enable --now {' '.join(units)}: {failed}")
            else:
                tell(f"systemd runs {', '.join(units)}")
            if not own:
                notes.append(
                    "what freeswitch.service.d/faxplan.conf says takes force when FreeSWITCH is next restarted"
                )
        else:
            notes.append(f"no systemd runs here: start the worker yourself, `runuser -u {user} -- faxplan worker`")
            if own:
                command = " ".join(install_own_switch.command(self.switch))
                notes.append(f"and Faxplan's own FreeSWITCH: `runuser -u {user} -- {command}`")
        if own:
            return wrong
        if not self.switch.running:
            notes.append(
                "FreeSWITCH does not run, or does not answer at its event socket: it takes this up as it starts, "
                "or by fs_cli: reloadxml, reloadacl, load mod_python3, sofia profile faxplan start"
            )
            return wrong
        try:
            return [*wrong, *install_live.take_up(self.switch, changed=changed, fresh=fresh, say=tell)]
        except SwitchUnavailable as error:
            return [*wrong, f"FreeSWITCH was not told: {error} Run this again, or restart it."]

    def _restarts(self, steps: list[Step]) -> list[str]:
        """What was changed, and a running SIP profile takes up only when it starts anew."""
        conf = self.switch.conf_dir
        read_at_start = {conf / "sip_profiles" / "faxplan.xml", conf / "faxplan" / "vars.xml"}
        if not any(step.path in read_at_start for step in steps):
            return []
        restart = "sofia profile faxplan restart"
        return [
            f"the SIP profile takes up what was changed when it starts anew; in fs_cli, while no fax calls: {restart}"
        ]

    def _idle(self) -> bool:
        """Whether FreeSWITCH runs without our profile."""
        if not self.switch.running:
            return False
        try:
            with self.switch.connect() as connection:
                return not install_live.runs_profile(connection)
        except SwitchUnavailable:
            return False


def is_installed(root: Path, prefix: Path) -> bool:
    """Whether an installation was ever begun there. Raises InstallRefused."""
    return install_manifest.load(Tree(root), install_plan.manifest_path(prefix)) is not None


def release_of(tree: Tree, prefix: Path) -> Path:
    """The environment that this program runs in, as the tree has it; else the one that must come there. Raises
    InstallRefused where FreeSWITCH's account could not read it."""
    own = Path(sys.prefix).resolve()
    if tree.is_this_machine:
        if not own.is_relative_to(prefix / "releases"):
            raise InstallRefused(
                f"This program lies in {own}, and what FreeSWITCH calls must lie in {prefix}/releases. "
                + _other_way(prefix, prefix / "releases" / version("faxplan") / "bin" / "faxplan")
            )
        _refuse_another_in_force(own, prefix)
        _refuse_unreadable(own, prefix)
        return own
    if own.is_relative_to(tree.root):
        return Path("/") / own.relative_to(tree.root)
    return prefix / "releases" / version("faxplan")


def _other_way(prefix: Path, program: Path) -> str:
    """What leads to an installation by a release, from a checkout or an environment of somebody's own."""
    if program.is_file():
        return f"There is such a release: run {program} install"
    script, wheel = shipped.folder() / "install" / "release.sh", f"faxplan-{version('faxplan')}-py3-none-any.whl"
    if not (shipped.folder() / "Makefile").is_file():
        made = f"`sh {script} {wheel}"
    else:
        made = f"`make dist` writes the wheel into dist/. `sh {script} dist/{wheel}"
    where = "" if prefix == PREFIX else f" --prefix {prefix}"
    return (
        f"{made}{where}` makes a release of it there; then run {program} install. Debian's package of Faxplan does the "
        "same: apt-get install ./faxplan_*.deb, then faxplan install."
    )


def _refuse_another_in_force(own: Path, prefix: Path) -> None:
    """What is laid is of one release, and what runs of the one that `current` leads to."""
    in_force = (prefix / "current").resolve()
    if in_force == own or not in_force.is_dir():
        return
    if install_manifest.load(Tree(Path("/")), install_plan.manifest_path(prefix)) is not None:
        remedy = f"To put this one in force: {prefix}/current/bin/faxplan upgrade {own.name}"
    else:
        remedy = f"Where that one is not at work yet: ln -sfn releases/{own.name} {prefix}/current, and run this again."
    raise InstallRefused(f"{prefix}/current leads to release {in_force.name}, and this is {own.name}. {remedy}")


def _refuse_unreadable(release: Path, prefix: Path) -> None:
    """As where root's umask was 077 when it was made. One module of ours stands for all: pip makes them alike."""
    for folder in (prefix, prefix / "releases"):
        if folder.stat().st_mode & 0o005 != 0o005:
            raise InstallRefused(f"FreeSWITCH's account cannot look into {folder}: chmod a+rx {folder}")
    for path in (release, *release.glob("lib/python3.*/site-packages/faxplan/__init__.py")):
        for each in (path, *(above for above in path.parents if above.is_relative_to(release))):
            wanted = 0o005 if each.is_dir() else 0o004
            if each.stat().st_mode & wanted != wanted:
                raise InstallRefused(
                    f"FreeSWITCH's account cannot read {each}: umask 077 or the like was in force when the release was "
                    f"made. chmod -R a+rX,go-w {release}"
                )


def _python_of(tree: Tree, release: Path) -> tuple[int, int]:
    for found in tree.glob(release / "lib", "python3.*"):
        if minor := re.fullmatch(r"python3\.(\d+)", found.name):
            return 3, int(minor[1])
    return sys.version_info[:2]


def _all_that_is_missing(missing: list[install_needs.Missing]) -> str:
    lines = "\n".join(f"  - {each}" for each in missing)
    packages = sorted({each.package for each in missing if each.package})
    together = f"\nAll packages at once: apt-get install {' '.join(packages)}" if packages else ""
    return f"This is missing, and nothing was changed:\n{lines}{together}"
