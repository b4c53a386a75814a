"""The tables of faxes as peewee models: their calls, their quotas, and who is told of them; see models."""

from peewee import BigIntegerField, BooleanField, CompositeKey, DateField, IntegerField, SmallIntegerField, TextField

from faxplan.directory_models import IdArrayField, IntegerArrayField, Table, TimestampField


class Fax(Table):
    """One fax, sent or received."""

    tenant_id = BigIntegerField()
    id = BigIntegerField()
    direction = TextField()
    state = TextField()
    user_id = BigIntegerField(null=True)
    mailbox_id = BigIntegerField(null=True)
    called_number = TextField()
    calling_number = TextField(null=True)
    rendering_id = BigIntegerField(null=True)
    tiff_id = BigIntegerField(null=True)
    pdf_id = BigIntegerField(null=True)
    resolution = TextField(null=True)
    pages = IntegerField(null=True)
    pages_done = IntegerField()
    attempts_made = IntegerField()
    uncounted = IntegerField()
    priority = IntegerField()
    not_before = TimestampField(null=True)
    cancel_requested = BooleanField()
    reserved_pages = IntegerField()
    error_id = TextField(null=True)
    explanation = TextField(null=True)
    created_at = TimestampField()
    finished_at = TimestampField(null=True)
    send_at = TimestampField(null=True)
    t38_off = BooleanField()
    v17_off = BooleanField()
    ecm_off = BooleanField()
    rendered_again = BooleanField()
    waits_since = TimestampField(null=True)
    redialled = IntegerField()
    redialled_busy = BooleanField()
    is_test = BooleanField()
    post_dial = TextField()
    deleted_at = TimestampField(null=True)
    purged_at = TimestampField(null=True)
    images_id = BigIntegerField(null=True)
    thumbnail_id = BigIntegerField(null=True)
    copy_of = BigIntegerField(null=True)
    forwarded_by = BigIntegerField(null=True)
    billing_code = TextField()
    cover_id = BigIntegerField(null=True)
    cover_pages_id = BigIntegerField(null=True)
    cover_images_id = BigIntegerField(null=True)
    left_by = BigIntegerField(null=True)
    max_attempts = IntegerField(null=True)
    retry_delays = IntegerArrayField(null=True)
    batch = BigIntegerField(null=True)

    class Meta:
        """Where its rows are."""

        table_name = "faxes"
        primary_key = CompositeKey("tenant_id", "id")


class FaxQueueEntry(Table):
    """Faxes that wait for a call."""

    tenant_id = BigIntegerField()
    fax_id = BigIntegerField()
    not_before = TimestampField()
    priority = IntegerField()
    destination = TextField()
    lane = TextField()
    tried = IdArrayField()
    pages = IntegerField()

    class Meta:
        """Where its rows are."""

        table_name = "fax_queue"
        primary_key = CompositeKey("tenant_id", "fax_id")


