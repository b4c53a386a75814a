"""The loader in FreeSWITCH (conf/scripts), on releases of a few lines: what is led where, and what is left behind."""

import gc
import shutil
import sys
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from bench.scripts import ScriptRunner
from faxplan import entry_scripts
from tests.releases import ENTRY_FILES, prefix_with_scripts, put_in_force, site_of

SWITCH = """
from faxplan import told
def installation():
    told.SETTINGS.read()
def retire():
    told.say("retire")
    told.OVER.set()
def close():
    told.say("close")
"""
FAX_OUT = """
import faxplan.told
import faxplan.told as same
import faxplan_switch
def handler(session, args):
    session.wait()
    from faxplan import lazily
    lazily.say(f"handler {args} {same is faxplan.told is faxplan_switch.told}")
def settle(session, stream, env, args):
    same.say(f"settle {args}")
"""
FAX_QUEUE = """
from faxplan import told
def runtime(args):
    told.OVER.wait(20)
def alive(session, stream, env, args):
    stream.write(f"+OK {told.VERSION}\\n")
"""
TOLD = """
import dataclasses, logging, threading, typing
import freeswitch
OVER = threading.Event()
LOG = logging.getLogger(__name__)
LOG.addHandler(logging.NullHandler())
@dataclasses.dataclass
class Settings:
    broken: bool = {broken}
    def read(self):
        if self.broken:
            raise ValueError("no such setting")
SETTINGS = Settings()
MAYBE = typing.Optional[Settings]
VERSION = "{version}"
def say(text):
    freeswitch.said.append(f"{version} {{text}}")
"""


class Session:
    """Of a call that goes on until it is told to end."""

    def __init__(self) -> None:
        self.began, self.ends = threading.Event(), threading.Event()

    def wait(self) -> None:
        self.began.set()
        assert self.ends.wait(20)


class Stream:
    def __init__(self) -> None:
        self.written = ""

    def write(self, text: str) -> None:
        self.written += text


class TheSwitch:
    """Calls scripts as mod_python3 does."""

    def __init__(self, prefix: Path, scripts: Path, freeswitch: ModuleType) -> None:
        self.prefix = prefix
        self.freeswitch = freeswitch
        self.runner = ScriptRunner(scripts, 1024 * 1024)
        self.threads: list[threading.Thread] = []

    @property
    def said(self) -> list[str]:
        said: list[str] = self.freeswitch.said
        return said

    def release(self, version: str, *, broken: bool = False, **files: str) -> Path:
        """Makes one and puts it in force. files: in place of its scripts."""
        folder = self.prefix / "releases" / version
        package, scripts = site_of(folder) / "faxplan", folder / "share" / "faxplan" / "fs_scripts"
        package.mkdir(parents=True)
        scripts.mkdir(parents=True)
        package.joinpath("__init__.py").write_text("")
        package.joinpath("told.py").write_text(TOLD.format(version=version, broken=broken))
        package.joinpath("lazily.py").write_text("from faxplan.told import say\n")
        texts = {"faxplan_switch": SWITCH, "fax_in": "", "fax_out": FAX_OUT, "fax_queue": FAX_QUEUE} | files
        for name, text in texts.items():
            scripts.joinpath(f"{name}.py").write_text(text)
        put_in_force(folder)
        return folder

    def ask(self, command: str) -> str:
        stream = Stream()
        self.runner.call(command, "fsapi", "na", stream, None)
        return stream.written

    def upgraded(self) -> str:
        return self.ask("fax_queue::upgrade")

    def calls(self, args: str) -> Session:
        """A call that runs `fax_out`."""
        session = Session()
        self.start(lambda: self.runner.call(f"fax_out {args}", "handler", session))
        assert session.began.wait(20)
        return session

    def start(self, run: object) -> None:
        thread = threading.Thread(target=run)  # type: ignore[arg-type]
        thread.start()
        self.threads.append(thread)

    def join(self) -> None:
        while self.threads:
            self.threads.pop().join(20)


@pytest.fixture
def switch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TheSwitch]:
    freeswitch = ModuleType("freeswitch")
    freeswitch.said = []  # type: ignore[attr-defined]
    freeswitch.running = lambda: True  # type: ignore[attr-defined]
    freeswitch.consoleLog = lambda level, text: None  # type: ignore[attr-defined]  # noqa: ARG005
    monkeypatch.setitem(sys.modules, "freeswitch", freeswitch)
    the_switch = TheSwitch(*prefix_with_scripts(tmp_path), freeswitch)
    the_switch.runner.install()
    yield the_switch
    the_switch.join()
    the_switch.runner.remove()
    assert [name for name in sys.modules if name.startswith("faxplan_release_") and "." in name] == []


