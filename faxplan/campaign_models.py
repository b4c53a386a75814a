"""The tables of campaigns as peewee models; see models."""

from peewee import BigIntegerField, BlobField, CompositeKey, IntegerField, TextField

from faxplan.directory_models import IntegerArrayField, JsonField, Table, TextArrayField, TimestampField


class Campaign(Table):
    """One document to many numbers."""

    tenant_id = BigIntegerField()
    id = BigIntegerField()
    user_id = BigIntegerField()
    name = TextField()
    state = TextField()
    draft_id = BigIntegerField(null=True)
    rendering_id = BigIntegerField(null=True)
    calling = TextField(null=True)
    billing_code = TextField()
    per_minute = IntegerField()
    at_once = IntegerField()
    opens = TextField()
    closes = TextField()
    weekdays = IntegerArrayField()
    start_at = TimestampField(null=True)
    paced_from = TimestampField(null=True)
    paced = BigIntegerField()
    why = TextField()
    created_at = TimestampField()
    started_at = TimestampField(null=True)
    ended_at = TimestampField(null=True)
    max_attempts = IntegerField(null=True)
    retry_delays = IntegerArrayField(null=True)
    kept_counts = JsonField(null=True)
    purged_at = TimestampField(null=True)
    cover_id = BigIntegerField(null=True)
    cover_fields = TextArrayField()
    code = TextField(null=True)
    notice = TextField()

    class Meta:
        """Where its rows are."""

        table_name = "campaigns"
        primary_key = CompositeKey("tenant_id", "id")


class CampaignFile(Table):
    """A file of recipients that is being read."""

    tenant_id = BigIntegerField()
    campaign_id = BigIntegerField()
    content = BlobField()
    reading = TextField()
    lines = IntegerField()
    lines_read = IntegerField()
    wrong = TextField()
    brought_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "campaign_files"
        primary_key = CompositeKey("tenant_id", "campaign_id")


class CampaignRecipient(Table):
    """Whom a campaign goes to."""

    tenant_id = BigIntegerField()
    campaign_id = BigIntegerField()
    id = BigIntegerField()
    line = IntegerField()
    written = TextField()
    number = TextField(null=True)
    name = TextField()
    fields = JsonField()
    state = TextField()
    why = TextField(null=True)
    fax_id = BigIntegerField(null=True)
    released_at = TimestampField(null=True)
    ended_at = TimestampField(null=True)

    class Meta:
        """Where its rows are."""

        table_name = "campaign_recipients"
        primary_key = CompositeKey("tenant_id", "campaign_id", "id")


class CampaignUpload(Table):
    """A file of recipients that is looked at before it is added."""

    tenant_id = BigIntegerField()
    campaign_id = BigIntegerField()
    file_name = TextField()
    content = BlobField()
    brought_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "campaign_uploads"
        primary_key = CompositeKey("tenant_id", "campaign_id")


class CampaignTest(Table):
    """A fax of a campaign to a number of its user's own."""

    tenant_id = BigIntegerField()
    id = BigIntegerField()
    campaign_id = BigIntegerField()
    user_id = BigIntegerField()
    number = TextField()
    recipient_id = BigIntegerField(null=True)
    asked_at = TimestampField()
    done_at = TimestampField(null=True)
    fax_id = BigIntegerField(null=True)
    why = TextField()

    class Meta:
        """Where its rows are."""

        table_name = "campaign_tests"
        primary_key = CompositeKey("tenant_id", "id")
