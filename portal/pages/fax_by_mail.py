"""How one faxes from one's mail program: with one's own addresses, and what mails are known by."""

from dataclasses import dataclass

from werkzeug.wrappers import Response

from faxplan import fax_hosts, mail_access, mail_secrets, numbers, users
from faxplan.errors import Forbidden
from faxplan.language import _
from faxplan.permissions import MAIL_IN, SEND
from faxplan.users import Answers
from portal import answers, submitted
from portal.pages.login import AUTH_BYTES, whence
from portal.visit import Visit

PAGE = "/account/fax-by-mail"


@dataclass(frozen=True, slots=True)
class Way:
    """hosts: behind the @, the first the one to name. why_not: in words, why no mail of this user becomes a fax; empty:
    it does. proves: whether it is found out here who has sent a mail."""

    hosts: list[str]
    why_not: str
    proves: bool


def way(visit: Visit) -> Way:
    """The user's."""
    hosts = of_tenant(visit)
    return Way(hosts, _why_not(visit, hosts), bool(visit.its_settings.mail_authserv_ids))


def of_tenant(visit: Visit) -> list[str]:
    """The hosts of the tenant."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        return fax_hosts.of(tx, visit.its_tenant, visit.its_settings.mail_domain)


def why_not_here(visit: Visit, hosts: list[str]) -> str:
    """Why no mail of anybody's in the organisation becomes a fax; empty: it does."""
    if not {SEND, MAIL_IN} <= {*visit.its_tenant.permissions}:
        return _("Your organisation is not permitted to fax by e-mail. Whoever runs this service permits it.")
    if not hosts:
        return _(
            "Faxing by e-mail is not set up here yet: your organisation has no address to which mails could go. "
            "Whoever runs this service gives it one."
        )
    return ""


def _why_not(visit: Visit, hosts: list[str]) -> str:
    if not {SEND, MAIL_IN} <= visit.permissions and {SEND, MAIL_IN} <= {*visit.its_tenant.permissions}:
        return _("You are not permitted to fax by e-mail. An administrator of your organisation permits it.")
    return why_not_here(visit, hosts)


def page(visit: Visit) -> Response:
    """GET: how it is done."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        access = mail_access.of(tx, visit.user)
        answered = users.answers(tx, visit.user)
    example = numbers.example(visit.its_tenant.country)
    return answers.page(visit, "fax_by_mail.html", way=way(visit), access=access, answered=answered, example=example)


def choose_answers(visit: Visit) -> Response:
    """POST: whether one is told at once that a mail was taken (`at_once`), and shown the first page (`thumbnail`)."""
    ticked = visit.request.form
    wanted = Answers(at_once=ticked.get("at_once") == "on", thumbnail=ticked.get("thumbnail") == "on")
    with visit.db.tenant(visit.its_tenant.id) as tx:
        users.choose_answers(tx, visit.user, wanted)
    return answers.to(PAGE, note="saved")


def remove_sender(visit: Visit) -> Response:
    """POST: mails from an address (`address`) are one's own no more. Another is given by an administrator alone."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        mail_access.remove_address(tx, visit.user, visit.request.form.get("address", ""), actor=visit.actor)
    return answers.to(PAGE, note="removed")


# ------------------------------------------------------------------------------------------------------ secret address


def token_page(visit: Visit) -> Response:
    """GET: what it is, and the password."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        has = mail_access.of(tx, visit.user).token_since is not None
    return answers.page(visit, "fax_by_mail_token.html", way=way(visit), has=has)


def new_token(visit: Visit) -> Response:
    """POST, for scripts: a new one, in the answer and nowhere else."""
    host = _checked(visit).hosts[0]
    token = mail_secrets.new_token(visit.db, visit.its_session, _auth(visit), whence(visit))
    number = _("NUMBER")
    return answers.data({"secret": f"{number}+{token}@{host}"})


def end_token(visit: Visit) -> Response:
    """POST: it is none any more."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        mail_access.end_token(tx, visit.user, actor=visit.actor)
    return answers.to(PAGE, note="taken-back")


# ----------------------------------------------------------------------------------------------------------------- PIN


def pin_page(visit: Visit) -> Response:
    """GET: what it is, and the password."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        has = mail_access.of(tx, visit.user).pin_since is not None
    return answers.page(visit, "fax_by_mail_pin.html", way=way(visit), has=has)


def new_pin(visit: Visit) -> Response:
    """POST, for scripts: a new one, as it is written into a subject, in the answer and nowhere else."""
    _checked(visit)
    pin = mail_secrets.new_pin(visit.db, visit.its_session, _auth(visit), whence(visit))
    return answers.data({"secret": f"[[pin={pin}]]"})


def end_pin(visit: Visit) -> Response:
    """POST: it is none any more."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        mail_access.end_pin(tx, visit.user, actor=visit.actor)
    return answers.to(PAGE, note="taken-back")


def _auth(visit: Visit) -> bytes:
    return submitted.json(visit).raw("auth", AUTH_BYTES)


def _checked(visit: Visit) -> Way:
    """Raises Forbidden where no mail would become a fax."""
    found = way(visit)
    if found.why_not:
        raise Forbidden(found.why_not)
    return found
