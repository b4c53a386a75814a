"""Who reads a mailbox, where another program makes the keys for it than this one: the browser of an administrator.

Two steps each, as with epochs: what the client has to make (`to_let_in`, `to_remove`), and taking that (`let_in`,
`remove`), where all is still so. No private key is ever here. Each step is one transaction (role admin), with its audit
row. `slug`, `actor` as in provisioning; `by`: the administrator, who may be a member. The command line, which makes the
keys in its own process, has `admission` and `provisioning.remove_member`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from faxplan import admission, audit, epochs, mailboxes, membership, permissions, tenants, user_keys, users, vault
from faxplan.audit import Who
from faxplan.db import Database, Transaction
from faxplan.epochs import Ahead, Begun
from faxplan.errors import FaxplanError
from faxplan.language import _
from faxplan.proofs import NoProof
from faxplan.users import User
from faxplan.vault import EpochMoved, Grant, LastReader
from faxplan.wraps import WRAP_BYTES


class NeedsClient(FaxplanError):
    """Keys are to be made for it, and none were."""

    error_id = "needs-client"


class NoKeyYet(FaxplanError):
    """Who is to be let in to faxes has no key to which the mailbox's could be wrapped."""

    error_id = "no-key-yet"


class MayReadNothing(FaxplanError):
    """Who is to be let in may not read what comes in."""

    error_id = "may-read-nothing"


@dataclass(frozen=True, slots=True)
class ToMake:
    """What a client has to make. epoch: the mailbox's next one. grant: the mailbox's key, wrapped to this reader.

    needed: whether it does not go without. Neither: nothing.
    """

    epoch: Ahead | None = None
    grant: Grant | None = None
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Made:
    """What a client has made: nothing of it opens anything. grants: the mailbox's key, by epoch and reader's key."""

    epoch: Begun | None = None
    grants: Mapping[tuple[int, int], bytes] = field(default_factory=dict)


def to_let_in(admin: Database, slug: str, mailbox_id: int, email: str, *, by: User, paper: int | None = None) -> ToMake:
    """For a user to read a mailbox. paper: the recovery key, by its id, of which `by` has shown that they have it
    (emergency.check); None: they have not. Raises NotFound, MayReadNothing, NeedsMember and NoKeyYet."""
    with admin.across_tenants() as tx:
        tenant_id = _enter(tx, slug, mailbox_id)
        return _to_let_in(tx, tenant_id, mailbox_id, users.by_email(tx, tenant_id, email), by, paper)


def let_in(
    admin: Database,
    actor: Who,
    slug: str,
    mailbox_id: int,
    email: str,
    made: Made,
    *,
    by: User,
    paper: int | None = None,
    shown: bool = False,
) -> bool:
    """A user reads a mailbox from now on; False where they do already. shown: whether `by` has shown their own key
    (proofs). Also raises NeedsClient, NoProof and EpochMoved."""
    with admin.across_tenants() as tx:
        tenant_id = _enter(tx, slug, mailbox_id)
        user = users.by_email(tx, tenant_id, email)
        epochs.take_turn(tx, tenant_id)
        wanted = _to_let_in(tx, tenant_id, mailbox_id, user, by, paper)
        if wanted.needed and made.epoch is None and not made.grants:
            raise NeedsClient(
                _("For this a key is made in your browser, and it made none. Allow this page's scripts, and try again.")
            )
        wraps = _fitting(wanted, made)
        if (wraps or made.epoch is not None) and paper is None:
            # Others' clients hand the newcomer all that lies there, whatever the wrap holds.
            _check_shown(shown)
        joined = membership.enter(tx, tenant_id, mailbox_id, user, made.epoch)
        granted = [each for each, wrap in wraps.items() if vault.grant(tx, tenant_id, mailbox_id, *each, wrap)]
        if joined is not None:
            audit.record(
                tx, tenant_id, actor=actor, action="mailbox.add-member", object=f"mailbox:{mailbox_id}",
                user=f"user:{user.id}", granted=granted,
                by=None if not granted else f"user:{by.id}" if paper is None else f"key:{paper}",
                epochs_begun=epochs.named(joined.begun),
            )  # fmt: skip
    return joined is not None


