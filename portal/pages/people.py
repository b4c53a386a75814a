"""The people of an organisation: who they are, and what they may do."""

from werkzeug.wrappers import Response

from faxplan import api_keys, caller_ids, dids, invitations, mail_access, numbers, permissions, provisioning, users
from faxplan.errors import FaxplanError
from faxplan.language import marked
from faxplan.permissions import LABELS, Permission
from portal import answers
from portal.forms import Field, Form, Kind
from portal.visit import Visit

AT_ONCE = 100
_NAME = Field("name", marked("Name"), autocomplete="name", longest=100)
_ROLE = Field(
    "role",
    marked("Role"),
    Kind.CHOICE,
    choices=((users.USER, marked("User")), (users.ADMINISTRATOR, marked("Administrator"))),
    hint=marked("Administrators add people, mailboxes and numbers. They open no faxes but their own."),
)
NEW = (Field("email", marked("E-mail address"), Kind.EMAIL, required=True, longest=254), _NAME, _ROLE)
_ENABLED = Field(
    "enabled", marked("May log in"), Kind.SWITCH, hint=marked("Off: nothing is lost, and they can do nothing.")
)
SENDER = (
    Field(
        "address",
        marked("Another address of theirs"),
        Kind.EMAIL,
        required=True,
        longest=254,
        hint=marked(
            "Only one at which nobody else gets mail: whoever writes from it faxes in their name, and they read what "
            "is faxed from it."
        ),
    ),
)


def _changed(visit: Visit) -> tuple[Field, ...]:
    """What is changed of somebody: of what the organisation may do, and as which of its numbers they call."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        theirs = caller_ids.of_tenant(tx, visit.its_tenant.id)
    numbered = tuple((each, numbers.readable(each, visit.its_tenant.country)) for each in theirs)
    permitted = tuple((each.value, LABELS[each]) for each in Permission if each in visit.its_tenant.permissions)
    fields = [_NAME, _ROLE, _ENABLED, Field("permissions", marked("May"), Kind.SEVERAL, choices=permitted)]
    if len(theirs) > 1:
        fields += [
            Field(
                "caller_ids",
                marked("May call as"),
                Kind.SEVERAL,
                choices=numbered,
                hint=marked("None of them: as any."),
            ),
            Field(
                "caller_id",
                marked("Calls as, unless they say otherwise"),
                Kind.CHOICE,
                choices=(("", marked("Your organisation's first number")), *numbered),
            ),
        ]
    return tuple(fields)


def everyone(visit: Visit) -> Response:
    """GET: all of them, by address; those whose name or address has the words in it."""
    words, after = visit.request.args.get("q", "").strip(), visit.request.args.get("after", "")
    with visit.db.tenant(visit.its_tenant.id) as tx:
        found = users.directory(tx, visit.its_tenant.id, words=words, after=after, limit=AT_ONCE + 1)
    people = found[:AT_ONCE]
    onward = people[-1]["email"] if len(found) > AT_ONCE else None
    return answers.page(visit, "people.html", people=people, words=words, onward=onward, is_first=not after)


def new(visit: Visit) -> Response:
    """GET: the form for one more."""
    return _new(visit, Form.of(NEW, {"role": users.USER}))


def add(visit: Visit) -> Response:
    """POST: one more."""
    form = Form.read(NEW, visit.request.form)
    if not form.ok:
        return _new(visit, form, 400)
    try:
        user = provisioning.add_user(visit.its_admin, visit.actor, visit.its_tenant.slug, **form.values)
    except FaxplanError as error:
        return _new(visit, form.failed(error), 400)
    return answers.to(f"/organisation/people/{user.id}", note="added-person")


def page(visit: Visit, number: int) -> Response:
    """GET: one of them."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        person = users.entry(tx, visit.its_tenant.id, number)
    return _page(visit, number, Form.of(_changed(visit), person))


def change(visit: Visit, number: int) -> Response:
    """POST: their name, role, and whether they may act."""
    form = Form.read(_changed(visit), visit.request.form)
    if not form.ok:
        return _page(visit, number, form, 400)
    with visit.db.tenant(visit.its_tenant.id) as tx:
        had = users.entry(tx, visit.its_tenant.id, number)["permissions"]
    # What the organisation may not do at present is no choice, and stays theirs until it may again.
    others = {*had} - {*visit.its_tenant.permissions}
    values = {**form.values, "permissions": permissions.stored({*form.values["permissions"], *others})}
    if "caller_id" in values:
        values["caller_id"] = values["caller_id"] or None
    try:
        provisioning.change_user(
            visit.its_admin, visit.actor, visit.its_tenant.slug, number, values, by_operator=visit.user.operator
        )
    except FaxplanError as error:
        return _page(visit, number, form.failed(error), 400)
    return answers.to(f"/organisation/people/{number}", note="saved")


def invite(visit: Visit, number: int) -> Response:
    """POST: a link by which they choose a password. The page that answers shows it, this once."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        person = users.entry(tx, visit.its_tenant.id, number)
    form = Form.of(_changed(visit), person)
    try:
        _user, token = provisioning.invite(
            visit.its_admin, visit.actor, visit.its_tenant.slug, person["email"], by_operator=visit.user.operator
        )
    except FaxplanError as error:
        return _page(visit, number, form.failed(error), 400)
    link = invitations.link(f"{visit.request.scheme}://{visit.request.host}", token)
    return _page(visit, number, form, link=link)


def again(visit: Visit, number: int, sender_form: Form) -> Response:
    """The page, with what is wrong with an address from which they would fax."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        person = users.entry(tx, visit.its_tenant.id, number)
    return _page(visit, number, Form.of(_changed(visit), person), 400, sender_form=sender_form)


def _new(visit: Visit, form: Form, status: int = 200) -> Response:
    return answers.page(visit, "person_new.html", status, form=form)


def _page(
    visit: Visit, number: int, form: Form, status: int = 200, *, link: str = "", sender_form: Form | None = None
) -> Response:
    with visit.db.tenant(visit.its_tenant.id) as tx:
        person = users.entry(tx, visit.its_tenant.id, number)
        known = users.known(tx, visit.its_tenant.id, number)
        access, keys = mail_access.of(tx, known), api_keys.of_user(tx, known)
        permitted = permissions.of(tx, visit.its_tenant.id, number)
        refused = []
        if permissions.RECEIVE not in person["permissions"]:
            # A person's mailbox is called as the address.
            found = dids.of_tenant(tx, visit.its_tenant.id)
            refused = [each["number"] for each in found if each["mailbox"] == person["email"]]
    return answers.page(
        visit, "person.html", status,
        person=person, form=form, link=link, days=invitations.DAYS,
        refused=refused, access=access, sender_form=sender_form or Form.of(SENDER, {}),
        faxes_by_mail={permissions.SEND, permissions.MAIL_IN} <= permitted,
        keys=keys, key_labels=api_keys.LABELS, has_programs=Permission.API in permitted,
        may_change=visit.user.operator or not person["operator"],
    )  # fmt: skip
