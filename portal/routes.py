"""Every address of the portal, and what is there."""

from collections.abc import Callable
from dataclasses import dataclass

from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Response

from faxplan.permissions import CONTACTS, SEND, Permission
from portal import static
from portal.pages import (
    account,
    all_of_list,
    audit,
    brand,
    contacts,
    credentials,
    do_not_fax,
    documents,
    drafts,
    fax,
    faxes,
    forwarding,
    groups,
    home,
    imports,
    installation,
    keys,
    login,
    mailboxes,
    numbers,
    people,
    quotas,
    readers,
    recipients,
    recovery,
    reports,
    resending,
    retention,
    selected,
    settings,
    sign_on,
    told,
    welcome,
)
from portal.roles import ADMINISTRATOR, OPERATOR, USER, Role
from portal.visit import MOST_FIELD_BYTES

Answer = Callable[..., Response]


@dataclass(frozen=True, slots=True)
class Route:
    """What answers to an address. of_tenant: only on a tenant's host. logged_in: only to who is; else the log-in comes.
    role: who may. Where it is another than USER, the page is administration: it works with the database role admin.
    needs: what they have to be permitted, beside.

    takes_files: the request may bring a document. takes_small_files: or files that are none (a picture, a table).
    looks_on: a page asks by itself, and nobody has used the session by that. most_bytes: of
    a request without any.
    """

    path: str
    method: str
    answer: Answer
    of_tenant: bool = True
    logged_in: bool = True
    takes_files: bool = False
    takes_small_files: bool = False
    looks_on: bool = False
    role: Role = USER
    needs: Permission | None = None
    most_bytes: int = MOST_FIELD_BYTES


