"""`make run`: all of Faxplan below one folder, with two demonstration tenants and a first fax. Stays up until Ctrl-C.

Starts PostgreSQL, the worker and a switch, watches them, and ends them in the opposite order.
"""

import argparse
import contextlib
import signal
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType

from faxplan import config, demo, files, home, namespace, nodes, numbers, processes, run_fax, run_switch, trunks
from faxplan.config import to_toml
from faxplan.confinement import LIMITS
from faxplan.db import Database
from faxplan.document_store import Store
from faxplan.errors import FaxplanError, SwitchUnavailable
from faxplan.free_ports import free_sip_port, free_tcp_port, free_tcp_port_like
from faxplan.home import PROJECT, Home
from faxplan.installation import create_installation
from faxplan.postgres import Cluster
from faxplan.processes import Child, ChildFailed, PidFile, Service
from faxplan.run_postgres import EmbeddedPostgres
from faxplan.run_switch import Bench, OwnFreeSwitch

DATABASE = "faxplan"
MOST_RESTARTS = 3
RESTART_SECONDS = 120.0
RUNTIME_SECONDS = 60.0
PORTAL_SECONDS = 60.0
PORTAL_PORT = 8080
PORTAL_DOMAIN = "localhost"
LOOK_SECONDS = 0.5


