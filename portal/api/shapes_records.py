"""What programs get of calls, labels, API keys and the audit."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, JsonValue

from portal.api.shapes import LIST_SIZE, MOST_LISTED, Content, Shape

Auth = Annotated[Content, Field(min_length=32, max_length=32)]

# ---------------------------------------------------------------------------------------------------------------- calls


class Attempt(Shape):
    """A call of a fax. What is None was not said, or is not known yet."""

    number: int = Field(description="1 for the first.")
    trunk: str | None = Field(description="None: there was none, as within this installation.")
    from_page: int = Field(description="With which of the fax's pages it began; 1 for the first.")
    pages: int = Field(description="Acknowledged by the other side in this call, or received.")
    outcome: str | None = Field(description="None: it runs.")
    detail: str | None = Field(description="In words for people.")
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    seconds: float | None = Field(description="From answer to end.")
    post_dial_delay: float | None = Field(description="Seconds to the first answer of the far end (RFC 6076, 4.3).")
    hung_up_by: str | None
    sip_code: int | None = Field(description="RFC 3261, 21.")
    sip_phrase: str | None
    sip_call_id: str | None
    q850_cause: int | None = Field(description="ITU-T Q.850.")
    hangup_cause: str | None = Field(description="As the switch calls that cause.")
    t30_code: int | None = Field(description="How T.30 ended, as SpanDSP numbers it; 0: well.")
    t30_text: str | None
    t38: str | None = Field(description="Whether T.38 was agreed upon.")
    codec: str | None
    ecm: bool | None = Field(description="Error correction (ITU-T T.30, annex A).")
    transfer_rate: int | None = Field(description="Bits a second.")
    bad_rows: int | None
    encoding: str | None
    remote_station_id: str | None = Field(description="What the other machine calls itself.")
    local_station_id: str | None


class Attempts(Shape):
    """All of a fax, the oldest first."""

    attempts: list[Attempt]


# --------------------------------------------------------------------------------------------------------------- labels


class LabelNames(Shape):
    """Those that are on faxes that the user sees, by name."""

    labels: list[str]


# ----------------------------------------------------------------------------------------------------------------- keys


class Key(Shape):
    """An API key. What it is known by is shown once, when it is made."""

    id: int
    name: str
    ending: str = Field(description="Its last characters.")
    scopes: list[str]
    created_at: datetime
    used_at: datetime | None = Field(description="To a minute. None: never.")
    expires_at: datetime | None = Field(description="None: never.")
    expired: bool
    this_one: bool = Field(description="The one that asks.")


class Keys(Shape):
    """All of the user's, by name."""

    keys: list[Key]


class MailboxEpoch(Shape):
    """A key of a mailbox, to which its files are wrapped for as long as it is the newest."""

    mailbox: int
    epoch: int
    public_key: bytes
    wrap: bytes | None = Field(description="The private key, wrapped to the reader. None: by `earlier` of a later one.")
    earlier: bytes | None = Field(description="The private key of the epoch before, wrapped to this one.")


class ReaderKey(Shape):
    """A reader's key (`fxr_...`): its public half, and what it opens. The private half is never sent here."""

    name: str
    public_key: bytes
    epochs: list[MailboxEpoch]


class ReaderKeys(Shape):
    """All that read mailboxes which the user reads, by name."""

    reader_keys: list[ReaderKey]


class UserKeyParameters(Shape):
    """What makes of the user's password what unlocks their key: Argon2id (docs/sealed-files/)."""

    public_key: bytes
    salt: bytes
    memory_kib: int
    passes: int
    lanes: int


class UnlockUserKey(Shape):
    """What a password, or a recovery code, logs in with. Neither is sent."""

    auth: Auth = Field(description="32 bytes, in base64: *auth* of the password, or of the recovery code.")
    by: Literal["password", "recovery-code"] = "password"


class UserKey(Shape):
    """The user's key, locked by what was asked for, and what it opens."""

    public_key: bytes
    locked: bytes = Field(description="The private key: it opens with *wrap* of the password, or of the recovery code.")
    epochs: list[MailboxEpoch]


# ---------------------------------------------------------------------------------------------------------------- audit


_Said = Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")]


class AuditFilters(Shape):
    """Which rows. Without any: all."""

    actor: _Said = Field("", description="Exactly this one.", examples=["user:7"])
    action: _Said = Field("", description="This one, or all that begin with it and a dot.", examples=["fax"])
    object: _Said = Field("", description="Exactly this one.", examples=["fax:4711"])
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    limit: Annotated[int, Field(ge=1, le=MOST_LISTED)] = LIST_SIZE
    cursor: Annotated[str, Field(max_length=300)] | None = None


class AuditRow(Shape):
    """What somebody did."""

    sequence: int = Field(description="Counted within the organisation, without gaps.")
    at: datetime
    actor: str
    authenticated: str | None = Field(description="How they had shown who they are.", examples=["api-key:3"])
    address: str | None = Field(description="From which network address.")
    action: str
    object: str
    result: str
    details: dict[str, JsonValue]
    words: str = Field(description="What happened, for people.")


class AuditList(Shape):
    """Some of them, the newest first."""

    rows: list[AuditRow]
    next: str | None = Field(description="The cursor with which the list goes on. None: that was all.")
