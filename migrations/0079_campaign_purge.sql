-- Recipients of campaigns are purged as sent faxes are: the campaign itself stays, with their counts.

grant select on campaigns, campaign_recipients to faxplan_purge;
grant update (kept_counts, purged_at) on campaigns to faxplan_purge;
grant delete on campaign_recipients to faxplan_purge;
grant select (tenant_id, id, mailbox_id) on users to faxplan_purge;
