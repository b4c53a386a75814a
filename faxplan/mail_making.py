"""What a mail of the outbox says and carries when its turn comes: made in memory, as its mailbox has chosen, sealed and
signed; nothing of it is kept."""

import logging
from dataclasses import dataclass
from email.message import EmailMessage

from faxplan import (
    fax_attachment,
    language,
    locked_pdf,
    mail_bounces,
    mail_certificates,
    mail_form,
    mail_notices,
    mail_openpgp,
    mail_readers,
    mail_signature,
    signing_keys,
)
from faxplan.config import Settings
from faxplan.db import Database
from faxplan.document_store import DocumentLost, KeyElsewhere, Store, StoreUnavailable
from faxplan.errors import FaxplanError, NotFound
from faxplan.key_folder import KeyFolder
from faxplan.language import _
from faxplan.mail import Relay, check_address, is_address
from faxplan.mail_notices import Facts
from faxplan.mailbox_mail import Format, Mode
from faxplan.outbox import Waiting
from faxplan.smtp_answers import ContentRefused, RelayRefused, SizeRefused
from faxplan.tiff_directory import BrokenTiff
from faxplan.transient_readers import KeyGone

LOG = logging.getLogger("faxplan.mailer")


@dataclass(frozen=True, slots=True)
class Made:
    """A mail as it is handed over. sent_as: the mode that it could be kept to. slug: its tenant's."""

    content: bytes
    sender: str
    sent_as: Mode
    slug: str


class UnsafeRelay(FaxplanError):
    """A fax as it is would go to the mail server without TLS that proves it: smtp_security says so."""

    error_id = "unsafe-relay"


class Later(Exception):
    """It cannot be made now, and is no mail server's fault."""


