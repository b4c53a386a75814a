-- What settles a dispute about a call: whom the switch asked, what it wrote, when what happened; and its T.30 trace.

alter table attempts
    add column channel boolean,
    add column invited_at timestamptz,
    add column progress_at timestamptz,
    add column hung_up_by text,
    add column sip_phrase text,
    add column peer_port integer,
    add column media_address text,
    add column codec text,
    add constraint attempts_hung_up_by_known check (hung_up_by in ('us', 'far-end')),
    add constraint attempts_peer_port_range check (peer_port between 0 and 65535);
create index attempts_started_idx on attempts (tenant_id, started_at, id);
comment on column attempts.invite_uri is
    'The Request-URI: inbound as the peer wrote it, outbound as our switch sent it. invite_to, invite_from, invite_asserted (P-Asserted-Identity, or '
    'Remote-Party-ID): those headers, outbound without tag. invite_diversion (inbound; Diversion, or History-Info). At most 250 characters; not '
    'shown to people where the caller is anonymous.';
comment on column attempts.channel is 'Whether the switch made a channel; false: no INVITE was sent. Null: it runs, a crash hides it, or internal.';
comment on column attempts.invited_at is 'When the switch made the channel: the INVITE went out, or had come in.';
comment on column attempts.progress_at is 'Outbound: when the first 180, 181 or 183 came (RFC 3261, 13.2.2.1); null: none before the answer.';
comment on column attempts.hung_up_by is
    'Who ended it, by BYE, CANCEL or a refusal: us, or far-end. Null: it is not known, or nobody did, as where the INVITE was never answered.';
comment on column attempts.sip_phrase is 'Outbound: the reason phrase with which the INVITE was refused, as the far end wrote it.';
comment on column attempts.peer_address is 'Where SIP came from: inbound the INVITE, outbound the latest response. peer_port: likewise.';
comment on column attempts.media_address is 'Address and port to which our RTP or UDPTL went last.';
comment on column attempts.codec is 'Of the audio with which the call began, by its name in RTP: PCMU or PCMA. In T.38, too.';

create table t30_traces (
    tenant_id   bigint not null,
    attempt_id  bigint not null,
    trace       text not null,
    constraint t30_traces_pkey primary key (tenant_id, attempt_id),
    constraint t30_traces_attempt_fkey foreign key (tenant_id, attempt_id) references attempts (tenant_id, id) on delete cascade,
    constraint t30_traces_trace_length check (length(trace) <= 200000)
);
comment on table t30_traces is 'What spandsp logged of the T.30 of a call, by trunks.t30_trace. It lives as long as its attempt.';
comment on column t30_traces.trace is 'Its lines, without those that hold pages (FCD frames).';
alter table t30_traces enable row level security;
alter table t30_traces force row level security;
create policy t30_traces_tenant on t30_traces using (tenant_id = (select current_tenant())) with check (tenant_id = (select current_tenant()));
grant select on t30_traces to faxplan_backup, faxplan_portal;
grant insert on t30_traces to faxplan_switch;

alter table trunks
    add column t30_trace text not null default 'off',
    add constraint trunks_t30_trace_known check (t30_trace in ('off', 'failed', 'all'));
comment on column trunks.t30_trace is 'Of which calls a T.30 trace is kept: off (none), failed (those that did not succeed), all.';
grant select (t30_trace) on trunks to faxplan_portal;

-- Those that are there count from the beginning of their period, as far as anybody can tell.
alter table quotas add column counted_since timestamptz not null default '-infinity';
alter table quotas alter column counted_since set default now();
comment on column quotas.counted_since is 'What was used before is not in used_pages: when the quota was made.';
