#!/usr/bin/perl

# What every request that is refused gets: the right status, a problem that
# says what and where, and nothing left behind.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Assess::Contract;
use Assess::Process qw(write_file);
use Assess::Test;

my $guarded = Assess::Test::free_port();

# the same API behind what nginx itself refuses with
my $t = Assess::Test->new(extra => <<"END");
    gzip on;
    gzip_min_length 1;
    gzip_types application/json application/problem+json text/csv text/plain;

    limit_req_zone \$http_x_limit zone=rate:1m rate=1r/m;
    limit_req_zone \$http_x_limit zone=busy:1m rate=1r/m;

    server {
        listen 127.0.0.1:$guarded;

        location /rate/ {
            assess_api;
            assess_tenant default;
            limit_req zone=rate;
            limit_req_status 429;
        }

        location /busy/ {
            assess_api;
            assess_tenant default;
            limit_req zone=busy;
        }

        location /denied/ {
            assess_api;
            assess_tenant default;
            deny all;
        }

        location /auth/ {
            assess_api;
            assess_tenant default;
            auth_request /who;
        }

        location /basic/ {
            assess_api;
            assess_tenant default;
            auth_basic assess;
            auth_basic_user_file /dev/null;
        }

        location /small/ {
            assess_api;
            assess_tenant default;
            client_max_body_size 10;
        }

        location /nobody/ {
            assess_api;
            assess_tenant \$http_x_tenant;
        }

        location /who {
            internal;
            if (\$http_x_say = 401) {
                return 401;
            }
            if (\$http_x_say = 403) {
                return 403;
            }
            return 204;
        }
    }
END

my $http = $t->http;
my $text = 'The fire exits are checked each week.';
my $doc = $t->upload($text, 'text/plain', filename => 'a.txt');
question_set($t, 'fire', 2);
my $job = start($t, $doc, 'fire');
$t->wait_job($job->{jobId});


untouched($t, 'paths', sub {
    for my $path ('/api/', '/api/nothing', '/api/documents/', '/api/document',
        '/api/documents/' . UNKNOWN, '/api/documents/1',
        '/api/documents/' . uc $doc, "/api/documents/$doc/", "/api/documents/$doc/x",
        '/api/documents/' . UNKNOWN . '/text',
        '/api/documents/' . UNKNOWN . '/content',
        '/api/question-sets/none', '/api/question-sets/fire?version=9',
        '/api/question-sets/a%20b', '/api/question-sets/' . 'a' x 65,
        '/api/assessments/job/' . UNKNOWN, '/api/assessments/job/x',
        '/api/assessments/job/' . UNKNOWN . '/results',
        '/api/assessments/job/x/results')
    {
        problem_is($http->get($path), 404, undef, "GET $path");
    }

    problem_is($http->delete('/api/documents/' . UNKNOWN), 404, undef,
        'DELETE of an unknown document');
    problem_is($http->delete('/api/documents/x'), 404, undef,
        'DELETE of an id that is none');
    problem_is($http->delete('/api/assessments/job/' . UNKNOWN), 404, undef,
        'DELETE of an unknown job');
    problem_is($http->post('/api/assessments/job/' . UNKNOWN . '/retry'), 404,
        undef, 'retry of an unknown job');
});


