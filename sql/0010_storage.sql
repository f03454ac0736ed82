-- The bytes of a document may lie outside of the database: in a storage, as
-- an object.  Each row says in which one, so that another configuration finds
-- old documents where they are.

-- Both null: in document_contents.  storage is the name that the
-- configuration gives to it, object the name that it has in there.
alter table assess.documents
    add column storage  text,
    add column object   text;

-- What may be in a storage and belongs to no document: an object is named here
-- before it is written, and its row goes in the transaction that makes the
-- document.  So whatever is in a storage is a document's or is named here,
-- also after a crash at any moment.  From due on it is to be deleted.
create table assess.stray_objects (
    object   text primary key,
    storage  text not null,
    due      timestamptz not null
);

create index stray_objects_due on assess.stray_objects (storage, due);

-- Each storage bears an id, in an object of a fixed name: what stands under
-- the same name without it, as an empty directory where a disk is not
-- mounted, is not that storage.
create table assess.storages (
    storage     text primary key,
    storage_id  uuid not null
);

-- An object goes with its row, whoever deletes that.
create function assess.object_strays() returns trigger
language plpgsql as $$
begin
    insert into assess.stray_objects (object, storage, due)
    values (old.object, old.storage, now());
    return null;
end
$$;

create trigger documents_object_strays
    after delete on assess.documents
    for each row when (old.object is not null)
    execute function assess.object_strays();
