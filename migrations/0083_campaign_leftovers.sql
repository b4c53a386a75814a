-- Files of recipients that nobody added go after a day, whether somebody looks or not; numbers of tests, with recipients.

grant select (tenant_id, brought_at), delete on campaign_uploads to faxplan_purge;
grant select (campaign_id), delete on campaign_tests to faxplan_purge;
