"""The doctor on the folders of this node: there, private, ours, with room, and the spool in memory."""

import os
import pwd
import shutil
import stat
from pathlib import Path

from faxplan import pending
from faxplan.config import Settings
from faxplan.document_store import Store
from faxplan.findings import Finding, error, ok, warning
from faxplan.spool import Spool

_FULL = 0.9
_NEARLY_FULL = 0.75
_LEAST_STORE_BYTES = 1024**3
_LEAST_SPOOL_BYTES = 64 * 1024**2
_LEAST_WORK_BYTES = 64 * 1024**2
_MANY_WAITING = 20
_WHOSE = (
    "The pages are in fax.tif; for whom they are says the call's row (table attempts, its id is the folder's name). "
    "Give them on, then delete the folders."
)


def folders(settings: Settings) -> list[Finding]:
    """State, spool, store, and what waits in journal and pending."""
    found = [
        folder("state folder", settings.state_dir),
        folder("spool", settings.spool),
        folder("work", settings.work),
        *([] if settings.store_bucket else _store(settings)),
    ]
    if settings.spool.is_dir():
        found += [
            _room("spool", settings.spool, _LEAST_SPOOL_BYTES, "Calls fail while it is full"),
            _memory("spool", settings.spool, "pages of calls in progress"),
            *_unreadable_spool(Spool(settings.spool)),
        ]
    if settings.work.is_dir():
        found += [
            _room("work", settings.work, _LEAST_WORK_BYTES, "No document is rendered while it is full"),
            _memory("work", settings.work, "documents while they are worked on"),
        ]
    if settings.store.is_dir() and not settings.store_bucket:
        found.append(_room("document store", settings.store, _LEAST_STORE_BYTES, "Nothing can be sent or kept"))
    if settings.state_dir.is_dir():
        found += [
            _waiting("journal", settings.journal, "outcomes of calls wait to be settled"),
            _waiting("pending", settings.pending, "received faxes wait to be delivered"),
            *_unreadable(settings.journal),
            *_unreadable_pending(settings.pending),
            *_unclaimed(settings.pending),
        ]
        if settings.stop_file.exists():
            found.append(
                warning(
                    "runtime, stopped",
                    f"on purpose ({settings.stop_file}): nothing is dialled here, and calls are not settled",
                    "Start it again: fs_cli -x 'python fax_queue::start'",
                )
            )
        if settings.pause_file.exists():
            found.append(
                warning(
                    "node, paused",
                    f"on purpose ({settings.pause_file}): nothing new is dialled here",
                    "Let it dial again: fs_cli -x 'python fax_queue::resume'",
                )
            )
    return found


def folder(what: str, path: Path) -> Finding:
    """There, a folder, private, and ours."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return error(what, f"{path} does not exist", f"Make it: install -d -m 0700 {path}, as the user of FreeSWITCH.")
    except PermissionError:
        return error(what, f"{path} cannot be looked at", "Run the doctor as root, or as the user who owns it.")
    if not stat.S_ISDIR(status.st_mode):
        return error(what, f"{path} is no folder", "Move it away, or name another folder in the settings.")
    return _access(what, path, status)


def _store(settings: Settings) -> list[Finding]:
    """The document store's folder, and whether it is the store: its disk may not be mounted."""
    what, path, store = "document store", settings.store, Store.of(settings)
    if not path.exists():
        remedy = "The worker makes it: systemctl status faxplan-worker."
        if settings.store_dir is not None:
            remedy = (
                f"Mount its disk. If it is new: install -d -m 0700 {path}, as the user of FreeSWITCH, then faxplan "
                "store accept"
            )
        return [error(what, f"{path} does not exist", remedy)]
    found = [folder(what, path)]
    if os.access(path, os.X_OK) and not store.marker.exists():
        found.append(
            error(
                f"{what}, marker",
                f"{store.marker} is missing: this is not the store, but the place where its disk belongs. No fax is "
                "dialled, and received ones wait",
                "Mount the disk. If it is a new store, or one restored without that file: faxplan store accept",
            )
        )
    return found


