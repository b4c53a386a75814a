"""Faxes of one page from one tenant to the other, all at once: out through a carrier that only routes, and in again."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from faxplan import documents, outbound
from faxplan.free_ports import free_sip_port
from faxplan.freeswitch_found import FreeSwitchFound
from faxplan.freeswitch_instance import Instance, InstanceOptions
from faxplan.gateways import Gateway
from faxplan.outbound import SendRequest
from tests.bench.random_kills import sheets
from tests.live.carrier import DIALPLAN
from tests.live.running import faxplan_at
from tests.received_pages import rendered
from tests.world import World


def faxplan_environment(calls: int) -> dict[str, str]:
    """Settings with room for so many calls out, and as many in."""
    return {"FAXPLAN_MAX_CHANNELS": str(2 * calls + 10), "FAXPLAN_CALLS_TO_ONE_NUMBER": str(calls)}


def room_for(calls: int, rate: float) -> dict[str, Any]:
    """InstanceOptions."""
    return {"max_sessions": 2 * calls + 50, "sessions_per_second": int(4 * rate), "log_level": "warning"}


@contextmanager
def with_room_for(
    calls: int, rate: float, world: World, found: FreeSwitchFound, base: Path, *others: Gateway
) -> Iterator[tuple[Instance, Instance]]:
    """Faxplan's FreeSWITCH and the carrier, for so many calls at once, so many of them begun a second. Each is two
    channels of either switch. others: gateways that the carrier has besides.
    """
    world.settings = replace(world.settings, calls_per_second=rate)
    port = free_sip_port()
    room = room_for(calls, rate)
    options = InstanceOptions(
        base=base / "carrier",
        script_dir=base,
        python=Path(sys.executable),
        name="carrier",
        startup_scripts=(),
        dialplan=DIALPLAN,
        gateways=(Gateway("faxplan", "127.0.0.1", port), *others),
        **room,
    )
    carrier = Instance(found, options)
    carrier.start()
    try:
        way = Gateway("carrier", "127.0.0.1", carrier.sip_port)
        environment = faxplan_environment(calls)
        with faxplan_at(world, port, base / "faxplan", way, environment=environment, **room) as faxplan:
            yield faxplan, carrier
    finally:
        carrier.stop()


def prepare(world: World, folder: Path, calls: int) -> list[int]:
    """The ids of so many faxes, no two alike, rendered, that wait for `release`."""
    ids = []
    for number in range(calls):
        letter = folder / "letter.txt"
        letter.write_text(f"Fax {number} of {calls}.\n")
        request = SendRequest(world.borea.did, letter, letter.name)
        ids.append(outbound.submit(world.portal, world.store, world.acme.user, request).fax_id)
    world.render_all()
    with world.switch.across_tenants() as tx:
        tx.execute("update fax_queue set not_before = now() + interval '1 year'")
    return ids


def release(world: World) -> None:
    """All at once; what is dialled again later does not wait."""
    with world.switch.across_tenants() as tx:
        tx.execute("update fax_queue set not_before = now()")
        tx.notify("faxplan_queue")


def unfinished(world: World) -> int:
    """Faxes out that are not final, and faxes in that are not delivered."""
    left = 0
    for office in (world.acme, world.borea):
        with world.portal.tenant(office.tenant.id) as tx:
            left += int(tx.value("select count(*) from faxes where finished_at is null"))
    return left


def sent_pages(world: World, ids: list[int], folder: Path) -> list[bytes]:
    """A digest of the one page of each fax, in order."""
    digests = []
    for fax_id in ids:
        (digest,) = sheets(rendered(world, world.acme, fax_id, folder / "rendered.tif"))
        digests.append(digest)
    return digests


def received_pages(world: World, folder: Path) -> list[bytes]:
    """Digests of all pages in the other tenant's mailboxes, in no order."""
    borea, digests = world.borea.tenant.id, []
    with world.portal.tenant(borea) as tx:
        rows = tx.rows(
            "select tiff_id from mailbox_entries e join faxes f on f.id = e.fax_id where tiff_id is not null"
        )
        stored = [documents.get(tx, borea, row["tiff_id"]) for row in rows]
    for each in stored:
        world.copy_out(each, folder / "received.tif")
        digests += sheets(folder / "received.tif")
    return digests
