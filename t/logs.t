#!/usr/bin/perl

# The log of a job: what happened to it, line by line.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Assess::Contract;
use Assess::Jobs qw(document);
use Assess::Process qw(alive);
use Assess::Provider;
use Assess::Test;
use JSON::PP ();

my $provider = Assess::Provider->new;
my $t = Assess::Test->new(env => { $provider->env, ASSESS_JOBS => 2,
    ASSESS_LEASE => 2, ASSESS_CONCURRENCY => 2, OPENAI_API_KEY => 'sk-secret-of-the-operator' });
my $http = $t->http;
my $true = JSON::PP::true();

sub lines {
    my ($id, $query) = @_;

    my $a = $http->get("/api/assessments/job/$id/logs" . ($query // ''));
    is($a->{status}, 200, 'the log is there') or diag($a->{body});
    return $a->{json};
}

sub text { return join "\n", map {"$_->{level} $_->{message}"} @{ $_[0]{lines} } }

sub has {
    my ($id, $pattern, $name) = @_;

    my $text = text(lines($id, '?limit=200'));
    like($text, $pattern, $name);
    return $text;
}

question_set($t, 'one', 1);
question_set($t, 'two', 2);
question_set($t, 'six', 6);
question_set($t, 'many', 60);


# a small job, and what the lines look like
{
    my $id = start($t, document($t), 'one', provider => 'local')->{jobId};
    my $job = $t->wait_job($id);
    my $l = lines($id);

    is(json([sort keys %$l]), '["lines","nextCursor"]', 'the keys of a log');
    is($l->{nextCursor}, undef, 'all of it');
    is(json([sort keys %{ $l->{lines}[0] }]), '["level","message","timestamp"]',
        'the keys of a line');
    is_time($_->{timestamp}, 'timestamp') for @{ $l->{lines} };
    is(json([map { $_->{timestamp} } @{ $l->{lines} }]),
        json([sort map { $_->{timestamp} } @{ $l->{lines} }]), 'oldest first');
    is($l->{lines}[0]{timestamp}, $job->{createdAt}, 'from when it was queued');

    my ($worker) = split /\n/, $t->sql('select worker_id from'
        . ' assess.assess_workers');
    like(text($l), qr{\Ainfo\ queued\ with\ priority\ 0\n
        info\ taken\ by\ worker\ $worker,\ attempt\ 1\n
        info\ text\ of\ 1\ page,\ read,\ and\ \d+\ passages\ in\ it,\ in\ \d+
        \ ms\n
        info\ asking\ "local":\ 1\ question\ in\ 1\ batch\n
        info\ completed:\ 1\ question\ in\ 1\ batch,\ 0\ \+\ 0\ tokens,
        \ \$0\.000000,\ \d+\ ms\ since\ it\ was\ taken\z}x, 'what it says');
    cmp_ok($t->sql("select count(*) from assess.job_lines"
        . " where job_id = '$id'"), '<', 4, 'few rows for all of it');
    is($t->sql("select count(*) from assess.job_log where job_id = '$id'"), 4,
        'and a view for people');
}


# page by page
{
    my $id = start($t, document($t), 'six')->{jobId};
    $t->wait_job($id);

    my $all = lines($id);
    my (@seen, $cursor);

    for (1 .. 20) {
        my $l = lines($id, '?limit=2' . ($cursor ? "&cursor=$cursor" : ''));
        ok(@{ $l->{lines} } && @{ $l->{lines} } <= 2, 'a page has one or two');
        push @seen, @{ $l->{lines} };
        $cursor = $l->{nextCursor} or last;
    }

    is(json(\@seen), json($all->{lines}), 'each once, in their order');
    has($id, qr/^info asking "openai", model test-model: 6 questions in 2/m,
        'who is asked');
    has($id, qr/^info 5 of 5 questions answered, \d+ \+ \d+ tokens, \$\d/m,
        'a batch that was answered');

    my $other = start($t, document($t), 'one', provider => 'local')->{jobId};
    my $l = lines($id, '?limit=2');
    problem_is($http->get("/api/assessments/job/$other/logs?cursor="
        . $l->{nextCursor}), 400, undef, "another job's cursor");
    problem_is($http->get("/api/assessments/job/$id/logs?$_"), 400, undef, $_)
        for 'limit=0', 'limit=201', 'cursor=x', 'cursor=', 'page=1';
    problem_is($http->get('/api/assessments/job/' . UNKNOWN . '/logs'), 404,
        undef, 'an unknown job');
    problem_is($http->with('X-Tenant' => 'other')
        ->get("/api/assessments/job/$id/logs"), 404, undef,
        "another tenant's job");
    problem_is($http->post("/api/assessments/job/$id/logs"), 405, undef,
        'a method that is none');
    $t->wait_job($other);
}


# what goes wrong on the way
{
    $provider->control(reset => $true, next => [
        { status => 429, headers => { 'Retry-After' => '1' } }, { status => 500 },
        { mode => 'missing' } ]);

    my $id = start($t, document($t), 'two')->{jobId};
    is($t->wait_job($id)->{status}, 'completed', 'it completes all the same');

    my $text = has($id, qr/^warn status 429 for 2 questions: sent again /m,
        'a limit of the provider');
    like($text, qr/^warn status 500 for 2 questions: sent again after \d+ ms/m,
        'a failure of the provider');
    like($text, qr/^warn question "q2" has no valid answer: it is asked again/mi,
        'a question that is asked again');
    like($text, qr/^info 1 of 1 question answered/m, 'until it has one');

    $provider->control(reset => $true, status => 401);
    $id = start($t, document($t), 'one')->{jobId};
    is($t->wait_job($id)->{status}, 'failed', 'one that fails');
    $text = has($id, qr/^error failed \(provider_refused\): provider "openai"/m,
        'says why');
    unlike($text, qr/secret|127\.0\.0\.1|fire doors/, 'and nothing more');
}


# nobody is there, cancelled, and run again
{
    $provider->control(reset => $true, status => 503);

    my $id = start($t, document($t), 'one')->{jobId};

    ok(wait_until(30, sub {
        text($http->get("/api/assessments/job/$id/logs")->{json})
            =~ /^warn the provider is down: it is asked/m;
    }), 'that the provider is down is told while it is');

    is($http->delete("/api/assessments/job/$id")->{status}, 202, 'cancelled');
    has($id, qr/^info cancelled by a call/m, 'which is told');

    $provider->control(reset => $true);
    is($http->post("/api/assessments/job/$id/retry")->{status}, 202, 'again');
    is($t->wait_job($id)->{status}, 'completed', 'which completes');
    has($id, qr/cancelled\ by.*^info\ queued\ again\ by\ a\ call.*
        ^info\ taken\ by\ worker\ \S+,\ attempt\ 2.*^info\ completed/xms,
        'and its log goes on');
}


# in the event stream, for those who ask
{
    my $path = '/api/assessments/progress';
    my $of = sub {
        my ($stream) = @_;

        my (@log, @types);
        while (defined(my $event = $stream->next(30))) {
            push @types, $event->{event};
            push @log, $event if $event->{event} eq 'log';
        }
        return (\@log, \@types, $stream->{ended});
    };

    $provider->control(reset => $true, delayMs => 300);
    my $id = start($t, document($t), 'six')->{jobId};
    my ($log, $types, $ended) = $of->($http->events("$path?jobId=$id&logs=1"));

    ok($ended, 'the stream ends with its job');
    is(scalar(grep { $_ eq 'complete' } @$types), 1, 'its end is told');
    is(scalar(grep { defined $_->{id} } @$log), 0, 'lines have no id');
    is(json([sort keys %{ $log->[0]{json} }]),
        '["jobId","level","message","timestamp","type"]', 'what they have');

    my $lines = lines($id)->{lines};
    my $told = sub { return json([map { my %l = %{ $_->{json} };
        delete @l{qw(type jobId)}; \%l } @{ $_[0] }]) };
    is($told->($log), json($lines), 'all of the log, each line once');

    ($log, $types, $ended) = $of->($http->events("$path?jobId=$id&logs=1"));
    ok($ended, 'a stream of a job that has ended ends');
    is($told->($log), json($lines), 'with its lines');

    ($log) = $of->($http->events("$path?jobId=$id&logs=0"));
    is(scalar @$log, 0, 'nobody else is told');
    ($log) = $of->($http->events("$path?jobId=$id"));
    is(scalar @$log, 0, 'who does not ask neither');

    my $stream = $http->with('X-Tenant' => 'other')
        ->events("$path?jobId=$id&logs=1");
    my @seen;
    $stream->until(sub { push @seen, $_[0]{event}; 0 }, 3);
    is(scalar(grep { $_ eq 'log' } @seen), 0, 'nor is another tenant');
    $stream->close;

    problem_is($http->get("$path?$_"), 400, undef, $_)
        for 'logs=1', "jobId=$id&logs=2", "jobId=$id&logs=",
            join('&', 'logs=1', ("jobId=$id") x 17);
}


# a worker that is killed, and one that is told to go
{
    $t->allow_alarm(qr/exited on signal 9/);
    $provider->control(reset => $true, mode => 'hang');

    my $id = start($t, document($t), 'one')->{jobId};

    ok(wait_until(30, sub { $provider->stats->{inFlight} > 0 }), 'it runs');

    kill 'KILL', $t->server->workers;
    $provider->control(reset => $true);

    is($t->wait_job($id)->{status}, 'completed', 'another worker completes it');
    has($id, qr/^warn\ its\ worker\ left\ it\ without\ a\ word,.*taken\ over\n
        info\ taken\ by\ worker\ \S+,\ attempt\ 2$/xm, 'having taken it over');

    $provider->control(reset => $true, delayMs => 300);
    $id = start($t, document($t), 'many')->{jobId};

    ok(wait_until(30, sub { $provider->stats->{inFlight} > 0 }), 'it runs');
    $t->server->stop;
    $provider->control(reset => $true);
    $t->home->start;

    is($t->wait_job($id, 120)->{status}, 'completed',
        'the next process completes it');
    has($id, qr/^info handed back to the queue: this worker is on its way out/m,
        'to which it was handed');
}


# gone with its document
{
    my $doc = document($t);
    my $id = start($t, $doc, 'one')->{jobId};
    $t->wait_job($id);
    is($http->delete("/api/documents/$doc")->{status}, 204, 'deleted');
    is($t->sql("select count(*) from assess.job_lines where job_id = '$id'"), 0,
        'and its lines');
    problem_is($http->get("/api/assessments/job/$id/logs"), 404, undef,
        'the log of what is gone');
}

$t->done;
