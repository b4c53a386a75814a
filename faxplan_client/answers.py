"""What the API answers with. Written by `make answers` from the OpenAPI document; do not edit.

New members and new values may come at any time: a text that is one of several is a plain `str` for that.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Account:
    """Whose API key this is."""

    organisation: str
    user: str
    email: str
    key: str
    """What the API key is called."""
    scopes: list[str]
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class SentFax:
    """A fax that was accepted."""

    id: int
    to: str
    """E.164"""
    pages: int | None
    """With the cover page. None: known after rendering."""


@dataclass(frozen=True, slots=True)
class SentFaxes:
    """What became of it."""

    batch: int
    """All of them together: `GET /batches/{number}`."""
    faxes: list[SentFax]


@dataclass(frozen=True, slots=True)
class FaxError:
    """Why a fax has failed, or was not sent at first."""

    error_id: str | None
    detail: str
    """In words for people."""
    sip_code: int | None
    """Of the last call (RFC 3261, 21)."""
    q850_cause: int | None
    """Of the last call (ITU-T Q.850)."""
    t30_code: int | None
    """How T.30 ended, as SpanDSP numbers it."""
    t30_text: str | None


@dataclass(frozen=True, slots=True)
class Fax:
    """One fax."""

    id: int
    direction: str
    """One of: `outbound`, `inbound`."""
    state: str
    """One of: `accepted`, `queued`, `dialing`, `sending`, `sent`, `failed`, `cancelled`, `receiving`, `received`,
    `partial`."""
    final: bool
    """Nothing more happens to it."""
    to: str
    """E.164"""
    caller_id: str | None
    """E.164. None: withheld."""
    pages: int | None
    """None: not known yet."""
    pages_done: int
    """Acknowledged by the other side, or received whole."""
    attempts: int
    """Calls that were made."""
    most_attempts: int
    next_attempt_at: datetime | None
    resolution: str | None
    mailbox: str | None
    labels: list[str]
    batch: int | None
    """Of a sent one: the request in which it was handed in by a program."""
    test: bool
    """It goes to a sandbox number, or tests a trunk; reports do not count it."""
    created_at: datetime
    finished_at: datetime | None
    error: FaxError | None
    """Of one that failed, or waits for another attempt."""


@dataclass(frozen=True, slots=True)
class FaxList:
    """Some of them, newest first."""

    faxes: list[Fax]
    next: str | None
    """The cursor with which the list goes on. None: that was all."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What became of it."""

    cancelled: bool
    """False: it is in a call, which ends within moments."""


@dataclass(frozen=True, slots=True)
class Machine:
    """One that sends."""

    machine: int
    public_key: bytes


@dataclass(frozen=True, slots=True)
class Wrap:
    """A file's key, wrapped to a mailbox (docs/sealed-files/)."""

    mailbox: int
    epoch: int
    wrap: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ToWrap:
    """A document of a fax, and what opens its key for a reader."""

    document: int
    digest: bytes
    """SHA-256 of its header, of which each wrap is."""
    wraps: list[Wrap]


@dataclass(frozen=True, slots=True)
class ResendOffer:
    """What a reader's client wraps, so that a fax can be sent again: the key of each document to each machine."""

    machines: list[Machine]
    documents: list[ToWrap]


@dataclass(frozen=True, slots=True)
class Standings:
    """How many of a batch stand so."""

    open: int
    arrived: int
    partial: int
    failed: int
    stopped: int


@dataclass(frozen=True, slots=True)
class Batch:
    """The faxes of one request: `GET /faxes?direction=outbound&batch=` lists them."""

    id: int
    created_at: datetime
    faxes: int
    """That the user has not deleted."""
    final: bool
    """Nothing more happens to any of them."""
    standings: Standings
    pages: int
    """Of all those of which they are known."""
    pages_done: int
    """Acknowledged by the other sides."""


@dataclass(frozen=True, slots=True)
class StoppedBatch:
    """What became of its faxes."""

    cancelled: int
    in_calls: int
    """These end within moments."""
    ended: int
    """These had ended before."""


