-- What makes that nothing is lost, and nothing paid for twice: who runs a job,
-- how far its steps are saved, and answers that are found again.

alter table assess.assessment_jobs

    -- Which of the workers below has the lease; lease_owner is the run.
    add column worker_id uuid
        check (worker_id is null or status = 'processing'),

    -- How many steps are saved.  A step says which one it is: made a second
    -- time, because nobody knows whether it was committed, it changes nothing.
    add column steps bigint not null default 0 check (steps >= 0),

    -- Handed back in order: the next claim goes on with the same attempt.
    add column resumes boolean not null default false;

-- The leases that a worker renews.
create index assessment_jobs_worker
    on assess.assessment_jobs (worker_id)
    where status = 'processing';

drop index assess.assessment_jobs_lease;


-- Who is alive: a row for each worker process that runs jobs.  No foreign key
-- leads here: a job's lease outlives the row of its worker.
create table assess.assess_workers (
    worker_id    uuid primary key,

    -- Of one nginx: all its workers.
    instance_id  uuid not null,
    host         text not null,
    pid          int not null,

    -- How long its leases last; it is seen three times in that time.
    lease_ms     int not null check (lease_ms > 0),
    started_at   timestamptz not null default now(),
    seen_at      timestamptz not null default now()
);

-- Few rows, updated all the time.
alter table assess.assess_workers set (fillfactor = 25);


-- The SHA-256 of all that an answer depends on; null when it is not to be
-- used again.  An answer that was itself found in this way has none.
alter table assess.assessment_answers
    add column cache_key bytea
        check (cache_key is null
               or (length(cache_key) = 32 and not cached));

-- The newest answer under a key.
create index assessment_answers_cache
    on assess.assessment_answers (tenant, cache_key, created_at desc)
    where cache_key is not null and not cached;
