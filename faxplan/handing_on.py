"""What a user's browser can do for others once it holds their key: mailboxes' keys for who waits for them, links
between epochs, and the epoch after one that no reader made (enrolment is the command line's).

The server says what is due; the browser makes it, and shows that it holds the user's key (proofs); the server takes
what is still due then. What is in a wrap it cannot see: a member who hands over nonsense keeps another waiting, and
opens nothing by it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from faxplan import audit, epochs, gains, keyring, proofs, user_keys, vault
from faxplan.audit import Who
from faxplan.db import Transaction
from faxplan.epochs import Ahead, Begun
from faxplan.gains import Gain
from faxplan.sessions import Session
from faxplan.users import User
from faxplan.vault import Grant


@dataclass(frozen=True, slots=True)
class Due:
    """links: mailboxes and epochs that are to open the one before (keyring.to_link). grants: readers who lack a key
    (vault.grants_due).
    renewals: what is to be begun before (epochs.to_renew)."""

    links: list[tuple[int, int]]
    grants: list[Grant]
    renewals: list[Ahead]


def due(tx: Transaction, user: User) -> Due:
    """Of the mailboxes whose newest key the user has."""
    known = vault.epochs_of_user(tx, user.tenant_id, user.id)
    keys = user_keys.of_user(tx, user.tenant_id, user.id)
    current = {each.id for each in keys if each.is_current}
    newest = {each.mailbox_id: each for each in known}
    theirs = {mailbox_id for mailbox_id, epoch in newest.items() if current & epoch.wraps.keys()}
    links = [each for each in keyring.to_link(known) if each[0] in theirs]
    return Due(links, vault.grants_due(tx, user.tenant_id, sorted(theirs)), epochs.to_renew(tx, user))


def somebody_waits(tx: Transaction, user: User) -> bool:
    """Whether there is somebody who lacks a key that this user has: asked often, so it looks at no more than that."""
    theirs = _newest_held(tx, user.tenant_id, user.id)
    return bool(theirs and vault.grants_due(tx, user.tenant_id, theirs))


def renew(tx: Transaction, session: Session, begun: Sequence[Begun], proof: bytes, *, actor: Who) -> list[Gain]:
    """Begins what a browser has made of the renewals that are due by now; who opens more by it of whom no member was
    told. Raises NoProof."""
    user = session.user
    key_id = proofs.check_own(tx, session, proof)
    taken = epochs.renew(tx, user, key_id, begun)
    if not taken:
        return []
    news = gains.unannounced(tx, user.tenant_id, [(each.mailbox_id, each.number) for each in taken])
    gained = gains.of(tx, user.tenant_id, news, [], own=[])
    audit.record(
        tx, user.tenant_id, actor=actor, action="key.renew", object=f"user:{user.id}", epochs_begun=epochs.named(taken)
    )
    return gained


def take(
    tx: Transaction,
    session: Session,
    links: Mapping[tuple[int, int], bytes],
    grants: Mapping[tuple[int, int, int], bytes],
    proof: bytes,
    *,
    actor: Who,
) -> list[Gain]:
    """Keeps what a browser has wrapped, of that which is due by now; who opens more by it than before.

    links: by mailbox and epoch. grants: by mailbox, epoch, and the id of the reader's key. Raises NoProof.
    """
    user = session.user
    # Else a session without its user's key would keep who waits from the key, and others from hearing of them.
    proofs.check_own(tx, session, proof)
    # A reader who goes at this moment would keep a wrap that nobody takes away.
    epochs.take_turn(tx, user.tenant_id)
    found = due(tx, user)
    linked = [place for place in found.links if place in links and vault.link(tx, user.tenant_id, *place, links[place])]
    wanted = [(each.mailbox_id, each.epoch, each.user_key_id) for each in found.grants]
    granted = [place for place in wanted if place in grants and vault.grant(tx, user.tenant_id, *place, grants[place])]
    own = [each.id for each in user_keys.of_user(tx, user.tenant_id, user.id) if each.is_current]
    gained = gains.of(tx, user.tenant_id, granted, linked, own=own)
    if granted or linked:
        audit.record(
            tx, user.tenant_id, actor=actor, action="key.grant", object=f"user:{user.id}",
            granted=granted, linked=linked,
        )  # fmt: skip
    return gained


def _newest_held(tx: Transaction, tenant_id: int, user_id: int) -> list[int]:
    """Of a user's mailboxes those whose newest key is wrapped to theirs."""
    rows = tx.rows(
        """select m.mailbox_id from mailbox_members m
           join user_keys u on u.tenant_id = m.tenant_id and u.user_id = m.user_id and u.replaced_at is null
           join mailbox_keys k on k.tenant_id = m.tenant_id and k.mailbox_id = m.mailbox_id and k.user_key_id = u.id
           where m.tenant_id = %s and m.user_id = %s and k.epoch = (
               select max(e.epoch) from mailbox_epochs e
               where e.tenant_id = m.tenant_id and e.mailbox_id = m.mailbox_id)
           order by m.mailbox_id""",
        (tenant_id, user_id),
    )
    return [row["mailbox_id"] for row in rows]
