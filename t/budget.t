#!/usr/bin/perl

# Limits of what is spent: never a cent over, by what the provider has on its
# bill, with several workers of two servers at once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Assess::Contract;
use Assess::HTTP;
use Assess::Process qw(wait_until write_file);
use Assess::Provider;
use Assess::Test;
use File::Temp qw(tempdir);

use constant { IN => 2.5e-6, OUT => 1e-5 };

my $provider = Assess::Provider->new;
my $dir = tempdir('assess-s-XXXXXX', TMPDIR => 1, CLEANUP => 1);

write_file("$dir/prices.json", json({ 'test-model' => {
    input_cost_per_token => IN, output_cost_per_token => OUT } }));

my %env = ($provider->env, ASSESS_JOBS => 6, ASSESS_WORKERS => 2,
    ASSESS_LEASE => 3, ASSESS_PRICES => "$dir/prices.json",
    ASSESS_QUESTIONS_PER_BATCH => 5);
my $extra = "assess_tenant_budget 0.05 poor;\nassess_tenant_budget 1000 rich;\n";

my $t = Assess::Test->new(env => \%env, extra => $extra);
my $http = $t->http;
my $two = $t->another(env => \%env, extra => $extra);

$t->allow_alarm(qr/exited on signal 9/);

question_set($t, 'set', 40);

my @words = qw(exits alarm lighting extinguishers training doors signs storage
    assembly detectors record inspection corridor staircase monthly service);

sub text {
    my ($seed) = @_;

    return join ' ', "Document $seed.", map { $words[($_ * $_ + $seed * 7) % @words]
        . ($_ % 9 == 8 ? '.' : '') } 1 .. 1500;
}

my @docs = map { $t->upload(text($_), 'text/plain', filename => "$_.txt") }
    1 .. 30;


# Dollars on the provider's bill, since it was told to begin anew.
sub billed {
    my $b = $provider->stats->{billed};

    return $b->{input} * IN + $b->{output} * OUT;
}


# What the database has of the budgets' rows and of the jobs.
sub reserved {
    return 0 + $t->sql('select coalesce((select sum(reserved) from'
        . ' assess.assessment_jobs), 0) + coalesce((select sum(reserved) from'
        . ' assess.budgets), 0)');
}


# one job, whose answers are kept
my $whole;

{
    $provider->control(reset => JSON::PP::true());

    my $job = $t->wait_job(start($t, $docs[0], 'set')->{jobId});
    is($job->{status}, 'completed', 'without a limit');
    cmp_ok(abs($job->{cost} - billed()), '<', 1e-9, 'it costs what is billed');
    unlike($provider->stats->{last}, qr/"max_tokens"/, 'no limit is sent');
    is($t->sql('select count(*) from assess.budgets'), 0, 'nothing is kept');
    $whole = $job->{cost};

    $provider->control(reset => JSON::PP::true());

    $job = $t->wait_job(start($t, $docs[1], 'set', maxCost => 2 * $whole)
        ->{jobId});
    is($job->{status}, 'completed', 'with enough') or diag(json($job));
    like($provider->stats->{last}, qr/"max_tokens":\s*[1-9]/,
        'the length of a reply is limited then');

    $provider->control(reset => JSON::PP::true());

    my $id = start($t, $docs[2], 'set', maxCost => $whole / 2)->{jobId};
    $job = $t->wait_job($id);

    job_is($job, 'budget_exceeded', 'with half of it');
    is($job->{error}{code}, 'budget_exceeded', 'which is told');
    like($job->{error}{message}, qr/maxCost/, 'in words');
    cmp_ok($job->{cost}, '<=', $whole / 2, 'not more is spent');
    cmp_ok($job->{cost}, '>', 0, 'but some of it');
    cmp_ok(abs($job->{cost} - billed()), '<', 1e-9, 'all that is billed');

    my $r = $http->get("/api/assessments/job/$id/results")->{json};
    cmp_ok(scalar @{ $r->{answers} }, '>', 0, 'its answers are kept');
    ok(!$r->{complete}, 'though not all');

    $job = $t->wait_job(start($t, $docs[3], 'set', maxCost => 0)->{jobId});
    is($job->{status}, 'budget_exceeded', 'with nothing');
    is(json($job->{cost}), 0, 'nothing is spent');

    my $a = $http->post("/api/assessments/job/$id/retry");
    is($a->{status}, 202, 'it may be run again');
    $job = $t->wait_job($id);
    is($job->{status}, 'budget_exceeded', 'within the same limit');
    cmp_ok($job->{cost}, '<=', $whole / 2, 'which holds');
    is(reserved(), 0, 'nothing is reserved any more');
}


