-- Documents: what was sent, byte for byte, and the text found in it.

create table assess.documents (
    document_id   uuid primary key,
    tenant        text not null references assess.companies,
    user_name     text,
    filename      text,
    content_type  text not null,
    kind          smallint not null check (kind > 0),
    bytes         bigint not null check (bytes >= 0),
    sha256        bytea not null check (length(sha256) = 32),

    -- Both null until the text is extracted: how many pages there are, and
    -- the version of the extractor that found them.
    pages         int check (pages >= 0),
    extractor     int,

    reviewed      boolean not null default false,

    -- How many jobs on it are queued or processing.  Kept here, not counted,
    -- because this row is the one lock that a start and a delete meet at.
    active_jobs   int not null default 0 check (active_jobs >= 0),

    created_at    timestamptz not null default now(),

    check ((pages is null) = (extractor is null)),

    -- The same bytes of the same tenant are the same document.
    unique (tenant, sha256),

    -- What others refer to: a reference carries its tenant, so that none can
    -- cross from one tenant to another.
    unique (tenant, document_id)
);

-- active_jobs and reviewed change with every job: room to do it in place.
alter table assess.documents set (fillfactor = 80);

-- Newest first, all of them or by the flag; the id breaks ties.
create index documents_newest
    on assess.documents (tenant, created_at desc, document_id desc);

create index documents_reviewed
    on assess.documents (tenant, reviewed, created_at desc, document_id desc);


-- The content in pieces of 256 KB, so that a range is read without the rest
-- and no statement carries a whole document.
create table assess.document_contents (
    document_id  uuid not null
                 references assess.documents on delete cascade,
    seq          int not null check (seq >= 0),
    data         bytea not null check (length(data) between 1 and 262144),
    primary key (document_id, seq)
);

-- Most documents are compressed already, and only what is stored plain can
-- be cut without reading the whole piece.
alter table assess.document_contents alter column data set storage external;


create table assess.document_pages (
    document_id  uuid not null
                 references assess.documents on delete cascade,
    page         int not null check (page > 0),
    text         text not null,
    primary key (document_id, page)
);