def test_each_call_has_the_release_that_was_in_force_when_it_began(switch: TheSwitch) -> None:
    switch.release("0.1.0")
    old = switch.calls("17")
    switch.release("0.1.1")
    assert switch.upgraded() == "+OK 0.1.1 is in force; no runtime ran, and none was started\n"
    new = switch.calls("18")
    assert switch.ask("fax_queue::releases") == "0.1.0 ending 1\n0.1.1 in-force 1\n"
    # All imports lead to the release: of the first name, by another name, and when it is called.
    assert switch.said == ["0.1.0 retire"]
    old.ends.set()
    new.ends.set()
    switch.join()
    assert sorted(switch.said) == [
        "0.1.0 close", "0.1.0 handler 17 True", "0.1.0 retire", "0.1.1 handler 18 True"
    ]  # fmt: skip
    # Closed when its last call had ended.
    assert switch.said.index("0.1.0 handler 17 True") < switch.said.index("0.1.0 close")
    assert switch.ask("fax_queue::alive") == "+OK 0.1.1\n"


def test_the_runtime_goes_on_in_the_next_release(switch: TheSwitch) -> None:
    switch.release("0.1.0")
    switch.start(lambda: switch.runner.call("fax_queue", "runtime"))
    while switch.ask("fax_queue::releases") != "0.1.0 in-force 1\n":
        pass
    switch.release("0.1.1")
    assert switch.upgraded() == "+OK 0.1.1 is in force; its runtime has taken over from 0.1.0\n"
    assert switch.ask("fax_queue::releases") == "0.1.0 ending 0\n0.1.1 in-force 1\n"
    sys.modules["faxplan_release_0_1_1.faxplan.told"].OVER.set()


def test_a_call_and_its_hook_have_the_release_that_dialled_it(switch: TheSwitch) -> None:
    switch.release("0.1.0")
    assert switch.ask("fax_queue::alive") == "+OK 0.1.0\n"
    switch.release("0.1.1")
    switch.upgraded()
    switch.ask("fax_out::settle 17 0.1.0")
    switch.ask("fax_out::settle 18 0.1.1")
    assert switch.said[2:] == ["0.1.0 settle 17", "0.1.1 settle 18"]
    switch.release("0.1.2")
    switch.upgraded()
    # Gone: what 0.1.0 has left is read by the one in force.
    switch.ask("fax_out::settle 19 0.1.0")
    assert switch.said[-1] == "0.1.2 settle 19"


def test_a_release_whose_calls_are_over_is_forgotten(switch: TheSwitch) -> None:
    switch.release("0.1.0")
    switch.ask("fax_queue::alive")
    settings = weakref.ref(sys.modules["faxplan_release_0_1_0.faxplan.told"].Settings)
    for version in ("0.1.1", "0.1.2"):
        switch.release(version)
        switch.upgraded()
    assert switch.ask("fax_queue::releases") == "0.1.1 ending 0\n0.1.2 in-force 0\n"
    gc.collect()
    assert settings() is None
    assert [entry for entry in sys.path if "/releases/" in entry] == [
        str(site_of(switch.prefix / "releases" / version)) for version in ("0.1.2", "0.1.1")
    ]


def test_back_to_a_release_that_is_still_in_memory_is_a_new_beginning(switch: TheSwitch) -> None:
    first = switch.release("0.1.0")
    old = switch.calls("17")
    switch.release("0.1.1")
    switch.upgraded()
    put_in_force(first)
    assert switch.upgraded().startswith("+OK 0.1.0 is in force")
    assert switch.ask("fax_queue::releases") == "0.1.0 ending 1\n0.1.1 ending 0\n0.1.0 in-force 0\n"
    old.ends.set()
    switch.join()
    assert switch.ask("fax_queue::alive") == "+OK 0.1.0\n"


@pytest.mark.parametrize(
    ("files", "code", "why"),
    [
        ({"fax_in": "import faxplan.nowhere"}, "not-importable", "ModuleNotFoundError: No module named"),
        ({"fax_queue": "def runtime(:"}, "not-importable", "SyntaxError"),
        ({"broken": True}, "not-importable", "ValueError: no such setting"),
        ({}, "not-whole", "is missing"),
    ],
)
def test_what_cannot_be_taken_leaves_the_one_in_force(
    switch: TheSwitch, files: dict[str, str], code: str, why: str
) -> None:
    switch.release("0.1.0")
    running = switch.calls("17")
    assert switch.ask("fax_queue::alive") == "+OK 0.1.0\n"
    modules, path = set(sys.modules), list(sys.path)
    folder = switch.release("0.1.1", **files)  # type: ignore[arg-type]
    if not files:
        shutil.rmtree(site_of(folder))
    answer = switch.upgraded()
    assert answer.startswith(f"-ERR {code}: release 0.1.1 ")
    assert why in answer
    assert answer.endswith("; 0.1.0 stays in force\n")
    assert (set(sys.modules) - modules, sys.path) == (set(), path)
    assert switch.said == []
    assert switch.ask("fax_queue::alive") == "+OK 0.1.0\n"
    running.ends.set()
    switch.join()
    assert switch.said == ["0.1.0 handler 17 True"]


def test_nothing_in_force_is_said_and_looked_for_at_each_call(switch: TheSwitch) -> None:
    assert switch.ask("fax_queue::alive").startswith("-ERR ")
    assert "leads to no release" in switch.upgraded()
    switch.release("0.1.0")
    assert switch.ask("fax_queue::alive") == "+OK 0.1.0\n"
    assert switch.ask("fax_queue::nothing_of_the_kind").startswith("-ERR AttributeError")


