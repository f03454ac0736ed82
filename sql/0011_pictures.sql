-- Which pages are pictures, such as scans: what was read from them can be sent
-- to a model together with them.  Of pages that were read before this is not
-- known, and nothing is sent.
alter table assess.document_pages
    add column picture boolean not null default false;
