"""The tables of keys as peewee models: see models.py."""

from peewee import BigIntegerField, BlobField, BooleanField, CompositeKey, IntegerField, TextField

from faxplan.directory_models import Table, TimestampField


class UserKey(Table):
    """A reader's key pair: a user's, the tenant's recovery key, or an API reader's."""

    tenant_id = BigIntegerField()
    id = BigIntegerField()
    user_id = BigIntegerField(null=True)
    public_key = BlobField()
    created_at = TimestampField()
    replaced_at = TimestampField(null=True)
    kind = TextField()
    name = TextField(null=True)

    class Meta:
        """Where its rows are."""

        table_name = "user_keys"
        primary_key = CompositeKey("tenant_id", "id")


class KeyLock(Table):
    """What opens a user's private key: a password, the recovery code, or a passkey."""

    tenant_id = BigIntegerField()
    id = BigIntegerField()
    user_key_id = BigIntegerField()
    kind = TextField()
    salt = BlobField(null=True)
    memory_kib = IntegerField(null=True)
    passes = IntegerField(null=True)
    lanes = IntegerField(null=True)
    auth_hash = BlobField(null=True)
    locked = BlobField()
    created_at = TimestampField()
    credential_id = BlobField(null=True)
    name = TextField(null=True)

    class Meta:
        """Where its rows are."""

        table_name = "key_locks"
        primary_key = CompositeKey("tenant_id", "id")


class MailboxEpoch(Table):
    """A mailbox's key pairs."""

    tenant_id = BigIntegerField()
    mailbox_id = BigIntegerField()
    epoch = IntegerField()
    public_key = BlobField()
    earlier_key = BlobField(null=True)
    created_at = TimestampField()
    from_outside = BooleanField()

    class Meta:
        """Where its rows are."""

        table_name = "mailbox_epochs"
        primary_key = CompositeKey("tenant_id", "mailbox_id", "epoch")


class MailboxKey(Table):
    """The private key of a mailbox's epoch, wrapped to a member."""

    tenant_id = BigIntegerField()
    mailbox_id = BigIntegerField()
    epoch = IntegerField()
    user_key_id = BigIntegerField()
    wrap = BlobField()
    created_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "mailbox_keys"
        primary_key = CompositeKey("tenant_id", "mailbox_id", "epoch", "user_key_id")


class ReaderMailbox(Table):
    """Which mailboxes an API reader reads."""

    tenant_id = BigIntegerField()
    mailbox_id = BigIntegerField()
    user_key_id = BigIntegerField()
    added_by = BigIntegerField()
    created_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "reader_mailboxes"
        primary_key = CompositeKey("tenant_id", "mailbox_id", "user_key_id")


class TransientKey(Table):
    """Readers for a while."""

    id = BigIntegerField(primary_key=True)
    purpose = TextField()
    node = TextField()
    public_key = BlobField()
    created_at = TimestampField()
    retired_at = TimestampField(null=True)

    class Meta:
        """Where its rows are."""

        table_name = "transient_keys"


class MailboxWrap(Table):
    """A document's file key, wrapped to a mailbox."""

    tenant_id = BigIntegerField()
    document_id = BigIntegerField()
    mailbox_id = BigIntegerField()
    epoch = IntegerField()
    wrap = BlobField()
    created_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "mailbox_wraps"
        primary_key = CompositeKey("tenant_id", "document_id", "mailbox_id", "epoch")


class SealedMailbox(Table):
    """That something was ever sealed to a mailbox."""

    tenant_id = BigIntegerField()
    id = BigIntegerField()
    mailbox_id = BigIntegerField()
    noted_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "sealed_mailboxes"
        primary_key = CompositeKey("tenant_id", "id")


class TransientWrap(Table):
    """A document's file key, wrapped to a reader for a while."""

    tenant_id = BigIntegerField()
    document_id = BigIntegerField()
    key_id = BigIntegerField()
    wrap = BlobField()
    digest = BlobField()
    created_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "transient_wraps"
        primary_key = CompositeKey("tenant_id", "document_id", "key_id")
