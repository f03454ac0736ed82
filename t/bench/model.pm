package Bench::Model;

# Jobs of 22 requests each to a provider that takes 500 ms: 1,000 of them, 200
# at once, then 800 all at once.  Their texts are known, the questions are 110
# in each of ten sets, no answer is used again.

use strict;
use warnings;

use Assess::Bench::Proc qw(cpu peak);
use Assess::HTTP;
use Assess::Process qw(spawn end_all wait_until slurp);

use constant { DELAY => 500, BATCHES => 22, LONGEST => 90 };


sub run {
    my ($b) = @_;

    $b->apart(sub { one($b) });

    my @cases = ([1000, 200, 2.5, 3.1], [800, 800, 0.5, 1.8]);

    for my $case (@cases) {
        my ($jobs, $at_once, $limit, $target) = @$case;
        my (@ours, @theirs);

        for ($b->rounds) {
            push @ours, many($b, $jobs, $at_once);
            my $peer = bullmq($b, $jobs, $at_once);
            push @theirs, $peer if $peer;
        }

        rows($b, "$jobs jobs, $at_once at once", \@ours, \@theirs, $limit,
             $target);
    }

    # 2,200 requests want to be in flight
    my $few = many($b, 200, 100, tune => { worker_rlimit_nofile => 1000 });
    $b->report->fact('200 jobs, 100 at once, 1,000 descriptors',
        $few->{completed} == 200, "$few->{completed} completed, "
        . sprintf('%.2f s', $few->{seconds}));
}


sub rows {
    my ($b, $what, $ours, $theirs, $limit, $target) = @_;

    my $of = sub { my ($all, $key) = @_; [map { $_->{$key} } @$all] };
    my $lost = 0;

    $lost += $_->{jobs} - $_->{completed} for @$ours;
    $b->report->fact("$what: not completed", !$lost, $lost);
    $b->report->row(what => "$what: time", unit => 's',
        ours => $of->($ours, 'seconds'), against => 'the target',
        that => $target, target => '<= 1');
    $b->report->row(what => "$what: time", unit => 's',
        ours => $of->($ours, 'seconds'), against => 'the provider alone',
        that => $limit);

    for my $key (@$theirs ? ('seconds', 'cpu', 'memory') : ()) {
        my ($name, $unit) = @{ { seconds => ['time', 's'],
            cpu => ['CPU of the worker for a request', 'us'],
            memory => ['most memory', 'MB'] }->{$key} };
        $b->report->row(what => "$what: $name", unit => $unit,
            ours => $of->($ours, $key), against => 'BullMQ with undici',
            that => $of->($theirs, $key));
    }

    $b->report->row(what => "$what: CPU of nginx for a request", unit => 'us',
        ours => $of->($ours, 'cpu'), against => 'the target', that => 120,
        target => '<= 1');
    $b->report->row(what => "$what: the same with PostgreSQL", unit => 'us',
        ours => $of->($ours, 'all'));
    $b->report->row(what => "$what: most memory", unit => 'MB',
        ours => $of->($ours, 'memory'), against => 'the target', that => 200,
        target => '<= 1') if $limit > 1;
    $b->report->row(what => "$what: most requests in flight",
        ours => $of->($ours, 'peak'));
}


# A stub of a provider: {port, pid, stats}.
sub stub {
    my ($b) = @_;

    my $place = $b->place;
    my $pid = spawn(command => [$b->program('stub'), "$place/port", DELAY],
                    log => "$place/log", cwd => $place);

    $b->at_end(sub { end_all([$pid], TERM => 5, KILL => 5) });
    wait_until(10, sub { -e "$place/port" }) or die "no stub\n";

    my ($port) = slurp("$place/port") =~ /(\d+)/;
    my $http = Assess::HTTP->new(port => $port);

    return { port => $port, pid => $pid, env => {
        OPENAI_BASE_URL => "http://127.0.0.1:$port/v1",
        OPENAI_API_KEY => 'test-key', ASSESS_CONCURRENCY => 20000 },
        stats => sub { $http->get('/stats')->{json} } };
}


