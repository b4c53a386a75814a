-- Who is who at an identity provider counts once a session that began by it was opened: until then the session keeps it.

alter table sessions add column issuer text, add column subject text,
    add constraint sessions_identity_whole check ((issuer is null) = (subject is null));
comment on column sessions.subject is 'Of whom the identity provider spoke, with its issuer: written to identities when the session is opened.';
comment on table identities is 'Who is who at an identity provider. Made when the first session that began by it, by the address, is opened; from then on the subject counts.';
