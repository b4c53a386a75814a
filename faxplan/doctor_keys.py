"""The doctor on keys and what could carry them away: their folder, swap, core dumps; and on keys that others may have.

It reads no private key. Whether a backup takes the folder along cannot be seen from here: it says so, and where the
folder is.
"""

import os
import re
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from faxplan import doctor_folders, transient_readers
from faxplan.config import Settings
from faxplan.db import Transaction
from faxplan.findings import Finding, error, ok, warning
from faxplan.key_folder import KeyFolder
from faxplan.transient_readers import LOST_SECONDS
from faxplan.wraps import PublicKey

_SWAPS = Path("/proc/swaps")
_BLOCK_DEVICES = Path("/sys/dev/block")
_UNITS = Path("/etc/systemd/system")
_OUR_UNITS = ("faxplan-worker.service", "freeswitch.service.d/faxplan.conf")


def keys(settings: Settings) -> list[Finding]:
    """All of it."""
    return [*key_folder("keys", settings.keys), *_mailer(settings), *swap(), *core_dumps()]


def _mailer(settings: Settings) -> list[Finding]:
    """Made by the worker: on a machine without one there is none."""
    return key_folder("keys, for mail", settings.mailer_keys) if os.path.lexists(settings.mailer_keys) else []


def key_folder(what: str, path: Path) -> list[Finding]:
    """The folder of this machine's keys: there, private, ours; where it lies; and that what is in it is renewed."""
    if not os.path.lexists(path):
        return [
            error(
                what,
                f"{path} does not exist: what waits to be sent cannot be opened here",
                "Worker and switch make it: systemctl status faxplan-worker.",
            )
        ]
    found = [doctor_folders.folder(what, path)]
    if not os.access(path, os.R_OK | os.X_OK):
        return found
    kind = doctor_folders.file_system(path)
    if kind == "tmpfs":
        place = (
            "in memory: nothing of a destroyed key is left, and what waits when the machine stops is to be sent again"
        )
    else:
        place = (
            f"on {kind or 'an unknown file system'}: a destroyed key may stay on the disk, for whoever takes it apart"
        )
    found.append(ok(f"{what}, place", f"{place}. That no backup has {path} in it cannot be seen from here: see to it"))
    owner, open_ones, old = path.stat().st_uid, [], []
    for file in sorted(path.glob("*.key")):
        try:
            status = file.lstat()
        except FileNotFoundError:
            # Destroyed while we look.
            continue
        if not stat.S_ISREG(status.st_mode) or status.st_mode & 0o077 or status.st_uid != owner:
            open_ones.append(file)
        if status.st_mtime < time.time() - LOST_SECONDS:
            old.append(file)
    if open_ones:
        found.append(
            error(
                f"{what}, access",
                f"{len(open_ones)} keys are open to others, or of somebody else, such as {open_ones[0]}",
                "See who has read them; then chmod 0600, and chown to the folder's owner.",
            )
        )
    if old:
        found.append(
            warning(
                f"{what}, age",
                f"{len(old)} keys are older than three days, such as {old[0]}: nobody renews and destroys them",
                "See whether worker and switch run, and why not: systemctl status faxplan-worker.",
            )
        )
    return found


def of_machine(tx: Transaction, settings: Settings) -> list[Finding]:
    """Whether what is wrapped to this machine can be opened here, and not elsewhere (role admin)."""
    folders = {transient_readers.DISPATCH: settings.keys, transient_readers.MAILER: settings.mailer_keys}
    rows = tx.rows(
        "select purpose, public_key from transient_keys where node = %s and retired_at is null order by purpose",
        (settings.node,),
    )
    found = []
    for row in rows:
        folder = folders[row["purpose"]]
        if os.path.lexists(folder) and not os.access(folder, os.R_OK | os.X_OK):
            # Not ours to look into.
            continue
        if PublicKey(bytes(row["public_key"])) not in KeyFolder(folder).held():
            found.append(
                error(
                    "keys, of this machine",
                    f"the database has a {row['purpose']} key of {settings.node}, and {folder} has no private half of "
                    "it: what waits is wrapped to it all the same",
                    "Somebody put it there, who opens what waits (`faxplan audit verify` says so where no row has it), "
                    "or the key folder was lost. The worker takes another key when it starts: systemctl restart "
                    "faxplan-worker.",
                )
            )
    return found


def swap(swaps: Path = _SWAPS, devices: Path = _BLOCK_DEVICES) -> list[Finding]:
    """Whether what is in memory may be written to a disk as it is: keys, and pages of the spool."""
    try:
        lines = swaps.read_text().splitlines()[1:]
    except FileNotFoundError:
        lines = []
    # proc(5): a space in a name is \040 there.
    names = [Path(line.split()[0].encode().decode("unicode_escape")) for line in lines]
    plain = [name for name in names if not _is_safe(name, devices)]
    if plain:
        return [
            warning(
                "swap",
                f"{', '.join(map(str, plain))}: not encrypted, as far as can be seen: keys and pages may get there",
                "Encrypt it with a new key at each start (crypttab(5): /dev/urandom swap), or do without: swapoff -a.",
            )
        ]
    return [ok("swap", f"{', '.join(map(str, names))}: encrypted, or in memory" if names else "none")]


def _is_safe(name: Path, devices: Path) -> bool:
    """In memory, or on dm-crypt."""
    try:
        status = name.stat()
    except OSError:
        return False
    number = status.st_rdev if stat.S_ISBLK(status.st_mode) else status.st_dev
    device = devices / f"{os.major(number)}:{os.minor(number)}"
    return device.resolve().name.startswith("zram") or _is_encrypted(device)


def _is_encrypted(device: Path) -> bool:
    """Whether a block device is one of dm-crypt, or stands on such ones alone (as a volume of LVM)."""
    mapped = device / "dm" / "uuid"
    if mapped.is_file() and mapped.read_text().startswith("CRYPT-"):
        return True
    below = list(_below(device))
    return bool(below) and all(_is_encrypted(each) for each in below)


def _below(device: Path) -> Iterator[Path]:
    slaves = device / "slaves"
    if slaves.is_dir():
        yield from slaves.iterdir()


def core_dumps(units: Path = _UNITS) -> list[Finding]:
    """Whether our units say that a crash writes no memory to a disk; of those that are installed."""
    found = []
    for name in _OUR_UNITS:
        unit = units / name
        if not unit.is_file():
            continue
        if re.search(r"^LimitCORE=0$", unit.read_text(errors="replace"), re.MULTILINE):
            found.append(ok(f"core dumps, {name}", "none"))
        else:
            found.append(
                warning(
                    f"core dumps, {name}",
                    f"{unit} has no LimitCORE=0: a crash may write keys and pages to a disk",
                    f"Take over conf/systemd/{name} again; systemctl daemon-reload, then restart the service.",
                )
            )
    return found
