-- Who has logged in by an identity provider does nothing before they have shown what opens their key.

alter table sessions add column is_shut boolean not null default false;
comment on column sessions.is_shut is 'Begun on another''s word: it does nothing until its user has given password or recovery code.';
grant update (is_shut) on sessions to faxplan_portal;
