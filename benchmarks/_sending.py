"""The two senders of one letter: a bare FreeSWITCH and Faxplan's, with faxes that were rendered before."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from _calls import Letter, Meter, bare_txfax
from _comparison import Side
from _live import (
    RECEIVER_NUMBER,
    Place,
    Prepared,
    Switches,
    a_place,
    letter_pdf,
    prepare_faxes,
    release,
    rendered,
    three_switches,
)


@dataclass(frozen=True)
class Senders:
    place: Place
    prepared: Prepared
    switches: Switches
    bare: Side
    faxplan: Side


@contextmanager
def senders(faxes: int, *, times: bool = False, traced: bool = False) -> Iterator[Senders]:
    """With so many faxes for Faxplan to send. times: see three_switches. traced: the T.30 of each call is written, and
    kept of those that fail."""
    with a_place() as place:
        with place.world.admin.across_tenants() as tx:
            tx.execute("update trunks set t30_trace = %s", ("failed" if traced else "off",))
        prepared = prepare_faxes(place, letter_pdf(place.base), faxes)
        waiting, office = iter(prepared.faxes), place.world.acme
        letter = Letter(rendered(place, prepared.faxes[0]), office.did, office.tenant.header_name)
        with three_switches(place, times=times) as switches, switches.bare.connect() as connection:
            bare = Side(
                Meter(switches.bare, switches.bare, place.cluster),
                bare_txfax(connection, f"carrier/{RECEIVER_NUMBER}", letter),
            )
            faxplan = Side(
                Meter(switches.faxplan, switches.faxplan, place.cluster, place.settled),
                lambda _number: release(place.world, next(waiting)),
            )
            yield Senders(place, prepared, switches, bare, faxplan)
