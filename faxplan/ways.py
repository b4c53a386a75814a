"""The ways out of a lane: which trunks take its faxes, and which of them takes the next call."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from faxplan import tenants, trunks
from faxplan.db import Row, Transaction
from faxplan.row_memory import RowMemory

_WAYS = """
    select l.tenant_id, l.lane,
           (select jsonb_agg(jsonb_build_array(f.trunk_id, f.stage, f.position, f.weight, f.prefix))
            from trunks_for(l.tenant_id, l.destination) f) as trunks,
           barred_prefix(l.tenant_id, l.destination) is null and exists (
               select from matching_routes(l.tenant_id, l.destination) m where m.trunk_id is not null) as served
    from unnest(%s::bigint[], %s::text[], %s::text[]) as l (tenant_id, lane, destination)"""


AGAIN = 0
"""Among the trunks of fax_queue.tried: no other had room for the call, so that they may have it again."""


@dataclass(frozen=True, slots=True)
class Route:
    """A trunk that may take a lane's faxes, as trunks_for says it."""

    trunk_id: int
    stage: int
    position: int
    weight: int
    prefix: str


@dataclass(frozen=True, slots=True)
class Way:
    """Out of a lane. served: whether any route leads out of it; its trunks may all be disabled. Else its faxes end."""

    routes: tuple[Route, ...]
    served: bool


class Ways:
    """The ways out of lanes, remembered: a lane has another name once routes were changed. For one thread to use.

    trunks, tenants: those that claims have met, remembered as well.
    """

    def __init__(self) -> None:
        self.trunks = RowMemory(trunks.some)
        self.tenants = RowMemory(tenants.some)
        self._version = ""
        self._known: dict[tuple[int, str], Way] = {}

    def learn(self, tx: Transaction, version: str, rows: Iterable[Row]) -> None:
        """Looks up what is not known yet of these lanes."""
        if version != self._version:
            self._version, self._known = version, {}
        new = [row for row in rows if (row["tenant_id"], row["lane"]) not in self._known]
        if not new:
            return
        columns = [[row[name] for row in new] for name in ("tenant_id", "lane", "destination")]
        for row in tx.rows(_WAYS, columns):
            routes = tuple(Route(*route) for route in row["trunks"] or ())
            self._known[row["tenant_id"], row["lane"]] = Way(routes, row["served"])

    def of(self, row: Row) -> Way:
        """Of a lane that was learned."""
        return self._known[row["tenant_id"], row["lane"]]


def has_room(routes: Sequence[Route], rooms: Mapping[int, int]) -> bool:
    """Whether one of them takes a call now; where there is none, nobody has to."""
    return not routes or any(rooms.get(route.trunk_id, 0) > 0 for route in routes)


def free_route(routes: Sequence[Route], rooms: Mapping[int, int], tried: Sequence[int]) -> Route | None:
    """The first that has room, by weight among those of one stage and position.

    tried (fax_queue.tried): trunks that could not take the call just before, which are passed over unless all are; with
    AGAIN among them they may have it again. Negative: those that refused it, which are passed over as long as there is
    any other.
    """
    refused = {-each for each in tried if each < 0}
    failed = set() if AGAIN in tried else {each for each in tried if each > 0}
    others = [route for route in routes if route.trunk_id not in refused]
    left = [route for route in others if route.trunk_id not in failed] or others or routes
    free = [route for route in left if rooms.get(route.trunk_id, 0) > 0]
    if not free:
        return None
    equal = [route for route in free if (route.stage, route.position) == (free[0].stage, free[0].position)]
    if len(equal) == 1:
        return equal[0]
    # Not a secret: which trunk a call takes.
    return random.choices(equal, [route.weight for route in equal])[0]  # noqa: S311
