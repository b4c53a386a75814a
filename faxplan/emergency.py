"""A tenant's recovery key, used in the browser of one of its administrators (recovery_key.use is the command line's).

Three steps. Whoever has the key on paper opens a proof that is wrapped to it (`ask`; proofs). With that the wraps of
mailboxes are handed out, which is the emergency access and a row of the audit (`look`), and what the browser has
wrapped of it for others is taken (`hand_on`). The key itself is never here. Role portal.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from faxplan import audit, epochs, gains, keyring, mailboxes, proofs, recovery_key, user_keys, users, vault
from faxplan.audit import Who
from faxplan.db import Database, Transaction
from faxplan.errors import NotFound
from faxplan.gains import Gain
from faxplan.keyring import Epoch
from faxplan.language import _
from faxplan.proofs import NoProof
from faxplan.sessions import Session
from faxplan.users import User
from faxplan.vault import Grant
from faxplan.wraps import PublicKey


@dataclass(frozen=True, slots=True)
class Opened:
    """epochs: of the chosen mailboxes, with the wraps to the recovery key. links, grants: of those that it opens, as
    handing_on.Due has them. names: of the chosen ones, by their ids. unopened: names of those that it does not open."""

    key_id: int
    epochs: list[Epoch]
    links: list[tuple[int, int]]
    grants: list[Grant]
    names: Mapping[int, str]
    unopened: list[str]


def ask(db: Database, session: Session, public: PublicKey, *, why: str, actor: Who) -> bytes:
    """A proof, wrapped to the recovery key with this public half; a wrong one is a row of the audit.

    Raises Forbidden, NoReason, NotFound and WrongSecret.
    """
    recovery_key.check_reason(session.user, why)
    key_id = recovery_key.known(db, session.user, public, why, actor=actor)
    with db.tenant(session.user.tenant_id) as tx:
        return proofs.ask(tx, session, key_id, public)


def check(db: Database, session: Session, public: PublicKey, proof: bytes, *, why: str, actor: Who) -> int:
    """The id of the recovery key, of who has opened a proof in this session. Raises as `ask`, and NoProof."""
    recovery_key.check_reason(session.user, why)
    key_id = recovery_key.known(db, session.user, public, why, actor=actor)
    with db.tenant(session.user.tenant_id) as tx:
        if not proofs.is_shown(tx, session, key_id, proof):
            raise NoProof(_("The recovery key was not given, or too long ago. Write it in again."))
    return key_id


def look(db: Database, session: Session, public: PublicKey, proof: bytes, *, of: str, why: str, actor: Who) -> Opened:
    """What it opens of a mailbox, or of all that a user reads. of: the name of one, or the address of the other.

    An emergency access from here on, whatever the browser does with it. Raises as `check`, and NotFound.
    """
    key_id, user = check(db, session, public, proof, why=why, actor=actor), session.user
    with db.tenant(user.tenant_id) as tx:
        names = _chosen(tx, user.tenant_id, of)
        found = vault.epochs_of_key(tx, user.tenant_id, key_id, list(names))
        opened = sorted({each.mailbox_id for each in found if each.wraps})
        recovery_key.record_use(
            tx, user, key_id, "done" if opened else "failed", why,
            actor=actor, mailboxes=sorted(names), opened=opened, by="browser",
        )  # fmt: skip
        return Opened(
            key_id,
            found,
            _links(found),
            vault.grants_due(tx, user.tenant_id, opened),
            names,
            sorted(name for each, name in names.items() if each not in opened),
        )


def hand_on(
    db: Database,
    session: Session,
    public: PublicKey,
    proof: bytes,
    links: Mapping[tuple[int, int], bytes],
    grants: Mapping[tuple[int, int, int], bytes],
    *,
    why: str,
    actor: Who,
) -> list[Gain]:
    """Keeps what the browser has wrapped, of that which is due by now and the key opens; who opens more by it. links,
    grants: as handing_on.take has them. Raises as `check`."""
    key_id, tenant_id = check(db, session, public, proof, why=why, actor=actor), session.user.tenant_id
    places = sorted({each[0] for each in (*links, *grants)})
    with db.tenant(tenant_id) as tx:
        # A reader who goes at this moment would keep a wrap that nobody takes away.
        epochs.take_turn(tx, tenant_id)
        found = vault.epochs_of_key(tx, tenant_id, key_id, places)
        opened = sorted({each.mailbox_id for each in found if each.wraps})
        wanted = [(each.mailbox_id, each.epoch, each.user_key_id) for each in vault.grants_due(tx, tenant_id, opened)]
        linked = [each for each in _links(found) if each in links and vault.link(tx, tenant_id, *each, links[each])]
        granted = [each for each in wanted if each in grants and vault.grant(tx, tenant_id, *each, grants[each])]
        user_keys.forget_ended(tx, key_id)
        gained = gains.of(tx, tenant_id, granted, linked, own=[key_id])
        if granted or linked:
            audit.record(
                tx, tenant_id, actor=actor, action="key.grant", object=f"user:{session.user.id}",
                by=f"key:{key_id}", granted=granted, linked=linked,
            )  # fmt: skip
    return gained


def _chosen(tx: Transaction, tenant_id: int, of: str) -> dict[int, str]:
    try:
        user: User | None = users.by_email(tx, tenant_id, of)
    except NotFound:
        user = None
    if user is None:
        return {mailboxes.by_name(tx, tenant_id, of.strip()): of.strip()}
    rows = tx.rows(
        """select b.id, b.name from mailbox_members m
           join mailboxes b on b.tenant_id = m.tenant_id and b.id = m.mailbox_id
           where m.tenant_id = %s and m.user_id = %s""",
        (tenant_id, user.id),
    )
    return {row["id"]: row["name"] for row in rows}


def _links(found: Collection[Epoch]) -> list[tuple[int, int]]:
    opened = {each.mailbox_id for each in found if each.wraps}
    return [each for each in keyring.to_link(found) if each[0] in opened]
