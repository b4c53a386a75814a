-- A priority's own hours count in place of those for all, so that bulk faxes can be kept to the night.
comment on table sending_hours is
    'When a tenant''s faxes may be dialled, by the clock of its time zone. Where there is no row for them, at any time.';
comment on column sending_hours.priority is 'As faxes.priority; null: each that has no rows of its own.';
