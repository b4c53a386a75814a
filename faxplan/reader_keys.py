"""API readers: programs that open the faxes of chosen mailboxes, each with a key of its own (`fxr_`, printed_keys).

The key pair is made in the client, the private key shown once and never sent. Its public half is a reader of these
mailboxes as members are: each epoch's key is wrapped to it. Only a member lets one in, since only a member's client has
the mailbox's key; it goes when it is revoked, or when that member leaves, and either begins a new epoch.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from faxplan import audit, enrolment, epochs, mailboxes, permissions, printed_keys, user_keys, vault
from faxplan.db import Database, Row, Transaction
from faxplan.documents import Locked
from faxplan.enrolment import Secret
from faxplan.errors import Forbidden, NotFound
from faxplan.gains import Told
from faxplan.keyring import Epoch, Keyring
from faxplan.language import _
from faxplan.users import User
from faxplan.wraps import PublicKey


def make(
    db: Database, user: User, secret: Secret, name: str, mailbox_names: Sequence[str], *, told: Told | None = None
) -> str:
    """A new API reader of mailboxes that this user reads (role portal): its key, to be shown once and kept nowhere.

    Raises as enrolment.unlock, and NotFound, Locked where a mailbox's key has not been handed to the user yet,
    ConstraintViolated where there is a reader of this name, and EpochMoved.
    """
    ring = enrolment.unlock(db, user, secret, told=told)
    text, private = printed_keys.new_reader_key()
    with db.tenant(user.tenant_id) as tx:
        # Whoever leaves a mailbox at this moment lets nobody into it.
        epochs.take_turn(tx, user.tenant_id)
        key_id = int(
            tx.value(
                "insert into user_keys (tenant_id, kind, name, public_key) values (%s, 'reader', %s, %s) returning id",
                (user.tenant_id, name, private.public.raw),
            )
        )
        for mailbox_id in sorted({_mailbox_of(tx, user, each) for each in mailbox_names}):
            key = vault.key_of_mailbox(tx, user.tenant_id, mailbox_id)
            wrap = None if key is None else ring.wrapped(mailbox_id, key.epoch, private.public)
            if key is None or wrap is None:
                raise Locked(_("Your key does not open this mailbox yet. Let another of its members unlock once."))
            tx.execute(
                "insert into reader_mailboxes (tenant_id, mailbox_id, user_key_id, added_by) values (%s, %s, %s, %s)",
                (user.tenant_id, mailbox_id, key_id, user.id),
            )
            for due in vault.grants_due(tx, user.tenant_id, [mailbox_id]):
                wrap = ring.wrapped(mailbox_id, due.epoch, private.public) if due.user_key_id == key_id else None
                if wrap is not None:
                    vault.grant(tx, user.tenant_id, mailbox_id, due.epoch, key_id, wrap)
        audit.record(
            tx,
            user.tenant_id,
            actor=f"user:{user.id}",
            action="key.reader-add",
            object=f"key:{key_id}",
            name=name,
            public_key=private.public.raw.hex(),
            mailboxes=_mailboxes_of(tx, user.tenant_id, key_id),
        )
    return text


def everyone(tx: Transaction, tenant_id: int) -> list[Row]:
    """A tenant's API readers, by name: name, created_at, mailboxes (names), added_by (addresses)."""
    return tx.rows(
        """select k.name, k.created_at, array_agg(distinct b.name order by b.name) filter (where b.id is not null)
                  as mailboxes, array_agg(distinct u.email order by u.email) filter (where u.id is not null) as added_by
           from user_keys k
           left join reader_mailboxes r on r.tenant_id = k.tenant_id and r.user_key_id = k.id
           left join mailboxes b on b.tenant_id = r.tenant_id and b.id = r.mailbox_id
           left join users u on u.tenant_id = r.tenant_id and u.id = r.added_by
           where k.tenant_id = %s and k.kind = 'reader' and k.replaced_at is null group by k.id, k.name, k.created_at
           order by k.name""",
        (tenant_id,),
    )


@dataclass(frozen=True, slots=True)
class Reader:
    """An API reader, as a client of its own needs it. epochs: keys of those of its mailboxes that a user reads, each
    wrapped to it."""

    key_id: int
    name: str
    public: PublicKey
    epochs: Sequence[Epoch]


def of_user(tx: Transaction, user: User) -> list[Reader]:
    """The API readers of mailboxes that a user reads, by name (role portal)."""
    rows = tx.rows(
        f"""select k.id, k.name, k.public_key, array_agg(r.mailbox_id order by r.mailbox_id) as mailboxes
            from user_keys k
            join reader_mailboxes r on r.tenant_id = k.tenant_id and r.user_key_id = k.id
            join mailbox_members m on m.tenant_id = r.tenant_id and m.mailbox_id = r.mailbox_id
                 and m.user_id = %(user)s
            where k.tenant_id = %(tenant)s and k.kind = 'reader' and k.replaced_at is null
              and {permissions.MAY_RECEIVE}
            group by k.id, k.name, k.public_key order by k.name""",
        {"tenant": user.tenant_id, "user": user.id},
    )
    return [
        Reader(row["id"], row["name"], PublicKey(bytes(row["public_key"])),
               vault.epochs_of_key(tx, user.tenant_id, row["id"], row["mailboxes"]))
        for row in rows
    ]  # fmt: skip


