-- A received fax is handed to another mailbox of its tenant: as a copy, which shares its documents, or itself.

alter table faxes
    add column copy_of bigint,
    add column forwarded_by bigint,
    add constraint faxes_copy_of_fkey foreign key (tenant_id, copy_of) references faxes (tenant_id, id) on delete set null (copy_of),
    add constraint faxes_forwarded_by_fkey foreign key (tenant_id, forwarded_by) references users (tenant_id, id),
    add constraint faxes_forwarded_received check (forwarded_by is null or direction = 'inbound'),
    add constraint faxes_copy_forwarded check (copy_of is null or forwarded_by is not null);
create index faxes_copy_of_idx on faxes (tenant_id, copy_of) where copy_of is not null;
comment on column faxes.forwarded_by is 'The user who laid this copy here of a fax that came in; null: it came here itself, or was moved here. A copy has no call of its own.';
comment on column faxes.copy_of is 'Of a copy: the fax of which it was made, the one that came in if that had its record still; null where its record was removed.';

create function forget_moved(document bigint, mailbox bigint) returns void
    language sql security definer set search_path = pg_catalog, public
begin atomic
    delete from mailbox_wraps w
    where w.tenant_id = current_tenant() and w.document_id = document and w.mailbox_id = mailbox
      and not exists (
          select from holds h where h.tenant_id = w.tenant_id and h.fax_id is null and (h.mailbox_id is null or h.mailbox_id = w.mailbox_id))
      and exists (
          select from mailbox_wraps o
          where o.tenant_id = w.tenant_id and o.document_id = w.document_id and o.mailbox_id <> w.mailbox_id)
      and not exists (
          select from faxes f
          where f.tenant_id = w.tenant_id and f.mailbox_id = w.mailbox_id
            and w.document_id in (f.tiff_id, f.pdf_id, f.images_id, f.thumbnail_id))
      and not exists (
          select from faxes f join renderings r on r.tenant_id = f.tenant_id and r.id = f.rendering_id
          join renderings o on o.tenant_id = r.tenant_id and o.original_id = r.original_id
          where f.tenant_id = w.tenant_id and f.mailbox_id = w.mailbox_id
            and w.document_id in (o.original_id, o.document_id, o.images_id, o.thumbnail_id));
end;
comment on function forget_moved(bigint, bigint) is
    'Removes a mailbox''s wraps of a document that was moved out of it: where no fax of the mailbox names it any more, and another mailbox has '
    'wraps of it. The last ones stay, and those of a mailbox that is held. Definer: no other wrap goes that way.';
revoke execute on function forget_moved(bigint, bigint) from public;
grant execute on function forget_moved(bigint, bigint) to faxplan_portal;

create trigger faxes_held_move before update of mailbox_id on faxes for each row
    when (new.mailbox_id is distinct from old.mailbox_id and coalesce(old.tiff_id, old.rendering_id) is not null)
    execute function refuse_held();
create trigger faxes_held_documents before update of tiff_id, pdf_id, images_id, thumbnail_id on faxes for each row
    when (new.tiff_id is distinct from coalesce(old.tiff_id, new.tiff_id) or new.pdf_id is distinct from coalesce(old.pdf_id, new.pdf_id)
          or new.images_id is distinct from coalesce(old.images_id, new.images_id)
          or new.thumbnail_id is distinct from coalesce(old.thumbnail_id, new.thumbnail_id))
    execute function refuse_held();
comment on function refuse_held() is 'Whatever the application forgets: what is under legal hold is not purged, loses none of its documents, and is not moved to where nothing holds it.';
