#!/usr/bin/perl

# Cancelling and trying again: nothing is paid twice, nothing after the end.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Assess::Contract;
use Assess::Provider;
use Assess::Test;
use JSON::PP ();

my $provider = Assess::Provider->new;
my $t = Assess::Test->new(env => { $provider->env, ASSESS_JOBS => 1,
    ASSESS_CONCURRENCY => 1 });
my $http = $t->http;
my $true = JSON::PP::true();
my $n = 0;


# no answer of one document is known from another
sub document {
    $n++;
    return $t->upload("Document $n: the record of exits number $n and of the "
        . "alarm number $n.\fPage 2 of $n.", 'text/plain');
}

sub job { return $http->get("/api/assessments/job/$_[0]")->{json} }
sub cancel { return $http->delete("/api/assessments/job/$_[0]") }
sub again { return $http->post("/api/assessments/job/$_[0]/retry") }
sub answers {
    return $http->get("/api/assessments/job/$_[0]/results")->{json};
}
sub counters { return $http->get('/api/assessments/counters')->{json} }

sub tells {
    my ($name, %want) = @_;

    my $c = counters();
    is(json({ map { $_ => $c->{$_} } keys %want }), json(\%want),
        "$name: the counters");
}

question_set($t, 'six', 6);
question_set($t, 'twelve', 12);

is(json([sort keys %{ counters() }]), json([sort qw(totalDocs reviewed
    notReviewed processing queued failed)]), 'the keys of the counters');
tells('nothing yet', totalDocs => 0, reviewed => 0, notReviewed => 0,
    processing => 0, queued => 0, failed => 0);


