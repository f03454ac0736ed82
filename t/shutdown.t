#!/usr/bin/perl

# Quit and stop in the middle of jobs: everything ends, nothing is lost.

use strict;
use warnings;

use Time::HiRes qw(time);

use Assess::Jobs qw(document question_set start_job);
use Assess::Process qw(wait_until);
use Assess::Provider;
use Assess::Test;

my $provider = Assess::Provider->new('--delay-ms', 300);
my $t = Assess::Test->new(env => { $provider->env, ASSESS_JOBS => 32,
    ASSESS_LEASE => 2, ASSESS_CONCURRENCY => 16 },
    extra => "assess_drain_timeout 5s;\n");

# so many that the jobs are under way when the signal comes
my %questions = (openai => 15, local => 120);

question_set($t, $_, $questions{$_}) for keys %questions;
my @documents = map { document($t) } 1 .. 32;


for my $way (qw(quit stop kill_all)) {
    for my $kind (qw(openai local)) {

        my $name = "$kind, $way";
        my $all = 32 * $questions{$kind};
        my $stream = $t->http->events('/api/assessments/progress');

        $provider->control(reset => \1, delayMs => 300);

        my @jobs = map { start_job($t, document => $_, set => $kind,
            body => { provider => $kind }) } @documents;

        if ($kind eq 'openai') {
            wait_until(20, sub { $provider->stats->{inFlight} == 16 })
                or die "the jobs do not run\n";
        }

        my $start = time;
        $t->server->$way;
        my $took = time - $start;

        ok($took < 9, sprintf('%s: it ends (%.1f s)', $name, $took));
        is(join(' ', $t->server->processes), '', "$name: no process is left");
        1 while $stream->next(1);
        ok($stream->{ended}, "$name: the stream ended");

        my $list = join ',', map {"'$_'"} @jobs;
        my $running = $t->sql('select count(*) from assess.assessment_jobs'
            . " where status = 'processing' and job_id in ($list)");

        is($running, 0, "$name: every job was handed back") if $way eq 'quit';
        note("$name: $running jobs are left to their leases, "
            . $t->sql('select count(*) from assess.assessment_jobs'
                . " where status = 'queued' and attempt > 0"
                . " and job_id in ($list)") . ' were handed back');

        $t->server->start;

        my %status;
        $status{ $t->wait_job($_, 60)->{status} }++ for @jobs;
        is(join(' ', %status), 'completed 32', "$name: all complete later");

        is($t->sql('select count(*), count(distinct (job_id, ordinal))'
            . " from assess.assessment_answers where job_id in ($list)"),
            "$all|$all", "$name: one answer to each question");

        is($provider->stats->{requests}, 96, "$name: none was asked twice")
            if $kind eq 'openai' && $way eq 'quit';

        # who is killed loses what is in flight, and what has come and is not
        # saved yet, in whose place others went out
        my $lost = $way eq 'quit' ? 0 : $way eq 'stop' ? 16 + 2 : 2 * 16;

        ok($provider->stats->{requests} <= 96 + $lost,
            "$name: no more than those in flight were asked twice");
    }
}

$provider->stop;
$t->done;
