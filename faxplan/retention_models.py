"""The tables of retention as peewee models; see models."""

from peewee import BigIntegerField, BooleanField, CompositeKey, IntegerField, TextField

from faxplan.directory_models import Table, TimestampField


class RetentionBounds(Table):
    """What the administrator asks of how long faxes are kept."""

    id = BigIntegerField(primary_key=True)
    only_for = BigIntegerField(null=True)
    min_days = IntegerField(null=True)
    max_days = IntegerField(null=True)
    remove_records = BooleanField(null=True)

    class Meta:
        """Where its rows are."""

        table_name = "retention_bounds"


class RetentionChoice(Table):
    """How long a tenant wants its faxes to be kept."""

    tenant_id = BigIntegerField()
    id = BigIntegerField()
    mailbox_id = BigIntegerField(null=True)
    direction = TextField(null=True)
    days = IntegerField()

    class Meta:
        """Where its rows are."""

        table_name = "retention_choices"
        primary_key = CompositeKey("tenant_id", "id")


class Hold(Table):
    """Legal holds."""

    tenant_id = BigIntegerField()
    id = BigIntegerField()
    mailbox_id = BigIntegerField(null=True)
    fax_id = BigIntegerField(null=True)
    reason = TextField()
    set_by = TextField()
    set_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "holds"
        primary_key = CompositeKey("tenant_id", "id")


class Tombstone(Table):
    """Objects of purged faxes that may lie in the store still."""

    tenant_id = BigIntegerField()
    object_name = TextField()
    buried_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "tombstones"
        primary_key = CompositeKey("tenant_id", "object_name")


class PurgeState(Table):
    """One row: how far purge is, and for which database and store."""

    id = IntegerField(primary_key=True)
    database = TextField()
    generation = IntegerField()
    runs = BigIntegerField()
    ended_at = TimestampField(null=True)
    finished = BooleanField()
    next_folder = IntegerField()
    swept_at = TimestampField(null=True)
    removed_records = BooleanField()

    class Meta:
        """Where its rows are."""

        table_name = "purge_state"
