"""What a function finds inside a namespace, what it can do there, and what it leaves: each time beside one that is
confined by limits alone, which shows that the test can fail."""

import ctypes
import errno
import fcntl
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from faxplan import namespace, namespaces, zygote, zygote_inside
from faxplan.config import Settings
from faxplan.confinement import Confinement, LimitsOnly, SandboxUnavailable, Workplace
from faxplan.errors import RenderingFailed
from faxplan.namespace import WORK
from faxplan.namespaces import KeptNamespace, Namespace, NamespacePool
from faxplan.sandbox import Ceiling, DocumentTooExpensive
from faxplan.scratch import Scratch

CEILING = Ceiling(cpu_seconds=20, wall_seconds=60)
EVALUATED = "(exec(code, names := {}), names['answer'])[1]"


def inside(place: Workplace, code: str, ceiling: Ceiling = CEILING) -> Any:
    """What `code` has put into `answer`, run where converters run."""
    return place.call(eval, EVALUATED, {"code": code}, ceiling=ceiling)


@pytest.fixture
def kept(namespaces_work: None, tmp_path: Path) -> Iterator[KeptNamespace]:
    made = KeptNamespace(Scratch(tmp_path / "scratch"))
    yield made
    made.close()


@pytest.fixture(params=["own", "kept"])
def confined(request: pytest.FixtureRequest, kept: KeptNamespace) -> Confinement:
    return kept if request.param == "kept" else Namespace()


def both(confined: Confinement, tmp_path: Path, code: str) -> tuple[Any, Any]:
    """The answer with limits alone, and the one in a namespace."""
    with LimitsOnly().workplace(tmp_path) as open_place, confined.workplace(tmp_path) as place:
        return inside(open_place, code), inside(place, code)


def test_a_file_outside_cannot_be_read(confined: Confinement, tmp_path: Path) -> None:
    planted = tmp_path / "planted"
    planted.write_text("a secret")
    code = f"import os\nanswer = open('{planted}').read() if os.path.exists('{planted}') else None"
    assert both(confined, tmp_path, code) == ("a secret", None)


def test_of_the_machine_s_folders_only_programs_are_there(confined: Confinement, tmp_path: Path) -> None:
    code = "import os\nanswer = {name: sorted(os.listdir(name)) for name in ('/', '/etc', '/var', '/var/lib', '/code')}"
    with confined.workplace(tmp_path) as place:
        found = inside(place, code)
    assert set(found["/"]) <= {
        "bin", "code", "dev", "etc", "given", "lib", "lib32", "lib64", "libx32", "proc", "sbin", "sys", "tmp", "usr",
        "var", "work",
    }  # fmt: skip
    assert not {"passwd", "shadow", "faxplan", "freeswitch", "ssl", "hosts"} & set(found["/etc"])
    assert set(found["/var"]) <= {"cache", "lib"}
    assert set(found["/var/lib"]) <= {"ghostscript", "libreoffice"}
    assert [name for name in found["/code"] if not name.startswith("site")] == ["faxplan"]


def test_of_usr_local_only_programs_are_there(confined: Confinement, tmp_path: Path) -> None:
    assert len(list(Path("/usr/local").iterdir())) > 3
    with confined.workplace(tmp_path) as place:
        assert set(inside(place, "import os\nanswer = os.listdir('/usr/local')")) <= {"bin", "lib", "share"}


def test_what_is_hidden_is_not_seen_below_what_is_shown(namespaces_work: None, tmp_path: Path) -> None:
    folder = Path("/usr/share/doc")
    assert list(folder.iterdir())
    with Namespace([folder]).workplace(tmp_path) as place:
        assert inside(place, f"import os\nanswer = os.listdir('{folder}')") == []
        assert inside(place, WRITABLE) == ["/dev/mqueue", "/tmp", "/work"]


