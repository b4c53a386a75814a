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


class MailSender(Table):
    """A further address from which mails of a user come that become faxes."""

    tenant_id = BigIntegerField()
    address = TextField()
    user_id = BigIntegerField()
    added_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "mail_senders"
        primary_key = CompositeKey("tenant_id", "address")


class MailToken(Table):
    """The secret part of an address that sends in a user's name."""

    tenant_id = BigIntegerField()
    user_id = BigIntegerField()
    token_hash = BlobField()
    created_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "mail_tokens"
        primary_key = CompositeKey("tenant_id", "user_id")


class MailPin(Table):
    """Digits that prove a mail."""

    tenant_id = BigIntegerField()
    user_id = BigIntegerField()
    salt = BlobField()
    pin_hash = BlobField()
    changed_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "mail_pins"
        primary_key = CompositeKey("tenant_id", "user_id")


class MailIn(Table):
    """Which mail became which fax."""

    tenant_id = BigIntegerField()
    user_id = BigIntegerField()
    digest = BlobField()
    fax_id = BigIntegerField(null=True)
    message_id = TextField(null=True)
    answer_to = TextField(null=True)
    received_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "mails_in"
        primary_key = CompositeKey("tenant_id", "user_id", "digest")