def _access(what: str, path: Path, status: os.stat_result) -> Finding:
    owner = _name(status.st_uid)
    if status.st_mode & 0o077:
        return error(what, f"{path} is open to others (mode {status.st_mode & 0o777:04o})", f"chmod 0700 {path}")
    if os.geteuid() not in (0, status.st_uid):
        return warning(
            what, f"{path} belongs to {owner}, not to {_name(os.geteuid())}", f"Run the doctor as root or {owner}."
        )
    if not os.access(path, os.W_OK | os.X_OK):
        return error(
            what, f"{path} cannot be written", f"See whether its file system is mounted read-only, for {owner}."
        )
    return ok(what, f"{path}, private, of {owner}")


def _room(what: str, path: Path, least: int, otherwise: str) -> Finding:
    usage = shutil.disk_usage(path)
    used = 1 - usage.free / usage.total if usage.total else 1.0
    shown = f"{usage.free / 1024**2:,.0f} MB free, {used:.0%} full"
    what = f"{what}, room"
    remedy = f"Free some space on the file system of {path}, or name another folder in the settings."
    if usage.free < least and used > _FULL:
        return error(what, f"{shown}. {otherwise}", remedy)
    if usage.free < 4 * least and used > _NEARLY_FULL:
        return warning(what, shown, remedy)
    return ok(what, shown)


def _memory(what: str, path: Path, content: str) -> Finding:
    """what: as the setting, without _dir."""
    kind = file_system(path)
    if kind == "tmpfs":
        return ok(f"{what}, place", f"tmpfs: {content} never reach a disk")
    return warning(
        f"{what}, place",
        f"on {kind or 'an unknown file system'}: {content} are written to a disk",
        f"Mount a tmpfs there, or set {what}_dir to one: mount -t tmpfs -o size=1g,mode=0700 tmpfs {path}",
    )


def file_system(path: Path) -> str | None:
    """The kind of file system that a path lies on (proc(5), mounts)."""
    real = path.resolve()
    best: tuple[int, str] | None = None
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, mounted, kind, *_ = line.split(" ")
        point = Path(mounted.encode().decode("unicode_escape"))
        # The last of two mounts on one point hides the first.
        if real.is_relative_to(point) and (best is None or len(point.parts) >= best[0]):
            best = (len(point.parts), kind)
    return best[1] if best else None


def _waiting(what: str, folder: Path, meaning: str) -> Finding:
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    count = sum(name.removesuffix(".json").isdecimal() for name in names)
    if count > _MANY_WAITING:
        return warning(what, f"{count} {meaning}", "See whether the database and the switch's runtime are well, below.")
    return ok(what, f"{count} {meaning}")


def _unreadable(journal: Path) -> list[Finding]:
    """Outcomes that the journal has put aside."""
    if not (aside := sorted(journal.glob("*.unreadable"))):
        return []
    return [
        error(
            "journal, damaged",
            f"{len(aside)} outcomes cannot be read, such as {aside[0]}: their faxes were settled without them",
            "See whether the disk is sound and was full; compare those faxes (`faxplan show`), then delete the files.",
        )
    ]


def _unreadable_spool(spool: Spool) -> list[Finding]:
    """Received pages whose sidecar is damaged."""
    if not (aside := spool.damaged()):
        return []
    return [
        error(
            "spool, damaged",
            f"{len(aside)} received faxes lie unsealed in folders whose call.json cannot be read, such as {aside[0]}",
            f"See whether the disk is sound and was full. {_WHOSE}",
        )
    ]


def _unreadable_pending(folder: Path) -> list[Finding]:
    """Received faxes that pending/ has put aside."""
    if not (aside := sorted(folder.glob("*.unreadable"))):
        return []
    return [
        error(
            "pending, damaged",
            f"{len(aside)} received faxes lie in folders whose call.json cannot be read, such as {aside[0]}",
            f"See whether the disk is sound and was full. {_WHOSE}",
        )
    ]


def _unclaimed(folder: Path) -> list[Finding]:
    """Received faxes that the database has never heard of."""
    if not (aside := pending.unclaimed(folder)):
        return []
    return [
        error(
            "pending, unclaimed",
            f"{len(aside)} received faxes that the database does not know, such as {aside[0]}: it was restored from a "
            "backup, or lost its last rows in a fail-over",
            "Give each to whom it is for (call.json names tenant and mailbox by their ids; the pages are in fax.pdf or "
            "fax.tif), then delete its folder.",
        )
    ]


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user id {uid}"
