-- The order of the queue, and batches.

-- Jobs that wait are in lanes: those of one user of a tenant, in one batch or
-- in none, of one priority and one provider, the oldest first.  From which lane
-- the next job comes is decided by how many of its jobs, of its user's and of
-- its tenant's run already.  The name of a lane is a hash of what its jobs have
-- in common; two that had the same would share their turns, and nothing else.
create function assess.lane(tenant text, user_name text, batch_id uuid,
    priority int, provider text) returns bigint
    language sql immutable parallel safe
    return ('x' || encode(substr(sha256(convert_to(concat_ws(chr(31), tenant,
        coalesce(user_name, ''), coalesce(batch_id::text, ''),
        priority::text, provider), 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint;

-- How many of a lane wait and run: written in the transaction of each change,
-- under the lock of the event counter, as job_counts are.
create table assess.lanes (
    lane        bigint primary key,
    tenant      text not null,
    user_name   text,
    batch_id    uuid,
    priority    int not null,
    provider    text not null,
    queued      bigint not null default 0,
    running     bigint not null default 0,

    -- Its batch is paused, has ended, or has no money left.
    paused      boolean not null default false,

    -- When a job of it was last begun; of two that are equal the one that has
    -- waited longer is served.
    served_at   timestamptz not null default '-infinity'
);

-- A few rows that every change updates.
alter table assess.lanes set (fillfactor = 10);

create index lanes_batch on assess.lanes (batch_id)
    where batch_id is not null;

-- 0: never queued since there are lanes.
alter table assess.assessment_jobs
    drop column held,
    add column lane bigint not null default 0;

update assess.assessment_jobs
    set lane = assess.lane(tenant, user_name, batch_id, priority, provider)
    where status in ('queued', 'processing');

drop index if exists assess.assessment_jobs_claim;

-- A claim takes the first so many of a lane.
create index assessment_jobs_lane
    on assess.assessment_jobs (lane, created_at, job_id)
    where status = 'queued';


-- A batch's row is changed with each of its jobs: its checks are held by the
-- statements.
alter table assess.batch_assessments
    drop constraint batch_assessments_status_check,
    drop constraint batch_assessments_total_documents_check,
    drop constraint batch_assessments_check,
    add column provider text,
    add column model text,

    -- So many of its jobs are there: documents are deleted, and history is.
    add column jobs bigint not null default 0,

    -- It is told of at most ten times a second: of so many changes, of which
    -- so many were told, and when.
    add column changes bigint not null default 0,
    add column told bigint not null default 0,
    add column told_at timestamptz not null default '-infinity';

alter table assess.batch_assessments set (fillfactor = 50);

-- Of which something may be to be told.
create index batch_assessments_open
    on assess.batch_assessments (batch_id) where completed_at is null;


-- Whether jobs on a document are under way, the jobs say; a start holds the
-- document's row as a reference would, and those of others go on beside it.
alter table assess.documents drop column active_jobs;

create index assessment_jobs_at_work on assess.assessment_jobs (document_id)
    where status in ('queued', 'processing');


-- Counts anew what is kept counted.  For whoever has changed jobs by hand.
create function assess.recount() returns void language plpgsql as $$
begin
    perform 1 from assess.event_counter for update;

    delete from assess.lanes;

    insert into assess.lanes (lane, tenant, user_name, batch_id, priority,
        provider, queued, running, paused)
    select assess.lane(j.tenant, j.user_name, j.batch_id, j.priority,
        j.provider), j.tenant, j.user_name, j.batch_id, j.priority, j.provider,
        count(*) filter (where j.status = 'queued'),
        count(*) filter (where j.status = 'processing'),
        coalesce(b.status in ('paused', 'cancelled', 'budget_exceeded'),
            false)
    from assess.assessment_jobs j
    left join assess.batch_assessments b on b.batch_id = j.batch_id
    where j.status in ('queued', 'processing')
    group by j.tenant, j.user_name, j.batch_id, j.priority, j.provider,
        b.status;

    delete from assess.job_counts;

    insert into assess.job_counts (tenant, status, jobs)
    select tenant, status, count(*) from assess.assessment_jobs
    group by tenant, status;

    update assess.batch_assessments b set jobs = (select count(*)
        from assess.assessment_jobs j
        where j.tenant = b.tenant and j.batch_id = b.batch_id);
end
$$;

select assess.recount();
