"""One's own account: where one is logged in."""

from werkzeug.wrappers import Response

from faxplan import language, passkeys, second_factor, sessions, time_zones, user_keys, users
from faxplan.errors import NotFound
from faxplan.language import _, marked
from faxplan.users import Results
from portal import answers
from portal.visit import Visit

RESULTS = {
    Results.OFF: marked("None"),
    Results.FAILED: marked("Of those that did not arrive"),
    Results.ALL: marked("Of all"),
}


def page(visit: Visit) -> Response:
    """GET: who one is, and all sessions."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        found = sessions.of_user(tx, visit.user)
        had_keys = len(user_keys.of_user(tx, visit.its_tenant.id, visit.user.id)) > 1
        results = users.mail_results(tx, visit.user)
        keys, has_codes = passkeys.everyone(tx, visit.user), second_factor.is_on(tx, visit.user)
    browsers = {each.id: browser(each.agent) for each in found}
    return answers.page(
        visit, "account.html", sessions=found, browsers=browsers, passkeys=keys, has_codes=has_codes, had_keys=had_keys,
        results=RESULTS, mail_results=results,
        languages=[(each, language.named(each)) for each in language.available()], zones=time_zones.of_places(),
    )  # fmt: skip


def choose_language(visit: Visit) -> Response:
    """POST: in which one's pages are shown."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        users.choose_language(tx, visit.user, visit.request.form.get("language") or None)
    return answers.to("/account", note="saved")


def choose_time_zone(visit: Visit) -> Response:
    """POST: by whose clock one's pages show times."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        users.choose_time_zone(tx, visit.user, visit.request.form.get("time_zone") or None)
    return answers.to("/account", note="saved")


def choose_mail_results(visit: Visit) -> Response:
    """POST: of which of one's faxes one gets a mail."""
    try:
        which = Results(visit.request.form.get("mail_results", ""))
    except ValueError as error:
        raise NotFound(_("There is no such choice.")) from error
    with visit.db.tenant(visit.its_tenant.id) as tx:
        users.choose_mail_results(tx, visit.user, which)
    return answers.to("/account", note="saved")


def browser(agent: str) -> str:
    """Which browser that is, as people call it, of what it says of itself (RFC 9110, 10.1.5)."""
    name = next((name for sign, name in _BROWSERS if sign in agent), _("Another browser"))
    system = next((name for sign, name in _SYSTEMS if sign in agent), "")
    return _("{browser} on {system}").format(browser=name, system=_(system)) if system else name


# Most say that they are others, too: the first that fits is the one.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", marked("an iPhone")),
    ("iPad", marked("an iPad")),
    ("Windows", "Windows"),
    ("Mac OS X", marked("a Mac")),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def end_session(visit: Visit, number: int) -> Response:
    """POST: that browser is logged out."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        sessions.end(tx, visit.user, number)
    return answers.to("/account")


def end_others(visit: Visit) -> Response:
    """POST: all but this one."""
    if visit.session is not None:
        with visit.db.tenant(visit.its_tenant.id) as tx:
            sessions.end_others(tx, visit.user, visit.session.id)
    return answers.to("/account")
