-- The trace that a job belongs to: the traceparent of the request that started
-- it (W3C Trace Context), where there was one.
alter table assess.assessment_jobs add column traceparent text;
