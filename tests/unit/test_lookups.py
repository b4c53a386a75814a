import threading
from collections.abc import Iterator

import pytest

from faxplan.lookups import Lookups, TooManyLookups


class Database:
    """It hangs until it is let go on."""

    def __init__(self) -> None:
        self.goes_on = threading.Event()
        self.begun = threading.Event()
        self.asked = 0

    def look_up(self) -> str:
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
    assert lookups.run(lambda: "found", 60) == "found"
    with pytest.raises(KeyError):
        lookups.run(lambda: {}["missing"], 60)
    lookups.close()


def test_a_look_up_whose_caller_gave_up_before_it_began_never_begins(hung: tuple[Lookups, Database]) -> None:
    lookups, database = hung
    with pytest.raises(TimeoutError):
        lookups.run(database.look_up, 0.01)
    database.goes_on.set()
    assert lookups.run(lambda: "later", 60) == "later"
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
            assert lookups.run(lambda: "later", 60) == "later"
            break
        except TooManyLookups:
            continue
