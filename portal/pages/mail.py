"""How an organisation's mail goes out, and what it says: its administrators' pages."""

import re
from datetime import UTC, datetime
from typing import Any

from werkzeug.wrappers import Response

from faxplan import language, mail_provisioning, mail_templates, numbers, provisioning
from faxplan.errors import FaxplanError, NotFound
from faxplan.language import _, marked
from faxplan.mail_accounts import Account
from faxplan.mail_options import COVER_PAGE, FIRST_PAGE, IGNORED
from faxplan.mail_templates import MailTemplate
from faxplan.tenants import Tenant
from faxplan.web_client import WebClient
from portal import answers
from portal.forms import Field, Form, Kind, differing
from portal.pages import fax_by_mail
from portal.visit import Visit

PAGE = "/organisation/mail"
WORDS_PAGE = "/organisation/mail/words"
ACCOUNT = (
    Field("host", marked("Mail server"), required=True, longest=253, hint=marked("Such as smtp.example.com.")),
    Field("port", marked("Port"), Kind.NUMBER, required=True, least=1, most=65535),
    Field("security", marked("Encryption"), Kind.CHOICE,
          choices=(("starttls", marked("STARTTLS")), ("tls", marked("TLS from the start")))),
    Field("sender", marked("Address that mail comes from"), Kind.EMAIL, required=True, longest=254),
    Field("user_name", marked("User name"), longest=254, hint=marked("Empty: the address.")),
    Field("password", marked("Password"), Kind.SECRET, required=True, longest=1000,
          hint=marked("It is never shown. We log in there when you save.")),
)  # fmt: skip
SIGN = (
    Field("domain", marked("Domain"), required=True, longest=253,
          hint=marked("What stands behind the @ of the address that mail comes from.")),
)  # fmt: skip
FAXING = (
    Field("mail_body", marked("The text of a mail"), Kind.CHOICE,
          choices=((COVER_PAGE, marked("Stands on a cover page")), (FIRST_PAGE, marked("Is the first page")),
                   (IGNORED, marked("Is left out"))),
          hint=marked("Whoever writes a mail can say otherwise in its subject.")),
    Field("mail_pins", marked("Take PINs in mails"), Kind.SWITCH,
          hint=marked("A last resort, for people whose mail provider proves nothing. A PIN stands in each mail as it "
                      "is: whoever sees one of them can fax in that name.")),
    Field("mail_signing_domains", marked("Domains that sign your people's mails"), Kind.LINES, longest=5000,
          hint=marked("One a line, such as acme.onmicrosoft.com, beside the domains of the addresses themselves. Only "
                      "one that is yours alone: whoever can sign by it can fax in anybody's name here.")),
)  # fmt: skip
WORDS = (
    Field("subject", marked("Subject"), required=True, longest=200),
    Field("body", marked("Text"), Kind.LINES, required=True, longest=4000,
          hint=marked("Your name stands above it, whom your people ask and your legal notice below it.")),
)  # fmt: skip


def page(visit: Visit) -> Response:
    """GET: all of it."""
    return _page(visit, Form.of(ACCOUNT, {"port": 587, "security": "starttls"}), Form.of(SIGN, {}))


def change_faxing(visit: Visit) -> Response:
    """POST: how mails become faxes."""
    form, tenant = Form.read(FAXING, visit.request.form), visit.its_tenant
    if form.ok:
        domains = re.split(r"[\s,;]+", form.values["mail_signing_domains"].strip().lower())
        names = list(dict.fromkeys(each.removesuffix(".") for each in domains if each))
        values = {**form.values, "mail_signing_domains": names}
        try:
            now = {**_faxing(tenant), "mail_signing_domains": list(tenant.mail_signing_domains)}
            if changed := differing(values, now):
                provisioning.change_tenant(visit.its_admin, visit.actor, tenant.slug, changed, by_operator=False)
            return answers.to(PAGE, note="saved")
        except FaxplanError as error:
            form = form.failed(error)
    return _page(visit, Form.of(ACCOUNT, {"port": 587}), Form.of(SIGN, {}), 400, faxing_form=form)


def _faxing(tenant: Tenant) -> dict[str, Any]:
    """As a form has it now."""
    return {
        "mail_body": tenant.mail_body,
        "mail_pins": tenant.mail_pins,
        "mail_signing_domains": "\n".join(tenant.mail_signing_domains),
    }


def set_account(visit: Visit) -> Response:
    """POST: mail goes out by this account."""
    form = Form.read(ACCOUNT, visit.request.form)
    if form.ok:
        given = form.values
        try:
            account = Account(**{**given, "user_name": given["user_name"] or given["sender"]})
            mail_provisioning.put_account(
                visit.its_admin, visit.actor, visit.its_tenant.slug, account, WebClient.of(visit.its_settings)
            )
            return answers.to(PAGE, note="saved")
        except FaxplanError as error:
            form = form.failed(error)
    return _page(visit, form, Form.of(SIGN, {}), 400)


