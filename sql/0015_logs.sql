-- What happened to a job, line by line, and whether the queue is paused.

-- The lines of one write are one row: each is "when level text", an end of line
-- between two.  When is a time of the clock of who wrote them, of which "clock"
-- is what it showed when the row was made.  line_id puts the rows of a job in
-- order: whoever writes one has the lock on the job.
create table assess.job_lines (
    line_id     bigint generated always as identity primary key,
    job_id      uuid not null,
    written_at  timestamptz not null default clock_timestamp(),
    clock       bigint not null,
    lines       text not null
);

-- Written once, read by few: not worth compressing.
alter table assess.job_lines alter column lines set storage external;

create index job_lines_job
    on assess.job_lines (job_id, line_id);

-- The same, one line a row, for people.
create view assess.job_log as
    select l.job_id, l.written_at - (l.clock - split_part(t.line, ' ', 1)::bigint)
            * interval '1 millisecond' as said_at,
        split_part(t.line, ' ', 2) as level,
        regexp_replace(t.line, '^\S+ \S+ ', '') as message,
        l.line_id, t.n
    from assess.job_lines l cross join lateral
        string_to_table(l.lines, E'\n') with ordinality as t (line, n);


-- One row: while paused_at is set no job is begun, on any instance.
create table assess.queue_control (
    one        boolean primary key default true check (one),
    paused_at  timestamptz,
    paused_by  text
);

insert into assess.queue_control default values;
