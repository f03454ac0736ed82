-- The jobs of a document, found by its id alone, which is that of one tenant:
-- without the text in front, whose length varies, an entry takes a third of the
-- time, and each job makes three of them.
drop index assess.assessment_jobs_document;

create index assessment_jobs_document
    on assess.assessment_jobs (document_id, created_at desc, job_id desc);
