#!/usr/bin/perl

# The database goes away while jobs run: what is paid for is kept and saved
# when it is back, nothing is asked twice, nothing new is asked meanwhile.

use strict;
use warnings;

use Time::HiRes qw(sleep time);

use Assess::Jobs qw(question_set start_job);
use Assess::Process qw(alive wait_until);
use Assess::Provider;
use Assess::Test;

my $provider = Assess::Provider->new('--delay-ms', 400);
my $t = Assess::Test->new(env => { $provider->env, ASSESS_WORKERS => 2,
    ASSESS_JOBS => 8, ASSESS_LEASE => 1, ASSESS_CONCURRENCY => 16 });
my $http = $t->http;
my $made = 0;

question_set($t, 'twenty', 20);
question_set($t, 'sixty', 60);


sub asked_again {
    my $stats = $provider->stats;
    return join ' ', grep { $stats->{asked}{$_} != $_[0] }
           sort keys %{ $stats->{asked} };
}

# All of one length, so that each costs the same.
sub next_plan {
    my $n = sprintf '%04d', ++$made;

    return $t->upload(join("\n\n", map { "Paragraph $_ of plan $n. The fire"
        . " doors of stair $_ are tested every month." } 1 .. 40), 'text/plain',
        filename => "plan-$n.txt");
}

# both ways for the database to be away: gone, and silent
my %away = (
    stopped => [sub { $t->cluster->stop }, sub { $t->cluster->launch }],
    killed => [sub { $t->cluster->crash }, sub { $t->cluster->launch }],
    frozen => [
        sub { kill 'STOP', $t->cluster->processes },
        sub { kill 'CONT', $t->cluster->processes },
    ],
);

for my $how (sort keys %away) {

    $provider->control(reset => \1, delayMs => 400);

    my @jobs = map { start_job($t, document => next_plan(), set => 'sixty') }
               1 .. 6;

    # the last one that was begun has the most before it
    ok(wait_until(30, sub { $provider->stats->{requests} >= 24
        && $http->get("/api/assessments/job/$jobs[-1]")->{json}{status}
           eq 'processing' }), "$how: six jobs are under way");

    $away{$how}[0]->();

    # those in flight end; then nothing more is asked for much longer than a
    # lease
    my $asked;
    ok(wait_until(20, sub {
        return 0 if $provider->stats->{inFlight};
        my $now = $provider->stats->{requests};
        sleep 0.5;
        return $provider->stats->{requests} == $now;
    }), 'what is in flight comes in');
    $asked = $provider->stats->{requests};
    sleep 3;
    is($provider->stats->{requests}, $asked, 'nothing is asked meanwhile');

    my $a = $http->get("/api/assessments/job/$jobs[-1]");
    is($a->{status}, 200, 'the status of a job is known');
    is($a->{json}{status}, 'processing', 'it runs');

    $away{$how}[1]->();

    for my $id (@jobs) {
        my $job = $t->wait_job($id, 60);
        is($job->{status}, 'completed', 'a job completes');
        is($job->{attempt}, 1, 'in one attempt');
    }

    is($provider->stats->{requests}, 72, 'each batch is asked');
    is(asked_again(6), '', 'once');

    # every reply is billed once, whatever became of its commit
    is($t->sql('select count(distinct (input_tokens, output_tokens)) || '
        . "' ' || min(input_tokens) from assess.assessment_jobs where job_id"
        . ' in (' . join(',', map {"'$_'"} @jobs) . ')'),
        $t->sql("select '1 ' || input_tokens from assess.assessment_jobs"
        . " where job_id = '$jobs[0]'"), 'and billed once')
        or diag($t->sql('select job_id, input_tokens, output_tokens, steps from'
            . ' assess.assessment_jobs where job_id in ('
            . join(',', map {"'$_'"} @jobs) . ')'));
}


# --- told to end while the database is away: as long as a drain takes

$provider->control(reset => \1, delayMs => 300);
my $job = start_job($t, document => next_plan(), set => 'sixty');
ok(wait_until(20, sub { $provider->stats->{inFlight} }), 'a job runs');
my @old = $t->server->workers;
$t->cluster->stop;
my $start = time;
kill 'HUP', $t->server->{pid};
ok(wait_until(30, sub { !grep { alive($_) } @old }), 'old workers end');
cmp_ok(time - $start, '<', 20, 'after the drain');
$t->cluster->launch;
is($t->wait_job($job, 60)->{status}, 'completed', 'the job goes on');

$t->done;
