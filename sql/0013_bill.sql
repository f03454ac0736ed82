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


-- Where the cost of a job is limited, of requests that are under way the most
-- that they can cost is reserved; of those of which nobody said what they cost,
-- since their answer was lost or their worker has died, it stays reserved, for
-- they may be on the bill.
alter table assess.assessment_jobs
    add column reserved numeric not null default 0,
    add column doubtful numeric not null default 0,

    -- The run that has reserved, and the day that it counts for.
    add column reserved_fence bigint,
    add column reserved_day text;

-- The same of a batch, whose id is the name, and of a tenant on a day.
create table assess.budgets (
    tenant    text not null,
    name      text not null,
    spent     numeric not null default 0,
    reserved  numeric not null default 0,
    doubtful  numeric not null default 0,
    primary key (tenant, name)
);

-- Few rows, updated all the time.
alter table assess.budgets set (fillfactor = 25);


-- Reserves as many of these amounts as fit, from the first on, below each of
-- the limits that is not null: of the job, of its batch, of its tenant on a day.
-- Where not even the first one does: "wait" when it may once others are
-- settled, or else whose limit it is.  The job's row is locked, then those of
-- the budgets, in the order of their names, and nothing behind them.
create function assess.reserve(of_tenant text, of_job uuid, of_fence bigint,
    of_owner text, amounts numeric[], batch text, batch_max numeric, day text,
    day_max numeric, out fits int, out why text)
    language plpgsql as $$
declare
    j record;
    b record;
    d record;
    left_over numeric := 0;
    total numeric := 0;
    amount numeric;
begin
    fits := 0;

    select a.cost, a.reserved, a.doubtful, a.reserved_fence, a.reserved_day,
        a.max_cost into j
        from assess.assessment_jobs a
        where a.tenant = of_tenant and a.job_id = of_job
        and a.fence = of_fence and a.lease_owner = of_owner
        and a.status = 'processing' for update;

    if not found then
        why := 'lost';
        return;
    end if;

    insert into assess.budgets (tenant, name)
        select of_tenant, n from unnest(array[batch, day]) n
        where n is not null order by n on conflict do nothing;

    perform 1 from assess.budgets u where u.tenant = of_tenant
        and u.name in (batch, day, j.reserved_day) order by u.name for update;

    -- What a run before this one had under way may be billed.
    if j.reserved_fence is distinct from of_fence then

        left_over := j.reserved;

        update assess.assessment_jobs a set reserved = 0,
            doubtful = a.doubtful + left_over, reserved_fence = of_fence,
            reserved_day = day
            where a.tenant = of_tenant and a.job_id = of_job;

        if left_over > 0 then
            update assess.budgets u set reserved = u.reserved - left_over,
                doubtful = u.doubtful + left_over
                where u.tenant = of_tenant and u.name in (batch, j.reserved_day);
        end if;

        j.doubtful := j.doubtful + left_over;
        j.reserved := 0;
    end if;

    select * into b from assess.budgets u
        where u.tenant = of_tenant and u.name = batch;
    select * into d from assess.budgets u
        where u.tenant = of_tenant and u.name = day;

    foreach amount in array amounts loop

        exit when j.cost + j.reserved + j.doubtful + total + amount
                > j.max_cost
            or b.spent + b.reserved + b.doubtful + total + amount > batch_max
            or d.spent + d.reserved + d.doubtful + total + amount > day_max;

        total := total + amount;
        fits := fits + 1;
    end loop;

    if fits > 0 then
        update assess.assessment_jobs a set reserved = a.reserved + total
            where a.tenant = of_tenant and a.job_id = of_job;
        update assess.budgets u set reserved = u.reserved + total
            where u.tenant = of_tenant and u.name in (batch, day);
        why := 'fits';
        return;
    end if;

    why := case
        when j.cost + j.doubtful + amounts[1] > j.max_cost then 'job'
        when b.spent + b.doubtful + amounts[1] > batch_max then 'batch'
        when d.spent + d.doubtful + amounts[1] > day_max then 'day'
        else 'wait' end;
end
$$;
