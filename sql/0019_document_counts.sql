-- How many documents a tenant has, and how many are reviewed, without counting
-- them.  A row for each tenant would have its uploads wait for each other; so
-- what changes is noted beside it, and put into it now and then.

create table assess.document_counts (
    tenant    text primary key,
    total     bigint not null,
    reviewed  bigint not null
);

alter table assess.document_counts set (fillfactor = 50);

insert into assess.document_counts (tenant, total, reviewed)
    select tenant, count(*), count(*) filter (where reviewed)
    from assess.documents group by tenant;


create table assess.document_changes (
    tenant    text not null,
    total     int not null,
    reviewed  int not null
);

create index document_changes_tenant on assess.document_changes (tenant);


-- Whoever changes documents, by hand, too.
create function assess.document_changed() returns trigger
language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        insert into assess.document_changes
            values (new.tenant, 1, new.reviewed::int);
    elsif tg_op = 'DELETE' then
        insert into assess.document_changes
            values (old.tenant, -1, -old.reviewed::int);
    else
        insert into assess.document_changes
            values (new.tenant, 0, new.reviewed::int - old.reviewed::int);
    end if;
    return null;
end
$$;

create trigger documents_counted
    after insert or delete on assess.documents
    for each row execute function assess.document_changed();

create trigger documents_reviewed_counted
    after update of reviewed on assess.documents
    for each row when (old.reviewed <> new.reviewed)
    execute function assess.document_changed();