@dataclass(frozen=True, slots=True)
class SealedFile:
    """A file of a fax, as it lies in the store: only a reader of the mailbox opens it, with their key."""

    name: str
    """One of: `tiff`, `pdf`, `images`, `thumbnail`, `original`, `cover`, `cover-images`."""
    address: str
    """Where the sealed file is, below this host."""
    tenant: int
    document: str
    artefact: str
    digest: bytes
    sealed_name: bytes | None
    wraps: list[Wrap]


@dataclass(frozen=True, slots=True)
class SealedFiles:
    """All files of a fax."""

    files: list[SealedFile]


@dataclass(frozen=True, slots=True)
class MailboxEpoch:
    """A key of a mailbox, to which its files are wrapped for as long as it is the newest."""

    mailbox: int
    epoch: int
    public_key: bytes
    wrap: bytes | None = field(repr=False)
    """The private key, wrapped to the reader. None: by `earlier` of a later one."""
    earlier: bytes | None = field(repr=False)
    """The private key of the epoch before, wrapped to this one."""


@dataclass(frozen=True, slots=True)
class ReaderKey:
    """A reader's key (`fxr_...`): its public half, and what it opens. The private half is never sent here."""

    name: str
    public_key: bytes
    epochs: list[MailboxEpoch]


@dataclass(frozen=True, slots=True)
class ReaderKeys:
    """All that read mailboxes which the user reads, by name."""

    reader_keys: list[ReaderKey]


@dataclass(frozen=True, slots=True)
class UserKeyParameters:
    """What makes of the user's password what unlocks their key: Argon2id (docs/sealed-files/)."""

    public_key: bytes
    salt: bytes
    memory_kib: int
    passes: int
    lanes: int


@dataclass(frozen=True, slots=True)
class UserKey:
    """The user's key, locked by what was asked for, and what it opens."""

    public_key: bytes
    locked: bytes = field(repr=False)
    """The private key: it opens with *wrap* of the password, or of the recovery code."""
    epochs: list[MailboxEpoch]


@dataclass(frozen=True, slots=True)
class OwnNumber:
    """A number of the organisation's that the user may call as."""

    number: str
    is_standard: bool


@dataclass(frozen=True, slots=True)
class Numbers:
    """All of them."""

    numbers: list[OwnNumber]


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One that the user reads."""

    id: int
    name: str
    unread: int


@dataclass(frozen=True, slots=True)
class Mailboxes:
    """All of them."""

    mailboxes: list[Mailbox]


@dataclass(frozen=True, slots=True)
class CoverPage:
    """A cover page of the organisation."""

    id: int
    name: str
    is_standard: bool


@dataclass(frozen=True, slots=True)
class CoverPages:
    """All of them."""

    cover_pages: list[CoverPage]


@dataclass(frozen=True, slots=True)
class Quota:
    """Pages that may be sent in a period."""

    of: str
    """One of: `organisation`, `user`."""
    period: str
    """One of: `day`, `month`."""
    pages: int
    used: int
    reserved: int
    """For faxes that have not ended."""
    room: int
    begins_anew_at: datetime


@dataclass(frozen=True, slots=True)
class Quotas:
    """All that count for the user; none: nothing is limited."""

    quotas: list[Quota]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A call of a fax. What is None was not said, or is not known yet."""

    number: int
    """1 for the first."""
    trunk: str | None
    """None: there was none, as within this installation."""
    from_page: int
    """With which of the fax's pages it began; 1 for the first."""
    pages: int
    """Acknowledged by the other side in this call, or received."""
    outcome: str | None
    """None: it runs."""
    detail: str | None
    """In words for people."""
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    seconds: float | None
    """From answer to end."""
    post_dial_delay: float | None
    """Seconds to the first answer of the far end (RFC 6076, 4.3)."""
    hung_up_by: str | None
    sip_code: int | None
    """RFC 3261, 21."""
    sip_phrase: str | None
    sip_call_id: str | None
    q850_cause: int | None
    """ITU-T Q.850."""
    hangup_cause: str | None
    """As the switch calls that cause."""
    t30_code: int | None
    """How T.30 ended, as SpanDSP numbers it; 0: well."""
    t30_text: str | None
    t38: str | None
    """Whether T.38 was agreed upon."""
    codec: str | None
    ecm: bool | None
    """Error correction (ITU-T T.30, annex A)."""
    transfer_rate: int | None
    """Bits a second."""
    bad_rows: int | None
    encoding: str | None
    remote_station_id: str | None
    """What the other machine calls itself."""
    local_station_id: str | None


