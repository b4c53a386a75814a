"""The doctor on the guard: whether it, which runs as the user of FreeSWITCH, can read the event socket's password."""

import grp
import os
import pwd
from collections.abc import Collection
from pathlib import Path

from faxplan.config import Settings
from faxplan.findings import Finding, error, ok

_READ, _PASS = 4, 1


def password_file(settings: Settings) -> list[Finding]:
    """Nothing where there is no such file, or none is set: whoever asks the event socket says so."""
    file = settings.event_socket_password_file
    try:
        # The state folder is of FreeSWITCH's user, whatever that is called here.
        who = pwd.getpwuid(settings.state_dir.stat().st_uid)
        if file is None or not file.is_file():
            return []
        mode = file.stat().st_mode & 0o777
        readable = can_read(file, who.pw_uid, set(os.getgrouplist(who.pw_name, who.pw_gid)))
    except (OSError, KeyError):
        return []
    what = "event socket, password"
    remedy = f"chown root:{_group(who.pw_gid)} {file}; chmod 0640 {file}"
    if mode & 0o007:
        return [
            error(
                what,
                f"{file} is open to everybody (mode {mode:04o}), and whoever knows it commands FreeSWITCH",
                f"{remedy}. Then change the password, there and in event_socket.conf.xml.",
            )
        ]
    if not readable:
        return [
            error(
                what,
                f"the guard cannot read {file} as {who.pw_name}: a silent runtime is not started again",
                f"{remedy}. {who.pw_name} must be able to pass each folder above it, too.",
            )
        ]
    return [ok(what, f"{file}, readable by {who.pw_name}")]


def can_read(file: Path, uid: int, groups: Collection[int]) -> bool:
    """Whether a user in these groups can read the file: by modes alone, as path_resolution(7) has it."""
    real = file.resolve()
    return uid == 0 or (
        _allows(real, uid, groups, _READ) and all(_allows(folder, uid, groups, _PASS) for folder in real.parents)
    )


def _allows(path: Path, uid: int, groups: Collection[int], wanted: int) -> bool:
    status = path.stat()
    shift = 6 if status.st_uid == uid else 3 if status.st_gid in groups else 0
    return bool(status.st_mode >> shift & wanted)


def _group(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
