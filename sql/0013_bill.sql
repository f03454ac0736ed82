-- The bill: by which prices a job was counted.

-- The first twelve digits of the hash of the price list.  Null: nothing was
-- paid for, or by a model without a price, whose cost is not known.
alter table assess.assessment_jobs
    add column price_version text;