class Attempt(Table):
    """One call."""

    tenant_id = BigIntegerField()
    id = BigIntegerField()
    fax_id = BigIntegerField()
    number = IntegerField()
    node = TextField()
    trunk = TextField(null=True)
    channel_uuid = TextField()
    start_page = IntegerField()
    pages = IntegerField()
    outcome = TextField(null=True)
    explanation = TextField(null=True)
    started_at = TimestampField()
    answered_at = TimestampField(null=True)
    ended_at = TimestampField(null=True)
    sip_code = IntegerField(null=True)
    q850_cause = IntegerField(null=True)
    hangup_cause = TextField(null=True)
    fax_result_code = IntegerField(null=True)
    fax_result_text = TextField(null=True)
    t38_status = TextField(null=True)
    ecm_used = BooleanField(null=True)
    v17_disabled = BooleanField(null=True)
    transfer_rate = IntegerField(null=True)
    bad_rows = IntegerField(null=True)
    encoding = TextField(null=True)
    image_resolution = TextField(null=True)
    local_station_id = TextField(null=True)
    remote_station_id = TextField(null=True)
    remote_country = TextField(null=True)
    remote_vendor = TextField(null=True)
    remote_model = TextField(null=True)
    sip_call_id = TextField(null=True)
    peer_address = TextField(null=True)
    dialled = TextField(null=True)
    caller_id = TextField(null=True)
    rule = TextField(null=True)
    route_prefix = TextField(null=True)
    t38_offered = BooleanField(null=True)
    ecm_offered = BooleanField(null=True)
    v17_offered = BooleanField(null=True)
    internal = BooleanField()
    called_from = TextField(null=True)
    invite_uri = TextField(null=True)
    invite_to = TextField(null=True)
    invite_from = TextField(null=True)
    invite_asserted = TextField(null=True)
    invite_diversion = TextField(null=True)
    verstat = TextField(null=True)
    attest = TextField(null=True)
    channel = BooleanField(null=True)
    invited_at = TimestampField(null=True)
    progress_at = TimestampField(null=True)
    hung_up_by = TextField(null=True)
    sip_phrase = TextField(null=True)
    peer_port = IntegerField(null=True)
    media_address = TextField(null=True)
    codec = TextField(null=True)
    failed_over = BooleanField()

    class Meta:
        """Where its rows are."""

        table_name = "attempts"
        primary_key = CompositeKey("tenant_id", "id")


class T30Trace(Table):
    """What spandsp logged of a call's T.30."""

    tenant_id = BigIntegerField()
    attempt_id = BigIntegerField()
    trace = TextField()

    class Meta:
        """Where its rows are."""

        table_name = "t30_traces"
        primary_key = CompositeKey("tenant_id", "attempt_id")


class Call(Table):
    """Calls in flight on every node, for limits, live display and recovery."""

    tenant_id = BigIntegerField()
    attempt_id = BigIntegerField()
    fax_id = BigIntegerField()
    direction = TextField()
    node = TextField()
    switch_uuid = TextField()
    channel_uuid = TextField()
    trunk_id = BigIntegerField(null=True)
    destination = TextField()
    pages = IntegerField()
    started_at = TimestampField()
    lease_until = TimestampField()
    cancel_requested = BooleanField()
    tried = IdArrayField()

    class Meta:
        """Where its rows are."""

        table_name = "calls"
        primary_key = CompositeKey("tenant_id", "attempt_id")


class MailboxEntry(Table):
    """Which received faxes lie in which mailbox."""

    tenant_id = BigIntegerField()
    mailbox_id = BigIntegerField()
    fax_id = BigIntegerField()
    added_at = TimestampField()
    read_at = TimestampField(null=True)

    class Meta:
        """Where its rows are."""

        table_name = "mailbox_entries"
        primary_key = CompositeKey("tenant_id", "mailbox_id", "fax_id")


class Quota(Table):
    """Page quotas: reserved when a fax is submitted, settled by acknowledged pages."""

    tenant_id = BigIntegerField()
    id = BigIntegerField()
    user_id = BigIntegerField(null=True)
    period = TextField()
    limit_pages = IntegerField()
    reserved_pages = IntegerField()
    used_pages = IntegerField()
    period_start = DateField()
    counted_since = TimestampField()
    warn_percent = SmallIntegerField(null=True)
    warned_on = DateField(null=True)
    warned_percent = SmallIntegerField()

    class Meta:
        """Where its rows are."""

        table_name = "quotas"
        primary_key = CompositeKey("tenant_id", "id")


class Notice(Table):
    """What a user or the members of a mailbox are to be told."""

    tenant_id = BigIntegerField()
    id = BigIntegerField()
    user_id = BigIntegerField(null=True)
    mailbox_id = BigIntegerField(null=True)
    fax_id = BigIntegerField()
    kind = TextField()
    text = TextField()
    created_at = TimestampField()
    seen_at = TimestampField(null=True)

    class Meta:
        """Where its rows are."""

        table_name = "notices"
        primary_key = CompositeKey("tenant_id", "id")
