"""How a mailbox's received faxes go out by mail, and to whom (role portal).

Notices carry no page, and go to who reads the mailbox, or to recipients that are named. Modes that carry pages give up
the promise that only readers open a fax (mail_readers): so who reads the mailbox chooses them, and whom they go to, and
shows their own key for it; an administrator takes them away at any time, and never brings them about.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from faxplan import (
    audit,
    locked_pdf,
    mail_certificates,
    mail_openpgp,
    mail_readers,
    mailboxes,
    permissions,
    quotas,
    tenants,
)
from faxplan.audit import Who
from faxplan.db import Database, Transaction
from faxplan.errors import FaxplanError, Forbidden, NotFound
from faxplan.language import _, marked
from faxplan.mail import is_address
from faxplan.proofs import NoProof
from faxplan.users import User

MOST_RECIPIENTS = 20
"""Of a mailbox: each is a mail of its own."""
_TURN = 0x72637074
"""Any number ("rcpt" in ASCII)."""


class Mode(StrEnum):
    """Values of mailboxes.mail_mode."""

    OFF = "off"
    NOTICE = "notice"
    SMIME = "smime"
    OPENPGP = "openpgp"
    LOCKED_PDF = "locked-pdf"
    PLAIN = "plain"

    @property
    def carries_pages(self) -> bool:
        """Whether a worker opens the fax for it."""
        return self not in (Mode.OFF, Mode.NOTICE)


LABELS = {
    Mode.OFF: marked("No mail"),
    Mode.NOTICE: marked("A notice with a link"),
    Mode.SMIME: marked("The fax, encrypted by S/MIME"),
    Mode.OPENPGP: marked("The fax, encrypted by OpenPGP"),
    Mode.LOCKED_PDF: marked("A PDF with a password"),
    Mode.PLAIN: marked("The fax as it is"),
}


class Format(StrEnum):
    """Values of mailboxes.mail_format."""

    PDF = "pdf"
    TIFF = "tiff"


class InvalidMailChoice(FaxplanError):
    """What is chosen does not go together, or something is missing for it."""

    error_id = "invalid-mail-choice"


@dataclass(frozen=True, slots=True)
class Recipient:
    """certificate: X.509, DER. openpgp_key: binary. added_by: whose e-mail address. vouched: whether they read the
    mailbox; else this one gets notices, and no pages."""

    id: int
    address: str
    certificate: bytes | None
    openpgp_key: bytes | None
    added_by: str
    added_at: datetime
    vouched: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """What a mailbox has chosen. recipients: none, notices go to who reads it. set_by: whose e-mail address; None:
    nobody's, or they read it no more."""

    mode: Mode
    format: Format
    recipients: Sequence[Recipient]
    set_by: str | None
    set_at: datetime | None


def of(tx: Transaction, user: User, mailbox_id: int) -> Choice:
    """For who reads it, and the tenant's administrators. Raises NotFound."""
    _standing(tx, user, mailbox_id)
    return _chosen(tx, user.tenant_id, mailbox_id)


def choose(
    db: Database,
    user: User,
    mailbox_id: int,
    mode: Mode,
    *,
    file_format: Format = Format.PDF,
    password: str | None = None,
    shown: bool,
    actor: Who,
) -> bool:
    """What comes in from now on goes out so; False where it does already. password: of locked-pdf; None: as it was.
    shown: whether the user has shown their own key (proofs).

    What waits to be mailed is given up at once where no pages are to go out any more. Raises NotFound, Forbidden,
    NoProof, InvalidMailChoice and InvalidSecret.
    """
    with db.tenant(user.tenant_id) as tx:
        reads = _standing(tx, user, mailbox_id)
        tx.take_turn(_TURN, user.tenant_id)
        before = _chosen(tx, user.tenant_id, mailbox_id)
        if mode.carries_pages:
            _check_may_send_out(tx, user, reads, shown)
            _check_fits(before.recipients, mode, file_format)
        if password is not None:
            tenant = tenants.get(tx, user.tenant_id)
            locked_pdf.check_new_password(password, (user.name, user.email, tenant.name))
            password = locked_pdf.prepared(password)
        if mode is Mode.LOCKED_PDF and password is None and before.mode is not Mode.LOCKED_PDF:
            raise InvalidMailChoice(_("Choose a password for the PDFs: who gets them has to know it."))
        if password is None and (before.mode, before.format) == (mode, file_format):
            return False
        # Who delivers a fax meanwhile sees what is chosen now, or we see its wraps (mail_readers.still_wanted).
        quotas.take_turn(tx, user.tenant_id)
        values: dict[str, str | int | None] = {
            "mail_mode": mode.value, "mail_format": file_format.value, "mail_set_by": user.id,
        }  # fmt: skip
        if password is not None or mode is not Mode.LOCKED_PDF:
            # It is not ours to read: what was chosen before is left as it is.
            values["mail_password"] = password if mode is Mode.LOCKED_PDF else None
        tx.execute(
            f"""update mailboxes set {", ".join(f"{each} = %s" for each in values)}, mail_set_at = now()
                where tenant_id = %s and id = %s""",
            (*values.values(), user.tenant_id, mailbox_id),
        )
        given_up = 0 if mode.carries_pages else mail_readers.close(tx, user.tenant_id, mailbox_id)
        _record(
            tx, user, actor, "mailbox.mail", mailbox_id, mode=mode.value, format=file_format.value,
            given_up=given_up, password=password is not None,
        )  # fmt: skip
    return True


