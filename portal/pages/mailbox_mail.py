"""How what comes into a mailbox goes out by mail, and to whom.

Who reads it chooses that. Where pages go out, their browser shows first that their key is there
(static/pages/prove.js): what is mailed leaves the seal. An organisation's administrators see what is chosen, and take
it away; they never bring about that pages go out, whatever a form of theirs says.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from werkzeug.wrappers import Response

from faxplan import letting_in, locked_pdf, mail_certificates, mail_openpgp, mailbox_mail, mailboxes, outbox, proofs
from faxplan.errors import FaxplanError
from faxplan.language import _, marked
from faxplan.mail_openpgp import KeyRefused
from faxplan.mailbox_mail import LABELS, Format, InvalidMailChoice, Mode, Recipient
from portal import answers
from portal.forms import Field, Form, Kind
from portal.pages.mailboxes import again, has_shown
from portal.visit import Visit

SOON = timedelta(days=30)
"""Before a certificate or key ends, its page says so."""
FORMATS = {Format.PDF: marked("PDF"), Format.TIFF: marked("TIFF, as fax machines write it")}
CHOICE = (
    Field("mode", marked("What is mailed"), Kind.CHOICE, choices=list(LABELS.items())),
    Field("format", marked("As"), Kind.CHOICE, choices=list(FORMATS.items())),
    Field("password", marked("Password of the PDFs"), Kind.SECRET),
)
RECIPIENT = (Field("address", marked("E-mail address"), Kind.EMAIL, required=True, longest=254),)
_FILES = ("certificate", "openpgp_key")
PROTECTS = {
    Mode.OFF: marked("Who reads the mailbox sees here what has come in, and nowhere else."),
    Mode.NOTICE: marked("It has no page in it: the fax is read only by who logs in here and reads this mailbox."),
    Mode.SMIME: marked(
        "Only who has the private key of a recipient's certificate reads the pages, and no mail host on the way. "
        "That they were not changed on the way nobody is told."
    ),
    Mode.OPENPGP: marked(
        "Only who has the private half of a recipient's OpenPGP key reads the pages, and no mail host on the way. "
        "What was changed on the way is noticed."
    ),
    Mode.LOCKED_PDF: marked(
        "It keeps the pages from whoever gets at the mail and neither knows nor guesses the password, at which they "
        "may guess for as long as they like. This server knows the password."
    ),
    Mode.PLAIN: marked(
        "It protects the pages from nobody who gets at the mail: the mail hosts on its way, their backups, and whoever "
        "has a recipient's mail password. Only the way from here to the first mail server is kept from others."
    ),
}
"""What each way of mailing protects, and from whom (docs/fax-to-mail.md)."""


@dataclass(frozen=True, slots=True)
class Seal:
    """What is registered of a recipient. what: a label. not_after: None: never. wrong: why no mail is sealed to it."""

    what: str
    fingerprint: str
    addresses: tuple[str, ...]
    not_after: datetime | None
    ends_soon: bool
    wrong: str = ""


# --------------------------------------------------------------------------------------------------------- who reads it


def page(visit: Visit, number: int) -> Response:
    """GET: what is chosen, and what there is to choose."""
    return _page(visit, number)


def ask(visit: Visit, number: int) -> Response:
    """POST, for scripts: a proof to be opened, where what the form has (`mode`, or names of files) takes one."""
    given = visit.request.form
    with visit.db.tenant(visit.its_tenant.id) as tx:
        letting_in.group(tx, visit.user, number)
        now = mailbox_mail.of(tx, visit.user, number)
        mode = Mode(given["mode"]) if given.get("mode") in list(Mode) else now.mode
        needed = mode.carries_pages or any(given.get(each) for each in _FILES)
        return answers.data({"ask": proofs.ask_own(tx, visit.its_session) if needed else None})


def choose(visit: Visit, number: int) -> Response:
    """POST: so it goes out from now on."""
    _check_reads(visit, number)
    form = Form.read(CHOICE, visit.request.form)
    if not form.ok:
        return _page(visit, number, 400, choice_form=form)
    mode = Mode(form.values["mode"])
    try:
        mailbox_mail.choose(
            visit.db, visit.user, number, mode,
            file_format=Format.PDF if mode is Mode.LOCKED_PDF else Format(form.values["format"]),
            password=(form.values["password"] or None) if mode is Mode.LOCKED_PDF else None,
            shown=has_shown(visit), actor=visit.actor,
        )  # fmt: skip
    except FaxplanError as error:
        return _page(visit, number, 400, choice_form=form.failed(error))
    return answers.to(f"/mailboxes/{number}/mail", note="saved")


def add(visit: Visit, number: int) -> Response:
    """POST: somebody gets these mails as well (`address`), with what mail to them is sealed to (files)."""
    _check_reads(visit, number)
    form = Form.read(RECIPIENT, visit.request.form)
    if not form.ok:
        return _page(visit, number, 400, recipient_form=form)
    try:
        mailbox_mail.add(
            visit.db, visit.user, number, form.values["address"], certificate=_file(visit, "certificate"),
            openpgp_key=_file(visit, "openpgp_key"), shown=has_shown(visit), actor=visit.actor,
        )  # fmt: skip
    except FaxplanError as error:
        return _page(visit, number, 400, recipient_form=form.failed(error))
    return answers.to(f"/mailboxes/{number}/mail", note="added")


def remove(visit: Visit, number: int) -> Response:
    """POST: somebody (`recipient`) gets none of them any more."""
    _check_reads(visit, number)
    try:
        mailbox_mail.remove(visit.db, visit.user, number, _id(visit), actor=visit.actor)
    except InvalidMailChoice as error:
        return _page(visit, number, 400, recipient_form=Form.of(RECIPIENT, {}).failed(error))
    return answers.to(f"/mailboxes/{number}/mail", note="removed")


def _page(
    visit: Visit, number: int, status: int = 200, *, choice_form: Form | None = None, recipient_form: Form | None = None
) -> Response:
    with visit.db.tenant(visit.its_tenant.id) as tx:
        group = letting_in.group(tx, visit.user, number)
        now = mailbox_mail.of(tx, visit.user, number)
        troubles = {each["recipient"]: each for each in outbox.troubles(tx, visit.its_tenant.id, number)}
    chosen = {"mode": now.mode.value, "format": now.format.value}
    return answers.page(
        visit, "mailbox_mail.html", status, group=group, choice=now,
        seals={each.id: seals(each, visit.now) for each in now.recipients}, troubles=troubles,
        form=choice_form or Form.of(CHOICE, chosen), recipient_form=recipient_form or Form.of(RECIPIENT, {}),
        modes=[(each, LABELS[each], PROTECTS[each]) for each in Mode], labels=LABELS,
        suggested=locked_pdf.new_password(),
    )  # fmt: skip


def _check_reads(visit: Visit, number: int) -> None:
    """Raises NotFound: also for an administrator, whose page is another."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        letting_in.group(tx, visit.user, number)


