"""Takes a backup (backup_manifest): the database, then the store, beside all that goes on.

The database first: an object is in the store before its row is in the database, and is never changed. What opens
anything is not in it: keys of days, the key that signs the audit, files with passwords.
"""

import errno
import fcntl
import hashlib
import os
import re
import stat
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import faxplan
from faxplan import audit, audit_key, checkpointing, files, nodes, tenants
from faxplan.backup_dump import TOLD_SECONDS, BackupFailed, BackupRefused, dump, schema_stays, shown_bytes
from faxplan.backup_manifest import (
    CHECKPOINT,
    DUMP,
    FORMAT,
    MANIFEST,
    SETTINGS,
    STORE,
    SUMS,
    VKEY,
    Manifest,
    Told,
    digest_of,
    sums,
)
from faxplan.config import Settings
from faxplan.db import Database
from faxplan.document_store import Store

_BLOCK = 1 << 20
_NAME_LENGTH = 32
"""Of an object's."""
_MARK = re.compile(r"\.faxplan-[\w.-]+")
"""Files beside the objects, as SHA256SUMS can name them."""
_PASSWORD = re.compile(r"""(//[^:@/\s"']*:)[^\s"']*(@)|([?&]password=)[^&\s"']*""")


@dataclass(frozen=True, slots=True)
class Taken:
    """linked: objects that were in the previous backup, too. lost: object names that the database has and the store
    does not."""

    manifest: Manifest
    linked: int
    lost: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Known:
    """What the database says, before it is dumped. server: PostgreSQL's major version. names: of the objects that it
    names."""

    server: int
    level: int
    nodes: tuple[str, ...]
    tenants: int
    names: frozenset[str]


def take(
    settings: Settings,
    target: Path,
    *,
    settings_file: Path | None,
    previous: Path | None = None,
    told: Told = lambda _: None,
) -> Taken:
    """A new folder `target`, private. previous: another backup on the same disk, of which unchanged objects become
    hard links. settings_file: that is taken along.

    Raises BackupRefused, BackupFailed, StoreUnavailable, NotABackup (of previous) and DatabaseUnavailable; then there
    is no target.
    """
    store = Store.of(settings)
    store.check()
    before = {} if previous is None else dict(sums(previous))
    backup = Database(settings.database_url_for("backup"), max_connections=1, statement_seconds=3600)
    try:
        with unfinished(target) as folder:
            taken_at = datetime.now(UTC)
            with schema_stays(settings.database_url_for("backup"), told):
                known = _known(backup)
                dump(settings, folder / DUMP, known.server, told)
            if store.folder is None:
                # A bucket is copied by its own server's means, which know how to; here it is only looked at.
                digests, present = {}, store.names()
                told(f"documents: {len(present)}, which stay in {store.place}")
            else:
                digests = take_objects(store, folder, previous, before, told)
                present = {path[-_NAME_LENGTH:] for path in digests}
            lost = _lost(backup, known.names - present)
            digests |= _take_the_rest(settings, folder, settings_file)
            linked = sum(path in before and _is_object(path) for path in digests)
            manifest = _finish(folder, digests, known, settings, taken_at, len(lost))
    finally:
        backup.close()
    return Taken(manifest, linked, tuple(lost))


def note(admin: Database, actor: audit.Who, target: Path, manifest: Manifest) -> None:
    """Says in the audit that somebody has taken all there is."""
    with admin.across_tenants() as tx:
        audit.record(
            tx, audit.INSTALLATION, actor=actor, action="database.backup", object="database", folder=str(target),
            documents=manifest.objects,
        )  # fmt: skip


