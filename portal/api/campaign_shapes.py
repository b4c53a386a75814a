"""What programs send and get of campaigns."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from faxplan import bundle, campaign_contacts, campaign_pace, campaigns, contact_files, covers
from portal.api.shapes import AnyDocument, Content, Resolution, Shape


class Whom(StrEnum):
    """Recipients of another campaign."""

    ALL = "all"
    FAILED = "failed"
    NOBODY = "none"


Clock = Annotated[str, Field(pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$", examples=["08:00"])]
Weekday = Annotated[int, Field(ge=1, le=7)]
Number = Annotated[str, Field(min_length=1, max_length=80)]
MOST_NUMBERS = 10_000
Why = Literal["invalid-number", "duplicate", "do-not-fax", "number-barred", "cover-failed"]
Words = Annotated[str, Field(max_length=2 * covers.LONGEST)]


class Pace(Shape):
    """How fast it goes, and when."""

    per_minute: Annotated[int, Field(ge=1, le=6000)] = Field(30, description="Faxes that are begun in a minute.")
    at_once: Annotated[int, Field(ge=1, le=1000)] = Field(10, description="That are in a call at once.")
    opens: Clock = "00:00"
    closes: Clock = "24:00"
    weekdays: Annotated[list[Weekday], Field(min_length=1, max_length=7)] = Field(
        default_factory=lambda: [1, 2, 3, 4, 5, 6, 7], description="1 is Monday."
    )
    start_at: AwareDatetime | None = Field(None, description="Not before this time.")


class Retries(Shape):
    """How often a fax is tried that does not get through, and when."""

    max_attempts: Annotated[int, Field(ge=1, le=20)] | None = Field(
        None, description="Tries of each fax. None, and at most: as many as the organisation has."
    )
    delays: Annotated[
        list[Annotated[int, Field(ge=campaign_pace.SHORTEST_DELAY, le=campaign_pace.LONGEST_DELAY)]],
        Field(max_length=campaign_pace.MOST_DELAYS),
    ] = Field(
        default_factory=list,
        description="Seconds before the second try, the third and so on, the last for all further ones. Empty: as the "
        "cause of each failure has it.",
    )


class MakeCampaign(Shape):
    """A document to many numbers. Recipients are added after, and then it is started."""

    name: Annotated[str, Field(min_length=1, max_length=campaigns.LONGEST_NAME)]
    documents: Annotated[list[AnyDocument], Field(max_length=bundle.MOST_FILES)] = Field(default_factory=list)
    resolution: Resolution = Resolution.FINE
    pace: Pace = Field(default_factory=lambda: Pace.model_validate({}))
    retries: Retries = Field(default_factory=lambda: Retries.model_validate({}))
    caller_id: Number | None = None
    billing_code: Annotated[str, Field(max_length=40)] = ""
    password: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class CloneCampaign(Shape):
    """A draft as a campaign is or was. A document is sent along in place of its own, which one that has ended has not
    any more."""

    name: Annotated[str, Field(min_length=1, max_length=campaigns.LONGEST_NAME)] | None = Field(
        None, description="None: as the first one is called."
    )
    recipients: Whom = Field(Whom.NOBODY, description="Whom of the first one it goes to.")
    documents: Annotated[list[AnyDocument], Field(max_length=bundle.MOST_FILES)] = Field(default_factory=list)
    resolution: Resolution = Field(Resolution.FINE, description="Of the documents that are sent along.")
    password: Annotated[str, Field(min_length=1, max_length=200)] | None = None


class ChangeCampaign(Shape):
    """What is not named stays."""

    name: Annotated[str, Field(min_length=1, max_length=campaigns.LONGEST_NAME)] | None = None
    pace: Pace | None = None
    retries: Retries | None = None


class LeftOut(Shape):
    """Lines that get no fax."""

    why: Why
    recipients: int


class Counts(Shape):
    """How it stands with its recipients."""

    total: int = Field(description="Who gets it, or should have.")
    waiting: int
    under_way: int
    sent: int
    failed: int
    cancelled: int
    left_out: list[LeftOut]
    lines_read: int | None = Field(description="Of a file of recipients that is being read. None: none is.")
    lines: int | None
    wrong: str = Field(description="Why that file cannot be read to its end. Empty: it can.")


class Campaign(Shape):
    """One campaign."""

    id: int
    name: str
    state: Literal["draft", "running", "paused", "cancelled", "finished"]
    why: str = Field(description="Why it is paused, if nobody has paused it.")
    pages: int | None
    pace: Pace
    retries: Retries
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    recipients: Counts
    purged_at: datetime | None = Field(
        description="When its recipients were destroyed, as sent faxes are after a time; their counts stay."
    )


class Point(Shape):
    """How it stood at a moment, of all recipients of now."""

    at: datetime
    waiting: int
    under_way: int
    sent: int
    failed: int
    cancelled: int


class Progress(Shape):
    """How far it is, over time."""

    begun_at: datetime | None = Field(description="None: it was never started, and there are no points.")
    seconds: int = Field(description="Between two points, of which there are 60 at most.")
    points: list[Point]
    through_at: datetime | None = Field(
        description="When the last fax is begun, by its pace and hours alone; from now on, if it is not under way. "
        "None: nobody waits, it has ended, or that is more than 400 days ahead."
    )


class Campaigns(Shape):
    """Some of them, newest first."""

    campaigns: list[Campaign]
    next: str | None


Id = Annotated[int, Field(ge=0, le=2**63 - 1)]
Place = Annotated[int, Field(ge=0, lt=contact_files.MOST_COLUMNS)]
Separator = Literal["comma", "semicolon", "tab", "pipe"]
Encoding = Literal[
    "utf-8", "utf-16", "windows-1252", "windows-1250", "windows-1251", "windows-1253", "windows-1254", "windows-1255",
    "windows-1256", "iso-8859-1", "iso-8859-2", "iso-8859-15", "macintosh", "shift_jis", "euc-kr", "gb18030", "big5"
]  # fmt: skip


class Columns(Shape):
    """In which column of a CSV file something is, from 0. None: in none."""

    number: Place | None = Field(None, description="The fax number.")
    name: Place | None = None
    first: Place | None = Field(None, description="The first name, where it has a column of its own.")
    last: Place | None = None
    company: Place | None = None


class CsvFile(Shape):
    """A CSV file, and how it is to be read. What is not said is found out."""

    csv: Content | None = Field(
        None,
        description="A CSV file in base64: any separator, with a heading or without. 40 MB as multipart/form-data.",
    )
    separator: Separator | None = None
    encoding: Encoding | None = None
    heading: bool | None = Field(None, description="Whether the first line is a heading.")
    columns: Columns | None = Field(None, description="What each column is.")


class AddRecipients(CsvFile):
    """Recipients as a list, as a CSV file, or from contacts, as they are now."""

    numbers: Annotated[list[Number], Field(max_length=MOST_NUMBERS)] = Field(default_factory=list)
    contacts: Annotated[list[Id], Field(max_length=campaign_contacts.MOST_CONTACTS)] = Field(
        default_factory=list, description="Contacts take the scope `contacts:read` besides."
    )
    groups: Annotated[list[Id], Field(max_length=campaign_contacts.MOST_GROUPS)] = Field(default_factory=list)
    all_contacts: bool = Field(False, description="All that the user sees.")


class Reading(Shape):
    """What is being read: a file, or contacts."""

    lines: int


class PreviewLine(Shape):
    """A line of a CSV file as it would be read."""

    line: int
    cells: list[str] | None = Field(description="None: they cannot be told apart.")
    number: str | None = Field(description="In E.164. None: it has none.")
    name: str


class FilePreview(Shape):
    """A CSV file as it would be read."""

    separator: Separator
    encoding: Encoding
    heading: list[str] | None
    columns: Columns
    lines: int = Field(description="That it has, without its heading.")
    unreadable: int = Field(description="Of these, those whose cells cannot be told apart.")
    looked_at: int = Field(description="The first so many lines were looked at for numbers.")
    numbers: int = Field(description="Of those that were looked at, those with a number.")
    first: list[PreviewLine]


class CampaignPage(Shape):
    """Which campaigns."""

    limit: Annotated[int, Field(ge=1, le=100)] = 20
    cursor: Annotated[str, Field(max_length=300)] | None = None


class RecipientPage(Shape):
    """Which recipients."""

    state: Literal["waiting", "under-way", "sent", "failed", "cancelled", "left-out"] | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100
    after: Annotated[int, Field(ge=0, le=2**63 - 1)] = Field(0, description="The id of the last one before.")


class Recipient(Shape):
    """A line of a campaign's recipients."""

    id: int
    written: str
    number: str | None
    name: str
    state: Literal["waiting", "under-way", "sent", "failed", "cancelled", "left-out"]
    why: Why | None
    fax: int | None


