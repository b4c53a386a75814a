"""Makes a checkpoint: the tree grows, the key signs, the file is durable, the officers have mail."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from faxplan import audit, audit_chain, audit_key, audit_tree, audit_verification, checkpoints
from faxplan.audit_chain import Fault, Progress
from faxplan.audit_tree import AuditTampered, Tree
from faxplan.checkpoint_files import CheckpointFolder
from faxplan.checkpoints import Checkpoint
from faxplan.config import Settings
from faxplan.db import Database
from faxplan.errors import FaxplanError
from faxplan.mail import Attachment, Relay
from faxplan.signed_notes import NoteRefused, Verifier


class CheckpointAhead(FaxplanError):
    """A checkpoint has left this installation that knows of more than the database does."""

    error_id = "checkpoint-ahead"


@dataclass(frozen=True, slots=True)
class Made:
    """A checkpoint and its file. new: False where nothing was written since. mailed: to whom it was sent just now."""

    checkpoint: Checkpoint
    file: Path
    new: bool
    mailed: Sequence[str]


def folder_of(settings: Settings) -> CheckpointFolder:
    """Where the settings want checkpoints."""
    return CheckpointFolder(settings.checkpoints, made=settings.checkpoint_dir is None)


def newest(settings: Settings, verifier: Verifier) -> tuple[Checkpoint, Path] | None:
    """The last checkpoint that is here. Raises NoteRefused."""
    path = folder_of(settings).newest()
    if path is None:
        return None
    try:
        return checkpoints.read(path.read_text(encoding="utf-8"), verifier), path
    except (NoteRefused, UnicodeDecodeError) as error:
        raise NoteRefused(
            f"{path} is not what {verifier.name} has signed ({error}) If somebody changed it, look for who it was. If "
            f"the key was changed, move the older checkpoints out of {path.parent}, and keep them."
        ) from error


def make(settings: Settings, db: Database, progress: Progress = lambda _: None) -> Made:
    """A checkpoint of what is committed now; nothing is signed that contradicts the last one (role admin).

    Raises CheckpointAhead, AuditTampered, MailFailed (the checkpoint is written by then), and what the key and the
    folder raise.
    """
    signer = audit_key.load_or_make(settings.audit_key)
    folder = folder_of(settings)
    folder.prepare()
    last = newest(settings, signer.verifier)
    with db.across_tenants() as tx:
        audit_tree.take_turn(tx)
        tree = audit_tree.now(tx)
        if last is not None:
            _ask_for_consistency(last[0], tree)
    tree = audit_tree.grow(db, progress)
    if last is not None and (last[0].generation, last[0].size) == (tree.generation, tree.frontier.size):
        made, file, new = *last, False
    else:
        at = datetime.now(UTC).replace(microsecond=0)
        made = Checkpoint(signer.name, tree.generation, tree.frontier.size, tree.frontier.root(), at, tree.chains)
        file, new = folder.write(made, made.signed(signer)), True
    return Made(made, file, new, _mail(settings, folder, made, file))


def _ask_for_consistency(last: Checkpoint, tree: Tree) -> None:
    if last.generation < tree.generation:
        return  # of the log before a restore
    if last.generation > tree.generation or last.size > tree.frontier.size:
        raise CheckpointAhead(
            f"The database is behind {last.shown}: it has {tree.frontier.size} rows that were signed. Was it restored "
            "from a backup? Then say so: `faxplan audit restored --reason TEXT`. If not, rows were taken out of it: "
            "keep all as it is, and look with `faxplan audit verify`."
        )
    if last.size == tree.frontier.size and last.root != tree.frontier.root():
        words = f"{last.shown} has another root than the tree of the same size"
        raise AuditTampered([Fault(audit.INSTALLATION, 0, audit_verification.TREE, words)])
    faults = []
    for tenant_id, (size, last_hash) in last.chains.items():
        there, there_hash = tree.chains.get(tenant_id, (0, ""))
        if there < size:
            words = f"{last.shown} has {size} rows of it, the tree {there}"
            faults.append(Fault(tenant_id, there + 1, audit_chain.TAIL, words))
        elif there == size and there_hash != last_hash:
            words = f"row {size} has another hash than in {last.shown}"
            faults.append(Fault(tenant_id, size, audit_verification.REWRITTEN, words))
    if faults:
        raise AuditTampered(faults)


def _mail(settings: Settings, folder: CheckpointFolder, made: Checkpoint, file: Path) -> list[str]:
    """Sends it to the officers, if the last mail is long enough ago."""
    recipients = [each.strip() for each in (settings.checkpoint_mail_to or "").split(",") if each.strip()]
    before = folder.mailed_at()
    # Each state of the audit is mailed once, also where nothing is written for days.
    early = before is not None and (
        before >= made.at or datetime.now(UTC) < before + timedelta(minutes=settings.checkpoint_mail_minutes)
    )
    if not recipients or early:
        return []
    text = _TEXT.format(shown=made.shown, note=file.read_text(encoding="utf-8"))
    attachment = Attachment(file.name, file.read_bytes())
    Relay.of(settings).send(recipients, f"Audit checkpoint of {made.origin}: {made.size} rows", text, attachment)
    folder.note_mailed()
    return recipients


_TEXT = """\
This is {shown} of Faxplan's audit log.

Keep the attached file where nobody who administers the fax server can change it. Should the audit ever be in doubt, it
shows whether rows were cut off or written anew since:

    faxplan audit verify --checkpoint FILE --vkey KEY

KEY is the verifier key that you were given when the installation began to sign; docs/audit.md says more.

{note}"""
