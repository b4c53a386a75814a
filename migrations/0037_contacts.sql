-- Contacts, and groups of them.

create table contacts (
    tenant_id   bigint not null,
    id          bigint generated always as identity,
    owner_id    bigint,
    scope       bigint not null generated always as (coalesce(owner_id, 0)) stored,
    made_by     bigint not null,
    name        text not null,
    company     text not null default '',
    number      text collate "C" not null,
    email       text not null default '',
    note        text not null default '',
    sort_key    text collate "C" not null,
    created_at  timestamptz not null default now(),
    changed_at  timestamptz not null default now(),
    constraint contacts_pkey primary key (tenant_id, id),
    constraint contacts_owner_fkey foreign key (tenant_id, owner_id) references users (tenant_id, id),
    constraint contacts_made_by_fkey foreign key (tenant_id, made_by) references users (tenant_id, id),
    constraint contacts_name_given check (name <> '' or company <> ''),
    constraint contacts_name_form check (char_length(name) <= 200 and name !~ '[[:cntrl:]]'),
    constraint contacts_company_form check (char_length(company) <= 200 and company !~ '[[:cntrl:]]'),
    constraint contacts_number_form check (number ~ '^\+[1-9][0-9]{2,14}$'),
    constraint contacts_email_form check (char_length(email) <= 254 and email ~ '^([^[:space:][:cntrl:]@]+@[^[:space:][:cntrl:]@]+)?$'),
    constraint contacts_note_length check (char_length(note) <= 2000),
    constraint contacts_sort_key_length check (char_length(sort_key) <= 200)
);
create index contacts_sort_idx on contacts (tenant_id, scope, sort_key, id);
create index contacts_number_idx on contacts (tenant_id, number, scope);
comment on table contacts is 'Whom faxes go to and come from. Numbers are E.164, and may be there several times.';
comment on column contacts.owner_id is 'Whose alone it is; null: it is shared by the whole tenant.';
comment on column contacts.scope is 'The owner''s id, or 0 for shared: so that an index has both.';
comment on column contacts.sort_key is 'By which lists are in order: the name, or the company where there is none, folded (contact_words.py).';

create table contact_words (
    tenant_id   bigint not null,
    contact_id  bigint not null,
    word        text collate "C" not null,
    constraint contact_words_pkey primary key (tenant_id, contact_id, word),
    constraint contact_words_contact_fkey foreign key (tenant_id, contact_id) references contacts (tenant_id, id) on delete cascade,
    constraint contact_words_word_length check (char_length(word) between 1 and 40)
);
create index contact_words_word_idx on contact_words (tenant_id, word, contact_id);
comment on table contact_words is 'By what a contact is found: the words of name and company, folded, and the number. Under a policy no operator but <, = and > reaches an index.';

create table contact_groups (
    tenant_id   bigint not null,
    id          bigint generated always as identity,
    owner_id    bigint,
    scope       bigint not null generated always as (coalesce(owner_id, 0)) stored,
    made_by     bigint not null,
    name        text not null,
    sort_key    text collate "C" not null,
    created_at  timestamptz not null default now(),
    constraint contact_groups_pkey primary key (tenant_id, id),
    constraint contact_groups_owner_fkey foreign key (tenant_id, owner_id) references users (tenant_id, id),
    constraint contact_groups_made_by_fkey foreign key (tenant_id, made_by) references users (tenant_id, id),
    constraint contact_groups_name_form check (char_length(name) between 1 and 100 and name !~ '[[:cntrl:]]'),
    constraint contact_groups_name_key unique (tenant_id, scope, sort_key)
);
comment on table contact_groups is 'Groups of contacts: a user''s own, or the whole tenant''s.';
comment on column contact_groups.sort_key is 'The name, folded: none is there twice.';

create table contact_group_members (
    tenant_id   bigint not null,
    group_id    bigint not null,
    contact_id  bigint not null,
    constraint contact_group_members_pkey primary key (tenant_id, group_id, contact_id),
    constraint contact_group_members_group_fkey foreign key (tenant_id, group_id) references contact_groups (tenant_id, id) on delete cascade,
    constraint contact_group_members_contact_fkey foreign key (tenant_id, contact_id) references contacts (tenant_id, id) on delete cascade
);
create index contact_group_members_contact_idx on contact_group_members (tenant_id, contact_id);
comment on table contact_group_members is 'Which contacts are in a group. A shared group has shared ones only.';

create table contact_imports (
    tenant_id   bigint not null,
    id          bigint generated always as identity,
    user_id     bigint not null,
    file_name   text not null,
    content     bytea not null,
    created_at  timestamptz not null default now(),
    taken       jsonb,
    constraint contact_imports_pkey primary key (tenant_id, id),
    constraint contact_imports_user_fkey foreign key (tenant_id, user_id) references users (tenant_id, id),
    constraint contact_imports_size check (octet_length(content) <= 5242880)
);
create index contact_imports_user_idx on contact_imports (tenant_id, user_id);
comment on table contact_imports is 'Files of contacts that users look at before they take them in. A row goes with its user''s next one, or after a day.';
comment on column contact_imports.taken is 'How it was taken in and what came of it (contact_imports.py); null: it was not yet.';

do $$
declare
    t text;
begin
    foreach t in array array['contacts', 'contact_words', 'contact_groups', 'contact_group_members', 'contact_imports'] loop
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy %I on %I using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()))',
                       t || '_tenant', t);
    end loop;
end $$;

grant select on contacts, contact_words, contact_groups, contact_group_members, contact_imports to faxplan_backup;
grant select on contacts_id_seq, contact_groups_id_seq, contact_imports_id_seq to faxplan_backup;
grant select, insert, delete, update (owner_id, name, company, number, email, note, sort_key, changed_at) on contacts to faxplan_portal;
grant select, insert, delete on contact_words, contact_group_members to faxplan_portal;
grant select, insert, delete, update (owner_id, name, sort_key) on contact_groups to faxplan_portal;
grant select, insert, delete, update (taken) on contact_imports to faxplan_portal;
