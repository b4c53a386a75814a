"""Restores a backup (backup_manifest) on this machine: documents, database, and what must be said of it.

First it is looked at whether the backup is whole, and whether it may be restored here. Documents come before the
database, which has its name when all is there that it names. On this machine the keys of days go then, so that nothing
goes out twice that was sent since the backup.
"""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from urllib.parse import parse_qs, urlsplit, urlunsplit

from faxplan import (
    audit,
    audit_key,
    audit_restores,
    backup_manifest,
    checkpointing,
    checkpoints,
    database_restore,
    migrations,
)
from faxplan.backup_manifest import CHECKPOINT, DUMP, STORE, VKEY, Manifest, NotABackup, Told
from faxplan.checkpoints import Checkpoint
from faxplan.config import Settings
from faxplan.database_restore import Found, RestoreFailed, RestoreRefused
from faxplan.db import Database
from faxplan.document_store import Store
from faxplan.errors import FaxplanError
from faxplan.key_folder import KeyFolder
from faxplan.owner_rights import as_owner_of
from faxplan.signed_notes import Verifier

_POSTGRES = "postgres"
_BRINGING = ".restoring"
"""Beside the objects, from the first that comes back until all are there: before that a store has no marker."""
_SHOWN = 20
_TOLD_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Plan:
    """What a restore would do. found: the database that is there; None: none, or another account looks (as_postgres).
    missing: files of the store that are not here yet, by their path in the backup. keys: of days, that go."""

    manifest: Manifest
    found: Found | None
    missing: tuple[str, ...]
    keys: int
    superuser_url: str
    as_postgres: bool


def plan(
    settings: Settings, folder: Path, *, superuser_url: str | None, replace_as: str | None, told: Told = lambda _: None
) -> Plan:
    """Reads all of the backup. Raises NotABackup, naming each file that is wrong, RestoreRefused, StoreUnavailable,
    DatabaseUnavailable, and RestoreFailed where another account looked and has said why."""
    manifest = backup_manifest.read(folder)
    if wrong := backup_manifest.faults(folder, told):
        more = f"\n... and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise NotABackup(f"{folder} is not whole, and nothing was restored:\n" + "\n".join(wrong[:_SHOWN]) + more)
    if manifest.level > len(migrations.available()):
        raise RestoreRefused(
            f"The backup is of release {manifest.release} (schema {manifest.level}), newer than this one "
            f"({len(migrations.available())}). Install that release, or a newer one."
        )
    missing = tuple(_missing(settings, folder))
    url, as_postgres = _superuser(settings, superuser_url)
    found = None
    if as_postgres:
        _as_postgres(settings, url, replace_as, manifest.sums, None)
    else:
        found = database_restore.examine(url, settings.database_name, replace_as, manifest.sums)
    return Plan(manifest, found, missing, sum(len(each.held()) for each in _keys(settings)), url, as_postgres)


def carry_out(settings: Settings, folder: Path, wanted: Plan, *, replace_as: str | None, told: Told) -> None:
    """Documents, database, keys: what one that was cut off has done is not done again. Errors as of `plan`, and
    RestoreFailed."""
    bring_documents(settings, folder, wanted.missing, told)
    of = wanted.manifest.sums
    with (folder / DUMP).open("rb") as dump:
        if wanted.as_postgres:
            _as_postgres(settings, wanted.superuser_url, replace_as, of, dump.fileno())
        else:
            database_restore.restore(
                wanted.superuser_url, settings.database_name, dump, replace_as=replace_as, of=of, told=told
            )
    for each in _keys(settings):
        for public in each.held():
            each.destroy(public)


def note(settings: Settings, admin: Database, actor: audit.Who, folder: Path, reason: str) -> int:
    """Says in the audit that the database was restored; the new generation (audit_restores). Compares with the last
    checkpoint that is here, or in the backup."""
    return audit_restores.record(
        admin, actor=audit.name_of(actor), reason=reason, newest=_checkpoint_here(settings) or _checkpoint_in(folder),
        backup=backup_manifest.read(folder).sums,
    )  # fmt: skip


def _checkpoint_here(settings: Settings) -> Checkpoint | None:
    signer = audit_key.load(settings.audit_key)
    newest = checkpointing.newest(settings, signer.verifier) if signer else None
    return newest[0] if newest else None


def _checkpoint_in(folder: Path) -> Checkpoint | None:
    try:
        verifier = Verifier.of((folder / VKEY).read_text(encoding="utf-8"))
        return checkpoints.read((folder / CHECKPOINT).read_text(encoding="utf-8"), verifier)
    except (OSError, FaxplanError):
        # A backup has neither before the first checkpoint; one that the key of then did not sign explains nothing.
        return None


def _keys(settings: Settings) -> list[KeyFolder]:
    return [KeyFolder(settings.keys), KeyFolder(settings.mailer_keys)]


