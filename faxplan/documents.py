"""Documents: originals, renderings and received faxes, each a sealed file in the store (document_store) and a row.

Each is sealed with a key of its own (sealed.py), of which only wraps are kept: to a mailbox, whose members read it, and
to this installation's machines while it waits to be sent (transient_readers.py).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from faxplan import sealed, transient_readers
from faxplan.db import Row, Transaction
from faxplan.errors import FaxplanError, NotFound
from faxplan.keyring import Keyring
from faxplan.language import _
from faxplan.sealed import Context, Header, SealBroken
from faxplan.transient_readers import TransientKey
from faxplan.vault import MailboxKey

ORIGINAL, RENDERING, RECEIVED_TIFF, RECEIVED_PDF = "original", "rendering", "received-tiff", "received-pdf"
COVER, COVER_PAGES = "cover", "cover-pages"
"""What a fax's cover page says, and that drawn (covers.py)."""
CAMPAIGN_COVER = "campaign-cover"
"""What the covers of a campaign say, with fields (campaign_covers.py)."""
PAGE_IMAGES, THUMBNAIL = "page-images", "thumbnail"
"""For the screen, of a rendering or of a received TIFF (page_images.py): for readers alone, and no machine."""
MEDIA_TYPES = {
    RENDERING: "image/tiff",
    RECEIVED_TIFF: "image/tiff",
    RECEIVED_PDF: "application/pdf",
    COVER: "application/json",
    CAMPAIGN_COVER: "application/json",
    COVER_PAGES: "image/tiff",
    PAGE_IMAGES: "application/zip",
    THUMBNAIL: "image/png",
}
"""Of what this installation makes. An original's is what its sender handed in."""


class Locked(FaxplanError):
    """A document is sealed, and its key was not given."""

    error_id = "locked"


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What lies in the store under a name. size: bytes of the document, not of its sealed file. digest: of that one's
    header. sha256: hexadecimal, of an object from before documents were sealed, which has no digest.
    """

    tenant_id: int
    kind: str
    object_name: str
    size: int
    digest: bytes | None
    sha256: str | None = None

    @property
    def context(self) -> Context:
        """What its sealed file says of itself."""
        return Context(self.tenant_id, self.object_name, self.kind)


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A sealed document with what its readers need, ready to be recorded: nothing of it opens anything by itself.

    mailboxes: wraps by mailbox and epoch; transients: by the ids of transient_readers' keys.
    """

    stored: StoredObject
    mailboxes: Mapping[tuple[int, int], bytes]
    transients: Mapping[int, bytes] = field(default_factory=dict)
    sealed_name: bytes | None = None


@dataclass(frozen=True, slots=True)
class ToWrap:
    """A document of which a reader's client makes wraps for others. digest: of its header, to which wraps are bound.
    wraps: of its key, to mailboxes that the reader reads, by mailbox and epoch."""

    document_id: int
    digest: bytes
    wraps: Mapping[tuple[int, int], bytes]


@dataclass(frozen=True, slots=True)
class Sealed:
    """A document that was sealed just now. key: its file's, which is kept nowhere."""

    stored: StoredObject
    header: Header
    key: bytes = field(repr=False)

    def wrapped(
        self, mailboxes: Iterable[MailboxKey], machines: Iterable[TransientKey] = (), *, file_name: str = ""
    ) -> Wrapped:
        """For the members of mailboxes, and for machines that are to send it."""
        digest = self.header.digest
        return Wrapped(
            self.stored,
            {(each.mailbox_id, each.epoch): each.public.wrap(self.key, digest) for each in mailboxes},
            {each.id: each.public.wrap(self.key, digest) for each in machines},
            sealed.seal_name(file_name, self.key, self.header) if file_name else None,
        )


@dataclass(frozen=True, slots=True)
class ToSend:
    """A document that waits to be sent. wraps: to machines' keys, by the raw public keys."""

    stored: StoredObject
    wraps: Mapping[bytes, bytes]

    COLUMNS: ClassVar[str] = """d.tenant_id, d.kind, d.object_name, d.bytes, d.header_digest, d.sha256, array(
        select encode(k.public_key || w.wrap, 'hex') from transient_wraps w join transient_keys k on k.id = w.key_id
        where w.tenant_id = d.tenant_id and w.document_id = d.id and k.purpose = 'dispatch'
          and k.created_at > now() - interval '3 days') as wraps"""
    """Of documents d, for `of`. Without those to keys of machines that are dead (transient_readers.LOST_SECONDS): a fax
    would wait for them for ever."""
    NAMES: ClassVar[tuple[str, ...]] = ("tenant_id", "kind", "object_name", "bytes", "header_digest", "sha256", "wraps")

    @classmethod
    def of(cls, row: Row) -> "ToSend":
        """From a row with COLUMNS."""
        pairs = [bytes.fromhex(each) for each in row["wraps"]]
        return cls(_stored(row), {pair[:32]: pair[32:] for pair in pairs})


