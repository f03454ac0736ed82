package Bench::Small;

# 20,000 jobs of one question to a text that was read before, provider local:
# from the first POST to the last "complete" event.

use strict;
use warnings;

use Assess::Bench::Proc qw(cpu);

use constant JOBS => 20_000;


sub run {
    my ($b) = @_;

    my $jobs = $ENV{ASSESS_BENCH_JOBS} || JOBS;
    my $home = $b->home;
    my $set = $home->put_questions(1);
    my @documents = map { $home->upload("Plan $_. There is a fire alarm.\n") }
                    1 .. 20;
    my $bodies = $b->write_bodies(map { { documentId => $_,
                                          questionSet => $set } } @documents);
    my %got;

    $home->begin($_, $set) for @documents;
    $home->idle;

    for ($b->rounds) {
        push @{ $got{ours} }, drain($b, $home, $bodies, $jobs);

        for my $kind (qw(pgboss graphile bullmq)) {
            my $peer = $b->peers->run('drain', $kind, arguments => [$jobs])
                or next;
            push @{ $got{$kind} }, $peer;
        }
    }

    my $of = sub { my ($who, $key) = @_; [map { $_->{$key} } @{ $got{$who} }] };

    $b->report->row(what => 'jobs a second, from POST to event', unit => '/s',
        ours => $of->('ours', 'rate'), against => 'the target', that => 5000,
        target => '>= 1');

    for my $pair ([pgboss => 'pg-boss, empty, batched'],
                  [graphile => 'graphile-worker, the same'],
                  [bullmq => 'BullMQ, empty'])
    {
        my ($kind, $name) = @$pair;
        $b->report->row(what => 'jobs a second', unit => '/s',
            ours => $of->('ours', 'rate'), against => $name,
            that => $of->($kind, 'rate')) if $got{$kind};
    }

    $b->report->row(what => 'CPU of nginx for each', unit => 'us',
                    ours => $of->('ours', 'nginx'));
    $b->report->row(what => 'CPU of PostgreSQL for each', unit => 'us',
                    ours => $of->('ours', 'postgres'));
}


sub drain {
    my ($b, $home, $bodies, $jobs) = @_;

    my $streams = $b->streams($home->port, '/api/assessments/progress',
                              '-c', $jobs);
    my $nginx = cpu($home->worker);
    my $postgres = cpu($home->cluster->processes);
    my $posted = $b->post($home->port, '/api/assessments/start', $bodies,
                          $jobs);
    my $seconds = $streams->reached->{time} - $posted->{start};
    my $end = $streams->end;

    $b->report->note("$jobs starts in " . sprintf('%.1f s', $posted->{seconds})
        . sprintf(', all complete after %.1f s, %d events, %d missing, %d twice',
            $seconds, @$end{qw(events gaps doubles)}));

    return { rate => $jobs / $seconds,
             nginx => (cpu($home->worker) - $nginx) * 1e6 / $jobs,
             postgres => (cpu($home->cluster->processes) - $postgres) * 1e6
                 / $jobs };
}


1;
