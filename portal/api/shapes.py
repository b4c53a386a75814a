"""What programs send and get: each shape validates, and is a schema of the OpenAPI document."""

import base64
import binascii
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, WithJsonSchema

from faxplan import bundle, covers, labels, recipients

MOST_LISTED = 200
LIST_SIZE = 50
_LONGEST_NUMBER = 80


class Shape(BaseModel):
    """What is not named is refused."""

    model_config = ConfigDict(extra="forbid", use_enum_values=False, ser_json_bytes="base64", hide_input_in_errors=True)


class Direction(StrEnum):
    """Whether a fax was sent or came in."""

    OUTBOUND = "outbound"
    INBOUND = "inbound"


class Resolution(StrEnum):
    """Of the pages, as ITU-T T.4 has it: 98, 196 or 391 lines an inch."""

    STANDARD = "standard"
    FINE = "fine"
    SUPERFINE = "superfine"


class Urgency(StrEnum):
    """What goes first."""

    URGENT = "urgent"
    NORMAL = "normal"
    BULK = "bulk"


class Standing(StrEnum):
    """How it stands with a fax, for lists."""

    OPEN = "open"
    ARRIVED = "arrived"
    PARTIAL = "partial"
    FAILED = "failed"
    STOPPED = "stopped"


# ------------------------------------------------------------------------------------------------------------ sending

Text = Annotated[str, Field(max_length=covers.LONGEST)]
Id = Annotated[int, Field(ge=0, le=2**63 - 1)]
To = Annotated[str, Field(min_length=1, max_length=_LONGEST_NUMBER)]
LabelName = Annotated[str, Field(min_length=1, max_length=labels.LONGEST)]
LabelNames = Annotated[list[LabelName], Field(max_length=labels.MOST_ON_ONE)]


class Cover(Shape):
    """A cover page, drawn anew for each recipient."""

    template: Annotated[int, Field(ge=0, le=2**63 - 1)] | None = Field(
        None, description="A cover page of the organisation (`GET /cover-pages`). None: its standard one."
    )
    to_name: Text = ""
    to_company: Text = ""
    subject: Text = ""
    message: Annotated[str, Field(max_length=covers.LONGEST_MESSAGE)] = ""
    phone: Text = ""
    reference: Text = ""


def _from_base64(value: object) -> bytes:
    try:
        return base64.b64decode(str(value), validate=True)
    except binascii.Error as error:
        raise ValueError("this is no base64") from error


Content = Annotated[
    bytes, BeforeValidator(_from_base64), WithJsonSchema({"type": "string", "contentEncoding": "base64"})
]


class Document(Shape):
    """A file in the request itself."""

    name: Annotated[str, Field(min_length=1, max_length=bundle.LONGEST_NAME)] = Field(
        description="What the file is called. What kind of file it is shows its content."
    )
    content: Content = Field(description="The file, in base64. Larger ones go as multipart/form-data.")


class LinkedDocument(Shape):
    """A file that lies elsewhere, and is fetched from there while the request is worked on."""

    url: Annotated[str, Field(min_length=1, max_length=2000, pattern="^https?://")] = Field(
        description="Where it lies. Redirects are followed; addresses that are not public are refused.",
        examples=["https://www.example.com/contract.pdf"], json_schema_extra={"format": "uri"},
    )  # fmt: skip
    name: Annotated[str, Field(max_length=bundle.LONGEST_NAME)] = Field(
        "", description="What the file is called. Empty: as it is there."
    )


INLINE, LINKED = "inline document", "linked document"
"""No names of fields: they stand in where a request is wrong, and are taken out there."""


def _which_document(value: object) -> str:
    return LINKED if isinstance(value, LinkedDocument) or (isinstance(value, dict) and "url" in value) else INLINE


AnyDocument = Annotated[
    Annotated[Document, Tag(INLINE)] | Annotated[LinkedDocument, Tag(LINKED)], Discriminator(_which_document)
]


class SendFax(Shape):
    """A document to one number or several: a fax for each, or none at all."""

    to: Annotated[list[Annotated[str, Field(min_length=1, max_length=_LONGEST_NUMBER)]], Field(
        min_length=1, max_length=recipients.MOST_NUMBERS)] = Field(
        description="Telephone numbers: `+4930123456`, or as they are dialled in the organisation's country; with what "
        "is dialled after the answer, as `030123456p22`.", examples=[["+4930123456"]],
    )  # fmt: skip
    documents: Annotated[list[AnyDocument], Field(max_length=bundle.MOST_FILES)] = Field(
        default_factory=list, description="What is faxed, in this order. In multipart/form-data: parts called `file`."
    )
    resolution: Resolution = Resolution.FINE
    priority: Urgency = Urgency.NORMAL
    send_at: AwareDatetime | None = Field(None, description="Not before this time; a year ahead at most.")
    caller_id: Annotated[str, Field(min_length=1, max_length=_LONGEST_NUMBER)] | None = Field(
        None, description="The number to call as (`GET /numbers`). None: the user's own."
    )
    billing_code: Annotated[str, Field(max_length=40)] = ""
    password: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        None, description="Of PDFs that need one. It is kept nowhere."
    )
    cover: Cover | None = Field(None, description="None: there is no cover page.")
    labels: LabelNames = Field(
        default_factory=list, description="That each of the faxes has from the beginning.", examples=[["Order 4711"]]
    )
    resend_of: Id | None = Field(
        None, description="The user's fax that has ended, whose document this is once more. The audit tells of it."
    )


class HandedWrap(Shape):
    """A document's key, wrapped to a machine that sends."""

    document: Id
    machine: Id
    wrap: Content = Field(description="HPKE (docs/sealed-files/), in base64.")


