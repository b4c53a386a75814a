-- The first page of a fax that came by mail, small, in the mail that says how it ended: for users who want that.

alter table users add column mail_thumbnail boolean not null default false;
comment on column users.mail_thumbnail is 'Whether the mail that says how a fax ended that came by mail shows its first page: a worker opens that until then.';
grant update (mail_thumbnail) on users to faxplan_portal;
