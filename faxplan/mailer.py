"""The mailer: hands over what waits in the outbox, each mail once; a thread of the worker, beside its renderings.

A mail is made in memory when its turn comes, and nothing of it is kept. What a mail server has taken over is in the
journal before anything else happens, so a crash or a database that is away repeats only what was not taken; where the
server's answer itself was lost, the mail goes out again with the Message-ID that it had. A server that is away, or says
that it is busy, is left alone for a while, and the mails of tenants with another one go on.
"""

import logging
import os
import socket
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

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
    outbox,
    signing_keys,
)
from faxplan.config import Settings
from faxplan.db import Database
from faxplan.document_store import DocumentLost, KeyElsewhere, Store, StoreUnavailable
from faxplan.errors import DatabaseUnavailable, FaxplanError, InvalidSetting, NotFound
from faxplan.key_folder import KeyFolder
from faxplan.language import _
from faxplan.listener import Listener
from faxplan.mail import (
    BrokenOff,
    ContentRefused,
    Relay,
    RelayRefused,
    RelaySession,
    SenderRefused,
    ServerAway,
    SizeRefused,
    check_address,
    is_address,
)
from faxplan.mail_journal import MailJournal
from faxplan.mail_notices import Facts, NoRecipient
from faxplan.mailbox_mail import Format, Mode
from faxplan.outbox import Ended, State, Waiting
from faxplan.relays import Relays
from faxplan.tiff_directory import BrokenTiff
from faxplan.transient_readers import KeyGone

LOG = logging.getLogger("faxplan.mailer")
LEASE_SECONDS = 900
AT_ONCE = 20
"""Mails that are claimed together, and go out over one connection."""
TURN_SECONDS = 60.0
"""So long one mail server is handed mails over; then the others have their turn, however slow it is."""
SWEEP_SECONDS = 5.0
AWAY_SECONDS = 1.0
LATER_SECONDS = 60.0
"""So long what cannot be made waits: only another worker can, or the store is away."""
_FORGET_SECONDS = 600
"""After so long nothing is on its way any more to be mailed that is not in the outbox."""


@dataclass(frozen=True, slots=True)
class _Made:
    """A mail as it is handed over. sent_as: the mode that it could be kept to. slug: its tenant's."""

    content: bytes
    sender: str
    sent_as: Mode
    slug: str


class UnsafeRelay(FaxplanError):
    """A fax as it is would go to the mail server without TLS that proves it: smtp_security says so."""

    error_id = "unsafe-relay"


class _Later(Exception):
    """It cannot be made now, and is no mail server's fault."""