@dataclass(frozen=True, slots=True)
class Attempts:
    """All of a fax, the oldest first."""

    attempts: list[Attempt]


@dataclass(frozen=True, slots=True)
class LabelNames:
    """Those that are on faxes that the user sees, by name."""

    labels: list[str]


@dataclass(frozen=True, slots=True)
class Contact:
    """One that the user sees."""

    id: int
    number: str
    """E.164"""
    name: str
    company: str
    email: str
    note: str
    shared: bool
    may_change: bool
    """Whether the user may change and delete it."""
    created_at: datetime
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class ContactList:
    """Some of them, by name."""

    contacts: list[Contact]
    next: str | None
    """The cursor with which the list goes on. None: that was all."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group of contacts. Who is in it: `GET /contacts?group=`."""

    id: int
    name: str
    shared: bool
    contacts: int
    """How many are in it."""
    may_change: bool
    """Whether the user may change and delete it."""


@dataclass(frozen=True, slots=True)
class Groups:
    """All that the user sees, by name."""

    groups: list[Group]


@dataclass(frozen=True, slots=True)
class PutIn:
    """What became of it."""

    added: int
    """How many were not in the group before. Those that the user does not see are not."""


@dataclass(frozen=True, slots=True)
class Key:
    """An API key. What it is known by is shown once, when it is made."""

    id: int
    name: str
    ending: str
    """Its last characters."""
    scopes: list[str]
    created_at: datetime
    used_at: datetime | None
    """To a minute. None: never."""
    expires_at: datetime | None
    """None: never."""
    expired: bool
    this_one: bool
    """The one that asks."""


@dataclass(frozen=True, slots=True)
class Keys:
    """All of the user's, by name."""

    keys: list[Key]


@dataclass(frozen=True, slots=True)
class AuditRow:
    """What somebody did."""

    sequence: int
    """Counted within the organisation, without gaps."""
    at: datetime
    actor: str
    authenticated: str | None
    """How they had shown who they are."""
    address: str | None
    """From which network address."""
    action: str
    object: str
    result: str
    details: dict[str, Any]
    words: str
    """What happened, for people."""


@dataclass(frozen=True, slots=True)
class AuditList:
    """Some of them, the newest first."""

    rows: list[AuditRow]
    next: str | None
    """The cursor with which the list goes on. None: that was all."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast it goes, and when."""

    per_minute: int
    """Faxes that are begun in a minute."""
    at_once: int
    """That are in a call at once."""
    opens: str
    closes: str
    weekdays: list[int]
    """1 is Monday."""
    start_at: datetime | None
    """Not before this time."""


@dataclass(frozen=True, slots=True)
class Retries:
    """How often a fax is tried that does not get through, and when."""

    max_attempts: int | None
    """Tries of each fax. None, and at most: as many as the organisation has."""
    delays: list[int]
    """Seconds before the second try, the third and so on, the last for all further ones. Empty: as the cause of each
    failure has it."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Lines that get no fax."""

    why: str
    """One of: `invalid-number`, `duplicate`, `do-not-fax`, `number-barred`, `cover-failed`."""
    recipients: int