@contextmanager
def unfinished(target: Path) -> Iterator[Path]:
    """A folder beside the target, which becomes it if the block ends well. What a run that was killed has left under
    that name goes."""
    if target.exists():
        raise BackupRefused(f"{target} is there already. Each backup has a folder of its own: name a new one.")
    if not target.parent.is_dir():
        raise BackupRefused(
            f"{target.parent} does not exist. Make it, for root alone: install -d -m 0700 {target.parent}"
        )
    folder = target.with_name(f".{target.name}.unfinished")
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    try:
        holding = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise BackupRefused(f"{folder} is a link, or no folder. Remove it; nothing was taken.") from error
    try:
        if os.fstat(holding).st_uid != os.geteuid():
            raise BackupRefused(f"{folder} is somebody else's. Take the backup in a folder that is yours alone.")
        os.fchmod(holding, 0o700)
        try:
            fcntl.flock(holding, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupRefused(f"Another `faxplan backup` is at work on {target}.") from None
        files.empty_folder(folder)
        try:
            yield folder
            # All of it is on disk before it has its name.
            os.sync()
            folder.rename(target)
            files.fsync_folder(target.parent)
        except OSError as error:
            raise BackupFailed(
                f"The backup was not finished: {error.filename or target}: {error.strerror}. What there is of it goes "
                f"with the next one of that name, or: rm -r {folder}"
            ) from error
    finally:
        os.close(holding)


def _known(db: Database) -> _Known:
    with db.across_tenants() as tx:
        return _Known(
            int(tx.value("show server_version_num")) // 10000,
            int(tx.value("select coalesce(max(number), 0) from schema_migration")),
            tuple(each["name"] for each in nodes.everyone(tx)),
            len(tenants.everyone(tx)),
            frozenset(row["object_name"] for row in tx.stream("select object_name from documents")),
        )


def _lost(db: Database, missing: frozenset[str]) -> list[str]:
    """Of these, which the database still names: the others were purged meanwhile."""
    if not missing:
        return []
    with db.across_tenants() as tx:
        rows = tx.rows("select object_name from documents where object_name = any(%s) order by 1", (list(missing),))
    return [row["object_name"] for row in rows]


def take_objects(
    store: Store, folder: Path, previous: Path | None, before: Mapping[str, str], told: Told
) -> dict[str, str]:
    """Digests by path. An object that purge destroys meanwhile is left out; and what is no file: whose store it is may
    have put a link there, to what only root reads."""
    digests, size, next_told = {}, 0, time.monotonic()
    made: set[Path] = set()
    (folder / STORE).mkdir(mode=0o700)
    marks = [path for path in store.root.glob(".faxplan-*") if _MARK.fullmatch(path.name)]
    for count, source in enumerate(_in_order(store, marks), 1):
        path = f"{STORE}/{source.relative_to(store.root).as_posix()}"
        target = folder / path
        if target.parent not in made:
            target.parent.mkdir(mode=0o700, exist_ok=True)
            made.add(target.parent)
        try:
            found = source.lstat()
            if not stat.S_ISREG(found.st_mode):
                continue
            held = found.st_size
            if (
                previous is not None
                and len(source.name) == _NAME_LENGTH
                and _linked(previous / path, target, path in before, held)
            ):
                digests[path] = before[path]
            else:
                digests[path] = _copied(source, target)
        except FileNotFoundError:
            continue
        size += held
        if time.monotonic() >= next_told:
            next_told = time.monotonic() + TOLD_SECONDS
            told(f"documents: {count}, {shown_bytes(size)}")
    told(f"documents: {len(digests)}, {shown_bytes(size)}")
    return digests


def _in_order(store: Store, marks: list[Path]) -> Iterator[Path]:
    """By name, so that SHA256SUMS of two backups can be compared."""
    yield from sorted(marks)
    yield from sorted(store.objects())


def _linked(old: Path, target: Path, is_listed: bool, size: int) -> bool:
    """Whether the object is in the previous backup, and now in this one, too: an object is never changed."""
    if not is_listed:
        return False
    try:
        if old.stat().st_size != size:
            return False
        os.link(old, target)
    except FileNotFoundError:
        return False
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP):
            raise
        raise BackupRefused(
            f"{old} cannot be linked to ({error.strerror}): the previous backup must lie on the same disk as this one. "
            "Leave --link-dest away."
        ) from error
    return True


def _copied(source: Path, target: Path) -> str:
    """The digest of what was copied."""
    digest = hashlib.sha256()
    try:
        with open(source, "rb", opener=_no_link) as reader, open(target, "xb", opener=_private) as writer:
            while block := reader.read(_BLOCK):
                digest.update(block)
                writer.write(block)
    except FileNotFoundError:
        target.unlink(missing_ok=True)
        raise
    return digest.hexdigest()


def _take_the_rest(settings: Settings, folder: Path, settings_file: Path | None) -> dict[str, str]:
    if settings_file is not None and settings_file.is_file():
        _write(folder / SETTINGS, masked(settings_file.read_text(encoding="utf-8")))
    if signer := audit_key.load(settings.audit_key):
        _write(folder / VKEY, f"{signer.verifier.vkey}\n")
    if newest := checkpointing.folder_of(settings).newest():
        # Its folder may lie in FreeSWITCH's, whose account can put another one there.
        with suppress(FileNotFoundError):
            _copied(newest, folder / CHECKPOINT)
    there = [folder / name for name in (DUMP, SETTINGS, VKEY, CHECKPOINT)]
    return {file.name: digest_of(file) for file in there if file.exists()}


def masked(text: str) -> str:
    """A settings file without the passwords in its URLs."""
    return _PASSWORD.sub(lambda found: f"{found[1] or found[3]}********{found[2] or ''}", text)


def _finish(
    folder: Path, digests: Mapping[str, str], known: _Known, settings: Settings, taken_at: datetime, lost: int
) -> Manifest:
    _write(folder / SUMS, "".join(f"{digest}  {path}\n" for path, digest in digests.items()))
    objects = [path for path in digests if _is_object(path)]
    manifest = Manifest(
        format=FORMAT,
        release=faxplan.__version__,
        level=known.level,
        taken_at=f"{taken_at:%Y-%m-%dT%H:%M:%SZ}",
        database=settings.database_name,
        nodes=known.nodes,
        tenants=known.tenants,
        documents=len(known.names),
        objects=len(objects),
        bytes=sum((folder / path).stat().st_size for path in objects),
        lost=lost,
        sums=digest_of(folder / SUMS),
    )
    _write(folder / MANIFEST, manifest.text())
    return manifest


def _is_object(path: str) -> bool:
    return path.startswith(f"{STORE}/") and len(path.rpartition("/")[2]) == _NAME_LENGTH


def _write(target: Path, text: str) -> None:
    with open(target, "x", opener=_private, encoding="utf-8") as writer:
        writer.write(text)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _no_link(path: str, flags: int) -> int:
    try:
        return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise FileNotFoundError(errno.ENOENT, "is a link", path) from error
        raise


def keep_offline(settings: Settings) -> dict[str, Any]:
    """What is in no backup of ours and is wanted after a loss of the machine, by what it is: files of secrets."""
    named = {
        "password of the event socket": settings.event_socket_password_file,
        "password of the mail server": settings.smtp_password_file,
        "key that signs the audit": settings.audit_key if settings.audit_key.exists() else None,
    }
    return {what: str(file) for what, file in named.items() if file is not None}
