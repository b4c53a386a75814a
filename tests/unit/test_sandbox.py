"""What a child may use, and how its end arrives in the parent."""

import json
import mmap
import os
import posixpath
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from faxplan import sandbox
from faxplan.errors import RenderingFailed
from faxplan.sandbox import Ceiling, DocumentTooExpensive
from faxplan.source import EncryptedDocument

CEILING = Ceiling(cpu_seconds=20, wall_seconds=20)


HELD: list[str] = []
"""What this process has; a copy of it would have it too."""


def how_many_held() -> int:
    return len(HELD)


A_LITTLE = 256 * 1024**2
"""Bytes that a child may have mapped since its limits were set: it imports what it is to call."""


def core_limit() -> int:
    return resource.getrlimit(resource.RLIMIT_CORE)[0]


def limits() -> list[int]:
    """Of memory: what is left."""
    kinds = (resource.RLIMIT_AS, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_CORE)
    memory, *others = (resource.getrlimit(kind)[0] for kind in (*kinds, resource.RLIMIT_RTPRIO))
    return [memory - sandbox._mapped(), *others]


def refuse() -> None:
    raise EncryptedDocument("Give the password.")


def break_down() -> None:
    raise ZeroDivisionError("that went wrong")


def allocate() -> int:
    return len(bytearray(3 * 1024**3))


def spin() -> None:
    while True:
        pass


def wait_long(started: str, seconds: str) -> None:
    with subprocess.Popen(["sleep", seconds]):
        Path(started).touch()


def write_much(path: str) -> None:
    Path(path).write_bytes(bytes(2_000_000))


def vanish() -> None:
    os._exit(0)


def count(*, progress: Callable[[int, int], None]) -> str:
    progress(1, 2)
    progress(2, 2)
    return "done"


def test_the_child_is_limited() -> None:
    before = resource.getrlimit(resource.RLIMIT_RTPRIO)
    # As FreeSWITCH's unit has it; not everybody may, nor root in every container.
    with suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_RTPRIO, (resource.RLIM_INFINITY,) * 2)
    try:
        given = sandbox.call(limits, ceiling=CEILING)
    finally:
        resource.setrlimit(resource.RLIMIT_RTPRIO, before)
    assert given[1:] == [CEILING.file_bytes, CEILING.open_files, 0, 0]
    assert 0 <= CEILING.memory_bytes - given[0] < A_LITTLE


def test_the_child_dumps_no_core_whatever_its_parent_may() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    try:
        assert hard, "give this user a hard limit for core files: ulimit -Hc"
        assert sandbox.call(core_limit, ceiling=CEILING) == 0
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


def test_a_named_error_arrives_as_its_class() -> None:
    with pytest.raises(EncryptedDocument, match="Give the password"):
        sandbox.call(refuse, ceiling=CEILING)


def test_any_other_error_is_a_failure_of_the_converter() -> None:
    with pytest.raises(RenderingFailed, match="ZeroDivisionError: that went wrong"):
        sandbox.call(break_down, ceiling=CEILING)


def test_a_fork_of_a_large_process_has_as_much_memory_as_any_other() -> None:
    large = mmap.mmap(-1, CEILING.memory_bytes)
    try:
        assert 0 <= CEILING.memory_bytes - sandbox.call(limits, ceiling=CEILING)[0] < A_LITTLE
    finally:
        large.close()


def test_memory() -> None:
    with pytest.raises(DocumentTooExpensive, match="memory"):
        sandbox.call(allocate, ceiling=CEILING)


def test_processor_time() -> None:
    with pytest.raises(DocumentTooExpensive, match="processor time"):
        sandbox.call(spin, ceiling=Ceiling(cpu_seconds=1, wall_seconds=60))


def test_wall_time_ends_grandchildren_too(tmp_path: Path) -> None:
    # A time that no other run on this machine has.
    seconds = f"600.{os.getpid()}"

    def sleeps() -> bool:
        for command_line in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):  # it has just ended
                if command_line.read_bytes() == f"sleep\0{seconds}\0".encode():
                    return True
        return False

    with pytest.raises(DocumentTooExpensive, match="time"):
        sandbox.call(wait_long, str(tmp_path / "started"), seconds, ceiling=Ceiling(wall_seconds=3))
    assert (tmp_path / "started").exists()
    # What was killed may take a moment to be gone.
    deadline = time.monotonic() + 30
    while sleeps() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not sleeps()


