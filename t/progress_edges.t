#!/usr/bin/perl

# Streams where something is amiss: the store is away, the worker leaves, the
# reader does not read; and several of them on one HTTP/2 connection.

use strict;
use warnings;

use Time::HiRes qw(time);

use Assess::Jobs qw(document question_set start_job events_in_log write_events
                    collect is_log changed_conf);
use Assess::Process qw(alive run_as wait_until);
use Assess::Test;

my $port = Assess::Test::free_port();

changed_conf(sub {
    s/^worker_processes/worker_shutdown_timeout 3s;\nworker_processes/m;
});

my $t = Assess::Test->new(env => { ASSESS_JOBS => 4 }, extra => <<"END");
server {
    listen 127.0.0.1:$port http2;

    location /api/ {
        assess_api;
        assess_tenant default;
    }
}
END

my $http = $t->http;
my $path = '/api/assessments/progress';

question_set($t, 'ten', 10);
my $job = start_job($t, document => document($t), set => 'ten');
$t->wait_job($job);


# --- HTTP/2: streams of one connection, one of which ends

{
    my $open = '00000000-0000-7000-8000-000000000000';
    my @urls = map {"http://127.0.0.1:$port$path?$_"}
               "jobId=$job", "jobId=$job&lastEventId=1", "jobId=$job",
               "jobId=$job&jobId=$open";

    my ($status, $text) = run_as(undef, 'curl', '-sS', '--max-time', 3, '-N',
        '--http2-prior-knowledge', '-Z', '--parallel-immediate', @urls);

    # the last one is open until curl ends it
    is(() = $text =~ /^event: connected$/mg, 4, 'four streams begin');
    is(() = $text =~ /^event: complete$/mg, 4, 'each gets what is its own');

    # and all of them going away at once, with much to be told
    for my $round (1 .. 5) {
        write_events($t, 800, pad => 500);
        run_as(undef, 'curl', '-sS', '--max-time', 0.3, '-N', '-o', '/dev/null',
            '--http2-prior-knowledge', '-Z', '--parallel-immediate',
            map {"http://127.0.0.1:$port$path?lastEventId=$_"} 0 .. 7);
    }

    is($http->get('/api/health/live')->{status}, 200, 'nothing breaks');
}


# --- a reader that does not read, and a worker that has to go

{
    my $before = $t->sql('select value from assess.event_counter');
    my $stalled = $http->events($path, 'Last-Event-ID' => $before);
    write_events($t, 3000, pad => 3000);
    my $mark = write_events($t, 1);
    my $reader = $http->events($path, 'Last-Event-ID' => $before);
    ok($reader->until(sub { ($_[0]{id} // 0) == $mark }, 60),
        'megabytes have passed by one who does not read');
    $reader->close;

    my ($old) = $t->server->workers;
    $t->server->reload;
    ok(wait_until(15, sub { !alive($old) }),
        'it does not hold the worker for ever');

    my @events = collect($stalled, undef, 20);
    ok($stalled->{ended}, 'its connection is closed');
    push @events, collect($http->events($path, 'Last-Event-ID' =>
        $stalled->{id} // $before), sub { ($_[0]{id} // 0) == $mark }, 60);
    is_log(\@events, [events_in_log($t, $before)],
        'coming back it gets all that it had not');
}


# --- the store is away

sub come_back_later {
    my ($stream, $name) = @_;

    is($stream->{status}, 200, "$name: it is no error");
    is(scalar(collect($stream, undef, 20)), 0, 'but nothing comes');
    ok($stream->{ended}, 'it ends');
    is($stream->{retry}, 10000, 'and is to be tried again, later');
}

my $live = $http->events($path);
$live->next;
$t->cluster->stop;

come_back_later($http->events("$path?jobId=$job"), 'a job');
come_back_later($http->events($path, 'Last-Event-ID' => 1), 'a resumed one');
collect($live, undef, 0.5);
ok(!$live->{ended}, 'one that is open stays open');
is($http->get("/api/assessments/job/$job")->{status}, 200,
    'the status of a job that is known is known');

$t->server->quit;
$t->server->start(no_wait => 1);
wait_until(20, sub { ($http->get('/api/health/live') // {})->{status} });
come_back_later($http->events($path), 'a server without a store');

$t->cluster->launch;
$t->server->wait_ready(30);
my $stream = $http->events("$path?jobId=$job");
is(join(' ', map { $_->{event} } collect($stream)), 'connected complete',
    'when it is back, so are the streams');

$t->done;
