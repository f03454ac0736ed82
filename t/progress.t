#!/usr/bin/perl

# Progress as Server-Sent Events: what is sent, to whom, and when it ends.

use strict;
use warnings;

use Time::HiRes qw(time);

use Assess::Jobs qw(document question_set start_job events_in_log write_events
                    collect is_log ended_type UUID);
use Assess::Process qw(wait_until);
use Assess::Provider;
use Assess::Test;

my $provider = Assess::Provider->new('--delay-ms', 30);
my $t = Assess::Test->new(
    env => { $provider->env, ASSESS_CONCURRENCY => 1, ASSESS_JOBS => 4 },
    extra => "assess_heartbeat 200ms;\nassess_retry 1500ms;\n");
my $http = $t->http;
my $time = qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\z/;
my $uuid = UUID;

question_set($t, 'nine', 9);
question_set($t, 'one', 1);


sub types { return join ' ', map { $_->{event} } @_ }

# the types without repeated ones
sub story {
    my @story;
    for my $type (map { $_->{event} } @_) {
        push @story, $type if !@story || $story[-1] ne $type;
    }
    return "@story";
}

sub last_id { return $t->sql('select value from assess.event_counter') }

sub is_done { return ended_type($_[0]{event}) }

sub progress { return $http->events("/api/assessments/progress$_[0]", @_[1 .. $#_]) }


# --- the answer itself, and all events of a job

my $all = progress('');

is($all->{status}, 200, 'a stream');
like($all->{headers}{'content-type'}, qr{^text/event-stream}, 'of events');
is($all->{headers}{'cache-control'}, 'no-store, no-transform',
    'nothing on the way keeps it');
is($all->{headers}{'x-accel-buffering'}, 'no', 'or gathers it');

my $first = $all->next;
is($all->{retry}, 1500, 'the line for retry comes first');
is($first->{event}, 'connected', 'then connected');
is($first->{data}, '{"type":"connected"}', 'as it is written down');
ok(!defined $first->{id}, 'without an id');

my $document = document($t);
my $before = last_id();
my $job = start_job($t, document => $document, set => 'nine',
    headers => { 'X-User' => 'ann' });
my @events = collect($all, \&is_done);
my @own = grep { defined $_->{id} } @events;
my @counters = grep { $_->{event} eq 'counters' } @events;

is(story(@own), 'queued progress complete', 'the story of a job');
is_log(\@own, [events_in_log($t, $before)], 'the stream is the log');

my @ids = map { $_->{id} } @own;
is("@ids", join(' ', sort { $a <=> $b } @ids), 'ids rise');
is(scalar(grep { !/^[1-9]\d*\z/ } @ids), 0, 'and are decimal');

is(scalar(grep { defined $_->{id} } @counters), 0, 'counters have no id');
is(scalar(grep { $_->{json}{type} ne $_->{event} } @events), 0,
    'data names the type too');

my $progress = (grep { $_->{event} eq 'progress' } @own)[-2];
my $data = $progress->{json};

is(join(' ', $progress->{data} =~ /"(\w+)":/g), 'type jobId assessmentId'
    . ' documentId batchId stage step progress percentage batchCompleted'
    . ' totalBatches cost estimatedCompletion estimateQuality'
    . ' timestamp',
    'the keys of progress');
is($data->{jobId}, $job, 'its job');
is($data->{documentId}, $document, 'its document');
is($data->{batchId}, undef, 'no batch');
like($data->{assessmentId}, qr/^$uuid\z/, 'its assessment');
is($data->{progress}, $data->{percentage}, 'both names of the progress');
is($data->{totalBatches}, 2, 'so many batches');
like($data->{timestamp}, $time, 'when');
is((grep { $_->{event} eq 'queued' } @own)[0]{json}{step}, 'Queued',
    'a queued job says so');

my %stages = map { ($_->{json}{stage} // '') => 1 }
             grep { $_->{event} eq 'progress' } @own;
is(join(' ', sort keys %stages),
    'extracting finalizing llm_processing vector_lookup', 'every stage');

my @done = map { $_->{json}{progress} } @own;
is("@done", join(' ', sort { $a <=> $b } @done), 'progress never goes down');
like((grep { $_->{json}{batchCompleted} && $_->{json}{batchCompleted} == 1 }
    @own)[0]{json}{estimatedCompletion}, $time, 'an estimate of the end');

my $got = $http->get("/api/assessments/job/$job")->{json};
my $complete = $own[-1]{json};
is(delete $complete->{type}, 'complete', 'the end');
is_deeply($complete, $got, 'carries the Job');


# --- counters

ok(scalar(@counters), 'a stream that is not narrowed has counters');
is(join(' ', $counters[0]{data} =~ /"(\w+)":/g), 'type totalDocs reviewed'
    . ' notReviewed processing queued failed', 'their keys');

my $last = $all->until(sub { $_[0]{event} eq 'counters'
    && $_[0]{json}{reviewed} == 1 }, 10);
my $now = $http->get('/api/assessments/counters')->{json};
is_deeply($last && { %{ $last->{json} }, type => undef },
    { %$now, type => undef }, 'the last ones are right');

{
    my $start = time;
    my @times;

    $provider->control(delayMs => 120);

    my @jobs = map { start_job($t, document => document($t), set => 'one') }
               1 .. 12;
    my %left = map { $_ => 1 } @jobs;

    while (%left || time - $start < 2.5) {
        my $event = $all->next(%left ? 20 : 2) or last;
        push @times, time if $event->{event} eq 'counters';
        delete $left{ $event->{json}{jobId} } if is_done($event);
    }

    is(scalar keys %left, 0, 'all jobs of a dozen are told');

    # the reader's clock, not the sender's: a late one makes the next early
    cmp_ok(scalar(@times), '<=', time - $start + 2,
        'counters come once a second at most');
    cmp_ok(scalar(@times), '>=', 2, 'and do come');

    # a document is no event
    document($t);
    my $want = $http->get('/api/assessments/counters')->{json};
    my $told = $all->until(sub { $_[0]{event} eq 'counters'
        && $_[0]{json}{totalDocs} == $want->{totalDocs} }, 20);
    is_deeply($told && { %{ $told->{json} }, type => undef },
        { %$want, type => undef }, 'a new document is counted too');
}

$all->close;


# --- narrowed

my $other = document($t);
my $mine = progress("?jobId=$job");
is(types(collect($mine)), 'connected complete',
    'a job that ended before gets its final event, and the stream closes');

my $final = $own[-1]{id};
is($mine->{id}, $final, 'with its id');

my $again = $http->get("/api/assessments/progress?jobId=$job",
    headers => { 'Last-Event-ID' => $final });
is($again->{status}, 204, 'coming back with it is told 204');
is($again->{body}, '', 'and nothing else');
is($http->get("/api/assessments/progress?jobId=$job&lastEventId=$final")
    ->{status}, 204, 'with the parameter as well');

$again = progress("?jobId=$job", 'Last-Event-ID' => $final - 2);
is(types(collect($again)), 'connected progress complete',
    'coming back with an earlier one gets what is missing');

{
    my @jobs = map { start_job($t, document => $other, set => 'one',
        headers => { 'X-User' => $_ }) } qw(bob cid);
    my $two = progress("?jobId=$jobs[0]&jobId=$jobs[1]&jobId=$job");
    my $doc = $http->events("/api/events/$other");
    my $doc2 = progress("?documentId=$other&documentId=$document");
    my $bob = progress('?user=bob');
    my $me = $http->events('/api/assessments/progress?user=me',
        'X-User' => 'cid');
    my $stranger = $http->with('X-Tenant' => 'other')
        ->events('/api/assessments/progress');
    my $spy = $http->with('X-Tenant' => 'other')
        ->events("/api/assessments/progress?jobId=$jobs[0]&documentId=$other");

    my @two = collect($two);
    ok($two->{ended}, 'a stream of three jobs ends with the last of them');
    is(join(' ', sort map { $_->{json}{jobId} } grep { is_done($_) } @two),
        join(' ', sort @jobs, $job), 'after the end of each, once');

    my %left = map { $_ => 1 } @jobs;
    my $both = sub { delete $left{ $_[0]{json}{jobId} } if is_done($_[0]);
                     return !%left };

    my @doc = collect($doc, $both, 20);
    is(scalar keys %left, 0, 'a stream of a document has all its jobs');
    ok(!$doc->{ended}, 'and does not end with them');
    is(scalar(grep { defined $_->{id} && $_->{json}{documentId} ne $other }
        @doc), 0, 'nothing of another document');
    is(scalar(grep { $_->{event} eq 'counters' } @two, @doc), 0,
        'no counters on narrowed streams');

    %left = map { $_ => 1 } @jobs, $job;
    my @doc2 = collect($doc2, $both, 20);
    is(scalar keys %left, 0, 'two documents on one stream');

    for my $user ([bob => $bob, $jobs[0]], [cid => $me, $jobs[1]]) {
        my ($name, $stream, $id) = @$user;
        my @got = collect($stream, \&is_done, 20);
        my %jobs = map { $_->{json}{jobId} => 1 }
                   grep { defined $_->{id} } @got;
        is(join(' ', keys %jobs), $id, "only the job of $name");
    }

    # a job of the other tenant's own, as the mark up to which all has come
    my %headers = ('X-Tenant' => 'other');
    question_set($t, 'one', 1, %headers);
    my $theirs = start_job($t, set => 'one', headers => \%headers,
        document => document($t, %headers));
    my @theirs = collect($stranger, \&is_done, 20);
    is(scalar(grep { defined $_->{id} && $_->{json}{jobId} ne $theirs }
        @theirs), 0, 'tenants are apart');
    is(types(collect($spy, undef, 0.3)), 'connected',
        'another tenant\'s job and document are unknown');

    $_->close for $doc, $doc2, $bob, $me, $stranger, $spy;
}

for my $bad ('?jobId=x', '?batchId=0', '?documentId=', '?nope=1', '?user=me') {
    is($http->get("/api/assessments/progress$bad")->{status}, 400,
        "$bad is malformed");
}

is($http->get('/api/events/nope')->{status}, 404, 'no id in the path');
is($http->post('/api/assessments/progress', json => {})->{status}, 405,
    'not to be posted to');


# --- failed, cancelled, and run again

$provider->control(next => [{ status => 401 }]);
my $failing = start_job($t, document => $document, set => 'one');
my $stream = progress("?jobId=$failing");
my @failed = collect($stream);

ok($stream->{ended}, 'the stream of a failed job ends');
is($failed[-1]{event}, 'error', 'with error');
is($failed[-1]{json}{error}{code}, 'provider_refused', 'which says why');
is($failed[-1]{json}{status}, 'failed', 'in the Job');
is($http->get("/api/assessments/progress?jobId=$failing", headers =>
    { 'Last-Event-ID' => $stream->{id} })->{status}, 204, 'it is over');

is($http->post("/api/assessments/job/$failing/retry")->{status}, 202,
    'run again');
my $resumed = progress("?jobId=$failing", 'Last-Event-ID' => $stream->{id});
is($resumed->{status}, 200, 'then it is not over');
my @retried = collect($resumed);
is(story(@retried), 'connected queued progress complete',
    'and is told from there to the new end');

$provider->control(mode => 'hang');
my $cancelled = start_job($t, document => $document, set => 'one');
$stream = progress("?jobId=$cancelled");
$stream->until(sub { ($_[0]{json}{stage} // '') eq 'llm_processing' });
is($http->delete("/api/assessments/job/$cancelled")->{status}, 202,
    'cancelled');
@failed = collect($stream);
is($failed[-1]{event}, 'cancelled', 'the stream is told');
is($failed[-1]{json}{status}, 'cancelled', 'with the Job');
ok($stream->{ended}, 'and ends');

my $open = start_job($t, document => $document, set => 'one');
$stream = progress("?jobId=$cancelled&jobId=$open");
$stream->until(sub { ($_[0]{json}{stage} // '') eq 'llm_processing' });
is($stream->next(0.5), undef, 'one that is not over');
ok(!$stream->{ended}, 'keeps the stream open');


# --- heartbeats

my $comments = $stream->{comments};
$stream->next(0.1) until $stream->{comments} >= $comments + 3
    || $stream->{ended};
ok(!$stream->{ended}, 'comments keep an idle stream alive');
$provider->control(mode => 'ok');
$http->delete("/api/assessments/job/$open");
is((collect($stream))[-1]{event}, 'cancelled', 'and it goes on');


# --- other clients

{
    my $answer = $http->request('HEAD', '/api/assessments/progress');
    is($answer->{status}, 200, 'HEAD');
    like($answer->{headers}{'content-type'}, qr{^text/event-stream},
        'as of GET');
    is($answer->{body}, '', 'nothing follows');

    is($http->request('HEAD', "/api/assessments/progress?jobId=$job")->{status},
        200, 'HEAD of a narrowed one');

    my $old = $http->raw("GET /api/assessments/progress?jobId=$job"
        . " HTTP/1.0\r\n\r\n");
    is($old->{status}, 200, 'HTTP/1.0');
    ok(!exists $old->{headers}{'transfer-encoding'}, 'without chunks');
    like($old->{body}, qr/^retry: 1500\n\nevent: connected\n.*event: complete\n/s,
        'has the same events');

    # the connection is used again after the end of a stream
    my $sock = $http->connect;
    my $in = '';
    print {$sock} "GET /api/assessments/progress?jobId=$job HTTP/1.1\r\n",
        "Host: a\r\n\r\nGET /api/health/live HTTP/1.1\r\nHost: a\r\n",
        "Connection: close\r\n\r\n";
    1 while sysread $sock, $in, 65536, length $in;
    like($in, qr/event: complete.*\r\n0\r\n\r\nHTTP\/1.1 200 .*/s,
        'a request after a stream on one connection');

    # with a body, which nobody wants
    $answer = $http->request('GET', "/api/assessments/progress?jobId=$job",
        body => 'x' x 100000);
    is($answer && $answer->{status}, 200, 'a body is passed over');
}

$provider->stop;
$t->done;
