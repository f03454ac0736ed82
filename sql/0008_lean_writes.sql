-- What each job writes again and again is made less once more.

-- The server reads the text of each check anew for each statement that writes
-- the table, which takes longer than the row.  What they said is held by the
-- statements, of which there are few; t/faults looks whether it is.
alter table assess.assessment_jobs
    drop constraint assessment_jobs_state;

alter table assess.assessment_answers
    drop constraint assessment_answers_ordinal_check,
    drop constraint assessment_answers_verdict_check,
    drop constraint assessment_answers_confidence_check,
    drop constraint assessment_answers_check;

alter table assess.documents
    drop constraint documents_kind_check,
    drop constraint documents_bytes_check,
    drop constraint documents_sha256_check,
    drop constraint documents_pages_check,
    drop constraint documents_active_jobs_check,
    drop constraint documents_check;

alter table assess.event_counter
    drop constraint event_counter_one_check,
    drop constraint event_counter_pruned_check,
    drop constraint event_counter_check;

alter table assess.event_log
    drop constraint event_log_check;

-- The jobs of a document, found by its id alone, which is that of one tenant:
-- without the text in front, whose length varies, an entry takes a third of the
-- time, and each job makes three of them.
drop index assess.assessment_jobs_document;

create index assessment_jobs_document
    on assess.assessment_jobs (document_id, created_at desc, job_id desc);