def _file(visit: Visit, name: str) -> bytes | None:
    file = visit.request.files.get(name)
    return file.stream.read() if file is not None and file.filename else None


def _id(visit: Visit) -> int:
    """Of a recipient; one that nobody has, for what is none."""
    text = visit.request.form.get("recipient", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def seals(recipient: Recipient, now: datetime) -> list[Seal]:
    """What mail to this one can be sealed to."""
    found = []
    if recipient.certificate is not None:
        held = mail_certificates.registered(recipient.certificate)
        wrong = _("It has expired.") if now >= held.not_after else ""
        soon = held.not_after - now < SOON
        found.append(Seal(_("Certificate"), _grouped(held.fingerprint), held.addresses, held.not_after, soon, wrong))
    if recipient.openpgp_key is not None:
        what = _("OpenPGP key")
        try:
            key = mail_openpgp.registered(recipient.openpgp_key)
        except KeyRefused as error:
            return [*found, Seal(what, "", (), None, ends_soon=False, wrong=str(error))]
        wrong = _("It has expired.") if key.not_after is not None and now >= key.not_after else ""
        soon = key.not_after is not None and key.not_after - now < SOON
        found.append(Seal(what, _grouped(key.fingerprint), key.addresses, key.not_after, soon, wrong))
    return found


def _grouped(fingerprint: str) -> str:
    """As people compare them."""
    text = fingerprint.upper()
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


# --------------------------------------------------------------------------------------------------- who administers it


def take_away(visit: Visit, number: int) -> Response:
    """POST: notices go out from now on, or nothing does (`mode`)."""
    _check_there(visit, number)
    try:
        mode = Mode.OFF if visit.request.form.get("mode") == Mode.OFF else Mode.NOTICE
        mailbox_mail.choose(visit.db, visit.user, number, mode, shown=False, actor=visit.actor)
    except FaxplanError as error:
        return again(visit, number, error)
    return answers.to(f"/organisation/mailboxes/{number}", note="saved")


def add_told(visit: Visit, number: int) -> Response:
    """POST: somebody gets notices (`address`)."""
    _check_there(visit, number)
    form = Form.read(RECIPIENT, visit.request.form)
    try:
        if not form.ok:
            raise InvalidMailChoice(_("Write the e-mail address to which notices are to go."))
        mailbox_mail.add(visit.db, visit.user, number, form.values["address"], shown=False, actor=visit.actor)
    except FaxplanError as error:
        return again(visit, number, error, address=form.shown["address"])
    return answers.to(f"/organisation/mailboxes/{number}", note="added")


def remove_told(visit: Visit, number: int) -> Response:
    """POST: somebody (`recipient`) gets nothing of it any more."""
    _check_there(visit, number)
    try:
        mailbox_mail.remove(visit.db, visit.user, number, _id(visit), actor=visit.actor)
    except InvalidMailChoice as error:
        return again(visit, number, error)
    return answers.to(f"/organisation/mailboxes/{number}", note="removed")


def _check_there(visit: Visit, number: int) -> None:
    with visit.db.tenant(visit.its_tenant.id) as tx:
        mailboxes.check_there(tx, visit.its_tenant.id, number)
