"""Debian's browsers as processes of their own, without a window, each with a profile that goes with it."""

import os
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.browser.devtools import DevTools
from tests.browser.vault_server import VaultServer

# Seconds. Nothing here takes that long, but on a machine that is busy with all the other tests.
START, ANSWER = 120, 120
CHROMIUM = [
    "chromium",
    "--headless",
    # It needs an account of its own or namespaces, which root and containers do not have. It opens one page, ours.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-crash-reporter",
    "--disable-breakpad",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--metrics-recording-only",
    "--password-store=basic",
]
FIREFOX = ["firefox-esr", "--headless", "--no-remote"]
# It asks nobody for anything: updates, studies, safe browsing, portals.
FIREFOX_PREFERENCES = """\
user_pref("app.normandy.enabled", false);
user_pref("app.update.disabledForTesting", true);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("browser.safebrowsing.malware.enabled", false);
user_pref("browser.safebrowsing.phishing.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("services.settings.server", "");
user_pref("toolkit.telemetry.enabled", false);
user_pref("toolkit.startup.max_resumed_crashes", -1);
"""


class JavaScriptError(Exception):
    """What an action threw. error_id: of the vault's errors, else None."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(f"{problem.get('name')}: {problem.get('message')}")
        self.error_id = problem.get("errorId")
        self.retryable = problem.get("retryable")
        self.stack = problem.get("stack")
        self.cause = problem.get("cause")


@dataclass(frozen=True)
class Page:
    """The page in one browser."""

    name: str
    server: VaultServer

    def do(self, action: str, *, base: str = "/vault", **given: object) -> Any:
        """What tests/browser/page/*_actions.js has under this name gave. Raises JavaScriptError."""
        try:
            outcome = self.server.put(action, given, base).get(timeout=ANSWER)
        except queue.Empty:
            raise TimeoutError(f"{self.name} did not answer to {action}") from None
        if "problem" in outcome:
            raise JavaScriptError(outcome["problem"])
        return outcome["value"]

    def mutant(self, module: str, old: str, new: str) -> str:
        """The `base` of modules of which one has `new` in the place of `old`."""
        return self.server.mutate(module, old, new)


@contextmanager
def opened(name: str, folder: Path) -> Iterator[Page]:
    """The page in that browser ("chromium" or "firefox-esr"), which ends with the context.

    folder: for its profile. Its path must be short, since there are sockets below it.
    """
    with tempfile.TemporaryDirectory(prefix="browser-", dir=folder, ignore_cleanup_errors=True) as scratch:
        yield from _opened(name, Path(scratch))


def _opened(name: str, scratch: Path) -> Iterator[Page]:
    with _serving() as server, _started(name, scratch, server.address) as (browser, log):
        if not server.arrived.wait(START):
            raise TimeoutError(f"{name} did not open the page (exit status {browser.poll()}):\n{log.read_text()}")
        yield Page(name, server)


@contextmanager
def with_devtools(folder: Path) -> Iterator[DevTools]:
    """Chromium with a page that has no runner, on localhost: WebAuthn knows no addresses. folder: as in `opened`."""
    with (
        tempfile.TemporaryDirectory(prefix="browser-", dir=folder, ignore_cleanup_errors=True) as scratch,
        _serving() as server,
    ):
        tools = DevTools()
        address = server.address.replace("127.0.0.1", "localhost").replace("index.html", "blank.html")
        try:
            with _started("chromium", Path(scratch), "about:blank", tools):
                tools.close_theirs()
                tools.open(address)
                yield tools
        finally:
            tools.close()


@contextmanager
def driven(folder: Path) -> Iterator[DevTools]:
    """Chromium, whose pages (DevTools.apart) go where they are told to. folder: as in `opened`."""
    with tempfile.TemporaryDirectory(prefix="browser-", dir=folder, ignore_cleanup_errors=True) as scratch:
        tools = DevTools()
        try:
            with _started("chromium", Path(scratch), "about:blank", tools):
                tools.close_theirs()
                yield tools
        finally:
            tools.close()


@contextmanager
def _serving() -> Iterator[VaultServer]:
    server = VaultServer()
    threading.Thread(target=server.serve_forever, name="browser's server", daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def _started(
    name: str, scratch: Path, address: str, tools: DevTools | None = None
) -> Iterator[tuple["subprocess.Popen[bytes]", Path]]:
    """The browser's process, and its log."""
    if shutil.which(name) is None:
        raise FileNotFoundError(f"{name} is missing: install/setup.sh tests (or apt-get install {name})")
    command = _command(name, scratch)
    log = scratch / "log"
    with log.open("wb") as output:
        browser = subprocess.Popen(
            [*(command if tools is None else tools.command(command)), address],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=_environment(scratch),
            start_new_session=True,
            pass_fds=() if tools is None else tools.pass_fds,
        )
    try:
        yield browser, log
    finally:
        # Its helpers are in the same session. It has nothing to save.
        os.killpg(browser.pid, signal.SIGKILL)
        browser.wait()


def _command(name: str, scratch: Path) -> list[str]:
    profile = scratch / "profile"
    profile.mkdir()
    # A run that is killed takes its browsers along.
    bound = ["setpriv", "--pdeathsig", "KILL"]
    if name == "chromium":
        return [*bound, *CHROMIUM, f"--user-data-dir={profile}"]
    (profile / "user.js").write_text(FIREFOX_PREFERENCES)
    return [*bound, *FIREFOX, "--profile", str(profile)]


def _environment(scratch: Path) -> dict[str, str]:
    """Nothing of the user's own: neither home nor display nor session bus."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ}
    return kept | {
        "HOME": str(scratch),
        "XDG_RUNTIME_DIR": str(scratch),
        "TMPDIR": str(scratch),
        "MOZ_CRASHREPORTER_DISABLE": "1",
    }