class ResendFax(Shape):
    """A fax that has ended goes out again: what is not named is as it was."""

    to: Annotated[list[To], Field(max_length=recipients.MOST_NUMBERS)] = Field(
        default_factory=list, description="None: to where it went."
    )
    priority: Urgency = Urgency.NORMAL
    send_at: AwareDatetime | None = Field(None, description="Not before this time; a year ahead at most.")
    caller_id: To | None = None
    billing_code: Annotated[str, Field(max_length=40)] | None = None
    wraps: Annotated[list[HandedWrap], Field(max_length=1000)] = Field(
        default_factory=list,
        description="Of each document to each machine (`resendOffer`), made with a reader's key. None: the machines "
        "are to have keys yet.",
    )


class SentFax(Shape):
    """A fax that was accepted."""

    id: int
    to: str = Field(description="E.164", examples=["+4930123456"])
    pages: int | None = Field(description="With the cover page. None: known after rendering.")


class SentFaxes(Shape):
    """What became of it."""

    batch: int = Field(description="All of them together: `GET /batches/{number}`.")
    faxes: list[SentFax]


class Machine(Shape):
    """One that sends."""

    machine: int
    public_key: bytes


class ToWrap(Shape):
    """A document of a fax, and what opens its key for a reader."""

    document: int
    digest: bytes = Field(description="SHA-256 of its header, of which each wrap is.")
    wraps: list["Wrap"]


class ResendOffer(Shape):
    """What a reader's client wraps, so that a fax can be sent again: the key of each document to each machine."""

    machines: list[Machine]
    documents: list[ToWrap]


class Standings(Shape):
    """How many of a batch stand so."""

    open: int
    arrived: int
    partial: int
    failed: int
    stopped: int


class Batch(Shape):
    """The faxes of one request: `GET /faxes?direction=outbound&batch=` lists them."""

    id: int
    created_at: datetime
    faxes: int = Field(description="That the user has not deleted.")
    final: bool = Field(description="Nothing more happens to any of them.")
    standings: Standings
    pages: int = Field(description="Of all those of which they are known.")
    pages_done: int = Field(description="Acknowledged by the other sides.")


class StoppedBatch(Shape):
    """What became of its faxes."""

    cancelled: int
    in_calls: int = Field(description="These end within moments.")
    ended: int = Field(description="These had ended before.")


# ----------------------------------------------------------------------------------------------------------- looking on


class FaxError(Shape):
    """Why a fax has failed, or was not sent at first."""

    error_id: str | None
    detail: str = Field(description="In words for people.")
    sip_code: int | None = Field(description="Of the last call (RFC 3261, 21).")
    q850_cause: int | None = Field(description="Of the last call (ITU-T Q.850).")
    t30_code: int | None = Field(description="How T.30 ended, as SpanDSP numbers it.")
    t30_text: str | None


class Fax(Shape):
    """One fax."""

    id: int
    direction: Direction
    state: Literal[
        "accepted", "queued", "dialing", "sending", "sent", "failed", "cancelled", "receiving", "received", "partial"
    ]
    final: bool = Field(description="Nothing more happens to it.")
    to: str = Field(description="E.164")
    caller_id: str | None = Field(description="E.164. None: withheld.")
    pages: int | None = Field(description="None: not known yet.")
    pages_done: int = Field(description="Acknowledged by the other side, or received whole.")
    attempts: int = Field(description="Calls that were made.")
    most_attempts: int
    next_attempt_at: datetime | None
    resolution: str | None
    mailbox: str | None
    labels: list[str]
    batch: int | None = Field(description="Of a sent one: the request in which it was handed in by a program.")
    test: bool = Field(description="It goes to a sandbox number, or tests a trunk; reports do not count it.")
    created_at: datetime
    finished_at: datetime | None
    error: FaxError | None = Field(description="Of one that failed, or waits for another attempt.")


class FaxList(Shape):
    """Some of them, newest first."""

    faxes: list[Fax]
    next: str | None = Field(description="The cursor with which the list goes on. None: that was all.")


class FaxFilters(Shape):
    """Which faxes."""

    direction: Direction = Field(description="Sent by the user, or received in mailboxes that they read.")
    state: Standing | None = None
    mailbox: Annotated[int, Field(ge=0, le=2**63 - 1)] | None = None
    label: Annotated[str, Field(min_length=1, max_length=labels.LONGEST)] | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    batch: Id | None = Field(None, description="Those of one request, by the `batch` of its answer.")
    limit: Annotated[int, Field(ge=1, le=MOST_LISTED)] = LIST_SIZE
    cursor: Annotated[str, Field(max_length=300)] | None = None


class Wrap(Shape):
    """A file's key, wrapped to a mailbox (docs/sealed-files/)."""

    mailbox: int
    epoch: int
    wrap: bytes


class SealedFile(Shape):
    """A file of a fax, as it lies in the store: only a reader of the mailbox opens it, with their key."""

    name: Literal["tiff", "pdf", "images", "thumbnail", "original", "cover", "cover-images"]
    address: str = Field(description="Where the sealed file is, below this host.")
    tenant: int
    document: str
    artefact: str
    digest: bytes
    sealed_name: bytes | None
    wraps: list[Wrap]


class SealedFiles(Shape):
    """All files of a fax."""

    files: list[SealedFile]


class Cancelled(Shape):
    """What became of it."""

    cancelled: bool = Field(description="False: it is in a call, which ends within moments.")


class Label(Shape):
    """What users call a fax."""

    name: Annotated[str, Field(min_length=1, max_length=labels.LONGEST)]
