"""Questions at a terminal, one line each, or answers from a pipe, one line each; plain text, so that any TERM does."""

import sys
from collections.abc import Callable, Sequence
from typing import TextIO

from faxplan import cli_output, cli_passwords
from faxplan.errors import FaxplanError

_YES, _NO = ("y", "yes"), ("n", "no")
_MOST_TRIES = 5
"""From a pipe a wrong answer is followed by others, which were meant for other questions."""


class Stopped(FaxplanError):
    """Nobody answers any more."""

    error_id = "stopped"


class Asking:
    """Asks on `out`, and reads the answers from standard input. An empty answer is the default, where there is one."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._terminal = sys.stdin.isatty()

    def say(self, text: str = "") -> None:
        """A line that asks nothing, or several."""
        for line in text.split("\n"):
            self._out.write(f"{cli_output.printable(line)}\n")
        self._out.flush()

    def text(self, question: str, default: str | None = None, check: Callable[[str], None] | None = None) -> str:
        """check: raises a FaxplanError for what cannot be; that is said, and asked again. Raises Stopped."""
        shown = f" [{default}]" if default else ""
        for _try in range(_MOST_TRIES):
            answer = self._line(f"{question}{shown}: ").strip() or (default or "")
            if not answer and default is None:
                self.say("  An answer is needed here.")
                continue
            try:
                if check is not None:
                    check(answer)
            except FaxplanError as error:
                self.say(f"  {error}")
            else:
                return answer
        raise Stopped(f"There was no answer that can be used to: {question}.")

    def choice(self, question: str, choices: Sequence[tuple[str, str]], default: str | None = None) -> str:
        """choices: value, and what it means. The answer is a number of the list, or a value. Raises Stopped."""
        self.say(question)
        for number, (value, meaning) in enumerate(choices, 1):
            mark = " (default)" if value == default else ""
            self.say(f"  {number:>2}  {meaning}{mark}")
        values = [value for value, _meaning in choices]
        numbered = {str(number): value for number, value in enumerate(values, 1)} | {value: value for value in values}

        def check(answer: str) -> None:
            if answer not in numbered:
                raise _NoChoice(f"Write a number from 1 to {len(values)}, or one of: {', '.join(values)}.")

        return numbered[self.text("  Number or word", default, check)]

    def yes(self, question: str, *, default: bool) -> bool:
        """Raises Stopped."""

        def check(answer: str) -> None:
            if answer.lower() not in (*_YES, *_NO):
                raise _NoChoice("Write y or n.")

        return self.text(f"{question} (y/n)", "y" if default else "n", check).lower() in _YES

    def secret(self, question: str) -> str:
        """Not shown as it is written; empty where nothing is. Raises Stopped, where a pipe has ended."""
        if self._terminal:
            return cli_passwords.asked(f"{question}: ")
        self._prompt(f"{question}: ")
        answer = self._read()
        self.say()
        return answer

    def _line(self, prompt: str) -> str:
        if self._terminal:
            try:
                return input(cli_output.printable(prompt))
            except EOFError:
                self.say()
                raise Stopped("The answers ended here.") from None
            except UnicodeError as error:
                raise Stopped("What was written is not UTF-8.") from error
        self._prompt(prompt)
        answer = self._read()
        self.say(answer)
        return answer

    def _prompt(self, prompt: str) -> None:
        self._out.write(cli_output.printable(prompt))
        self._out.flush()

    def _read(self) -> str:
        line = sys.stdin.readline()
        if not line:
            self.say()
            raise Stopped("The answers ended here.")
        return line.rstrip("\r\n")


class _NoChoice(FaxplanError):
    """It is none of those that there are."""

    error_id = "no-choice"