# replies that are bad, cut, lost, and questions that are asked again
for my $mode (qw(missing bad_verdict garbage length cut reset truncated)) {

    $provider->control(reset => JSON::PP::true(), mode => $mode);

    my $job = $t->wait_job(start($t, $docs[4], 'set', maxCost => $whole / 2)
        ->{jobId});

    cmp_ok(billed(), '<=', $whole / 2, "$mode: not more is billed")
        or diag(json($job));
    cmp_ok($job->{cost}, '<=', billed() + 1e-9, "$mode: nor told");
    is(reserved(), 0, "$mode: nothing is reserved any more");
}


# a batch, by four workers of two servers
sub batch {
    my (%more) = @_;

    my $a = $http->post('/api/assessments/batch', json =>
        { documentIds => \@docs, questionSet => 'set', %more });
    is($a->{status}, 202, 'a batch') or diag($a->{body});
    return $a->{json}{batchId};
}

sub batch_end {
    my ($id) = @_;

    my $b;
    ok(wait_until(90, sub {
        $b = $http->get("/api/assessments/batch/$id")->{json};
        return $b->{completedAt};
    }), 'it ends') or diag(json($b));
    return $b;
}

{
    $provider->control(reset => JSON::PP::true(), delayMs => 40);

    my $max = $whole * @docs / 2;
    my $b = batch_end(batch(maxCost => $max));

    is($b->{status}, 'budget_exceeded', 'a batch with half of what it costs');
    cmp_ok(billed(), '<=', $max, 'not more is billed');
    cmp_ok(billed(), '>', $max * 0.8, 'and most of it is used');
    cmp_ok(abs($b->{cost} - billed()), '<', 1e-6, 'which it tells');
    cmp_ok($b->{completedDocuments}, '>', 0, 'some are done');
    cmp_ok($b->{completedDocuments}, '<', 30, 'not all');
    is(reserved(), 0, 'nothing is reserved any more');

    my $sums = $t->sql("select round(spent, 9) = round((select sum(cost) from"
        . " assess.assessment_jobs j where j.batch_id::text = b.name), 9)"
        . " from assess.budgets b where name = '$b->{batchId}'");
    is($sums, 't', 'the budget and the jobs say the same');
    is($t->sql("select count(*) from assess.assessment_jobs where batch_id ="
        . " '$b->{batchId}' and status in ('queued', 'processing')"), 0,
        'no job of it waits');
}


# workers that are killed in the middle: what was under way is not free again
{
    $provider->control(reset => JSON::PP::true(), delayMs => 300);

    my $max = $whole * @docs / 3;
    my $id = batch(maxCost => $max);

    ok(wait_until(30, sub { $provider->stats->{billed}{requests} > 10 }),
        'some is spent');

    my @workers = $t->home->server->workers;
    kill 'KILL', @workers;

    my $b = batch_end($id);

    cmp_ok(billed(), '<=', $max, 'not more is billed, whoever died');
    cmp_ok($b->{cost}, '<=', billed() + 1e-9, 'nor told');
    cmp_ok(0 + $t->sql("select doubtful from assess.budgets where name = '$id'"),
        '>', 0, 'what was under way stays counted');
    is($t->sql("select reserved from assess.budgets where name = '$id'") + 0, 0,
        'nothing is reserved any more');
}


# a tenant on a day, whatever it starts
{
    my $poor = $http->with('X-Tenant' => 'poor');

    $provider->control(reset => JSON::PP::true(), delayMs => 20);
    question_set($t, 'set', 40, $poor);

    my (@jobs, @ids);
    for my $n (1 .. 12) {
        my $a = $poor->post('/api/documents', body => text($n + 100),
            headers => { 'Content-Type' => 'text/plain' });
        push @ids, $a->{json}{documents}[0]{documentId};
    }

    for my $id (@ids) {
        my $a = $poor->post('/api/assessments/start', json =>
            { documentId => $id, questionSet => 'set' });
        is($a->{status}, 202, 'started');
        push @jobs, $a->{json}{jobId};
    }

    my %status;
    for my $id (@jobs) {
        my $job;
        wait_until(90, sub {
            $job = $poor->get("/api/assessments/job/$id")->{json};
            return $job->{status} !~ /queued|processing/;
        });
        $status{ $job->{status} }++;
        like($job->{error}{message}, qr/budget for a day/, 'why')
            if $job->{status} ne 'completed';
    }

    cmp_ok(billed(), '<=', 0.05, 'not more than its budget');
    cmp_ok(billed(), '>', 0.02, 'but not much less');
    cmp_ok($status{budget_exceeded} // 0, '>', 0, 'the others end so');
    is(reserved(), 0, 'nothing is reserved any more');

    my $a = $poor->post('/api/assessments/start', json =>
        { documentId => $ids[0], questionSet => 'set', model => 'free-model' });
    problem_is($a, 422, '/model', 'a model without a price');
}

$t->done;
$provider->stop;
