"""The mailboxes of an organisation, and who reads them.

Keys of mailboxes are made in the administrator's browser (static/pages/readers.js): it asks what is to be made, makes
it, and hands it over with the form. Where nothing is to be made, the form does without.
"""

import json
from typing import Any

from werkzeug.wrappers import Response

from faxplan import holds, mailbox_mail, mailbox_provisioning, mailboxes, proofs, provisioning, recovery_key
from faxplan.epochs import Begun
from faxplan.errors import FaxplanError
from faxplan.keyring import NewEpoch
from faxplan.language import _, marked
from faxplan.mailbox_provisioning import Made, NeedsClient, ToMake
from faxplan.proofs import NoProof
from faxplan.sealed import KEY_BYTES
from faxplan.wraps import WRAP_BYTES, PublicKey
from portal import answers
from portal.forms import Field, Form, Kind
from portal.pages import recovery
from portal.submitted import Submitted
from portal.visit import Visit

AT_ONCE = 100
NEW = (Field("name", marked("Name"), required=True, longest=100, hint=marked("Such as Office, or Claims.")),)
LET_IN = (Field("email", marked("E-mail address"), Kind.EMAIL, required=True, longest=254),)
_REMOVE = "remove"


class NotMade(FaxplanError):
    """What came from a script is no key."""

    error_id = "not-made"


def everything(visit: Visit) -> Response:
    """GET: all of them, by name; those whose name, or a reader's address, has the words in it."""
    words, after = visit.request.args.get("q", "").strip(), visit.request.args.get("after", "")
    with visit.db.tenant(visit.its_tenant.id) as tx:
        found = mailboxes.directory(tx, visit.its_tenant.id, words=words, after=after, limit=AT_ONCE + 1)
    shown = found[:AT_ONCE]
    onward = shown[-1]["name"] if len(found) > AT_ONCE else None
    return answers.page(visit, "mailboxes.html", mailboxes=shown, words=words, onward=onward, is_first=not after)


def new(visit: Visit) -> Response:
    """GET: the form for a group's."""
    return answers.page(visit, "mailbox_new.html", form=Form.of(NEW, {}))


def add(visit: Visit) -> Response:
    """POST: a group's."""
    form = Form.read(NEW, visit.request.form)
    if form.ok:
        try:
            number = provisioning.add_mailbox(visit.its_admin, visit.actor, visit.its_tenant.slug, form.values["name"])
            return answers.to(f"/organisation/mailboxes/{number}", note="added")
        except FaxplanError as error:
            form = form.failed(error)
    return answers.page(visit, "mailbox_new.html", 400, form=form)


def page(visit: Visit, number: int) -> Response:
    """GET: one of them, with who reads it."""
    return _page(visit, number, Form.of(LET_IN, {}))


def change(visit: Visit, number: int) -> Response:
    """POST: somebody reads it from now on (`email`), or no more (`remove`: their id)."""
    _check_there(visit, number)
    wants = visit.request.form
    form = Form.of(LET_IN, {}) if _REMOVE in wants else Form.read(LET_IN, wants)
    if not form.ok:
        return _page(visit, number, form, 400)
    slug = visit.its_tenant.slug
    try:
        keys = made(number, wants.get("made", ""))
        if _REMOVE in wants:
            _remove(visit, number, keys)
        else:
            mailbox_provisioning.let_in(
                visit.its_admin, visit.actor, slug, number, form.values["email"], keys, by=visit.user,
                paper=_paper(visit), shown=has_shown(visit),
            )  # fmt: skip
    except FaxplanError as error:
        return _page(visit, number, form.failed(error), 400)
    return answers.to(f"/organisation/mailboxes/{number}", note="saved")


def to_make(visit: Visit, number: int) -> Response:
    """POST, for scripts: what a browser has to make, for the form that it has."""
    _check_there(visit, number)
    wants, slug = visit.request.form, visit.its_tenant.slug
    if _REMOVE in wants:
        wanted = mailbox_provisioning.to_remove(visit.its_admin, slug, number, _id(wants[_REMOVE]))
    else:
        email = wants.get("email", "")
        wanted = mailbox_provisioning.to_let_in(
            visit.its_admin, slug, number, email, by=visit.user, paper=_paper(visit)
        )
    with visit.db.tenant(visit.its_tenant.id) as tx:
        ask = proofs.ask_own(tx, visit.its_session)
    return answers.data(_said(number, wanted) | {"ask": ask})