untouched($t, 'methods', sub {
    my @wrong = (
        [PUT => '/api/documents', 'POST, GET, HEAD'],
        [DELETE => '/api/documents', 'POST, GET, HEAD'],
        [GET => '/api/documents/upload', 'POST'],
        [POST => "/api/documents/$doc", 'GET, HEAD, DELETE'],
        [POST => "/api/documents/$doc/text", 'GET, HEAD'],
        [PUT => "/api/documents/$doc/content", 'GET, HEAD'],
        [POST => '/api/question-sets', 'GET, HEAD'],
        [POST => '/api/question-sets/fire', 'PUT, GET, HEAD'],
        [DELETE => '/api/question-sets/fire', 'PUT, GET, HEAD'],
        [GET => '/api/assessments/start', 'POST'],
        [POST => "/api/assessments/job/$job->{jobId}", 'GET, HEAD, DELETE'],
        [GET => "/api/assessments/job/$job->{jobId}/retry", 'POST'],
        [DELETE => "/api/assessments/job/$job->{jobId}/results", 'GET, HEAD'],
        [DELETE => '/api/assessments/jobs', 'GET, HEAD'],
        [POST => '/api/assessments/counters', 'GET, HEAD'],
        [PATCH => '/api/documents', 'POST, GET, HEAD'],
        [OPTIONS => '/api/documents', 'POST, GET, HEAD'],
        [BREW => '/api/documents', 'POST, GET, HEAD'],
        [POST => '/api/health/live', 'GET, HEAD'],
    );

    for my $case (@wrong) {
        my ($method, $path, $allow) = @$case;
        my $a = $http->request($method, $path);

        problem_is($a, 405, undef, "$method $path");
        is(join(', ', sort split /, /, $a->{headers}{allow} // ''),
            join(', ', sort split /, /, $allow), "$method $path: Allow");
    }
});


untouched($t, 'queries', sub {
    for my $path ('/api/documents?limt=1', '/api/documents?limit=0',
        '/api/documents?limit=201', '/api/documents?limit=x',
        '/api/documents?limit=', '/api/documents?limit=-1',
        '/api/documents?limit=1.5', '/api/documents?limit=99999999999999999999',
        '/api/documents?limit=1&limit=2', '/api/documents?limit=1&limit=1',
        '/api/documents?cursor=', '/api/documents?cursor=nonsense',
        '/api/documents?cursor=%21', '/api/documents?cursor=' . 'A' x 5000,
        '/api/documents?status=processing', '/api/documents?status=',
        '/api/documents?Status=reviewed', '/api/documents?limit%20cursor=1',
        '/api/documents?q=%', '/api/documents?q=%zz', '/api/documents?q=%ff',
        '/api/documents?q=%00', '/api/documents?=1', '/api/documents?%6cimit=0',
        "/api/documents/$doc?x=1", "/api/documents/$doc/text?page=0",
        "/api/documents/$doc/text?page=x", "/api/documents/$doc/text?limit=0",
        "/api/documents/$doc/text?cursor=x", "/api/documents/$doc/content?x",
        '/api/question-sets?limit=0', '/api/question-sets?cursor=%3d',
        '/api/question-sets?q=x', '/api/question-sets/fire?version=0',
        '/api/question-sets/fire?version=x', '/api/question-sets/fire?v=1',
        '/api/assessments/jobs?status=done', '/api/assessments/jobs?status=',
        '/api/assessments/jobs?documentId=1', '/api/assessments/jobs?batchId=x',
        '/api/assessments/jobs?documentId=', '/api/assessments/jobs?user=',
        '/api/assessments/jobs?limit=1000', '/api/assessments/jobs?cursor=a/b',
        '/api/assessments/jobs?jobId=' . UNKNOWN,
        "/api/assessments/job/$job->{jobId}?format=json",
        "/api/assessments/job/$job->{jobId}/results?format=xml",
        "/api/assessments/job/$job->{jobId}/results?format=",
        "/api/assessments/job/$job->{jobId}/results?format=csv&format=csv",
        "/api/assessments/job/$job->{jobId}/results?limit=1",
        '/api/assessments/counters?user=x', '/api/health/live?verbose')
    {
        problem_is($http->get($path), 400, undef, 'GET ' . substr $path, 0, 70);
    }

    problem_is($http->post('/api/documents?name=a', body => 'text',
        headers => { 'Content-Type' => 'text/plain' }), 400, undef,
        'an unknown parameter of an upload');
    problem_is($http->post('/api/documents?filename=', body => 'text',
        headers => { 'Content-Type' => 'text/plain' }), 400, undef,
        'an empty filename');
    problem_is($http->post('/api/documents?filename=' . 'a' x 2000,
        body => 'text', headers => { 'Content-Type' => 'text/plain' }), 400,
        undef, 'a filename that is too long');
    problem_is($http->delete("/api/documents/$doc?force=1"), 400, undef,
        'an unknown parameter of a delete');
    problem_is($http->put('/api/question-sets/fire?x=1', json =>
        { questions => [{ id => 'a', text => 'b' }] }), 400, undef,
        'an unknown parameter of a PUT');
    problem_is($http->post("/api/assessments/start?x=1", json =>
        { documentId => $doc, questionSet => 'fire' }), 400, undef,
        'an unknown parameter of a start');
    problem_is($http->post("/api/assessments/job/$job->{jobId}/retry?x=1"),
        400, undef, 'an unknown parameter of a retry');
});


untouched($t, 'bodies', sub {
    my @bad = (
        ['no JSON', '{', 400], ['an empty body', '', 400],
        ['two values', '{} {}', 400], ['an array', '[]', 400],
        ['a string', '"x"', 400], ['no UTF-8', "{\"documentId\":\"\xff\"}", 400],
        ['a key twice', '{"documentId":"' . $doc . '","documentId":"' . $doc
            . '","questionSet":"fire"}', 400],
        ['only spaces', '   ', 400], ['depth', '[' x 100_000, 400],
    );

    for my $case (@bad) {
        my ($name, $body, $status) = @$case;

        problem_is($http->post('/api/assessments/start', body => $body,
            headers => { 'Content-Type' => 'application/json' }), $status,
            undef, "start, $name");
        problem_is($http->put('/api/question-sets/new', body => $body,
            headers => { 'Content-Type' => 'application/json' }), $status,
            undef, "question set, $name");
    }

    my $good = json({ questions => [{ id => 'a', text => 'b' }] });

    for my $type ('text/plain', 'application/x-www-form-urlencoded',
        'application/jsonp', 'application/problem+json', 'multipart/form-data')
    {
        problem_is($http->put('/api/question-sets/new', body => $good,
            headers => { 'Content-Type' => $type }), 415, undef,
            "a question set as $type");
    }

    problem_is($http->put('/api/question-sets/new', body => $good), 415, undef,
        'a question set without a type');
    problem_is($http->post('/api/assessments/start', body => '{}'), 415, undef,
        'a start without a type');
    problem_is($http->post('/api/assessments/start', body => '{}', headers =>
        { 'Content-Type' => 'text/plain' }), 415, undef, 'a start as text');
    problem_is($http->post('/api/documents', body => $text), 415, undef,
        'a document without a type');

    for my $case ([POST => '/api/documents', 'text/plain'],
        [POST => '/api/assessments/start', 'application/json'],
        [PUT => '/api/question-sets/new', 'application/json'])
    {
        my ($method, $path, $type) = @$case;

        problem_is($http->request($method, $path, headers =>
            { 'Content-Type' => $type }), 411, undef,
            "$method $path without a length");
    }

    problem_is($http->post('/api/documents', body => '', headers =>
        { 'Content-Type' => 'text/plain' }), 400, undef, 'an empty document');
});


# nginx refuses these before it reads them, or while it does
untouched($t, 'size', sub {
    my $type = 'Content-Type: text/plain';
    my $big = 64 * 1024 * 1024 + 1;

    my $a = $http->raw("POST /api/documents HTTP/1.1\r\nHost: a\r\n$type\r\n"
        . "Content-Length: $big\r\n\r\n");
    problem_is($a, 413, undef, 'a length that is too large');

    my $chunk = 'x' x (1024 * 1024);
    my $body = join '', map { sprintf("%x\r\n", length $chunk) . "$chunk\r\n" }
        1 .. 66;

    $a = $http->raw("POST /api/documents HTTP/1.1\r\nHost: a\r\n$type\r\n"
        . "Transfer-Encoding: chunked\r\n\r\n${body}0\r\n\r\n");
    problem_is($a, 413, undef, 'chunks that are too many');

    my $pad = ' ' x (9 * 1024 * 1024);
    problem_is($http->put('/api/question-sets/new', body => "{$pad}", headers =>
        { 'Content-Type' => 'application/json' }), 413, undef,
        'JSON that is too long');

    $pad = join '', map { sprintf("%x\r\n", length $chunk) . ' ' x length($chunk)
        . "\r\n" } 1 .. 9;
    $a = $http->raw("PUT /api/question-sets/new HTTP/1.1\r\nHost: a\r\n"
        . "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        . "1\r\n{\r\n${pad}0\r\n\r\n");
    problem_is($a, 413, undef, 'JSON that is too long, in chunks');
});


untouched($t, 'lies', sub {
    my $head = "Host: a\r\nContent-Type: text/plain\r\n";

    for my $case (
        ['fewer bytes than said', "POST /api/documents HTTP/1.1\r\n$head"
            . "Content-Length: 1000\r\n\r\nshort"],
        ['a chunk that is cut', "POST /api/documents HTTP/1.1\r\n$head"
            . "Transfer-Encoding: chunked\r\n\r\nff\r\nshort"],
        ['chunks without an end', "POST /api/documents HTTP/1.1\r\n$head"
            . "Transfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n"])
    {
        my $a = $http->raw($case->[1], half_close => 1, timeout => 5);
        ok(!$a || $a->{status} == 400, "$case->[0]: refused or no answer");
    }

    my $a = $http->raw("POST /api/documents HTTP/1.1\r\n$head"
        . "Transfer-Encoding: chunked\r\n\r\nzz\r\nshort\r\n0\r\n\r\n");
    problem_is($a, 400, undef, 'no chunk at all');

    $a = $http->raw("POST /api/documents HTTP/1.1\r\n$head"
        . "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    is($a->{status}, 400, 'a length and chunks');
});


# what nginx refuses, in a location of the API
{
    my $nginx = Assess::HTTP->new(port => $guarded);
    my %limited = (headers => { 'X-Limit' => 'one' });

    untouched($t, 'refused by nginx', sub {
        is($nginx->get('/rate/documents', %limited)->{status}, 200,
            'within the rate');
        problem_is($nginx->get('/rate/documents', %limited), 429, undef,
            'over the rate');
        is($nginx->get('/busy/documents', %limited)->{status}, 200,
            'within the other rate');
        problem_is($nginx->get('/busy/documents', %limited), 503, undef,
            'over the other rate');
        problem_is($nginx->post('/busy/documents', body => $text, headers =>
            { 'Content-Type' => 'text/plain', 'X-Limit' => 'one' }), 503,
            undef, 'an upload over the rate');
        problem_is($nginx->get('/denied/documents'), 403, undef, 'denied');

        my $a = $nginx->get('/basic/documents');
        problem_is($a, 401, undef, 'not authenticated');
        is($a->{headers}{'www-authenticate'}, 'Basic realm="assess"',
            'and how to be');
        problem_is($nginx->get('/auth/documents', headers =>
            { 'X-Say' => 401 }), 401, undef, 'not authenticated elsewhere');
        problem_is($nginx->get('/auth/documents', headers =>
            { 'X-Say' => 403 }), 403, undef, 'not authorised');
        is($nginx->get('/auth/documents', headers => { 'X-Say' => 204 })
            ->{status}, 200, 'authorised');

        problem_is($nginx->post('/small/documents', body => $text, headers =>
            { 'Content-Type' => 'text/plain' }), 413, undef, 'too large');
        problem_is($nginx->raw("POST /small/documents HTTP/1.1\r\nHost: a\r\n"
            . "Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
            . "14\r\n01234567890123456789\r\n0\r\n\r\n"), 413, undef,
            'too large in chunks');
        problem_is($nginx->get('/nobody/documents'), 403, undef, 'no tenant');
        is($nginx->get('/nobody/health/live')->{status}, 200,
            'health needs none');
    });
}


# Expect: 100-continue: a body that is refused is not invited
{
    my $sock = $http->connect;
    print {$sock} "PUT /api/question-sets/new HTTP/1.1\r\nHost: a\r\n"
        . "Content-Type: text/plain\r\nContent-Length: 100000\r\n"
        . "Expect: 100-continue\r\n\r\n";

    my ($in, $end) = ('', time + 10);
    while (time < $end && $in !~ /\}\z/) {
        last unless Assess::HTTP::_read($sock, \$in, $end);
    }
    close $sock;
    like($in, qr{\AHTTP/1\.1 415 }, 'a refused body is not asked for');

    $sock = $http->connect;
    print {$sock} "POST /api/documents HTTP/1.1\r\nHost: a\r\n"
        . "Content-Type: text/plain\r\nContent-Length: 7\r\n"
        . "Connection: close\r\nExpect: 100-continue\r\n\r\n";
    ($in, $end) = ('', time + 10);
    while (time < $end && $in !~ /\r\n\r\n/) {
        last unless Assess::HTTP::_read($sock, \$in, $end);
    }
    like($in, qr{\AHTTP/1\.1 100 }, 'one that is taken is asked for');
    print {$sock} 'welcome';
    while (time < $end) {
        last unless Assess::HTTP::_read($sock, \$in, $end);
    }
    is(Assess::HTTP::parse($in)->{status}, 201, 'and stored');
}


# HEAD is GET without its body
for my $path ('/api/documents', "/api/documents/$doc",
    "/api/documents/$doc/content", '/api/question-sets/fire',
    "/api/assessments/job/$job->{jobId}",
    "/api/assessments/job/$job->{jobId}/results", '/api/assessments/counters',
    '/api/health/live', '/api/health/ready')
{
    my $a = $http->request('HEAD', $path);
    my $b = $http->get($path);

    is($a->{status}, 200, "HEAD $path");
    is($a->{body}, '', "HEAD $path: no body");
    is($a->{headers}{$_}, $b->{headers}{$_}, "HEAD $path: $_")
        for qw(content-type content-length);
}

is($http->request('HEAD', '/api/documents/' . UNKNOWN)->{status}, 404,
    'HEAD of what is not there');


# an answer that is compressed is still the same
{
    my $a = $http->get("/api/assessments/job/$job->{jobId}/results", headers =>
        { 'Accept-Encoding' => 'gzip' });
    is($a->{headers}{'content-encoding'}, 'gzip', 'results can be compressed');

    $a = $http->get("/api/documents/$doc/content", headers =>
        { 'Accept-Encoding' => 'gzip' });
    is($a->{headers}{'content-encoding'}, 'gzip', 'content can be compressed');
    like($a->{headers}{etag}, qr{^W/"}, 'its ETag is a weak one then');
    is($a->{headers}{'accept-ranges'}, undef, 'and there are no ranges of it');

    my $b = $http->get("/api/documents/$doc/content", headers =>
        { 'If-None-Match' => $a->{headers}{etag} });
    is($b->{status}, 304, 'which is known again');

    $a = $http->get('/api/documents/' . UNKNOWN, headers =>
        { 'Accept-Encoding' => 'gzip' });
    is($a->{status}, 404, 'a problem can be compressed');
    like($a->{headers}{'content-type'}, qr{^application/problem\+json}, 'too');
}


# keep-alive: after a refusal the connection goes on
{
    my $sock = $http->connect;
    my $body = 'x' x 100_000;

    print {$sock} "PUT /api/question-sets/new HTTP/1.1\r\nHost: a\r\n"
        . "Content-Type: text/plain\r\nContent-Length: 100000\r\n\r\n$body"
        . "GET /api/documents HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

    my ($in, $end) = ('', time + 20);
    while (time < $end) {
        last unless Assess::HTTP::_read($sock, \$in, $end);
    }

    is(join(' ', $in =~ m{HTTP/1\.1 (\d+)}g), '415 200',
        'the next request of the connection is answered');
}


# a body that nginx cannot store: root may write anywhere, so it is no folder
{
    my $dir = $t->server->{home} . '/temp/body';
    my $body = 'A body that does not fit into memory. ' x 3000;
    my $post = sub { $http->post('/api/documents', body => $body,
        headers => { 'Content-Type' => 'text/plain' }) };

    untouched($t, 'a body without a place', sub {
        rename $dir, "$dir.away" or die "$dir: $!\n";
        write_file($dir, '');

        my $a = $post->();
        problem_is($a, 503, undef, 'a body without a place');
        like($a->{json}{detail}, qr/body cannot be stored/, 'it says so');

        unlink $dir;
        rename "$dir.away", $dir or die "$dir: $!\n";
    });

    my $a = $post->();
    is($a->{status}, 201, 'later it is taken');
    $http->delete("/api/documents/$a->{json}{documents}[0]{documentId}");
}


# the store goes away, and comes again
{
    $t->cluster->crash;

    my $a;
    ok(wait_until(30, sub {
        $a = $http->get('/api/health/ready');
        return $a && $a->{status} == 503;
    }), 'not ready without the store');
    problem_is($a, 503, undef, 'health/ready');
    like($a->{json}{detail}, qr/store/, 'it names what fails');
    is($http->get('/api/health/live')->{status}, 200, 'alive all the same');

    problem_is($http->get('/api/documents'), 503, undef, 'a list');
    problem_is($http->post('/api/documents', body => 'other', headers =>
        { 'Content-Type' => 'text/plain' }), 503, undef, 'an upload');
    problem_is($http->post('/api/assessments/start', json =>
        { documentId => $doc, questionSet => 'fire' }), 503, undef, 'a start');

    $t->cluster->launch;
    ok(wait_until(60, sub {
        $a = $http->get('/api/health/ready');
        return $a && $a->{status} == 200;
    }), 'ready again with it');
    is($http->get('/api/documents')->{json}{total}, 2,
        'what was stored is there, what was refused is not');
}

$t->done;
