#!/usr/bin/perl

# Batches: all jobs or none, what they come to, who may stop them, what is told
# of them and how often, their results; and that a worker that is killed takes
# none of it along.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use JSON::PP ();
use Time::HiRes qw(sleep time);

use Assess::Contract;
use Assess::Provider;
use Assess::Test;

my $provider = Assess::Provider->new('--delay-ms', 20);
my $t = Assess::Test->new(env => { $provider->env, ASSESS_WORKERS => 2,
    ASSESS_MODEL => 'gpt-4o-mini',
    ASSESS_JOBS => 4, ASSESS_LEASE => 2, ASSESS_CONCURRENCY => 8 });
my $http = $t->http;
my $ann = $http->with('X-User' => 'ann');
my $rival = $http->with('X-Tenant' => 'rival');
my $true = JSON::PP::true();
my $n = 0;

# what nginx says of a worker that is killed
$t->allow_alarm(qr/exited on signal 9/);
$t->allow_alarm(qr/shared memory zone "assess" was locked by/);

question_set($t, 'two', 2);
question_set($t, 'two', 2, $rival);


# so many documents, none like another
sub documents {
    my ($count, %o) = @_;

    return map {
        $n++;
        $t->upload("Document $n: the record of exits number $n and of the alarm "
            . "number $n.", 'text/plain', filename => "d$n.txt", %o);
    } 1 .. $count;
}

sub batch {
    my ($docs, %more) = @_;

    my $client = delete $more{http} // $http;
    return $client->post('/api/assessments/batch', json =>
        { documentIds => $docs, questionSet => 'two', %more });
}

sub started {
    my $a = batch(@_);

    die 'batch: ' . ($a ? "$a->{status} $a->{body}" : 'no answer') . "\n"
        unless $a && $a->{status} == 202;
    return $a->{json}{batchId};
}

sub get { return $http->get("/api/assessments/batch/$_[0]")->{json} }