def besides(tx: Transaction, tenant_id: int, mailbox_ids: Collection[int]) -> list[str]:
    """Who opens one of these mailboxes and is none of its members, for people: API readers, and the recovery key."""
    rows = tx.rows(
        """select distinct k.kind, k.name from mailbox_keys h
           join user_keys k on k.tenant_id = h.tenant_id and k.id = h.user_key_id and k.replaced_at is null
           left join reader_mailboxes r on r.tenant_id = h.tenant_id and r.mailbox_id = h.mailbox_id
                and r.user_key_id = k.id
           where h.tenant_id = %s and h.mailbox_id = any(%s) and (k.kind = 'recovery' or r.user_key_id is not null)
           order by k.kind, k.name""",
        (tenant_id, list(mailbox_ids)),
    )
    return [
        "your organisation's recovery key" if row["kind"] == "recovery" else f"API reader {row['name']}" for row in rows
    ]


def revoke(db: Database, user: User, name: str) -> int:
    """An API reader opens nothing any more that comes from now on (role portal): how many mailboxes have a new key.

    What it has opened, or has the key of, it keeps, as whoever leaves does. For the tenant's administrators, and the
    members of its mailboxes. Raises NotFound, Forbidden, LastReader and EpochMoved.
    """
    with db.tenant(user.tenant_id) as tx:
        key_id, mailbox_ids = _reader(tx, user, name)
        wanted = [epochs.ahead(tx, user.tenant_id, each, without=[key_id]) for each in mailbox_ids]
    begun = [epochs.make(each) for each in wanted if each is not None]
    with db.tenant(user.tenant_id) as tx:
        epochs.take_turn(tx, user.tenant_id)
        if _reader(tx, user, name) != (key_id, mailbox_ids):
            raise vault.EpochMoved(_("Somebody else has just changed what this reader reads. Try again."))
        user_keys.end(tx, user.tenant_id, key_id)
        tx.execute("delete from reader_mailboxes where tenant_id = %s and user_key_id = %s", (user.tenant_id, key_id))
        for each in begun:
            epochs.begin(tx, user.tenant_id, each)
        audit.record(
            tx,
            user.tenant_id,
            actor=f"user:{user.id}",
            action="key.reader-revoke",
            object=f"key:{key_id}",
            name=name,
            epochs_begun=epochs.named(begun),
        )
    return len(begun)


def unlock(db: Database, tenant_id: int, text: str) -> Keyring:
    """What an API reader opens (role portal). text: its key.

    One that is none of this tenant's, or was revoked, is a row of the audit. Raises InvalidSecret, and NotFound for
    such a one.
    """
    private = printed_keys.reader_key(text)
    with db.tenant(tenant_id) as tx:
        key = tx.row(
            """select id, replaced_at is null as current from user_keys
               where tenant_id = %s and public_key = %s and kind = 'reader'""",
            (tenant_id, private.public.raw),
        )
        if key is not None and key["current"]:
            mailbox_ids = _mailboxes_of(tx, tenant_id, key["id"])
            return Keyring({key["id"]: private}, vault.epochs_of_key(tx, tenant_id, key["id"], mailbox_ids))
        whose = "reader" if key is None else f"key:{key['id']}"
        audit.record(tx, tenant_id, actor="reader", action="key.reader-unlock", object=whose, result="refused")
    raise NotFound(_("There is no such API reader, or it was revoked. `faxplan reader list` shows all."))


def let_in_by(tx: Transaction, tenant_id: int, mailbox_id: int, user_id: int) -> list[int]:
    """The ids of the keys of a mailbox's API readers whom this user has let in."""
    rows = tx.rows(
        "select user_key_id from reader_mailboxes where tenant_id = %s and mailbox_id = %s and added_by = %s",
        (tenant_id, mailbox_id, user_id),
    )
    return [row["user_key_id"] for row in rows]


def leave_with(tx: Transaction, tenant_id: int, mailbox_id: int, user_id: int) -> None:
    """Whom this user has let in reads the mailbox no more: who leaves may have kept that key."""
    tx.execute(
        "delete from reader_mailboxes where tenant_id = %s and mailbox_id = %s and added_by = %s",
        (tenant_id, mailbox_id, user_id),
    )


def _mailbox_of(tx: Transaction, user: User, name: str) -> int:
    mailbox_id = mailboxes.by_name(tx, user.tenant_id, name)
    if not mailboxes.reads(tx, user.tenant_id, mailbox_id, user.id):
        raise Forbidden(
            _("You do not read mailbox {name}. One of its members lets an API reader in.").format(name=name)
        )
    return mailbox_id


def _mailboxes_of(tx: Transaction, tenant_id: int, key_id: int) -> list[int]:
    rows = tx.rows(
        "select mailbox_id from reader_mailboxes where tenant_id = %s and user_key_id = %s order by mailbox_id",
        (tenant_id, key_id),
    )
    return [row["mailbox_id"] for row in rows]


def _reader(tx: Transaction, user: User, name: str) -> tuple[int, list[int]]:
    """A reader's key by its id, and its mailboxes; where this user may revoke it."""
    key_id = tx.value(
        "select id from user_keys where tenant_id = %s and name = %s and kind = 'reader' and replaced_at is null",
        (user.tenant_id, name),
    )
    if key_id is None:
        raise NotFound(
            _("There is no API reader {name}. `faxplan reader list` shows all.").format(name=repr(name[:100]))
        )
    mailbox_ids = _mailboxes_of(tx, user.tenant_id, key_id)
    if user.role != "administrator" and not any(
        mailboxes.is_member(tx, user.tenant_id, each, user.id) for each in mailbox_ids
    ):
        raise Forbidden(_("Only an administrator of your organisation, or a member of its mailboxes, revokes it."))
    return key_id, mailbox_ids
