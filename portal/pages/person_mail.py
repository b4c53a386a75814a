"""By what mails are known as somebody's, as an administrator of their organisation gives it, and takes it back."""

from werkzeug.wrappers import Response

from faxplan import mail_in_provisioning, users
from faxplan.errors import FaxplanError, NotFound
from faxplan.language import _
from faxplan.mail_in_provisioning import Wish
from portal import answers
from portal.forms import Form
from portal.pages import people
from portal.visit import Visit

_SECRETS = {"token": Wish(token=False), "pin": Wish(pin=False)}


def add_sender(visit: Visit, number: int) -> Response:
    """POST: mails from another address (`address`) are theirs as well."""
    email = _email(visit, number)
    form = Form.read(people.SENDER, visit.request.form)
    if not form.ok:
        return people.again(visit, number, form)
    try:
        _change(visit, email, Wish(add=form.values["address"]))
    except FaxplanError as error:
        return people.again(visit, number, form.failed(error))
    return answers.to(f"/organisation/people/{number}", note="added")


def remove_sender(visit: Visit, number: int) -> Response:
    """POST: mails from an address (`address`) are theirs no more."""
    _change(visit, _email(visit, number), Wish(remove=visit.request.form.get("address", "")))
    return answers.to(f"/organisation/people/{number}", note="removed")


def end_secret(visit: Visit, number: int) -> Response:
    """POST: their secret address or PIN (`which`) is none any more."""
    email = _email(visit, number)
    wish = _SECRETS.get(visit.request.form.get("which", ""))
    if wish is None:
        raise NotFound(_("There is no such choice."))
    _change(visit, email, wish)
    return answers.to(f"/organisation/people/{number}", note="taken-back")


def _email(visit: Visit, number: int) -> str:
    """Raises NotFound."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        return users.known(tx, visit.its_tenant.id, number).email


def _change(visit: Visit, email: str, wish: Wish) -> None:
    mail_in_provisioning.change(
        visit.its_admin, visit.actor, visit.its_tenant.slug, email, wish, by_operator=visit.user.operator
    )
