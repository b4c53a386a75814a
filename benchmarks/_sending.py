"""The two senders of one letter: a bare FreeSWITCH and Faxplan's, with faxes that were rendered before."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from _calls import Letter, Load, Meter, bare_txfax
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
class Letters:
    """Faxes that wait, each to be released once; and what a bare txfax sends."""

    place: Place
    prepared: Prepared
    waiting: Iterator[int]
    letter: Letter


@dataclass(frozen=True)
class Senders:
    switches: Switches
    bare: Side
    faxplan: Side

    def warm_up(self, load: Load) -> None:
        """Both at once: what a switch loads at its first calls is no part of what a call costs."""
        with ThreadPoolExecutor(2) as both:
            list(both.map(lambda side: side.run(load), (self.bare, self.faxplan)))


@contextmanager
def letters(faxes: int, *, traced: bool = False) -> Iterator[Letters]:
    """So many for Faxplan to send. traced: the T.30 of each call is written, and kept of those that fail."""
    with a_place() as place:
        with place.world.admin.across_tenants() as tx:
            tx.execute("update trunks set t30_trace = %s", ("failed" if traced else "off",))
        prepared, office = prepare_faxes(place, letter_pdf(place.base), faxes), place.world.acme
        letter = Letter(rendered(place, prepared.faxes[0]), office.did, office.tenant.header_name)
        yield Letters(place, prepared, iter(prepared.faxes), letter)


@contextmanager
def senders(those: Letters, *, times: bool = False) -> Iterator[Senders]:
    """New processes. times: see three_switches."""
    place = those.place
    with three_switches(place, times=times) as switches, switches.bare.connect() as connection:
        bare = Side(
            Meter(switches.bare, switches.bare, place.cluster),
            bare_txfax(connection, f"carrier/{RECEIVER_NUMBER}", those.letter),
        )
        faxplan = Side(
            Meter(switches.faxplan, switches.faxplan, place.cluster, place.settled),
            lambda _number: release(place.world, next(those.waiting)),
        )
        yield Senders(switches, bare, faxplan)
