"""The tables of lists and labels as peewee models; see models."""

from peewee import BigIntegerField, BooleanField, CompositeKey, TextField

from faxplan.directory_models import Table, TimestampField


class Listing(Table):
    """Where each fax stands in a list."""

    tenant_id = BigIntegerField()
    list = TextField()
    owner_id = BigIntegerField()
    at = TimestampField()
    fax_id = BigIntegerField()
    number = TextField(null=True)
    standing = TextField()
    unread = BooleanField()
    number_6 = TextField(null=True)
    number_9 = TextField(null=True)
    number_12 = TextField(null=True)

    class Meta:
        """Where its rows are."""

        table_name = "listings"
        primary_key = CompositeKey("tenant_id", "list", "owner_id", "at", "fax_id")


class Label(Table):
    """What users call faxes."""

    tenant_id = BigIntegerField()
    id = BigIntegerField()
    name = TextField()
    key = TextField()
    created_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "labels"
        primary_key = CompositeKey("tenant_id", "id")


class FaxLabel(Table):
    """Which labels are on a fax."""

    tenant_id = BigIntegerField()
    fax_id = BigIntegerField()
    label_id = BigIntegerField()
    list = TextField()
    owner_id = BigIntegerField()
    at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "fax_labels"
        primary_key = CompositeKey("tenant_id", "fax_id", "label_id")