@dataclass(frozen=True, slots=True)
class Counts:
    """How it stands with its recipients."""

    total: int
    """Who gets it, or should have."""
    waiting: int
    under_way: int
    sent: int
    failed: int
    cancelled: int
    left_out: list[LeftOut]
    lines_read: int | None
    """Of a file of recipients that is being read. None: none is."""
    lines: int | None
    wrong: str
    """Why that file cannot be read to its end. Empty: it can."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """One campaign."""

    id: int
    name: str
    state: str
    """One of: `draft`, `running`, `paused`, `cancelled`, `finished`."""
    why: str
    """Why it is paused, if nobody has paused it."""
    pages: int | None
    pace: Pace
    retries: Retries
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    recipients: Counts
    purged_at: datetime | None
    """When its recipients were destroyed, as sent faxes are after a time; their counts stay."""


@dataclass(frozen=True, slots=True)
class Campaigns:
    """Some of them, newest first."""

    campaigns: list[Campaign]
    next: str | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What is being read: a file, or contacts."""

    lines: int


@dataclass(frozen=True, slots=True)
class Recipient:
    """A line of a campaign's recipients."""

    id: int
    written: str
    number: str | None
    name: str
    state: str
    """One of: `waiting`, `under-way`, `sent`, `failed`, `cancelled`, `left-out`."""
    why: str | None
    """One of: `invalid-number`, `duplicate`, `do-not-fax`, `number-barred`, `cover-failed`."""
    fax: int | None


@dataclass(frozen=True, slots=True)
class Recipients:
    """Some of them, in their order."""

    recipients: list[Recipient]


@dataclass(frozen=True, slots=True)
class Columns:
    """In which column of a CSV file something is, from 0. None: in none."""

    number: int | None
    """The fax number."""
    name: int | None
    first: int | None
    """The first name, where it has a column of its own."""
    last: int | None
    company: int | None


@dataclass(frozen=True, slots=True)
class PreviewLine:
    """A line of a CSV file as it would be read."""

    line: int
    cells: list[str] | None
    """None: they cannot be told apart."""
    number: str | None
    """In E.164. None: it has none."""
    name: str


@dataclass(frozen=True, slots=True)
class FilePreview:
    """A CSV file as it would be read."""

    separator: str
    """One of: `comma`, `semicolon`, `tab`, `pipe`."""
    encoding: str
    """One of: `utf-8`, `utf-16`, `windows-1252`, `windows-1250`, `windows-1251`, `windows-1253`, `windows-1254`,
    `windows-1255`, `windows-1256`, `iso-8859-1`, `iso-8859-2`, `iso-8859-15`, `macintosh`, `shift_jis`, `euc-kr`,
    `gb18030`, `big5`."""
    heading: list[str] | None
    columns: Columns
    lines: int
    """That it has, without its heading."""
    unreadable: int
    """Of these, those whose cells cannot be told apart."""
    looked_at: int
    """The first so many lines were looked at for numbers."""
    numbers: int
    """Of those that were looked at, those with a number."""
    first: list[PreviewLine]


