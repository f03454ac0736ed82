-- When a batch will have ended: what is known of it, and what that is made of.

alter table assess.batch_assessments

    -- How good estimated_completion is, and where it is nine of ten times.
    add column estimate_quality text,
    add column estimated_earliest timestamptz,
    add column estimated_latest timestamptz,

    -- Not before then it is made anew.
    add column estimate_due timestamptz not null default '-infinity',

    -- Not before then its cost is estimated: whoever does so may have died.
    -- 'infinity': it was, or cannot be.
    add column cost_due timestamptz not null default '-infinity',

    -- It was paused, or had ended, before: what was done until then says
    -- nothing about how fast it is.
    add column measured_from timestamptz;

-- When the text was read, by which it is known whether a job had to.
alter table assess.documents
    add column read_at timestamptz;
