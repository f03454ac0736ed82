#!/usr/bin/perl

# A worker that stops for longer than its lease, and wakes up when others have
# its jobs: it writes nothing more.

use strict;
use warnings;

use Time::HiRes qw(sleep);

use Assess::Jobs qw(document question_set start_job events_in_log ended_type);
use Assess::Process qw(slurp wait_until);
use Assess::Provider;
use Assess::Test;

my $provider = Assess::Provider->new;
my %env = ($provider->env, ASSESS_JOBS => 2, ASSESS_LEASE => 1,
           ASSESS_CONCURRENCY => 8);

# two instances, each with one worker: one that is stopped holds no lock of
# the other's memory
my $t = Assess::Test->new(env => \%env);
my $other = $t->another(env => \%env);

my $http;

question_set($t, 'ten', 10);


# All that a late worker could change.
sub state_of {
    my ($job) = @_;

    return $t->sql("select j.*::text from assess.assessment_jobs j where job_id"
        . " = '$job' union all select a.*::text from assess.assessment_answers"
        . " a where job_id = '$job' union all select e.*::text from"
        . " assess.assessment_progress_events e where job_id = '$job'"
        . ' order by 1');
}

# The worker that runs it, by the place of its nginx.
sub stop_runner {
    my ($job) = @_;

    my $pid = $t->sql('select w.pid from assess.assess_workers w join'
        . ' assess.assessment_jobs j using (worker_id)'
        . " where j.job_id = '$job'") or die "nobody runs the job\n";

    kill 'STOP', $pid;

    # who still answers
    $http = (grep { $_ == $pid } $t->server->workers) ? $other->http : $t->http;

    return $pid;
}

sub lost_lines {
    return scalar grep { /lease is another worker's/ } map { split /\n/,
        slurp("$_->{home}/logs/error.log") } $t->home, $other;
}

sub attempt {
    my ($job) = @_;
    return $t->sql("select attempt from assess.assessment_jobs where job_id ="
        . " '$job'");
}


for my $when ('when the job has ended', 'while another runs it') {

    my $running = $when =~ /while/;
    my $lost = lost_lines();

    # its two requests are in flight when it stops
    $provider->control(reset => \1, delayMs => 1000);
    my $job = start_job($t, document => document($t), set => 'ten');
    ok(wait_until(20, sub { $provider->stats->{inFlight} == 2 }),
        "$when: two requests are in flight");
    my $pid = stop_runner($job);

    # those of the next one
    $provider->control($running ? (mode => 'hang') : (delayMs => 10));

    ok(wait_until(30, sub { attempt($job) == 2 }), 'another takes it over');
    ok(wait_until(20, sub { $provider->stats->{inFlight} == 2
        && $provider->stats->{requests} == 4 }), 'and asks') if $running;
    is($t->wait_job($job, 30, $http)->{status}, 'completed', 'and completes it')
        unless $running;

    my $state = $running ? '' : state_of($job);
    kill 'CONT', $pid;
    ok(wait_until(20, sub { lost_lines() > $lost }), 'the first one wakes up');

    if ($running) {
        is($t->sql('select count(*) from assess.assessment_answers where job_id'
            . " = '$job'"), 0, 'no answer of its is saved');
        is($t->sql('select input_tokens + output_tokens from'
            . " assess.assessment_jobs where job_id = '$job'"), 0,
            'nor what it cost');
        is(attempt($job), 2, 'the job stays with the other');
        $http->delete("/api/assessments/job/$job");
        is($t->wait_job($job, 30)->{status}, 'cancelled', 'which can be told');

    } else {
        is(state_of($job), $state, 'nothing is changed');
        is(scalar(grep { ended_type($_->{event}) && $_->{data} =~ /\Q$job/ }
            events_in_log($t, 0)), 1, 'there is one end');
    }
}

# --- it wakes up while nobody can tell it that it has lost its job

sub away_lines {
    my ($home) = @_;
    return scalar grep { /assess store is away/ } split /\n/,
        slurp("$home->{home}/logs/error.log");
}

sub quiet {
    return wait_until(20, sub {
        return 0 if $provider->stats->{inFlight};
        my $before = $provider->stats->{requests};
        sleep 0.5;
        return $provider->stats->{requests} == $before;
    });
}

question_set($t, 'many', 100);
$provider->control(reset => \1, delayMs => 700);
my $job = start_job($t, document => document($t), set => 'many');
ok(wait_until(20, sub { $provider->stats->{inFlight} >= 4 }), 'a job asks');
my $pid = stop_runner($job);
my $first = $provider->stats->{requests};
my $home = (grep { $_ == $pid } $t->server->workers) ? $t->home : $other;
ok(wait_until(30, sub { attempt($job) == 2
    && $provider->stats->{requests} > $first + 2 }), 'another goes on with it');
$t->cluster->stop;
ok(quiet(), 'until the database is away');

my $asked = $provider->stats->{requests};
my $lines = away_lines($home);
kill 'CONT', $pid;
ok(wait_until(20, sub { away_lines($home) > $lines }), 'the first one wakes up');
ok(quiet(), 'and does nothing');
is($provider->stats->{requests}, $asked, 'it asks nothing');
$t->cluster->launch;
is($t->wait_job($job, 60)->{status}, 'completed', 'the other one completes it');
cmp_ok($provider->stats->{requests}, '<=', 20 + $first,
    'only what was in flight is asked again');


# it is a good worker again
$provider->control(reset => \1);
my @jobs = map { start_job($t, document => document($t), set => 'ten') } 1 .. 8;
is($t->wait_job($_, 60)->{status}, 'completed', 'a job completes') for @jobs;

$t->done;