ROUTES = (
    Route("/static/<of>/<path:name>", "GET", static.file, of_tenant=False, logged_in=False),
    Route("/brand/<version>/colours.css", "GET", brand.stylesheet, logged_in=False, looks_on=True),
    Route("/brand/<version>/<name>", "GET", brand.picture, logged_in=False, looks_on=True),
    Route("/legal", "GET", brand.legal, logged_in=False),
    Route("/which", "GET", home.organisation, of_tenant=False, logged_in=False),
    Route("/log-in", "GET", login.page, logged_in=False),
    Route("/log-in/challenge", "POST", login.challenge, logged_in=False),
    Route("/log-in", "POST", login.log_in, logged_in=False),
    Route("/log-in/passkey/challenge", "POST", login.passkey_challenge, logged_in=False),
    Route("/log-in/passkey", "POST", login.log_in_by_passkey, logged_in=False),
    Route("/log-in/sign-on", "GET", sign_on.begin, logged_in=False),
    Route(sign_on.BACK, "GET", sign_on.back, logged_in=False),
    Route("/recover", "GET", login.recover_page, logged_in=False),
    Route("/recover/key", "POST", login.recovery_key, logged_in=False),
    Route("/recover", "POST", login.recover, logged_in=False),
    Route("/unlock", "GET", credentials.unlock_page),
    Route("/log-out", "POST", login.log_out),
    Route("/welcome", "GET", welcome.page, logged_in=False),
    Route("/welcome/look", "POST", welcome.look, logged_in=False),
    Route("/welcome", "POST", welcome.enrol, logged_in=False, most_bytes=welcome.MOST_BYTES),
    Route("/", "GET", home.start, of_tenant=False, logged_in=False),
    Route("/inbox", "GET", faxes.inbox),
    Route("/sent", "GET", faxes.sent),
    Route("/faxes/selected", "POST", selected.act),
    Route("/faxes/all", "POST", all_of_list.act),
    Route("/faxes/<int:number>", "GET", fax.page),
    Route("/faxes/<int:number>/labels", "POST", selected.label),
    Route("/faxes/<int:number>/standing", "GET", fax.standing, looks_on=True),
    Route("/faxes/<int:number>/cancel", "POST", fax.cancel),
    Route("/faxes/<int:number>/delete", "POST", fax.delete),
    Route("/faxes/<int:number>/restore", "POST", fax.restore),
    Route("/faxes/<int:number>/do-not-fax", "POST", do_not_fax.of_fax),
    Route("/faxes/<int:number>/keys", "POST", documents.of_fax),
    Route("/faxes/<int:number>/offer", "POST", forwarding.offer),
    Route("/faxes/<int:number>/forward", "POST", forwarding.forward),
    Route("/faxes/<int:number>/move", "POST", forwarding.move),
    Route("/faxes/<int:number>/resend-offer", "POST", resending.offer),
    Route("/faxes/<int:number>/resend", "POST", resending.resend),
    Route("/faxes/<int:number>/<kind>", "GET", documents.sealed_of_fax),
    Route("/told/seen", "POST", told.seen),
    Route("/forward", "GET", forwarding.forward_page),
    Route("/move", "GET", forwarding.move_page),
    Route("/thumbnails", "POST", documents.thumbnails),
    Route("/send", "GET", drafts.send_page, needs=SEND),
    Route("/drafts", "POST", drafts.add, takes_files=True, needs=SEND),
    Route("/drafts/<int:number>", "GET", drafts.page, needs=SEND),
    Route("/drafts/<int:number>/standing", "GET", drafts.standing, looks_on=True, needs=SEND),
    Route("/drafts/<int:number>/resolution", "POST", drafts.change, needs=SEND),
    Route("/drafts/<int:number>/send", "POST", drafts.send, needs=SEND),
    Route("/drafts/<int:number>/choose", "POST", recipients.choose, needs=SEND),
    Route("/drafts/<int:number>/fill", "POST", drafts.fill, needs=SEND),
    Route("/drafts/<int:number>/count", "POST", drafts.count, looks_on=True, needs=SEND),
    Route("/drafts/<int:number>/remove", "POST", drafts.remove),
    Route("/drafts/<int:number>/keys", "POST", documents.of_draft),
    Route("/drafts/<int:number>/<kind>", "GET", documents.sealed_of_draft),
    Route("/contacts", "GET", contacts.everyone, needs=CONTACTS),
    Route("/contacts", "POST", contacts.add, needs=CONTACTS),
    Route("/contacts/new", "GET", contacts.new, needs=CONTACTS),
    Route("/contacts/members", "POST", contacts.members, needs=CONTACTS),
    Route("/contacts/suggest", "GET", contacts.suggest, needs=CONTACTS),
    Route("/contacts/export.csv", "GET", contacts.export, needs=CONTACTS),
    Route("/contacts/<int:number>", "GET", contacts.page, needs=CONTACTS),
    Route("/contacts/<int:number>", "POST", contacts.change, needs=CONTACTS),
    Route("/contacts/<int:number>/delete", "GET", contacts.ask, needs=CONTACTS),
    Route("/contacts/<int:number>/delete", "POST", contacts.remove, needs=CONTACTS),
    Route("/contacts/import", "GET", imports.choose, needs=CONTACTS),
    Route("/contacts/import", "POST", imports.add, takes_small_files=True, needs=CONTACTS),
    Route("/imports/<int:number>", "GET", imports.page, needs=CONTACTS),
    Route("/imports/<int:number>/take", "POST", imports.take, needs=CONTACTS),
    Route("/imports/<int:number>/left.csv", "GET", imports.left, needs=CONTACTS),
    Route("/groups", "POST", groups.add, needs=CONTACTS),
    Route("/groups/new", "GET", groups.new, needs=CONTACTS),
    Route("/groups/<int:number>", "GET", groups.page, needs=CONTACTS),
    Route("/groups/<int:number>", "POST", groups.change, needs=CONTACTS),
    Route("/groups/<int:number>/delete", "GET", groups.ask, needs=CONTACTS),
    Route("/groups/<int:number>/delete", "POST", groups.remove, needs=CONTACTS),
    Route("/mailboxes", "GET", readers.everything),
    Route("/mailboxes/<int:number>", "GET", readers.page),
    Route("/mailboxes/<int:number>/members", "POST", readers.let_in),
    Route("/mailboxes/<int:number>/keys-to-make", "POST", readers.to_make),
    Route("/keys", "POST", keys.ring),
    Route("/keys/due", "POST", keys.due),
    Route("/keys/hand-on", "POST", keys.hand_on),
    Route("/account", "GET", account.page),
    Route("/account/sessions/<int:number>/end", "POST", account.end_session),
    Route("/account/language", "POST", account.choose_language),
    Route("/account/key", "POST", credentials.key),
    Route("/account/recovery-key", "POST", credentials.recovery_key),
    Route("/account/older-keys", "GET", credentials.older_page),
    Route("/account/older-keys", "POST", credentials.older_keys),
    Route("/account/older-keys/open", "POST", credentials.open_older),
    Route("/account/password", "GET", credentials.password_page),
    Route("/account/password", "POST", credentials.change_password),
    Route("/account/recovery-code", "GET", credentials.code_page),
    Route("/account/recovery-code", "POST", credentials.change_code),
    Route("/account/second-factor", "GET", credentials.codes_page),
    Route("/account/second-factor/new", "POST", credentials.new_secret),
    Route("/account/second-factor", "POST", credentials.turn_on_codes),
    Route("/account/second-factor/off", "POST", credentials.turn_off_codes),
    Route("/account/passkeys", "GET", credentials.passkeys_page),
    Route("/account/passkeys/new", "POST", credentials.new_passkey),
    Route("/account/passkeys", "POST", credentials.add_passkey),
    Route("/account/passkeys/<int:number>/remove", "POST", credentials.remove_passkey),
    Route("/account/sessions/end-others", "POST", account.end_others),
    Route("/menu", "GET", home.menu),
    Route("/organisation/people", "GET", people.everyone, role=ADMINISTRATOR),
    Route("/organisation/people", "POST", people.add, role=ADMINISTRATOR),
    Route("/organisation/people/new", "GET", people.new, role=ADMINISTRATOR),
    Route("/organisation/people/<int:number>", "GET", people.page, role=ADMINISTRATOR),
    Route("/organisation/people/<int:number>", "POST", people.change, role=ADMINISTRATOR),
    Route("/organisation/people/<int:number>/invitation", "POST", people.invite, role=ADMINISTRATOR),
    Route("/organisation/reports", "GET", reports.page, role=ADMINISTRATOR),
    Route("/organisation/reports/<name>", "GET", reports.table, role=ADMINISTRATOR),
    Route("/organisation/brand", "GET", brand.page, role=ADMINISTRATOR),
    Route("/organisation/brand", "POST", brand.change, role=ADMINISTRATOR, takes_small_files=True),
    Route("/organisation/brand/preview", "GET", brand.preview, role=ADMINISTRATOR),
    Route("/organisation/brand/preview.css", "GET", brand.preview_stylesheet, role=ADMINISTRATOR, looks_on=True),
    Route("/organisation/brand/hosts", "POST", brand.add_host, role=ADMINISTRATOR),
    Route("/organisation/brand/hosts/remove", "POST", brand.remove_host, role=ADMINISTRATOR),
    Route("/organisation/mailboxes", "GET", mailboxes.everything, role=ADMINISTRATOR),
    Route("/organisation/mailboxes", "POST", mailboxes.add, role=ADMINISTRATOR),
    Route("/organisation/mailboxes/new", "GET", mailboxes.new, role=ADMINISTRATOR),
    Route("/organisation/mailboxes/<int:number>", "GET", mailboxes.page, role=ADMINISTRATOR),
    Route("/organisation/mailboxes/<int:number>/members", "POST", mailboxes.change, role=ADMINISTRATOR),
    Route("/organisation/mailboxes/<int:number>/keys-to-make", "POST", mailboxes.to_make, role=ADMINISTRATOR),
    Route("/organisation/numbers", "GET", numbers.everything, role=ADMINISTRATOR),
    Route("/organisation/numbers/<did>", "GET", numbers.page, role=ADMINISTRATOR),
    Route("/organisation/numbers/<did>", "POST", numbers.change, role=ADMINISTRATOR),
    Route("/organisation/numbers/<did>/callers", "POST", numbers.change_callers, role=ADMINISTRATOR),
    Route("/organisation/quotas", "GET", quotas.page, role=ADMINISTRATOR),
    Route("/organisation/quotas", "POST", quotas.change, role=ADMINISTRATOR),
    Route("/organisation/settings", "GET", settings.page, role=ADMINISTRATOR),
    Route("/organisation/settings", "POST", settings.change, role=ADMINISTRATOR),
    Route("/organisation/settings/hours", "POST", settings.change_hours, role=ADMINISTRATOR),
    Route("/organisation/retention", "GET", retention.page, role=ADMINISTRATOR),
    Route("/organisation/retention", "POST", retention.choose, role=ADMINISTRATOR),
    Route("/organisation/do-not-fax", "GET", do_not_fax.page, role=ADMINISTRATOR),
    Route("/organisation/do-not-fax", "POST", do_not_fax.change, role=ADMINISTRATOR),
    Route("/organisation/do-not-fax/file", "POST", do_not_fax.read_in, role=ADMINISTRATOR, takes_small_files=True),
    Route("/organisation/do-not-fax.csv", "GET", do_not_fax.file, role=ADMINISTRATOR),
    Route("/organisation/sign-on", "GET", sign_on.page, role=ADMINISTRATOR),
    Route("/organisation/sign-on", "POST", sign_on.change, role=ADMINISTRATOR),
    Route("/organisation/sign-on/remove", "POST", sign_on.remove, role=ADMINISTRATOR),
    Route("/organisation/people/<int:number>/unlink", "POST", sign_on.unlink, role=ADMINISTRATOR),
    Route("/organisation/audit", "GET", audit.page, role=ADMINISTRATOR),
    Route("/organisation/audit.csv", "GET", audit.file, role=ADMINISTRATOR),
    Route("/organisation/recovery", "GET", recovery.page, role=ADMINISTRATOR),
    Route("/organisation/recovery/make", "POST", recovery.make, role=ADMINISTRATOR),
    Route("/organisation/recovery/ask", "POST", recovery.ask, role=ADMINISTRATOR),
    Route("/organisation/recovery/look", "POST", recovery.look, role=ADMINISTRATOR),
    Route("/organisation/recovery/hand-on", "POST", recovery.hand_on, role=ADMINISTRATOR),
    Route("/organisation/recovery/to-turn-off", "POST", recovery.to_turn_off, role=ADMINISTRATOR),
    Route(
        "/organisation/recovery/turn-off", "POST", recovery.turn_off, role=ADMINISTRATOR, most_bytes=recovery.MOST_BYTES
    ),
    Route("/installation", "GET", installation.overview.page, role=OPERATOR),
    Route("/installation/now", "GET", installation.overview.now, role=OPERATOR, looks_on=True),
    Route("/installation/calls", "GET", installation.overview.calls, role=OPERATOR),
    Route("/installation/calls/now", "GET", installation.overview.calls_now, role=OPERATOR, looks_on=True),
    Route("/installation/nodes", "GET", installation.overview.nodes, role=OPERATOR),
    Route("/installation/tenants", "GET", installation.tenants.everyone, role=OPERATOR),
    Route("/installation/tenants", "POST", installation.tenants.add, role=OPERATOR),
    Route("/installation/tenants/new", "GET", installation.tenants.new, role=OPERATOR),
    Route("/installation/tenants/<slug>", "GET", installation.tenants.page, role=OPERATOR),
    Route("/installation/tenants/<slug>", "POST", installation.tenants.change, role=OPERATOR),
    Route("/installation/tenants/<slug>/limits", "GET", installation.tenant_limits.limits, role=OPERATOR),
    Route("/installation/tenants/<slug>/kinds", "POST", installation.tenant_limits.permit, role=OPERATOR),
    Route("/installation/tenants/<slug>/entries", "POST", installation.tenant_limits.add_entry, role=OPERATOR),
    Route(
        "/installation/tenants/<slug>/entries/remove", "POST", installation.tenant_limits.remove_entry, role=OPERATOR
    ),
    Route("/installation/tenants/<slug>/retention", "POST", installation.tenant_limits.set_bounds, role=OPERATOR),
    Route("/installation/tenants/<slug>/quotas", "POST", installation.tenant_limits.set_quota, role=OPERATOR),
    Route("/installation/tenants/<slug>/people", "GET", installation.tenant_people.people, role=OPERATOR),
    Route("/installation/tenants/<slug>/people", "POST", installation.tenant_people.add_person, role=OPERATOR),
    Route("/installation/tenants/<slug>/people/<int:number>", "GET", installation.tenant_people.person, role=OPERATOR),
    Route(
        "/installation/tenants/<slug>/people/<int:number>",
        "POST",
        installation.tenant_people.change_person,
        role=OPERATOR,
    ),
    Route(
        "/installation/tenants/<slug>/people/<int:number>/invitation",
        "POST",
        installation.tenant_people.invite,
        role=OPERATOR,
    ),
    Route("/installation/tenants/<slug>/hosts", "POST", installation.tenant_people.confirm_host, role=OPERATOR),
    Route("/installation/tenants/<slug>/verified", "POST", installation.numbers.verify, role=OPERATOR),
    Route("/installation/tenants/<slug>/verified/remove", "POST", installation.numbers.withdraw, role=OPERATOR),
    Route("/installation/numbers", "GET", installation.numbers.everything, role=OPERATOR),
    Route("/installation/numbers", "POST", installation.numbers.add, role=OPERATOR),
    Route("/installation/numbers/new", "GET", installation.numbers.new, role=OPERATOR),
    Route("/installation/numbers/range", "POST", installation.numbers.try_range, role=OPERATOR),
    Route("/installation/numbers/table", "POST", installation.numbers.try_table, role=OPERATOR, takes_small_files=True),
    Route(
        "/installation/numbers/several", "POST", installation.numbers.add_several, role=OPERATOR, takes_small_files=True
    ),
    Route("/installation/numbers/<e164>", "GET", installation.numbers.page, role=OPERATOR),
    Route("/installation/numbers/<e164>", "POST", installation.numbers.change, role=OPERATOR),
    Route("/installation/numbers/<e164>/remove", "POST", installation.numbers.remove, role=OPERATOR),
    Route("/installation/trunks", "GET", installation.trunks.everyone, role=OPERATOR),
    Route("/installation/trunks", "POST", installation.trunks.add, role=OPERATOR),
    Route("/installation/trunks/new", "GET", installation.trunks.new, role=OPERATOR),
    Route("/installation/trunks/<name>", "GET", installation.trunks.page, role=OPERATOR),
    Route("/installation/trunks/<name>", "POST", installation.trunks.change, role=OPERATOR),
    Route("/installation/trunks/<name>/check", "POST", installation.trunks.check, role=OPERATOR),
    Route("/installation/trunks/<name>/wake", "POST", installation.trunks.wake, role=OPERATOR),
    Route("/installation/trunks/<name>/remove", "POST", installation.trunks.remove, role=OPERATOR),
    Route("/trunk-tests", "POST", installation.trunks.test),
    Route("/installation/routes", "GET", installation.dial_routes.everything, role=OPERATOR),
    Route("/installation/routes", "POST", installation.dial_routes.add, role=OPERATOR),
    Route("/installation/routes/one", "GET", installation.dial_routes.one, role=OPERATOR),
    Route("/installation/routes/one", "POST", installation.dial_routes.change, role=OPERATOR),
    Route("/installation/routes/remove", "POST", installation.dial_routes.remove, role=OPERATOR),
    Route("/installation/routes/explain", "GET", installation.dial_routes.explain, role=OPERATOR),
    Route("/installation/queue", "GET", installation.queue.everybody, role=OPERATOR),
    Route("/installation/queue/<slug>", "GET", installation.queue.of_tenant, role=OPERATOR),
    Route("/installation/failures", "GET", installation.failures.everything, role=OPERATOR),
    Route("/installation/failures", "POST", installation.failures.put, role=OPERATOR),
    Route("/installation/failures/reset", "POST", installation.failures.reset, role=OPERATOR),
    Route("/installation/barring", "GET", installation.barring.refused, role=OPERATOR),
    Route("/installation/audit", "GET", installation.audit.page, role=OPERATOR),
    Route("/installation/audit.csv", "GET", installation.audit.export, role=OPERATOR),
    Route("/installation/settings", "GET", installation.settings.page, role=OPERATOR),
    Route("/installation/settings/examination", "POST", installation.settings.examine, role=OPERATOR),
)


def url_map() -> Map:
    """For Werkzeug's router: each rule's endpoint is its route."""
    rules = [Rule(_within(each.path), methods=[each.method], endpoint=each) for each in ROUTES]
    return Map(rules, strict_slashes=False, merge_slashes=False)


def _within(path: str) -> str:
    """With numbers that an id can be: no other is asked for."""
    return path.replace("<int:number>", f"<int(max={2**63 - 1}):number>")
