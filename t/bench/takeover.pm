package Bench::Takeover;

# 64 jobs on two workers, one of which is killed, or leaves in order: until
# the last of its jobs runs elsewhere.

use strict;
use warnings;

use Assess::Bench::Proc qw(now);
use Assess::Process qw(wait_until);


sub run {
    my ($b) = @_;

    my $provider = $b->provider('--delay-ms', 8000);
    my $home = $b->home(env => { $provider->env, ASSESS_WORKERS => 2,
        ASSESS_JOBS => 64, ASSESS_CONCURRENCY => 1000 });
    my $set = $home->put_questions(110);

    take_over($b, $home, $set, $_) for qw(KILL QUIT);
}


sub take_over {
    my ($b, $home, $set, $signal) = @_;

    $home->begin($home->upload("Plan $_ $signal. There is a fire alarm.\n"
        x 50), $set) for 1 .. 64;
    wait_until(30, sub { $home->sql('select count(*) from'
        . " assess.assessment_jobs where stage = 'llm_processing'") == 64 })
        or die "64 jobs do not run\n";

    # the one that runs more of them
    my ($worker, $pid, $jobs) = split /\|/, $home->sql('select worker_id, pid,'
        . ' count(*) from assess.assess_workers join assess.assessment_jobs'
        . " using (worker_id) where status = 'processing' group by 1, 2"
        . ' order by 3 desc limit 1');
    my $in = join ',', map {"'$_'"} split /\n/, $home->sql('select job_id from'
        . " assess.assessment_jobs where worker_id = '$worker' and status ="
        . " 'processing'");

    kill $signal, $pid;
    my $begun = now();

    # requests in flight may end first where it leaves in order
    wait_until(60, sub { $home->sql('select count(*) from'
        . " assess.assessment_jobs where job_id in ($in) and (status ="
        . " 'queued' or worker_id = '$worker')") == 0 })
        or die "its jobs do not go on\n";

    $b->report->row(what => "$jobs jobs after SIG$signal", unit => 's',
        ours => now() - $begun, against => 'the target', that => 10,
        target => '<= 1');
    $home->idle;
}


1;
