import threading
from collections.abc import Iterator

import pytest

from faxplan.lookups import Caller, Lookups, TooManyLookups


class Database:
    """It hangs until it is let go on."""

    def __init__(self) -> None:
        self.goes_on = threading.Event()
        self.begun = threading.Event()
        self.asked = 0

    def look_up(self, _: Caller) -> str:
        self.asked += 1
        self.begun.set()
        assert self.goes_on.wait(60)
        return "found"


@pytest.fixture
def hung() -> Iterator[tuple[Lookups, Database]]:
    lookups, database = Lookups(threads=1, waiting=2), Database()
    caller = threading.Thread(target=lookups.run, args=(database.look_up, 60))
    caller.start()
    assert database.begun.wait(60)
    yield lookups, database
    database.goes_on.set()
    caller.join()
    lookups.close()


def test_what_is_found_and_what_is_raised_reaches_the_caller() -> None:
    lookups = Lookups(threads=1)
    assert lookups.run(lambda _: "found", 60) == "found"
    with pytest.raises(KeyError):
        lookups.run(lambda _: {}["missing"], 60)
    lookups.close()


def test_a_look_up_whose_caller_gave_up_before_it_began_never_begins(hung: tuple[Lookups, Database]) -> None:
    lookups, database = hung
    with pytest.raises(TimeoutError):
        lookups.run(database.look_up, 0.01)
    database.goes_on.set()
    assert lookups.run(lambda _: "later", 60) == "later"
    assert database.asked == 1


def test_one_more_than_may_wait_is_refused_at_once_until_a_thread_is_free(hung: tuple[Lookups, Database]) -> None:
    lookups, database = hung
    for _ in range(2):
        with pytest.raises(TimeoutError):
            lookups.run(database.look_up, 0.01)
    with pytest.raises(TooManyLookups):
        lookups.run(database.look_up, 60)
    database.goes_on.set()
    # The hung one ends in its own time, and those that waited behind it free their places after it.
    while True:
        try:
            assert lookups.run(lambda _: "later", 60) == "later"
            break
        except TooManyLookups:
            continue


def test_what_is_found_too_late_is_nobodys() -> None:
    lookups, given_up, taken = Lookups(threads=1), threading.Event(), []

    def look_up(caller: Caller) -> str:
        assert given_up.wait(60)
        taken.append(caller.take())
        return "found"

    with pytest.raises(TimeoutError):
        lookups.run(look_up, 0.01)
    given_up.set()
    lookups.close()
    assert taken == [False]


def test_what_is_taken_as_the_caller_gives_up_is_his() -> None:
    """The look-up is done but for its return when his time is over."""
    lookups, taken = Lookups(threads=1), threading.Event()

    def look_up(caller: Caller) -> str:
        assert caller.take()
        # Until he has waited in vain, and asks whether it is his.
        caller.give_up = lambda: bool(taken.set())  # type: ignore[method-assign]
        assert taken.wait(60)
        return "found"

    assert lookups.run(look_up, 0.01) == "found"
    lookups.close()