def _missing(settings: Settings, folder: Path) -> list[str]:
    """Files of the store that this machine's has not, or not whole. Raises StoreUnavailable."""
    store = Store.of(settings)
    objects = [path for path, _ in backup_manifest.sums(folder) if path.startswith(f"{STORE}/")]
    if store.folder is None:
        present = store.names() if objects else set()
        return [path for path in objects if len(path.rpartition("/")[2]) == 32 and path[-32:] not in present]
    # One that a restore was bringing back when it was cut off has no marker yet.
    if not (store.root / _BRINGING).exists() and (not store.root.exists() or any(store.root.iterdir())):
        store.check()
    found = []
    for path in objects:
        here = store.root / path.removeprefix(f"{STORE}/")
        is_object = len(here.name) == len(path.rpartition("/")[2]) == 32
        if not here.exists() or (is_object and here.stat().st_size != (folder / path).stat().st_size):
            found.append(path)
    return found


def bring_documents(settings: Settings, folder: Path, missing: tuple[str, ...], told: Told) -> None:
    """Files of a backup, by their path in it, into the store, as the user whose state_dir it is: FreeSWITCH's, where
    root restores. Raises RestoreRefused."""
    if not missing:
        if not settings.store_bucket and (settings.store / _BRINGING).exists():
            with as_owner_of(settings.state_dir.resolve()):
                (settings.store / _BRINGING).unlink()
        return
    if settings.store_bucket:
        raise RestoreRefused(
            f"{settings.store_bucket} lacks {len(missing)} documents that the backup has. Copy {folder / STORE} there "
            "first, as it is (rclone copy, or another program of the server's); then restore."
        )
    root = settings.store
    if not settings.state_dir.is_dir():
        raise RestoreRefused(
            f"{settings.state_dir} does not exist. Install Faxplan on this machine first "
            "(docs/install-on-freeswitch.md)."
        )
    # Above it all is root's; a link there is the administrator's.
    state_dir = settings.state_dir.resolve()
    if not root.exists():
        _make(root, state_dir)
    next_told = 0.0
    # The marker makes it the store: when all is there.
    for count, path in enumerate(sorted(missing, key=lambda each: "/.faxplan-store" in each), 1):
        target = root / path.removeprefix(f"{STORE}/")
        if count == 1 and not any(root.iterdir()):
            with as_owner_of(state_dir):
                (root / _BRINGING).touch(0o600)
        with (folder / path).open("rb") as reader, as_owner_of(state_dir):
            _bring(reader, target)
        if time.monotonic() >= next_told:
            next_told = time.monotonic() + _TOLD_SECONDS
            told(f"documents: {count} of {len(missing)}")
    if (root / _BRINGING).exists():
        with as_owner_of(state_dir):
            (root / _BRINGING).unlink()
    os.sync()


def _make(root: Path, state_dir: Path) -> None:
    owner = state_dir.stat()
    if root.parent.stat().st_uid == owner.st_uid:
        with as_owner_of(state_dir):
            root.mkdir(mode=0o700)
        return
    # In a folder of root's own nobody turns the name meanwhile.
    root.mkdir(mode=0o700)
    os.chown(root, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _bring(reader: BinaryIO, target: Path) -> None:
    if target.parent.is_symlink():
        raise RestoreRefused(
            f"{target.parent} is a link, which Faxplan has not made there. Remove it, and do this again."
        )
    target.parent.mkdir(mode=0o700, exist_ok=True)
    partial = target.with_name(f".{target.name}.restoring")
    partial.unlink(missing_ok=True)
    with open(partial, "xb", opener=lambda path, flags: os.open(path, flags | os.O_NOFOLLOW, 0o600)) as writer:
        shutil.copyfileobj(reader, writer)
    partial.replace(target)


def _superuser(settings: Settings, given: str | None) -> tuple[str, bool]:
    """The URL, and whether the account postgres has to use it: PostgreSQL knows its superuser by the account."""
    if given is not None:
        return given, False
    parts = urlsplit(settings.database_url)
    host = parts.hostname or parse_qs(parts.query).get("host", ["/"])[0]
    if os.geteuid() != 0 or not host.startswith("/"):
        return settings.superuser_url, False
    bare = parts._replace(netloc="", path="/postgres")
    return urlunsplit(bare).replace(":/postgres", ":///postgres", 1), True


def _as_postgres(settings: Settings, url: str, replace_as: str | None, of: str, dump: int | None) -> None:
    """`faxplan database restore` by the account postgres, which says what is wrong. dump: a descriptor; None: it only
    looks."""
    command = [
        "runuser", "-u", _POSTGRES, "--", sys.executable, "-m", "faxplan.cli", "database", "restore",
        "--database", settings.database_name, "--superuser-url", url, "--of", of,
        *(["--replace-as", replace_as] if replace_as else []), *(["--dry-run"] if dump is None else []),
    ]  # fmt: skip
    # From a folder that account may be in.
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL if dump is None else dump,
        stdout=subprocess.DEVNULL,
        cwd="/",
        check=False,
        # With the turn (machine_turn): should we be killed, it lasts as long as this does.
        close_fds=False,
    )
    if done.returncode:
        raise RestoreFailed(
            f"The database was not restored: see above. {url.partition('?')[0]} was asked by the account {_POSTGRES}; "
            "for a PostgreSQL elsewhere give --superuser-url."
        )
