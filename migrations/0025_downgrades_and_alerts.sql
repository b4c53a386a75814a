-- A failure rule may say what the next call goes without; and what the operator has to mend is counted and told.

alter table failure_rules
    add column downgrade text,
    add constraint failure_rules_downgrade_known check (downgrade in ('less', 'v17', 'audio', 'ecm', 'none'));
comment on column failure_rules.downgrade is
    'What the next call goes without: less (V.17, then T.38, then ECM), v17, audio (no T.38), ecm, none; null: as the shipped rule.';

create table configuration_faults (
    hour       timestamptz not null,
    node       text not null,
    trunk      text not null,
    condition  text not null,
    calls      integer not null,
    constraint configuration_faults_pkey primary key (hour, node, trunk, condition)
);
comment on table configuration_faults is
    'Calls that ended by what the operator has configured, or has not (rule our-configuration), counted by the hour; for the doctor. Kept for a week.';
comment on column configuration_faults.trunk is 'Its name; empty: none. node: likewise.';
comment on column configuration_faults.condition is 'How they ended, as in failure_rules.';
grant select on configuration_faults to faxplan_backup;

alter table notices
    drop constraint notices_kind_known,
    add constraint notices_kind_known check (kind in ('sent', 'failed', 'cancelled', 'received', 'partial', 'alert'));
create index notices_alert_idx on notices (tenant_id, user_id, created_at) where kind = 'alert';

-- What the operator has to mend is counted for the doctor, and told to tenants' administrators once a day.
grant select, insert, update, delete on configuration_faults to faxplan_switch;
grant select on configuration_faults to faxplan_admin;
grant select on notices to faxplan_switch;
