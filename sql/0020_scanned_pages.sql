-- Scanned pages that were read, of a document whose text is not complete yet.
-- Each takes as long as a thousand others: who reads the document next, since
-- a job was handed back, or is run again, need not read them once more.  They
-- go when the text is saved, or with the document.  In other languages they would
-- have been read differently.

create table assess.scanned_pages (
    document_id  uuid not null
                 references assess.documents on delete cascade,
    page         int not null check (page > 0),
    extractor    int not null,
    languages    text not null,
    text         text not null,
    primary key (document_id, page)
);