def to_remove(admin: Database, slug: str, mailbox_id: int, user_id: int) -> ToMake:
    """For a user to read a mailbox no more. Raises NotFound."""
    with admin.across_tenants() as tx:
        tenant_id = _enter(tx, slug, mailbox_id)
        user = users.known(tx, tenant_id, user_id)
        if not mailboxes.is_member(tx, tenant_id, mailbox_id, user_id):
            return ToMake()
        epoch = membership.departure(tx, tenant_id, mailbox_id, user)
        return ToMake(epoch=epoch, needed=epoch is not None)


def remove(
    admin: Database, actor: Who, slug: str, mailbox_id: int, user_id: int, begun: Begun | None, *, shown: bool
) -> bool:
    """A user reads a mailbox no more; False where they did not. shown: whether who removes them has shown their own key
    (proofs), which is needed where a key begins by it. Also raises LastReader, Held, NoProof and EpochMoved."""
    with admin.across_tenants() as tx:
        tenant_id = _enter(tx, slug, mailbox_id)
        user = users.known(tx, tenant_id, user_id)
        if begun is not None and not begun.new.wraps:
            raise LastReader(
                _("Nobody would be left who reads this mailbox. Let somebody else in before {email} goes.").format(
                    email=user.email
                )
            )
        if begun is not None:
            # What comes until a reader makes the next key would be lost, where its wraps open nothing.
            _check_shown(shown)
        changed = membership.leave(tx, tenant_id, mailbox_id, user, begun)
        if changed:
            audit.record(
                tx, tenant_id, actor=actor, action="mailbox.remove-member", object=f"mailbox:{mailbox_id}",
                user=f"user:{user.id}", epochs_begun=epochs.named([] if begun is None else [begun]),
            )  # fmt: skip
    return changed


def _to_let_in(tx: Transaction, tenant_id: int, mailbox_id: int, user: User, by: User, paper: int | None) -> ToMake:
    if mailboxes.is_member(tx, tenant_id, mailbox_id, user.id):
        return ToMake()
    if not permissions.has(tx, tenant_id, user.id, permissions.RECEIVE):
        raise MayReadNothing(_("{who} may read no faxes that come in.").format(who=user.email))
    opens_it = vault.opens_newest(tx, tenant_id, by.id, mailbox_id)
    # Who may read nothing that comes in lets nobody else read it.
    is_reader = opens_it and mailboxes.reads(tx, tenant_id, mailbox_id, by.id)
    if not is_reader and paper is not None:
        is_reader = any(each.wraps for each in vault.epochs_of_key(tx, tenant_id, paper, [mailbox_id]))
    if not is_reader:
        admission.refuse_into_faxes(tx, tenant_id, mailbox_id)
    if (first := membership.arrival(tx, tenant_id, mailbox_id, user)) is not None:
        return ToMake(epoch=first, needed=True)
    key = vault.key_of_mailbox(tx, tenant_id, mailbox_id)
    if key is None:
        return ToMake()
    has_faxes = mailboxes.was_sealed_to(tx, tenant_id, mailbox_id)
    own = user_keys.current(tx, tenant_id, user.id)
    if own is None and has_faxes:
        # Else whoever has this session, and not its keys, would put somebody there to whom others hand them.
        raise NoKeyYet(
            _(
                "{email} has no key yet, to which this mailbox could be opened. They get one when they first log in; "
                "let them in then."
            ).format(email=user.email)
        )
    if own is None or not is_reader:
        return ToMake()
    return ToMake(grant=Grant(mailbox_id, key.epoch, own.id, own.public), needed=has_faxes)


def _check_shown(shown: bool) -> None:
    if not shown:
        raise NoProof(_("Your browser has not shown that it has your key. Load this page again, and try once more."))


def _fitting(wanted: ToMake, made: Made) -> Mapping[tuple[int, int], bytes]:
    """The wraps that a client made, which are those that it was to make. Raises EpochMoved."""
    grant = wanted.grant
    fits = {(grant.epoch, grant.user_key_id)} if grant is not None else set()
    if not made.grants.keys() <= fits or any(len(each) != WRAP_BYTES for each in made.grants.values()):
        raise EpochMoved(_("Somebody else has just changed who reads this mailbox. Try again."))
    return made.grants


def _enter(tx: Transaction, slug: str, mailbox_id: int) -> int:
    """The tenant, entered, whose mailbox it is. Raises NotFound."""
    tenant = tenants.by_slug(tx, slug)
    tx.enter_tenant(tenant.id)
    mailboxes.check_there(tx, tenant.id, mailbox_id)
    return tenant.id
