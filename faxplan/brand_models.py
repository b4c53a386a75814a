"""The tables of brands as peewee models; see models."""

from peewee import BigIntegerField, BlobField, CompositeKey, TextField

from faxplan.directory_models import Table, TimestampField


class Brand(Table):
    """How a tenant's pages look and are called."""

    tenant_id = BigIntegerField(primary_key=True)
    name = TextField()
    colour = TextField()
    support = TextField()
    legal = TextField()
    mail_sender = TextField()
    mail_reply_to = TextField()
    logo = BlobField(null=True)
    icon = BlobField(null=True)
    changed_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "brands"


class BrandHost(Table):
    """Host names of tenants' own."""

    tenant_id = BigIntegerField()
    host = TextField()
    confirmed_at = TimestampField(null=True)
    created_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "brand_hosts"
        primary_key = CompositeKey("tenant_id", "host")
