"""Who reads a mailbox: joining and leaving, with the keys that go with it (role admin, within a tenant).

Public keys suffice for both. Who joins a mailbox that has a key gets it from another member's client (enrolment); where
none has one yet, it begins here. Leaving and a new epoch are one act: what arrives later, who left cannot open.
"""

from faxplan import holds, keyring, mailboxes, vault
from faxplan.db import Transaction
from faxplan.users import User
from faxplan.vault import LastReader


def join(tx: Transaction, tenant_id: int, mailbox_id: int, user: User) -> bool:
    """A user is a member from now on; False where they are already. Raises EpochMoved."""
    if not mailboxes.add_member(tx, tenant_id, mailbox_id, user.id):
        return False
    if vault.key_of_mailbox(tx, tenant_id, mailbox_id) is None and (
        members := vault.readers(tx, tenant_id, mailbox_id)
    ):
        begun, _ = keyring.new_epoch(members)
        vault.begin_epoch(tx, tenant_id, mailbox_id, 1, begun)
    return True


def leave(tx: Transaction, tenant_id: int, mailbox_id: int, user: User) -> bool:
    """A user is no member any more; False where they were none. Raises LastReader, Held and EpochMoved."""
    holds.take_turn(tx, tenant_id)
    readable = vault.readable_epochs(tx, tenant_id, mailbox_id)
    key = vault.key_of_mailbox(tx, tenant_id, mailbox_id)
    could_read = key is not None and bool(vault.epochs_held(tx, tenant_id, mailbox_id, user.id))
    if not mailboxes.remove_member(tx, tenant_id, mailbox_id, user.id):
        return False
    lost = sorted(readable - vault.readable_epochs(tx, tenant_id, mailbox_id))
    holds.check_readers(tx, tenant_id, mailbox_id, lost)
    if key is None or not could_read:
        return True
    if not vault.holders(tx, tenant_id, mailbox_id, key.epoch):
        raise LastReader(
            f"Nobody but {user.email} can open what lies in this mailbox. Let somebody else join who is enrolled "
            f"(`faxplan enrol`), and let {user.email} unlock once (`faxplan unlock`), which hands the key on."
        )
    begun, _ = keyring.new_epoch(vault.readers(tx, tenant_id, mailbox_id))
    vault.begin_epoch(tx, tenant_id, mailbox_id, key.epoch + 1, begun)
    return True
