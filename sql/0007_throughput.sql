-- Many jobs a second: what is written for each job is made less, and what is
-- counted over all of them is kept instead of counted.

-- The same time to the microsecond, in a form that is put into the statement
-- that calls it: extract() depends on the time zone for other fields, so what
-- calls it is no more than stable, and was run as a function for each row.  A
-- double has a fifth of a microsecond; half a one decides which millisecond.
create or replace function assess.ms(timestamptz) returns bigint
    language sql stable strict parallel safe
    return floor(date_part('epoch', $1) * 1000 + 0.0005)::bigint;

-- The statement that starts a job joins the document and the question set
-- within its tenant, and the one that deletes a document deletes what hangs
-- on it: foreign keys would look all of that up again for each row, in each
-- of the many statements of a job.

alter table assess.idempotency_keys
    drop constraint idempotency_keys_tenant_job_id_fkey;

alter table assess.assessment_answers
    drop constraint assessment_answers_tenant_job_id_fkey;

alter table assess.assessment_jobs
    drop constraint assessment_jobs_tenant_assessment_id_fkey,
    drop constraint assessment_jobs_tenant_document_id_fkey,
    drop constraint assessment_jobs_tenant_question_set_id_fkey,
    drop constraint assessment_jobs_tenant_batch_id_fkey,
    drop constraint assessment_jobs_tenant_job_id_key;

-- The server reads each check anew for each statement, so they are one, of what
-- would mislead somebody; the rest is held by the statements that write it.
alter table assess.assessment_jobs
    drop constraint assessment_jobs_status_check,
    drop constraint assessment_jobs_stage_check,
    drop constraint assessment_jobs_progress_check,
    drop constraint assessment_jobs_total_batches_check,
    drop constraint assessment_jobs_check,
    drop constraint assessment_jobs_questions_per_batch_check,
    drop constraint assessment_jobs_attempt_check,
    drop constraint assessment_jobs_priority_check,
    drop constraint assessment_jobs_cost_check,
    drop constraint assessment_jobs_max_cost_check,
    drop constraint assessment_jobs_lost_check,
    drop constraint assessment_jobs_steps_check,
    drop constraint assessment_jobs_check1,
    drop constraint assessment_jobs_check2,
    drop constraint assessment_jobs_check3,
    drop constraint assessment_jobs_check4,
    drop constraint assessment_jobs_check5,
    drop constraint assessment_jobs_check6,
    drop constraint assessment_jobs_check7,
    drop constraint assessment_jobs_check8,
    add constraint assessment_jobs_state check (
        case status
            when 'queued' then lease_owner is null and completed_at is null
            when 'processing' then lease_owner is not null
                and lease_until is not null and completed_at is null
            when 'completed' then lease_owner is null
                and completed_at is not null and progress = 100
            when 'failed' then lease_owner is null
                and completed_at is not null and error_code is not null
            when 'cancelled' then lease_owner is null
                and completed_at is not null
            when 'budget_exceeded' then lease_owner is null
                and completed_at is not null
            else false
        end);

alter table assess.idempotency_keys
    add foreign key (job_id)
        references assess.assessment_jobs on delete cascade;

drop index assess.idempotency_keys_job;

create index idempotency_keys_job
    on assess.idempotency_keys (job_id);

-- An assessment has one job, which has all there is to say of it.
drop table assess.document_assessments;

drop index assess.assessment_jobs_assessment;

-- All jobs, newest first, are those of each status, newest first, merged.
drop index assess.assessment_jobs_newest;


-- How many jobs a tenant has in each status.  Written in the transaction of
-- the change, under the lock of the event counter.
create table assess.job_counts (
    tenant  text not null,
    status  text not null,
    jobs    bigint not null,
    primary key (tenant, status)
);

-- A few rows that every change updates.
alter table assess.job_counts set (fillfactor = 10);

insert into assess.job_counts (tenant, status, jobs)
    select tenant, status, count(*) from assess.assessment_jobs
    group by tenant, status;


-- The event log.  What one transaction tells is one row: event first_id + n is
-- element n + 1 of each array.  An event that is taken out, with its
-- document, leaves nulls: the others keep their ids.
create table assess.event_log (
    first_id      bigint primary key,
    last_id       bigint not null,
    created_at    timestamptz not null default now(),
    types         text[] not null,
    tenants       text[] not null,
    users         text[] not null,
    job_ids       uuid[] not null,
    document_ids  uuid[] not null,
    batch_ids     uuid[] not null,
    data          text[] not null,

    check (cardinality(data) = last_id - first_id + 1)
);

-- Written once, read by few: not worth compressing.
alter table assess.event_log alter column data set storage external;

-- Where the events of a job are: see told_at.
create index event_log_created
    on assess.event_log (created_at);

-- The transaction time of the job's last event, by which that is found in the
-- log.  In no index: a running job is updated many times.
alter table assess.assessment_jobs
    add column told_at timestamptz not null default now();

update assess.assessment_jobs j set told_at = e.told_at from (
    select job_id, max(created_at) as told_at
    from assess.assessment_progress_events group by job_id) e
    where e.job_id = j.job_id;

insert into assess.event_log
    select event_id, event_id, created_at, array[type], array[tenant],
        array[user_name], array[job_id], array[document_id],
        array[batch_id], array[data]
    from assess.assessment_progress_events;

drop table assess.assessment_progress_events;

-- The same, one event a row, for people.
create view assess.assessment_progress_events as
    select l.first_id + e.n - 1 as event_id, e.tenant, e.user_name, e.job_id,
        e.document_id, e.batch_id, e.type, e.data, l.created_at
    from assess.event_log l
    cross join lateral unnest(l.types, l.tenants, l.users, l.job_ids,
        l.document_ids, l.batch_ids, l.data) with ordinality
        as e (type, tenant, user_name, job_id, document_id, batch_id, data, n)
    where e.type is not null;
