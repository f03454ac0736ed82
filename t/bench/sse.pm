package Bench::Sse;

# Event streams: memory of each, idle and used, and CPU of a delivery, beside
# nchan; readers that do not read; a reload under ten thousand of them.  The
# events are those of jobs.

use strict;
use warnings;

use Time::HiRes qw(sleep);

use Assess::Bench::Proc qw(cpu pss anon now);

# Deliveries a second that are asked of a server: below what two cores can do,
# the client being on one of them.  Events of a job, to begin with.
use constant { DELIVERIES => 50_000, SECONDS => 6, EVENTS => 6 };


sub run {
    my ($b) = @_;

    for my $n (split /,/, $ENV{ASSESS_BENCH_STREAMS} || '1000,5000,10000') {
        many($b, $n);
    }

    stalled($b);
    reload($b);
}


sub home {
    my ($b) = @_;

    my $home = $b->home(env => { ASSESS_JOBS => 8 },
                        tune => { worker_connections => 16384 });

    $home->{bodies} = $b->write_bodies({
        questionSet => $home->put_questions(1),
        documentId => $home->upload("There is a fire alarm.\n") });

    return $home;
}


# So many jobs, so many a second.
sub jobs {
    my ($b, $home, $jobs, $rate) = @_;

    return $b->post($home->port, '/api/assessments/start', $home->{bodies},
                    $jobs, 16, $rate);
}


sub many {
    my ($b, $n) = @_;

    my $rate = DELIVERIES / $n / EVENTS;
    my $jobs = int($rate * SECONDS) || 1;
    my (@ours, @theirs);

    for ($b->rounds) {
        push @ours, $b->apart(sub { ours($b, $n, $jobs, $rate) });

        my $peer = $b->apart(sub {
            nchan($b, $n, $jobs, $rate, $ours[-1]) });
        push @theirs, $peer if $peer;
    }

    for my $key (['idle', 'memory of each, idle', 'KB', 7],
                 ['used', 'memory of each, once used', 'KB', 8],
                 ['cpu', 'CPU of a delivery', 'us', 7])
    {
        my ($name, $what, $unit, $target) = @$key;
        my $count = $n =~ s/(\d)(\d{3})\z/$1,$2/r;
        my @row = (what => "$count streams: $what", unit => $unit,
                   ours => [map { $_->{$name} } @ours]);

        $b->report->row(@row, against => 'the target', that => $target,
                        target => '<= 1');
        $b->report->row(@row, against => 'nchan',
            that => [map { $_->{$name} } @theirs]) if @theirs;
    }
}


sub ours {
    my ($b, $n, $jobs, $rate) = @_;

    my $home = home($b);
    my ($alone, $alone_got) = load_ours($b, $home, 1, $jobs, $rate);
    my ($many, $got) = load_ours($b, $home, $n, $jobs, $rate);
    my $messages = $got->{messages} - $alone_got->{messages};

    return { %$many, cpu => ($many->{cpu} - $alone->{cpu}) * 1e6 / $messages,
             each => int($got->{messages} / $n),
             bytes => int($got->{bytes} / $got->{messages}) };
}


# The same jobs, seen by one or by many.
sub load_ours {
    my ($b, $home, $n, $jobs, $rate) = @_;

    my @server = $home->nginx;
    my $none = pss(@server);
    my $streams = $b->streams($home->port, '/api/assessments/progress',
                              '-n', $n, '-c', $jobs);

    sleep 1;
    my $idle = pss(@server);
    my $before = $streams->stat;
    my $cpu = cpu(@server);

    jobs($b, $home, $jobs, $rate);
    $streams->reached;

    my $after = $streams->stat;
    my $spent = cpu(@server) - $cpu;
    my $used = pss(@server);
    my $end = $streams->end;

    die "$end->{gaps} gaps, $end->{doubles} events twice\n"
        if $end->{gaps} || $end->{doubles};

    return ({ cpu => $spent, idle => ($idle - $none) / $n / 1e3,
              used => ($used - $none) / $n / 1e3 },
            { messages => $after->{messages} - $before->{messages},
              bytes => $after->{bytes} - $before->{bytes} });
}