def add(
    db: Database,
    user: User,
    mailbox_id: int,
    address: str,
    *,
    certificate: bytes | None = None,
    openpgp_key: bytes | None = None,
    shown: bool,
    actor: Who,
) -> None:
    """Mails go to this address as well, or with another certificate or key than before (files' content).

    Where pages go out only who reads the mailbox does that, and shows their own key. Raises NotFound, Forbidden,
    NoProof, InvalidMailChoice, CertificateRefused and KeyRefused.
    """
    address = address.strip()
    if not is_address(address):
        raise InvalidMailChoice(_("{address} is no e-mail address.").format(address=repr(address[:80])))
    der = None if certificate is None else mail_certificates.certificate_of(certificate)
    key = None if openpgp_key is None else mail_openpgp.key_of(openpgp_key)
    for each in (der, key):
        if each is not None and not each.is_for(address):
            raise InvalidMailChoice(
                _("This is for {others}, and not for {address}. Choose the file of whoever gets these mails.").format(
                    others=", ".join(each.addresses) or _("nobody by name"), address=address
                )
            )
    with db.tenant(user.tenant_id) as tx:
        reads = _standing(tx, user, mailbox_id)
        tx.take_turn(_TURN, user.tenant_id)
        now = _chosen(tx, user.tenant_id, mailbox_id)
        if now.mode.carries_pages or der is not None or key is not None:
            _check_may_send_out(tx, user, reads, shown)
        others = [each for each in now.recipients if each.address != address]
        if len(others) >= MOST_RECIPIENTS:
            raise InvalidMailChoice(
                _("A mailbox has {most} recipients at most. Name one that hands on to many.").format(
                    most=MOST_RECIPIENTS
                )
            )
        tx.execute(
            """insert into mail_recipients (tenant_id, mailbox_id, address, certificate, openpgp_key, added_by)
               values (%s, %s, %s, %s, %s, %s) on conflict on constraint mail_recipients_address_key
               do update set certificate = coalesce(excluded.certificate, mail_recipients.certificate),
                             openpgp_key = coalesce(excluded.openpgp_key, mail_recipients.openpgp_key),
                             added_by = excluded.added_by, added_at = now()""",
            (user.tenant_id, mailbox_id, address, der and der.content, key and key.content, user.id),
        )
        _check_fits(_chosen(tx, user.tenant_id, mailbox_id).recipients, now.mode, now.format)
        _record(
            tx, user, actor, "mailbox.add-recipient", mailbox_id, email=address,
            certificate=der and der.fingerprint, openpgp_key=key and key.fingerprint,
        )  # fmt: skip


def remove(db: Database, user: User, mailbox_id: int, recipient_id: int, *, actor: Who) -> None:
    """Nothing more goes to this recipient; where pages go out somebody has to be left. Raises NotFound and
    InvalidMailChoice."""
    with db.tenant(user.tenant_id) as tx:
        _standing(tx, user, mailbox_id)
        tx.take_turn(_TURN, user.tenant_id)
        address = tx.value(
            "delete from mail_recipients where tenant_id = %s and mailbox_id = %s and id = %s returning address",
            (user.tenant_id, mailbox_id, recipient_id),
        )
        if address is None:
            raise NotFound(_("There is no such recipient."))
        now = _chosen(tx, user.tenant_id, mailbox_id)
        _check_fits(now.recipients, now.mode, now.format)
        _record(tx, user, actor, "mailbox.remove-recipient", mailbox_id, email=address)


