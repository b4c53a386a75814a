"""A mail that comes in becomes faxes, or is refused, for each of its recipients: whatever it is, there is an answer.

The recipient's host says whose it is; From, proven, a secret address or a PIN, by whom. All faxes of one user that a
mail becomes have one document, and are there all or none; a number that cannot be called refuses its recipient alone.
What has become a fax is noted with it (mails_in), so that a repeat is told the same. docs/mail-to-fax.md has it for
users. Role portal.
"""

import errno
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from faxplan import (
    brands,
    cover_templates,
    covers,
    drafts,
    incoming_mail,
    mail_access,
    mail_address,
    mail_authentication,
    mail_notices,
    mail_options,
    mail_paper,
    mail_sender,
    mails_in,
    notices,
    originals,
    outbound,
    permissions,
    plain_words,
    refused_numbers,
    send_time,
    tenants,
)
from faxplan.config import Settings
from faxplan.covers import InvalidCover
from faxplan.db import Database, Transaction
from faxplan.document_store import Store, StoreUnavailable
from faxplan.errors import DatabaseUnavailable, FaxplanError, InvalidNumber, NotFound
from faxplan.incoming_mail import IncomingMail
from faxplan.language import _
from faxplan.mail_address import Wanted
from faxplan.mail_authentication import Proof
from faxplan.mail_automation import Automatic
from faxplan.mail_options import MailOptions
from faxplan.mail_paper import Paper
from faxplan.mail_refusals import MailRefused, MailTooLarge, WrongAddress
from faxplan.outbound import Order
from faxplan.priorities import Priority
from faxplan.refusals import CoverTooLong, DocumentTooLarge
from faxplan.rendering import Resolution
from faxplan.tenants import Tenant
from faxplan.tries import TooManyTries
from faxplan.users import User

LOG = logging.getLogger("faxplan.mail_in")
TOKEN, PIN = "token", "pin"
"""What proves a mail, beside what mail_authentication.Proof has."""
_NEVER = (Automatic.REPLY, Automatic.REPORT, Automatic.LIST)
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_LONGEST_ADDRESS = 320


class UnknownHost(MailRefused):
    """No tenant has this host."""

    error_id = "unknown-host"


class NotProven(MailRefused):
    """Nobody who may fax is known to have sent it."""

    error_id = "not-proven"


class MachineMail(MailRefused):
    """An automatic answer, a report, a list's mail, or one that goes in circles: no fax was meant."""

    error_id = "machine-mail"


