-- A node that an operator has paused (`python fax_queue::pause`) says so: it reports, and dials nothing.

alter table nodes add column paused boolean not null default false;
comment on table nodes is 'FreeSWITCH machines. switch_uuid is the core UUID of the running switch: a new one proves that every call of the old one is gone. paused: it dials nothing until an operator lets it (fax_queue::resume).';
