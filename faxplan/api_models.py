"""Tables of programs that act for users as peewee models; see models."""

from peewee import BigIntegerField, BlobField, CompositeKey, IntegerField, TextField

from faxplan.directory_models import Table, TextArrayField, TimestampField


class ApiKey(Table):
    """By what a program acts for a user."""

    tenant_id = BigIntegerField()
    id = BigIntegerField()
    user_id = BigIntegerField()
    name = TextField()
    digest = BlobField()
    ending = TextField()
    scopes = TextArrayField()
    created_at = TimestampField()
    expires_at = TimestampField(null=True)
    used_at = TimestampField(null=True)
    ended_at = TimestampField(null=True)

    class Meta:
        """Where its rows are."""

        table_name = "api_keys"
        primary_key = CompositeKey("tenant_id", "id")


class ApiUse(Table):
    """How many requests a key has made in its minute."""

    tenant_id = BigIntegerField()
    key_id = BigIntegerField()
    began_at = TimestampField()
    requests = IntegerField()

    class Meta:
        """Where its rows are."""

        table_name = "api_use"
        primary_key = CompositeKey("tenant_id", "key_id")


class ApiRequest(Table):
    """A request that may be repeated."""

    tenant_id = BigIntegerField()
    key_id = BigIntegerField()
    key = TextField()
    asked = BlobField()
    attempt = TextField()
    status = IntegerField(null=True)
    answer = TextField(null=True)
    begun_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "api_requests"
        primary_key = CompositeKey("tenant_id", "key_id", "key")