def shown(visit: Visit) -> bytes:
    """What a script has opened of what was asked, as the form brings it (`proof`); what is none shows nothing."""
    try:
        return bytes.fromhex(visit.request.form.get("proof", ""))
    except ValueError:
        return b""


def has_shown(visit: Visit) -> bool:
    """Whether the form comes from where its user's key is."""
    try:
        with visit.db.tenant(visit.its_tenant.id) as tx:
            proofs.check_own(tx, visit.its_session, shown(visit))
    except NoProof:
        return False
    return True


def _paper(visit: Visit) -> int | None:
    """The organisation's recovery key, where the form brings the proof that who sends it has that on paper."""
    said = visit.request.form.get("paper", "")
    return recovery.paper(visit, Submitted(_parsed(said))) if said else None


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _remove(visit: Visit, number: int, made: Made) -> None:
    slug, user_id = visit.its_tenant.slug, _id(visit.request.form[_REMOVE])
    if made.epoch is None and mailbox_provisioning.to_remove(visit.its_admin, slug, number, user_id).needed:
        raise NeedsClient(
            _("For this a key is made in your browser, and it made none. Allow this page's scripts, and try again.")
        )
    mailbox_provisioning.remove(visit.its_admin, visit.actor, slug, number, user_id, made.epoch, shown=has_shown(visit))


def _check_there(visit: Visit, number: int) -> None:
    with visit.db.tenant(visit.its_tenant.id) as tx:
        mailboxes.check_there(tx, visit.its_tenant.id, number)


def again(visit: Visit, number: int, error: FaxplanError, *, address: str = "") -> Response:
    """The page, with what the domain has against what was asked. address: that was written for a recipient of mail."""
    return _page(visit, number, Form.of(LET_IN, {}).failed(error), 400, address=address)


def _page(visit: Visit, number: int, form: Form, status: int = 200, *, address: str = "") -> Response:
    tenant_id = visit.its_tenant.id
    with visit.its_admin.tenant(tenant_id) as tx:
        has_faxes = mailboxes.was_sealed_to(tx, tenant_id, number)
    with visit.db.tenant(tenant_id) as tx:
        has_recovery_key = recovery_key.status(tx, tenant_id) is not None
        mailbox = mailboxes.entry(tx, tenant_id, number)
        members = mailboxes.members(tx, tenant_id, number)
        choice = mailbox_mail.of(tx, visit.user, number)
        held = [each for each in holds.of_mailboxes(tx, tenant_id) if each.holds_all_of(number)]
        own = any(each["id"] == visit.user.id and each["holds_key"] for each in members) and mailboxes.reads(
            tx, tenant_id, number, visit.user.id
        )
    return answers.page(
        visit, "mailbox.html", status,
        mailbox=mailbox, members=members, form=form, held=held, may_let_in=own or not has_faxes,
        has_recovery_key=has_recovery_key, choice=choice, labels=mailbox_mail.LABELS, address=address,
    )  # fmt: skip


def _id(text: str) -> int:
    """Of a user; one that nobody has, for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _said(number: int, wanted: ToMake) -> dict[str, Any]:
    epoch, grant = wanted.epoch, wanted.grant
    return {
        "mailbox": number,
        "epoch": epoch
        and {
            "number": epoch.number,
            "readers": [{"key": key, "publicKey": public.raw} for key, public in epoch.readers.items()],
        },
        "grant": grant and {"epoch": grant.epoch, "key": grant.user_key_id, "publicKey": grant.public.raw},
    }


def made(number: int, text: str) -> Made:
    """What a script has made, as it is written in the form. Raises NotMade."""
    if not text:
        return Made()
    try:
        said = json.loads(text)
        epoch, grant = said["epoch"], said["grant"]
        return Made(
            epoch and _begun(number, epoch),
            {(int(grant["epoch"]), int(grant["key"])): _bytes(grant["wrap"], WRAP_BYTES)} if grant else {},
        )
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise NotMade(_("Your browser made no key that fits. Load this page again, and try once more.")) from error


def _begun(number: int, said: dict[str, Any]) -> Begun:
    wraps = {int(each["key"]): _bytes(each["wrap"], WRAP_BYTES) for each in said["wraps"]}
    # Who joins the epoch before to this one is a member, with the next unlocking.
    return Begun(number, int(said["number"]), NewEpoch(PublicKey(_bytes(said["publicKey"], KEY_BYTES)), wraps))


def _bytes(text: str, count: int) -> bytes:
    found = bytes.fromhex(text)
    if len(found) != count:
        raise ValueError("of another length")
    return found