class State(StrEnum):
    """What became of a mail for one recipient."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    """For good."""
    LATER = "later"
    """It may be taken if it is sent again."""
    FULL = "full"
    """Likewise, once there is room."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """code: an enhanced status code (RFC 3463). words: for who has sent it. fax_id: the fax; None: there is none (any
    more)."""

    recipient: str = field(repr=False)
    state: State
    code: str
    words: str
    fax_id: int | None = None


@dataclass(frozen=True, slots=True)
class _Addressed:
    recipient: str = field(repr=False)
    wanted: Wanted
    tenant: Tenant


@dataclass(frozen=True, slots=True)
class _Read:
    """A mail. digests: of its files."""

    mail: IncomingMail
    options: MailOptions
    digests: Sequence[str]
    folder: Path


@dataclass(slots=True)
class _Batch:
    """Recipients of one user. proof: what proves the mail to the first of them."""

    user: User
    tenant: Tenant
    proof: str
    to: list[_Addressed] = field(default_factory=list)


class _Repeated(Exception):
    """Another process has taken this mail meanwhile."""


class MailIn:
    """Of an installation. db: role portal. For several threads, if `store` is."""

    def __init__(self, db: Database, store: Store, settings: Settings) -> None:
        self._db = db
        self._store = store
        self._settings = settings
        self._mark = mail_notices.loop_mark(settings)
        self._trusted = {each.strip() for each in settings.mail_authserv_ids.split(",") if each.strip()}

    def look_at(self, recipient: str) -> Outcome | None:
        """Whether mail to this address is taken at all, before any is there; None: it may be."""
        try:
            self._addressed(recipient)
        except Exception as error:  # noqa: BLE001 - there is an answer to whatever it is
            return _outcome(recipient, error)
        return None

    def take(self, file: Path, sender: str, recipients: Sequence[str]) -> list[Outcome]:
        """What became of a mail, for each recipient, in their order. sender, recipients: of the envelope; an empty
        sender, or <>, is nobody. Raises nothing."""
        outcomes: dict[str, Outcome] = {}
        addressed: list[_Addressed] = []
        for each in dict.fromkeys(recipients):
            try:
                addressed.append(self._addressed(each))
            except Exception as error:  # noqa: BLE001 - there is an answer to whatever it is
                outcomes[each] = _outcome(each, error)
        if addressed:
            try:
                with self._store.scratch.folder() as folder:
                    outcomes |= self._taken(file, sender, addressed, folder)
            except Exception as error:  # noqa: BLE001 - as above
                for one in addressed:
                    outcomes.setdefault(one.recipient, _outcome(one.recipient, error))
        return [outcomes[each] for each in recipients]

    def _addressed(self, recipient: str) -> _Addressed:
        """Raises WrongAddress and UnknownHost."""
        if len(recipient) > _LONGEST_ADDRESS:
            raise WrongAddress(_("This address is too long."))
        wanted = mail_address.wanted(recipient)
        with self._db.across_tenants() as tx:
            tenant = _tenant_of(tx, wanted.host, self._settings.mail_domain.lower())
        if tenant is None:
            raise UnknownHost(_("Nobody has this fax host. See whether the part behind the @ is as you were given it."))
        return _Addressed(recipient, wanted, tenant)

    # ------------------------------------------------------------------------------------------------------ one mail

    def _taken(self, file: Path, sender: str, addressed: Sequence[_Addressed], folder: Path) -> dict[str, Outcome]:
        """Raises what refuses it for all."""
        files, own = folder / "files", folder / "own"
        files.mkdir(0o700)
        own.mkdir(0o700)
        with file.open("rb") as source:
            mail = incoming_mail.read(source, files, mark=self._mark)
        _check_automatic(mail, sender)
        options = mail_options.read(mail.subject, mail.headers)
        outcomes: dict[str, Outcome] = {}
        batches: dict[tuple[int, int], _Batch] = {}
        by_pin: dict[tuple[int, int], FaxplanError | None] = {}
        for one in addressed:
            try:
                user, proof = self._who(mail, options, one, by_pin)
                batch = batches.setdefault((user.tenant_id, user.id), _Batch(user, one.tenant, proof))
                batch.to.append(one)
            except FaxplanError as error:
                outcomes[one.recipient] = _outcome(one.recipient, error)
        if batches:
            read = _Read(mail, options, [_digest(each.path) for each in mail.files], own)
            for number, batch in enumerate(batches.values()):
                place = own / str(number)
                place.mkdir(0o700)
                outcomes |= self._batch(replace(read, folder=place), batch)
        return outcomes

    def _who(
        self,
        mail: IncomingMail,
        options: MailOptions,
        one: _Addressed,
        by_pin: dict[tuple[int, int], FaxplanError | None],
    ) -> tuple[User, str]:
        """Who has sent it, and by what that is known. by_pin: whom its PIN was tried for. Raises NotProven,
        Forbidden and TooManyTries."""
        with self._db.tenant(one.tenant.id) as tx:
            if one.wanted.token is not None:
                user, proof = mail_access.user_of_token(tx, one.tenant.id, one.wanted.token), TOKEN
            else:
                user = mail_access.user_of_address(tx, one.tenant.id, mail.sender)
                proof = self._proof(mail, one) or ""
            if user is not None and proof:
                permissions.check(tx, user.tenant_id, user.id, permissions.MAIL_IN)
                return user, proof
        if user is None or options.pin is None or not one.tenant.mail_pins:
            raise _not_proven(mail, one)
        key = (user.tenant_id, user.id)
        if key not in by_pin:
            by_pin[key] = self._tried(user, options.pin, mail, one)
        if (wrong := by_pin[key]) is not None:
            raise wrong
        return user, PIN

    def _tried(self, user: User, pin: str, mail: IncomingMail, one: _Addressed) -> FaxplanError | None:
        """What is wrong with a PIN."""
        try:
            if not mail_access.is_pin(self._db, user, pin):
                return _not_proven(mail, one)
            with self._db.tenant(user.tenant_id) as tx:
                permissions.check(tx, user.tenant_id, user.id, permissions.MAIL_IN)
        except DatabaseUnavailable:
            raise
        except FaxplanError as error:
            return error
        return None

    def _proof(self, mail: IncomingMail, one: _Addressed) -> str | None:
        """By what our mail server's word proves From for this recipient: DKIM signs no envelope, so with it the address
        has to stand in the mail."""
        signed_to = mail_sender.is_written_to(mail.headers, one.recipient)
        verdict = mail_authentication.sender_of(
            mail.headers,
            self._trusted,
            mail.sender,
            signing_domains=one.tenant.mail_signing_domains,
            instances=self._settings.mail_authserv_fields,
            methods=tuple(Proof) if signed_to else (Proof.SPF,),
        )
        if verdict.proof is None:
            LOG.info("a mail to tenant %s is not proven: %s", one.tenant.id, verdict.reason)
            return None
        return verdict.proof.value

    # ------------------------------------------------------------------------------------------------------ one user

    def _batch(self, read: _Read, batch: _Batch) -> dict[str, Outcome]:
        """A document, and its faxes. Raises nothing."""
        outcomes: dict[str, Outcome] = {}
        try:
            for _try in range(2):
                waiting = self._new_ones(read, batch, outcomes)
                if not waiting:
                    break
                try:
                    self._hand_in(read, batch, waiting, outcomes)
                    break
                except _Repeated:
                    # What the other has taken is found now.
                    continue
        except Exception as error:  # noqa: BLE001 - there is an answer to whatever it is
            for one in batch.to:
                outcomes.setdefault(one.recipient, _outcome(one.recipient, error))
        for one in batch.to:
            outcomes.setdefault(one.recipient, _away(one.recipient))
            said = outcomes[one.recipient]
            LOG.info(
                "a mail of user %s of tenant %s: %s, fax %s", batch.user.id, one.tenant.id, said.state, said.fax_id
            )
        return outcomes

    def _new_ones(self, read: _Read, batch: _Batch, outcomes: dict[str, Outcome]) -> list[tuple[_Addressed, bytes]]:
        """Those for whom it was not here before."""
        found = []
        with self._db.tenant(batch.tenant.id) as tx:
            for one in batch.to:
                if one.recipient in outcomes:
                    continue
                digest = _digest_of(read, one)
                taken = mails_in.find(tx, batch.user, digest)
                if taken is None:
                    found.append((one, digest))
                else:
                    outcomes[one.recipient] = _accepted(one.recipient, taken.fax_id)
        return found

    def _hand_in(
        self, read: _Read, batch: _Batch, waiting: Sequence[tuple[_Addressed, bytes]], outcomes: dict[str, Outcome]
    ) -> None:
        """Raises what refuses it for all of the user's recipients, and _Repeated."""
        user = batch.user
        papers = mail_paper.of(
            read.mail,
            read.options,
            batch.tenant.mail_body,
            read.folder,
            named=any(one.wanted.name for one, _ in waiting),
        )
        send_at = self._send_at(user, batch.tenant, read.options)
        ordered: dict[tuple[str, str], tuple[Order, list[tuple[_Addressed, bytes]]]] = {}
        for one, digest in waiting:
            try:
                order = self._ordered(user, one.wanted, read.options, send_at)
            except DatabaseUnavailable:
                raise
            except FaxplanError as error:
                outcomes[one.recipient] = _outcome(one.recipient, error)
                continue
            ordered.setdefault((order.called, order.after_answer), (order, []))[1].append((one, digest))
        if not ordered:
            return
        drafts.check_count(len(ordered))
        faxes = self._made(read, batch, papers, list(ordered.values()))
        for one, fax_id in faxes:
            outcomes[one.recipient] = _accepted(one.recipient, fax_id)

    def _made(
        self,
        read: _Read,
        batch: _Batch,
        papers: Sequence[Paper],
        ordered: Sequence[tuple[Order, list[tuple[_Addressed, bytes]]]],
    ) -> list[tuple[_Addressed, int]]:
        """The faxes, once they are there, or nothing."""
        user = batch.user
        answer_to = self._answer_to(read.mail, batch)
        paper, sealed = self._covers(read, user, papers, ordered)

        def then(tx: Transaction, rendering: int, pages: int | None) -> list[tuple[_Addressed, int]]:
            faxes = []
            for number, (order, to) in enumerate(ordered):
                cover = covers.record(tx, user, sealed[number]) if sealed else None
                fax_id = outbound.accept(tx, user, order, rendering, pages, cover, by_mail=batch.proof)
                for one, digest in to:
                    if not mails_in.note(
                        tx, user, digest, fax_id, message_id=read.mail.message_id, answer_to=answer_to
                    ):
                        raise _Repeated
                    faxes.append((one, fax_id))
                if answer_to is not None and _wants_accepted(tx, user):
                    notices.tell_user(tx, user.tenant_id, user.id, fax_id, notices.ACCEPTED, "")
            return faxes

        try:
            return originals.hand_in(self._db, self._store, user, paper.document, then)
        except DatabaseUnavailable:
            # It may have committed before it went away, and its rows then name these objects: an orphan is cheaper.
            raise
        except BaseException:
            covers.discard(self._store, sealed)
            raise

    def _covers(
        self,
        read: _Read,
        user: User,
        papers: Sequence[Paper],
        ordered: Sequence[tuple[Order, list[tuple[_Addressed, bytes]]]],
    ) -> tuple[Paper, list[covers.Made]]:
        """The first of these papers whose cover page takes its text, with a cover for each fax."""
        for paper in papers:
            if paper.message is None:
                return paper, []
            with self._db.tenant(user.tenant_id) as tx:
                template = next(
                    (each.id for each in cover_templates.of_tenant(tx, user.tenant_id) if each.is_default),
                    cover_templates.PLAIN_ID,
                )
            wanted = covers.Wanted(template, subject=_short(read.options.subject), message=paper.message)
            to = [
                covers.To(order.called, order.calling, order.send_at, next((one.wanted.name for one, _ in who), ""))
                for order, who in ordered
            ]
            try:
                return paper, covers.seal(self._db, self._store, user, wanted, to)
            except (CoverTooLong, InvalidCover):
                if paper is papers[-1]:
                    raise
        raise AssertionError("there is one paper at least")

    def _ordered(self, user: User, wanted: Wanted, options: MailOptions, send_at: datetime | None) -> Order:
        with (
            refused_numbers.audited(self._db, user, "fax.submit", wanted.number),
            self._db.tenant(user.tenant_id) as tx,
        ):
            return outbound.ordered(
                tx,
                user,
                wanted.number + wanted.after_answer,
                calling=None,
                resolution=options.resolution or Resolution.FINE,
                priority=Priority.NORMAL,
                send_at=send_at,
                billing_code=options.billing or "",
            )

    def _send_at(self, user: User, tenant: Tenant, options: MailOptions) -> datetime | None:
        """Raises InvalidSendTime."""
        if options.at is None:
            return None
        written = f"{options.at:%Y-%m-%d %H:%M}" if isinstance(options.at, datetime) else f"{options.at:%H:%M}"
        return send_time.parse(written, user.zone or tenant.zone, datetime.now(UTC))

    def _answer_to(self, mail: IncomingMail, batch: _Batch) -> str | None:
        """Who is answered: From, where it is the user's; else the user. What machines write is not answered."""
        if mail.automatic is not None:
            return None
        if batch.proof != TOKEN:
            return mail.sender
        with self._db.tenant(batch.tenant.id) as tx:
            known = mail_access.user_of_address(tx, batch.tenant.id, mail.sender)
        return mail.sender if known is not None and known.id == batch.user.id else batch.user.email