class Run:
    """One run. Its services are in the order of their start."""

    def __init__(self, where: Home, *, switch: str | None, speed: float, portal_port: int) -> None:
        self._home = where
        self._wanted = switch
        self._speed = speed
        self._pids = PidFile(where.pid_file)
        self._services: list[Service] = []
        self._restarts: list[float] = []
        self._databases: list[Database] = []
        self._portal_port = free_tcp_port_like(portal_port)
        self._mail_port = free_tcp_port()

    def start(self) -> demo.Demo:
        """Everything but the fax: when it returns, the node's runtime is at work."""
        leftovers = self._pids.alive()
        if leftovers:
            print(f"Ending what an earlier run left behind: {', '.join(each.name for each in leftovers)}.")
            processes.end(leftovers)
        choice = run_switch.choose(self._wanted)
        server = EmbeddedPostgres(self._home.postgres)
        self._start(server, "embedded, data in " + self._home.shown(self._home.postgres))
        create_installation(server.cluster.superuser_url(), DATABASE)
        self.admin = self._database(server.cluster, "faxplan_admin")
        self.portal = self._database(server.cluster, "faxplan_portal")
        sip_port = free_sip_port()
        demonstration = demo.ensure(self.admin, carrier_port=sip_port)
        for party in (demonstration.sender, demonstration.receiver):
            demo.enrol(self.portal, party, self._home.passwords)
        switch = self._switch(choice, sip_port)
        self._write_settings(server.cluster, {**switch.settings(), **_sandbox()})
        self._prepare_folders()
        # Before the worker, which mails.
        mail = self._child("the mail server", "faxplan.run_mail", str(self._mail_port), str(self._home.mail))
        self._start(mail, f"keeps all mail in {self._home.shown(self._home.mail)}, and sends none on")
        worker = self._child("the worker", "faxplan.cli", "worker")
        self._start(worker, "renders documents, log in " + self._home.shown(worker.log))
        before = self._switch_uuid()
        self._start(switch, choice.why)
        self._await_runtime(before)
        portal = self._child("the portal", "portal", "--everything")
        self._start(portal, f"port {self._portal_port} of this machine, log in {self._home.shown(portal.log)}")
        self._await_portal(portal)
        return demonstration

    def _switch(self, choice: run_switch.Choice, sip_port: int) -> Bench | OwnFreeSwitch:
        with self.admin.across_tenants() as tx:
            gateways = trunks.gateways(tx)
        if choice.found is None:
            return Bench(self._home, self._speed, gateways)
        return OwnFreeSwitch(self._home, choice.found, sip_port, gateways)

    def _prepare_folders(self) -> None:
        settings = config.load(self._home.settings_file)
        for folder in (
            settings.state_dir, settings.spool, settings.work, settings.journal, settings.pending, settings.store,
        ):  # fmt: skip
            files.private_folder(folder)
        # All below the home is ours, and on one disk with it.
        Store.of(settings).accept()

    def _child(self, name: str, module: str, *arguments: str) -> Child:
        """One of our processes, with our settings; its log is called as it is."""
        return Child(
            name,
            [sys.executable, "-m", module, *arguments],
            log=self._home.logs / f"{name.removeprefix('the ').partition(' ')[0]}.log",
            cwd=PROJECT,
            environment={"FAXPLAN_CONFIG": str(self._home.settings_file)},
        )

    def portal_at(self, slug: str) -> str:
        """The portal's address of a tenant. Browsers open *.localhost on this machine, and take it for safe."""
        return f"http://{slug}.{PORTAL_DOMAIN}:{self._portal_port}"

    def watch(self) -> None:
        """Starts again what has ended by itself. Raises ChildFailed when that happens too often."""
        for service in self._services:
            if service.alive():
                continue
            print(f"\n{service.obituary()}", file=sys.stderr)
            now = time.monotonic()
            self._restarts = [at for at in self._restarts if now - at < RESTART_SECONDS]
            if len(self._restarts) >= MOST_RESTARTS:
                raise ChildFailed(f"{service.name} keeps ending; mend what its log says, and start again.")
            self._restarts.append(now)
            print(f"Starting {service.name} again.", file=sys.stderr)
            service.start()
            self._note()

    def stop(self) -> None:
        """Ends everything that was started, the last first. Goes on where one thing fails."""
        for database in self._databases:
            database.close()
        for service in reversed(self._services):
            try:
                service.stop()
            except FaxplanError as error:
                _say(f"{service.name} did not end in order: {error}")
        self._services.clear()
        self._note()

    def _start(self, service: Service, about: str) -> None:
        first, *more = about.splitlines()
        print(f"  {service.name.removeprefix('the '):<12}{first}")
        for line in more:
            print(f"  {'':<12}{line}")
        # Noted before it is up: an interrupted start has to be undone, too.
        self._services.append(service)
        service.start()
        self._note()

    def _note(self) -> None:
        running = (service.identity() for service in reversed(self._services))
        self._pids.write(each for each in running if each is not None)

    def _database(self, cluster: Cluster, role: str) -> Database:
        database = Database(cluster.url(DATABASE, role))
        self._databases.append(database)
        return database

    def _write_settings(self, cluster: Cluster, of_switch: dict[str, str | float | Path]) -> None:
        # Without a user: each process logs in as its own role.
        url = cluster.url(DATABASE, "").replace("//@", "//", 1)
        ours: dict[str, str | float | Path] = {
            "database_url": url,
            "state_dir": self._home.state,
            "node": demo.NODE,
            "portal_listen": f"127.0.0.1:{self._portal_port}",
            "portal_domain": PORTAL_DOMAIN,
            "smtp_host": "127.0.0.1",
            "smtp_port": self._mail_port,
            "smtp_from": "fax@fax.example",
        }
        text = to_toml({**ours, **of_switch})
        file = self._home.settings_file
        file.touch(mode=0o600)
        file.chmod(0o600)
        file.write_text(f"# Written by `make run` at each start.\n{text}")

    def _await_portal(self, portal: Child) -> None:
        deadline = time.monotonic() + PORTAL_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._portal_port), 1).close()
                return
            except OSError:
                if not portal.alive() or time.monotonic() > deadline:
                    raise ChildFailed(portal.obituary()) from None
                time.sleep(0.1)

    def _switch_uuid(self) -> str | None:
        with self.admin.across_tenants() as tx:
            found = [row["switch_uuid"] for row in nodes.everyone(tx) if row["name"] == demo.NODE]
        return found[0] if found else None

    def _await_runtime(self, before: str | None) -> None:
        deadline = time.monotonic() + RUNTIME_SECONDS
        while self._switch_uuid() in (None, before):
            if not self._services[-1].alive():
                raise ChildFailed(self._services[-1].obituary())
            if time.monotonic() > deadline:
                raise SwitchUnavailable(
                    f"The switch runs, but its runtime (fax_queue) gave no sign for {RUNTIME_SECONDS:.0f} s. "
                    f"{self._services[-1].obituary()}"
                )
            time.sleep(0.1)


