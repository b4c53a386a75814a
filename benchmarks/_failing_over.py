"""From a failure on trunk one to the INVITE of trunk two, on a live FreeSWITCH, of one fax after the other."""

import time
from dataclasses import dataclass

from _live import release

from faxplan.db import Row
from faxplan.event_socket import EventSocket
from faxplan.freeswitch_instance import Instance
from tests.routing import add_route, add_trunk
from tests.world import World

NUMBER = "493098765503"
"""Of tests/live's carrier: refused with 503 where it is dialled with +, as trunk one does; received without."""
PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Gap:
    """Faxes of one case: seconds of those that were dialled through trunk two, and how many were sent."""

    case: str
    seconds: list[float]
    sent: int


def add_second_trunk(world: World) -> None:
    """For every number, after the one that the world has."""
    add_route(world, "+", add_trunk(world, "second", called_format="e164-no-plus"), position=200)


def gap(world: World, ours: Instance, case: str, faxes: list[int], limits: tuple[str, str] | None = None) -> Gap:
    """Lets one go after the other. limits: API commands before each of them, and once its first call is refused."""
    seconds, sent = [], 0
    with ours.connect() as connection:
        connection.subscribe("BACKGROUND_JOB")
        for fax in faxes:
            with world.admin.across_tenants() as tx:
                tx.execute("delete from trunk_states")  # it would rest, and the next fax begin with trunk two
            if limits:
                ours.api(limits[0])
                time.sleep(1.1)  # it counts from the switch's next second
            release(world, fax)
            failed = _first_failure(connection)
            if limits:
                ours.api(limits[1])
            rows = _calls(world, fax)
            if [row["trunk"] for row in rows[1:]] == ["second"] and rows[1]["invited_at"]:
                # A call with a channel has ended before its job did.
                ended = rows[0]["ended_at"].timestamp() if rows[0]["channel"] else failed
                seconds.append(rows[1]["invited_at"].timestamp() - ended)
            sent += rows[-1]["outcome"] == "sent"
    return Gap(case, seconds, sent)


def _first_failure(connection: EventSocket) -> float:
    """When FreeSWITCH told that an originate had come to nothing; epoch seconds."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        event = connection.next_event(1.0)
        if event is not None and event.headers.get("Job-Command") == "originate" and event.body.startswith("-ERR"):
            return int(event.headers["Event-Date-Timestamp"]) / 1_000_000
    raise SystemExit(f"live_settling: no call failed within {PATIENCE_SECONDS:.0f} s.")


def _calls(world: World, fax: int) -> list[Row]:
    """Its attempts, once the second one has ended, or it is clear that none comes."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        with world.portal.tenant(world.acme.tenant.id) as tx:
            rows = tx.rows(
                """select trunk, channel, outcome, invited_at, ended_at from attempts where fax_id = %s
                   order by number""",
                (fax,),
            )
        if (len(rows) > 1 and all(row["outcome"] for row in rows)) or time.monotonic() > deadline:
            return rows
        time.sleep(0.1)
