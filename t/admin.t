#!/usr/bin/perl

# The calls of an operator: who may make them, what they show of all tenants,
# a queue that is paused, jobs that are run again, and what has ended cleaned.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Assess::Contract;
use Assess::Jobs qw(changed_conf document);
use Assess::Test;

# nginx decides; here it believes a header
changed_conf(sub {
    s/assess_admin\s+on;/assess_admin \$http_x_operator;/ or die "no admin\n";
});

my $t = Assess::Test->new(env => { ASSESS_WORKERS => 2, ASSESS_JOBS => 2 });
my $http = $t->http;
my $admin = $http->with('X-Operator' => 'yes', 'X-User' => 'ada');
my $other = $http->with('X-Tenant' => 'other');

sub status {
    my $a = $admin->get('/api/admin/queue/status');
    is($a->{status}, 200, 'the status') or diag($a->{body});
    return $a->{json};
}

sub job { return $http->get("/api/assessments/job/$_[0]")->{json} }

sub cleaned {
    my ($query, $n, $name) = @_;

    my $a = $admin->delete("/api/admin/queue/clean?$query");
    is($a->{status}, 200, "$name: cleaned") or diag($a->{body});
    is(json($a->{json}), qq({"deleted":$n,"more":false}), "$name: $n of them");
}

question_set($t, 'one', 1);
$other->put('/api/question-sets/one', json =>
    { questions => [{ id => 'a', text => 'Is there an alarm?' }] });


# who may
{
    my $id = UNKNOWN;

    untouched($t, 'nobody else', sub {
        for my $who ($http, $http->with('X-Operator' => ''),
            $http->with('X-Operator' => '0'))
        {
            problem_is($who->get("/api/admin/queue/$_"), 403, undef, $_)
                for qw(status jobs);
            problem_is($who->post("/api/admin/queue/$_"), 403, undef, $_)
                for qw(pause resume), "retry/$id";
            problem_is($who->delete('/api/admin/queue/clean?olderThan=0'), 403,
                undef, 'clean');
        }
    });

    problem_is($admin->post('/api/admin/queue/status'), 405, undef,
        'a method that is none');
}


# all tenants, and one of them
my $mine = start($t, document($t), 'one')->{jobId};
my $bad = start($t, $t->upload(pdf_encrypted('x'), 'application/pdf'), 'one')
    ->{jobId};
my $theirs = start($t, $other->post('/api/documents', body => 'An alarm.',
    headers => { 'Content-Type' => 'text/plain' })
    ->{json}{documents}[0]{documentId}, 'one', http => $other)->{jobId};

idle($t);

{
    my $list = sub {
        my $a = $admin->get("/api/admin/queue/jobs$_[0]");
        is($a->{status}, 200, "jobs$_[0]") or diag($a->{body});
        return $a->{json};
    };
    my $ids = sub { return join ' ', map { $_->{jobId} } @{ $_[0]{jobs} } };

    my $l = $list->('');
    is($ids->($l), "$theirs $bad $mine", 'newest first, of all tenants');
    is($l->{total}, 3, 'the total');
    is(join(' ', map { $_->{tenant} } @{ $l->{jobs} }), 'other default default',
        'each with its tenant');
    is($l->{jobs}[0]{status}, 'completed', 'as it is');

    $l = $list->('?limit=2');
    is($ids->($l), "$theirs $bad", 'a page');
    is($ids->($list->("?limit=2&cursor=$l->{nextCursor}")), $mine, 'the next');

    is($ids->($list->('?tenant=other')), $theirs, 'of one tenant');
    is($list->('?tenant=nobody')->{total}, 0, 'of nobody');
    is($ids->($list->('?status=failed')), $bad, 'that failed');
    is($list->('?status=failed')->{total}, 1, 'and how many');
    is($ids->($list->('?documentId=' . job($mine)->{documentId})), $mine,
        'of a document');
    is($list->('?user=nobody')->{total}, 0, 'of a user');
    is($list->('?batchId=' . UNKNOWN)->{total}, 0, 'of a batch');

    problem_is($admin->get("/api/admin/queue/jobs?$_"), 400, undef, $_)
        for 'status=x', 'limit=0', 'tenant=', 'cursor=x', 'page=1';
}


# how the queue is
{
    my $s = status();

    is(json($s->{depth}{byStatus}), json({ queued => 0, processing => 0,
        completed => 2, failed => 1, cancelled => 0, budget_exceeded => 0 }),
        'by status');
    is(json($s->{depth}{byPriority}), '[]', 'nothing waits');
    is($s->{oldestQueuedSeconds}, undef, 'for no time');
    is(json($s->{activeJobs}), 0, 'nothing runs');
    is(json($s->{workersAlive}), 2, 'two workers');
    is(json($s->{instancesAlive}), 1, 'of one instance');
    is(scalar @{ $s->{workers} }, 2, 'which they are');
    is(json($s->{lastMinute}), json({ queued => 3, completed => 2, failed => 1,
        cancelled => 0 }), 'the last minute');
    is(json($s->{paused}), 'false', 'it is not paused');
}


