package Bench::Submit;

# POST 1 KB, durable, 202: 64 connections; then with a PostgreSQL that is slow
# or stands still.

use strict;
use warnings;

use Time::HiRes qw(sleep);

use Assess::Bench::Proc qw(pss cpu);

# The bound of an answer of 503, in milliseconds.
use constant BOUND => 1000;


sub run {
    my ($b) = @_;

    # jobs only queue: the one that runs waits for its provider
    my $provider = $b->provider('--delay-ms', 600_000);
    my $home = $b->home(env => { $provider->env, ASSESS_JOBS => 1 });
    my $body = body($b, $home);

    compare($b, $home, $body);
    overload($b, $home, $body);
}


# A file with a start of 1 KB.
sub body {
    my ($b, $home) = @_;

    my %start = (documentId => $home->upload("There is a fire alarm.\n"),
                 questionSet => $home->put_questions(1));
    my $rest = 1024 - length JSON::PP::encode_json(
        { %start, metadata => { note => '' } });

    return $b->write_bodies({ %start, metadata => { note => 'x' x $rest } });
}


sub compare {
    my ($b, $home, $body) = @_;

    my $nginx = $b->nginx(<<'CONF');
    server { listen 127.0.0.1:@PORT@; location / {
        default_type application/json;
        return 202 '{"jobId":"0190a7b2-7c11-7000-8000-000000000000"}'; } }
CONF
    my %peer = (bullmq => $b->peers->serve('accept', 'bullmq'),
                pgboss => $b->peers->serve('accept', 'pgboss'));
    my $theirs = $b->write_bodies({ document => 'x' x 1009 });
    my $path = '/api/assessments/start';
    my %got;

    for ($b->rounds) {
        my @before = used($home);
        push @{ $got{ours} }, one($b, $home->port, $path, $body);
        my @after = used($home);
        my $n = $got{ours}[-1]{all};

        push @{ $got{cpu} }, ($after[0] - $before[0]) * 1e6 / $n;
        push @{ $got{postgres} }, ($after[1] - $before[1]) * 1e6 / $n;
        push @{ $got{commits} }, ($after[2] - $before[2]) / $n;
        push @{ $got{nginx} }, one($b, $nginx->{port}, '/', $body);

        for my $kind (grep { $peer{$_} } sort keys %peer) {
            push @{ $got{$kind} }, one($b, $peer{$kind}{port}, '/jobs', $theirs);
            $b->peers->flush($b->peers->redis('always')) if $kind eq 'bullmq';
        }
    }

    my $row = sub {
        my ($what, $key, $unit, $against, $that, $target) = @_;
        $b->report->row(what => $what, unit => $unit,
            ours => [map { $_->{$key} } @{ $got{ours} }], against => $against,
            that => ref $that ? [map { $_->{$key} } @$that] : $that,
            target => $target);
    };

    $row->('202s a second', 'rate', '/s', 'BullMQ, fsync always',
           $got{bullmq}, '>= 2.5') if $got{bullmq};
    $row->('202s a second', 'rate', '/s', 'pg-boss', $got{pgboss}, '>= 14')
        if $got{pgboss};
    $row->('202s a second', 'rate', '/s', 'nginx, return 202', $got{nginx});
    $row->('99th percentile', 'p99', 'ms', 'the target', 10, '<= 1');
    $row->('99th percentile', 'p99', 'ms', 'BullMQ, fsync always',
           $got{bullmq}) if $got{bullmq};
    $b->report->row(what => 'CPU of nginx for each', unit => 'us',
                    ours => $got{cpu});
    $b->report->row(what => 'CPU of PostgreSQL for each', unit => 'us',
                    ours => $got{postgres});
    $b->report->row(what => 'transactions for each', ours => $got{commits});
}


# CPU seconds of nginx and of PostgreSQL, and its transactions, until now.
sub used {
    my ($home) = @_;

    sleep 1.2;                      # PostgreSQL counts once a second
    return (cpu($home->worker), cpu($home->cluster->processes), $home->sql(
        'select xact_commit + xact_rollback from pg_stat_database where'
        . " datname = 'assess'"));
}


sub one {
    my ($b, $port, $path, $body) = @_;

    my $warm = $b->wrk($port, $path, body => $body, seconds => 1);
    my $got = $b->wrk($port, $path, body => $body);

    die "$got->{broken} connections were broken off\n" if $got->{broken};
    $b->report->note("$got->{failed} of $got->{n} were refused")
        if $got->{failed};
    $got->{rate} *= ($got->{n} - $got->{failed}) / $got->{n};

    return { %$got, all => $got->{n} + $warm->{n} };
}


# More than the database takes: 256 connections, with it stopped for nine
# tenths of the time, then for all of it.
sub overload {
    my ($b, $home, $body) = @_;

    for my $how ('slow', 'stopped') {
        my $brake = brake($b, $home, $how);
        my @load = ($home->port, '/api/assessments/start', body => $body,
                    connections => 256);

        # what a busy server takes is its size, not growth
        $b->wrk(@load, seconds => 2);

        my $before = pss($home->worker);
        my $got = $b->wrk(@load, count => 1);
        my $after = pss($home->worker);

        $brake->();

        $b->report->fact("$how database: answers", !$got->{other}
            && !$got->{broken} && ($how eq 'slow' || $got->{unavailable} > 0),
            "$got->{accepted} of 202, $got->{unavailable} of 503 with"
            . " Retry-After, $got->{other} others, $got->{broken} broken off");
        $b->report->row(what => "$how database: slowest answer", unit => 'ms',
            ours => $got->{max}, against => 'the bound', that => BOUND,
            target => '<= 1');
        $b->report->row(what => "$how database: memory of nginx after it",
            unit => 'MB', ours => $after / 1e6, against => 'at its beginning',
            that => $before / 1e6, target => '<= 1.1');
        $home->server->wait_ready(30);
    }
}


# Stops PostgreSQL, now and then or altogether, until what is returned is
# called.
sub brake {
    my ($b, $home, $how) = @_;

    my $stop = sub { kill $_[0], $home->cluster->processes };
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        my $ended;
        $SIG{TERM} = sub { $ended = 1 };

        until ($ended) {
            $stop->('STOP');
            sleep($how eq 'slow' ? 0.18 : 10);
            $stop->('CONT');
            sleep 0.02 if $how eq 'slow';
        }

        $stop->('CONT');
        POSIX::_exit(0);
    }

    my $release = sub {
        return unless $pid;
        kill 'TERM', $pid;
        waitpid $pid, 0;
        $stop->('CONT');
        undef $pid;
    };

    $b->at_end($release);
    sleep 0.2;
    return $release;
}


1;
