-- What is to be told to others, by HTTP or by mail, written in the transaction
-- of the fact that it tells: neither can be without the other.

create table assess.notices (
    notice_id   uuid primary key,        -- the webhook-id, the Message-ID
    tenant      text not null,
    subject_id  uuid not null,           -- the job or the batch
    type        text not null,           -- job.completed, batch.cancelled, ...
    happened_at timestamptz not null,
    kind        text not null check (kind in ('webhook', 'email')),
    target      text not null,           -- a URL, or an address of mail

    -- Whose slowness must not hold up others: scheme, host and port.
    origin      text not null,
    body        text not null,

    created_at  timestamptz not null default now(),

    -- From when on it is sent.  While it is being sent, when it counts as not
    -- sent: whoever has it may have died.  tries tells one sending from the
    -- next.
    due_at      timestamptz not null default now(),
    tries       int not null default 0,
    last_error  text,

    -- Delivered, or given up; both are forgotten by age.
    ended_at    timestamptz,
    delivered   boolean not null default false,

    -- One fact is told once.
    unique (subject_id, type, happened_at, kind)
);

create index notices_due on assess.notices (due_at) where ended_at is null;

create index notices_ended on assess.notices (ended_at)
    where ended_at is not null;
