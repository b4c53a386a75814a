"""The tables of mail as peewee models; see models."""

from peewee import BigIntegerField, BlobField, CompositeKey, IntegerField, TextField

from faxplan.directory_models import Table, TimestampField


class MailRecipient(Table):
    """Whom a mailbox's faxes, or notices of them, are mailed to."""

    tenant_id = BigIntegerField()
    id = BigIntegerField()
    mailbox_id = BigIntegerField()
    address = TextField()
    certificate = BlobField(null=True)
    openpgp_key = BlobField(null=True)
    added_by = BigIntegerField()
    added_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "mail_recipients"
        primary_key = CompositeKey("tenant_id", "id")


class OutboxMail(Table):
    """A mail that waits to be handed over, or what became of it."""

    tenant_id = BigIntegerField()
    id = BigIntegerField()
    notice_id = BigIntegerField()
    recipient = TextField()
    token = TextField()
    state = TextField()
    tries = IntegerField()
    not_before = TimestampField()
    worker = TextField(null=True)
    lease_until = TimestampField(null=True)
    said = TextField()
    sent_as = TextField(null=True)
    created_at = TimestampField()
    ended_at = TimestampField(null=True)

    class Meta:
        """Where its rows are."""

        table_name = "outbox"
        primary_key = CompositeKey("tenant_id", "id")