def test_another_version_of_what_is_loaded_asks_for_a_restart(switch: TheSwitch) -> None:
    switch.release("0.1.0", fax_in="import somelib_of_others")
    with_package(switch.prefix / "releases" / "0.1.0", "1.0")
    switch.ask("fax_queue::alive")
    folder = switch.release("0.1.1", fax_in="import somelib_of_others")
    with_package(folder, "2.0")
    site = site_of(switch.prefix / "releases" / "0.1.0")
    others = f"somelib-of-others 2.0, and 1.0 is loaded from {site}"
    assert switch.ask("fax_queue::upgrade check 0.1.1") == (
        f"-ERR restart-needed: this FreeSWITCH has loaded other versions: {others}; 0.1.0 stays in force\n"
    )
    assert switch.upgraded().startswith("-ERR restart-needed: release 0.1.1 needs other versions")
    assert sys.modules["somelib_of_others"].VERSION == "1.0"
    # The same version does, and stays where it was loaded from: that folder is still needed.
    with_package(switch.release("0.1.2", fax_in="import somelib_of_others"), "1.0")
    assert switch.ask("fax_queue::upgrade check 0.1.2") == "+OK what is loaded suits 0.1.2\n"
    switch.upgraded()
    switch.release("0.1.3")
    switch.upgraded()
    assert switch.ask("fax_queue::releases") == "0.1.2 ending 0\n0.1.3 in-force 0\n0.1.0 packages 0\n"
    del sys.modules["somelib_of_others"]


def test_its_compiled_files_are_used(switch: TheSwitch) -> None:
    switch.release("0.1.0")
    switch.ask("fax_queue::alive")
    module = sys.modules["faxplan_release_0_1_0.faxplan.told"]
    cached = Path(str(module.__cached__))
    assert cached.parent == Path(str(module.__file__)).parent / "__pycache__"
    assert cached.is_file() is not sys.dont_write_bytecode


def with_package(release: Path, version: str) -> None:
    """A package of others', as pip installs it."""
    site = site_of(release)
    site.joinpath("somelib_of_others.py").write_text(f'VERSION = "{version}"\n')
    info = site / f"somelib_of_others-{version}.dist-info"
    info.mkdir()
    info.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: Somelib.of_others\nVersion: {version}\n")
    info.joinpath("RECORD").write_text(f"somelib_of_others.py,,\n{info.name}/METADATA,,\n")
    # And one that Faxplan does not need: the system's Python has had it loaded before.
    site.joinpath("json-9.0.dist-info").mkdir()
    site.joinpath("json-9.0.dist-info", "METADATA").write_text("Metadata-Version: 2.1\nName: json\nVersion: 9.0\n")
    site.joinpath("json-9.0.dist-info", "RECORD").write_text("json/__init__.py,,\n")
    ours = site / f"faxplan-{release.name}.dist-info"
    ours.mkdir()
    ours.joinpath("METADATA").write_text(
        f"Metadata-Version: 2.1\nName: faxplan\nVersion: {release.name}\n"
        "Requires-Dist: somelib-of-others<3,>=1\nRequires-Dist: json; extra == 'dev'\nRequires-Dist: not-here\n"
    )


@dataclass
class AtFsCli:
    """Asks the switch, as by its event socket. is_old: its loader does not know of `loader`."""

    switch: TheSwitch
    scripts: Path
    is_old: bool = False

    def api(self, command: str, timeout_seconds: float | None = None) -> str:
        assert timeout_seconds
        if command == "global_getvar script_dir":
            return f"{self.scripts}"
        assert command == "python fax_queue::loader"
        return "-ERR AttributeError: no loader\n" if self.is_old else self.switch.ask("fax_queue::loader")


def test_entry_scripts_that_are_not_the_release_s_are_told_of(switch: TheSwitch, tmp_path: Path) -> None:
    shipped, scripts = tmp_path / "shipped", tmp_path / "scripts"
    shutil.copytree(ENTRY_FILES, shipped / "conf" / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    at = AtFsCli(switch, scripts)
    assert entry_scripts.older(at, shipped) is None
    # What others have there is none of it.
    (scripts / "mine.py").write_text("mine = 1\n")
    assert entry_scripts.older(at, shipped) is None
    assert entry_scripts.older(at, tmp_path / "a-checkout") is None
    with (shipped / "conf" / "scripts" / "faxplan_loading.py").open("a") as loading:
        loading.write("# of a later release\n")
    to_do = entry_scripts.older(at, shipped) or ""
    assert f"The entry scripts in {scripts} are not this release's. `faxplan install` lays them there; then" in to_do
    shutil.copy(shipped / "conf" / "scripts" / "faxplan_loading.py", scripts)
    for each in (at, AtFsCli(switch, scripts, is_old=True)):
        to_do = entry_scripts.older(each, shipped) or ""
        assert f"FreeSWITCH runs other entry scripts than lie in {scripts}" in to_do
        assert "fsctl shutdown elegant restart" in to_do
