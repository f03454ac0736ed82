package Assess::Faults::Check;

# What must be true when all jobs have ended, whatever was done to them.  Each
# check returns what is wrong, a line each; nothing where all is well.

use strict;
use warnings;

use JSON::PP ();

my $json = JSON::PP->new->utf8;

# name => a query that finds nothing
my %nothing = (
    'every job has completed' =>
        'select job_id, status, error_code, error_message'
        . " from assess.assessment_jobs where status <> 'completed'",

    'a completed job is complete' =>
        'select job_id, progress, completed_batches, total_batches'
        . " from assess.assessment_jobs where status = 'completed' and"
        . ' (progress <> 100 or completed_batches <> total_batches)',

    'every question has one answer' =>
        'select j.job_id, s.question_count, count(a.ordinal),'
        . ' count(distinct a.ordinal), min(a.ordinal), max(a.ordinal)'
        . ' from assess.assessment_jobs j'
        . ' join assess.question_sets s using (question_set_id)'
        . ' left join assess.assessment_answers a using (job_id)'
        . ' group by j.job_id, s.question_count'
        . ' having count(a.ordinal) <> s.question_count'
        . ' or count(distinct a.question_id) <> s.question_count'
        . ' or min(a.ordinal) <> 0'
        . ' or max(a.ordinal) <> s.question_count - 1',

    'an answer belongs to its question' =>
        'select a.job_id, a.ordinal, a.question_id'
        . ' from assess.assessment_answers a'
        . ' join assess.assessment_jobs j using (job_id)'
        . ' join assess.question_sets s using (question_set_id)'
        . ' where (s.questions::json -> a.ordinal ->> \'id\')'
        . ' is distinct from a.question_id',

    'event ids are 1 to n' =>
        'select c.value, e.n, e.low, e.high from assess.event_counter c,'
        . ' (select count(*) n, min(event_id) low, max(event_id) high'
        . ' from assess.assessment_progress_events) e'
        . ' where c.value <> e.n or e.low <> 1 or e.high <> e.n',

    'an event is of a job that is there' =>
        'select e.event_id from assess.assessment_progress_events e'
        . ' left join assess.assessment_jobs j on j.job_id = e.job_id'
        . ' and j.tenant = e.tenant and j.document_id = e.document_id'
        . ' where j.job_id is null and not exists (select'
        . ' from assess.batch_assessments b where b.batch_id = e.batch_id'
        . " and b.tenant = e.tenant and e.type = 'batch'"
        . ' and e.job_id is null)',

    'the first event of a job is queued' =>
        'select j.job_id, e.type from assess.assessment_jobs j'
        . ' left join lateral (select type'
        . ' from assess.assessment_progress_events p'
        . ' where p.job_id = j.job_id order by event_id limit 1) e on true'
        . " where e.type is distinct from 'queued'"

        # a batch is told once, and not each of its jobs
        . " and (j.batch_id is null or e.type is distinct from 'progress')",

    'the last event of a job is its end, and no other is' =>
        "select job_id, string_agg(type, ' ' order by event_id)"
        . " filter (where type <> 'progress')"
        . ' from assess.assessment_progress_events'
        . ' where job_id is not null group by job_id'
        . " having count(*) filter (where type not in ('queued', 'progress'))"
        . " <> 1 or (array_agg(type order by event_id desc))[1]"
        . " in ('queued', 'progress')",

    'an assessment has one job' =>
        'select assessment_id, count(*) from assess.assessment_jobs'
        . ' group by assessment_id having count(*) <> 1',

    'an answer has its job' =>
        'select distinct a.job_id from assess.assessment_answers a'
        . ' left join assess.assessment_jobs j using (job_id)'
        . ' where j.job_id is null',

    'a job is in one state' =>
        'select job_id, status from assess.assessment_jobs where not case'
        . " when status = 'queued' then lease_owner is null"
        . '  and lease_until is null and completed_at is null'
        . " when status = 'processing' then lease_owner is not null"
        . '  and lease_until is not null and completed_at is null'
        . " when status = 'completed' then lease_owner is null"
        . '  and completed_at is not null and progress = 100'
        . '  and error_code is null'
        . " when status = 'failed' then lease_owner is null"
        . '  and completed_at is not null and error_code is not null'
        . " when status in ('cancelled', 'budget_exceeded') then lease_owner"
        . '  is null and completed_at is not null'
        . ' else false end'
        . " or stage is not null and status <> 'processing'"
        . " or worker_id is not null and status <> 'processing'"
        . ' or progress not between 0 and 100'
        . ' or completed_batches not between 0 and total_batches'
        . ' or cost < 0 or attempt < 0 or lost < 0',

    'a job is of a document and a set of its tenant' =>
        'select j.job_id from assess.assessment_jobs j'
        . ' left join assess.documents d using (tenant, document_id)'
        . ' left join assess.question_sets s'
        . ' on s.tenant = j.tenant and s.question_set_id = j.question_set_id'
        . ' where d.document_id is null or s.question_set_id is null',

    'the jobs are counted' =>
        'select tenant, status, j.jobs, k.jobs from (select tenant, status,'
        . ' count(*) as jobs from assess.assessment_jobs'
        . ' group by tenant, status) j full join assess.job_counts k'
        . ' using (tenant, status)'
        . ' where coalesce(j.jobs, 0) <> coalesce(k.jobs, 0)',

    'so are those of each lane' =>
        'select lane, j.queued, k.queued, j.running, k.running from'
        . " (select lane, count(*) filter (where status = 'queued') as queued,"
        . " count(*) filter (where status = 'processing') as running"
        . ' from assess.assessment_jobs'
        . " where status in ('queued', 'processing') group by lane) j"
        . ' full join assess.lanes k using (lane)'
        . ' where coalesce(j.queued, 0) <> coalesce(k.queued, 0)'
        . ' or coalesce(j.running, 0) <> coalesce(k.running, 0)',

    'a job waits in the lane that it belongs to' =>
        'select job_id, lane from assess.assessment_jobs'
        . " where status in ('queued', 'processing') and lane <> assess.lane("
        . 'tenant, user_name, batch_id, priority, provider)',

    'a batch counts its jobs' =>
        'select b.batch_id, b.completed_documents, j.completed,'
        . ' b.failed_documents, j.failed, b.cancelled_documents, j.cancelled,'
        . ' b.jobs, j.jobs'
        . ' from assess.batch_assessments b cross join lateral (select'
        . " count(*) as jobs,"
        . " count(*) filter (where status = 'completed') as completed,"
        . " count(*) filter (where status in ('failed', 'budget_exceeded'))"
        . " as failed, count(*) filter (where status = 'cancelled')"
        . ' as cancelled, sum(input_tokens) as input, sum(output_tokens) as output,'
        . ' sum(cost) as cost from assess.assessment_jobs'
        . ' where batch_id = b.batch_id) j'
        . ' where b.completed_documents <> j.completed'
        . ' or b.failed_documents <> j.failed'
        . ' or b.cancelled_documents <> j.cancelled or b.jobs <> j.jobs'
        . ' or b.input_tokens <> j.input or b.output_tokens <> j.output'
        . ' or b.cost <> j.cost',

    'a batch whose jobs have ended has ended, and was told' =>
        'select batch_id, status, told, changes from assess.batch_assessments'
        . ' where completed_documents + failed_documents + cancelled_documents'
        . " = total_documents and (completed_at is null or status in ('queued',"
        . " 'processing') or told <> changes)",

    'a key has its job' =>
        'select encode(k.key, \'escape\') from assess.idempotency_keys k'
        . ' left join assess.assessment_jobs j using (job_id)'
        . ' where j.job_id is null',

    'a document is reviewed when a job on it has completed' =>
        'select d.document_id, d.reviewed from assess.documents d'
        . ' where d.reviewed <> exists (select from assess.assessment_jobs j'
        . ' where j.document_id = d.document_id'
        . " and j.status = 'completed')",

    'documents are counted' =>
        'select d.tenant, d.total, d.reviewed, c.total, c.reviewed from (select'
        . ' tenant, count(*) as total, count(*) filter (where reviewed)'
        . ' as reviewed from assess.documents group by tenant) d full join'
        . ' (select tenant, sum(total) as total, sum(reviewed) as reviewed'
        . ' from (table assess.document_counts union all'
        . ' select * from assess.document_changes) k group by tenant) c'
        . ' using (tenant) where coalesce(d.total, 0) <> coalesce(c.total, 0)'
        . ' or coalesce(d.reviewed, 0) <> coalesce(c.reviewed, 0)',

    'a document has its bytes' =>
        'select d.document_id, d.bytes, sum(length(c.data))'
        . ' from assess.documents d'
        . ' left join assess.document_contents c using (document_id)'
        . ' where d.object is null group by d.document_id'
        . ' having coalesce(sum(length(c.data)), 0) <> d.bytes',

    'a document has its pages' =>
        'select d.document_id, d.pages, count(p.page)'
        . ' from assess.documents d'
        . ' left join assess.document_pages p using (document_id)'
        . ' group by d.document_id'
        . ' having count(p.page) <> coalesce(d.pages, 0)',

    'a document that was sent has a job' =>
        'select d.document_id from assess.documents d'
        . ' left join assess.assessment_jobs j using (document_id)'
        . ' where j.job_id is null',
);


