"""A mail that comes in becomes faxes, or is refused, for each of its recipients: whatever it is, there is an answer.

The recipient's host says whose it is; From, proven, a secret address or a PIN, by whom. All faxes of one user that a
mail becomes have one document, and are there all or none; a number that cannot be called refuses its recipient alone.
What has become a fax is noted with it (mails_in), so that a repeat is told the same. docs/mail-to-fax.md has it for
users. Role portal.
"""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from faxplan import (
    covers,
    incoming_mail,
    log_lines,
    mail_access,
    mail_address,
    mail_bounces,
    mail_notices,
    mail_options,
    mail_outcomes,
    mail_paper,
    mail_who,
    mails_in,
    notices,
    originals,
    recipients,
    send_time,
    submission,
)
from faxplan.bounces_in import BouncesIn
from faxplan.config import Settings
from faxplan.covers import InvalidCover
from faxplan.db import Database, Transaction
from faxplan.document_store import Store
from faxplan.errors import DatabaseUnavailable, FaxplanError
from faxplan.incoming_mail import IncomingMail
from faxplan.language import _
from faxplan.mail_automation import Automatic
from faxplan.mail_headers import Headers
from faxplan.mail_options import MailOptions
from faxplan.mail_outcomes import MachineMail, Outcome
from faxplan.mail_paper import Paper
from faxplan.mail_refusals import WrongAddress
from faxplan.mail_who import TOKEN, Addressed, Sender
from faxplan.outbound import Order
from faxplan.recipients import Recipients
from faxplan.refusals import CoverTooLong
from faxplan.rendering import Resolution
from faxplan.tenants import Tenant
from faxplan.users import User

LOG = logging.getLogger("faxplan.mail_in")
_NEVER = (Automatic.REPLY, Automatic.REPORT, Automatic.LIST)
_LONGEST_ADDRESS = 320


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
    to: list[Addressed] = field(default_factory=list)


class _Repeated(Exception):
    """Another process has taken this mail meanwhile."""


