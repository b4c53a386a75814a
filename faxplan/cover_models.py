"""The tables of cover pages as peewee models; see models."""

from peewee import BigIntegerField, BooleanField, CompositeKey, TextField

from faxplan.directory_models import Table, TimestampField


class CoverTemplate(Table):
    """What an organisation's cover pages say."""

    tenant_id = BigIntegerField()
    id = BigIntegerField()
    name = TextField()
    body = TextField()
    footer = TextField()
    is_default = BooleanField()
    changed_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "cover_templates"
        primary_key = CompositeKey("tenant_id", "id")
