"""Keeps a node's gateways and access list as the trunk table says, while the switch runs.

A gateway that changed has to be killed and started again: FreeSWITCH's `rescan` adds gateways and never updates them.
"""

import time
from ipaddress import IPv4Network, IPv6Network

from faxplan import gateways, trunks
from faxplan.config import Settings
from faxplan.db import Database
from faxplan.errors import DatabaseUnavailable, FaxplanError
from faxplan.files import write_durably
from faxplan.gateways import Gateway, GatewayChanges
from faxplan.switch import Switch

LOOK_SECONDS = 10.0
START_AFTER_SECONDS = 0.5
"""Between killgw and startgw: each runs in a thread of the switch, and the second must not overtake the first."""


class GatewaySync:
    """Looks at the trunk table every LOOK_SECONDS. Does nothing where an administrator keeps the files by hand."""

    def __init__(self, switch: Switch, db: Database, settings: Settings) -> None:
        self._switch = switch
        self._db = db
        self._settings = settings
        self._next_look = 0.0
        self._known: tuple[list[Gateway], list[IPv4Network | IPv6Network]] | None = None
        self._to_start: list[str] = []
        self._start_at = 0.0

    def work(self) -> None:
        """One step, which never waits. A trunk that cannot be written is logged once. Raises DatabaseUnavailable."""
        now = time.monotonic()
        if self._to_start and now >= self._start_at:
            for name in self._to_start:
                self._command(f"startgw {name}")
            self._to_start = []
        if now < self._next_look or not (self._settings.gateway_dir or self._settings.acl_file):
            return
        self._next_look = now + LOOK_SECONDS
        with self._db.across_tenants() as tx:
            wanted = (trunks.gateways(tx), trunks.source_networks(tx))
        if wanted == self._known:
            return
        # Known from here on, even if it cannot be written: it would be logged every time.
        self._known = wanted
        try:
            self._take_up(*wanted)
        except DatabaseUnavailable:
            raise
        except (FaxplanError, OSError) as error:
            self._switch.log("err", f"the trunks were not taken up: {error}")

    def _take_up(self, wanted: list[Gateway], networks: list[IPv4Network | IPv6Network]) -> None:
        if self._settings.gateway_dir is not None:
            self._tell(gateways.write_gateways(self._settings.gateway_dir, wanted))
        if self._settings.acl_file is not None:
            text = gateways.acl_xml(networks).encode("ascii")
            if not self._settings.acl_file.exists() or self._settings.acl_file.read_bytes() != text:
                write_durably(self._settings.acl_file, text)
                self._switch.command("reloadacl")
                self._switch.log("notice", f"access list of the trunks: {len(networks)} networks")

    def _tell(self, changes: GatewayChanges) -> None:
        for name in (*changes.changed, *changes.removed):
            self._command(f"killgw {name}")
        if changes.changed:
            self._to_start = list(changes.changed)
            self._start_at = time.monotonic() + START_AFTER_SECONDS
        if changes.added:
            self._command("rescan")
        if changes:
            self._switch.log(
                "notice",
                f"gateways added: {' '.join(changes.added) or 'none'}, changed: {' '.join(changes.changed) or 'none'}, "
                f"removed: {' '.join(changes.removed) or 'none'}",
            )

    def _command(self, command: str) -> None:
        self._switch.command(f"sofia profile {self._settings.sip_profile} {command}")
