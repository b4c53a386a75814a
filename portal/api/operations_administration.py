"""The addresses of administrators and operators: the proxy leads them to the process with the database role admin.

Previews are not among them, since that process has no place for documents.
"""

from collections.abc import Callable

from pydantic import BaseModel
from werkzeug.wrappers import Response

from faxplan.api_keys import Scope
from portal.api import installation, organisation, shapes_trunks
from portal.api import shapes_installation as run
from portal.api import shapes_organisation as own
from portal.api.call import Call
from portal.api.operation import Operation
from portal.roles import ADMINISTRATOR, OPERATOR

_ID = "<int(max=9223372036854775807):number>"
_E164 = "<string(maxlength=40):e164>"
_MAILBOXES, _NUMBERS = "/organisation/mailboxes", "/organisation/numbers"
_COVERS, _REFUSED = "/organisation/cover-pages", "/organisation/do-not-fax"
_MAILBOX, _COVER = f"{_MAILBOXES}/{_ID}", f"{_COVERS}/{_ID}"
_TENANTS, _TENANT = "/installation/tenants", "/installation/tenants/<string(maxlength=40):slug>"
_ALL_NUMBERS, _TRUNKS, _ROUTES = "/installation/numbers", "/installation/trunks", "/installation/routes"
_TRUNK = f"{_TRUNKS}/<string(maxlength=63):name>"


def _own(
    scope: Scope, method: str, path: str, run: Callable[[Call], Response], name: str, summary: str,
    answer: type[BaseModel] | None = None, status: int = 200, *, body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
) -> Operation:  # fmt: skip
    return Operation(
        method, path, run, name, summary, "Organisation", scope, answer, status, body, query, role=ADMINISTRATOR
    )


def _run(
    method: str, path: str, run: Callable[[Call], Response], name: str, summary: str,
    answer: type[BaseModel] | None = None, status: int = 200, *, body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
) -> Operation:  # fmt: skip
    return Operation(
        method, path, run, name, summary, "Installation", Scope.OPERATOR, answer, status, body, query, role=OPERATOR
    )


ORGANISATION = (
    _own(
        Scope.MAILBOXES, "GET", _MAILBOXES, organisation.all_mailboxes, "listAllMailboxes",
        "Mailboxes of the organisation, by name.", own.OrganisationMailboxes, query=own.Named,
    ),
    _own(
        Scope.MAILBOXES, "POST", _MAILBOXES, organisation.add_mailbox, "addMailbox", "Makes a mailbox for a group.",
        own.MailboxWithReaders, 201, body=own.NewMailbox,
    ),
    _own(
        Scope.MAILBOXES, "GET", _MAILBOX, organisation.mailbox, "getMailbox", "A mailbox, and who reads it.",
        own.MailboxWithReaders,
    ),
    _own(
        Scope.MAILBOXES, "POST", f"{_MAILBOX}/readers", organisation.add_reader, "addReader",
        "Somebody reads a mailbox from now on, where no key is to be made for that.", own.MailboxWithReaders,
        body=own.NewReader,
    ),
    _own(
        Scope.MAILBOXES, "DELETE", f"{_MAILBOX}/readers/<int(max=9223372036854775807):reader>",
        organisation.remove_reader, "removeReader",
        "Somebody reads a mailbox no more, where no key is to be made for that.", status=204,
    ),
    _own(
        Scope.NUMBERS, "GET", _NUMBERS, organisation.all_numbers, "listOrganisationNumbers",
        "Numbers of the organisation, and where their faxes go.", own.OrganisationNumbers, query=own.Named,
    ),
    _own(
        Scope.NUMBERS, "GET", f"{_NUMBERS}/{_E164}", organisation.number, "getOrganisationNumber",
        "All about a number of the organisation's.", own.NumberSettings,
    ),
    _own(
        Scope.NUMBERS, "PATCH", f"{_NUMBERS}/{_E164}", organisation.change_number, "changeOrganisationNumber",
        "Leads a number to another mailbox, or changes what its calls may do.", own.NumberSettings,
        body=own.ChangeNumber,
    ),
    _own(
        Scope.NUMBERS, "POST", f"{_NUMBERS}/{_E164}/callers", organisation.add_caller, "addCaller",
        "Lets callers of a number in, or refuses them.", own.NumberSettings, 201, body=own.Caller,
    ),
    _own(
        Scope.NUMBERS, "DELETE", f"{_NUMBERS}/{_E164}/callers/<string(maxlength=30):caller>",
        organisation.remove_caller, "removeCaller", "Takes callers off a number's list.", status=204,
    ),
    _own(
        Scope.COVER_PAGES, "GET", _COVERS, organisation.all_covers, "listCoverTexts",
        "Cover pages of the organisation, and what they say.", own.CoverPageTexts,
    ),
    _own(
        Scope.COVER_PAGES, "POST", _COVERS, organisation.add_cover, "addCoverPage", "Makes a cover page.",
        own.CoverPageText, 201, body=own.NewCoverPage,
    ),
    _own(
        Scope.COVER_PAGES, "GET", _COVER, organisation.cover, "getCoverPage", "What a cover page says.",
        own.CoverPageText,
    ),
    _own(
        Scope.COVER_PAGES, "PUT", _COVER, organisation.change_cover, "changeCoverPage",
        "Gives a cover page another text. Faxes that were handed in keep theirs.", own.CoverPageText,
        body=own.NewCoverPage,
    ),
    _own(
        Scope.COVER_PAGES, "DELETE", _COVER, organisation.remove_cover, "deleteCoverPage",
        "Deletes a cover page. Faxes that were handed in keep it.", status=204,
    ),
    Operation(
        "POST", "/cover-pages/preview", organisation.preview_cover, "previewCoverPage",
        "A picture of a cover page with an example, or what is wrong with its text. Nothing is kept.", "Organisation",
        Scope.COVER_PAGES, body=own.CoverText, is_file=True, media_type="image/png", role=ADMINISTRATOR,
    ),
    _own(
        Scope.DO_NOT_FAX, "GET", _REFUSED, organisation.all_entries, "listDoNotFax",
        "The organisation's do-not-fax list, by number.", own.Entries, query=own.Named,
    ),
    _own(
        Scope.DO_NOT_FAX, "POST", _REFUSED, organisation.add_entry, "addDoNotFax",
        "Enters a number to which nobody sends; one that is there stays as it is.", own.Entry, 201, body=own.NewEntry,
    ),
    _own(
        Scope.DO_NOT_FAX, "GET", f"{_REFUSED}/{_E164}", organisation.entry, "getDoNotFax",
        "Whether a number is on the do-not-fax list.", own.Entry,
    ),
    _own(
        Scope.DO_NOT_FAX, "DELETE", f"{_REFUSED}/{_E164}", organisation.remove_entry, "removeDoNotFax",
        "Takes a number off the do-not-fax list.", status=204,
    ),
)  # fmt: skip

