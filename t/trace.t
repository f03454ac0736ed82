#!/usr/bin/perl

# What an operator's own logs say: the variables of nginx's access log, a line
# for each event of a job, and the trace that a job belongs to.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Assess::Contract;
use Assess::Jobs qw(document);
use Assess::Process qw(slurp wait_until);
use Assess::Provider;
use Assess::Test;
use JSON::PP ();

use constant KEY => 'sk-secret-of-the-operator';
use constant PASSWORD => 'pw-secret-of-the-database';
use constant TRACE => '4bf92f3577b34da6a3ce929d0e0e4736';
use constant PARENT => '00f067aa0ba902b7';

my $provider = Assess::Provider->new;
my $port = Assess::Test::free_port();
my $t = Assess::Test->new(
    env => { $provider->env, ASSESS_JOBS => 2, ASSESS_WORKERS => 2,
             ASSESS_MODEL => 'gpt-4o-mini', OPENAI_API_KEY => KEY },
    extra => <<'CONF' . <<"SERVER");
assess_log logs/events.log;
log_format about escape=json '{"uri":"$uri","code":"$status",'
    '"job":"$assess_job_id","batch":"$assess_batch_id",'
    '"document":"$assess_document_id","status":"$assess_status",'
    '"tenant":"$assess_tenant","user":"$assess_user"}';
access_log logs/about.log about;
CONF
server {
    listen 127.0.0.1:$port;
    location /api/ { assess_api; assess_tenant \$assess_tenant; }
}
SERVER
my $http = $t->http;
my $true = JSON::PP::true();
my $coder = JSON::PP->new->utf8;
my $logs = "$t->{home}{home}/logs";

sub logged {
    my ($name, $match) = @_;

    return grep { $match->($_) } map { $coder->decode($_) }
        split /\n/, slurp("$logs/$name") // '';
}

# The lines of a job, when there are so many.
sub told {
    my ($id, $n) = @_;
    my @lines;

    wait_until(15, sub {
        @lines = logged('events.log', sub { $_[0]{jobId} eq $id });
        return @lines >= $n;
    });

    return @lines;
}

# The line of nginx's log about the last request for this path, with this code:
# that of an earlier one may be there before it.
sub about {
    my ($uri, $code) = @_;
    my $line;

    wait_until(15, sub {
        ($line) = reverse logged('about.log', sub { $_[0]{uri} eq $uri
            && (!defined $code || $_[0]{code} == $code) });
        return $line;
    });

    return $line;
}

sub about_is {
    my ($uri, %is) = @_;

    my $line = about($uri, $is{code}) // {};
    my %all = (job => '-', batch => '-', document => '-', status => '-',
               tenant => 'default', user => '', %is);

    is($line->{$_}, $all{$_}, "$uri: $_") for sort keys %all;
}

sub traced {
    my ($value) = @_;
    return $http->with('X-User' => 'ann', traceparent => $value);
}

question_set($t, 'one', 1);
question_set($t, 'six', 6);


# one line a request in nginx's own log
{
    my $document = document($t);
    my $id = start($t, $document, 'one', http => $http->with(
        'X-User' => 'a "b"'))->{jobId};

    about_is('/api/assessments/start', code => 202, job => $id,
        document => $document, status => 'queued', user => 'a "b"');

    $t->wait_job($id);
    $http->get("/api/assessments/job/$id");
    about_is("/api/assessments/job/$id", code => 200, job => $id,
        document => $document, status => 'completed');

    $http->get("/api/assessments/job/$id/results");
    is(about("/api/assessments/job/$id/results")->{job}, $id, 'its results');

    $http->get("/api/documents/$document");
    about_is("/api/documents/$document", document => $document);

    $http->with('X-Tenant' => 'other')->get("/api/assessments/job/$id");
    about_is("/api/assessments/job/$id", code => 404, job => $id,
        tenant => 'other');

    $http->get('/elsewhere');
    about_is('/elsewhere', code => 404, tenant => '');

    # nobody is a tenant by what its own variable has before that is known
    is(Assess::HTTP->new(port => $port)->get('/api/documents')->{status}, 403,
        'no tenant by the variable');
    about_is('/api/documents', code => 403, tenant => '');

    my $batch = $http->post('/api/assessments/batch', json => {
        documentIds => [$document, document($t)], questionSet => 'one' })
        ->{json}{batchId};
    about_is('/api/assessments/batch', code => 202, batch => $batch);
    wait_until(30, sub { $http->get("/api/assessments/batch/$batch")
        ->{json}{status} eq 'completed' });
    about_is("/api/assessments/batch/$batch", batch => $batch);

    my @ids = map { $_->{jobId} } @{ $http->get(
        "/api/assessments/jobs?batchId=$batch")->{json}{jobs} };
    is(scalar @ids, 2, 'its jobs');
    my @lines = told($ids[0], 2);
    is(join(' ', map { $_->{event} } @lines), 'started completed',
        'a job of a batch begins with its start');
    is($lines[1]{batchId}, $batch, 'and is of the batch');
}


