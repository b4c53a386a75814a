"""The tables of log-in as peewee models; see models."""

from peewee import BigIntegerField, BlobField, CompositeKey, IntegerField, TextField

from faxplan.directory_models import Table, TimestampField


class Session(Table):
    """Who is logged in to the portal."""

    tenant_id = BigIntegerField()
    id = BigIntegerField()
    user_id = BigIntegerField()
    token_hash = BlobField()
    secret = BlobField()
    authenticated = TextField()
    address = TextField()
    agent = TextField()
    created_at = TimestampField()
    seen_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "sessions"
        primary_key = CompositeKey("tenant_id", "id")


class LoginTries(Table):
    """How often who has failed to log in."""

    tenant_id = BigIntegerField()
    key = BlobField()
    failures = IntegerField()
    window_ends = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "login_tries"
        primary_key = CompositeKey("tenant_id", "key")


class LoginSecret(Table):
    """Of what the salts of nobody are made."""

    secret = BlobField(primary_key=True)

    class Meta:
        """Where its rows are."""

        table_name = "login_secret"
