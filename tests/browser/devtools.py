"""Chromium's DevTools protocol over a pair of pipes: what a page cannot do by itself, as plugging in an authenticator.

https://chromedevtools.github.io/devtools-protocol/ has the commands. Messages are JSON, each ended by a zero byte.
"""

import fcntl
import json
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

ANSWER_SECONDS = 120


class CommandFailed(Exception):
    """The browser refused a command."""


class DevTools:
    """Start a browser with `command` and `pass_fds`, then `close_theirs`."""

    def __init__(self) -> None:
        their_read, self._write = os.pipe()
        self._read, their_write = os.pipe()
        # Out of the way of 3 and 4, where the browser wants them.
        self.pass_fds = tuple(fcntl.fcntl(each, fcntl.F_DUPFD, 10) for each in (their_read, their_write))
        os.close(their_read)
        os.close(their_write)
        self._number = 0
        self._left = b""
        self._session: str | None = None
        self._events: set[str] = set()
        """Names of all that the browser has told of its own accord."""
        self.thrown: list[str] = []
        """What scripts threw and nobody caught, and what the browser itself reported as an error, once `watch` was
        asked for; whoever looks empties it."""

    def command(self, browser: list[str]) -> list[str]:
        """The command line that starts it with our pipes."""
        there = (
            "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); "
            "os.execvp(sys.argv[3], sys.argv[3:])"
        )
        return [sys.executable, "-c", there, *map(str, self.pass_fds), *browser, "--remote-debugging-pipe"]

    def close_theirs(self) -> None:
        for each in self.pass_fds:
            os.close(each)

    def close(self) -> None:
        os.close(self._write)
        os.close(self._read)

    def open(self, address: str) -> None:
        """Loads it into the one page that there is; what is done from then on is done there."""
        targets = self.do("Target.getTargets")["targetInfos"]
        (page,) = (each["targetId"] for each in targets if each["type"] == "page")
        self._session = self.do("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        self.do("Page.enable")
        self.do("Page.navigate", url=address)
        while "Page.loadEventFired" not in self._events:
            self._next()

    @contextmanager
    def apart(self) -> Iterator[str]:
        """A page as in a browser that was just installed, and gone with all that it kept when this ends.

        Yields its context, for further pages beside it.
        """
        self._session = None
        context: str = self.do("Target.createBrowserContext")["browserContextId"]
        try:
            self.new_page(context)
            yield context
        finally:
            self._session = None
            self.do("Target.disposeBrowserContext", browserContextId=context)

    def new_page(self, context: str) -> None:
        """An empty page there; what is done from then on is done in it."""
        self._session = None
        target = self.do("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        self._session = self.do("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.do("Page.enable")

    @contextmanager
    def beside(self, context: str) -> Iterator[None]:
        """In a page beside the one in which things are done, which has its turn again afterwards."""
        before = self._session
        self.new_page(context)
        try:
            yield
        finally:
            self._session = before

    def watch(self) -> None:
        """From now on this page's errors are kept, in `thrown`."""
        self.thrown.clear()
        self.do("Runtime.enable")
        self.do("Log.enable")

    def do(self, method: str, **given: Any) -> dict[str, Any]:
        """A command's result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": given}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise CommandFailed(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result

    def evaluate(self, expression: str) -> Any:
        """What an expression gives in the page, once its promise is kept. As if its user had just clicked."""
        outcome = self.do(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in outcome:
            raise CommandFailed(outcome["exceptionDetails"])
        return outcome["result"].get("value")

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._left:
            if not select.select([self._read], [], [], ANSWER_SECONDS)[0]:
                raise TimeoutError("the browser does not answer")
            read = os.read(self._read, 1 << 16)
            if not read:
                raise EOFError("the browser has ended")
            self._left += read
        line, _, self._left = self._left.partition(b"\0")
        found: dict[str, Any] = json.loads(line)
        self._events.add(found.get("method", ""))
        self._keep_error(found.get("method", ""), found.get("params", {}))
        return found

    def _keep_error(self, event: str, told: dict[str, Any]) -> None:
        if event == "Runtime.exceptionThrown":
            details = told["exceptionDetails"]
            thrown = details.get("exception", {}).get("description", details["text"])
            self.thrown.append(f"{thrown} ({details.get('url', '')})")
        elif event == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.thrown.append(f"{told['entry']['text']} ({told['entry'].get('url', '')})")
