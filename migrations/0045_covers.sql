-- A fax may have a cover page of its own before the pages of its document.

alter table documents drop constraint documents_kind_known;
alter table documents add constraint documents_kind_known check (
    kind in ('original', 'rendering', 'received-tiff', 'received-pdf', 'page-images', 'thumbnail', 'cover', 'cover-pages'));
comment on column documents.kind is
    'page-images: a ZIP with a PNG a page, for the screen. thumbnail: the first page, small. Both of what the rendering, the cover''s pages or the TIFF '
    'holds. cover: what a cover page says. cover-pages: that drawn, as fax TIFF; its pages stand there once for each resolution at which they may go.';

alter table faxes add column cover_id bigint,
    add column cover_pages_id bigint,
    add column cover_images_id bigint,
    add constraint faxes_cover_fkey foreign key (tenant_id, cover_id) references documents (tenant_id, id),
    add constraint faxes_cover_pages_fkey foreign key (tenant_id, cover_pages_id) references documents (tenant_id, id),
    add constraint faxes_cover_images_fkey foreign key (tenant_id, cover_images_id) references documents (tenant_id, id),
    add constraint faxes_cover_sent check (cover_id is null or direction = 'outbound'),
    add constraint faxes_cover_drawn check (cover_pages_id is null or cover_id is not null);
comment on column faxes.cover_id is 'What its cover page says; null: it has none. pages counts the cover''s too.';
comment on column faxes.cover_pages_id is 'That drawn, which goes before the rendering; null: the worker has not done it yet.';
comment on column faxes.cover_images_id is 'The same for the screen; null: not made. thumbnail_id is the cover''s, then.';

create index faxes_cover_idx on faxes (tenant_id, cover_id) where cover_id is not null;
create index faxes_cover_pages_idx on faxes (tenant_id, cover_pages_id) where cover_pages_id is not null;
create index faxes_cover_images_idx on faxes (tenant_id, cover_images_id) where cover_images_id is not null;

grant update (cover_id, cover_pages_id, cover_images_id) on faxes to faxplan_purge;
