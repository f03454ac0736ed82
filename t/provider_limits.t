#!/usr/bin/perl

# A provider with hard limits, asked by two workers at once: it is found out
# what it takes, all is answered, and little of it is asked in vain.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Assess::Contract;
use Assess::Jobs qw(document);
use Assess::Provider;
use Assess::Test;
use JSON::PP ();

my $provider = Assess::Provider->new('--delay-ms', 100);
my $t = Assess::Test->new(env => { $provider->env, ASSESS_WORKERS => 2,
    ASSESS_JOBS => 8, ASSESS_CONCURRENCY => 200 });
my $http = $t->http;

question_set($t, 'hundred', 100);


# So many jobs of twenty requests under these limits; how many were refused.
sub run {
    my ($jobs, %limits) = @_;

    $provider->control(reset => JSON::PP::true(), delayMs => 100,
        limits => \%limits);

    my @jobs = map { start($t, document($t), 'hundred')->{jobId} } 1 .. $jobs;
    my @ends = map { $t->wait_job($_, 120)->{status} } @jobs;
    my $stats = $provider->stats;
    my ($accepted, $throttled) = @{ $stats->{limits} }{qw(accepted throttled)};

    is("@ends", join(' ', ('completed') x $jobs), 'all jobs are completed');
    is($accepted, 20 * $jobs, 'each request was accepted once');
    cmp_ok($stats->{peakInFlight}, '<=', $limits{inFlight}, 'never too many')
        if $limits{inFlight};
    diag("$accepted accepted, $throttled refused, at most "
        . "$stats->{peakInFlight} in flight");

    return $throttled;
}


# machines of others may be slow: a storm would be hundreds
cmp_ok(run(8, inFlight => 10), '<=', 24, 'ten at once: few are refused');
cmp_ok(run(6, inFlight => 20, perMinute => 600, burst => 20), '<=', 30,
    'ten a second: few are refused');
cmp_ok(run(6, inFlight => 20, perMinute => 600, burst => 20,
           headers => JSON::PP::true()), '<=', 12,
    'the same, told ahead: hardly any');

my $ready = $http->get('/api/health/ready')->{json}{providers}{openai};
is($ready->{circuit}, 'closed', 'the circuit was never in question');
cmp_ok($ready->{throttled}, '>', 0, 'what was refused is counted');

$t->done;