class MailMaker:
    """For one mailer. keys: the machine's, for mail."""

    def __init__(self, db: Database, store: Store, keys: KeyFolder, settings: Settings) -> None:
        self._db = db
        self._store = store
        self._keys = keys
        self._settings = settings

    def made(self, relay: Relay, mail: Waiting, *, refused: ContentRefused | None = None) -> Made:
        """refused: of it with the fax in it. Raises NotFound, NoRecipient, InvalidSetting, RelayRefused and
        StoreUnavailable, and Later."""
        with self._db.tenant(mail.tenant_id) as tx:
            known = mail_notices.facts(tx, mail)
        # A provider takes mail of its account's address alone.
        sender = relay.sender if mail.has_account else known.brand.mail_sender or relay.sender
        check_address(sender)
        if not is_address(mail.recipient):
            raise RelayRefused(
                _("{address} is no address that every mail server can be told. Correct it.").format(
                    address=ascii(mail.recipient)
                )
            )
        with language.speaks(known.language):
            note = ""
            if refused is not None:
                note = _("The fax is not in this mail: {why}").format(why=_not_taken(refused))
            elif known.mode.carries_pages:
                try:
                    return self._with_pages(known, mail, relay, sender)
                except KeyElsewhere as error:
                    raise Later(str(error)) from error
                except (
                    mail_certificates.CertificateRefused,
                    mail_openpgp.KeyRefused,
                    fax_attachment.AttachmentTooLarge,
                    BrokenTiff,
                    locked_pdf.CannotBeLocked,
                    UnsafeRelay,
                    KeyGone,
                    DocumentLost,
                    ValueError,
                ) as error:
                    LOG.error("mail %s of tenant %s goes out as a notice: %s", mail.id, mail.tenant_id, error)
                    note = _("The fax is not in this mail: {why}").format(why=_reason(error))
            message = mail_notices.message(
                known, mail, self._settings, sender=sender, note=note, thumbnail=self._thumbnail(known, mail, relay)
            )
        return Made(mail_form.flat(message), sender, Mode.NOTICE, known.tenant.slug)

    def _thumbnail(self, known: Facts, mail: Waiting, relay: Relay) -> bytes:
        """Empty where the mail is to have none, or cannot: nobody waits for it."""
        if known.thumbnail_id is None or not relay.is_safe:
            return b""
        try:
            with mail_readers.opened(self._db, self._store, self._keys, mail.tenant_id, known.thumbnail_id) as plain:
                return plain.read()
        except (KeyElsewhere, KeyGone, DocumentLost, StoreUnavailable, NotFound, ValueError) as error:
            LOG.warning("mail %s of tenant %s shows no page: %s", mail.id, mail.tenant_id, error)
            return b""

    def signed(self, mail: Waiting, made: Made) -> tuple[bytes, bool]:
        """By the key of the sender's domain, where the tenant has one, and whether it is. One that cannot be used keeps
        no mail back."""
        domain = made.sender.rpartition("@")[2].lower()
        with self._db.tenant(mail.tenant_id) as tx:
            key = signing_keys.of(tx, mail.tenant_id, domain)
        if key is None:
            return made.content, False
        try:
            return mail_signature.signed(made.content, domain, key.selector, key.private_key.encode()), True
        except (mail_signature.SigningKeyRefused, ValueError) as error:
            LOG.error("mail %s of tenant %s goes out unsigned: %s", mail.id, mail.tenant_id, error)
            return made.content, False

    def _with_pages(self, known: Facts, mail: Waiting, relay: Relay, sender: str) -> Made:
        if known.mode is Mode.PLAIN and not relay.is_safe:
            raise UnsafeRelay(
                _("The mail server is spoken to without encryption that proves it, and no fax goes over that as it is.")
            )
        if known.chosen_since:
            # It may have been for recipients' keys alone, or for another password.
            raise KeyGone(_("How faxes of this mailbox are mailed was changed after it came."))
        kind = known.file_format.value
        document = known.pdf_id if known.file_format is Format.PDF else known.tiff_id
        if document is None:
            document, kind = known.tiff_id, Format.TIFF.value
        if document is None:
            raise KeyGone(_("There are no pages to mail."))
        message = mail_notices.message(known, mail, self._settings, sender=sender)
        with mail_readers.opened(self._db, self._store, self._keys, mail.tenant_id, document) as plain:
            content = fax_attachment.content(plain, kind)
        if known.mode is Mode.LOCKED_PDF:
            content = locked_pdf.locked(content, known.password or "")
        name = fax_attachment.name(known.at.astimezone(known.zone), known.number, kind)
        fax_attachment.attach(message, content, name, kind)
        return Made(_sealed(known, message), sender, known.mode, known.tenant.slug)

    def envelope_sender(self, mail: Waiting, made: Made, *, is_signed: bool) -> str:
        """Where what comes back is sent: to us, by which mail it is; but only where the mail is no worse proven so. A
        domain of its own that no signature speaks for is proven by the envelope's alone (DMARC, RFC 7489, 3.1)."""
        ours, its = self._settings.mail_domain.lower(), made.sender.rpartition("@")[2].lower()
        is_related = ours == its or its.endswith(f".{ours}") or ours.endswith(f".{its}")
        if not ours or not self._settings.mail_bounces or not (is_signed or is_related):
            return made.sender
        return mail_bounces.address(mail.token, f"{made.slug}.{ours}")


def _sealed(known: Facts, message: EmailMessage) -> bytes:
    if known.mode is Mode.SMIME:
        if known.certificate is None:
            raise mail_certificates.CertificateRefused(_("There is no certificate of this recipient."))
        return mail_certificates.sealed(message, [mail_certificates.certificate_of(known.certificate)])
    if known.mode is Mode.OPENPGP:
        if known.openpgp_key is None:
            raise mail_openpgp.KeyRefused(_("There is no OpenPGP key of this recipient."))
        return mail_openpgp.sealed(message, [mail_openpgp.key_of(known.openpgp_key)])
    return mail_form.flat(message)


def _not_taken(error: ContentRefused) -> str:
    if isinstance(error, SizeRefused):
        return _("The mail server takes none of this size.")
    return _("The mail server takes none with what is in it.")


def _reason(error: Exception) -> str:
    if isinstance(error, FaxplanError):
        return str(error)
    return _("It could not be made ready for mail.")
