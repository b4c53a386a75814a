-- Mails that a mail server had taken, and that came back.

create index outbox_failed_idx on outbox (tenant_id, recipient, ended_at) where state in ('refused', 'given-up', 'bounced');

create function outbox_bounce(of_mail text, why text) returns boolean
    language sql volatile security definer set search_path = pg_catalog, public, pg_temp
as $$
    with changed as (
        update outbox o set state = 'bounced', said = why, ended_at = now()
        where o.tenant_id = current_tenant() and o.token = of_mail and o.state = 'accepted'
        returning o.id)
    select exists (select from changed);
$$;
comment on function outbox_bounce(text, text) is 'A mail of the tenant that a server had taken has come back. Definer: whoever takes mails in changes nothing else of those that go out.';
revoke execute on function outbox_bounce(text, text) from public;
grant execute on function outbox_bounce(text, text) to faxplan_portal;
