"""The tables of documents as peewee models; see models."""

from peewee import BigIntegerField, BlobField, BooleanField, CompositeKey, IntegerField, TextField

from faxplan.directory_models import Table, TimestampField


class Document(Table):
    """What lies in the document store: one row an object."""

    tenant_id = BigIntegerField()
    id = BigIntegerField()
    kind = TextField()
    media_type = TextField()
    file_name = TextField()
    bytes = BigIntegerField()
    sha256 = TextField(null=True)
    pages = IntegerField(null=True)
    object_name = TextField()
    created_at = TimestampField()
    header_digest = BlobField(null=True)
    sealed_name = BlobField(null=True)

    class Meta:
        """Where its rows are."""

        table_name = "documents"
        primary_key = CompositeKey("tenant_id", "id")


class Rendering(Table):
    """An original as fax TIFF at one resolution: made once, however many faxes send it."""

    tenant_id = BigIntegerField()
    id = BigIntegerField()
    original_id = BigIntegerField()
    resolution = TextField()
    state = TextField()
    document_id = BigIntegerField(null=True)
    error_id = TextField(null=True)
    error_text = TextField(null=True)
    created_at = TimestampField()
    images_id = BigIntegerField(null=True)
    thumbnail_id = BigIntegerField(null=True)
    notice = TextField()

    class Meta:
        """Where its rows are."""

        table_name = "renderings"
        primary_key = CompositeKey("tenant_id", "id")


class RenderJob(Table):
    """Renderings that wait for a worker or have one."""

    tenant_id = BigIntegerField()
    rendering_id = BigIntegerField()
    not_before = TimestampField()
    tries = IntegerField()
    worker = TextField(null=True)
    lease_until = TimestampField(null=True)

    class Meta:
        """Where its rows are."""

        table_name = "render_jobs"
        primary_key = CompositeKey("tenant_id", "rendering_id")


class Draft(Table):
    """Documents that were handed in and not sent yet."""

    tenant_id = BigIntegerField()
    id = BigIntegerField()
    user_id = BigIntegerField()
    rendering_id = BigIntegerField()
    created_at = TimestampField()
    expires_at = TimestampField()
    closed = BooleanField()
    kept = BooleanField()

    class Meta:
        """Where its rows are."""

        table_name = "drafts"
        primary_key = CompositeKey("tenant_id", "id")
