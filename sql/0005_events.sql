-- The event log that streams are served from.

-- One row.  A transaction takes its ids from here last of all and keeps the
-- row locked until it commits: ids are dense, and become visible in their
-- order.  A sequence would give neither.
create table assess.event_counter (
    one     boolean primary key default true check (one),
    value   bigint not null default 0,

    -- Events up to here are no longer kept.  Not the lowest id there is: a
    -- deleted document takes its events along without shortening the log.
    pruned  bigint not null default 0 check (pruned >= 0),

    check (pruned <= value)
);

-- One row that every change updates: its page keeps room for the versions.
alter table assess.event_counter set (fillfactor = 10);

insert into assess.event_counter default values;


-- No foreign key: the log outlives what it tells of, and a key check for each
-- event would cost more than the event.
create table assess.assessment_progress_events (
    event_id     bigint primary key,
    tenant       text not null,
    user_name    text,
    job_id       uuid,
    document_id  uuid,
    batch_id     uuid,
    type         text not null
                 check (type in ('queued', 'progress', 'complete', 'error',
                     'cancelled', 'batch')),
    data         text not null,
    created_at   timestamptz not null default now()
);

-- Resuming a tenant's stream.
create index assessment_progress_events_tenant
    on assess.assessment_progress_events (tenant, event_id);

-- The latest event of a job, and those that go with it.
create index assessment_progress_events_job
    on assess.assessment_progress_events (job_id, event_id);
