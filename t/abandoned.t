#!/usr/bin/perl

# A job that could not be saved while the database was away is taken up again,
# also by a worker that is busy with others.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Assess::Contract;
use Assess::Process qw(wait_until);
use Assess::Provider;
use Assess::Test;

my $provider = Assess::Provider->new('--delay-ms', 2000);
my $t = Assess::Test->new(env => { $provider->env, ASSESS_JOBS => 2,
    ASSESS_LEASE => 3 });

question_set($t, 'four', 4);
my $document = $t->upload('The alarm is tested every week.', 'text/plain');

sub in_flight {
    my ($n) = @_;

    return wait_until(20, sub { $provider->stats->{inFlight} == $n });
}

sub job { return $t->http->get("/api/assessments/job/$_[0]")->{json} }

my $left = start($t, $document, 'four')->{jobId};
ok(in_flight(1), 'a job asks the provider');

$t->cluster->stop;
ok(in_flight(0), 'the answer comes while the database is away');
ok(wait_until(30, sub {
    open my $log, '<', $t->home->{home} . '/logs/error.log' or return 0;
    return grep { /assess job $left/ } <$log>;
}), 'it cannot be saved');
$t->cluster->start;

# another one keeps the worker at renewing its leases
$provider->control(delayMs => 40_000);
my $busy;
ok(wait_until(20, sub {
    my $a = $t->http->post('/api/assessments/start',
        json => { documentId => $document, questionSet => 'four' });
    $busy = $a && $a->{status} == 202 ? $a->{json}{jobId} : undef;
}), 'the database is back');
ok(in_flight(1), 'another job asks the provider');
$provider->control(delayMs => 0);

is($t->wait_job($left, 30)->{status}, 'completed', 'the first one goes on');
is(job($busy)->{status}, 'processing', 'and the other one still runs');

is($t->http->delete("/api/assessments/job/$busy")->{status}, 202, 'cancelled');
$t->done;
$provider->stop;
