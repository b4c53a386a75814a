-- Images of a fax's pages for the screen, and a thumbnail: documents of their own, of a received fax or of a rendering.

alter table documents drop constraint documents_kind_known;
alter table documents add constraint documents_kind_known check (
    kind in ('original', 'rendering', 'received-tiff', 'received-pdf', 'page-images', 'thumbnail'));
comment on column documents.kind is 'page-images: a ZIP with a PNG a page, for the screen. thumbnail: the first page, small. Both of what the rendering or the TIFF holds.';

alter table renderings add column images_id bigint,
    add column thumbnail_id bigint,
    add constraint renderings_images_fkey foreign key (tenant_id, images_id) references documents (tenant_id, id),
    add constraint renderings_thumbnail_fkey foreign key (tenant_id, thumbnail_id) references documents (tenant_id, id);
comment on column renderings.images_id is 'Its pages for the screen (documents.kind page-images), thumbnail_id: its first page, small. Null: not made.';

alter table faxes add column images_id bigint,
    add column thumbnail_id bigint,
    add constraint faxes_images_fkey foreign key (tenant_id, images_id) references documents (tenant_id, id),
    add constraint faxes_thumbnail_fkey foreign key (tenant_id, thumbnail_id) references documents (tenant_id, id);
comment on column faxes.images_id is
    'Inbound: its pages for the screen, thumbnail_id: the first one, small; null: not made. Outbound: those of its rendering.';

create index renderings_images_idx on renderings (tenant_id, images_id) where images_id is not null;
create index renderings_thumbnail_idx on renderings (tenant_id, thumbnail_id) where thumbnail_id is not null;
create index faxes_images_idx on faxes (tenant_id, images_id) where images_id is not null;
create index faxes_thumbnail_idx on faxes (tenant_id, thumbnail_id) where thumbnail_id is not null;
comment on index faxes_images_idx is 'For the foreign key: a document that goes must not have all faxes looked through. faxes_thumbnail_idx, and those of renderings: likewise.';

-- Purge takes away what shows the pages too.
grant update (images_id, thumbnail_id) on faxes to faxplan_purge;
