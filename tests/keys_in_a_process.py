"""Planted keys and passwords, and the search for them in a switch's process: environment, files, memory."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from faxplan import audit_key, mail_readers, user_keys, vault
from faxplan.config import to_toml
from faxplan.key_folder import KeyFolder
from faxplan.keyring import Keyring
from tests import secrets_sought
from tests.mailing import choose_mail, to_be_mailed
from tests.world import PHRASE, Office, World

DISPATCH = "dispatch"


@dataclass(frozen=True)
class Planted:
    """secrets: by name. forbidden: files that are there, and that the switch does not read: root's, an administrator's,
    and the worker's, which FreeSWITCH's unit hides from it.
    """

    secrets: Mapping[str, bytes]
    forbidden: frozenset[Path]

    @classmethod
    def in_world(cls, world: World, folder: Path) -> "Planted":
        """Users' and mailboxes' private keys, the machine's two, the one that signs the audit, and passwords.

        The administrator's settings, with a password for the database, are put into a folder. Borea's mailbox chooses
        mail, so that the switch seals what arrives there to the worker's key, too. To be called before it starts.
        """
        secrets: dict[str, bytes] = {"a user's password": PHRASE.encode()}
        for office in (world.acme, world.borea):
            secrets[f"{office.tenant.slug}'s user"] = world.keyrings[office.tenant.id].raw
            secrets[f"{office.tenant.slug}'s mailbox"] = _mailbox(world, office)
        (machine,) = world.store.keys.held()
        found = world.store.keys.private(machine)
        assert found is not None
        secrets[DISPATCH] = found.raw
        mailer, secrets["the worker's, for mail"] = _mailer(world)
        secrets["the audit's signature"] = audit_key.load_or_make(world.settings.audit_key).seed
        password = "a-password-that-the-administrator-has"  # noqa: S105 - made up
        secrets["the administrator's password"] = password.encode()
        folder.mkdir(mode=0o700)
        settings = folder / "admin.toml"
        settings.touch(mode=0o600)
        settings.write_text(to_toml({"database_url": f"postgresql://faxplan_admin:{password}@db.example/faxplan"}))
        return cls(secrets, frozenset({settings, world.settings.audit_key, mailer}))

    def received(self, world: World) -> bool:
        """Whether a fax lies in borea's mailbox."""
        with world.portal.tenant(world.borea.tenant.id) as tx:
            return bool(tx.value("select count(*) from mailbox_entries"))

    def waits_for_mail(self, world: World) -> bool:
        """Whether something is sealed to the worker's key for mail: then the switch has had its public half in hand."""
        return bool(to_be_mailed(world.worker))

    def sought(self, pid: int, *folders: Path) -> dict[str, set[str]]:
        """What is found, by where: in the files of the switch's folders but for those that it may not read."""
        files = [path for path in secrets_sought.files_below(*folders) if path not in self.forbidden]
        return {
            "environment": secrets_sought.in_environment(pid, self.secrets),
            "files": secrets_sought.in_files(files, self.secrets),
            "open files": {path.name for path in _open_files(pid) & self.forbidden},
            "memory": secrets_sought.in_memory(pid, self.secrets),
        }


def _mailer(world: World) -> tuple[Path, bytes]:
    """The key that opens what waits for mail in borea's mailbox, and its file: made as the worker makes it."""
    keys = KeyFolder(world.settings.mailer_keys)
    keys.prepare()
    mail_readers.renew(world.worker, keys, world.settings.node)
    choose_mail(world, world.borea.user, mail=True)
    (file,) = keys.root.iterdir()
    return file, file.read_bytes()


def _mailbox(world: World, office: Office) -> bytes:
    tenant, mailbox = office.tenant.id, office.user.mailbox_id or 0
    with world.portal.tenant(tenant) as tx:
        (key_id,) = (each.id for each in user_keys.of_user(tx, tenant, office.user.id))
        ring = Keyring({key_id: world.keyrings[tenant]}, vault.epochs_of_user(tx, tenant, office.user.id))
    key = ring.key_of(mailbox, 1)
    assert key is not None
    return key.raw


def _open_files(pid: int) -> set[Path]:
    return {path.readlink() for path in Path(f"/proc/{pid}/fd").iterdir() if path.exists()}