def _tenant_of(tx: Transaction, host: str, domain: str) -> Tenant | None:
    """Whose mail host it is (across tenants): `<slug>.<domain>`, or a confirmed host of a brand."""
    slug, _dot, rest = host.partition(".")
    try:
        if domain and rest == domain:
            return tenants.by_slug(tx, slug)
        tenant_id = brands.tenant_of_host(tx, host)
        return None if tenant_id is None else tenants.get(tx, tenant_id)
    except NotFound:
        return None


def _check_automatic(mail: IncomingMail, sender: str) -> None:
    """Raises MachineMail."""
    if mail.loops or sender.strip("<> ") == "" or mail.automatic in _NEVER:
        raise MachineMail(_("This is an automatic answer, a report, or a mail of a list: no fax is made of it."))


def _not_proven(mail: IncomingMail, one: _Addressed) -> NotProven:
    """The same for who is unknown, and for who is not proven: nobody is to find out who is known here."""
    if one.wanted.token is not None:
        return NotProven(_("The secret part of this address is none, or none any more. Ask for another address."))
    return NotProven(
        _(
            "Mails from {sender} are not faxed from here: either nobody may fax by this address, or this mail is not "
            "proven to come from it. Ask whoever runs the fax service of your organisation."
        ).format(sender=mail.sender)
    )


