"""The first process inside a sandbox: forks a limited child for each document, and leaves nothing of one to the next.

It parses nothing itself. As the first process of its process ids it ends every other one at once, and when it ends,
the kernel ends them. What else a child could leave or change, it finds or undoes: then it ends, and another is started.
"""

import ctypes
import gc
import json
import os
import re
import resource
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from faxplan import sandbox
from faxplan.files import empty_folder
from faxplan.namespace import TEMPORARY

MOST_PROCESSES = 512
"""And threads, of all that a document starts: LibreOffice has some fifty, and Ghostscript is started once a core."""
_PR_SET_DUMPABLE = 4
_QUEUES = Path("/dev/mqueue")
_IPC = tuple(Path("/proc/sysvipc", kind) for kind in ("shm", "msg", "sem"))
_KINDS_OF_LIMITS = 16  # RLIM_NLIMITS of <sys/resource.h>
_LONGEST_REQUEST = 1024 * 1024


def main() -> None:
    """Started by Zygote: the socket's descriptor, then modules to have in memory. Ends when the socket is closed."""
    if os.getpid() != 1:
        # It ends all processes that it can reach.
        raise SystemExit("This runs as the first process of a sandbox only (faxplan.zygote).")
    _bound()
    control = socket.socket(fileno=int(sys.argv[1]))
    _hide()
    for name in sys.argv[2:]:
        import_module(name)
    # Children share these pages with us as long as neither writes to them, and a collection would.
    gc.collect()
    gc.freeze()
    _be_quiet()
    standing = _standing()
    control.send(b"ready")
    while _serve_one(control, standing):
        pass


def _serve_one(control: socket.socket, standing: Sequence[Any]) -> bool:
    data, descriptors, _, _ = socket.recv_fds(control, _LONGEST_REQUEST, 1)
    if not data:
        return False
    (answers,) = descriptors
    child = os.fork()
    if child == 0:
        control.close()
        os.setsid()
        _leave_keyring()
        sandbox.serve(json.loads(data), answers)
    os.close(answers)
    # Whatever the child does meanwhile; an end of the socket is ours.
    if not control.recv(16):
        return False
    status = _end_all(child)
    empty_folder(Path(TEMPORARY))
    clean = _standing() == standing and not _left()
    both = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    seconds = sum(used.ru_utime + used.ru_stime for used in both)
    control.send(json.dumps({"status": status, "processor_seconds": seconds, "clean": clean}).encode())
    return clean


def _end_all(child: int) -> int:
    """Ends every other process inside; the child's wait status."""
    found = 0
    with suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, 0)
            if pid == child:
                found = status
    return found


def _bound() -> None:
    """In the switch's unit, whose processes are counted together, no more could be started else: neither call nor fax.

    As of Linux 5.14 those of this namespace are counted alone; before, all of the account.
    """
    if tuple(int(number) for number in re.findall(r"[0-9]+", os.uname().release)[:2]) >= (5, 14):
        resource.setrlimit(resource.RLIMIT_NPROC, (MOST_PROCESSES, MOST_PROCESSES))


def _hide() -> None:
    """From children: they have our account, but neither our memory, nor our descriptors, nor our environment."""
    if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def _leave_keyring() -> None:
    """For an empty one: all processes of a session read its keys and add to them, in any namespace (keyrings(7)). Where
    the kernel refuses this, it refuses the rest to children as well. The library comes with libpq.
    """
    with suppress(OSError):
        ctypes.CDLL("libkeyutils.so.1").keyctl_join_session_keyring(None)


def _be_quiet() -> None:
    # The kernel keeps signals from inside away from a first process, but for those that it has a handler for.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)


def _standing() -> Sequence[Any]:
    """What a process of the same account may change of us, and the next child would inherit."""
    limits = [resource.getrlimit(kind) for kind in range(_KINDS_OF_LIMITS)]
    return [limits, os.sched_getaffinity(0), os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0)]


def _left() -> bool:
    """Whether a child has left something in memory that processes share: it would outlive them all."""
    return any(_QUEUES.iterdir()) or any(len(kind.read_text().splitlines()) > 1 for kind in _IPC)
