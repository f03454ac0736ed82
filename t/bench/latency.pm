package Bench::Latency;

# From the POST to the event that says that the job is done, one job at a time:
# ours reads a document and answers a question, those of the peers are empty.

use strict;
use warnings;

use List::Util qw(min);


sub run {
    my ($b) = @_;

    my $home = $b->home(env => { ASSESS_JOBS => 4 });
    my $body = $b->write_bodies({
        documentId => $home->upload("There is a fire alarm.\n"),
        questionSet => $home->put_questions(1) });
    my $theirs = $b->write_bodies({ document => 'x' x 100 });
    my %peer = (bullmq => $b->peers->serve('latency', 'bullmq'),
                graphile => $b->peers->serve('latency', 'graphile'),
                pgboss => $b->peers->serve('latency', 'pgboss'));
    my %name = (bullmq => 'BullMQ, fsync always', pgboss => 'pg-boss',
                graphile => 'graphile-worker');
    my %got;

    $b->peers->serve('latency', 'bullmq', arguments => ['worker'])
        if $peer{bullmq};

    for ($b->rounds) {
        push @{ $got{ours} }, $b->run_program('latency', $home->port,
            '/api/assessments/start', $body, 'jobId',
            '/api/assessments/progress', 'complete', 200);

        for my $kind (grep { $peer{$_} } sort keys %peer) {
            push @{ $got{$kind} }, $b->run_program('latency',
                $peer{$kind}{port}, '/jobs', $theirs, 'jobId', '/events',
                'complete', 200);
        }
    }

    my $of = sub { my ($who, $key) = @_; [map { $_->{$key} } @{ $got{$who} }] };
    my $missing = 0;

    $missing += $_->{missing} for @{ $got{ours} };
    $b->report->fact('events that did not come', !$missing, $missing);
    $b->report->row(what => 'to the event, median', unit => 'ms',
        ours => $of->('ours', 'event50'), against => 'the target', that => 3,
        target => '<= 1');
    $b->report->row(what => 'to the event, 99th percentile', unit => 'ms',
        ours => $of->('ours', 'event99'), against => 'the target', that => 7,
        target => '<= 1');

    my %median = map { $_ => Assess::Bench::Report::median(
        @{ $of->($_, 'event50') }) } grep { $_ ne 'ours' } keys %got;
    my $least = min(values %median);
    my ($best) = grep { $median{$_} == $least } keys %median;

    for my $kind (grep { $got{$_} } qw(bullmq graphile pgboss)) {
        for my $part ([event50 => 'median'], [event99 => '99th percentile']) {
            $b->report->row(what => "to the event, $part->[1]", unit => 'ms',
                ours => $of->('ours', $part->[0]), against => $name{$kind},
                that => $of->($kind, $part->[0]),
                target => $kind eq $best ? '<= 1' : undef);
        }
    }

    $b->report->row(what => 'to the 202, median', unit => 'ms',
        ours => $of->('ours', 'answer50'), against => $name{$best},
        that => $of->($best, 'answer50')) if $best;
}


1;