def _wants_accepted(tx: Transaction, user: User) -> bool:
    found: bool = tx.value(
        "select mail_accepted from users where tenant_id = %s and id = %s", (user.tenant_id, user.id)
    )
    return found


def _digest_of(read: _Read, one: _Addressed) -> bytes:
    mail = read.mail
    known = mail.message_id or f"\n{mail.headers.first('date')}"
    recipient = (one.wanted.number, one.wanted.after_answer, one.wanted.name)
    return mails_in.digest_of([mail.sender, known, *recipient, mail.subject, mail.body, *read.digests])


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _short(subject: str) -> str:
    return subject if len(subject) <= covers.LONGEST else f"{subject[: covers.LONGEST - 3]}..."


# ------------------------------------------------------------------------------------------------------------- answers


def _accepted(recipient: str, fax_id: int | None) -> Outcome:
    words = "Taken" if fax_id is None else f"Fax {fax_id}"
    return Outcome(recipient, State.ACCEPTED, "2.0.0", words, fax_id)


def _away(recipient: str) -> Outcome:
    return Outcome(
        recipient, State.LATER, "4.3.0", _("Something that this needs is away for the moment. It is tried again.")
    )


def _full(recipient: str) -> Outcome:
    return Outcome(recipient, State.FULL, "4.3.1", _("There is no room for this mail at present. It is tried again."))