# Texts that differ, with the sentence that the stub quotes.
sub text {
    my ($n) = @_;

    return join "\n\n", map { "Part $_ of building $n has stairs that are "
        . (900 + 7 * $_) . " mm wide, and doors of the class EI " . 10 * $_
        . ".  There is a fire alarm.  It is tested each week by the manager of"
        . " part $_, who keeps the records of it." } 1 .. 12;
}


# A server that has read 20 documents, and a file of starts.
sub prepared {
    my ($b, $stub, $at_once, %o) = @_;

    my $home = $b->home(env => { %{ $stub->{env} }, ASSESS_JOBS => $at_once },
                        %o);
    my @documents = map { $home->upload(text($_)) } 1 .. 20;
    my @sets = map { $home->put_questions(5 * BATCHES, "set$_") } 1 .. 10;

    for my $document (@documents) {
        my $a = $home->http->post('/api/assessments/start', json => {
            documentId => $document, questionSet => $sets[0],
            provider => 'local' });
        die "not started\n" unless $a && $a->{status} == 202;
    }

    $home->idle;

    return ($home, $b->write_bodies(map { my $set = $_; map { {
        documentId => $_, questionSet => $set } } @documents } @sets));
}


sub many {
    my ($b, @how) = @_;
    return $b->apart(sub { measure($b, @how) });
}


sub measure {
    my ($b, $jobs, $at_once, %o) = @_;

    my $stub = stub($b);
    my ($home, $bodies) = prepared($b, $stub, $at_once, %o);
    my $streams = $b->streams($home->port, '/api/assessments/progress',
                              '-c', $jobs, '-t', LONGEST);
    my $nginx = cpu($home->worker);
    my $postgres = cpu($home->cluster->processes);
    my $posted = $b->post($home->port, '/api/assessments/start', $bodies,
                          $jobs);
    my $reached = eval { $streams->reached };
    my $used = cpu($home->worker) - $nginx;
    my $theirs = cpu($home->cluster->processes) - $postgres;
    my $requests = $jobs * BATCHES;

    return { jobs => $jobs, cpu => $used * 1e6 / $requests,
        seconds => $reached ? $reached->{time} - $posted->{start} : LONGEST,
        all => ($used + $theirs) * 1e6 / $requests,
        memory => peak($home->worker) / 1e6, peak => $stub->{stats}->()->{peak},
        completed => $home->sql('select count(*) from assess.assessment_jobs'
            . " where status = 'completed' and provider <> 'local'") };
}


sub bullmq {
    my ($b, @how) = @_;
    return $b->apart(sub { measure_bullmq($b, @how) });
}


sub measure_bullmq {
    my ($b, $jobs, $at_once) = @_;

    my $stub = stub($b);
    my $worker = $b->peers->serve('fan', 'bullmq',
        arguments => [$stub->{port}, $at_once]) or return;
    my $before = cpu($worker->{pid});
    my $got = $b->peers->run('fan', 'bullmq', arguments => [$jobs]);

    die "$got->{failed} of BullMQ's jobs failed\n" if $got->{failed};

    return { seconds => $got->{seconds}, memory => peak($worker->{pid}) / 1e6,
        cpu => (cpu($worker->{pid}) - $before) * 1e6 / ($jobs * BATCHES) };
}


# One job alone, on an idle server.
sub one {
    my ($b) = @_;

    my $stub = stub($b);
    my ($home, $bodies) = prepared($b, $stub, 8);
    my @bodies = split /\n/, slurp($bodies);

    Assess::Process::write_file("$bodies.one", $bodies[0]);
    my $got = $b->run_program('latency', $home->port, '/api/assessments/start',
        "$bodies.one", 'jobId', '/api/assessments/progress', 'complete', 10);

    $b->report->row(what => 'one job, from POST to event', unit => 'ms',
        ours => $got->{event50}, against => 'the provider alone',
        that => DELAY, target => '<= 1.1');
}


1;