@dataclass(frozen=True, slots=True)
class CoverToSend:
    """A fax's cover, which goes before its document. resolution: of those of its pages that do (paper.Resolution)."""

    document: ToSend
    resolution: str

    COLUMN: ClassVar[str] = f"""(select json_build_object('resolution', f.resolution, 'document', row_to_json(c)) from (
        select {ToSend.COLUMNS} from documents d where d.tenant_id = f.tenant_id and d.id = f.cover_pages_id) c
        ) as cover"""
    """Of faxes f, for `of`: a column that tells of a document beside that of the row."""

    @classmethod
    def of(cls, value: Row | None) -> "CoverToSend | None":
        """From such a column; None: the fax has no cover."""
        if value is None:
            return None
        row = value["document"]
        # JSON has bytea in hexadecimal, behind \\x.
        digest = None if row["header_digest"] is None else bytes.fromhex(row["header_digest"][2:])
        return cls(ToSend.of({**row, "header_digest": digest}), value["resolution"])


def record(tx: Transaction, document: Wrapped, *, media_type: str, pages: int | None) -> int:
    """The row of a document that was sealed, and its wraps; its document id."""
    stored = document.stored
    document_id = int(
        tx.value(
            """insert into documents (tenant_id, kind, media_type, bytes, header_digest, sealed_name, pages,
                                      object_name)
               values (%s, %s, %s, %s, %s, %s, %s, %s) returning id""",
            (
                stored.tenant_id,
                stored.kind,
                media_type,
                stored.size,
                stored.digest,
                document.sealed_name,
                pages,
                stored.object_name,
            ),
        )
    )
    _keep_wraps(tx, document_id, document)
    return document_id


def record_made(tx: Transaction, document: Wrapped, pages: int | None) -> int:
    """The same, of one that this installation made."""
    return record(tx, document, media_type=MEDIA_TYPES[document.stored.kind], pages=pages)


def wrap_to(tx: Transaction, tenant_id: int, document_id: int, mailbox_id: int, epoch: int, wrap: bytes) -> None:
    """Lets the members of one more mailbox open a document. One that the mailbox has in this epoch stays."""
    tx.later(
        """insert into mailbox_wraps (tenant_id, document_id, mailbox_id, epoch, wrap) values (%s, %s, %s, %s, %s)
           on conflict on constraint mailbox_wraps_pkey do nothing""",
        (tenant_id, document_id, mailbox_id, epoch, wrap),
    )


def _keep_wraps(tx: Transaction, document_id: int, document: Wrapped) -> None:
    stored = document.stored
    for (mailbox_id, epoch), wrap in document.mailboxes.items():
        tx.later(
            "insert into mailbox_wraps (tenant_id, document_id, mailbox_id, epoch, wrap) values (%s, %s, %s, %s, %s)",
            (stored.tenant_id, document_id, mailbox_id, epoch, wrap),
        )
    if stored.digest is not None:
        transient_readers.wrap(tx, stored.tenant_id, document_id, stored.digest, document.transients)


def replace_plain(tx: Transaction, document_id: int, document: Wrapped) -> bool:
    """Lets the row of a document that is not sealed name this sealed one (role worker); False where it is by now."""
    stored = document.stored
    changed = tx.execute(
        """update documents set object_name = %s, bytes = %s, header_digest = %s, sealed_name = %s, sha256 = null,
                                file_name = '' where tenant_id = %s and id = %s and header_digest is null""",
        (
            stored.object_name,
            stored.size,
            stored.digest,
            document.sealed_name,
            stored.tenant_id,
            document_id,
        ),
    )
    if changed:
        _keep_wraps(tx, document_id, document)
    return bool(changed)


def plain_name(tx: Transaction, tenant_id: int, document_id: int) -> str:
    """The file name of a document that is not sealed; empty where there is none."""
    name = tx.value("select file_name from documents where tenant_id = %s and id = %s", (tenant_id, document_id))
    return name or ""


def names(tx: Transaction, tenant_id: int) -> Iterator[str]:
    """The object names of all of a tenant's documents."""
    for row in tx.stream("select object_name from documents where tenant_id = %s", (tenant_id,)):
        yield row["object_name"]


def get(tx: Transaction, tenant_id: int, document_id: int) -> StoredObject:
    """Where a document lies. Raises NotFound."""
    row = tx.row(
        """select tenant_id, kind, object_name, bytes, header_digest, sha256 from documents
           where tenant_id = %s and id = %s""",
        (tenant_id, document_id),
    )
    if row is None:
        raise NotFound(_("There is no document {document_id}.").format(document_id=document_id))
    return _stored(row)


def several(tx: Transaction, tenant_id: int, document_ids: Sequence[int]) -> dict[int, StoredObject]:
    """Where these documents lie, by their ids; of those that there are."""
    rows = tx.rows(
        """select id, tenant_id, kind, object_name, bytes, header_digest, sha256 from documents
           where tenant_id = %s and id = any(%s)""",
        (tenant_id, list(document_ids)),
    )
    return {row["id"]: _stored(row) for row in rows}


