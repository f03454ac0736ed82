#!/usr/bin/perl

# Documents that a client names instead of sending them: by a URL, or in a
# bucket.  What the fetch itself does is in t/unit/fetch.c.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use Time::HiRes qw(time);

use Assess::Contract;
use Assess::HTTP;
use Assess::Process qw(run_as slurp wait_until);
use Assess::S3;
use Assess::Source;
use Assess::Test;

my $TEXT = $Assess::Source::TEXT;

my $source = Assess::Source->new(hosts => ['127.0.0.2', '127.0.0.1']);
my $s3 = Assess::S3->new(buckets => ['docs', 'other']);
my $at = $source->port;
my ($tls, $unknown, $small) = map { Assess::Test::free_port() } 1 .. 3;

my $dir = File::Temp::tempdir('assess-t-XXXXXX', TMPDIR => 1, CLEANUP => 1);
chmod 0755, $dir;

# the second one is of nobody that is trusted
for my $name ('', 'other-') {
    my ($status, $said) = run_as(undef, 'openssl', 'req', '-x509', '-newkey',
        'rsa:2048', '-nodes', '-days', 2, '-subj', '/CN=127.0.0.2', '-addext',
        'subjectAltName=IP:127.0.0.2', '-keyout', "$dir/${name}key.pem",
        '-out', "$dir/${name}cert.pem");
    die "openssl: $said\n" if $status;
}

my $t = Assess::Test->new(extra => <<"END");
assess_s3 store {
    endpoint    @{[ $s3->endpoint ]};
    region      $Assess::S3::REGION;
    access_key  $Assess::S3::ACCESS;
    secret_key  $Assess::S3::SECRET;
}

assess_source_allow      http://127.0.0.2:$at http://localhost:$at
                         https://127.0.0.2:$tls https://127.0.0.2:$unknown;
assess_source_allow      s3://docs storage=store;
assess_source_private    127.0.0.2;
assess_source_timeout    3s;
assess_source_fetches    2;
assess_source_trusted_certificate $dir/cert.pem;

