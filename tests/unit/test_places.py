"""Places are given in the order of asking, and none is lost."""

import threading

import pytest

from faxplan.places import Places


def test_no_more_than_there_are_are_given_at_once() -> None:
    places = Places(2)
    with places.one(0), places.one(0), pytest.raises(TimeoutError, match="no place was free"), places.one(0.01):
        pytest.fail("a third place")
    with places.one(0), places.one(0):
        pass


def test_a_place_comes_back_from_who_failed() -> None:
    places = Places(1)
    with pytest.raises(ZeroDivisionError), places.one(0):
        raise ZeroDivisionError
    with places.one(0):
        pass


def test_who_gives_one_back_and_asks_again_stands_behind_who_waits() -> None:
    places, order, waiting = Places(1), [], []

    def wait(name: str) -> None:
        with places.one(60):
            order.append(name)

    with places.one(0):
        for name in ("first", "second"):
            waiting.append(threading.Thread(target=wait, args=(name,)))
            waiting[-1].start()
            while len(places._waiting) < len(waiting):
                threading.Event().wait(0.001)
    with places.one(60):
        order.append("again")
    for each in waiting:
        each.join()
    assert order == ["first", "second", "again"]


def test_who_gave_up_gets_none() -> None:
    places = Places(1)
    with places.one(0), pytest.raises(TimeoutError), places.one(0.001):
        pytest.fail("a second place")
    assert not places._waiting
    with places.one(0):
        pass
