package Bench::Outage;

# Jobs without a database for a while (ASSESS_BENCH_OUTAGE seconds, 60):
# requests a second before, and from two seconds after its return.

use strict;
use warnings;

use Time::HiRes qw(sleep);

use Assess::Bench::Proc qw(now);

use constant JOBS => 250;


sub run {
    my ($b) = @_;

    my $seconds = $ENV{ASSESS_BENCH_OUTAGE} || 60;
    my $provider = $b->provider('--delay-ms', 500);
    my $home = $b->home(env => { $provider->env, ASSESS_CONCURRENCY => 64,
        ASSESS_WORKERS => 2, ASSESS_JOBS => 8 });
    my $set = $home->put_questions(110);

    $home->begin($home->upload("Plan $_. There is a fire alarm.\n" x 50), $set)
        for 1 .. JOBS;

    my $rate = sub {
        my ($for) = @_;
        my ($n, $begun) = ($provider->stats->{requests}, now());
        sleep $for;
        return ($provider->stats->{requests} - $n) / (now() - $begun);
    };

    sleep 2;
    my $before = $rate->(3);

    $home->cluster->stop;
    sleep $seconds;
    $home->cluster->launch;
    sleep 2;

    $b->report->row(what => "requests a second, 2 s after $seconds s without",
        unit => '/s', ours => $rate->(3), against => 'before',
        that => $before, target => '>= 0.9');
    $home->idle;

    my $left = $home->sql('select count(*) from assess.assessment_jobs where'
        . " status <> 'completed'");
    my $asked = $provider->stats->{requests};

    $b->report->fact('jobs not completed', $left == 0, $left);
    $b->report->fact('requests', $asked == 22 * JOBS,
        $asked . ' for ' . 22 * JOBS . ' batches');
}


1;