class Recipients(Shape):
    """Some of them, in their order."""

    recipients: list[Recipient]


class CampaignCover(Shape):
    """A cover page for each recipient. Texts may have fields of the recipient, as `{{ first_name }}`."""

    template: Annotated[int, Field(ge=0, le=2**63 - 1)] | None = Field(
        None, description="A cover page of the organisation (`GET /cover-pages`). None: its standard one."
    )
    to_name: Words = "{{ name }}"
    to_company: Words = ""
    subject: Words = ""
    message: Annotated[str, Field(max_length=covers.LONGEST_MESSAGE)] = ""
    phone: Annotated[str, Field(max_length=covers.LONGEST)] = Field("", description="The sender's, without fields.")
    reference: Words = ""


class CoverField(Shape):
    """Something that recipients have, which texts of the cover may name."""

    name: str
    headings: list[str] = Field(description="The columns that it comes from.")
    recipients: int = Field(description="Who have something there, of those that get a fax.")


class LackedField(Shape):
    """A field of the cover which is empty for some."""

    name: str
    recipients: int = Field(description="Who have nothing there.")


class CoverFields(Shape):
    """Whether there is a cover, and its fields. What it says is sealed."""

    has_cover: bool
    fields: list[CoverField] = Field(description="That recipients have, and those of the cover that nobody has.")
    lacking: list[LackedField]


class PreviewCover(Shape):
    """A cover as a recipient would get it."""

    cover: CampaignCover
    recipient: Annotated[int, Field(ge=1, le=2**63 - 1)] | None = Field(None, description="Its id. None: the first.")


class CoverPreview(Shape):
    """Its pages, one below the other."""

    pages: int
    png: str = Field(description="In base64.", json_schema_extra={"contentEncoding": "base64"})


class AskTest(Shape):
    """A fax as a recipient would get it, to a number of one's own."""

    to: Number
    recipient: Annotated[int, Field(ge=1, le=2**63 - 1)] | None = Field(
        None, description="Whose fields it has: the id of a recipient. None: the first."
    )


class CampaignTest(Shape):
    """A test, which a worker sends within moments."""

    id: int
    to: str
    recipient: int | None
    asked_at: datetime
    is_done: bool
    fax: int | None
    why: str = Field(description="Why there is no fax, once it is done.")


class CampaignTests(Shape):
    """The last ones, newest first."""

    tests: list[CampaignTest]
