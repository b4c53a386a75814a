"""An organisation's brand: its colours, pictures and words, on every page; and the page that sets them."""

import re

from werkzeug.wrappers import Response

from faxplan import brand_provisioning, brands
from faxplan.brands import Brand
from faxplan.errors import FaxplanError, NotFound
from faxplan.language import _, marked
from portal import answers, colours
from portal.forms import Field, Form, Kind
from portal.visit import Visit

_FOR_GOOD = "public, max-age=31536000, immutable"
_COLOUR = re.compile(r"#[0-9a-f]{6}")
FIELDS = (
    Field("name", marked("Name on the pages"), longest=80, hint=marked("Empty: the name of your organisation.")),
    Field(
        "colour",
        marked("Colour"),
        Kind.COLOUR,
        hint=marked("Buttons and links have it, as light or dark as it takes to be read."),
    ),
    Field(
        "support",
        marked("Whom your people ask"),
        hint=marked("An e-mail address, a number or a sentence: it stands at the foot of each page."),
    ),
    Field(
        "mail_sender",
        marked("Sender of mails"),
        Kind.EMAIL,
        longest=254,
        hint=marked("At one of your organisation's confirmed host names. Empty: as the service has it."),
    ),
    Field(
        "mail_reply_to",
        marked("Answers to mails go to"),
        Kind.EMAIL,
        longest=254,
        hint=marked("Empty: to their sender."),
    ),
    Field(
        "legal",
        marked("Legal notice"),
        Kind.LINES,
        longest=4000,
        hint=marked("Who you are, as the law asks: it is a page of its own."),
    ),
)


# --------------------------------------------------------------------------------------------------- what all pages use


def stylesheet(visit: Visit, version: str) -> Response:
    """GET: the colours. version: of the brand."""
    return _lasting(visit, version, colours.stylesheet(visit.brand.colour).encode(), "text/css; charset=utf-8")


def picture(visit: Visit, version: str, name: str) -> Response:
    """GET: logo or icon. name: with .png."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        content = brands.stored_picture(tx, visit.its_tenant.id, name.removesuffix(".png"))
    return _lasting(visit, version, content, "image/png")


def _lasting(visit: Visit, version: str, content: bytes, content_type: str) -> Response:
    if version != visit.brand.version:
        raise NotFound(_("There is no such file."))
    response = Response(content, content_type=content_type)
    response.headers["Cache-Control"] = _FOR_GOOD
    return response


def legal(visit: Visit) -> Response:
    """GET: the legal notice."""
    if not visit.brand.legal:
        raise NotFound(_("There is no legal notice."))
    return answers.page(visit, "legal.html")


# ------------------------------------------------------------------------------------------------ what sets them


def page(visit: Visit) -> Response:
    """GET: the form, and what it looks like."""
    with visit.db.tenant(visit.its_tenant.id) as tx:
        own = brands.own(tx, visit.its_tenant.id)
    return _page(visit, Form.of(FIELDS, {"colour": colours.SHIPPED, **{k: v for k, v in own.items() if v}}))


def change(visit: Visit) -> Response:
    """POST: words and colour; pictures where some came."""
    form = Form.read(FIELDS, visit.request.form)
    if not form.ok:
        return _page(visit, form, 400)
    values = dict(form.values)
    for which in brands.PICTURES:
        file = visit.request.files.get(which)
        if file is not None and file.filename:
            values[which] = file.stream.read()
        elif visit.request.form.get(f"no-{which}") == "on":
            values[which] = None
    try:
        brand_provisioning.change(visit.its_admin, visit.actor, visit.its_tenant.slug, values)
    except FaxplanError as error:
        return _page(visit, form.failed(error), 400)
    return answers.to("/organisation/brand", note="saved")


def preview(visit: Visit) -> Response:
    """GET: the log-in page as it would be, of what the form says."""
    form = Form.read(FIELDS, visit.request.args)
    shown = form.values
    brand = Brand(
        shown.get("name") or visit.its_tenant.name,
        colour=shown.get("colour", ""),
        support=shown.get("support", ""),
        legal=shown.get("legal", ""),
        has_logo=visit.brand.has_logo,
        has_icon=visit.brand.has_icon,
        version=visit.brand.version,
    )
    return answers.page(visit, "brand_preview.html", shown=brand)


def preview_stylesheet(visit: Visit) -> Response:
    """GET: the colours of a preview. colour: #rrggbb."""
    colour = visit.request.args.get("colour", "").lower()
    if not _COLOUR.fullmatch(colour):
        colour = colours.SHIPPED
    return Response(colours.stylesheet(colour, ".preview"), content_type="text/css; charset=utf-8")


def add_host(visit: Visit) -> Response:
    """POST: asks for a host name."""
    try:
        brand_provisioning.add_host(
            visit.its_admin, visit.actor, visit.its_tenant.slug, visit.request.form.get("host", ""), visit.domain
        )
    except FaxplanError as error:
        with visit.db.tenant(visit.its_tenant.id) as tx:
            own = brands.own(tx, visit.its_tenant.id)
        return _page(visit, Form.of(FIELDS, {"colour": colours.SHIPPED, **own}).failed(error), 400)
    return answers.to("/organisation/brand", note="added")


def remove_host(visit: Visit) -> Response:
    """POST: takes one away."""
    host = visit.request.form.get("host", "")
    brand_provisioning.remove_host(visit.its_admin, visit.actor, visit.its_tenant.slug, host)
    return answers.to("/organisation/brand", note="removed")


def _page(visit: Visit, form: Form, status: int = 200) -> Response:
    with visit.db.tenant(visit.its_tenant.id) as tx:
        hosts = brands.hosts(tx, visit.its_tenant.id)
    return answers.page(visit, "brand.html", status, form=form, hosts=hosts, largest=brands.LARGEST)
