-- A node says when its gateways last were as the trunk table has them, so that whoever adds a trunk can wait for it.

alter table nodes add column trunks_taken_up_at timestamptz;
comment on column nodes.trunks_taken_up_at is
    'The trunk table''s time as of which this node''s gateways are as it says; null: never, or its files are kept by hand.';