@dataclass(frozen=True, slots=True)
class Point:
    """How it stood at a moment, of all recipients of now."""

    at: datetime
    waiting: int
    under_way: int
    sent: int
    failed: int
    cancelled: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is, over time."""

    begun_at: datetime | None
    """None: it was never started, and there are no points."""
    seconds: int
    """Between two points, of which there are 60 at most."""
    points: list[Point]
    through_at: datetime | None
    """When the last fax is begun, by its pace and hours alone; from now on, if it is not under way. None: nobody waits,
    it has ended, or that is more than 400 days ahead."""


@dataclass(frozen=True, slots=True)
class CoverField:
    """Something that recipients have, which texts of the cover may name."""

    name: str
    headings: list[str]
    """The columns that it comes from."""
    recipients: int
    """Who have something there, of those that get a fax."""


@dataclass(frozen=True, slots=True)
class LackedField:
    """A field of the cover which is empty for some."""

    name: str
    recipients: int
    """Who have nothing there."""


@dataclass(frozen=True, slots=True)
class CoverFields:
    """Whether there is a cover, and its fields. What it says is sealed."""

    has_cover: bool
    fields: list[CoverField]
    """That recipients have, and those of the cover that nobody has."""
    lacking: list[LackedField]


@dataclass(frozen=True, slots=True)
class CoverPreview:
    """Its pages, one below the other."""

    pages: int
    png: str
    """In base64."""


@dataclass(frozen=True, slots=True)
class CampaignTest:
    """A test, which a worker sends within moments."""

    id: int
    to: str
    recipient: int | None
    asked_at: datetime
    is_done: bool
    fax: int | None
    why: str
    """Why there is no fax, once it is done."""


@dataclass(frozen=True, slots=True)
class CampaignTests:
    """The last ones, newest first."""

    tests: list[CampaignTest]


@dataclass(frozen=True, slots=True)
class Webhook:
    """A program that is told."""

    id: int
    address: str
    description: str
    types: list[str]
    """One of: `fax.accepted`, `fax.queued`, `fax.dialing`, `fax.sending`, `fax.sent`, `fax.failed`, `fax.cancelled`,
    `fax.receiving`, `fax.received`, `fax.partial`."""
    own_only: bool
    made_by: str
    """The e-mail address of who made it."""
    enabled: bool
    off_because: str | None
    """Why it was turned off: it answered with 410, or nothing was delivered for days. None: by hand, or it is on. One
    of: `gone`, `failing`."""
    failing_since: datetime | None
    """Since then nothing was delivered. None: nothing has failed."""
    public_keys: list[str]
    """Of what signs now (`v1a`, Ed25519), the newest first."""
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Webhooks:
    """All that the user looks after."""

    webhooks: list[Webhook]


@dataclass(frozen=True, slots=True)
class WebhookWithSecret:
    """With what it is signed by (`v1`, HMAC-SHA256), which is shown this once."""

    id: int
    address: str
    description: str
    types: list[str]
    """One of: `fax.accepted`, `fax.queued`, `fax.dialing`, `fax.sending`, `fax.sent`, `fax.failed`, `fax.cancelled`,
    `fax.receiving`, `fax.received`, `fax.partial`."""
    own_only: bool
    made_by: str
    """The e-mail address of who made it."""
    enabled: bool
    off_because: str | None
    """Why it was turned off: it answered with 410, or nothing was delivered for days. None: by hand, or it is on. One
    of: `gone`, `failing`."""
    failing_since: datetime | None
    """Since then nothing was delivered. None: nothing has failed."""
    public_keys: list[str]
    """Of what signs now (`v1a`, Ed25519), the newest first."""
    created_at: datetime
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """What was told, or is to be."""

    id: int
    message_id: str
    """`webhook-id`"""
    type: str
    timestamp: datetime
    """When it happened."""
    fax_id: int | None
    """None: a test."""
    state: str
    """One of: `waiting`, `delivered`, `failed`, `given-up`."""
    tries: int
    next_try_at: datetime | None
    """None: it waits no more."""
    tried_at: datetime | None
    status: int | None
    """What was answered last. None: nothing was."""
    detail: str
    """Why the last try has failed."""
    answer: str
    """How the last answer began: 500 bytes at most."""


@dataclass(frozen=True, slots=True)
class WebhookDeliveries:
    """Some of them, newest first."""

    deliveries: list[WebhookDelivery]
    next: str | None
    """The cursor with which the list goes on. None: that was all."""


@dataclass(frozen=True, slots=True)
class OrganisationMailbox:
    """One of the organisation's."""

    id: int
    name: str
    kind: str
    """One of: `personal`, `group`."""
    mail: str
    """How what comes in is mailed: `off`, `notice`, or with its pages."""
    numbers: list[str]
    """That lead to it."""
    readers: int
    readers_with_key: int
    """Of them, those who open what comes in now."""
    has_key: bool
    """False: what comes for it is laid where one is."""