sub act {
    my ($id, $what, $client) = @_;
    return ($client // $http)->post("/api/assessments/batch/$id/$what");
}

sub cancel {
    return ($_[1] // $http)->delete("/api/assessments/batch/$_[0]");
}

# The Batch when all its jobs have ended.
sub ended {
    my ($id, $seconds) = @_;

    my $batch;
    wait_until($seconds // 60, sub {
        $batch = get($id);
        return defined $batch->{completedAt};
    }) or die "batch $id does not end: " . json($batch) . "\n";

    return $batch;
}

# A Batch has the keys of the contract and the right types in them.
sub batch_is {
    my ($batch, $status, $name) = @_;

    my %like = (int => qr/\A\d+\z/, num => qr/\A[\d.]+(?:[eE][-+]?\d+)?\z/,
        text => qr/\A".+"\z/s, time => qr/\A"[\d-]+T[\d:.]+Z"\z/,
        tokens => qr/\A\{"input":\d+,"output":\d+\}\z/,
        object => qr/\A\{.*\}\z/s);
    my %type = (batchId => 'text', status => 'text', totalDocuments => 'int',
        completedDocuments => 'int', failedDocuments => 'int',
        cancelledDocuments => 'int', progress => 'num', tokens => 'tokens',
        cost => 'num', estimatedCost => 'num?', maxCost => 'num?',
        estimatedCompletion => 'time?', estimateQuality => 'text?',
        estimatedRange => 'object?', createdAt => 'time',
        startedAt => 'time?', completedAt => 'time?', user => 'text?',
        priority => 'int', metadata => 'object');

    is(join(' ', sort keys %$batch), join(' ', sort keys %type),
        "$name: the keys of a Batch");

    my @wrong;

    for my $key (sort keys %type) {
        my ($type, $null) = $type{$key} =~ /(\w+)(\??)/;

        next if $null && !defined $batch->{$key};
        push @wrong, "$key=" . json($batch->{$key})
            unless json($batch->{$key}) =~ $like{$type};
    }

    is("@wrong", '', "$name: its values");
    is($batch->{status}, $status, "$name: its status");
}

sub counts {
    my ($batch) = @_;
    return join ' ', @$batch{qw(completedDocuments failedDocuments
        cancelledDocuments)};
}

# All events of a batch until its stream ends; times are added.
sub told {
    my ($stream, $seconds) = @_;

    my @events;
    my $end = time + ($seconds // 60);

    while (defined(my $event = $stream->next($end - time))) {
        push @events, { %$event, at => time };
    }

    ok($stream->{ended}, 'the stream ends');
    return @events;
}


# from the start to the results
{
    my @docs = documents(3);
    my $a = batch(\@docs, http => $ann, priority => 3, maxCost => 5,
        metadata => { a => "1\n2" });

    is($a->{status}, 202, 'a batch');

    my $s = $a->{json};
    my $id = $s->{batchId};

    is_id($id, 'batchId');
    is($s->{status}, 'queued', 'is queued');
    is(json($s->{totalDocuments}), 3, 'of three documents');
    is($s->{statusUrl}, "/api/assessments/batch/$id", 'its statusUrl');
    is($a->{headers}{location}, $s->{statusUrl}, 'as in Location');
    is($s->{progressUrl}, "/api/assessments/progress?batchId=$id",
        'its progressUrl');

    my $batch = ended($id);

    batch_is($batch, 'completed', 'at its end');
    is(counts($batch), '3 0 0', 'all are completed');
    is(json($batch->{progress}), 1, 'progress');
    is($batch->{user}, 'ann', 'the user');
    is($batch->{maxCost}, 5, 'maxCost');
    is(json($batch->{metadata}), '{"a":"1\n2"}', 'metadata');

    my $l = $http->get("/api/assessments/jobs?batchId=$id&limit=2")->{json};
    is($l->{total}, 3, 'its jobs in the list');
    my $rest = $http->get("/api/assessments/jobs?batchId=$id&limit=2"
        . "&cursor=$l->{nextCursor}")->{json};
    my @jobs = reverse @{ $l->{jobs} }, @{ $rest->{jobs} };

    is(json([map { $_->{documentId} } @jobs]), json(\@docs),
        'are in the order of the documents');
    is(scalar(grep { $_->{batchId} eq $id && $_->{priority} == 3
        && $_->{user} eq 'ann' } @jobs), 3, 'are what the batch is');
    is($batch->{tokens}{input}, eval { my $s = 0;
        $s += $_->{tokens}{input} for @jobs; $s }, 'tokens add up');

    # what each job has to say, in the two forms
    my @single = map {
        my $r = $http->get("/api/assessments/job/$_->{jobId}/results")->{json};
        map { +{ %$_, jobId => $r->{jobId}, documentId => $r->{documentId} } }
            @{ $r->{answers} };
    } @jobs;

    $a = $http->get("/api/assessments/batch/$id/results?format=ndjson");
    is($a->{status}, 200, 'results as NDJSON');
    is($a->{headers}{'content-type'}, 'application/x-ndjson', 'their type');
    my @lines = map { JSON::PP::decode_json($_) } split /\n/, $a->{body};
    is(json([map { delete $_->{filename} } @lines]),
        json([map { ($_, $_) } 'd1.txt', 'd2.txt', 'd3.txt']),
        'each with its file');
    is(json(\@lines), json(\@single), 'and the answers of the jobs');
    is($http->get("/api/assessments/batch/$id/results")->{body}, $a->{body},
        'which is so without a format');

    $a = $http->get("/api/assessments/batch/$id/results?format=csv");
    is($a->{headers}{'content-type'}, 'text/csv; charset=utf-8',
        'results as CSV');
    my @csv = split /\r\n/, $a->{body};
    my @want = map {
        my $job = $_;
        my @own = split /\r\n/, $http->get('/api/assessments/job/'
            . "$job->{jobId}/results?format=csv")->{body};
        my ($file) = grep { $docs[$_] eq $job->{documentId} } 0 .. 2;
        map { "$job->{jobId},$job->{documentId},d" . ($file + 1) . ".txt,$_" }
            @own[1 .. $#own];
    } @jobs;
    is(shift @csv, 'jobId,documentId,filename,questionId,verdict,confidence,'
        . 'rationale,quote,page,verified,provider,model,cached', 'its header');
    is(json(\@csv), json(\@want), 'and the lines of the jobs');

    problem_is($http->get("/api/assessments/batch/$id/results?format=xml"),
        400, undef, 'another format');

    # another tenant
    for my $path ('', '/results', '/results?format=csv') {
        problem_is($rival->get("/api/assessments/batch/$id$path"), 404, undef,
            "another tenant: GET $path");
    }

    problem_is(cancel($id, $rival), 404, undef, 'another tenant: DELETE');
    problem_is(act($id, $_, $rival), 404, undef, "another tenant: $_")
        for qw(pause resume retry-failed);
    is($rival->get('/api/assessments/batches')->{json}{total}, 0,
        'sees none in its list');
    is($rival->get("/api/assessments/jobs?batchId=$id")->{json}{total}, 0,
        'and no job');
    problem_is($http->get('/api/assessments/batch/' . UNKNOWN), 404, undef,
        'one that there is not');

    # what has ended
    problem_is(act($id, $_), 409, undef, "$_ of one that has ended")
        for qw(pause resume retry-failed);
    is(cancel($id)->{status}, 200, 'cancelling it changes nothing');
    is(get($id)->{status}, 'completed', 'it stays what it is');
}


# what is refused leaves nothing
{
    my @docs = documents(3);
    my ($other) = documents(1, headers => { 'X-Tenant' => 'rival' });
    my @all = ($docs[0]) x 10_001;

    untouched($t, 'refused', sub {
        my @cases = (
            [{ documentIds => [] }, 400, '/documentIds', 'none'],
            [{ documentIds => \@all }, 400, '/documentIds', 'too many'],
            [{ documentIds => 'x' }, 400, '/documentIds', 'no array'],
            [{ documentIds => [$docs[0], 'x'] }, 400, '/documentIds/1',
                'no id'],
            [{ documentIds => [@docs, $docs[1]] }, 422, '/documentIds/3',
                'one twice'],
            [{ documentIds => [@docs, UNKNOWN] }, 404, '/documentIds/3',
                'an unknown one'],
            [{ documentIds => [$docs[0], $other] }, 404, '/documentIds/1',
                q(another tenant's)],
            [{ questionSet => 'none' }, 404, '/questionSet', 'an unknown set'],
            [{ questionSet => undef }, 400, '/questionSet', 'no set'],
            [{ priority => 101 }, 400, '/priority', 'a wrong priority'],
            [{ provider => 'x' }, 422, '/provider', 'an unknown provider'],
            [{ documentId => $docs[0] }, 400, '/documentId', 'documentId'],
            [{ url => 'http://a/' }, 400, '/url', 'url'],
            [{ notifyEmail => 'x' }, 400, '/notifyEmail', 'no address'],
            [{ notifyEmail => "a\@b\r\nBcc: c" }, 400, '/notifyEmail',
                'a header in an address'],
            [{ callbackUrl => 'ftp://a/' }, 400, '/callbackUrl', 'no URL'],
            [{ nonsense => 1 }, 400, '/nonsense', 'an unknown member'],
        );

        for my $case (@cases) {
            my ($body, $status, $pointer, $name) = @$case;
            problem_is(batch(\@docs, %$body), $status, $pointer, $name);
        }

        problem_is($http->post('/api/assessments/batch', json =>
            { questionSet => 'two' }), 400, '/documentIds', 'no documents');
        problem_is($http->post('/api/assessments/batch', body => '[]', headers
            => { 'Content-Type' => 'application/json' }), 400, undef,
            'no object');
        problem_is($http->get('/api/assessments/batch'), 405, undef, 'a GET');
        problem_is($http->get('/api/assessments/batches?status=x'), 400,
            undef, 'a list of an unknown status');
    });
}


# a key
{
    my @docs = documents(2);
    my %key = (headers => { 'Idempotency-Key' => 'once' });
    my $body = { documentIds => \@docs, questionSet => 'two' };

    my $first = $http->post('/api/assessments/batch', json => $body, %key);
    my $again = $http->post('/api/assessments/batch', json => $body, %key);

    is($again->{body}, $first->{body}, 'a repeat gives the first answer');
    is($again->{headers}{'idempotent-replayed'}, 'true', 'and says so');
    is($again->{headers}{location}, $first->{headers}{location}, 'Location');

    problem_is($http->post('/api/assessments/batch', json =>
        { %$body, priority => 1 }, %key), 422, undef, 'another body');
    problem_is($http->post('/api/assessments/start', json =>
        { documentId => $docs[0], questionSet => 'two' }, %key), 422, undef,
        'a start under that key');
    is($http->get('/api/assessments/jobs?documentId=' . $docs[0])
        ->{json}{total}, 1, 'each document has one job');
    ended($first->{json}{batchId});
}


# paused, resumed, cancelled, run again; told as it goes
{
    $provider->control(reset => $true, delayMs => 300);

    my $id = started([documents(40)]);
    my $stream = $http->events("/api/assessments/progress?batchId=$id");

    ok(wait_until(20, sub { get($id)->{completedDocuments} > 0 }),
        'it begins');

    my $a = act($id, 'pause');
    is($a->{status}, 200, 'a pause');
    batch_is($a->{json}, 'paused', 'the paused one');
    is(act($id, 'pause')->{status}, 200, 'once more');

    ok(wait_until(20, sub { $http->get('/api/assessments/jobs?batchId='
        . "$id&status=processing")->{json}{total} == 0 }), 'what runs ends');
    my $batch = get($id);
    is($batch->{status}, 'paused', 'it stays paused');
    ok($batch->{completedDocuments} < 40, 'in the middle');

    # others go on meanwhile
    is(ended(started([documents(2)]))->{status}, 'completed', 'another one');
    is(get($id)->{completedDocuments}, $batch->{completedDocuments},
        'the paused one did not');

    $a = act($id, 'resume');
    is($a->{status}, 200, 'it goes on');
    is($a->{json}{status}, 'processing', 'as processing');
    ok(wait_until(20, sub { get($id)->{completedDocuments}
        > $batch->{completedDocuments} }), 'and does');

    my $page = $http->get("/api/assessments/jobs?batchId=$id&status=queued")
        ->{json}{jobs}[0]{jobId};
    $http->get("/api/assessments/job/$page");

    $a = cancel($id);
    is($a->{status}, 202, 'it is cancelled');
    is($a->{json}{status}, 'cancelled', 'at once');
    is($http->get("/api/assessments/job/$page")->{json}{status}, 'cancelled',
        'a job that was known as queued is cancelled');

    like($http->get("/api/assessments/job/$page/logs")->{body},
        qr/"cancelled with its batch"/, 'and its log says why');

    $batch = ended($id);
    batch_is($batch, 'cancelled', 'at its end');
    is($batch->{completedDocuments} + $batch->{cancelledDocuments}, 40,
        'each is completed or cancelled');
    is($http->get("/api/assessments/jobs?batchId=$id&status=cancelled")
        ->{json}{total}, $batch->{cancelledDocuments}, 'as the jobs are');
    is(cancel($id)->{status}, 200, 'cancelled again: it had ended');

    my @events = told($stream);
    my @batch = grep { $_->{event} eq 'batch' } @events;

    is($events[1]{event}, 'batch', 'a stream begins with the batch');
    is($events[-1]{event}, 'batch', 'and ends with it');
    my $last = $events[-1]{json};
    is(delete $last->{type}, 'batch', 'its type');

    # what was in flight when it was cancelled may be counted after that
    my %told = (%$batch, map { $_ => $last->{$_} } qw(tokens cost));
    cmp_ok($last->{tokens}{input}, '<=', $batch->{tokens}{input}, 'its tokens');
    is_deeply($last, \%told, 'it is the Batch');
    my %status = map { $_->{json}{status} => 1 } @batch;
    delete $status{queued};
    is(join(' ', sort keys %status), 'cancelled paused processing',
        'each state was told');
    is(scalar(grep { $_->{json}{batchId} ne $id } @events[1 .. $#events]), 0,
        'nothing of others');

    # what was in flight is paid for, and may be told once more
    my @late;
    ok(wait_until(20, sub {
        @late = told($http->events("/api/assessments/progress?batchId=$id"));
        return ($http->get("/api/assessments/progress?batchId=$id", headers =>
            { 'Last-Event-ID' => $late[-1]{id} }) // {})->{status} == 204;
    }), 'who comes back is told that it is over');
    is(join(' ', map { $_->{event} } @late), 'connected batch',
        'who comes late is told the end');
    cmp_ok($late[-1]{id}, '>=', $events[-1]{id}, 'under its id');

    # all again
    $provider->control(reset => $true, delayMs => 20);
    problem_is($http->post("/api/assessments/job/$page/retry"), 409, undef,
        'one job of a cancelled batch');
    $a = act($id, 'retry-failed');
    is($a->{status}, 202, 'what was cancelled is run again');
    is($a->{json}{completedAt}, undef, 'it has not ended any more');

    $batch = ended($id);
    is($batch->{status}, 'completed', 'it is completed now');
    is(counts($batch), '40 0 0', 'with all');
}


# ten times a second, and the last state always
{
    $provider->control(reset => $true, delayMs => 0);

    # some may have ended before the stream is there
    my $before = $t->sql('select value from assess.event_counter');
    my $id = started([documents(150)]);
    my @events = told($http->events("/api/assessments/progress?batchId=$id",
        'Last-Event-ID' => $before));
    my @batch = grep { $_->{event} eq 'batch' } @events;
    my @own = map { $_->{json}{completedDocuments} } @batch;

    is($own[-1], 150, 'the last state is told');
    is("@own", join(' ', sort { $a <=> $b } @own), 'no number falls');
    is(scalar(grep { $_->{event} eq 'complete' } @events), 150,
        'and the end of each job');

    my @many = $t->sql("select count(*) from (select l.created_at"
        . " from assess.event_log l where '$id' = any (l.batch_ids)"
        . " and 'batch' = any (l.types)) a where (select count(*)"
        . " from assess.event_log b where '$id' = any (b.batch_ids)"
        . " and 'batch' = any (b.types) and b.created_at >= a.created_at"
        . " and b.created_at < a.created_at + interval '1 second') > 10");
    is($many[0], 0, 'in no second more often than ten times');
    cmp_ok(scalar @batch, '>', 2, 'but in between');
}


# one that fails, and one job of it by itself
{
    $provider->control(reset => $true, delayMs => 0);

    my $bad = $t->upload(pdf_encrypted('x'), 'application/pdf');
    my $id = started([documents(2), $bad]);
    my $batch = ended($id);

    is($batch->{status}, 'completed', 'with one that failed it is completed');
    is(counts($batch), '2 1 0', 'and counts it');

    my $job = $http->get("/api/assessments/jobs?batchId=$id&status=failed")
        ->{json}{jobs}[0]{jobId};
    is($http->post("/api/assessments/job/$job/retry")->{status}, 202,
        'that one again');
    ok(wait_until(20, sub {
        my $j = $http->get("/api/assessments/job/$job")->{json};
        return $j->{status} eq 'failed' && $j->{attempt} == 2;
    }), 'fails again');
    $batch = ended($id);
    is($batch->{status}, 'completed', 'the batch has ended once more');
    is(counts($batch), '2 1 0', 'with the same counts');

    my $l = $http->get('/api/assessments/batches?limit=2')->{json};
    is($l->{batches}[0]{batchId}, $id, 'the newest is first in the list');
    my $next = $http->get('/api/assessments/batches?limit=2&cursor='
        . $l->{nextCursor})->{json};
    ok($next->{batches}[0]{createdAt} lt $l->{batches}[1]{createdAt},
        'the next page goes on');
    is($http->get('/api/assessments/batches?status=cancelled')
        ->{json}{total}, 0, 'those of a status');
}


# a worker is killed, while one runs and while one is being cancelled
{
    $provider->control(reset => $true, delayMs => 100);

    my $id = started([documents(60)]);
    my $stream = $http->events("/api/assessments/progress?batchId=$id");

    ok(wait_until(20, sub { get($id)->{completedDocuments} > 5 }), 'it runs');
    kill 'KILL', ($t->server->workers)[0];

    my $batch = ended($id, 90);
    is($batch->{status}, 'completed', 'a batch whose worker was killed ends');
    is(counts($batch), '60 0 0', 'with all');
    $stream->close;

    # one that nobody tells but who looks for what was left
    $id = started([documents(600)]);
    cancel($id);
    kill 'KILL', $t->server->workers;
    $batch = ended($id, 90);
    is($batch->{status}, 'cancelled', 'one that was being cancelled, too');
    is($batch->{completedDocuments} + $batch->{cancelledDocuments}, 600,
        'all of it');

    act($id, 'retry-failed');
    kill 'KILL', $t->server->workers;
    $provider->control(reset => $true, delayMs => 0);
    $batch = ended($id, 120);
    is($batch->{status}, 'completed', 'and one that was run again');
    is(counts($batch), '600 0 0', 'with all');

    # how many it has is kept, and right, when some are deleted
    my $jobs = "/api/assessments/jobs?batchId=$id";

    is($http->get("$jobs&limit=1")->{json}{total}, 600, 'its jobs');
    my $job = $http->get("$jobs&limit=1")->{json}{jobs}[0];
    is($http->delete("/api/documents/$job->{documentId}")->{status}, 204,
        'a document is deleted');
    is($http->get("$jobs&limit=1")->{json}{total}, 599, 'and its job with it');
    is($http->get("$jobs&limit=1&status=$_->[0]")->{json}{total}, $_->[1],
        "$_->[1] are $_->[0]") for [queued => 0], [processing => 0],
        [completed => 599];
    is($t->sql("select count(*) from assess.batch_assessments b where b.jobs <>"
        . ' (select count(*) from assess.assessment_jobs j'
        . ' where j.batch_id = b.batch_id)'), 0, 'so it is of every batch');

    my $counts = $t->sql('select sum(queued) + sum(running) from assess.lanes');
    is($counts, 0, 'nothing is counted as waiting');
    is($http->get('/api/documents?limit=200')->{body} =~ /"processing"/, '',
        'no document is at work');
}

$t->done;
$provider->stop;
