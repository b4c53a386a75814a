"""Users with keys, without Argon2id's price where a test is not about it."""

from functools import cache

from faxplan import keyring, vault
from faxplan.keyring import Enrolment
from faxplan.wraps import PrivateKey
from tests.world import Office, World

PHRASE = "correct horse battery"


@cache
def ready_made(number: int) -> tuple[Enrolment, PrivateKey, str]:
    """One of several keys of this test run, which PHRASE opens; and its recovery code."""
    return keyring.new_user_key(PHRASE)


def enrol(world: World, office: Office) -> PrivateKey:
    """Gives an office's user a key, and the mailboxes that nobody could open another; the user's private key."""
    enrolment, private, _ = ready_made(office.tenant.id)
    with world.portal.tenant(office.tenant.id) as tx:
        vault.add_user_key(tx, office.tenant.id, office.user.id, enrolment)
        for mailbox_id, epoch in vault.mailboxes_out_of_reach(tx, office.tenant.id, office.user.id).items():
            begun, _ = keyring.new_epoch(vault.readers(tx, office.tenant.id, mailbox_id))
            vault.begin_epoch(tx, office.tenant.id, mailbox_id, epoch + 1, begun)
    return private
