#!/usr/bin/perl

# A new binary (USR2): two generations serve side by side, then the old one
# goes; jobs go on, and a stream misses nothing.

use strict;
use warnings;

use Time::HiRes qw(time);

use Assess::Jobs qw(document question_set start_job events_in_log collect
                    is_log ended_type changed_conf);
use Assess::Process qw(alive slurp wait_until);
use Assess::Provider;
use Assess::Test;

my $provider = Assess::Provider->new('--delay-ms', 300);
my $t = Assess::Test->new(env => { $provider->env, ASSESS_WORKERS => 2,
    ASSESS_JOBS => 4, ASSESS_CONCURRENCY => 8 },
    extra => "assess_retry 100ms;\n");
my $path = '/api/assessments/progress';
my $server = $t->server;

question_set($t, 'sixty', 60);

# nginx takes the signal only where it has left its parent
$server->quit;
changed_conf(sub { s/^daemon\s+off/daemon on/m });
$server->start(no_wait => 1);
ok(wait_until(20, sub { master_in('nginx.pid') }), 'nginx is a daemon');
$server->{pid} = master_in('nginx.pid');
$server->wait_ready(30);


sub master_in {
    my ($file) = @_;
    my ($pid) = (slurp("$server->{home}/$file") // '') =~ /^(\d+)/;
    return $pid;
}

# Events as a browser gets them: whenever the stream ends, it comes back.
sub follow {
    my ($all, $last, $until) = @_;

    my $end = time + 90;
    my $streams = 0;

    while (time < $end) {
        my $stream = $t->http->events($path, 'Last-Event-ID' => $$last) or next;
        next if ($stream->{status} // 0) != 200;
        $streams++;

        my $done;
        push @$all, collect($stream, sub {
            $$last = $_[0]{id} if defined $_[0]{id};
            return $done = $until->($_[0]);
        }, $end - time);

        return $streams if $done;
    }

    return 0;
}

my $before = $t->sql('select value from assess.event_counter');
my %left = map { $_ => 1 } map {
    start_job($t, document => document($t), set => 'sixty') } 1 .. 8;
my @jobs = keys %left;
ok(wait_until(20, sub { $provider->stats->{requests} >= 16 }), 'jobs run');

my $old = $server->{pid};
my @workers = $server->workers;
my $new;

kill 'USR2', $old;
ok(wait_until(20, sub {
    $new = master_in('nginx.pid');
    return $new && $new != $old && (master_in('nginx.pid.oldbin') // 0) == $old;
}), 'there is a new master beside the old one');
ok(wait_until(20, sub {
    local $server->{pid} = $new;
    return 2 == $server->workers;
}), 'with workers of its own');

# the old generation goes, gracefully
kill 'QUIT', $old;

my (@events, $last);
$last = $before;
my $streams = follow(\@events, \$last, sub {
    delete $left{ ($_[0]{json} // {})->{jobId} // '' }
        if ended_type($_[0]{event});
    return !%left;
});

ok($streams, "all jobs end for a client that comes back ($streams streams)");
ok(wait_until(30, sub { !alive($old) && !grep { alive($_) } @workers }),
    'the old generation is gone');

$server->{pid} = $new;

is($t->wait_job($_)->{status}, 'completed', 'a job completes') for @jobs;
my $stats = $provider->stats;
is($stats->{requests}, 96, 'each batch is asked');
is(scalar(grep { $_ != 8 } values %{ $stats->{asked} }), 0, 'once');

my @log = grep { $_->{id} <= $last } events_in_log($t, $before);
is_log(\@events, \@log, 'the stream misses nothing');

is($t->http->get('/api/health/ready')->{status}, 200, 'the new one is ready');
my $job = start_job($t, document => document($t), set => 'sixty');
is($t->wait_job($job)->{status}, 'completed', 'and takes jobs');

$t->done;