# paused: kept through a restart, and nothing is begun by anybody
{
    my $a = $admin->post('/api/admin/queue/pause');
    is($a->{status}, 200, 'paused');
    is(json($a->{json}{paused}), 'true', 'which it says');
    is_time($a->{json}{pausedSince}, 'since');
    is($a->{json}{pausedBy}, 'ada', 'by whom');

    my $again = $admin->with('X-User' => 'bob')
        ->post('/api/admin/queue/pause');
    is(json($again->{json}), json($a->{json}), 'again: as it was');

    # both workers have looked since
    ok(wait_until(10, sub {
        2 == grep {/queue is paused/}
            split /\n/, slurp("$t->{home}{home}/logs/error.log") // '';
    }), 'the other worker sees it');

    my @jobs = map { start($t, document($t), 'one', priority => $_)->{jobId} }
               5, 5, -1;

    $t->server->stop;
    $t->home->start;

    my $s = status();
    is(json($s->{paused}), 'true', 'it is still paused');
    is($s->{pausedBy}, 'ada', 'by her');
    is($s->{pausedSince}, $a->{json}{pausedSince}, 'since then');
    is(json($s->{depth}{byPriority}), json([
        { priority => 5, queued => 2, processing => 0 },
        { priority => -1, queued => 1, processing => 0 }]), 'three wait');
    cmp_ok($s->{oldestQueuedSeconds}, '>', 0, 'for some time');
    is($t->sql("select count(*) from assess.assessment_jobs where fence > 0"
        . " and status = 'queued'"), 0, 'none was ever claimed');

    is($admin->post('/api/admin/queue/resume')->{json}{pausedSince}, undef,
        'resumed');
    is($t->wait_job($_)->{status}, 'completed', 'a job that waited') for @jobs;
    is(json(status()->{paused}), 'false', 'it is not paused any more');
    is($admin->post('/api/admin/queue/resume')->{status}, 200,
        'resumed once more');
}


# run again, whosever it is
{
    my $a = $admin->post("/api/admin/queue/retry/$bad");
    is($a->{status}, 202, 'one that failed is run again');
    is($a->{json}{tenant}, 'default', 'it says whose it is');
    is($t->wait_job($bad)->{status}, 'failed', 'and fails again');

    problem_is($admin->post("/api/admin/queue/retry/$theirs"), 409, undef,
        'one that is completed');
    problem_is($admin->post('/api/admin/queue/retry/' . UNKNOWN), 404, undef,
        'one that nobody has');
}


# cleaned: what has ended, and nothing else
{
    problem_is($admin->delete("/api/admin/queue/clean$_"), 400, undef, $_)
        for '', '?status=failed', '?olderThan=', '?olderThan=x',
            '?olderThan=-1', '?olderThan=2026-11-23', '?olderThan=0&x=1',
            '?olderThan=0&status=queued', '?olderThan=0&status=processing';

    cleaned('olderThan=1h', 0, 'what is older than an hour');
    cleaned('olderThan=2020-01-01T00:00:00Z', 0, 'or than that time');
    cleaned('status=cancelled&olderThan=0', 0, 'those cancelled');
    cleaned('status=failed&olderThan=0', 1, 'those that failed');
    problem_is($http->get("/api/assessments/job/$bad"), 404, undef,
        'it is gone');

    $t->sql("update assess.assessment_jobs set created_at = created_at"
        . " - interval '2 days', completed_at = completed_at"
        . " - interval '2 days' where job_id = '$mine'");
    my $doc = job($mine)->{documentId};

    cleaned('olderThan=1d', 1, 'what is older than a day');
    problem_is($http->get("/api/assessments/job/$mine"), 404, undef,
        'it is gone');
    is($t->sql('select count(*) from assess.assessment_answers'
        . " where job_id = '$mine'"), 0, 'with its answers');
    is($t->sql("select count(*) from assess.job_lines where job_id = '$mine'"),
        0, 'and its lines');
    is($http->get("/api/documents/$doc")->{json}{status}, 'reviewed',
        'its document is not');

    my $left = status()->{depth}{byStatus};
    is($left->{failed}, 0, 'none failed');
    is($left->{completed}, 4, 'the counts are right');
    is($http->get('/api/assessments/jobs')->{json}{total}, 3,
        'also those of the tenant');

    cleaned('olderThan=0', 4, 'all that is left');
    is($admin->get('/api/admin/queue/jobs')->{json}{total}, 0, 'nothing is');
    is($other->delete('/api/documents/' . $other->get('/api/documents')
        ->{json}{documents}[0]{documentId})->{status}, 204,
        'a document without jobs can be deleted');
}

$t->done;
