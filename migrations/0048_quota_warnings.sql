-- Who may run out of pages is told by mail, before it happens and when it has.

alter table quotas
    add column warn_percent    smallint default 80,
    add column warned_on       date,
    add column warned_percent  smallint not null default 0,
    add constraint quotas_warnings_range check (warn_percent between 1 and 100 and warned_percent between 0 and 100);
comment on column quotas.warn_percent is 'Once so much of it is used or held, a mail tells; another one at the limit itself. Null: no mail.';
comment on column quotas.warned_percent is 'The highest of the two that was told in the period that began on warned_on.';