INSTALLATION = (
    _run("GET", _TENANTS, installation.all_tenants, "listTenants", "Organisations, by short name.", run.Tenants,
         query=own.Named),
    _run("POST", _TENANTS, installation.add_tenant, "addTenant", "Makes an organisation.", run.Tenant, 201,
         body=run.NewTenant),
    _run("GET", _TENANT, installation.tenant, "getTenant", "How an organisation is set.", run.Tenant),
    _run("PATCH", _TENANT, installation.change_tenant, "changeTenant",
         "Changes an organisation's settings, or switches it off and on.", run.Tenant, body=run.ChangeTenant),
    _run("GET", f"{_TENANT}/people", installation.people, "listPeople", "People of an organisation.", run.People),
    _run("POST", f"{_TENANT}/people", installation.add_person, "addPerson",
         "Adds somebody to an organisation, such as its first administrator.", run.Person, 201, body=run.NewPerson),
    _run("PATCH", f"{_TENANT}/people/{_ID}", installation.change_person, "changePerson",
         "Changes what somebody may, or keeps them out.", run.Person, body=run.ChangePerson),
    _run("POST", f"{_TENANT}/people/{_ID}/invitation", installation.invite, "invitePerson",
         "A link by which somebody who has none yet chooses a password, shown this once.", run.Invitation, 201),
    _run("GET", _ALL_NUMBERS, installation.all_numbers, "listAllNumbers", "Numbers of all organisations.",
         run.InstallationNumbers, query=run.NumberFilters),
    _run("POST", _ALL_NUMBERS, installation.add_number, "addNumber", "Gives a number to an organisation's mailbox.",
         run.InstallationNumberSettings, 201, body=run.NewNumber),
    _run("POST", f"{_ALL_NUMBERS}/several", installation.add_numbers, "addNumbers",
         "Gives several numbers to organisations: all of them, or none.", run.TriedNumbers, body=run.NumberBatch),
    _run("GET", f"{_ALL_NUMBERS}/{_E164}", installation.number, "getNumber", "Whose a number is.",
         run.InstallationNumberSettings),
    _run("PATCH", f"{_ALL_NUMBERS}/{_E164}", installation.change_number, "changeNumber",
         "Leads a number to another mailbox, or changes what its calls may do.", run.InstallationNumberSettings,
         body=run.ChangeInstallationNumber),
    _run("DELETE", f"{_ALL_NUMBERS}/{_E164}", installation.remove_number, "removeNumber",
         "Takes a number from its organisation.", status=204),
    _run("GET", _TRUNKS, installation.all_trunks, "listTrunks", "Trunks, and how they do.", shapes_trunks.Trunks),
    _run("POST", _TRUNKS, installation.add_trunk, "addTrunk", "Makes a trunk.", shapes_trunks.Trunk, 201,
         body=shapes_trunks.NewTrunk),
    _run("GET", _TRUNK, installation.trunk, "getTrunk", "A trunk, and how it does.", shapes_trunks.Trunk),
    _run("PATCH", _TRUNK, installation.change_trunk, "changeTrunk", "Changes a trunk, or switches it off and on.",
         shapes_trunks.Trunk, body=shapes_trunks.ChangeTrunk),
    _run("DELETE", _TRUNK, installation.remove_trunk, "removeTrunk", "Takes a trunk away to which no route leads.",
         status=204),
    _run("POST", f"{_TRUNK}/wake", installation.wake_trunk, "wakeTrunk", "Ends a trunk's rest after failures.",
         shapes_trunks.Trunk),
    _run("GET", _ROUTES, installation.all_routes, "listRoutes", "Routes, as they are tried.", shapes_trunks.Routes),
    _run("POST", _ROUTES, installation.add_route, "addRoute", "Sends numbers through a trunk, or bars them.",
         shapes_trunks.Route, 201, body=shapes_trunks.NewRoute),
    _run("PATCH", _ROUTES, installation.change_route, "changeRoute", "Changes a route.", shapes_trunks.Route,
         body=shapes_trunks.ChangeRoute, query=shapes_trunks.WhichRoute),
    _run("DELETE", _ROUTES, installation.remove_route, "removeRoute", "Takes a route away.", status=204,
         query=shapes_trunks.WhichRoute),
)  # fmt: skip
