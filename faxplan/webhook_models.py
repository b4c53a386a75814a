"""Tables of webhooks as peewee models; see models."""

from peewee import BigIntegerField, BlobField, BooleanField, CompositeKey, IntegerField, TextField

from faxplan.directory_models import Table, TextArrayField, TimestampField


class WebhookEndpoint(Table):
    """Where a tenant's programs are told of what becomes of its faxes."""

    tenant_id = BigIntegerField()
    id = BigIntegerField()
    made_by = BigIntegerField()
    own_only = BooleanField()
    address = TextField()
    description = TextField()
    types = TextArrayField()
    enabled = BooleanField()
    off_because = TextField()
    created_at = TimestampField()
    failures = IntegerField()
    failing_since = TimestampField(null=True)
    rests_until = TimestampField(null=True)
    served_at = TimestampField(null=True)
    worker = TextField(null=True)
    lease_until = TimestampField(null=True)

    class Meta:
        """Where its rows are."""

        table_name = "webhook_endpoints"
        primary_key = CompositeKey("tenant_id", "id")


class WebhookSecret(Table):
    """By what is signed what an endpoint is told."""

    tenant_id = BigIntegerField()
    id = BigIntegerField()
    endpoint_id = BigIntegerField()
    secret = BlobField()
    private_key = BlobField()
    public_key = BlobField()
    created_at = TimestampField()
    ends_at = TimestampField(null=True)

    class Meta:
        """Where its rows are."""

        table_name = "webhook_secrets"
        primary_key = CompositeKey("tenant_id", "id")


class WebhookDelivery(Table):
    """What an endpoint is told, and whether it has been."""

    tenant_id = BigIntegerField()
    id = BigIntegerField()
    endpoint_id = BigIntegerField()
    message = TextField()
    type = TextField()
    at = TimestampField()
    fax_id = BigIntegerField(null=True)
    direction = TextField(null=True)
    fax_state = TextField(null=True)
    state = TextField()
    tries = IntegerField()
    not_before = TimestampField()
    waits_since = TimestampField()
    tried_at = TimestampField(null=True)
    status = IntegerField(null=True)
    said = TextField()
    answer = TextField()
    ended_at = TimestampField(null=True)

    class Meta:
        """Where its rows are."""

        table_name = "webhook_deliveries"
        primary_key = CompositeKey("tenant_id", "id")