def _outcome(recipient: str, error: Exception) -> Outcome:
    """What an error means to who has sent the mail."""
    if isinstance(error, StoreUnavailable) or (isinstance(error, OSError) and error.errno in _NO_ROOM):
        LOG.error("A mail waits at the mail server: %s", error)
        return _full(recipient)
    if isinstance(error, TooManyTries):
        return Outcome(
            recipient, State.LATER, "4.7.0", _("Too many wrong PINs came in this name. It is tried again later.")
        )
    if not isinstance(error, FaxplanError):
        # Not its words: they may have been written by who has sent the mail.
        LOG.error("A mail waits at the mail server: %s (%s)", type(error).__name__, _whence(error))
        return _away(recipient)
    if error.retryable:
        LOG.error("A mail waits at the mail server: %s", error)
        return _away(recipient)
    code = next((code for kind, code in _CODES if isinstance(error, kind)), "5.7.0")
    return Outcome(recipient, State.REFUSED, code, plain_words.without_commands(str(error)))


_CODES: Sequence[tuple[type[FaxplanError], str]] = (
    (UnknownHost, "5.1.2"),
    (WrongAddress, "5.1.3"),
    (InvalidNumber, "5.1.3"),
    (NotProven, "5.7.1"),
    (MailTooLarge, "5.3.4"),
    (DocumentTooLarge, "5.3.4"),
    (MailRefused, "5.6.0"),
)


def _whence(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
