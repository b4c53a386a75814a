"""Models of who and where: tenants, users, mailboxes, DIDs, trunks, routes, nodes. See models.py."""

from peewee import (
    BigIntegerField,
    BooleanField,
    CompositeKey,
    DateTimeField,
    DecimalField,
    DoubleField,
    Field,
    IntegerField,
    Model,
    TextField,
)


class TimestampField(DateTimeField):
    """timestamptz; datetimes are aware, in UTC."""

    field_type = "TIMESTAMPTZ"


class JsonField(Field):
    """jsonb; psycopg2 reads it as Python values."""

    field_type = "JSONB"


class CidrArrayField(Field):
    """cidr[]; psycopg2 reads it as text in PostgreSQL's array form."""

    field_type = "CIDR[]"


class IdArrayField(Field):
    """bigint[]; psycopg2 reads it as a list."""

    field_type = "BIGINT[]"


class IntegerArrayField(Field):
    """integer[]; psycopg2 reads it as a list."""

    field_type = "INTEGER[]"


class TextArrayField(Field):
    """text[]; psycopg2 reads it as a list."""

    field_type = "TEXT[]"


class Table(Model):
    """No database of its own: Transaction.query binds each query to its transaction."""


class SchemaMigration(Table):
    """Which migrations this database has had."""

    number = IntegerField(primary_key=True)
    name = TextField()
    applied_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "schema_migration"


class Tenant(Table):
    """One organisation."""

    id = BigIntegerField(primary_key=True)
    slug = TextField()
    name = TextField()
    country = TextField()
    time_zone = TextField()
    station_ident = TextField()
    header_name = TextField()
    header_line = BooleanField()
    page_n_of_m = BooleanField()
    max_attempts = IntegerField()
    redial_unknown = BooleanField()
    enabled = BooleanField()
    created_at = TimestampField()
    max_calls = IntegerField(null=True)
    calls_per_hour = IntegerField(null=True)
    redial_limits = TextField()
    pages_per_hour = IntegerField(null=True)
    permitted_kinds = TextArrayField()
    allowed_numbers = TextArrayField()
    blocked_numbers = TextArrayField()
    wait_hours = IntegerField(null=True)
    permissions = TextArrayField()
    billing_codes = TextField()
    language = TextField(null=True)
    mail_body = TextField()
    mail_pins = BooleanField()
    mail_signing_domains = TextArrayField()
    sandbox_numbers = BooleanField()
    opt_out_notice = TextField()

    class Meta:
        """Where its rows are."""

        table_name = "tenants"


class User(Table):
    """People of a tenant."""

    tenant_id = BigIntegerField()
    id = BigIntegerField()
    email = TextField()
    name = TextField()
    role = TextField()
    mailbox_id = BigIntegerField(null=True)
    enabled = BooleanField()
    created_at = TimestampField()
    operator = BooleanField()
    permissions = TextArrayField()
    caller_id = TextField(null=True)
    caller_ids = TextArrayField()
    language = TextField(null=True)
    time_zone = TextField(null=True)
    mail_results = TextField()
    mail_accepted = BooleanField()
    mail_thumbnail = BooleanField()

    class Meta:
        """Where its rows are."""

        table_name = "users"
        primary_key = CompositeKey("tenant_id", "id")


class Login(Table):
    """Which tenants know an e-mail address: read before a tenant is known."""

    tenant_id = BigIntegerField()
    email = TextField()
    user_id = BigIntegerField()

    class Meta:
        """Where its rows are."""

        table_name = "logins"
        primary_key = CompositeKey("tenant_id", "email")


class Mailbox(Table):
    """Where received faxes land, of one person or of a group."""

    tenant_id = BigIntegerField()
    id = BigIntegerField()
    name = TextField()
    kind = TextField()
    created_at = TimestampField()
    mail_mode = TextField()
    mail_format = TextField()
    mail_password = TextField(null=True)
    mail = BooleanField()
    mail_set_by = BigIntegerField(null=True)
    mail_set_at = TimestampField(null=True)

    class Meta:
        """Where its rows are."""

        table_name = "mailboxes"
        primary_key = CompositeKey("tenant_id", "id")


class MailboxMember(Table):
    """Who reads which mailbox."""

    tenant_id = BigIntegerField()
    mailbox_id = BigIntegerField()
    user_id = BigIntegerField()

    class Meta:
        """Where its rows are."""

        table_name = "mailbox_members"
        primary_key = CompositeKey("tenant_id", "mailbox_id", "user_id")