def main(arguments: Sequence[str] | None = None) -> int:
    """0: ended by Ctrl-C or SIGTERM. 1: something failed, and was said."""
    options = _parsed(arguments)
    where = Home(options.home) if options.home else home.default()
    # A pipe gets each line when it is written, too.
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    try:
        where.prepare()
        with where.locked():
            return _run(where, options)
    except FaxplanError as error:
        _say(str(error))
        return 1


def _run(where: Home, options: argparse.Namespace) -> int:
    run = Run(where, switch=options.switch, speed=options.speed, portal_port=options.portal_port)
    with _interruptible():
        try:
            print(f"Faxplan starts in {where.shown(where.root)}. Ctrl-C ends it.\n")
            demonstration = run.start()
            if not options.no_fax:
                store = Store.of(config.load(where.settings_file))
                run_fax.send(run.portal, store, demonstration, where, look=run.watch)
            if options.once:
                return 0
            _print_what_next(where, demonstration, run)
            while True:
                run.watch()
                time.sleep(LOOK_SECONDS)
        except KeyboardInterrupt:
            _say("\nEnding what was started.")
            return 0
        except FaxplanError as error:
            _say(f"\n{error}")
            return 1
        finally:
            # From here on a second Ctrl-C must not leave half of it running.
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_IGN)
            run.stop()
            _say("Faxplan has ended; its data stay in " + where.shown(where.root))


def _print_what_next(where: Home, demonstration: demo.Demo, run: Run) -> None:
    sender, receiver = demonstration.sender, demonstration.receiver
    command = where.shown(PROJECT / ".venv" / "bin" / "faxplan")
    print(
        f"""
Faxplan is running. In a browser on this machine:

{_log_ins(where, demonstration, run)}

Mails that it sends lie in {where.shown(where.mail)}, a folder for each recipient, and go nowhere else.

From another terminal, with a document of yours:

  {command} send FILE "{numbers.readable(receiver.did, sender.tenant.country)}" --as {sender.user.email} --wait
  {command} list --inbox --as {receiver.user.email}
  {command} open FAX --as {receiver.user.email} --password-file {where.shown(where.passwords / receiver.user.email)}
  {command} status
  {command} doctor

Ctrl-C here ends everything."""
    )


def _log_ins(where: Home, demonstration: demo.Demo, run: Run) -> str:
    lines = []
    for party in (demonstration.receiver, demonstration.sender):
        file = where.passwords / party.user.email
        lines.append(f"  {run.portal_at(party.tenant.slug)}  {party.user.email}, password in {where.shown(file)}")
        if party.user.operator:
            lines.append("      who is an operator too: the pages of the installation are hers as well")
    return "\n".join(lines)


_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM and a closed terminal end the run as Ctrl-C does."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _sandbox() -> dict[str, str]:
    """The setting for a machine where no namespace can be made, a container say; said, since it is less."""
    found = namespace.trouble()
    if found is None:
        return {}
    print(f"  {'sandbox':<12}limits of resources alone, for this demonstration: {found.cause}.")
    return {"sandbox": LIMITS}


def _say(text: str) -> None:
    """A last word, also where the terminal is gone already."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m faxplan.run", description="Start Faxplan in one folder, and send a first fax."
    )
    parser.add_argument("--home", type=Path, help="the folder (default: FAXPLAN_HOME, else var in the checkout)")
    parser.add_argument(
        "--switch", choices=(run_switch.BENCH, run_switch.FREESWITCH), help="take this switch, not what is found"
    )
    parser.add_argument(
        "--speed", type=float, default=4.0, help="seconds on the bench's line per second on the wall (default: 4)"
    )
    parser.add_argument(
        "--portal-port", type=int, default=PORTAL_PORT, metavar="PORT",
        help="where the portal listens, if that is free; 0: anywhere (default: 8080)",
    )  # fmt: skip
    parser.add_argument("--no-fax", action="store_true", help="send no demonstration fax")
    parser.add_argument("--once", action="store_true", help="end after the demonstration fax")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