@dataclass(frozen=True, slots=True)
class OrganisationMailboxes:
    """Some of them, by name."""

    mailboxes: list[OrganisationMailbox]
    next: str | None
    """The cursor with which the list goes on. None: that was all."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads a mailbox."""

    id: int
    email: str
    name: str
    enabled: bool
    has_key: bool
    """Whether they open what comes in now."""


@dataclass(frozen=True, slots=True)
class MailboxWithReaders:
    """A mailbox, and who reads it."""

    id: int
    name: str
    kind: str
    """One of: `personal`, `group`."""
    mail: str
    """How what comes in is mailed: `off`, `notice`, or with its pages."""
    numbers: list[str]
    """That lead to it."""
    readers: int
    readers_with_key: int
    """Of them, those who open what comes in now."""
    has_key: bool
    """False: what comes for it is laid where one is."""
    members: list[Reader]


@dataclass(frozen=True, slots=True)
class OrganisationNumber:
    """A number of the organisation's."""

    number: str
    """E.164"""
    name: str
    mailbox: str
    """Where its faxes go, by its name."""
    mailbox_id: int
    receives: bool
    """False: who reads that mailbox may receive nothing, and calls are refused."""
    enabled: bool


@dataclass(frozen=True, slots=True)
class OrganisationNumbers:
    """Some of them, by number."""

    numbers: list[OrganisationNumber]
    next: str | None
    """The cursor with which the list goes on. None: that was all."""


@dataclass(frozen=True, slots=True)
class Caller:
    """What becomes of some callers."""

    caller: str
    """How their numbers begin, as `+4930`; or `anonymous`."""
    rule: str
    """`allow`: they are let in, and who is not listed so is not. One of: `allow`, `block`."""


@dataclass(frozen=True, slots=True)
class NumberSettings:
    """All about a number."""

    number: str
    """E.164"""
    name: str
    mailbox: str
    laid_in: str | None
    """Where its faxes are laid now, by the mailbox's name: where a key is. None: calls are refused."""
    receives: bool
    enabled: bool
    station_ident: str
    max_calls: int | None
    refusal: str
    """One of: `decline`, `busy`."""
    ecm: bool
    t38: bool
    opt_out: bool
    """Who faxes to it goes on the do-not-fax list."""
    callers: list[Caller]
    refused_calls: int


@dataclass(frozen=True, slots=True)
class CoverPageText:
    """A cover page of the organisation, and what it says."""

    id: int
    name: str
    body: str
    footer: str
    is_standard: bool


@dataclass(frozen=True, slots=True)
class CoverPageTexts:
    """All of them, by name."""

    cover_pages: list[CoverPageText]


@dataclass(frozen=True, slots=True)
class Entry:
    """One that stands on the do-not-fax list."""

    number: str
    """E.164"""
    reason: str
    added_by: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class Entries:
    """Some of them, by number."""

    entries: list[Entry]
    next: str | None
    """The cursor with which the list goes on. None: that was all."""


@dataclass(frozen=True, slots=True)
class ListedTenant:
    """An organisation of a list."""

    slug: str
    name: str
    country: str
    enabled: bool
    people: int
    numbers: int


@dataclass(frozen=True, slots=True)
class Tenants:
    """Some of them, by short name."""

    tenants: list[ListedTenant]
    next: str | None
    """The cursor with which the list goes on. None: that was all."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """An organisation."""

    slug: str
    name: str
    country: str
    time_zone: str
    station_ident: str
    header_name: str
    header_line: bool
    page_n_of_m: bool
    max_attempts: int
    max_calls: int | None
    calls_per_hour: int | None
    pages_per_hour: int | None
    wait_hours: int | None
    redial_limits: str
    """One of: `none`, `us`."""
    redial_unknown: bool
    sandbox_numbers: bool
    permissions: list[str]
    """One of: `send`, `receive`, `mail-in`, `mail-out`, `campaigns`, `contacts`, `api`."""
    billing_codes: str
    """One of: `none`, `optional`, `required`."""
    enabled: bool


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of an organisation."""

    id: int
    email: str
    name: str
    role: str
    """One of: `user`, `administrator`."""
    operator: bool
    """Whether they run the installation as well."""
    enabled: bool