sub names { return sort keys %nothing }


# One of them; sql is a function that runs a query.
sub query {
    my ($name, $sql) = @_;

    return first_of(split /\n/, $sql->($nothing{$name}));
}


sub first_of {
    my (@lines) = @_;

    return @lines <= 8 ? @lines : (@lines[0 .. 7],
        '... ' . (@lines - 8) . ' more');
}


# The jobs that clients were told of are those there are: started is a list of
# {job, tenant, document}.
sub jobs {
    my ($started, $sql) = @_;

    my (@wrong, %told);

    my %there = map { my ($job, @rest) = split /\|/; ($job => "@rest") }
        split /\n/, $sql->('select job_id, tenant, document_id'
                           . ' from assess.assessment_jobs');

    for my $s (@$started) {
        push @wrong, "$s->{job} was told to two clients" if $told{ $s->{job} }++;
        push @wrong, "$s->{job} was told to a client and is not there"
            if ($there{ $s->{job} } // '') ne "$s->{tenant} $s->{document}";
    }

    push @wrong, map {"$_ is there and no client was told"}
        grep { !$told{$_} } sort keys %there;

    return first_of(@wrong);
}


# The whole log as a list of {id, tenant, job, document, type, data}.
sub events {
    my ($sql) = @_;

    return map {
        my %e;
        @e{qw(id tenant job document type data)} = split /\t/, $_, 6;
        \%e;
    } split /\n/, $sql->('select concat_ws(chr(9), event_id, tenant,'
        . " coalesce(job_id::text, '-'), coalesce(document_id::text, '-'),"
        . ' type, data) from assess.assessment_progress_events'
        . ' order by event_id');
}


# What a subscriber saw, a list of {id, type, job}, against the log: all of
# its tenant, or all of its jobs since the first that it saw of each.
sub stream {
    my ($seen, $log, %o) = @_;

    my @wrong;
    my $last = 0;

    for my $event (@$seen) {
        push @wrong, "$event->{id} came after $last" if $event->{id} <= $last;
        $last = $event->{id};
    }

    return first_of(@wrong) if @wrong;

    my %want;

    if ($o{jobs}) {
        my %first;
        $first{ $_->{job} } //= $_->{id} for @$seen;

        for my $job (@{ $o{jobs} }) {
            push @wrong, "nothing of the job $job" if !defined $first{$job};
        }

        %want = map { $_->{id} => $_ } grep { defined $first{ $_->{job} }
            && $_->{id} >= $first{ $_->{job} } } @$log;

    } else {
        %want = map { $_->{id} => $_ }
                grep { $_->{tenant} eq $o{tenant} } @$log;
    }

    for my $event (@$seen) {
        my $there = delete $want{ $event->{id} };

        push @wrong, "$event->{id} is not in the log of this subscriber"
            if !$there;
        push @wrong, "$event->{id} is another event in the log"
            if $there && "$there->{type} $there->{job}"
                ne "$event->{type} $event->{job}";
    }

    push @wrong, map {"$_ is missing"} sort { $a <=> $b } keys %want;

    return first_of(@wrong);
}


# Within an attempt progress does not go down; a claim begins a new one.
sub progress {
    my ($log) = @_;

    my (@wrong, %at);

    for my $event (@$log) {
        my $data = eval { $json->decode($event->{data}) };

        if (!$data) {
            push @wrong, "$event->{id} is no JSON";
            next;
        }

        next if $event->{job} eq '-';

        my $now = $data->{progress} // 0;
        my $new = $event->{type} eq 'queued'
            || ($data->{stage} // '') eq 'extracting' && $now == 0;

        push @wrong, "$event->{id}: from $at{ $event->{job} } to $now"
            if !$new && $now < ($at{ $event->{job} } // 0);

        $at{ $event->{job} } = $now;
    }

    return first_of(@wrong);
}


# Tokens of each job against the ledger, and its cost against its tokens;
# price: dollars for a million of input and of output tokens.
sub tokens {
    my ($ledger, $sql, @price) = @_;

    my @wrong;

    for my $row (split /\n/, $sql->('select j.job_id, d.filename,'
        . ' j.input_tokens, j.output_tokens, j.cost'
        . ' from assess.assessment_jobs j'
        . ' join assess.documents d using (document_id)'))
    {
        my ($job, $name, $input, $output, $cost) = split /\|/, $row;
        my $want = ($input * $price[0] + $output * $price[1]) / 1e6;

        push @wrong, "$job ($name): $input and $output tokens are not what"
            . ' was answered' if !$ledger->accounts_for($name, $input, $output);
        push @wrong, "$job: costs $cost, not $want"
            if abs($cost - $want) > 1e-9;
    }

    return first_of(@wrong);
}


# When the answer to each question was written: {"name id" => epoch seconds}.
sub saved {
    my ($sql) = @_;

    return { map { my ($name, $id, $at) = split /\|/; ("$name $id" => $at) }
        split /\n/, $sql->('select d.filename, a.question_id,'
            . ' extract(epoch from a.created_at)'
            . ' from assess.assessment_answers a'
            . ' join assess.assessment_jobs j using (job_id)'
            . ' join assess.documents d using (document_id)') };
}


1;
