#!/usr/bin/perl

# A reload while jobs run: what is paid for is awaited, what is left goes to
# the new workers, and nobody notices but by a stream that ends.

use strict;
use warnings;

use JSON::PP ();
use Time::HiRes qw(sleep time);

use Assess::Jobs qw(document question_set start_job events_in_log collect
                    is_log ended_type);
use Assess::Process qw(alive slurp wait_until);
use Assess::Provider;
use Assess::Test;

my $provider = Assess::Provider->new('--delay-ms', 500);
my $t = Assess::Test->new(env => { $provider->env, ASSESS_JOBS => 32,
    ASSESS_CONCURRENCY => 400 }, extra => "assess_drain_timeout 2s;\n");
my $http = $t->http;

question_set($t, 'big', 110);
question_set($t, 'small', 15);


sub in_flight { return $provider->stats->{inFlight} }

sub leaving {
    return grep { (slurp("/proc/$_/cmdline") // '') =~ /shutting down/ }
           $t->server->processes;
}


# --- 22 requests in flight

my $job = start_job($t, document => document($t), set => 'big');
ok(wait_until(20, sub { in_flight() == 22 }), 'all requests are in flight');
my ($old) = $t->server->workers;
$t->server->reload;
my $done = $t->wait_job($job, 30);
is($done->{status}, 'completed', 'the job completes');
is($done->{completedBatches}, 22, 'all of it');
is($done->{attempt}, 1, 'in one attempt');
is($provider->stats->{requests}, 22, 'no request is repeated');
ok(wait_until(20, sub { !alive($old) }), 'the old worker is gone then');


# --- some in flight, more to come

my $results = sub { $http->get("/api/assessments/job/$_[0]/results")->{json} };

$provider->control(reset => \1, delayMs => 500);
my $env = $t->server->{env};
$env->{ASSESS_CONCURRENCY} = 4;
$t->server->configure->reload;
$job = start_job($t, document => document($t), set => 'big');
ok(wait_until(20, sub { in_flight() == 4 }), 'four are in flight');
$t->server->reload;
$done = $t->wait_job($job, 60);
is($done->{status}, 'completed', 'the next worker completes it');
is($done->{attempt}, 1, 'in the same attempt');
is($provider->stats->{requests}, 22, 'and asks only what was not asked');
is(scalar(grep { $_ != 1 } values %{ $provider->stats->{asked} }), 0,
    'each question once');
is($results->($job)->{complete} ? 1 : 0, 1, 'all answers are there');


# --- those in flight do not end

$provider->control(reset => \1, next => [map { { mode => 'hang' } } 1 .. 3],
    delayMs => 20);
$job = start_job($t, document => document($t), set => 'small');
ok(wait_until(20, sub { in_flight() == 3 }), 'requests hang');
($old) = $t->server->workers;
my $start = time;
$t->server->reload;
ok(alive($old), 'the worker waits for them');
ok(wait_until(20, sub { !alive($old) }), 'not for ever');
my $took = time - $start;
ok($took > 1.5, sprintf('but as long as it is told to (%.1f s)', $took));
is($t->wait_job($job, 30)->{status}, 'completed', 'the job goes on');
is($provider->stats->{requests}, 6, 'with the same requests again');


# --- 32 jobs, and a stream; two reloads in a row

for my $kind (qw(openai local)) {

    $provider->control(reset => \1, delayMs => 300);
    $env->{ASSESS_CONCURRENCY} = 64;
    $t->server->configure->reload;

    my $before = $t->sql('select value from assess.event_counter');
    my $stream = $http->events('/api/assessments/progress',
        'Last-Event-ID' => $before);
    my @jobs = map { start_job($t, document => document($t), set => 'small',
        body => { provider => $kind }) } 1 .. 32;

    if ($kind eq 'openai') {
        ok(wait_until(20, sub { in_flight() >= 20 }), 'jobs are under way');
    }

    my %left = map { $_ => 1 } @jobs;
    my @events;
    my $reloads = 2;

    while (%left) {
        if ($reloads && @events > 20 * (3 - $reloads)) {
            $t->server->reload;
            $reloads--;
        }

        my $event = $stream->next(30);

        if (!$event && $stream->{ended}) {

            # one that ended before it had any event leaves the id as it was
            $stream = $http->events('/api/assessments/progress',
                'Last-Event-ID' => @events ? $events[-1]{id} : $before)
                or last;
            next;
        }

        last if !$event;
        push @events, $event if defined $event->{id};
        delete $left{ $event->{json}{jobId} } if ended_type($event->{event});
    }

    is(scalar keys %left, 0, "$kind: every job ends");
    is_log(\@events, [events_in_log($t, $before)],
        "$kind: the stream has no gap over two reloads");

    my @status = map { $t->wait_job($_)->{status} } @jobs;
    is(scalar(grep { $_ ne 'completed' } @status), 0, "$kind: all completed");

    my $list = join ',', map {"'$_'"} @jobs;
    is($t->sql('select count(*), count(distinct (job_id, ordinal))'
        . " from assess.assessment_answers where job_id in ($list)"),
        (32 * 15) . '|' . (32 * 15), "$kind: each question has one answer");

    is($provider->stats->{requests}, 32 * 3, 'no request more than needed')
        if $kind eq 'openai';

    is($t->sql('select count(*) from assess.assessment_progress_events'
        . " where type = 'complete' and job_id in ($list)"), 32,
        "$kind: and one end");
}

ok(wait_until(30, sub { !leaving() }), 'no old worker is left');


# --- calls that come before the new worker has opened the store: none is sent
# away because of that moment, and none waits for ever

sub opens_slowly {
    my $release = $t->cluster->held('select pg_advisory_lock(107148485161843)');
    my ($was) = $t->server->workers;

    $t->server->reload;
    ok(wait_until(20, sub { my @now = $t->server->workers;
        @now && !grep { $_ == $was } @now }), 'only the new worker is there');

    return $release;
}

sub sent {
    my ($body) = @_;

    my $sock = $http->connect or die "connect: $!\n";
    print {$sock} "POST /api/assessments/start HTTP/1.1\r\nHost: a\r\n"
        . "X-Tenant: default\r\nContent-Type: application/json\r\n"
        . 'Content-Length: ' . length($body) . "\r\nConnection: close\r\n\r\n"
        . $body;
    return $sock;
}

sub answer_of {
    my ($sock) = @_;

    local $/;
    return Assess::HTTP::parse(scalar <$sock>);
}

my $body = JSON::PP::encode_json({ documentId => document($t),
                                   questionSet => 'small' });

# on a machine that is busy with other things one may have waited too long
my $early = wait_until(60, sub {
    my $release = opens_slowly();
    my $sock = sent($body);

    $release->();
    return answer_of($sock)->{status} == 202;
});
ok($early, 'a call that was early is answered when the store is open');

{
    my $release = opens_slowly();
    my $answer = answer_of(sent($body));

    is($answer->{status}, 503, 'where that takes long, it is told so');
    is($answer->{json}{detail}, 'the store is not open yet', 'why');
    ok($answer->{headers}{'retry-after'}, 'and when to come again');

    my $gone = sent($body);
    close $gone;
    $release->();
}

ok(wait_until(20, sub {
    ($http->get('/api/health/ready') // { status => 0 })->{status} == 200
}), 'then all is as before');

$provider->stop;
$t->done;