# one line an event
{
    my $document = document($t);
    $provider->control(reset => $true);
    my $answer = traced('00-' . TRACE . '-' . PARENT . '-01')
        ->post('/api/assessments/start', json => { documentId => $document,
        questionSet => 'six', metadata => { note => 'metadata-of-a-job' } });
    my $id = $answer->{json}{jobId};
    my $job = $t->wait_job($id);
    my @lines = told($id, 3);

    is(join(' ', map { $_->{event} } sort { $a->{time} cmp $b->{time} }
        @lines), 'queued started completed', 'queued, started, completed');
    my ($queued) = grep { $_->{event} eq 'queued' } @lines;
    my ($end) = grep { $_->{event} eq 'completed' } @lines;

    is(json([sort keys %$end]), json([sort qw(time event tenant user jobId
        batchId documentId status stage attempt error tokens cost durationMs
        traceId)]), 'the keys of a line');
    is($queued->{attempt}, 0, 'queued: no attempt yet');
    is($queued->{durationMs}, undef, 'nor an end');
    is($end->{tenant}, 'default', 'tenant');
    is($end->{user}, 'ann', 'user');
    is($end->{documentId}, $document, 'document');
    is($end->{batchId}, undef, 'no batch');
    is($end->{status}, 'completed', 'status');
    is($end->{attempt}, 1, 'attempt');
    is($end->{error}, undef, 'no error');
    is(json($end->{tokens}), json($job->{tokens}), 'tokens');
    is($end->{cost}, $job->{cost}, 'cost');
    is($end->{time}, $job->{completedAt}, 'when it ended');
    cmp_ok($end->{durationMs}, '>', 0, 'how long it took');
    is($_->{traceId}, TRACE, "the trace of $_->{event}") for @lines;

    my @traces = @{ $provider->stats->{traces} };
    cmp_ok(scalar @traces, '>', 1, 'some requests');
    like($_, qr/\A00-${\TRACE}-[0-9a-f]{16}-01\z/, 'a child') for @traces;
    is(scalar(keys %{ { map { $_ => 1 } @traces, '00-' . TRACE . '-' . PARENT
        . '-01' } }), @traces + 1, 'each of its own');
}


# a trace that is not sampled, also of a batch and of what is asked again
{
    $provider->control(reset => $true, next => [{ status => 500 }]);
    my $answer = traced('00-' . TRACE . '-' . PARENT . '-00')
        ->post('/api/assessments/batch', json => {
        documentIds => [document($t)], questionSet => 'one' });
    my $batch = $answer->{json}{batchId};
    wait_until(30, sub { $http->get("/api/assessments/batch/$batch")
        ->{json}{status} eq 'completed' });

    my @traces = @{ $provider->stats->{traces} };
    is(scalar @traces, 2, 'asked twice');
    like($_, qr/\A00-${\TRACE}-[0-9a-f]{16}-00\z/, 'still not sampled')
        for @traces;
    isnt($traces[0], $traces[1], 'the second try is another request');
}


# none, or one that is none
{
    my $good = '00-' . TRACE . '-' . PARENT . '-01';
    my @bad = (undef, '', uc $good, "01$good", $good =~ s/^00/01/r,
        $good =~ s/^00/ff/r, "$good-", substr($good, 0, -1),
        '00-' . '0' x 32 . '-' . PARENT . '-01',
        '00-' . TRACE . '-' . '0' x 16 . '-01', $good =~ s/-01\z/-0x/r,
        $good =~ tr/-/_/r, 'x' x 55, "$good, $good");

    for my $value (@bad) {
        my $name = $value // 'none';
        $provider->control(reset => $true);
        my $id = start($t, document($t), 'one', http => defined $value
            ? traced($value) : $http)->{jobId};
        $t->wait_job($id);
        my ($end) = grep { $_->{event} eq 'completed' } told($id, 3);
        ok($end, "$name: told");
        is($end->{traceId}, undef, "$name: no trace");
        is(json($provider->stats->{traces}), '[null]', "$name: none is sent");
    }
}


# the other ends
{
    $provider->control(reset => $true, mode => 'refusal');
    my $id = start($t, document($t), 'one')->{jobId};
    $t->wait_job($id);
    my ($end) = grep { $_->{event} eq 'failed' } told($id, 3);
    is($end->{error}, $http->get("/api/assessments/job/$id")
        ->{json}{error}{code}, 'failed, with its code');

    $provider->control(reset => $true);
    is($http->post("/api/assessments/job/$id/retry")->{status}, 202, 'again');
    $t->wait_job($id);
    is(join(' ', sort map { $_->{event} } told($id, 6)),
        'completed failed queued queued started started', 'told again');

    $provider->control(reset => $true, mode => 'hang');
    $id = start($t, document($t), 'one')->{jobId};
    told($id, 2);
    $http->delete("/api/assessments/job/$id");
    about_is("/api/assessments/job/$id", code => 202, job => $id,
        document => about('/api/assessments/start')->{document},
        status => 'cancelled');
    ($end) = grep { $_->{event} eq 'cancelled' } told($id, 3);
    is($end->{status}, 'cancelled', 'cancelled');

    $provider->control(reset => $true);
    $id = start($t, document($t), 'one', maxCost => 0.0000001)->{jobId};
    $t->wait_job($id);
    ($end) = grep { $_->{event} eq 'budget_exceeded' } told($id, 3);
    ok($end, 'its money was used up');
}


