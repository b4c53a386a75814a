"""Models of what decides about calls: rules, limits and what is known of numbers and trunks. See models.py."""

from peewee import BigIntegerField, BooleanField, CompositeKey, IntegerField, TextField, TimeField

from faxplan.directory_models import IdArrayField, JsonField, Table, TimestampField


class SendingHours(Table):
    """When a tenant's faxes may be dialled."""

    tenant_id = BigIntegerField()
    id = BigIntegerField()
    priority = IntegerField(null=True)
    weekday = IntegerField()
    opens = TimeField()
    closes = TimeField()

    class Meta:
        """Where its rows are."""

        table_name = "sending_hours"
        primary_key = CompositeKey("tenant_id", "id")


class DoNotFax(Table):
    """Numbers to which a tenant's users send nothing."""

    tenant_id = BigIntegerField()
    number = TextField()
    reason = TextField()
    added_by = TextField()
    added_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "do_not_fax"
        primary_key = CompositeKey("tenant_id", "number")


class TenantTurn(Table):
    """When a tenant was last given a call, and its calls in that hour."""

    tenant_id = BigIntegerField(primary_key=True)
    served_at = TimestampField()
    hour = TimestampField()
    calls = IntegerField()
    pages = IntegerField()

    class Meta:
        """Where its rows are."""

        table_name = "tenant_turns"


class FaxDeadline(Table):
    """Until when faxes that go out may wait."""

    tenant_id = BigIntegerField()
    fax_id = BigIntegerField()
    waits_from = TimestampField()
    ends_at = TimestampField(null=True)

    class Meta:
        """Where its rows are."""

        table_name = "fax_deadlines"
        primary_key = CompositeKey("tenant_id", "fax_id")


class RoutingVersion(Table):
    """How often routes, or what they mean, have changed."""

    version = BigIntegerField(primary_key=True)

    class Meta:
        """Where its rows are."""

        table_name = "routing_version"


class TrunkState(Table):
    """How a trunk has done lately."""

    trunk_id = BigIntegerField(primary_key=True)
    failures = IntegerField()
    rests_until = TimestampField()
    next_call_at = TimestampField()
    last_failure = TextField(null=True)
    last_failure_at = TimestampField(null=True)
    last_success_at = TimestampField(null=True)
    failed_numbers = IdArrayField()
    node_rests = JsonField()

    class Meta:
        """Where its rows are."""

        table_name = "trunk_states"


class TrunkTest(Table):
    """Test faxes that wait for a node."""

    tenant_id = BigIntegerField()
    fax_id = BigIntegerField()
    trunk_id = BigIntegerField()
    requested_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "trunk_tests"
        primary_key = CompositeKey("tenant_id", "fax_id")


class FailureRule(Table):
    """What an administrator decided otherwise than the shipped failure policy."""

    id = BigIntegerField(primary_key=True)
    only_for = BigIntegerField(null=True)
    trunk_id = BigIntegerField(null=True)
    condition = TextField()
    action = TextField()
    delay = IntegerField(null=True)
    times = IntegerField(null=True)
    downgrade = TextField(null=True)

    class Meta:
        """Where its rows are."""

        table_name = "failure_rules"


class ConfigurationFault(Table):
    """Calls that ended by what the operator has configured, by the hour."""

    hour = TimestampField()
    node = TextField()
    trunk = TextField()
    condition = TextField()
    calls = IntegerField()

    class Meta:
        """Where its rows are."""

        table_name = "configuration_faults"
        primary_key = CompositeKey("hour", "node", "trunk", "condition")


class Destination(Table):
    """What is known about a number."""

    tenant_id = BigIntegerField()
    number = TextField()
    t38_off = BooleanField()
    v17_off = BooleanField()
    ecm_off = BooleanField()
    t38_failures = IntegerField()
    entered_by = TextField()
    why = TextField()
    updated_at = TimestampField()
    expires_at = TimestampField(null=True)

    class Meta:
        """Where its rows are."""

        table_name = "destinations"
        primary_key = CompositeKey("tenant_id", "number")
