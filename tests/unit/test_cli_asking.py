"""Questions at a terminal and answers from a pipe."""

import io
import sys
from collections.abc import Callable

import pytest

from faxplan.cli_asking import Asking, Stopped
from faxplan.errors import FaxplanError
from tests.terminal import terminal

_CHILD = """
import sys
from faxplan.cli_asking import Asking
asking = Asking(sys.stdout)
name, password = asking.text("Name", "carrier"), asking.secret("Password")
print("got", name, len(password))
"""


class _Wrong(FaxplanError):
    error_id = "wrong"


def only_digits(text: str) -> None:
    if not text.isdigit():
        raise _Wrong("Write digits.")


@pytest.fixture
def piped(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], tuple[Asking, io.StringIO]]:
    def make(answers: str) -> tuple[Asking, io.StringIO]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(answers))
        out = io.StringIO()
        return Asking(out), out

    return make


def test_answers_come_from_a_pipe_line_by_line(piped: Callable[[str], tuple[Asking, io.StringIO]]) -> None:
    asking, out = piped("\nhello\n2\nword\nY\n\ns3cret\n")
    assert asking.text("Name", "carrier") == "carrier"
    assert asking.text("Greeting") == "hello"
    assert asking.choice("Which?", [("a", "first"), ("b", "second")]) == "b"
    with pytest.raises(Stopped):  # "word" is no choice, nor is what follows
        asking.choice("Which?", [("a", "first"), ("b", "second")])
    asking, out = piped("Y\n\ns3cret\n")
    assert asking.yes("Go?", default=False)
    assert not asking.yes("Go?", default=False)
    assert asking.secret("Password") == "s3cret"
    # What was not seen as it was written is not shown by us either.
    assert "s3cret" not in out.getvalue()


def test_a_wrong_answer_is_said_and_asked_again(piped: Callable[[str], tuple[Asking, io.StringIO]]) -> None:
    asking, out = piped("x\n\n12\n")
    assert asking.text("Count", None, only_digits) == "12"
    assert "Write digits." in out.getvalue()
    assert "An answer is needed here." in out.getvalue()
    asking, _ = piped("x\n" * 20)
    with pytest.raises(Stopped, match="no answer that can be used"):
        asking.text("Count", None, only_digits)


def test_the_end_of_the_answers_is_said(piped: Callable[[str], tuple[Asking, io.StringIO]]) -> None:
    for ask in (lambda a: a.text("Name", "x"), lambda a: a.yes("Go?", default=True), lambda a: a.secret("Password")):
        asking, _ = piped("")
        with pytest.raises(Stopped, match="ended here"):
            ask(asking)


def test_what_a_terminal_would_obey_is_shown_as_it_is(piped: Callable[[str], tuple[Asking, io.StringIO]]) -> None:
    asking, out = piped("")
    asking.say("a\x1b[31mb")
    assert "\x1b" not in out.getvalue()


def test_at_a_terminal_a_secret_is_not_echoed() -> None:
    with terminal(_CHILD) as seen:
        seen.until("Name [carrier]: ")
        seen.write("office\n")
        seen.until("Password: ")
        seen.write("s3cret\n")
        seen.until("got office 6")
        assert b"s3cret" not in seen.shown
        assert b"\x1b" not in seen.shown