server {
    listen 127.0.0.2:$tls ssl;
    ssl_certificate      $dir/cert.pem;
    ssl_certificate_key  $dir/key.pem;

    location = /text { return 200 "by TLS\\n"; }
    location = /down { return 302 http://127.0.0.2:$at/text; }
    location = /up   { return 302 https://127.0.0.2:$tls/text; }
}

server {
    listen 127.0.0.2:$unknown ssl;
    ssl_certificate      $dir/other-cert.pem;
    ssl_certificate_key  $dir/other-key.pem;
    return 200 "by TLS\\n";
}

server {
    listen 127.0.0.1:$small;
    client_max_body_size 100000;

    location /api/ {
        assess_api;
        assess_tenant small;
    }
}
END

my $http = $t->http;
my $limited = Assess::HTTP->new(port => $small);

question_set($t, 'fire', 2);


sub fetch {
    my ($url, %o) = @_;

    my $client = delete $o{client} // $http;
    return $client->post('/api/documents', json => { url => $url, %o });
}


sub begin {
    my ($key, %body) = @_;

    return $http->post('/api/assessments/start', json => { questionSet => 'fire',
        %body }, headers => defined $key ? { 'Idempotency-Key' => $key } : {});
}


# A call that is left open: its socket.
sub leave {
    my ($path, $body, %headers) = @_;

    my $text = json($body);
    my $client = $http->connect;

    syswrite $client, join "\r\n", "POST $path HTTP/1.1", 'Host: x',
        'Content-Type: application/json', 'Content-Length: ' . length $text,
        (map {"$_: $headers{$_}"} sort keys %headers), '', $text;

    return $client;
}


sub asked { my ($path) = @_; return scalar grep { $_ eq $path } $source->requests }


# a document
my $id;
{
    my $a = fetch($source->url('/text'));
    is($a->{status}, 201, 'fetched') or diag($a->{body});

    my $d = $a->{json}{documents}[0];
    $id = $d->{documentId};
    is(json([sort keys %{ $a->{json} }]), '["documents"]', 'documents alone');
    is($a->{headers}{location}, "/api/documents/$id", 'its Location');
    is($d->{filename}, 'text', 'the name of its path');
    is($d->{contentType}, 'text/plain', 'the type of the source');
    is($d->{bytes}, length $TEXT, 'its length');
    is($http->get("/api/documents/$id/content")->{body}, $TEXT, 'its bytes');

    $a = fetch($source->url('/named'));
    is($a->{status}, 200, 'the same bytes');
    is($a->{json}{documents}[0]{documentId}, $id, 'are the same document');

    $a = $http->post('/api/documents/upload', json =>
        { url => $source->url('/text') });
    is($a->{status}, 200, 'under the other name of the call, too');

    $a = fetch($source->url('/length/500000'), filename => 'mine.txt');
    is($a->{status}, 201, 'half a megabyte');
    is($a->{json}{documents}[0]{filename}, 'mine.txt', 'named by the client');

    $a = $http->post('/api/documents?filename=query.txt', json =>
        { url => $source->url('/length/500001') });
    is($a->{json}{documents}[0]{filename}, 'query.txt', 'or in the query');

    $a = fetch("https://127.0.0.2:$tls/text");
    is($a->{status}, 201, 'by TLS') or diag($a->{body});
    is(fetch("https://127.0.0.2:$tls/up")->{status}, 200, 'redirected');
}

# what the source says of it may be wrong
{
    my $a = fetch($source->url('/lies.txt'));
    is($a->{status}, 200, 'a type that is not true');
    is(fetch($source->url('/odd'))->{status}, 200, 'one that is no text');
    is(fetch($source->url('/untyped'))->{status}, 200, 'none');
}

# a bucket
{
    my $key = "reports/Gr\xc3\xb6\xc3\x9fe + 1.txt";
    my $text = 'In a bucket.';

    utf8::decode(my $name = $key);
    $s3->store('docs', $key, $text, type => 'binary/octet-stream');
    $s3->store('other', 'x', $text);

    my $a = fetch("s3://docs/$name");
    is($a->{status}, 201, 'an object') or diag($a->{body});

    my $d = $a->{json}{documents}[0];
    is($http->get("/api/documents/$d->{documentId}/content")->{body}, $text,
        'its bytes');
    is($d->{filename}, "Gr\x{f6}\x{df}e + 1.txt", 'the end of its key');

    untouched($t, 'none in the bucket', sub {
        problem_is(fetch('s3://docs/none'), 422, undef, 'no such object');
    });
    problem_is(fetch('s3://other/x'), 403, '/url', 'a bucket that is not allowed');

    $s3->fault('503 9');
    problem_is(fetch("s3://docs/$name"), 502, undef, 'a storage that fails');
    $s3->fault('hang 1');
    problem_is(fetch("s3://docs/$name"), 504, undef, 'one that says nothing');
    $s3->fault('503 0');
}

# a start
{
    my $a = begin(undef, url => $source->url('/text'), priority => 3);
    is($a->{status}, 202, 'a start with a URL') or diag($a->{body});
    is($a->{json}{documentId}, $id, 'has its document');
    is($a->{headers}{location}, "/api/assessments/job/$a->{json}{jobId}",
        'its Location');

    my $job = $t->wait_job($a->{json}{jobId});
    job_is($job, 'completed', 'its job');
    is($job->{priority}, 3, 'with what was said');

    $a = $http->post('/api/assessments/start', json => { questionSet => 'fire',
        url => 's3://docs/reports/x.md', filename => 'y.md' });
    problem_is($a, 422, undef, 'of nothing');

    $s3->store('docs', 'reports/x.md', '# A report');
    $a = $http->post('/api/assessments/start', headers => { Prefer => 'wait=30' },
        json => { questionSet => 'fire', url => 's3://docs/reports/x.md',
                  filename => 'y.md' });
    is($a->{status}, 200, 'waited for') or diag($a->{body});
    is($a->{json}{status}, 'completed', 'to its end');
    is($http->get("/api/documents/$a->{json}{documentId}")->{json}{filename},
        'y.md', 'under the name that it was given');

    untouched($t, 'no set', sub {
        problem_is(begin(undef, url => $source->url('/length/777'),
            questionSet => 'none'), 404, '/questionSet', 'an unknown set');
    });
}

# what a request must not say
{
    my $url = $source->url('/text');
    my @documents = (
        [{}, '/url', 'no url'],
        [{ url => 1 }, '/url', 'a number'],
        [{ url => '' }, '/url', 'an empty one'],
        [{ url => 'x' x 2049 }, '/url', 'a long one'],
        [{ url => 'example.org' }, '/url', 'without a scheme'],
        [{ url => 'ftp://127.0.0.2/x' }, '/url', 'of another scheme'],
        [{ url => 'file:///etc/passwd' }, '/url', 'a file'],
        [{ url => "http://me:pw\@127.0.0.2:$at/text" }, '/url', 'a password'],
        [{ url => $url, filename => '' }, '/filename', 'an empty name'],
        [{ url => $url, filename => 7 }, '/filename', 'no name'],
        [{ url => $url, more => 1 }, '/more', 'more'],
    );
    my $before = @{[ $source->requests ]};

    untouched($t, 'bad requests', sub {
        problem_is($http->post('/api/documents', json => $_->[0]), 400, $_->[1],
            $_->[2]) for @documents;
        problem_is($http->post('/api/documents', json => [$url]), 400, undef,
            'an array');
        problem_is($http->post('/api/documents?filename=a', json =>
            { url => $url, filename => 'b' }), 400, undef, 'two names');
        problem_is($http->post('/api/documents', body => '{"url"', headers =>
            { 'Content-Type' => 'application/json' }), 400, undef, 'no JSON');

        problem_is(begin(undef), 400, '/documentId', 'a start with neither');
        problem_is(begin(undef, url => $url, documentId => $id), 400, '/url',
            'with both');
        problem_is(begin(undef, filename => 'a', documentId => $id), 400, '/url',
            'with a name alone');
        problem_is(begin(undef, filename => 'a'), 400, '/url', 'and nothing else');
        problem_is(begin(undef, url => $url, more => 1), 400, '/more',
            'more in a start');
        problem_is($http->post('/api/assessments/start', json =>
            { url => $url }), 400, '/questionSet', 'a start without a set');

        my %form = Assess::HTTP::multipart(
            ['file', 'x', 'a.txt', 'text/plain'], ['questionSet', 'fire'],
            ['url', $url]);
        problem_is($http->post('/api/assessments/start', %form), 400, '/url',
            'a form with both');

        problem_is(fetch("http://127.0.0.2:1/x"), 403, '/url', 'another port');
        problem_is(fetch("https://127.0.0.2:$at/x"), 403, '/url',
            'another scheme');
        problem_is(fetch('http://example.org/x'), 403, '/url', 'another host');
        problem_is(fetch("http://127.0.0.1:$at/text"), 403, '/url',
            'another address');
    });

    is(scalar @{[ $source->requests ]}, $before, 'nothing was fetched for it');
}

# what a source must not do
{
    my $private = grep { /^127\.0\.0\.1 / } $source->requests;

    untouched($t, 'bad sources', sub {
        problem_is(fetch($source->url('/text', 'localhost')), 403, undef,
            'a private address');
        problem_is(fetch($source->url('/redirect/302/http:%2f%2flocalhost:'
            . "$at%2ftext")), 403, undef, 'redirected to one');
        problem_is(fetch($source->url('/redirect/302/http:%2f%2fexample.org%2f')),
            403, undef, 'redirected to another host');
        problem_is(fetch("https://127.0.0.2:$tls/down"), 403, undef,
            'redirected from https to http');
        problem_is(fetch("https://127.0.0.2:$unknown/text"), 502, undef,
            'with a certificate of nobody');
        problem_is(fetch($source->url('/loop')), 422, undef, 'for ever');
        problem_is(fetch($source->url('/status/404')), 422, undef, 'not there');
        problem_is(fetch($source->url('/status/500')), 502, undef, 'broken');
        problem_is(fetch($source->url('/cut')), 502, undef, 'broken off');
        problem_is(fetch($source->url('/bomb')), 422, undef, 'compressed');
        problem_is(fetch($source->url('/empty')), 422, undef, 'empty');
        problem_is(fetch($source->url('/binary')), 415, undef, 'no document');
        problem_is(fetch($source->url('/headers')), 422, undef, 'all headers');
        problem_is(fetch($source->url('/hang')), 504, undef, 'silent');
        problem_is(fetch($source->url('/slow')), 504, undef, 'slow');
        problem_is(begin(undef, url => $source->url('/slow')), 504, undef,
            'slow for a start');

        for my $path ('/length/100001', '/chunked/100001', '/endless') {
            problem_is(fetch($source->url($path), client => $limited), 413,
                undef, "too large: $path");
        }
    });

    is(scalar(grep { /^127\.0\.0\.1 / } $source->requests), $private,
        'nobody asked there');
    is(fetch($source->url('/chunked/100000'), client => $limited)->{status},
        201, 'just not too large');
}

# a client that goes away
untouched($t, 'gone', sub {
    for my $path ('/hang', '/slow') {
        my ($asked, $broken) = (asked("127.0.0.2 $path"),
                                scalar grep { $_ eq $path } $source->broken);
        my $client = leave('/api/documents', { url => $source->url($path) });

        ok(wait_until(10, sub { asked("127.0.0.2 $path") > $asked }),
            "$path: asked");
        my $began = time;
        close $client;
        ok(wait_until(10, sub { $broken
            < grep { $_ eq $path } $source->broken }), 'the fetch ends');
        cmp_ok(time - $began, '<', 2, 'before its time') if $path eq '/hang';
    }
});

# many at once
{
    my $asked = asked('127.0.0.2 /hang');
    my @left = map { leave('/api/documents', { url => $source->url('/hang') }) }
               1, 2;

    ok(wait_until(10, sub { asked('127.0.0.2 /hang') == $asked + 2 }),
        'two fetches are under way');
    problem_is(fetch($source->url('/text')), 503, undef, 'a third one');
    is($http->get('/api/documents')->{status}, 200, 'calls are answered');

    close $_ for @left;
    ok(wait_until(10, sub { fetch($source->url('/text'))->{status} == 200 }),
        'and it is its turn');
}

# a start is made once
{
    my %body = (url => $source->url('/text?once'));
    my $first = begin('a key', %body);
    is($first->{status}, 202, 'a first time');

    my $a = begin('a key', %body);
    is($a->{status}, 202, 'again');
    is($a->{body}, $first->{body}, 'is the first answer');
    is($a->{headers}{'idempotent-replayed'}, 'true', 'a replay');
    is(asked('127.0.0.2 /text?once'), 1, 'fetched once');

    problem_is(begin('a key', url => $source->url('/text')), 422, undef,
        'of another document');
    problem_is(begin('a key', documentId => $id), 422, undef, 'of a stored one');

    # while the first one is under way
    my $asked = asked('127.0.0.2 /hang');
    my $client = leave('/api/assessments/start', { questionSet => 'fire',
        url => $source->url('/hang') }, 'Idempotency-Key' => 'another');

    ok(wait_until(10, sub { asked('127.0.0.2 /hang') > $asked }), 'under way');
    problem_is(begin('another', url => $source->url('/hang')), 409, undef,
        'a second one in the meantime');
    is(asked('127.0.0.2 /hang'), $asked + 1, 'does not fetch');

    close $client;
    ok(wait_until(10, sub { begin('another', %body)->{status} == 202 }),
        'one that failed does not use its key up');

    problem_is(begin('third', url => $source->url('/status/404')), 422, undef,
        'neither does');
    is(begin('third', %body)->{status}, 202, 'one that was refused');
    is($t->sql('select count(*) from assess.idempotency_held'), 0,
        'no key is held');

    # by processes that died: one lately, one long ago
    $t->sql("insert into assess.idempotency_held values ('default', 'held',"
        . " gen_random_uuid(), now() + interval '1 hour'), ('default', 'stale',"
        . " gen_random_uuid(), now() - interval '1 ms'), ('default', 'other',"
        . " gen_random_uuid(), now() - interval '1 ms')");
    problem_is(begin('held', %body), 409, undef, 'one that is held');
    is(begin('stale', %body)->{status}, 202, 'one that was');
    is($t->sql('select count(*) from assess.idempotency_held'), 1,
        'others of that kind are swept');
}

# of each tenant
{
    my $other = $http->with('X-Tenant' => 'other');
    my $a = fetch($source->url('/text'), client => $other);

    is($a->{status}, 201, 'another tenant fetches');
    isnt($a->{json}{documents}[0]{documentId}, $id, 'a document of its own');
}

# off, unless it is configured
{
    my $home = $t->another;
    my $a = fetch($source->url('/text'), client => $home->http);

    problem_is($a, 403, '/url', 'nothing is allowed by itself');
    like($a->{json}{detail}, qr/operator has not allowed any source/,
        'and why is said');
}

# told to stop, a server does not wait for a source
my $last = asked('127.0.0.2 /hang');
my $held = leave('/api/documents', { url => $source->url('/hang') });
ok(wait_until(10, sub { asked('127.0.0.2 /hang') > $last }), 'one is under way');

my $began = time;
$t->server->stop;
cmp_ok(time - $began, '<', 5, 'it is broken off');

my $log = slurp($t->server->{home} . '/logs/error.log');
like($log, qr{assess fetch from http://localhost failed: the address},
    'what was refused is logged');
unlike($log, qr{failed:.*text\?once}, 'without its path');

$t->done;
