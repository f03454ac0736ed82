#!/usr/bin/perl

# Several workers: what happens in one is known in all; one that is killed
# takes nothing with it.

use strict;
use warnings;

use IO::Select;
use Time::HiRes qw(sleep time);
use Time::Local qw(timegm);

use Assess::HTTP;
use Assess::Jobs qw(document question_set start_job events_in_log write_events
                    collect is_log ended_type);
use Assess::Process qw(alive wait_until);
use Assess::Provider;
use Assess::Test;

my $provider = Assess::Provider->new('--delay-ms', 60);
my $t = Assess::Test->new(env => { $provider->env, ASSESS_WORKERS => 4,
    ASSESS_JOBS => 4, ASSESS_LEASE => 2, ASSESS_CONCURRENCY => 8 });
my $path = '/api/assessments/progress';

question_set($t, 'ten', 50);

# what nginx says of a worker that is killed
$t->allow_alarm(qr/exited on signal 9/);
$t->allow_alarm(qr/shared memory zone "assess" was locked by/);


sub newest { return $t->sql('select value from assess.event_counter') }

# With all other workers stopped, so that it is this one that accepts.  One of
# those may have been stopped with the zone locked, and this one may not have
# opened its store yet: then again.
sub on_worker {
    my ($pid, $code) = @_;

    my $http = Assess::HTTP->new(port => $t->home->{port}, timeout => 2);
    my @others = grep { $_ != $pid } $t->server->workers;

    for my $try (1 .. 20) {
        kill 'STOP', @others;
        my $result = eval { $code->($http) };
        kill 'CONT', @others;
        return $result if $result && ($result->{status} // 503) != 503;
        sleep 0.05;
    }

    die "worker $pid does not answer\n";
}


sub stream_on {
    my ($pid, $last) = @_;

    return on_worker($pid, sub { $_[0]->events($path, defined $last
        ? ('Last-Event-ID' => $last) : ()) });
}


sub start_all {
    my ($n) = @_;

    return map { start_job($t, document => document($t), set => 'ten') }
           1 .. $n;
}


# From the change in the database to the reader, in ms: the change's own time
# is from before its commit.
sub tell_latency {
    my (@ms) = sort { $a <=> $b } @_;

    note(sprintf '%d events came after %d ms (median), %d ms (99 of 100)',
        scalar @ms, $ms[@ms / 2], $ms[@ms * 0.99]);
}


# Reads all streams as they come, until each has the event.
sub read_all {
    my ($streams, $seen, $mark) = @_;

    my $end = time + 60;
    my @late;

    for my $i (0 .. $#$streams) {
        my $stream = $streams->[$i] or next;
        push @{ $seen->[$i] }, collect($stream,
            sub { ($_[0]{id} // 0) == $mark }, $end - time);
    }
}


# --- every worker tells of every job

my @workers = $t->server->workers;
is(scalar @workers, 4, 'four workers');

my $before = newest();
my @streams = map { stream_on($_) } @workers;
my @seen = map { [] } @streams;
my @jobs = start_all(16);
$t->wait_job($_, 120) for @jobs;
read_all(\@streams, \@seen, write_events($t, 1));

my @log = events_in_log($t, $before);
is_log($seen[$_], \@log, "worker $_ has all") for 0 .. 3;

for my $job (@jobs[0 .. 2]) {
    my @answers = map {
        on_worker($_, sub { $_[0]->get("/api/assessments/job/$job") })->{body}
    } @workers;

    is(scalar(grep { $_ ne $answers[0] } @answers), 0,
        'a status is the same from each worker');
}


# --- how long it takes, while one job runs: four readers at once

{
    my (@late, %left);
    my $select = IO::Select->new;

    my $id = (start_all(1))[0];
    $left{$_} = $_ for map { $_->{sock} } @streams;
    my %stream = map { $_->{sock} => $_ } @streams;
    $select->add($_->{sock}) for @streams;

    while (%left) {
        my @ready = $select->can_read(30) or last;

        for my $sock (@ready) {
            my $stream = $stream{$sock};

            while (my $event = $stream->next(0.001)) {
                next if !defined $event->{id};
                my $text = $event->{json}{timestamp} // '';

                push @late, (time - timegm($6 =~ s/\..*//r, $5, $4, $3, $2 - 1,
                        $1) - "0.$7") * 1000
                    if $text =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)\.(\d+)Z/;

                delete $left{$sock} if ended_type($event->{event});
            }
        }
    }

    is(scalar keys %left, 0, 'all workers tell of its end');
    tell_latency(@late);
}


# --- one is killed in the middle of everything

for my $round (1 .. 3) {

    @workers = $t->server->workers;
    $before = newest();
    @streams = map { stream_on($_, $before) } @workers;
    @seen = map { [] } @streams;
    @jobs = start_all(16);

    $streams[0]->until(sub { ($_[0]{json}{batchCompleted} // 0) > 0 });
    my $last = $streams[0]{id};
    kill 'KILL', $workers[0];

    ok(wait_until(10, sub { (grep { $_ != $workers[0] }
        $t->server->workers) == 4 }), "round $round: another takes its place");

    my %status;
    $status{ $t->wait_job($_, 120)->{status} }++ for @jobs;
    is(join(' ', %status), 'completed 16', 'no job is lost');

    my $list = join ',', map {"'$_'"} @jobs;
    is($t->sql('select count(*), count(distinct (job_id, ordinal))'
        . " from assess.assessment_answers where job_id in ($list)"),
        (16 * 50) . '|' . (16 * 50), 'each question has one answer');

    my $mark = write_events($t, 1);
    read_all([undef, @streams[1 .. 3]], \@seen, $mark);
    @log = events_in_log($t, $before);
    is_log($seen[$_], \@log, "the stream of worker $_ went on") for 1 .. 3;

    my $again = $t->http->events($path, 'Last-Event-ID' => $last);
    my @rest = collect($again, sub { ($_[0]{id} // 0) == $mark }, 60);
    is_log(\@rest, [grep { $_->{id} > $last } @log],
        'its own resumes somewhere else');
    $again->close;

    my $wrong = 0;
    for my $job (@jobs) {
        my $job_now = $t->http->get("/api/assessments/job/$job")->{json};
        $wrong++ if $job_now->{status} ne 'completed';
    }
    is($wrong, 0, 'the zone knows what became of each');
}

$_->close for grep { $_ } @streams;
$provider->stop;
$t->done;
