-- The bill: by which prices a job was counted.

-- The first twelve digits of the hash of the price list.  Null: nothing was
-- paid for, or by a model without a price, whose cost is not known.
alter table assess.assessment_jobs
    add column price_version text;


-- How much text was found in a document, in bytes: null until it is read.
alter table assess.documents
    add column text_bytes bigint;

update assess.documents d set text_bytes = (
    select coalesce(sum(octet_length(p.text)), 0)
    from assess.document_pages p where p.document_id = d.document_id)
    where d.pages is not null;


-- What requests to a model took, as sums: tokens beside what was thought, the
-- length of answers, the time.  The row of all tenants has an empty name.
create table assess.token_rates (
    tenant     text not null,
    provider   text not null,
    model      text not null,
    requests   double precision not null,
    guess      double precision not null,
    input      double precision not null,
    cached     double precision not null,
    questions  double precision not null,
    output     double precision not null,
    ms         double precision not null,
    primary key (tenant, provider, model)
);

-- Few rows, updated all the time.
alter table assess.token_rates set (fillfactor = 50);