class Mailer:
    """One thread. `name` tells its leases from others'. keys: the machine's, for mail."""

    def __init__(
        self, db: Database, listener: Listener, store: Store, keys: KeyFolder, settings: Settings, *, name: str
    ) -> None:
        self._db = db
        self._listener = listener
        self._store = store
        self._keys = keys
        self._settings = settings
        self._name = name
        self._journal = MailJournal(settings.mail_journal)
        self._stop = threading.Event()
        self._relays = Relays(db, settings)
        self._unwritten: dict[str, Ended] = {}
        self._next_forgetting = 0.0

    def stop(self) -> None:
        """Ends `run` after the mail in hand."""
        self._stop.set()

    def run(self) -> None:
        """Works until stopped; a database or a mail server that is away is waited for, and by pages a store."""
        away, fresh = False, True
        while not self._stop.is_set():
            try:
                if fresh:
                    self.prepare()
                    # First: what the dead have handed over nobody is to find free.
                    self.replay()
                    self._free_mails_of_dead()
                    fresh = False
                if not self.work():
                    self._listener.heard(SWEEP_SECONDS)
                away = False
            except (DatabaseUnavailable, OSError) as error:
                if not away:
                    LOG.error("%s No mail goes out until then.", error)
                away = True
                self._stop.wait(AWAY_SECONDS)
            except Exception:
                # The worker would go on without us, and nobody would miss this thread.
                LOG.exception("No mail goes out for a moment.")
                self._stop.wait(AWAY_SECONDS)

    def prepare(self) -> None:
        """Makes the journal's folder. Raises UnsafeFolder."""
        self._journal.prepare()

    def work(self) -> bool:
        """Hands over some of what is due; False where nothing is. Raises DatabaseUnavailable."""
        self.replay()
        self._forget_unwanted()
        with self._db.across_tenants() as tx:
            mails = outbox.claim(
                tx, worker=self._name, lease_seconds=LEASE_SECONDS, most=AT_ONCE,
                except_of=self._relays.tenants_at_rest(), accounts_only=self._relays.rests(None),
            )  # fmt: skip
        by_relay: dict[int | None, list[Waiting]] = {}
        for mail in mails:
            by_relay.setdefault(mail.tenant_id if mail.has_account else None, []).append(mail)
        worked = [self._over(key, waiting) for key, waiting in by_relay.items()]
        return any(worked)

    def _over(self, key: int | None, waiting: list[Waiting]) -> bool:
        """Mails that go out over one connection, as far as they do; False where the mail server is away."""
        until = time.monotonic() + TURN_SECONDS
        try:
            with self._relays.of(key).session() as relay:
                while waiting and relay.has_time and not self._stop.is_set():
                    self._hand_over(relay, waiting[0])
                    waiting.pop(0)
                    if time.monotonic() >= until:
                        break
            if relay.has_time:
                self._relays.there(key)
            else:
                # It took its time, in which others' mail waited: it is theirs now.
                self._relays.away(key)
            reason, away = "", False
        except (ServerAway, InvalidSetting) as error:
            seconds = self._relays.away(key)
            LOG.error("%s Mail waits for it for %.0f s.", error, seconds)
            if isinstance(error, BrokenOff):
                # It may be this mail that the server does not survive: the others go first from now on.
                self._try_again(waiting.pop(0), error)
            reason, away = str(error), True
        except (DatabaseUnavailable, StoreUnavailable, OSError):
            raise
        except Exception as error:
            # One server's trouble must not keep all the others' mail.
            seconds = self._relays.away(key)
            LOG.exception("Mail waits for the mail server of %s for %.0f s.", key or "the installation", seconds)
            reason, away = type(error).__name__, True
        for mail in waiting:
            self._postpone(mail, reason, counts=False)
        return not away

    def replay(self) -> None:
        """Notes what mail servers have taken over of which the database has not heard. What it does not take stays in
        the journal: it goes out no second time, and keeps no other mail."""
        for ended in (*self._unwritten.values(), *self._journal):
            try:
                self._note(ended)
            except DatabaseUnavailable:
                raise
            except FaxplanError as error:
                LOG.error("mail %s of tenant %s has ended, which cannot be noted: %s", ended.id, ended.tenant_id, error)

    def _hand_over(self, relay: RelaySession, mail: Waiting) -> None:
        """Raises ServerAway."""
        # It may have been handed over under a lease that has run out, or by this process before it lost the database.
        with self._db.across_tenants() as tx:
            if self._is_taken_over(mail) or not outbox.is_waiting(tx, mail, self._name):
                return
        try:
            made, said = self._made_and_taken(relay, mail)
        except NotFound:
            self._end(mail, State.GIVEN_UP, _("The fax is deleted."), None)
        except NoRecipient as error:
            self._end(mail, State.GIVEN_UP, str(error), None)
        except RelayRefused as error:
            LOG.error("mail %s of tenant %s: %s", mail.id, mail.tenant_id, error)
            self._end(mail, State.REFUSED, str(error), None)
        except (ServerAway, DatabaseUnavailable):
            raise
        except (_Later, StoreUnavailable) as error:
            # Those that carry no pages go on.
            self._postpone(mail, str(error), counts=False, delay=LATER_SECONDS)
        except Exception as error:  # noqa: BLE001 - one mail's trouble must not keep all the others
            self._try_again(mail, error)
        else:
            self._end(mail, State.ACCEPTED, said, made.sent_as)

    def _made_and_taken(self, relay: RelaySession, mail: Waiting) -> tuple[_Made, str]:
        """The mail that the server has, and what it said."""
        made = self._made(relay.relay, mail)
        try:
            return made, self._taken(relay, mail, made)
        except ContentRefused as error:
            if not made.sent_as.carries_pages:
                raise
            LOG.error("mail %s of tenant %s goes out as a notice: %s", mail.id, mail.tenant_id, error)
            refused = error
        made = self._made(relay.relay, mail, refused=refused)
        return made, self._taken(relay, mail, made)

    def _taken(self, relay: RelaySession, mail: Waiting, made: _Made) -> str:
        """What the server said when it took it."""
        content, is_signed = self._signed(mail, made)
        sender = made.sender if mail.has_account else self._envelope_sender(mail, made, is_signed=is_signed)
        try:
            return relay.hand_over(content, sender=sender, recipient=mail.recipient)
        except SenderRefused as error:
            if sender == made.sender:
                raise
            LOG.warning("mail %s of tenant %s goes out without a way back: %s", mail.id, mail.tenant_id, error)
        return relay.hand_over(content, sender=made.sender, recipient=mail.recipient)

    def _envelope_sender(self, mail: Waiting, made: _Made, *, is_signed: bool) -> str:
        """Where what comes back is sent: to us, by which mail it is; but only where the mail is no worse proven so. A
        domain of its own that no signature speaks for is proven by the envelope's alone (DMARC, RFC 7489, 3.1)."""
        ours, its = self._settings.mail_domain.lower(), made.sender.rpartition("@")[2].lower()
        is_related = ours == its or its.endswith(f".{ours}") or ours.endswith(f".{its}")
        if not ours or not self._settings.mail_bounces or not (is_signed or is_related):
            return made.sender
        return mail_bounces.address(mail.token, f"{made.slug}.{ours}")

    def _try_again(self, mail: Waiting, error: Exception) -> None:
        unknown = None if isinstance(error, FaxplanError) else error
        LOG.error("mail %s of tenant %s, try %s: %s", mail.id, mail.tenant_id, mail.tries, error, exc_info=unknown)
        if (datetime.now(UTC) - mail.created_at).total_seconds() > mail_readers.GIVE_UP_SECONDS:
            self._end(mail, State.GIVEN_UP, str(error), None)
        else:
            self._postpone(mail, str(error), counts=True)

    def _end(self, mail: Waiting, state: State, said: str, sent_as: Mode | None) -> None:
        ended = Ended(mail.tenant_id, mail.id, mail.token, state, said, None if sent_as is None else sent_as.value)
        try:
            self._journal.write(ended)
        except OSError as error:
            # A full disk, say: what the server has must not go out again, as long as we live to know it.
            LOG.error("A mail is noted in the database alone: %s cannot be written (%s).", self._journal.folder, error)
            self._unwritten[ended.token] = ended
        self._note(ended)

    def _note(self, ended: Ended) -> None:
        """Also lets go of what was mailed, once no other recipient waits for it."""
        with self._db.tenant(ended.tenant_id) as tx:
            if outbox.end(tx, ended):
                mail_readers.let_go_of_mailed(tx, ended.tenant_id, ended.id)
        self._unwritten.pop(ended.token, None)
        self._journal.remove(ended)

    def _is_taken_over(self, mail: Waiting) -> bool:
        return mail.token in self._unwritten or self._journal.has(mail.token)

    def _postpone(self, mail: Waiting, said: str, *, counts: bool, delay: float = 0) -> None:
        delays = outbox.RETRY_SECONDS
        delay = delays[min(mail.tries, len(delays)) - 1] if counts else delay
        with self._db.across_tenants() as tx:
            outbox.postpone(tx, mail, self._name, said, delay, counts=counts)

    def _made(self, relay: Relay, mail: Waiting, *, refused: ContentRefused | None = None) -> _Made:
        """refused: of it with the fax in it. Raises NotFound, NoRecipient, InvalidSetting, RelayRefused and
        StoreUnavailable, and _Later."""
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
                    raise _Later(str(error)) from error
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
        return _Made(mail_form.flat(message), sender, Mode.NOTICE, known.tenant.slug)

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

    def _signed(self, mail: Waiting, made: _Made) -> tuple[bytes, bool]:
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

    def _with_pages(self, known: Facts, mail: Waiting, relay: Relay, sender: str) -> _Made:
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
        return _Made(_sealed(known, message), sender, known.mode, known.tenant.slug)

    def _forget_unwanted(self) -> None:
        if time.monotonic() < self._next_forgetting:
            return
        self._next_forgetting = time.monotonic() + _FORGET_SECONDS
        mail_readers.forget_unwanted(self._db, _FORGET_SECONDS)

    def _free_mails_of_dead(self) -> None:
        """Gives back what workers of this machine had in hand when they were killed."""
        with self._db.across_tenants() as tx:
            for name in outbox.busy_workers(tx):
                host, _colon, pid = name.rpartition(":")
                if host == socket.gethostname() and (pid == str(os.getpid()) or not Path(f"/proc/{pid}").exists()):
                    outbox.release(tx, name)


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
