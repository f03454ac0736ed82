-- Assessments, the jobs that run them, batches of them, and their answers.

create table assess.batch_assessments (
    batch_id              uuid primary key,
    tenant                text not null references assess.companies,
    user_name             text,
    question_set_id       uuid not null,
    status                text not null default 'queued'
                          check (status in ('queued', 'processing', 'paused',
                              'completed', 'cancelled', 'budget_exceeded')),
    total_documents       int not null check (total_documents > 0),
    completed_documents   int not null default 0,
    failed_documents      int not null default 0,
    cancelled_documents   int not null default 0,
    input_tokens          bigint not null default 0,
    output_tokens         bigint not null default 0,
    cost                  numeric not null default 0,
    estimated_cost        numeric,
    max_cost              numeric,
    priority              int not null default 0,
    callback_url          text,
    notify_email          text,
    metadata              text not null default '{}',
    estimated_completion  timestamptz,
    created_at            timestamptz not null default now(),
    started_at            timestamptz,
    completed_at          timestamptz,

    check (completed_documents >= 0 and failed_documents >= 0
           and cancelled_documents >= 0
           and completed_documents + failed_documents + cancelled_documents
               <= total_documents),

    unique (tenant, batch_id),
    foreign key (tenant, question_set_id)
        references assess.question_sets (tenant, question_set_id)
);

create index batch_assessments_newest
    on assess.batch_assessments (tenant, created_at desc, batch_id desc);


-- What was asked of which document.  A job is one way of getting there.
create table assess.document_assessments (
    assessment_id    uuid primary key,
    tenant           text not null,
    user_name        text,
    document_id      uuid not null,
    question_set_id  uuid not null,
    created_at       timestamptz not null default now(),

    unique (tenant, assessment_id),
    foreign key (tenant, document_id)
        references assess.documents (tenant, document_id) on delete cascade,
    foreign key (tenant, question_set_id)
        references assess.question_sets (tenant, question_set_id)
);

create index document_assessments_document
    on assess.document_assessments (tenant, document_id);


create table assess.assessment_jobs (
    job_id                uuid primary key,
    tenant                text not null,
    user_name             text,
    assessment_id         uuid not null,
    document_id           uuid not null,
    question_set_id       uuid not null,
    batch_id              uuid,

    status                text not null default 'queued'
                          check (status in ('queued', 'processing',
                              'completed', 'failed', 'cancelled',
                              'budget_exceeded')),
    stage                 text
                          check (stage in ('extracting', 'vector_lookup',
                              'llm_processing', 'finalizing')),
    progress              int not null default 0
                          check (progress between 0 and 100),
    total_batches         int not null check (total_batches >= 0),
    completed_batches     int not null default 0
                          check (completed_batches between 0 and total_batches),
    questions_per_batch   int not null check (questions_per_batch > 0),
    attempt               int not null default 0 check (attempt >= 0),
    priority              int not null default 0
                          check (priority between -100 and 100),

    -- Waits, but is not to be claimed: its batch is paused.
    held                  boolean not null default false,

    provider              text not null,
    model                 text,
    callback_url          text,
    metadata              text not null default '{}',
    estimated_completion  timestamptz,

    input_tokens          bigint not null default 0,
    output_tokens         bigint not null default 0,

    -- Money is added up in decimal: a sum of many small doubles drifts.
    cost                  numeric not null default 0 check (cost >= 0),
    max_cost              numeric check (max_cost >= 0),

    error_code            text,
    error_message         text,

    -- Who runs it and until when; the fence rises with each claim and tells
    -- a worker that comes too late from the one that has the lease.
    lease_owner           text,
    lease_until           timestamptz,
    fence                 bigint not null default 0,

    -- How often in a row it was left by a lease that ran out, with no answer
    -- saved in between: what ends its worker is not tried for ever.
    lost                  integer not null default 0 check (lost >= 0),

    created_at            timestamptz not null default now(),
    started_at            timestamptz,
    completed_at          timestamptz,

    check ((status = 'processing') = (lease_owner is not null)),
    check ((status = 'processing') = (lease_until is not null)),
    check (stage is null or status = 'processing'),
    check ((completed_at is null) = (status in ('queued', 'processing'))),
    check ((error_code is null) or status in ('failed', 'budget_exceeded')),
    check (status <> 'failed' or error_code is not null),
    check (status <> 'completed' or progress = 100),

    unique (tenant, job_id),
    foreign key (tenant, assessment_id)
        references assess.document_assessments (tenant, assessment_id)
        on delete cascade,
    foreign key (tenant, document_id)
        references assess.documents (tenant, document_id) on delete cascade,
    foreign key (tenant, question_set_id)
        references assess.question_sets (tenant, question_set_id),
    foreign key (tenant, batch_id)
        references assess.batch_assessments (tenant, batch_id)
);

