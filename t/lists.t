#!/usr/bin/perl

# Lists of jobs: newest first, pages that do not move, filters; and that a
# tenant sees all of its own and nothing of another's.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Assess::Contract;
use Assess::Test;

my $t = Assess::Test->new;
my $http = $t->http;
my $ann = $http->with('X-User' => 'ann');
my $bob = $http->with('X-User' => 'bob');
my @docs = map { $t->upload("Document $_: the alarm is tested.", 'text/plain') }
           1 .. 2;
my $bad = $t->upload(pdf_encrypted('x'), 'application/pdf');

question_set($t, 'fire', 1);

my @jobs;

for my $case ([$ann, 0], [$bob, 0], [$ann, 1], [$http, 1], [$ann, 0], [$bob, 1],
    [$ann, 0])
{
    unshift @jobs, start($t, $docs[$case->[1]], 'fire', http => $case->[0])
        ->{jobId};
}

unshift @jobs, start($t, $bad, 'fire', http => $bob)->{jobId};
idle($t);


sub list {
    my ($query, $client) = @_;

    my $a = ($client // $http)->get("/api/assessments/jobs$query");
    is($a->{status}, 200, "jobs$query");
    return $a->{json};
}

sub ids { return json([map { $_->{jobId} } @{ $_[0]{jobs} }]) }


# all of them
{
    my $l = list('');

    is(json([sort keys %$l]), '["jobs","nextCursor","total"]',
        'the keys of a list');
    is(ids($l), json(\@jobs), 'newest first');
    is(json($l->{total}), 8, 'total, a number');
    is($l->{nextCursor}, undef, 'no next page');
    job_is($l->{jobs}[1], 'completed', 'a listed one');
    job_is($l->{jobs}[0], 'failed', 'a listed one that failed');
}


# by pages, while others come in front
{
    my (@seen, @totals);
    my $query = '?limit=3';

    for my $page (1 .. 5) {
        my $l = list($query);

        push @seen, map { $_->{jobId} } @{ $l->{jobs} };
        push @totals, $l->{total};
        is(scalar @{ $l->{jobs} }, $page == 3 ? 2 : 3, "page $page");
        start($t, $docs[0], 'fire');
        last unless defined $l->{nextCursor};
        $query = "?limit=3&cursor=$l->{nextCursor}";
    }

    is(json(\@seen), json(\@jobs), 'each once, in their order');
    is(json(\@totals), '[8,9,10]', 'the total is of now');

    # exactly full pages have no empty one behind them
    my $l = list('?limit=11');
    is(scalar @{ $l->{jobs} }, 11, 'a full page');
    is($l->{nextCursor}, undef, 'is the last one');

    idle($t);
}


# filters, alone and together
{
    is(list('?user=ann')->{total}, 4, 'of a user');
    is(list('?user=me', $bob)->{total}, 3, 'of whoever asks');
    is(list('?user=nobody')->{total}, 0, 'of nobody');
    is(list("?documentId=$bad")->{total}, 1, 'of a document');
    is(ids(list("?documentId=$docs[1]")), json([@jobs[2, 4, 5]]), 'of another');
    is(list('?documentId=' . UNKNOWN)->{total}, 0, 'of none');
    is(list('?batchId=' . UNKNOWN)->{total}, 0, 'of no batch');
    is(list('?status=failed')->{total}, 1, 'that failed');
    is(list('?status=completed')->{total}, 10, 'that were completed');
    is(list("?status=$_")->{total}, 0, $_)
        for qw(queued processing cancelled budget_exceeded);
    is(ids(list("?status=completed&user=ann&documentId=$docs[1]&limit=1")),
        json([$jobs[5]]), 'all together');

    my $l = list("?user=ann&limit=3");
    is($l->{total}, 4, 'the total is that of the filter');
    $l = list("?user=ann&limit=3&cursor=$l->{nextCursor}");
    is(ids($l), json([$jobs[7]]), 'pages of a filter');

    problem_is($http->get('/api/assessments/jobs?user=me'), 400, undef,
        'user=me of nobody');
}


# another tenant sees none of it
{
    my $other = $http->with('X-Tenant' => 'other');
    my $set = json({ questions => [{ id => 'a', text => 'b' }] });
    my $job = $jobs[1];

    untouched($t, 'another tenant', sub {
        for my $path ("/api/documents/$docs[0]", "/api/documents/$docs[0]/text",
            "/api/documents/$docs[0]/content", '/api/question-sets/fire',
            '/api/question-sets/fire?version=1', "/api/assessments/job/$job",
            "/api/assessments/job/$job/results",
            "/api/assessments/job/$job/results?format=csv",
            "/api/assessments/job/$job/results?format=ndjson")
        {
            my $a = $other->get($path);
            problem_is($a, 404, undef, "GET $path");

            (my $unknown = $path) =~ s/[0-9a-f-]{36}/UNKNOWN/e;
            is($a->{body}, $other->get($unknown)->{body},
                'no different from what nobody has')
                if $unknown ne $path;
        }

        problem_is($other->delete("/api/documents/$docs[0]"), 404, undef,
            'DELETE of the document');
        problem_is($other->delete("/api/assessments/job/$job"), 404, undef,
            'DELETE of the job');
        problem_is($other->post("/api/assessments/job/$jobs[0]/retry"), 404,
            undef, 'retry of the job');

        is(list($_, $other)->{total}, 0, 'an empty list') for '',
            "?documentId=$docs[0]", '?user=ann', '?status=completed';
        is($other->get('/api/documents')->{json}{total}, 0, 'no documents');
        is($other->get('/api/documents?q=Document')->{json}{total}, 0,
            'none by name');
        is($other->get('/api/question-sets')->{json}{total}, 0, 'no sets');
        is(json($other->get('/api/assessments/counters')->{json}),
            json({ map { $_ => 0 } qw(totalDocs reviewed notReviewed processing
                queued failed) }), 'counters of nothing');
    });

    is($other->put('/api/question-sets/own', body => $set, headers =>
        { 'Content-Type' => 'application/json' })->{status}, 201, 'its own set');

    untouched($t, 'starts across tenants', sub {
        problem_is($other->post('/api/assessments/start', json =>
            { documentId => $docs[0], questionSet => 'own' }), 404,
            '/documentId', "a start on another's document");
        problem_is($http->post('/api/assessments/start', json =>
            { documentId => $docs[0], questionSet => 'own' }), 404,
            '/questionSet', "a start with another's set");
    });

    # a cursor tells nothing of another tenant
    my $cursor = list('?limit=1')->{nextCursor};
    my $l = list("?cursor=$cursor", $other);
    is($l->{total}, 0, "another's cursor");
    is(json($l->{jobs}), '[]', 'leads to nothing');

    is(list('')->{total}, 11, 'all is still there');
}


# who is a tenant
{
    untouched($t, 'no tenants', sub {
        for my $name ("a\x7fb", "\xff\xfe", "\xc3", 'x' x 129, "a\x01b") {
            problem_is($http->with('X-Tenant' => $name)->get('/api/documents'),
                403, undef, 'the tenant ' . substr json($name), 0, 20);
        }

        problem_is($http->with('X-User' => "\xff")->get('/api/documents'), 403,
            undef, 'a user that is no text');
        problem_is($http->with('X-User' => 'u' x 600)->get('/api/documents'),
            403, undef, 'a user that is too long');
    });

    for my $name ('x' x 128, "\xc3\xbc", 'a b', '%s%n', "o'neil", '../x', '{}') {
        my $one = $http->with('X-Tenant' => $name, 'X-User' => 'u');
        is($one->post('/api/documents', body => 'mine', headers =>
            { 'Content-Type' => 'text/plain' })->{status}, 201,
            'a tenant of any other name');
        is($one->get('/api/documents')->{json}{total}, 1, 'has its own');
    }
}

$t->done;