def left(tx: Transaction, tenant_id: int, mailbox_id: int, user_id: int) -> None:
    """Somebody reads the mailbox no more (role admin or portal): what they had mailed goes nowhere from now on, and
    where nobody else has any mailed, its readers have notices."""
    tx.take_turn(_TURN, tenant_id)
    tx.execute(
        "delete from mail_recipients where tenant_id = %s and mailbox_id = %s and added_by = %s",
        (tenant_id, mailbox_id, user_id),
    )
    tx.execute(
        """update mailboxes b set mail_mode = 'notice', mail_password = null, mail_set_by = null, mail_set_at = null
           where b.tenant_id = %s and b.id = %s and b.mail and not exists (
               select from mail_recipients r where r.tenant_id = b.tenant_id and r.mailbox_id = b.id)""",
        (tenant_id, mailbox_id),
    )


def _standing(tx: Transaction, user: User, mailbox_id: int) -> bool:
    """Whether the user reads it. Raises NotFound for who is neither reader nor administrator."""
    reads = mailboxes.reads(tx, user.tenant_id, mailbox_id, user.id)
    mailboxes.check_there(tx, user.tenant_id, mailbox_id)
    if not reads and user.role != "administrator":
        raise NotFound(_("There is no such mailbox."))
    return reads


def _check_may_send_out(tx: Transaction, user: User, reads: bool, shown: bool) -> None:
    if not reads:
        raise Forbidden(_("Whether a mailbox's faxes themselves are mailed, and to whom, its readers say."))
    permissions.check(tx, user.tenant_id, user.id, permissions.MAIL_OUT)
    if not shown:
        raise NoProof(_("Your browser has not shown that it has your key. Load this page again, and try once more."))


def _check_fits(recipients: Sequence[Recipient], mode: Mode, file_format: Format) -> None:
    """Raises InvalidMailChoice where mails could not be made so."""
    if mode.carries_pages and not any(each.vouched for each in recipients):
        raise InvalidMailChoice(
            _("Name whom the faxes are to be mailed to, one at least.")
            if not recipients
            else _("Pages go to nobody whom only an administrator has added. Add who is to have them yourself.")
        )
    if mode is Mode.LOCKED_PDF and file_format is not Format.PDF:
        raise InvalidMailChoice(_("Only a PDF has a password. Choose PDF."))
    needed = {Mode.SMIME: "certificate", Mode.OPENPGP: "openpgp_key"}.get(mode)
    without = [each.address for each in recipients if needed and getattr(each, needed) is None]
    if without:
        words = (
            _("There is no certificate of {addresses}. Add it first.")
            if mode is Mode.SMIME
            else _("There is no OpenPGP key of {addresses}. Add it first.")
        )
        raise InvalidMailChoice(words.format(addresses=", ".join(without)))


def _chosen(tx: Transaction, tenant_id: int, mailbox_id: int) -> Choice:
    row = tx.one(
        """select b.mail_mode, b.mail_format, b.mail_set_at, u.email as set_by
           from mailboxes b left join users u on u.tenant_id = b.tenant_id and u.id = b.mail_set_by
           where b.tenant_id = %s and b.id = %s""",
        (tenant_id, mailbox_id),
    )
    # Vouched: as outbox_fill has it.
    rows = tx.rows(
        """select r.id, r.address, r.certificate, r.openpgp_key, u.email as added_by, r.added_at,
                  u.enabled and array['receive', 'mail-out'] <@ u.permissions and exists (
                      select from mailbox_members m where m.tenant_id = r.tenant_id and m.mailbox_id = r.mailbox_id
                      and m.user_id = r.added_by) as vouched
           from mail_recipients r join users u on u.tenant_id = r.tenant_id and u.id = r.added_by
           where r.tenant_id = %s and r.mailbox_id = %s order by r.address""",
        (tenant_id, mailbox_id),
    )
    found = [
        Recipient(**row | {name: row[name] and bytes(row[name]) for name in ("certificate", "openpgp_key")})
        for row in rows
    ]
    return Choice(Mode(row["mail_mode"]), Format(row["mail_format"]), found, row["set_by"], row["mail_set_at"])


def _record(tx: Transaction, user: User, actor: Who, action: str, mailbox_id: int, **details: Any) -> None:
    audit.record(tx, user.tenant_id, actor=actor, action=action, object=f"mailbox:{mailbox_id}", **details)
