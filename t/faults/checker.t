#!/usr/bin/perl

# The checks of the fault suite find what they are for: a run without faults
# passes all of them, and then everything is broken, one thing after the other.

use strict;
use warnings;

use Time::HiRes qw(time);

use Assess::Faults;
use Assess::Faults::Check;
use Assess::Faults::Ledger;
use Assess::Process qw(slurp);
use Assess::Test;

my $f = Assess::Faults->new(seed => 1, jobs => 3, count => 0, kinds => []);

$SIG{$_} = sub { die "interrupted\n" } for qw(INT TERM);
$f->run;

for my $check ($f->checks) {
    my ($name, @wrong) = @$check;
    is(join("\n", @wrong), '', "a quiet run: $name");
}

my $cluster = $f->{cluster};
my $query = sub { $cluster->sql(@_) };


# --- rows

# Something is broken for as long as a query runs, whatever keys say to it.
sub broken {
    my ($change) = @_;

    return sub {
        $cluster->sql_as('postgres', 'assess',
            "begin; set local session_replication_role = replica; $change;"
            . " $_[0]; rollback");
    };
}

my $one = '(select job_id from assess.assessment_jobs order by 1 limit 1)';
my $document = '(select document_id from assess.documents order by 1 limit 1)';

sub queued_becomes {
    my ($type) = @_;

    return "update assess.event_log set types[array_position(job_ids, $one)]"
        . " = '$type' where job_ids \@> array[$one]"
        . " and types[array_position(job_ids, $one)] = 'queued'";
}

my %plant = (
    'every job has completed' =>
        "update assess.assessment_jobs set status = 'failed', error_code = 'x'"
        . " where job_id = $one",
    'a completed job is complete' =>
        'update assess.assessment_jobs set completed_batches = 19'
        . " where job_id = $one",
    'every question has one answer' =>
        'delete from assess.assessment_answers where ordinal = 7 and job_id ='
        . $one,
    'an answer belongs to its question' =>
        "update assess.assessment_answers set question_id = 'q9'"
        . " where ordinal = 7 and job_id = $one",
    'event ids are 1 to n' =>
        'update assess.event_log set types[(6 - first_id)::int] = null'
        . ' where 5 between first_id and last_id',
    'an event is of a job that is there' =>
        'update assess.event_log set job_ids[(6 - first_id)::int] ='
        . ' gen_random_uuid() where 5 between first_id and last_id',
    'the first event of a job is queued' =>
        queued_becomes('progress'),
    'the last event of a job is its end, and no other is' =>
        queued_becomes('complete'),
    'an assessment has one job' =>
        'update assess.assessment_jobs set assessment_id = (select'
        . ' assessment_id from assess.assessment_jobs where job_id = '
        . "$one) where job_id <> $one",
    'an answer has its job' =>
        "delete from assess.assessment_jobs where job_id = $one",
    'a job is in one state' =>
        'update assess.assessment_jobs set completed_at = null'
        . " where job_id = $one",
    'a job is of a document and a set of its tenant' =>
        'update assess.assessment_jobs set question_set_id ='
        . " gen_random_uuid() where job_id = $one",
    'the jobs are counted' =>
        'update assess.job_counts set jobs = jobs + 1'
        . " where status = 'completed'",
    'so are those of each lane' =>
        'update assess.lanes set running = running + 1',
    'a job waits in the lane that it belongs to' =>
        "update assess.assessment_jobs set lane = 7, status = 'queued'"
        . " where job_id = $one",
    'a batch counts its jobs' =>
        'insert into assess.batch_assessments (batch_id, tenant,'
        . ' question_set_id, total_documents, completed_documents)'
        . ' select gen_random_uuid(), tenant, question_set_id, 1, 1'
        . ' from assess.question_sets limit 1',
    'a batch whose jobs have ended has ended, and was told' =>
        'insert into assess.batch_assessments (batch_id, tenant,'
        . ' question_set_id, total_documents, completed_documents)'
        . ' select gen_random_uuid(), tenant, question_set_id, 1, 1'
        . ' from assess.question_sets limit 1',
    'a key has its job' =>
        'update assess.idempotency_keys set job_id = gen_random_uuid()'
        . " where job_id = $one",
    'a document is reviewed when a job on it has completed' =>
        'update assess.documents set reviewed = false'
        . " where document_id = $document",
    'documents are counted' =>
        'update assess.document_counts set total = total + 1; insert into'
        . ' assess.document_changes select tenant, 0, 1 from assess.documents'
        . ' limit 1',
    'a document has its bytes' =>
        'delete from assess.document_contents'
        . " where document_id = $document",
    'a document has its pages' =>
        "delete from assess.document_pages where document_id = $document",
    'a document that was sent has a job' =>
        'update assess.assessment_jobs set document_id = gen_random_uuid()'
        . " where document_id = $document",
);