# rotated: what comes is in the new file, and nothing is lost
{
    rename "$logs/events.log", "$logs/events.log.1" or die $!;
    kill 'USR1', $t->server->{pid};
    ok(wait_until(15, sub { -e "$logs/events.log" }), 'there is a new file');

    # when a worker has opened it says a job that is told there
    my $id;
    ok(wait_until(30, sub {
        $id = start($t, document($t), 'one', provider => 'local')->{jobId};
        $t->wait_job($id);
        return told($id, 3) == 3;
    }), 'it is written to');

    my %old = map { $_->{jobId} => 1 }
        logged('events.log.1', sub { $_[0]{event} eq 'completed' });
    ok(!$old{$id}, 'the old one is not');
    cmp_ok(scalar keys %old, '>', 5, 'and has what it had');
}


# one that cannot be opened again: the one that is open is written on
{
    $t->allow_alarm(qr/open\(\) "\S+events\.log" failed/);
    rename "$logs/events.log", "$logs/events.log.2" or die $!;
    mkdir "$logs/events.log" or die $!;
    kill 'USR1', $t->server->{pid};

    ok(wait_until(15, sub { 2 == (() = (slurp("$logs/error.log") // '') =~
        /assess log "\S+events\.log" cannot be opened again/g) }),
        'each worker says so');

    my $id = start($t, document($t), 'one', provider => 'local')->{jobId};
    $t->wait_job($id);
    ok(wait_until(15, sub { 3 == logged('events.log.2',
        sub { $_[0]{jobId} eq $id }) }), 'nothing is lost');

    rmdir "$logs/events.log" or die $!;
}


# a disk that is full: the server goes on, and says so
SKIP: {
    skip 'no /dev/full', 3 unless -e '/dev/full';

    symlink '/dev/full', "$logs/events.log" or die $!;
    kill 'USR1', $t->server->{pid};

    ok(wait_until(30, sub {
        $t->wait_job(start($t, document($t), 'one', provider => 'local')
            ->{jobId});
        return (slurp("$logs/error.log") // '') =~ /assess\ log\ "
            \S+events\.log"\ cannot\ be\ written/x;
    }), 'that it cannot be written');
    like(slurp("$logs/error.log"),
        qr/assess log "\S+events\.log" could not be written as fast/,
        'what is missing');

    unlink "$logs/events.log" or die $!;
    kill 'USR1', $t->server->{pid};
    my $id;
    ok(wait_until(30, sub {
        $id = start($t, document($t), 'one', provider => 'local')->{jobId};
        $t->wait_job($id);
        return told($id, 3) == 3;
    }), 'and goes on when there is room');
}


# what is in memory is written when a worker ends
{
    my $id = start($t, document($t), 'one', provider => 'local')->{jobId};
    $t->wait_job($id);
    $t->server->reload;
    is(scalar told($id, 3), 3, 'nothing is lost by a reload');
    $id = start($t, document($t), 'one', provider => 'local')->{jobId};
    $t->wait_job($id);
    is(scalar told($id, 3), 3, 'and the new workers write');
}


# nothing that nobody may read, also of a server whose database has a password
{
    my $other = $t->another(
        env => { $provider->env, ASSESS_JOBS => 2, OPENAI_API_KEY => KEY },
        database => $t->cluster->conninfo . ' password=' . PASSWORD,
        extra => 'assess_log logs/events.log;'
            . ' map $http_x_user $assess_user { default "theirs"; }'
            . ' log_format u "[$assess_user] $assess_job_id";'
            . ' access_log logs/user.log u;');
    my $id = start($t, document($t), 'one', http => $other->http)->{jobId};
    $t->wait_job($id, 30, $other->http);
    ok(wait_until(15, sub { (slurp("$other->{home}/logs/user.log") // '')
        =~ /^\[theirs\] \Q$id\E$/m }), 'a variable that is another one');

    $provider->control(reset => $true, mode => 'refusal');
    $id = start($t, document($t), 'one', http => $other->http)->{jobId};
    $t->wait_job($id, 30, $other->http);
    $other->server->quit;
    cmp_ok(() = (slurp("$other->{home}/logs/events.log") // '') =~ /\n/g, '>', 0,
        'it has a log, too');

    for my $file (map { glob("$_/*.log*") } $logs, "$other->{home}/logs") {
        my $text = slurp($file) // '';
        my ($name) = $file =~ m{([^/]+/logs/.*)};

        unlike($text, qr/\Q${\KEY}\E/, "$name: no key");
        unlike($text, qr/\Q${\PASSWORD}\E|dbname=/,
            "$name: no connection string");
        unlike($text, qr/fire doors|Is there a record/, "$name: no content");
        unlike($text, qr/metadata-of-a-job/, "$name: no metadata");
    }
}


$t->done;
