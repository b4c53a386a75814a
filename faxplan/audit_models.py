"""The audit's tables as peewee models; see models."""

from peewee import BigIntegerField, CompositeKey, IntegerField, SmallIntegerField, TextField

from faxplan.directory_models import JsonField, Table, TextArrayField, TimestampField


class AuditEntry(Table):
    """Append-only, one hash chain a tenant; tenant_id 0: acts on the installation itself."""

    tenant_id = BigIntegerField()
    sequence = BigIntegerField()
    at = TimestampField()
    actor = TextField()
    action = TextField()
    object = TextField()
    result = TextField()
    details = JsonField()
    previous_hash = TextField()
    hash = TextField()
    authenticated = TextField()
    address = TextField()
    form = SmallIntegerField()

    class Meta:
        """Where its rows are."""

        table_name = "audit"
        primary_key = CompositeKey("tenant_id", "sequence")


class AuditHead(Table):
    """The last link of each chain."""

    tenant_id = BigIntegerField(primary_key=True)
    sequence = BigIntegerField()
    hash = TextField()

    class Meta:
        """Where its rows are."""

        table_name = "audit_heads"


class AuditLeaves(Table):
    """Which rows of the audit are which leaves of the Merkle tree that checkpoints sign."""

    tenant_id = BigIntegerField()
    first_sequence = BigIntegerField()
    last_sequence = BigIntegerField()
    last_hash = TextField()
    first_leaf = BigIntegerField()

    class Meta:
        """Where its rows are."""

        table_name = "audit_leaves"
        primary_key = CompositeKey("tenant_id", "first_sequence")


class AuditTree(Table):
    """One row: how far that tree has grown."""

    generation = IntegerField(primary_key=True)
    size = BigIntegerField()
    frontier = TextArrayField()

    class Meta:
        """Where its rows are."""

        table_name = "audit_tree"