@dataclass(frozen=True, slots=True)
class People:
    """All of an organisation, by address."""

    people: list[Person]


@dataclass(frozen=True, slots=True)
class Invitation:
    """A link by which somebody chooses a password. Who has it acts as they do: it is for them alone, and works once."""

    link: str = field(repr=False)
    days: int
    """So long it works."""


@dataclass(frozen=True, slots=True)
class InstallationNumber:
    """Whose a number is."""

    number: str
    """E.164"""
    tenant: str
    mailbox: str
    name: str
    enabled: bool
    """It and its organisation."""


@dataclass(frozen=True, slots=True)
class InstallationNumbers:
    """Some of them, by number."""

    numbers: list[InstallationNumber]
    next: str | None
    """The cursor with which the list goes on. None: that was all."""


@dataclass(frozen=True, slots=True)
class InstallationNumberSettings:
    """All about a number."""

    number: str
    """E.164"""
    tenant: str
    mailbox: str
    name: str
    station_ident: str
    max_calls: int | None
    refusal: str
    """One of: `decline`, `busy`."""
    ecm: bool
    t38: bool
    enabled: bool
    receives: bool


@dataclass(frozen=True, slots=True)
class TriedNumber:
    """What became of an entry, or would."""

    written: str
    number: str
    """E.164; empty: it is none."""
    tenant: str
    mailbox: str
    name: str
    wrong: str
    """Why it cannot be entered; empty: it can."""


@dataclass(frozen=True, slots=True)
class TriedNumbers:
    """All of them, in their order."""

    entered: int
    numbers: list[TriedNumber]


@dataclass(frozen=True, slots=True)
class Trunk:
    """A trunk, and how it does."""

    name: str
    host: str
    port: int | None
    transport: str
    """One of: `udp`, `tcp`, `tls`."""
    register: bool
    username: str | None
    password_set: bool
    realm: str | None
    ping_seconds: int | None
    from_user: str | None
    from_domain: str | None
    source_networks: list[str]
    called_format: str
    """One of: `e164`, `e164-no-plus`, `national`."""
    calling_format: str
    """One of: `e164`, `e164-no-plus`, `national`."""
    called_prefix: str
    caller_id_in: str
    """One of: `pai`, `rpid`, `from`."""
    privacy: bool
    inbound_country: str
    inbound_format: str
    """One of: `any`, `e164`, `e164-no-plus`, `national`."""
    inbound_calling_format: str | None
    """One of: `any`, `e164`, `e164-no-plus`, `national`."""
    inbound_prefix: str
    called_from: list[str]
    trusts_identity: bool
    t38: bool
    t38_request: str
    """One of: `receiver`, `sender`, `nobody`."""
    t38_redundancy: int
    v17: bool
    ecm: bool
    codec: str
    """One of: `any`, `pcmu`, `pcma`."""
    encrypted_media: bool
    t30_trace: str
    """One of: `off`, `failed`, `all`."""
    max_calls: int | None
    calls_per_second: float | None
    dedicated_to: str | None
    overflow: bool
    enabled: bool
    state: str
    """One of: `off`, `rests`, `unreachable`, `on-trial`, `failing`, `works`, `unused`."""
    rests_seconds: int
    """Until it is tried again; 0: it does not rest."""
    failures: int
    """In a row."""
    calls: int
    """That run now, in both directions."""
    last_success_at: datetime | None


@dataclass(frozen=True, slots=True)
class Trunks:
    """All of them, by name."""

    trunks: list[Trunk]


@dataclass(frozen=True, slots=True)
class Route:
    """A route."""

    prefix: str
    trunk: str | None
    """None: such numbers are barred."""
    only_for: str | None
    position: int
    weight: int
    cost: str | None
    in_clear: bool
    enabled: bool


@dataclass(frozen=True, slots=True)
class Routes:
    """All of them, as they are tried for a beginning."""

    routes: list[Route]
