-- Question sets: never changed, never deleted; a change is a new version.

create table assess.question_sets (
    question_set_id  uuid primary key,
    tenant           text not null references assess.companies,
    name             text not null check (name ~ '^[A-Za-z0-9._-]{1,64}$'),
    version          int not null check (version > 0),
    title            text,
    instructions     text,

    -- The JSON as it was made canonical, to the byte: text, because jsonb
    -- would order keys anew and refuse an escaped NUL.
    questions        text not null,
    question_count   int not null check (question_count > 0),

    -- Of title, instructions and questions: is a PUT the newest again?
    sha256           bytea not null check (length(sha256) = 32),

    created_at       timestamptz not null default now(),

    unique (tenant, name, version),
    unique (tenant, question_set_id)
);
