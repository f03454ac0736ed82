-- What is told of a batch, and what is to be done for it.

alter table assess.batch_assessments

    -- Something may be to be told of it, or to be done: set by each change of
    -- its jobs, cleared when all have ended and that is told.
    add column open boolean not null default true,

    -- The event that told of it last.
    add column told_id bigint not null default 0,

    -- Those that had not ended well by then are to be queued again.
    add column retry_before timestamptz;

update assess.batch_assessments set open = false
    where completed_at is not null;

drop index assess.batch_assessments_open;

create index batch_assessments_open
    on assess.batch_assessments (batch_id) where open;
