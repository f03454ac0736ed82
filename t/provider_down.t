#!/usr/bin/perl

# A provider that is down: jobs wait, they do not fail; one looks whether it is
# back, and then all go on where they were.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Assess::Contract;
use Assess::Jobs qw(document);
use Assess::Provider;
use Assess::Test;

my $provider = Assess::Provider->new('--delay-ms', 50);
my $t = Assess::Test->new(env => { $provider->env, ASSESS_WORKERS => 2,
    ASSESS_JOBS => 4 });
my $http = $t->http;

sub job { return $http->get("/api/assessments/job/$_[0]")->{json} }

sub ready { return $http->get('/api/health/ready') }

sub circuit {
    my $a = ready();
    return $a && $a->{json} ? $a->{json}{providers}{openai}{circuit} : '';
}

sub statuses { return join ' ', map { job($_)->{status} } @_ }

question_set($t, 'fifty', 50);
is(circuit(), 'closed', 'a provider that nobody has asked');

$provider->control(status => 503);
my @jobs = map { start($t, document($t), 'fifty')->{jobId} } 1 .. 6;

ok(wait_until(30, sub { circuit() eq 'open' }), 'the circuit opens');
is(ready()->{status}, 200, 'the server is ready all the same');
is(ready()->{json}{status}, 'degraded', 'and says what it lacks');

# all but the one that looks are queued again, with what they had
ok(wait_until(30, sub {
    (() = statuses(@jobs) =~ /queued/g) == 5;
}), 'five of six jobs wait, and hold no thread');

my $before = $provider->stats->{requests};
my $more = start($t, document($t), 'fifty')->{jobId};

ok(wait_until(30, sub { $provider->stats->{requests} >= $before + 2 }),
    'one looks again and again');
is((() = statuses(@jobs, $more) =~ /processing/g), 1, 'one alone');
unlike(statuses(@jobs, $more), qr/failed/, 'no job has failed');
is(job($more)->{status}, 'queued', 'a new job waits from the start');

# the one that looks is cancelled: another one takes over
my ($looks) = grep { job($_)->{status} eq 'processing' } @jobs, $more;
is($http->delete("/api/assessments/job/$looks")->{status}, 202,
    'the one that looks is cancelled');
$before = $provider->stats->{requests};
ok(wait_until(60, sub { $provider->stats->{requests} > $before }),
    'another one looks');

$provider->control(status => 200);
my @rest = grep { $_ ne $looks } @jobs, $more;
is(join(' ', map { $t->wait_job($_, 120)->{status} } @rest),
    join(' ', ('completed') x 6), 'it is back: all are completed');
is(circuit(), 'closed', 'the circuit is closed');
is(ready()->{json}{status}, 'ok', 'nothing is lacking');
is_deeply([map { job($_)->{attempt} } @rest], [(1) x 6],
    'none of it was another attempt');

$t->done;
