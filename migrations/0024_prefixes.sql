-- A trunk's prefix before called numbers, one that is taken off them, and a format of its own for calling numbers.

alter table trunks
    add column called_prefix text not null default '',
    add column inbound_prefix text not null default '',
    add column inbound_calling_format text,
    add constraint trunks_called_prefix_form check (called_prefix ~ '^[0-9*#]{0,10}$'),
    add constraint trunks_called_prefix_digits check (called_prefix = '' or called_format <> 'e164'),
    add constraint trunks_inbound_prefix_form check (inbound_prefix ~ '^[0-9*#]{0,10}$'),
    add constraint trunks_inbound_calling_format_known check (inbound_calling_format in ('any', 'e164', 'e164-no-plus', 'national'));
comment on column trunks.called_prefix is
    'What is dialled before the called number: for an outside line, or by agreement with the carrier. Empty: nothing.';
comment on column trunks.inbound_prefix is 'What is taken off the called number of a call that comes in, where it begins so. Empty: nothing.';
comment on column trunks.inbound_calling_format is 'How the carrier writes calling numbers, as inbound_format; null: as it wrote the called one.';
grant select (called_prefix, inbound_prefix, inbound_calling_format) on trunks to faxplan_portal;