def test_a_loopback_port_cannot_be_reached(confined: Confinement, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        code = f"import socket\nanswer = socket.socket().connect_ex(('127.0.0.1', {port}))"
        reached, refused = both(confined, tmp_path, code)
    assert reached == 0
    assert refused != 0


def test_a_socket_that_has_no_file_cannot_be_reached(confined: Confinement, tmp_path: Path) -> None:
    name = f"faxplan-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("\0" + name)
        listening.listen()
        code = f"import socket\nanswer = socket.socket(socket.AF_UNIX).connect_ex('\\0{name}')"
        reached, refused = both(confined, tmp_path, code)
    assert reached == 0
    assert refused != 0


def test_other_processes_are_neither_seen_nor_signalled(confined: Confinement, tmp_path: Path) -> None:
    code = """
import os
def reached(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
answer = [os.path.exists(f"/proc/{other}"), reached(other)]
"""
    with subprocess.Popen(["sleep", "600"]) as other:
        try:
            assert both(confined, tmp_path, f"other = {other.pid}\n{code}") == ([True, True], [False, False])
        finally:
            other.kill()


def test_the_parent_s_environment_cannot_be_read(
    confined: Confinement, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of a process, /proc shows what it was started with.
    code = """
import glob, os
seen = [name + value for name, value in os.environ.items()]
for file in glob.glob("/proc/[0-9]*/environ"):
    try:
        seen.append(open(file).read())
    except OSError:
        pass
answer = any("of-the-parent" in each for each in seen)
"""
    monkeypatch.setenv("FAXPLAN_PLANTED", "of-the-parent")
    assert both(confined, tmp_path, code) == (True, False)


WRITABLE = """
import os
answer = []
for folder, inner, _ in os.walk("/"):
    if folder.startswith("/proc/"):
        inner.clear()
    try:
        os.close(os.open(folder + "/made-by-a-test", os.O_CREAT | os.O_WRONLY))
        os.unlink(folder + "/made-by-a-test")
        answer.append(folder)
    except OSError:
        pass
answer.sort()
"""


def test_nothing_is_writable_but_the_folder_and_a_temporary_one(confined: Confinement, tmp_path: Path) -> None:
    with confined.workplace(tmp_path) as place:
        assert inside(place, WRITABLE) == ["/dev/mqueue", "/tmp", "/work"]


@pytest.mark.parametrize("file", ["sys/kernel/core_pattern", "sys/kernel/hostname", "self/oom_score_adj"])
def test_the_kernel_s_settings_cannot_be_written(confined: Confinement, tmp_path: Path, file: str) -> None:
    code = f"""
try:
    open("/proc/{file}", "a").close()
    answer = True
except OSError:
    answer = False
"""
    with confined.workplace(tmp_path) as place:
        assert inside(place, code) is False


def test_no_rights_and_no_way_to_get_any(confined: Confinement, tmp_path: Path) -> None:
    code = """
import ctypes
lines = dict(line.split(":", 1) for line in open("/proc/self/status"))
answer = [int(lines[name], 16) for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb")] + [int(lines["NoNewPrivs"])]
answer.append(ctypes.CDLL(None).unshare(0x10000000))
"""
    with confined.workplace(tmp_path) as place:
        assert inside(place, code) == [0, 0, 0, 0, 1, -1]


def test_limits_hold_inside(confined: Confinement, tmp_path: Path) -> None:
    code = """
import resource
answer = [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE)]
answer[0] -= int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
"""
    with confined.workplace(tmp_path) as place:
        memory, *others = inside(place, code)
    assert others == [CEILING.file_bytes, 0]
    # What it may have beyond what it began with, but for what it needed since.
    assert 0 <= CEILING.memory_bytes - memory < 32 * 1024**2


def test_what_was_given_can_be_read_and_not_changed(confined: Confinement, tmp_path: Path) -> None:
    document = tmp_path / "document"
    document.write_text("a letter")
    with confined.workplace(tmp_path) as place:
        name = place.given(document)
        code = f"""
answer = open({name!r}).read()
try:
    open({name!r}, "w").write("another")
except OSError:
    pass
"""
        assert inside(place, code) == "a letter"
    assert document.read_text() == "a letter"


TRACING = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
traced = libc.ptrace(16, victim, None, None)  # PTRACE_ATTACH
answer = [traced]
for name in ("mem", "environ", "maps", "fd/3"):
    try:
        os.close(os.open(f"/proc/{victim}/{name}", os.O_RDONLY))
        answer.append(name)
    except OSError:
        pass
descriptor = os.pidfd_open(victim)
answer.append(libc.syscall(438, descriptor, 0, 0))  # pidfd_getfd
"""
# A child of its own, which it may trace where it may trace anything at all.
TRACING_A_CHILD = "import os, time\nvictim = os.fork()\nif victim == 0:\n    time.sleep(60)\n" + TRACING


def test_the_zygote_can_be_neither_traced_nor_read(confined: Confinement, tmp_path: Path) -> None:
    with confined.workplace(tmp_path) as place:
        assert inside(place, "victim = 1\n" + TRACING) == [-1, -1]


def test_that_test_can_fail(tmp_path: Path) -> None:
    with LimitsOnly().workplace(tmp_path) as place:
        assert inside(place, TRACING_A_CHILD)[:2] == [0, "mem"]


def test_real_time_priority_is_given_up(namespaces_work: None, tmp_path: Path) -> None:
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        pytest.skip("only root, or who has CAP_SYS_NICE, has such a priority")
    try:
        with Namespace().workplace(tmp_path) as place:
            policies = inside(place, "import os\nanswer = [os.sched_getscheduler(pid) for pid in (0, 1)]")
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    assert policies == [os.SCHED_OTHER, os.SCHED_OTHER]


def test_where_memory_runs_out_converters_end_first(confined: Confinement, tmp_path: Path) -> None:
    ours, theirs = both(confined, tmp_path, "answer = open('/proc/self/oom_score_adj').read()")
    assert int(ours) < int(theirs) == 1000


def test_real_time_priority_of_disks_is_given_up(namespaces_work: None, tmp_path: Path) -> None:
    asked = ["ionice", "-c", "1", "-p", str(os.getpid())]
    if subprocess.run(asked, capture_output=True, check=False).returncode:
        pytest.skip("only root, or who has CAP_SYS_NICE, has such a priority")
    try:
        with Namespace().workplace(tmp_path) as place:
            code = "import os, subprocess\nask = ['ionice', '-p', str(os.getpid())]\n"
            answer = inside(place, code + "answer = subprocess.run(ask, capture_output=True, text=True).stdout")
    finally:
        subprocess.run(["ionice", "-c", "2", "-p", str(os.getpid())], check=True)
    assert answer == "best-effort: prio 7\n"


def test_the_processes_of_one_document_are_counted(confined: Confinement, tmp_path: Path) -> None:
    """Root's account is bound by no such limit; what else it is by, is the same."""
    code = """
import os, resource, time
started = 0
try:
    while started < 2000 and os.getuid():
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        started += 1
except BlockingIOError:
    pass
answer = [started, resource.getrlimit(resource.RLIMIT_NPROC)]
"""
    with confined.workplace(tmp_path) as place:
        started, limits = inside(place, code)
    assert limits == [zygote_inside.MOST_PROCESSES] * 2
    assert started < zygote_inside.MOST_PROCESSES


KEYS = """
import ctypes
keys = ctypes.CDLL("libkeyutils.so.1")
keys.keyctl_search.argtypes = [ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int]
SESSION = -3
answer = {name: keys.keyctl_search(SESSION, b"user", name.encode(), 0) > 0 for name in ("outside", "a document")}
keys.add_key(b"user", b"a document", b"leaves it", 9, SESSION)
"""
WITH_KEYS = """
import sys
from pathlib import Path
from faxplan.confinement import LimitsOnly
from faxplan.namespaces import KeptNamespace
from faxplan.sandbox import Ceiling
from faxplan.scratch import Scratch
exec(sys.argv[2])
keys.keyctl_join_session_keyring(None)
keys.add_key(b"user", b"outside", b"a secret", 8, SESSION)
kept = KeptNamespace(Scratch(Path(sys.argv[1])))
for confined in (kept, kept, LimitsOnly()):
    with confined.workplace() as place:
        evaluated = "(exec(code, names := {}), names['answer'])[1]"
        print(*place.call(eval, evaluated, {"code": sys.argv[2]}, ceiling=Ceiling()).values())
kept.close()
"""


def test_no_key_of_the_kernel_s_is_read_nor_left(namespaces_work: None, tmp_path: Path) -> None:
    """In a process of its own: its session's keys stay with a process."""
    if ctypes.CDLL("libkeyutils.so.1").keyctl_get_keyring_ID(-3, 0) < 0:
        pytest.skip("keyctl(2) is forbidden here, as in a container")
    command = [sys.executable, "-c", WITH_KEYS, str(tmp_path / "scratch"), KEYS]
    found = subprocess.run(command, capture_output=True, check=True, text=True).stdout.splitlines()
    assert found == ["False False", "False False", "True False"]


def test_a_start_that_fails_leaves_no_process(
    namespaces_work: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started, real = [], subprocess.Popen

    def popen(*arguments: Any, **values: Any) -> Any:
        started.append(real(*arguments, **values))
        return started[-1]

    def none_free(_: int) -> int:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(subprocess, "Popen", popen)
    monkeypatch.setattr(os, "pidfd_open", none_free)
    with pytest.raises(OSError, match="Too many open files"):
        zygote.Zygote(tmp_path, {}, ())
    (process,) = started
    assert process.returncode is not None


def lives(pid: str) -> bool:
    """A zombie does not."""
    try:
        return Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_start_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where a disk does not answer: other faxes wait for the same starter."""
    monkeypatch.setattr(zygote, "_START_SECONDS", 0.2)
    monkeypatch.setattr(namespace, "trouble", lambda: None)
    # bubblewrap's own child waits for what bubblewrap is to set up, and would wait for ever.
    hanging = f"sleep 600 & echo $! >{tmp_path}/child; wait"
    monkeypatch.setattr(namespace, "command_line", lambda *_, **__: ["sh", "-c", hanging, "sh"])
    started, real = [], subprocess.Popen

    def popen(*arguments: Any, **values: Any) -> Any:
        started.append(real(*arguments, **values))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", popen)
    with pytest.raises(SandboxUnavailable):
        zygote.Zygote(tmp_path, {}, ())
    assert started[0].returncode is not None
    # Else this waits until the test is ended.
    while lives((tmp_path / "child").read_text().strip()):
        time.sleep(0.01)


def test_signals_do_not_end_the_zygote(kept: KeptNamespace) -> None:
    code = "import os, signal\nfor number in range(1, 65):\n    os.kill(1, number)\nanswer = 'sent'"
    for documents in (1, 2):
        with kept.workplace() as place:
            assert inside(place, code) == "sent"
        assert kept._zygote is not None
        assert kept._zygote.documents == documents


LEAVING = {
    "files": """
import os
for folder in ("/tmp", "/work"):
    os.makedirs(folder + "/a/b")
    open(folder + "/a/b/left", "w").close()
    os.symlink("/", folder + "/link")
    os.chmod(folder + "/a", 0)
""",
    "folders three thousand deep": """
import os
for folder in ("/tmp", "/work"):
    os.chdir(folder)
    for _ in range(3000):
        os.mkdir("d")
        os.chdir("d")
""",
    "a process": """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(600)
    os._exit(0)
""",
    "shared memory": "import ctypes\nassert ctypes.CDLL(None).shmget(4711, 4096, 0o1600) >= 0",
    "a message queue": "import os\nopen('/dev/mqueue/left', 'w').close()",
    "limits": "import resource\nresource.prlimit(1, resource.RLIMIT_NOFILE, (9, 9))",
    "patience": """
import os
os.setpriority(os.PRIO_PROCESS, 1, 19)
os.sched_setaffinity(1, {min(os.sched_getaffinity(1))})
""",
}
FOUND = """
import os, resource
answer = {
    "files": [name for folder in ("/tmp", "/work", "/dev/mqueue") for name in os.listdir(folder)],
    "processes": sum(name.isdecimal() for name in os.listdir("/proc")),
    "shared memory": open("/proc/sysvipc/shm").read().count("\\n"),
    "limits of the first": resource.prlimit(1, resource.RLIMIT_NOFILE)[0],
    "patience": [os.getpriority(os.PRIO_PROCESS, 1), len(os.sched_getaffinity(1))],
}
"""


@pytest.mark.parametrize("what", LEAVING)
def test_nothing_is_left_for_the_next_document(kept: KeptNamespace, what: str) -> None:
    with kept.workplace() as place:
        before = inside(place, FOUND)
    with kept.workplace() as place:
        assert inside(place, LEAVING[what] + "\nanswer = 'done'") == "done"
    with kept.workplace() as place:
        assert inside(place, FOUND) == before
    assert before["files"] == []
    assert before["processes"] == 2


def test_no_process_lives_when_a_call_returns(confined: Confinement, tmp_path: Path) -> None:
    # It holds a lock as long as it lives, and closes the door behind itself.
    code = f"""
import fcntl, os, time
reading, writing = os.pipe()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        fcntl.flock(os.open("{WORK}/lock", os.O_CREAT | os.O_RDWR), fcntl.LOCK_EX)
        os.write(writing, b"x")
        time.sleep(600)
    os._exit(0)
answer = len(os.read(reading, 1))
"""
    with confined.workplace(tmp_path) as place:
        assert inside(place, code) == 1
        with (place.folder / "lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize(
    ("code", "error", "words"),
    [
        ("import os\nos._exit(0)", RenderingFailed, "crashed"),
        ("import ctypes\nctypes.string_at(1)", RenderingFailed, "crashed"),
        ("while True: pass", DocumentTooExpensive, "processor time"),
        ("bytearray(3 * 1024**3)", DocumentTooExpensive, "memory"),
        (f"open('{WORK}/a', 'wb').write(bytes(2_000_000))", RenderingFailed, "File too large"),
    ],
)
def test_a_converter_that_dies_or_overruns_is_an_error_and_the_next_one_works(
    confined: Confinement, tmp_path: Path, code: str, error: type[Exception], words: str
) -> None:
    with confined.workplace(tmp_path) as place, pytest.raises(error, match=words):
        inside(place, code, Ceiling(cpu_seconds=1, file_bytes=1_000_000))
    with confined.workplace(tmp_path) as place:
        assert inside(place, "answer = 1") == 1


def test_one_that_sleeps_is_ended_with_all_that_it_has_started(confined: Confinement, tmp_path: Path) -> None:
    code = "import os, time\nfor _ in range(5): os.fork()\ntime.sleep(600)"
    with confined.workplace(tmp_path) as place:
        with pytest.raises(DocumentTooExpensive, match="too much time"):
            inside(place, code, Ceiling(wall_seconds=1))
        assert inside(place, FOUND)["processes"] == 2


def test_one_that_is_ended_from_outside_with_its_namespace(kept: KeptNamespace) -> None:
    # As systemd does, which ends us and all that we have started together.
    with kept.workplace() as place:
        running = kept._zygote
        assert running is not None

        def end() -> None:
            while not (place.folder / "started").exists():
                time.sleep(0.01)
            running._process.terminate()

        ending = threading.Thread(target=end)
        ending.start()
        with pytest.raises(RenderingFailed, match="crashed"):
            inside(place, f"import time\nopen('{WORK}/started', 'w').close()\ntime.sleep(600)")
        ending.join()
    with kept.workplace() as place:
        assert inside(place, "answer = 1") == 1


SAYING = """
import glob, os
for name in os.listdir("/proc/self/fd"):
    try:
        os.write(int(name), said)
    except OSError:
        pass
import time
time.sleep(600)
"""


@pytest.mark.parametrize(
    "said",
    [
        b'{"error_id": "database-unavailable", "message": "Wait for ever."}\n',
        b'{"error_id": ["x"], "message": {}}\n',
        b"7\n",
        b"[" * 100_000 + b"\n",
        b"\xff\xfe\n",
        b"{}\n",
    ],
)
def test_whatever_a_child_says_is_about_its_document(confined: Confinement, tmp_path: Path, said: bytes) -> None:
    with (
        confined.workplace(tmp_path) as place,
        pytest.raises(RenderingFailed, match=r"made no sense|Wait for ever|\{\}"),
    ):
        inside(place, f"said = {said!r}\n{SAYING}")


def test_the_words_of_an_error_are_cut_and_printable(confined: Confinement, tmp_path: Path) -> None:
    said = b'{"error_id": "damaged-document", "message": "\\u001b[2Jx' + b"y" * 5000 + b'"}\n'
    with confined.workplace(tmp_path) as place, pytest.raises(Exception, match=r"^ \[2Jxy+$") as refusal:
        inside(place, f"said = {said!r}\n{SAYING}")
    assert len(str(refusal.value)) == 1000


@pytest.mark.parametrize("left", ["os.symlink(other, at)", "os.mkdir(at)", "os.mkfifo(at)", "pass"])
def test_only_a_plain_file_is_taken(confined: Confinement, tmp_path: Path, left: str) -> None:
    # Not one of the machine's: where the protection is gone, its mode changes.
    other = tmp_path / "other"
    other.write_text("pages")
    with confined.workplace(tmp_path) as place:
        inside(place, f"import os\nat, other = {place.at('fax.tif')!r}, {str(other)!r}\n{left}\nanswer = 1")
        with pytest.raises(RenderingFailed, match="left no pages"):
            place.taken("fax.tif")
        inside(place, f"at = {place.at('good')!r}\nanswer = open(at, 'w').write('x')")
        assert place.taken("good").stat().st_mode & 0o777 == 0o600


def test_several_calls_in_one_place_share_its_folder(confined: Confinement, tmp_path: Path) -> None:
    with confined.workplace(tmp_path) as place:
        inside(place, f"answer = open({place.at('a')!r}, 'w').write('x')")
        (tmp_path / "b").write_text("y")
        given = place.given(tmp_path / "b")
        assert inside(place, f"answer = open({place.at('a')!r}).read() + open({given!r}).read()") == "xy"


def test_nothing_of_a_place_stays(confined: Confinement, tmp_path: Path) -> None:
    before = set(tmp_path.iterdir())
    with confined.workplace(tmp_path) as place:
        inside(place, LEAVING["folders three thousand deep"] + "\nanswer = 1")
        folder = place.folder
    assert set(tmp_path.iterdir()) - before <= {tmp_path / "scratch"}
    assert not folder.exists() or not list(folder.iterdir())


def test_a_kept_one_is_replaced_when_it_ends_and_after_so_many(
    kept: KeptNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def one() -> None:
        with kept.workplace() as place:
            inside(place, "answer = 1")
        assert kept._zygote is not None
        seen.append(kept._zygote)

    one()
    one()
    assert seen[0] is seen[1]
    seen[1]._process.kill()
    seen[1]._process.wait()
    one()
    assert seen[2] is not seen[1]
    monkeypatch.setattr(namespaces, "MOST_DOCUMENTS", 2)
    one()
    one()
    assert [seen[3] is seen[2], seen[4] is seen[3]] == [True, False]


def test_a_kept_one_ends_with_its_processes_and_its_folder(kept: KeptNamespace, tmp_path: Path) -> None:
    kept.check()
    assert kept._zygote is not None
    assert len(list((tmp_path / "scratch").iterdir())) == 1
    kept.close()
    kept.close()
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.fixture
def pool(namespaces_work: None, tmp_path: Path) -> Iterator[NamespacePool]:
    made = NamespacePool(Scratch(tmp_path / "scratch"))
    yield made
    made.close()


MARK = "import os\nopen('/tmp/mark', 'w').close()\nanswer = len(os.listdir('/tmp'))"


def first_process(place: Workplace) -> int:
    """What differs from namespace to namespace: the number of the namespace of its processes."""
    return int(inside(place, "import os\nanswer = os.stat('/proc/self/ns/pid').st_ino"))


def test_a_pool_lends_one_that_is_idle_also_when_the_thread_that_wanted_it_first_is_gone(
    pool: NamespacePool, tmp_path: Path
) -> None:
    seen: list[int] = []

    def one() -> None:
        with pool.workplace(tmp_path) as place:
            assert inside(place, MARK) == 1
            seen.append(first_process(place))

    for _ in range(3):
        thread = threading.Thread(target=one)
        thread.start()
        thread.join()
    assert len(seen) == 3
    assert len(set(seen)) == 1


def test_pages_of_received_faxes_stay_in_the_spool(namespaces_work: None, tmp_path: Path) -> None:
    settings = Settings(database_url="postgresql:///x", state_dir=tmp_path / "state", spool_dir=tmp_path / "spool")
    left = tmp_path / "spool" / "drawing" / "of-a-killed-process"
    left.mkdir(parents=True)
    (left / "page").write_bytes(b"plain")
    made = namespaces.shared(settings, Scratch(settings.work))
    assert not left.exists()
    try:
        with made.workplace(tmp_path) as place:
            assert place.folder.is_relative_to(settings.spool)
            assert inside(place, f"open('{WORK}/page', 'w').close()\nanswer = 'drawn'") == "drawn"
            assert (place.folder / "page").exists()
        assert not list(settings.spool.rglob("page"))
    finally:
        made.close()
    assert not settings.work.exists()


def test_documents_at_once_have_a_namespace_each(pool: NamespacePool, tmp_path: Path) -> None:
    with pool.workplace(tmp_path) as first, pool.workplace(tmp_path) as second:
        both_at_once = {first_process(first), first_process(second)}
        (first.folder / "of the first").touch()
        assert list(second.folder.iterdir()) == []
    with pool.workplace(tmp_path) as third:
        assert first_process(third) in both_at_once
        assert list(third.folder.iterdir()) == []
    assert len(both_at_once) == len(list((tmp_path / "scratch").iterdir())) == 2
    pool.close()
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_result_is_taken_out_to_another_file_system_too(
    pool: NamespacePool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def elsewhere(self: Path, target: Path) -> Path:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    target = tmp_path / "result"
    target.write_bytes(b"what was there before")
    for replace in (elsewhere, Path.replace):
        with pool.workplace(tmp_path) as place:
            inside(place, f"open({place.at('made')!r}, 'w').write('pages')\nanswer = None")
            with monkeypatch.context() as patched:
                patched.setattr(Path, "replace", replace)
                assert place.moved("made", target) == target
            assert list(place.folder.iterdir()) == []
        assert (target.read_bytes(), target.stat().st_mode & 0o777) == (b"pages", 0o600)


def test_a_pool_is_used_again_after_it_was_closed(pool: NamespacePool, tmp_path: Path) -> None:
    for _ in range(2):
        with pool.workplace(tmp_path) as place:
            assert inside(place, MARK) == 1
        pool.close()


def test_where_there_is_no_bubblewrap_it_says_so_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(namespace, "ENVIRONMENT", MappingProxyType({"PATH": str(tmp_path)}))
    kept = KeptNamespace(Scratch(tmp_path / "scratch"))
    for confinement in (Namespace(), kept, NamespacePool(Scratch(tmp_path / "scratch"))):
        with pytest.raises(SandboxUnavailable, match=r"not installed. apt-get install bubblewrap. .*limits"):
            confinement.check()
        with (
            pytest.raises(SandboxUnavailable),
            confinement.workplace(tmp_path) as place,
        ):
            inside(place, "answer = 1")
    assert list((tmp_path / "scratch").iterdir()) == []


def test_the_code_of_the_inside_runs_nowhere_else() -> None:
    # It ends every process that it can reach.
    ran = subprocess.run(
        ["/usr/bin/python3", "-c", "from faxplan.zygote_inside import main; main()", "0"],
        env={"PYTHONPATH": str(Path(zygote.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert "first process of a sandbox only" in ran.stderr