# As many messages of the same size.
sub nchan {
    my ($b, $n, $jobs, $rate, $like) = @_;

    my $module = $b->peers->nchan or return;
    my $nginx = $b->nginx(<<'CONF', main => "load_module $module;");
    nchan_shared_memory_size 256m;
    server {
        listen 127.0.0.1:@PORT@ backlog=4096;
        location = /sub {
            nchan_subscriber eventsource;
            nchan_channel_id all;
            nchan_subscriber_first_message newest;
        }
        location = /pub {
            nchan_publisher;
            nchan_channel_id all;
            nchan_message_buffer_length 20;
            nchan_message_timeout 1m;
        }
    }
CONF
    my @server = ($nginx->{pid}, Assess::Bench::children($nginx->{pid}));
    my $bodies = $b->write_bodies('x' x ($like->{bytes} - 40));
    my $count = $like->{each};

    # once, so that the channel is there
    $b->post($nginx->{port}, '/pub', $bodies, 1, 1);

    my $none = pss(@server);
    my $streams = $b->streams($nginx->{port}, '/sub', '-n', $n, '-e', '',
                              '-c', $count);

    sleep 1;
    my $idle = pss(@server);
    my $cpu = cpu(@server);

    $b->post($nginx->{port}, '/pub', $bodies, $count, 1,
             $rate * $count / $jobs);
    $streams->reached;

    my $spent = cpu(@server) - $cpu;
    my $used = pss(@server);
    my $got = $streams->end;

    return { cpu => $spent * 1e6 / $got->{messages},
             idle => ($idle - $none) / $n / 1e3,
             used => ($used - $none) / $n / 1e3 };
}


# 40 streams, of which 20 do not read: what they cost beside what nginx takes
# for the same jobs anyway, and what the others get.
sub stalled {
    my ($b) = @_;

    my $rate = 1200 / EVENTS;
    my $jobs = int($rate * 8);
    my (@all, @half, $last);

    for ($b->rounds) {
        push @all, $b->apart(sub { hold($b, 0, $jobs, $rate) });
        push @half, $last = $b->apart(sub { hold($b, 20, $jobs, $rate) });
    }

    my $of = sub { my ($key, @of) = @_; [map { $_->{$key} } @of] };

    $b->report->row(what => '20 of 40 stalled: events a second of the others',
        unit => '/s', ours => $of->('rate', @half), against => 'the target',
        that => 1000, target => '>= 1');
    $b->report->row(what => '20 of 40 stalled: events a second of the others',
        unit => '/s', ours => $of->('rate', @half), against => 'none stalled',
        that => $of->('rate', @all), target => '>= 0.9');
    $b->report->row(what => 'memory of each that is stalled', unit => 'KB',
        ours => [map { ($half[$_]{memory} - $all[$_]{memory}) / 20 / 1e3 }
                 0 .. $#half],
        against => 'the bound', that => 64 + 8, target => '<= 1');
    $b->report->fact('the stalled ones, once they read again',
        !(grep { $_->{behind} || $_->{gaps} || $_->{doubles} || $_->{resets} }
          @half),
        "$last->{closed} of 20 were closed; $last->{behind} miss events, "
        . "$last->{gaps} gaps, $last->{doubles} twice, $last->{resets} resets");
}


sub hold {
    my ($b, $stalled, $jobs, $rate) = @_;

    my $home = home($b);

    # once without them, so that what jobs need is there
    load_ours($b, $home, 1, $jobs, $rate);

    my $streams = $b->streams($home->port, '/api/assessments/progress',
                              '-n', 40, '-s', $stalled, '-c', $jobs);
    my $before = anon($home->nginx);
    my $posted = jobs($b, $home, $jobs, $rate);
    my $reached = $streams->reached;
    my $stat = $streams->stat;
    my $after = anon($home->nginx);

    $streams->resume;
    my $got = caught_up($streams, 40);
    $streams->end;

    return { %$got, closed => $got->{ended},
        rate => $stat->{events} / ($reached->{time} - $posted->{start}),
        memory => $after - $before };
}


# When all of them have seen what the first one has, or 30 seconds later.
sub caught_up {
    my ($streams, $n) = @_;

    my ($got, $end) = (undef, now() + 30);

    do {
        sleep 0.2;
        $got = $streams->stat;
    } while (now() < $end && ($got->{behind} || $got->{open} < $n));

    return $got;
}


# Ten thousand streams through a reload, with jobs before, during and after.
sub reload {
    my ($b) = @_;

    my $n = $ENV{ASSESS_BENCH_RELOAD} || 10_000;
    my $home = home($b);
    my $streams = $b->streams($home->port, '/api/assessments/progress',
                              '-n', $n, '-c', 10);
    my $count = $n =~ s/(\d)(\d{3})\z/$1,$2/r;

    # each has an event to come back to
    jobs($b, $home, 1, 1);
    sleep 1;

    my $begun = now();
    my $master = $home->server->{pid};
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        sleep 2;
        kill 'HUP', $master;
        POSIX::_exit(0);
    }

    jobs($b, $home, 9, 1);
    waitpid $pid, 0;
    $streams->reached;

    my $got = caught_up($streams, $n);
    $streams->end;

    $b->report->fact("$count streams through a reload",
        !(grep { $got->{$_} } qw(behind gaps doubles resets))
        && $got->{open} == $n && $got->{ended} >= $n,
        "$got->{ended} ended and $got->{openedAgain} came back; of"
        . " $got->{events} events $got->{behind} streams miss some,"
        . " $got->{gaps} gaps, $got->{doubles} twice, $got->{resets} resets");
}


1;
