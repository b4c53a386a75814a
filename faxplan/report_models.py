"""The tables of reports as peewee models; see models."""

from peewee import BigIntegerField, BooleanField, CompositeKey, DateField, DoubleField, IntegerField, TextField

from faxplan.directory_models import IntegerArrayField, Table, TextArrayField, TimestampField


class ReportDay(Table):
    """Attempts by day, as each report counts them."""

    tenant_id = BigIntegerField()
    report = TextField()
    day = DateField()
    what = TextField()
    calls = IntegerField()
    successful = IntegerField()
    pages = IntegerField()
    t38 = IntegerField()
    seconds = IntegerField()

    class Meta:
        """Where its rows are."""

        table_name = "report_days"
        primary_key = CompositeKey("tenant_id", "report", "day", "what")


class ReportHour(Table):
    """Attempts by hour of the day."""

    tenant_id = BigIntegerField()
    day = DateField()
    direction = TextField()
    attempts = IntegerArrayField()

    class Meta:
        """Where its rows are."""

        table_name = "report_hours"
        primary_key = CompositeKey("tenant_id", "day", "direction")


class ReportPerson(Table):
    """What was sent, by whom, charged to whom."""

    tenant_id = BigIntegerField()
    day = DateField()
    user_id = BigIntegerField()
    billing_code = TextField()
    faxes = IntegerField()
    pages = IntegerField()

    class Meta:
        """Where its rows are."""

        table_name = "report_people"
        primary_key = CompositeKey("tenant_id", "day", "user_id", "billing_code")


class ReportState(Table):
    """How far reports are counted."""

    tenant_id = BigIntegerField(primary_key=True)
    open_from = DateField()
    computed_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "report_states"


class Counter(Table):
    """Counts that monitoring reads."""

    name = TextField()
    labels = TextArrayField()
    value = DoubleField()

    class Meta:
        """Where its rows are."""

        table_name = "counters"
        primary_key = CompositeKey("name", "labels")


class Uncounted(Table):
    """What has ended and is not in them yet."""

    id = BigIntegerField(primary_key=True)
    what = TextField()
    direction = TextField()
    trunk = TextField()
    result = TextField()
    reason = TextField()
    number = IntegerField()
    pages = IntegerField()
    by_t38 = BooleanField()
    talked = DoubleField(null=True)
    waited = DoubleField(null=True)

    class Meta:
        """Where its rows are."""

        table_name = "uncounted"