# while it runs, and while it waits
{
    my @docs = (document(), document());
    tells('two documents', totalDocs => 2, notReviewed => 2);

    # one batch is answered, the next one never
    $provider->control(mode => 'hang', next => [{ mode => 'ok' }]);
    my $running = start($t, $docs[0], 'twelve')->{jobId};

    ok(wait_until(60, sub {
        return job($running)->{completedBatches} == 1
            && $provider->stats->{inFlight} > 0;
    }), 'a job is at its second batch');

    my $waiting = start($t, $docs[1], 'six')->{jobId};
    tells('one runs, one waits', processing => 1, queued => 1);

    for my $id ($running, $waiting) {
        problem_is(again($id), 409, undef, 'a retry of what has not ended');
    }

    my $a = cancel($waiting);
    is($a->{status}, 202, 'the one that waits is cancelled');
    job_is($a->{json}, 'cancelled', 'its Job');
    is($a->{json}{error}, undef, 'that is no error');
    is_time($a->{json}{completedAt}, 'completedAt');
    tells('one runs', processing => 1, queued => 0, failed => 0);

    $a = cancel($waiting);
    is($a->{status}, 200, 'cancelled again: it had ended');
    is($a->{json}{status}, 'cancelled', 'as it is');

    my $spent = $provider->stats->{requests};

    $a = cancel($running);
    is($a->{status}, 202, 'the one that runs is cancelled');
    job_is($a->{json}, 'cancelled', 'its Job');
    is(job($running)->{status}, 'cancelled', 'asked for, the same');
    tells('none', processing => 0, queued => 0, failed => 0, reviewed => 0);

    ok(wait_until(30, sub { $provider->stats->{inFlight} == 0 }),
        'its request is given up');

    # the one thread there is takes the next job: it has left this one
    my $next = start($t, $docs[0], 'six', provider => 'local')->{jobId};
    is($t->wait_job($next)->{status}, 'completed', 'the next one runs');
    is($provider->stats->{requests}, $spent, 'nothing more was spent');
    is(job($running)->{status}, 'cancelled', 'it stays cancelled');
    tells('one was reviewed', totalDocs => 2, reviewed => 1, notReviewed => 1);

    my $r = answers($running);
    is(scalar @{ $r->{answers} }, 5, 'the answers paid for are kept');
    is(json($r->{complete}), 'false', 'they are not all');

    # again, and to the end
    my %old = map { $_->{questionId} => json($_) } @{ $r->{answers} };
    my $before = job($running);

    $provider->control(reset => $true);
    $a = again($running);
    is($a->{status}, 202, 'a retry');
    ok($a->{json}{status} =~ /^(?:queued|processing)\z/, 'is queued')
        or diag(json($a->{json}));
    is($a->{json}{completedAt}, undef, 'it has not ended any more');

    my $job = $t->wait_job($running);
    job_is($job, 'completed', 'the retried one');
    is($job->{attempt}, 2, 'is its second attempt');
    is($job->{progress}, 100, 'progress');

    $r = answers($running);
    is(json($r->{complete}), 'true', 'now they are all');
    is(scalar @{ $r->{answers} }, 12, 'twelve');
    is(scalar(grep { ($old{ $_->{questionId} } // '') eq json($_) }
        @{ $r->{answers} }), 5, 'the five that were there are the same');

    my $asked = $provider->stats->{asked};
    is(scalar(keys %$asked), 7, 'seven were asked');
    is(scalar(grep { exists $asked->{$_} } keys %old), 0, 'none of the five');
    ok($job->{tokens}{input} > $before->{tokens}{input},
        'tokens go on from what they were');

    $a = again($waiting);
    is($a->{status}, 202, 'the one that waited, again');
    is($t->wait_job($waiting)->{status}, 'completed', 'it ends, too');
    is(job($waiting)->{attempt}, 1, 'in its first attempt');
    tells('both were reviewed', reviewed => 2, notReviewed => 0);

    problem_is(again($running), 409, undef, 'a retry of a completed one');
    $a = cancel($running);
    is($a->{status}, 200, 'a completed one cannot be cancelled');
    is($a->{json}{status}, 'completed', 'it stays what it is');
}


# a question nobody answers
{
    $provider->control(reset => $true, stubborn => ['q3', 'q8']);

    my $id = start($t, document(), 'twelve')->{jobId};
    my $job = $t->wait_job($id, 120);

    job_is($job, 'failed', 'without an answer');
    is($job->{error}{code}, 'questions_unanswered', 'error.code')
        or diag(json($job));
    tells('one has failed', failed => 1, processing => 0, queued => 0);

    my $r = answers($id);
    is(json([map { $_->{questionId} } @{ $r->{answers} }]),
        json([map {"q$_"} 1, 2, 4 .. 7, 9 .. 12]), 'the others are kept');
    is(json($r->{complete}), 'false', 'they are not all');

    my $asked = $provider->stats->{asked};
    is($asked->{q1}, 1, 'those answered were asked once');
    cmp_ok($asked->{q3}, '>', 1, 'the stubborn ones more often');

    $provider->control(reset => $true);
    is(again($id)->{status}, 202, 'a retry');
    $job = $t->wait_job($id);
    job_is($job, 'completed', 'the retried one');
    is($job->{error}, undef, 'its error is gone');
    is(json($provider->stats->{asked}), '{"q3":1,"q8":1}',
        'only what was missing is asked');
    is(json(answers($id)->{complete}), 'true', 'complete');
    tells('none has failed', failed => 0);
}


# a provider that will not
for my $case (
    ['a wrong key', { status => 401, body => '{"error":{"message":"no"}}' },
        'provider_refused'],
    ['no money', { mode => 'out_of_money' }, 'provider_out_of_money'])
{
    my ($name, $mode, $code) = @$case;

    $provider->control(reset => $true, %$mode, next => [($mode) x 20]);

    my $id = start($t, document(), 'six')->{jobId};
    my $job = $t->wait_job($id);

    job_is($job, 'failed', $name);
    is($job->{error}{code}, $code, "$name: $code");
    is(json(answers($id)->{answers}), '[]', "$name: no answers");

    $provider->control(reset => $true);
    is(again($id)->{status}, 202, "$name: a retry");
    is($t->wait_job($id)->{status}, 'completed', "$name: to the end");
}


# a document that cannot be read fails again, and can be tried again
{
    my $id = start($t, $t->upload(pdf_encrypted('x'), 'application/pdf'),
        'six')->{jobId};
    is($t->wait_job($id)->{error}{code}, 'document_encrypted', 'encrypted');
    is(again($id)->{status}, 202, 'a retry');

    my $job = $t->wait_job($id);
    is($job->{status}, 'failed', 'fails again');
    is($job->{attempt}, 2, 'as the second attempt');
}


# many at once are all cancelled or all ended, and nothing hangs
{
    $provider->control(reset => $true, delayMs => 1000);

    my $doc = document();
    my @ids = map { start($t, $doc, 'twelve', priority => $_)->{jobId} } 1 .. 20;

    cancel($_) for reverse @ids;

    my %status;
    $status{ $t->wait_job($_)->{status} }++ for @ids;
    is(($status{cancelled} // 0) + ($status{completed} // 0), 20,
        'each one has its end') or diag(json(\%status));
    ok($status{cancelled} >= 15, 'and most are cancelled');
    tells('none is left', processing => 0, queued => 0);
    is($http->delete("/api/documents/$doc")->{status}, 204,
        'their document can be deleted');
}

$t->done;
$provider->stop;