class Did(Table):
    """Direct inward dialling numbers, E.164: whose they are and where their faxes go."""

    tenant_id = BigIntegerField()
    number = TextField()
    mailbox_id = BigIntegerField()
    station_ident = TextField()
    enabled = BooleanField()
    created_at = TimestampField()
    name = TextField()
    max_calls = IntegerField(null=True)
    ecm = BooleanField()
    t38 = BooleanField()
    refusal = TextField()
    opt_out = BooleanField()

    class Meta:
        """Where its rows are."""

        table_name = "dids"
        primary_key = CompositeKey("tenant_id", "number")


class VerifiedNumber(Table):
    """Numbers elsewhere that a tenant may call as."""

    tenant_id = BigIntegerField()
    number = TextField()
    how = TextField()
    verified_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "verified_numbers"
        primary_key = CompositeKey("tenant_id", "number")


class DidCaller(Table):
    """Who may call a DID."""

    tenant_id = BigIntegerField()
    number = TextField()
    caller = TextField()
    rule = TextField()
    created_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "did_callers"
        primary_key = CompositeKey("tenant_id", "number", "caller")


class DidRefusal(Table):
    """How many calls for a DID were refused, and why."""

    tenant_id = BigIntegerField()
    number = TextField()
    reason = TextField()
    calls = BigIntegerField()
    last_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "did_refusals"
        primary_key = CompositeKey("tenant_id", "number", "reason")


class Trunk(Table):
    """SIP trunks of the installation; each is one FreeSWITCH gateway of the same name."""

    id = BigIntegerField(primary_key=True)
    name = TextField()
    host = TextField()
    port = IntegerField(null=True)
    transport = TextField()
    register = BooleanField()
    username = TextField(null=True)
    password = TextField(null=True)
    realm = TextField(null=True)
    ping_seconds = IntegerField(null=True)
    source_networks = CidrArrayField()
    called_format = TextField()
    calling_format = TextField()
    inbound_country = TextField()
    inbound_format = TextField()
    t38 = BooleanField()
    enabled = BooleanField()
    created_at = TimestampField()
    max_calls = IntegerField(null=True)
    calls_per_second = DoubleField(null=True)
    dedicated_to = BigIntegerField(null=True)
    overflow = BooleanField()
    caller_id_in = TextField()
    privacy = BooleanField()
    from_user = TextField(null=True)
    from_domain = TextField(null=True)
    t38_request = TextField()
    t38_redundancy = IntegerField()
    v17 = BooleanField()
    ecm = BooleanField()
    codec = TextField()
    encrypted_media = BooleanField()
    trusts_identity = BooleanField()
    called_from = TextArrayField()
    t30_trace = TextField()
    called_prefix = TextField()
    inbound_prefix = TextField()
    inbound_calling_format = TextField(null=True)
    version = IntegerField(default=1)
    changed_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "trunks"


class Route(Table):
    """Which trunks take which numbers: the longest prefix that fits wins, then the lowest position."""

    id = BigIntegerField(primary_key=True)
    prefix = TextField()
    trunk_id = BigIntegerField(null=True)
    position = IntegerField()
    only_for = BigIntegerField(null=True)
    enabled = BooleanField()
    weight = IntegerField()
    cost = DecimalField(null=True)
    in_clear = BooleanField()

    class Meta:
        """Where its rows are."""

        table_name = "routes"


class Node(Table):
    """FreeSWITCH machines."""

    name = TextField(primary_key=True)
    switch_uuid = TextField(null=True)
    heartbeat_at = TimestampField()
    max_channels = IntegerField()
    paused = BooleanField(default=False)
    draining_since = TimestampField(null=True)
    waiting = IntegerField(default=0)
    stopped_at = TimestampField(null=True)
    registered = TextArrayField()
    silent_trunks = TextArrayField()

    class Meta:
        """Where its rows are."""

        table_name = "nodes"


class NodeTrunk(Table):
    """Which version of a trunk a node's switch has."""

    node = TextField()
    trunk_id = BigIntegerField()
    version = IntegerField()
    applied_at = TimestampField()
    error = TextField(null=True)

    class Meta:
        """Where its rows are."""

        table_name = "node_trunks"
        primary_key = CompositeKey("node", "trunk_id")


class TrunkHolder(Table):
    """Which node alone registers a trunk that registers."""

    trunk_id = BigIntegerField(primary_key=True)
    node = TextField()
    since = TimestampField()
    failing_since = TimestampField(null=True)
    tried = JsonField()

    class Meta:
        """Where its rows are."""

        table_name = "trunk_holders"
