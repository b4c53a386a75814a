-- Campaigns: files that cannot be read are told of, tries of their own, when each recipient's fax began and ended, and
-- what is kept of a campaign whose recipients were purged.

alter table campaigns
    add column max_attempts integer,
    add column retry_delays integer[],
    add column kept_counts jsonb,
    add column purged_at timestamptz,
    alter column rendering_id drop not null,
    drop constraint campaigns_rendering_fkey,
    add constraint campaigns_rendering_fkey foreign key (tenant_id, rendering_id) references renderings (tenant_id, id) on delete set null (rendering_id),
    add constraint campaigns_tries_range check (max_attempts between 1 and 20),
    add constraint campaigns_delays_range check (cardinality(retry_delays) between 1 and 19 and 60 <= all (retry_delays) and 86400 >= all (retry_delays)),
    add constraint campaigns_purged check ((purged_at is not null) = (kept_counts is not null) and (purged_at is null or ended_at is not null));
comment on column campaigns.max_attempts is 'Tries of each of its faxes; null: as many as the tenant has.';
comment on column campaigns.retry_delays is 'Seconds before the second try, the third and so on, the last for all further ones; null: as the failure policy has it.';
comment on column campaigns.kept_counts is 'Recipients by state and why, of a campaign whose recipients were purged.';

alter table campaign_recipients
    add column released_at timestamptz,
    add column ended_at timestamptz;

alter table faxes
    add column max_attempts integer,
    add column retry_delays integer[];
comment on column faxes.max_attempts is 'Of the campaign that it is of; null: as many as the tenant has.';
comment on column faxes.retry_delays is 'As campaigns.retry_delays, of the campaign that it is of.';

drop policy campaigns_due on campaigns;
create policy campaigns_due on campaigns for select to faxplan_worker using (state in ('running', 'paused', 'cancelled'));
drop policy campaign_files_due on campaign_files;
create policy campaign_files_due on campaign_files for select to faxplan_worker using (wrong = '');
grant select (wrong) on campaign_files to faxplan_worker;