-- A running job is updated many times: room to do it in place, no index
-- touched.  That is why lease_until is in none.
alter table assess.assessment_jobs set (fillfactor = 70);

-- The claim walks this in its order and takes the first that is free.  Jobs
-- that have ended are not in it, so history does not slow it down; those that
-- run are, because a lease may run out, and they are few.
create index assessment_jobs_claim
    on assess.assessment_jobs (priority desc, created_at, job_id)
    where status in ('queued', 'processing');

-- The leases that an instance renews.
create index assessment_jobs_lease
    on assess.assessment_jobs (lease_owner)
    where status = 'processing';

-- Newest first under each filter.  created_at is the database's own clock,
-- what the client is shown and the order that it expects; ids are made by the
-- instances, whose clocks differ, and only break ties.
create index assessment_jobs_newest
    on assess.assessment_jobs (tenant, created_at desc, job_id desc);

create index assessment_jobs_status
    on assess.assessment_jobs (tenant, status, created_at desc, job_id desc);

create index assessment_jobs_document
    on assess.assessment_jobs
       (tenant, document_id, created_at desc, job_id desc);

create index assessment_jobs_batch
    on assess.assessment_jobs (tenant, batch_id, created_at desc, job_id desc)
    where batch_id is not null;

create index assessment_jobs_user
    on assess.assessment_jobs (tenant, user_name, created_at desc, job_id desc)
    where user_name is not null;

-- What the deletion of an assessment looks for.
create index assessment_jobs_assessment
    on assess.assessment_jobs (tenant, assessment_id);


create table assess.assessment_answers (
    tenant       text not null,
    job_id       uuid not null,
    ordinal      int not null check (ordinal >= 0),
    question_id  text not null,
    verdict      text not null
                 check (verdict in ('compliant', 'partially_compliant',
                     'non_compliant', 'not_applicable',
                     'insufficient_evidence')),
    confidence   double precision not null check (confidence between 0 and 1),
    rationale    text not null,

    -- A JSON array in rank order; text, because a quote may hold what jsonb
    -- refuses.
    evidence     text not null,

    provider     text not null,
    model        text not null,
    cached       boolean not null,
    created_at   timestamptz not null default now(),

    -- One answer a question: whoever comes second keeps the first.
    primary key (job_id, ordinal),
    foreign key (tenant, job_id)
        references assess.assessment_jobs (tenant, job_id) on delete cascade
);


-- A start made twice under one key is made once.  The key is bytes: it is
-- the client's, and nothing says that it is text.
create table assess.idempotency_keys (
    tenant        text not null,
    key           bytea not null check (length(key) between 1 and 255),
    request_hash  text not null,
    job_id        uuid not null,
    created_at    timestamptz not null default now(),

    primary key (tenant, key),
    foreign key (tenant, job_id)
        references assess.assessment_jobs (tenant, job_id) on delete cascade
);

create index idempotency_keys_job
    on assess.idempotency_keys (tenant, job_id);

create index idempotency_keys_age
    on assess.idempotency_keys (created_at);