is(join("\n", sort keys %plant), join("\n", Assess::Faults::Check::names()),
    'every query is put to the test');

for my $name (sort keys %plant) {
    my @wrong = Assess::Faults::Check::query($name, broken($plant{$name}));
    ok(scalar @wrong, "found: not $name");
}

my @started = $f->{load}->started;

ok(scalar Assess::Faults::Check::jobs([@started[1 .. 2]], $query),
    'found: a job that no client was told of');
ok(scalar Assess::Faults::Check::jobs([@started, { %{ $started[0] },
    job => '00000000-0000-7000-8000-000000000000' }], $query),
    'found: a 202 without a job');
ok(scalar Assess::Faults::Check::jobs([@started, $started[0]], $query),
    'found: one job for two starts');


# --- streams

my @log = Assess::Faults::Check::events($query);
my ($all) = grep { ($_->{tenant} // '') eq 'one' } $f->{load}->seen;
my @seen = @{ $all->{rounds}[0]{seen} };

sub stream { return scalar Assess::Faults::Check::stream(\@_, \@log,
                                                         tenant => 'one') }

ok(@seen > 20, 'a subscriber saw something');
is(stream(@seen), 0, 'and it is well');
ok(stream(@seen[0 .. 8, 10 .. $#seen]), 'found: a gap');
ok(stream(@seen[0 .. $#seen - 1]), 'found: the end is missing');
ok(stream(@seen[0 .. 9, 9 .. $#seen]), 'found: an event twice');
ok(stream(@seen[0 .. 8, 10, 9, 11 .. $#seen]), 'found: the wrong order');
ok(stream(@seen[0 .. $#seen - 1], { %{ $seen[-1] }, type => 'error' }),
    'found: another event');
ok(stream(@seen, { id => @log + 1, type => 'progress', job => 'x' }),
    'found: one that nobody wrote');

my $job = $seen[0]{job};
my @of = grep { $_->{job} eq $job } @seen;
is(scalar Assess::Faults::Check::stream([@of[4 .. $#of]], \@log,
    jobs => [$job]), 0, 'a job is followed from anywhere');
ok(scalar Assess::Faults::Check::stream([@of[4 .. 6, 8 .. $#of]], \@log,
    jobs => [$job]), 'found: a gap in it');
ok(scalar Assess::Faults::Check::stream([], \@log, jobs => [$job]),
    'found: nothing of it');

my @down = map { { %$_ } } grep { $_->{job} eq $job } @log;
$down[-2]{data} =~ s/"progress":\d+/"progress":3/;
ok(scalar Assess::Faults::Check::progress(\@down),
    'found: progress goes down');


# --- the account

my $text = slurp($f->{account});
my ($q, $number, $pid, $name, $id) = $text
    =~ m{^(Q \d+ (\d+) (\d+) \S+ (faults-00001\S+) (q\d+).*\n)}m;
my ($ended) = $text =~ /^A (\d+) $number /m;
my ($asked) = $q =~ /^Q (\d+)/;

# the first request once more, some seconds after its answer
sub again {
    my ($after, %fate) = @_;

    my $more = $q =~ s/^Q \d+ \d+/'Q ' . ($ended + $after * 1e6) . ' 999999'/er;
    return Assess::Faults::Ledger->new(lease => 2, %fate)
        ->read_text("$text$more");
}

sub excuses {
    return join ' ', map { $_->{excuse} // '-' }
        grep { $_->{id} eq $id } again(@_)->repetitions;
}

my ($from, $to) = ($asked / 1e6, $ended / 1e6);

is(excuses(3), '-', 'found: asked again without a reason');
is(excuses(3, killed => { $pid => [$to + 0.1, $to + 0.1] }), 'killed',
    'excused: killed at once');
is(excuses(3, killed => { $pid => [$to + 1, $to + 1] }), '-',
    'found: killed, but when it had long been saved');
is(excuses(3, killed => { $pid => [$from - 1, $from - 1] }), '-',
    'found: killed before it was asked');
is(excuses(3, killed => { $pid + 1 => [$to + 0.1, $to + 0.1] }), '-',
    'found: another one was killed');
is(excuses(3, frozen => { $pid => [[$to - 0.1, $to + 2.5]] }), 'frozen',
    'excused: stood still');
is(excuses(3, frozen => { $pid => [[$to - 0.1, $to + 0.2]] }), '-',
    'found: stood still for less than a lease');
is(excuses(3, frozen => { $pid => [[$to + 1, $to + 2.95]] }), 'woken',
    'excused: sent when it was woken');
is(excuses(3, frozen => { $pid => [[$to + 1, $to + 2.5]] }), '-',
    'found: sent long after it was woken');
is(excuses(9, away => [[$to - 0.1, $to + 5]]), '-',
    'found: the database was away, but the process lived');
is(excuses(9, away => [[$to - 0.1, $to + 5]],
    killed => { $pid => [$to + 4, $to + 4] }), 'killed',
    'excused: killed before the database was back');
is(excuses(9, away => [[$to - 0.1, $to + 5]],
    killed => { $pid => [$to + 7.5, $to + 7.5] }), '-',
    'found: killed long after that');
is(excuses(9, away => [[$to - 0.1, $to + 5]],
    left => { $pid => [$to - 1, $to + 4] }), 'left',
    'excused: told to quit while the database was away');
is(excuses(9, left => { $pid => [$to - 1, $to + 4] }), '-',
    'found: told to quit, with a database');

my $saved = Assess::Faults::Check::saved($query);
$_ -= time - Assess::Faults::now() for values %$saved;

is(scalar(grep { !$_->{excuse} } again(3)->asked_though_saved($saved)),
    2, 'found: two questions were saved and asked again');
is(scalar(grep { !$_->{excuse} } again(3,
    frozen => { $pid => [[$to, $to + 2.9]] })->asked_though_saved($saved)),
    0, 'excused: by a process that was woken');


# --- money

sub tokens {
    my ($text, $sql) = @_;

    return scalar Assess::Faults::Check::tokens(Assess::Faults::Ledger
        ->new(lease => 2)->read_text($text), $sql // $query, 1, 2);
}

is(tokens($text), 0, 'tokens are those that were billed');
ok(tokens($text, broken('update assess.assessment_jobs set input_tokens ='
    . " input_tokens + 100, cost = cost + 0.0001 where job_id = $one")),
    'found: billed twice');
ok(tokens($text, broken("update assess.assessment_jobs set cost = cost * 2"
    . " where job_id = $one")), 'found: another price');
ok(tokens($text =~ s/^A \d+ $number .*\n//mr), 'found: billed without an answer');

my ($status, $in, $out) = $text =~ /^A \d+ $number (\d+) (\d+) (\d+)/m;
my $twice = $text . ($q =~ s/^Q (\d+) \d+/Q $1 999999/r)
    . "A $ended 999999 $status " . ($in + 1) . " $out\n";
is(tokens($twice), 0, 'of two answers to a question one counts');
is(tokens($twice, broken('update assess.assessment_jobs j set input_tokens ='
    . ' input_tokens + 1, cost = cost + 1e-6 from assess.documents d where'
    . " d.document_id = j.document_id and d.filename = '$name'")), 0,
    'either of them');
ok(tokens($twice, broken('update assess.assessment_jobs j set input_tokens ='
    . ' input_tokens + 2, cost = cost + 2e-6 from assess.documents d where'
    . " d.document_id = j.document_id and d.filename = '$name'")),
    'found: neither');


# --- files

my $home = $f->{nodes}[0]{server}{home};

open my $fh, '>', "$home/temp/assess/left" or die "left: $!\n";
close $fh;
is(join(' ', $f->leftovers), '0/temp/assess/left', 'found: a file is left');
unlink "$home/temp/assess/left";
is(join(' ', $f->leftovers), '', 'and nothing but that');

$f->done;
