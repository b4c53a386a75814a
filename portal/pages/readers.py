"""The mailboxes that a user reads: who else does, and how a group's members let somebody in."""

from werkzeug.wrappers import Response

from faxplan import letting_in, mailbox_mail, proofs
from faxplan.errors import FaxplanError
from faxplan.language import _
from faxplan.mailbox_provisioning import NeedsClient
from portal import answers
from portal.forms import Form
from portal.pages.mailboxes import LET_IN, made, shown
from portal.visit import Visit


def everything(visit: Visit) -> Response:
    """GET: all of them."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        found = letting_in.everything(tx, visit.user)
    return answers.page(visit, "my_mailboxes.html", mailboxes=found)


def page(visit: Visit, number: int) -> Response:
    """GET: one of them."""
    return _page(visit, number, Form.of(LET_IN, {}))


def to_make(visit: Visit, number: int) -> Response:
    """POST, for scripts: what the browser has to wrap for somebody (`email`)."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        letting_in.group(tx, visit.user, number)
        ask = proofs.ask_own(tx, visit.its_session)
    grant = letting_in.to_wrap(visit.db, visit.user, number, visit.request.form.get("email", ""))
    said = grant and {"epoch": grant.epoch, "key": grant.user_key_id, "publicKey": grant.public.raw}
    return answers.data({"mailbox": number, "epoch": None, "grant": said, "ask": ask})


def let_in(visit: Visit, number: int) -> Response:
    """POST: somebody reads it from now on (`email`), with the key that the browser has wrapped (`made`)."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        letting_in.group(tx, visit.user, number)
    form = Form.read(LET_IN, visit.request.form)
    if not form.ok:
        return _page(visit, number, form, 400)
    try:
        wraps = made(number, visit.request.form.get("made", "")).grants
        if not wraps:
            letting_in.to_wrap(visit.db, visit.user, number, form.values["email"])
            raise NeedsClient(
                _("For this a key is made in your browser, and it made none. Allow this page's scripts, and try again.")
            )
        ((epoch, key_id), wrap), *_others = wraps.items()
        letting_in.let_in(
            visit.db, visit.its_session, number, form.values["email"], epoch, key_id, wrap, shown(visit),
            actor=visit.actor,
        )  # fmt: skip
    except FaxplanError as error:
        return _page(visit, number, form.failed(error), 400)
    return answers.to(f"/mailboxes/{number}", note="let-in")


def _page(visit: Visit, number: int, form: Form, status: int = 200) -> Response:
    with visit.db.tenant(visit.its_tenant.id) as tx:
        found = letting_in.group(tx, visit.user, number)
        choice = mailbox_mail.of(tx, visit.user, number)
    return answers.page(
        visit, "my_mailbox.html", status, group=found, form=form, choice=choice, labels=mailbox_mail.LABELS
    )