class MailIn:
    """Of an installation. db: role portal. For several threads, if `store` is."""

    def __init__(self, db: Database, store: Store, settings: Settings) -> None:
        self._db = db
        self._store = store
        self._settings = settings
        self._mark = mail_notices.loop_mark(settings)
        self._bounces = BouncesIn(db, settings.mail_domain)

    def look_at(self, recipient: str) -> Outcome | None:
        """Whether mail to this address is taken at all, before any is there; None: it may be."""
        try:
            if mail_bounces.parsed(recipient):
                self._bounces.look_at(recipient)
            else:
                self._addressed(recipient)
        except Exception as error:  # noqa: BLE001 - there is an answer to whatever it is
            return mail_outcomes.of_error(recipient, error)
        return None

    def take(self, file: Path, sender: str, recipients: Sequence[str]) -> list[Outcome]:
        """What became of a mail, for each recipient, in their order. sender, recipients: of the envelope; an empty
        sender, or <>, is nobody. Raises nothing."""
        outcomes: dict[str, Outcome] = {}
        addressed: list[Addressed] = []
        for each in dict.fromkeys(recipients):
            try:
                if mail_bounces.parsed(each):
                    outcomes[each] = self._bounces.take(file, each)
                else:
                    addressed.append(self._addressed(each))
            except Exception as error:  # noqa: BLE001 - there is an answer to whatever it is
                outcomes[each] = mail_outcomes.of_error(each, error)
        if addressed:
            try:
                with self._store.scratch.folder() as folder:
                    outcomes |= self._taken(file, sender, addressed, folder)
            except Exception as error:  # noqa: BLE001 - as above
                for one in addressed:
                    outcomes.setdefault(one.recipient, mail_outcomes.of_error(one.recipient, error))
        return [outcomes[each] for each in recipients]

    def _addressed(self, recipient: str) -> Addressed:
        """Raises WrongAddress and UnknownHost."""
        if len(recipient) > _LONGEST_ADDRESS:
            raise WrongAddress(_("This address is too long."))
        wanted = mail_address.wanted(recipient)
        with self._db.across_tenants() as tx:
            tenant = mail_who.tenant_of_host(tx, wanted.host, self._settings.mail_domain)
        return Addressed(recipient, wanted, tenant)

    # ------------------------------------------------------------------------------------------------------ one mail

    def _taken(self, file: Path, sender: str, addressed: Sequence[Addressed], folder: Path) -> dict[str, Outcome]:
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
        who = Sender(self._db, self._settings, mail, options, sender)
        for one in addressed:
            try:
                user, proof = who.of(one)
                batch = batches.setdefault((user.tenant_id, user.id), _Batch(user, one.tenant, proof))
                batch.to.append(one)
            except FaxplanError as error:
                outcomes[one.recipient] = mail_outcomes.of_error(one.recipient, error)
        if batches:
            read = _Read(mail, options, [_digest(each.path) for each in mail.files], own)
            for number, batch in enumerate(batches.values()):
                place = own / str(number)
                place.mkdir(0o700)
                outcomes |= self._batch(replace(read, folder=place), batch)
        return outcomes

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
                outcomes.setdefault(one.recipient, mail_outcomes.of_error(one.recipient, error))
        for one in batch.to:
            outcomes.setdefault(one.recipient, mail_outcomes.away(one.recipient))
            said = outcomes[one.recipient]
            with log_lines.about(tenant=one.tenant.id, fax=said.fax_id):
                LOG.info("a mail of user %s: %s", batch.user.id, said.state)
        return outcomes

    def _new_ones(self, read: _Read, batch: _Batch, outcomes: dict[str, Outcome]) -> list[tuple[Addressed, bytes]]:
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
                    outcomes[one.recipient] = mail_outcomes.accepted(one.recipient, taken.fax_id)
        return found

    def _hand_in(
        self, read: _Read, batch: _Batch, waiting: Sequence[tuple[Addressed, bytes]], outcomes: dict[str, Outcome]
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
        options = read.options
        how = Recipients([], send_at=self._send_at(user, batch.tenant, options), billing_code=options.billing or "")
        ordered: dict[tuple[str, str], tuple[Order, list[tuple[Addressed, bytes]]]] = {}
        for one, digest in waiting:
            try:
                number = one.wanted.number + one.wanted.after_answer
                order = recipients.ordered_one(self._db, user, number, how, options.resolution or Resolution.FINE)
            except DatabaseUnavailable:
                raise
            except FaxplanError as error:
                outcomes[one.recipient] = mail_outcomes.of_error(one.recipient, error)
                continue
            ordered.setdefault((order.called, order.after_answer), (order, []))[1].append((one, digest))
        if not ordered:
            return
        recipients.check_count(len(ordered))
        faxes = self._made(read, batch, papers, list(ordered.values()))
        for one, fax_id in faxes:
            outcomes[one.recipient] = mail_outcomes.accepted(one.recipient, fax_id)

    def _made(
        self,
        read: _Read,
        batch: _Batch,
        papers: Sequence[Paper],
        ordered: Sequence[tuple[Order, list[tuple[Addressed, bytes]]]],
    ) -> list[tuple[Addressed, int]]:
        """The faxes, once they are there, or nothing."""
        user = batch.user
        answer_to = self._answer_to(read.mail, batch)
        paper, sealed = self._covers(read, user, papers, ordered)

        def then(tx: Transaction, rendering: int, pages: int | None) -> list[tuple[Addressed, int]]:
            faxes: list[tuple[Addressed, int]] = []
            noted: set[bytes] = set()
            for fax, (_order, to) in zip(ready, ordered, strict=True):
                fax_id = submission.accept(tx, user, fax, rendering, pages, by_mail=batch.proof).fax_id
                for one, digest in to:
                    # Two recipients may be one number, written in two ways.
                    if digest not in noted and not mails_in.note(
                        tx, user, digest, fax_id, message_id=read.mail.message_id, answer_to=answer_to
                    ):
                        raise _Repeated
                    noted.add(digest)
                    faxes.append((one, fax_id))
                if answer_to is not None and _wants_accepted(tx, user):
                    notices.tell_user(tx, user.tenant_id, user.id, fax_id, notices.ACCEPTED, "")
            return faxes

        with submission.kept_if_accepted(self._store, [order for order, _to in ordered], sealed) as ready:
            return originals.hand_in(self._db, self._store, user, paper.document, then)

    def _covers(
        self,
        read: _Read,
        user: User,
        papers: Sequence[Paper],
        ordered: Sequence[tuple[Order, list[tuple[Addressed, bytes]]]],
    ) -> tuple[Paper, list[covers.Made]]:
        """The first of these papers whose cover page takes its text, with a cover for each fax."""
        for paper in papers:
            if paper.message is None:
                return paper, []
            wanted = covers.Wanted(None, subject=_short(read.options.subject), message=paper.message)
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


def _check_automatic(mail: IncomingMail, sender: str) -> None:
    """Raises MachineMail."""
    if mail.loops or sender.strip("<> ") == "" or mail.automatic in _NEVER:
        raise MachineMail(_("This is an automatic answer, a report, or a mail of a list: no fax is made of it."))


def _wants_accepted(tx: Transaction, user: User) -> bool:
    found: bool = tx.value(
        "select mail_accepted from users where tenant_id = %s and id = %s", (user.tenant_id, user.id)
    )
    return found


def _digest_of(read: _Read, one: Addressed) -> bytes:
    mail = read.mail
    known = mail.message_id or f"\n{mail.headers.first('date')}"
    recipient = (one.wanted.number, one.wanted.after_answer, one.wanted.name)
    # Without the PIN, which could be guessed from the digest by who knows the rest; and without options in fields,
    # which no signature covers: whoever has a mail could have it faxed again and again.
    said = mail_options.read(mail.subject, Headers([]))
    wanted = [*recipient, said.subject, *map(str, (said.resolution, said.cover, said.body, said.billing, said.at))]
    return mails_in.digest_of([mail.sender, known, *wanted, mail.body, *read.digests])


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _short(subject: str) -> str:
    return subject if len(subject) <= covers.LONGEST else f"{subject[: covers.LONGEST - 3]}..."
