"""Who lets a user read a mailbox: the administrator, until something lies in it; from then on who can open it.

Who joins gets the mailbox's key from a member's client (enrolment), and with it all that lies there, or lies in backups
of it since purge has emptied it. Would the administrator's word do for that, they could let themselves in, and the next
member who unlocks would open it to them. So a member says it, with the own secret, or who holds the tenant's recovery
key, and hands the key on at the same time.
"""

from dataclasses import dataclass, field

from faxplan import audit, enrolment, epochs, gains, mailboxes, membership, recovery_key, tenants, users, vault
from faxplan.audit import Who
from faxplan.db import Database, Transaction
from faxplan.documents import Locked
from faxplan.enrolment import Secret
from faxplan.errors import FaxplanError, Forbidden
from faxplan.gains import Told
from faxplan.keyring import Keyring
from faxplan.language import _
from faxplan.users import User


class NeedsMember(FaxplanError):
    """Faxes lie in a mailbox, or lay there: only who can open it lets somebody in."""

    error_id = "needs-member"


@dataclass(frozen=True, slots=True)
class By:
    """A member who lets somebody in: the address, and what opens the own key."""

    email: str
    secret: Secret


@dataclass(frozen=True, slots=True)
class Paper:
    """An administrator of the tenant who lets somebody in with its recovery key, and why: for the audit."""

    email: str
    code: str = field(repr=False)
    why: str


def let_in(
    admin: Database,
    portal: Database,
    actor: Who,
    slug: str,
    mailbox: str,
    email: str,
    *,
    by: By | Paper | None,
    told: Told | None = None,
) -> bool:
    """A user reads a mailbox from now on; False where they do already. slug, actor: as in provisioning. told: of whom
    `by` hands keys to, there and elsewhere.

    Raises NeedsMember, NotFound, Forbidden for who is no member (with the recovery key: no administrator), Locked for
    one who has not got its key yet, as enrolment.unlock and recovery_key.use, and EpochMoved.
    """
    who, ring = (None, None) if by is None else _opened(admin, portal, slug, mailbox, by, told)
    with admin.across_tenants() as tx:
        tenant_id, mailbox_id = _place(tx, slug, mailbox)
        user = users.by_email(tx, tenant_id, email)
        epochs.take_turn(tx, tenant_id)
        if who is not None and isinstance(by, By):
            # Again: they may have left while their key was opened.
            _check_member(tx, tenant_id, mailbox_id, mailbox, who)
        elif who is None and not mailboxes.is_member(tx, tenant_id, mailbox_id, user.id):
            refuse_into_faxes(tx, tenant_id, mailbox_id)
        joined = membership.join(tx, tenant_id, mailbox_id, user)
        granted = [] if ring is None else _handed_on(tx, tenant_id, mailbox_id, ring)
        if joined is not None:
            audit.record(
                tx,
                tenant_id,
                actor=actor,
                action="mailbox.add-member",
                object=f"mailbox:{mailbox_id}",
                user=f"user:{user.id}",
                by=None if who is None else f"user:{who.id}",
                granted=granted,
                epochs_begun=epochs.named(joined.begun),
            )
        handed = [(mailbox_id, *each) for each in granted]
        gained = gains.of(tx, tenant_id, handed, [], own=[] if ring is None else ring.own)
    gains.tell(told, gained)
    return joined is not None


def _opened(
    admin: Database, portal: Database, slug: str, mailbox: str, by: By | Paper, told: Told | None
) -> tuple[User, Keyring]:
    with admin.across_tenants() as tx:
        tenant_id, mailbox_id = _place(tx, slug, mailbox)
        # `get`: not one who may not act at present.
        who = users.get(tx, tenant_id, users.by_email(tx, tenant_id, by.email).id)
        if isinstance(by, By):
            _check_member(tx, tenant_id, mailbox_id, mailbox, who)
    if isinstance(by, By):
        return who, enrolment.unlock(portal, who, by.secret, told=told)
    return who, recovery_key.opens(portal, who, by.code, why=by.why, mailbox_name=mailbox)


def _place(tx: Transaction, slug: str, mailbox: str) -> tuple[int, int]:
    """Tenant and mailbox; the tenant is entered."""
    tenant = tenants.by_slug(tx, slug)
    tx.enter_tenant(tenant.id)
    return tenant.id, mailboxes.by_name(tx, tenant.id, mailbox)


def _check_member(tx: Transaction, tenant_id: int, mailbox_id: int, mailbox: str, member: User) -> None:
    if not mailboxes.reads(tx, tenant_id, mailbox_id, member.id):
        raise Forbidden(
            _("{email} does not read mailbox {mailbox}. Only one of its members lets somebody in.").format(
                email=member.email, mailbox=mailbox
            )
        )


def refuse_into_faxes(tx: Transaction, tenant_id: int, mailbox_id: int) -> None:
    """Raises NeedsMember where the administrator's word alone lets nobody into a mailbox any more."""
    if not mailboxes.was_sealed_to(tx, tenant_id, mailbox_id):
        return
    name = mailboxes.name_of(tx, tenant_id, mailbox_id)
    members = ", ".join(each["email"] for each in mailboxes.members(tx, tenant_id, mailbox_id))
    raise NeedsMember(
        _(
            "Mailbox {name} has faxes, or had some: only who can open it lets somebody in. One of its members "
            "can: {members}. At a shell, `faxplan mailbox member --by EMAIL` asks for that member's password, "
            "and with `--why TEXT`, of an administrator of the tenant, for its recovery key."
        ).format(name=name, members=members)
    )


def _handed_on(tx: Transaction, tenant_id: int, mailbox_id: int, ring: Keyring) -> list[tuple[int, int]]:
    """Gives the mailbox's key to whoever waits for it: the epoch, and the ids of their keys."""
    key = vault.key_of_mailbox(tx, tenant_id, mailbox_id)
    if key is not None and ring.key_of(mailbox_id, key.epoch) is None:
        raise Locked(
            _(
                "Who lets somebody in has not got this mailbox's key yet. Let one of its other members unlock once "
                "(`faxplan unlock`)."
            )
        )
    granted = []
    for due in vault.grants_due(tx, tenant_id, [mailbox_id]):
        wrap = ring.wrapped(mailbox_id, due.epoch, due.public)
        if wrap is not None and vault.grant(tx, tenant_id, mailbox_id, due.epoch, due.user_key_id, wrap):
            granted.append((due.epoch, due.user_key_id))
    return granted
