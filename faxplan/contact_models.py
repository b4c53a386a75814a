"""The tables of contacts as peewee models; see models."""

from peewee import BigIntegerField, BlobField, CompositeKey, TextField

from faxplan.directory_models import JsonField, Table, TimestampField


class Contact(Table):
    """Whom faxes go to and come from."""

    tenant_id = BigIntegerField()
    id = BigIntegerField()
    owner_id = BigIntegerField(null=True)
    scope = BigIntegerField()
    made_by = BigIntegerField()
    name = TextField()
    company = TextField()
    number = TextField()
    email = TextField()
    note = TextField()
    sort_key = TextField()
    created_at = TimestampField()
    changed_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "contacts"
        primary_key = CompositeKey("tenant_id", "id")


class ContactWord(Table):
    """By what a contact is found."""

    tenant_id = BigIntegerField()
    contact_id = BigIntegerField()
    word = TextField()

    class Meta:
        """Where its rows are."""

        table_name = "contact_words"
        primary_key = CompositeKey("tenant_id", "contact_id", "word")


class ContactGroup(Table):
    """A group of contacts."""

    tenant_id = BigIntegerField()
    id = BigIntegerField()
    owner_id = BigIntegerField(null=True)
    scope = BigIntegerField()
    made_by = BigIntegerField()
    name = TextField()
    sort_key = TextField()
    created_at = TimestampField()

    class Meta:
        """Where its rows are."""

        table_name = "contact_groups"
        primary_key = CompositeKey("tenant_id", "id")


class ContactGroupMember(Table):
    """A contact in a group."""

    tenant_id = BigIntegerField()
    group_id = BigIntegerField()
    contact_id = BigIntegerField()

    class Meta:
        """Where its rows are."""

        table_name = "contact_group_members"
        primary_key = CompositeKey("tenant_id", "group_id", "contact_id")


class ContactImport(Table):
    """A file of contacts that its user looks at."""

    tenant_id = BigIntegerField()
    id = BigIntegerField()
    user_id = BigIntegerField()
    file_name = TextField()
    content = BlobField()
    created_at = TimestampField()
    taken = JsonField(null=True)

    class Meta:
        """Where its rows are."""

        table_name = "contact_imports"
        primary_key = CompositeKey("tenant_id", "id")
