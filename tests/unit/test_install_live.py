"""What a running FreeSWITCH is told by an installation."""

from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import pytest

from faxplan import install_live
from faxplan.install_tree import InstallRefused

WAIT = "Profile faxplan must be up for at least 10 seconds to stop/restart.\nPlease wait 4 seconds\n"
"""mod_sofia.c, cmd_profile."""


class Switch:
    """A FreeSWITCH without mod_python3 whose profile was started a moment ago. refuses: so many stops."""

    def __init__(self, refuses: int) -> None:
        self.refuses = refuses
        self.runs = True

    def connect(self) -> Self:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        """Nothing to close."""

    def api(self, command: str, _seconds: float = 0) -> str:
        if command == "sofia status":
            state = "RUNNING (0)" if self.runs else "DOWN"
            return f"         faxplan\tprofile\t           sip:mod_sofia@127.0.0.1:5090\t{state}\n"
        if command == "sofia profile faxplan stop":
            if self.refuses:
                self.refuses -= 1
                return WAIT
            self.runs = False
            return "Reload XML [Success]\nstopping: faxplan"
        return "false"


@pytest.fixture
def stop(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    monkeypatch.setattr("time.sleep", lambda _: None)
    monkeypatch.setattr(install_live, "_STOP_SECONDS", 0.5)
    return lambda switch: install_live.stop(switch, lambda _: None)


def test_a_profile_that_has_just_come_up_is_stopped_as_soon_as_freeswitch_lets_it(stop: Callable[[Any], None]) -> None:
    switch = Switch(refuses=3)
    stop(switch)
    assert not switch.runs


def test_what_freeswitch_says_to_a_stop_is_told(stop: Callable[[Any], None]) -> None:
    with pytest.raises(InstallRefused, match=r"does not stop: (?s:.*)Please wait 4 seconds"):
        stop(Switch(refuses=10**9))