def remove_account(visit: Visit) -> Response:
    """POST: by the installation's mail server again."""
    mail_provisioning.remove_account(visit.its_admin, visit.actor, visit.its_tenant.slug)
    return answers.to(PAGE, note="removed")


def sign(visit: Visit) -> Response:
    """POST: mail from a domain is signed by a new key."""
    form = Form.read(SIGN, visit.request.form)
    if form.ok:
        try:
            mail_provisioning.sign(visit.its_admin, visit.actor, visit.its_tenant.slug, form.values["domain"])
            return answers.to(PAGE, note="saved")
        except FaxplanError as error:
            form = form.failed(error)
    return _page(visit, Form.of(ACCOUNT, {"port": 587}), form, 400)


def sign_no_more(visit: Visit) -> Response:
    """POST: mail from a domain (`domain`) is signed no more."""
    domain = visit.request.form.get("domain", "")
    mail_provisioning.sign_no_more(visit.its_admin, visit.actor, visit.its_tenant.slug, domain)
    return answers.to(PAGE, note="removed")


def _page(
    visit: Visit, account_form: Form, sign_form: Form, status: int = 200, *, faxing_form: Form | None = None
) -> Response:
    tenant, hosts = visit.its_tenant, fax_by_mail.of_tenant(visit)
    account, keys = mail_provisioning.known(visit.its_admin, visit.its_tenant.slug)
    own = {(each.kind, each.language) for each in mail_provisioning.templates(visit.its_admin, visit.its_tenant.slug)}
    mails = [
        {"kind": kind, "label": label, "language": name, "language_name": language.named(name),
         "is_own": (kind, name) in own}
        for kind, label in mail_templates.KINDS.items()
        for name in language.available()
    ]  # fmt: skip
    return answers.page(
        visit, "mail.html", status, account=account, keys=keys, account_form=account_form, sign_form=sign_form,
        mails=mails, hosts=hosts, why_not=fax_by_mail.why_not_here(visit, hosts),
        example=numbers.example(tenant.country), faxing_form=faxing_form or Form.of(FAXING, _faxing(tenant)),
    )  # fmt: skip


# --------------------------------------------------------------------------------------------------------------- words


def words(visit: Visit) -> Response:
    """GET: what a mail (`kind`) says in a language (`language`), and an example."""
    template, is_own = _template(visit)
    return _words_page(visit, template, Form.of(WORDS, {"subject": template.subject, "body": template.body}), is_own)


def change_words(visit: Visit) -> Response:
    """POST: it says this from now on; or (`act` show) how that would look; or (`act` away) as shipped again."""
    template, is_own = _template(visit)
    act = visit.request.form.get("act")
    if act == "away":
        mail_provisioning.remove_template(
            visit.its_admin, visit.actor, visit.its_tenant.slug, template.kind, template.language
        )
        return answers.to(PAGE, note="removed")
    form = Form.read(WORDS, visit.request.form)
    if not form.ok:
        return _words_page(visit, template, form, is_own, 400)
    wanted = MailTemplate(template.kind, template.language, form.values["subject"], form.values["body"])
    try:
        mail_templates.check(wanted)
        if act == "show":
            return _words_page(visit, wanted, form, is_own)
        mail_provisioning.put_template(visit.its_admin, visit.actor, visit.its_tenant.slug, wanted)
    except FaxplanError as error:
        return _words_page(visit, template, form.failed(error), is_own, 400)
    return answers.to(PAGE, note="saved")


def _template(visit: Visit) -> tuple[MailTemplate, bool]:
    """That which the address names, and whether it is the organisation's own. Raises NotFound."""
    kind = visit.request.values.get("kind", "received")
    name = visit.request.values.get("language", language.current())
    if kind not in mail_templates.KINDS or name not in language.available():
        raise NotFound(_("There is no such mail."))
    for each in mail_provisioning.templates(visit.its_admin, visit.its_tenant.slug):
        if (each.kind, each.language) == (kind, name):
            return each, True
    with language.speaks(name):
        return mail_templates.shipped(kind), False


def _words_page(visit: Visit, template: MailTemplate, form: Form, is_own: bool, status: int = 200) -> Response:
    link = f"{visit.its_settings.portal_of(visit.its_tenant.slug)}/faxes/1"
    with language.speaks(template.language):
        example = {
            "number": numbers.readable("+12125550143", visit.its_tenant.country),
            "name": visit.brand.name,
            "pages": "3",
            "date": language.moment(datetime.now(UTC).astimezone(visit.its_tenant.zone)),
            "mailbox": visit.user.email,
            "reason": _("The line was busy each time."),
            "link": link,
        }
    subject, text = mail_templates.filled(template, example)
    return answers.page(
        visit, "mail_words.html", status, template=template, form=form, is_own=is_own, subject=subject, text=text,
        label=mail_templates.KINDS[template.kind], language_name=language.named(template.language),
        fields=mail_templates.FIELDS, link=link,
    )  # fmt: skip
