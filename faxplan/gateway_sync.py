"""Keeps a node's gateways and access list as the trunk table says, while the switch runs, and takes registrations over.

A gateway that changed has to be killed and started again: FreeSWITCH's `rescan` adds gateways and never updates them.
"""

import time
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from faxplan import audit, gateways, node_trunks, nodes, registrations, trunks
from faxplan.config import Settings
from faxplan.db import Database, Transaction
from faxplan.errors import DatabaseUnavailable, FaxplanError
from faxplan.files import write_durably
from faxplan.gateways import Gateway, GatewayChanges
from faxplan.registrations import Taken
from faxplan.switch import REGISTERED, Commanded

LOOK_SECONDS = 10.0
UNFINISHED = ".unfinished"
"""In the gateways' folder: names, one a line, that FreeSWITCH has yet to give up or to start anew."""
START_AFTER_SECONDS = 0.5
"""Between killgw and startgw: each runs in a thread of the switch, and the second must not overtake the first."""


class GatewaySync:
    """Looks at the trunk table every LOOK_SECONDS. Where an administrator keeps the files by hand it writes nothing."""

    def __init__(self, switch: Commanded, db: Database, settings: Settings) -> None:
        self._switch = switch
        self._db = db
        self._settings = settings
        self._next_look = 0.0
        self._silent: set[str] = set()
        self._registering: list[str] | None = None
        self._there: list[str] = []
        self._known: tuple[list[Gateway], list[IPv4Network | IPv6Network]] | None = None
        self._complaint = ""
        # A runtime that ended between writing a gateway and telling the switch has left it unknown there.
        self._rescan = True
        self._to_start: list[str] = []
        self._start_at = 0.0

    def work(self) -> None:
        """One step; never waits. What cannot be written is logged once and tried again. Raises DatabaseUnavailable."""
        now = time.monotonic()
        if self._to_start and now >= self._start_at:
            self._start()
        if now < self._next_look:
            return
        self._next_look = now + LOOK_SECONDS
        states = {name: self._switch.gateway(name) for name in {*(self._registering or ()), *self._there}}
        registered = [each for each in self._registering or () if states[each].registration == REGISTERED]
        with self._db.across_tenants() as tx:
            nodes.note_silent_trunks(tx, self._settings.node, [each for each in states if states[each].is_silent])
            taken = self._hold(tx, registered)
            versions, told = node_trunks.versions(tx), node_trunks.told(tx, self._settings.node)
            wanted = (trunks.gateways(tx, self._settings.node), trunks.source_networks(tx))
            self._record(tx, taken)
        self._there = [each.name for each in wanted[0]]
        if not (self._settings.gateway_dir or self._settings.acl_file):
            return
        if wanted != self._known:
            try:
                self._take_up(*wanted)
            except (FaxplanError, OSError) as error:
                self._complain(str(error))
                return
            self._known, self._complaint = wanted, ""
        # Asked of the database, and not remembered: a node that was removed and is there again is as new to it.
        if versions != told and self._settings.gateway_dir is not None:
            with self._db.across_tenants() as tx:
                node_trunks.applied(tx, self._settings.node, versions)

    def _complain(self, error: str) -> None:
        if error == self._complaint:
            return
        self._switch.log("err", f"the trunks were not taken up, and are tried again: {error}")
        if self._settings.gateway_dir is not None:
            with self._db.across_tenants() as tx:
                node_trunks.failed(tx, self._settings.node, error)
        self._complaint = error

    def leave(self) -> None:
        """The runtime is stopped on purpose: where another node can, it registers what this one has, which FreeSWITCH
        here gives up first. A node that is alone keeps all. While the database is away nothing changes.
        """
        try:
            with self._db.across_tenants() as tx:
                nodes.stopped(tx, self._settings.node)
                gives_up = registrations.others_can(tx, self._settings.node)
                left = [each for each in trunks.gateways(tx, self._settings.node) if not each.register]
            if self._settings.gateway_dir is None or not gives_up:
                return
            self._take_up_gateways(self._settings.gateway_dir, left)
        except (DatabaseUnavailable, FaxplanError, OSError) as error:
            self._switch.log("err", f"the trunks that this node registers stay registered: {error}")
            return
        if self._to_start:
            time.sleep(START_AFTER_SECONDS)
            self._start()

    def _hold(self, tx: Transaction, registered: list[str]) -> list[Taken]:
        """Takes registrations over, as from a dead node: one that was silent in two looks, since after an outage of the
        database all nodes look so until they have reported again.
        """
        node, by_hand = self._settings.node, self._settings.gateway_dir is None
        if self._registering is not None:
            registrations.note(tx, node, registered)
        elif by_hand:
            node_trunks.forget(tx, node)
        silent = registrations.silent(tx)
        taken = registrations.hold(tx, node, silent & self._silent, registered if by_hand else None)
        self._silent, self._registering = silent, registrations.wanted(tx)
        return taken

    def _record(self, tx: Transaction, taken: list[Taken]) -> None:
        for each in taken:
            moved = f", which {each.before} had ({each.why})" if each.before else ""
            self._switch.log("notice", f"this node registers from now on: {each.trunk}{moved}")
        for each in taken:
            if each.before is not None:
                audit.record(
                    tx, audit.INSTALLATION, actor=f"switch:{self._settings.node}", action="trunk.take-over",
                    object=f"trunk:{each.trunk}", before=each.before, why=each.why,
                )  # fmt: skip

    def _take_up(self, wanted: list[Gateway], networks: list[IPv4Network | IPv6Network]) -> None:
        if self._settings.gateway_dir is not None:
            self._take_up_gateways(self._settings.gateway_dir, wanted)
        if self._settings.acl_file is not None:
            text = gateways.acl_xml(networks).encode("ascii")
            if not self._settings.acl_file.exists() or self._settings.acl_file.read_bytes() != text:
                write_durably(self._settings.acl_file, text)
                self._switch.command("reloadacl")
                self._switch.log("notice", f"access list of the trunks: {len(networks)} networks")

    def _take_up_gateways(self, folder: Path, wanted: list[Gateway]) -> None:
        changes = gateways.changes(folder, wanted)
        # Noted before the first file changes, and until the last is started: afterwards nothing tells that FreeSWITCH
        # still has the old one, or none.
        restart = self._unfinished(folder) | {*changes.changed, *changes.removed}
        if restart:
            folder.mkdir(parents=True, exist_ok=True)
            write_durably(folder / UNFINISHED, "\n".join(sorted(restart)).encode("ascii"))
        self._rescan = self._rescan or bool(changes.added)
        gateways.write_gateways(folder, wanted)
        self._tell(changes, restart, {gateway.name for gateway in wanted})

    def _unfinished(self, folder: Path) -> set[str]:
        """Gateways that were changed or removed, and may be in the switch as they were before."""
        try:
            return set((folder / UNFINISHED).read_text(encoding="ascii").split())
        except FileNotFoundError:
            return set()

    def _start(self) -> None:
        for name in self._to_start:
            self._command(f"startgw {name}")
        self._to_start = []
        if self._settings.gateway_dir is not None:
            (self._settings.gateway_dir / UNFINISHED).unlink(missing_ok=True)

    def _tell(self, changes: GatewayChanges, restart: set[str], wanted: set[str]) -> None:
        for name in sorted(restart):
            self._command(f"killgw {name}")
        self._start_at = time.monotonic() + START_AFTER_SECONDS
        self._to_start = sorted(restart & wanted)
        if restart and not self._to_start:
            self._start()
        if self._rescan:
            self._command("rescan")
            self._rescan = False
        if changes:
            self._switch.log(
                "notice",
                f"gateways added: {' '.join(changes.added) or 'none'}, changed: {' '.join(changes.changed) or 'none'}, "
                f"removed: {' '.join(changes.removed) or 'none'}",
            )

    def _command(self, command: str) -> None:
        self._switch.command(f"sofia profile {self._settings.sip_profile} {command}")
