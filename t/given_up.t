#!/usr/bin/perl

# A job whose worker ends again and again is not tried for ever.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Assess::Contract;
use Assess::Process qw(wait_until);
use Assess::Provider;
use Assess::Test;

my $provider = Assess::Provider->new;
my $t = Assess::Test->new(env => { $provider->env, ASSESS_JOBS => 2 });

question_set($t, 'six', 6);
my $document = $t->upload('The alarm is tested every week.', 'text/plain');

# The job as five workers would have left it that ended before an answer came.
sub left {
    my ($id, $times) = @_;

    $t->sql("update assess.assessment_jobs set lost = $times - 1,"
        . " lease_owner = 'gone', lease_until = '-infinity'"
        . " where job_id = '$id' and status = 'processing'");
}

sub asked {
    my ($id) = @_;

    ok(wait_until(20, sub {
        my $job = $t->http->get("/api/assessments/job/$id")->{json};
        return ($job->{stage} // '') eq 'llm_processing';
    }), 'it waits for the provider');
}

$provider->control(delayMs => 3000);

my $id = start($t, $document, 'six')->{jobId};
asked($id);
left($id, 5);
is($t->wait_job($id)->{status}, 'completed', 'left five times it goes on');

$id = start($t, $document, 'six')->{jobId};
asked($id);
left($id, 6);

my $job = $t->wait_job($id);
is($job->{status}, 'failed', 'left six times it has failed');
is($job->{error}{code}, 'internal', 'by nobody\'s fault that is known');
like($job->{error}{message}, qr/^given up: .* ended 6 times/,
    'it says what happened');

$provider->control(delayMs => 0);
is($t->http->post("/api/assessments/job/$id/retry")->{status}, 202,
    'it can be tried again');
is($t->wait_job($id)->{status}, 'completed', 'and ends well then');

$t->done;
$provider->stop;
