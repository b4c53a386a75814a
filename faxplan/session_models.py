"""The tables of log-in as peewee models; see models."""

from peewee import BigIntegerField, BlobField, BooleanField, CompositeKey, IntegerField, TextField

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
    is_shut = BooleanField()
    issuer = TextField(null=True)
    subject = TextField(null=True)

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


class Invitation(Table):
    """A user may choose a password by a link, once."""

    tenant_id = BigIntegerField()
    user_id = BigIntegerField()
    token_hash = BlobField()
    made_by = TextField()
    created_at = TimestampField()
    expires_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "invitations"
        primary_key = CompositeKey("tenant_id", "user_id")


class SecondFactor(Table):
    """Codes that a user's telephone makes."""

    tenant_id = BigIntegerField()
    user_id = BigIntegerField()
    sealed = BlobField()
    last_step = BigIntegerField()
    created_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "second_factors"
        primary_key = CompositeKey("tenant_id", "user_id")


class Passkey(Table):
    """By which a user logs in."""

    tenant_id = BigIntegerField()
    id = BigIntegerField()
    user_id = BigIntegerField()
    credential_id = BlobField()
    public_key = BlobField()
    sign_count = BigIntegerField()
    name = TextField()
    created_at = TimestampField()
    used_at = TimestampField(null=True)

    class Meta:
        """Where its rows are."""

        table_name = "passkeys"
        primary_key = CompositeKey("tenant_id", "id")


class SpentChallenge(Table):
    """What a passkey has signed."""

    tenant_id = BigIntegerField()
    hash = BlobField()
    expires_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "spent_challenges"
        primary_key = CompositeKey("tenant_id", "hash")


class KnownBrowser(Table):
    """In which a user has logged in before."""

    tenant_id = BigIntegerField()
    user_id = BigIntegerField()
    token_hash = BlobField()
    seen_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "known_browsers"
        primary_key = CompositeKey("tenant_id", "user_id", "token_hash")


class IdentityProvider(Table):
    """Where a tenant's people may log in as well."""

    tenant_id = BigIntegerField(primary_key=True)
    issuer = TextField()
    client_id = TextField()
    client_secret = TextField()
    label = TextField()
    trusts_email = BooleanField()
    changed_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "identity_providers"


class Identity(Table):
    """Who is who at an identity provider."""

    tenant_id = BigIntegerField()
    issuer = TextField()
    subject = TextField()
    user_id = BigIntegerField()
    linked_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "identities"
        primary_key = CompositeKey("tenant_id", "issuer", "subject")
