-- A hold of a copy holds what it is a copy of: that may be all that opens it.

create or replace function refuse_held() returns trigger
    language plpgsql
as $$
begin
    if exists (select from holds h where h.tenant_id = old.tenant_id
               and case when h.fax_id is not null then h.fax_id = old.id
                        else h.mailbox_id is null or h.mailbox_id = old.mailbox_id end)
       or (old.left_by is not null or old.forwarded_by is null) and (tg_op = 'DELETE' or new.mailbox_id is not distinct from old.mailbox_id) and exists (
           select from faxes f join holds h on h.tenant_id = f.tenant_id
                and (h.fax_id = f.id or h.fax_id is null and h.mailbox_id = f.mailbox_id)
           where f.tenant_id = old.tenant_id and f.tiff_id = old.tiff_id) then
        raise exception 'fax % is under legal hold', old.id using errcode = 'restrict_violation', constraint = 'faxes_held';
    end if;
    return case tg_op when 'DELETE' then old else new end;
end $$;
comment on function refuse_held() is 'Whatever the application forgets: what is under legal hold is not purged, loses none of its documents, and is not moved to where nothing holds it; nor what it was a copy of, or left where it was moved away.';