def get_to_send(tx: Transaction, tenant_id: int, document_id: int) -> ToSend:
    """A document that waits, with the wraps to machines' keys. Raises NotFound."""
    row = tx.row(
        f"select {ToSend.COLUMNS} from documents d where d.tenant_id = %s and d.id = %s", (tenant_id, document_id)
    )
    if row is None:
        raise NotFound(_("There is no document {document_id}.").format(document_id=document_id))
    return ToSend.of(row)


def get_to_mail(tx: Transaction, tenant_id: int, document_id: int) -> ToSend:
    """A document that waits to be mailed, with the wraps to workers' mailer keys. Raises NotFound."""
    stored = get(tx, tenant_id, document_id)
    rows = tx.rows(
        """select k.public_key, w.wrap from transient_wraps w join transient_keys k on k.id = w.key_id
           where w.tenant_id = %s and w.document_id = %s and k.purpose = %s""",
        (tenant_id, document_id, transient_readers.MAILER),
    )
    return ToSend(stored, {bytes(row["public_key"]): bytes(row["wrap"]) for row in rows})


def opened(tx: Transaction, tenant_id: int, document_id: int, ring: Keyring) -> tuple[StoredObject, bytes | None]:
    """A document, and its file's key as a reader's keyring opens it; no key where it is not sealed.

    Raises NotFound, Locked where the reader has no key to it (yet), and SealBroken where what it would open is
    damaged.
    """
    stored = get(tx, tenant_id, document_id)
    if stored.digest is None:
        return stored, None
    rows = tx.rows(
        "select mailbox_id, epoch, wrap from mailbox_wraps where tenant_id = %s and document_id = %s",
        (tenant_id, document_id),
    )
    wraps = {(row["mailbox_id"], row["epoch"]): bytes(row["wrap"]) for row in rows}
    return stored, file_key(wraps, stored.digest, ring)


def file_key(wraps: Mapping[tuple[int, int], bytes], digest: bytes, ring: Keyring) -> bytes:
    """A file's key, as a reader's keyring opens it. wraps: by mailbox and epoch; digest: of the file's header.

    Raises Locked and SealBroken, as `opened`.
    """
    is_damaged = False
    for place, wrap in wraps.items():
        private = ring.key_of(*place)
        if private is not None:
            try:
                return private.unwrap(wrap, digest)
            except SealBroken:
                # Another mailbox of theirs may have a wrap that is whole.
                is_damaged = True
    if is_damaged:
        raise SealBroken(
            _("What opens this document was damaged or changed in the database. Restore it from a backup.")
        )
    raise Locked(
        _(
            "Your key does not open this document. Another member of the mailbox has to unlock once, which hands "
            "you its key; or it came before your key was replaced: `faxplan recover`."
        )
    )


def sealed_names(tx: Transaction, tenant_id: int, document_ids: Sequence[int]) -> dict[int, bytes]:
    """What those of these documents were called that have a name, each sealed by its own key."""
    rows = tx.rows(
        "select id, sealed_name from documents where tenant_id = %s and id = any(%s) and sealed_name is not null",
        (tenant_id, list(document_ids)),
    )
    return {row["id"]: bytes(row["sealed_name"]) for row in rows}


def wraps_for(
    tx: Transaction, tenant_id: int, user_id: int, document_ids: Sequence[int]
) -> dict[int, dict[tuple[int, int], bytes]]:
    """Of each of these documents the wraps to mailboxes that a user reads, by mailbox and epoch."""
    found: dict[int, dict[tuple[int, int], bytes]] = {each: {} for each in document_ids}
    for row in tx.rows(
        """select w.document_id, w.mailbox_id, w.epoch, w.wrap from mailbox_wraps w
           join mailbox_members m on m.tenant_id = w.tenant_id and m.mailbox_id = w.mailbox_id and m.user_id = %s
           where w.tenant_id = %s and w.document_id = any(%s)""",
        (user_id, tenant_id, list(document_ids)),
    ):
        found[row["document_id"]][row["mailbox_id"], row["epoch"]] = bytes(row["wrap"])
    return found


def to_wrap(tx: Transaction, tenant_id: int, user_id: int, document_ids: Sequence[int]) -> list[ToWrap]:
    """What a user's client needs of those of these documents that are sealed, by id."""
    rows = tx.rows(
        """select id, header_digest from documents where tenant_id = %s and id = any(%s) and header_digest is not null
           order by id""",
        (tenant_id, list(document_ids)),
    )
    found = wraps_for(tx, tenant_id, user_id, [row["id"] for row in rows])
    return [ToWrap(row["id"], bytes(row["header_digest"]), found[row["id"]]) for row in rows]


def is_recorded(tx: Transaction, stored: StoredObject) -> bool:
    """Whether a row names this object."""
    row = tx.row(
        "select 1 from documents where tenant_id = %s and object_name = %s", (stored.tenant_id, stored.object_name)
    )
    return row is not None


def _stored(row: Row) -> StoredObject:
    digest = row["header_digest"]
    return StoredObject(
        row["tenant_id"],
        row["kind"],
        row["object_name"],
        row["bytes"],
        None if digest is None else bytes(digest),
        row["sha256"],
    )
