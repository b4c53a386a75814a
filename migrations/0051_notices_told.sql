-- What a user has to know is asked for on each look at a list.

create index notices_told_idx on notices (tenant_id, user_id, id) where seen_at is null and kind in ('failed', 'alert');
drop index notices_unseen_idx;