def test_file_size(tmp_path: Path) -> None:
    with pytest.raises(RenderingFailed, match="File too large"):
        sandbox.call(write_much, str(tmp_path / "a"), ceiling=Ceiling(file_bytes=1_000_000))


def test_a_child_that_says_nothing() -> None:
    with pytest.raises(RenderingFailed, match="crashed"):
        sandbox.call(vanish, ceiling=CEILING)


def heard(said: bytes) -> Any:
    """What comes of a child that says this and ends."""
    reading, writing = os.pipe()
    os.write(writing, said)
    os.close(writing)
    with os.fdopen(reading, "rb", buffering=0) as answers:
        return sandbox.result(answers, CEILING, lambda done, total: None)  # noqa: ARG005 - whatever it is


@pytest.mark.parametrize(
    "said",
    [
        b'{"progress": "x"}\n',
        b'{"progress": [1, 2, 3]}\n',
        b'{"progress": [1, true]}\n',
        b"7\n",
        b"[[\n",
        b"[" * 5000 + b"\n",
        b"{}\n",
        b"\n",
    ],
)
def test_an_answer_without_sense_is_a_failure_of_the_converter(said: bytes) -> None:
    assert heard(b'{"progress": [1, 2]}\n{"result": 7}\n') == 7
    with pytest.raises(RenderingFailed, match="made no sense"):
        heard(said)


def test_a_child_can_end_its_own_document_and_nothing_else() -> None:
    with pytest.raises(EncryptedDocument, match="Give it"):
        heard(b'{"error_id": "encrypted-document", "message": "Give it."}\n')
    for error_id in (b'"database-unavailable"', b'"store-unavailable"', b'"sandbox-unavailable"', b"[]", b"7"):
        with pytest.raises(RenderingFailed, match="Wait"):
            heard(b'{"error_id": ' + error_id + b', "message": "Wait."}\n')


def test_progress_arrives_in_order() -> None:
    seen: list[tuple[int, int]] = []
    assert sandbox.call(count, ceiling=CEILING, progress=lambda done, total: seen.append((done, total))) == "done"
    assert seen == [(1, 2), (2, 2)]


def test_a_process_with_threads_starts_afresh() -> None:
    # A fork would copy whatever lock the thread holds; the fresh interpreter is limited just the same.
    release = threading.Event()
    thread = threading.Thread(target=release.wait)
    thread.start()
    HELD.append("as a lock would be")
    try:
        assert sandbox.call(how_many_held, ceiling=CEILING) == 0
        assert sandbox.call(posixpath.basename, "/a/b", ceiling=CEILING) == "b"
        assert 0 <= CEILING.memory_bytes - sandbox.call(limits, ceiling=CEILING)[0] < A_LITTLE
        with pytest.raises(RenderingFailed, match="ValueError"):
            sandbox.call(int, "x", ceiling=CEILING)
    finally:
        HELD.clear()
        release.set()
        thread.join()


def test_a_converter_gets_nothing_of_our_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "secret")
    process = sandbox.command([sys.executable, "-c", "import os; print(sorted(os.environ))"], tmp_path)
    said, _ = process.communicate()
    assert b"HOME" in said
    assert b"PGPASSWORD" not in said


def test_arguments_reach_a_converter_as_they_are(tmp_path: Path) -> None:
    """No shell reads them: a file may be called anything."""
    names = ["two words", "; touch made", "$(touch made)", "'\"`touch made`", "*", "a\nb", "-x"]
    script = "import json, sys; print(json.dumps(sys.argv[1:]))"
    process = sandbox.command([sys.executable, "-c", script, *names], tmp_path)
    said, _ = process.communicate()
    assert json.loads(said) == names
    assert not list(tmp_path.iterdir())


def test_a_missing_converter_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(RenderingFailed, match="ghostscript"):
        sandbox.command(["no-such-gs"], tmp_path)
