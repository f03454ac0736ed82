#!/usr/bin/perl

# The start of a job, in both its forms, and the job's status to its end.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Assess::Contract;
use Assess::HTTP;
use Assess::Process qw(slurp write_file);
use Assess::Provider;
use Assess::Test;
use Digest::SHA qw(sha256_hex);
use File::Temp qw(tempdir);

my $provider = Assess::Provider->new;
my $dir = tempdir('assess-s-XXXXXX', TMPDIR => 1, CLEANUP => 1);

write_file("$dir/prices.json", <<'END');
{"test-model": {"input_cost_per_token": 2.5e-06, "output_cost_per_token": 1e-05},
 "dear-model": {"input_cost_per_token": 0.001, "output_cost_per_token": 0.002}}
END

my $t = Assess::Test->new(env => { $provider->env, ASSESS_JOBS => 1,
    ASSESS_PRICES => "$dir/prices.json", ASSESS_QUESTIONS_PER_BATCH => 2 });
my $http = $t->http;
my $pages = join "\f", map {"The record $_ of exits and alarm number $_."} 1 .. 4;
my $doc = $t->upload($pages, 'text/plain', filename => 'a.txt');

question_set($t, 'fire', 5);
question_set($t, 'fire', 3);


sub begin { return $http->post('/api/assessments/start', json => $_[0]) }

sub form {
    return $http->post('/api/assessments/start', Assess::HTTP::multipart(@_));
}


# with all fields, from the start to the end
{
    my $meta = { case => 'F-1', nested => { list => [1, 2.5, undef, 'ü'] } };
    my $a = $http->with('X-User' => "J\xc3\xbcrgen")->post('/api/assessments/start',
        json => { documentId => $doc, questionSet => 'fire@1', priority => -7,
        provider => 'openai', model => 'test-model', maxCost => 12.5,
        metadata => $meta });

    is($a->{status}, 202, 'started');

    my $s = $a->{json};
    my $id = $s->{jobId};

    is(json([sort keys %$s]), json([sort qw(jobId assessmentId documentId status
        statusUrl progressUrl resultsUrl)]), 'the keys of the answer');
    is_id($s->{$_}, $_) for qw(jobId assessmentId documentId);
    is($s->{documentId}, $doc, 'documentId');
    is($s->{status}, 'queued', 'status');
    is($a->{headers}{location}, "/api/assessments/job/$id", 'Location');
    is($s->{statusUrl}, "/api/assessments/job/$id", 'statusUrl');
    like($s->{progressUrl}, qr{^/api/assessments/progress\?jobId=\Q$id\E$},
        'progressUrl');
    is($s->{resultsUrl}, "/api/assessments/job/$id/results", 'resultsUrl');

    my $job = $t->wait_job($id);
    job_is($job, 'completed', 'the end') or diag(json($job));
    is($job->{user}, 'Jürgen', 'user');
    is($job->{batchId}, undef, 'no batch');
    is(json($job->{priority}), -7, 'priority');
    is(json($job->{maxCost}), 12.5, 'maxCost');
    is(json($job->{metadata}), json($meta), 'metadata as it was given');
    is($job->{progress}, 100, 'progress');
    is($job->{totalBatches}, 3, 'five questions in batches of two');
    is($job->{completedBatches}, 3, 'all done');
    is($job->{attempt}, 1, 'the first attempt');
    is($job->{error}, undef, 'no error');
    is($job->{stage}, undef, 'no stage any more');
    is($job->{queuePosition}, undef, 'nor a place in the queue');
    ok($job->{createdAt} le $job->{startedAt}
        && $job->{startedAt} le $job->{completedAt}, 'times in their order');

    my $n = $job->{tokens};
    ok($n->{input} > 0 && $n->{output} > 0, 'tokens were counted');
    cmp_ok(abs($job->{cost} - ($n->{input} * 2.5 + $n->{output} * 10) / 1e6),
        '<', 1e-9, 'the cost is that of the price file');
    is($job->{priceVersion}, substr(sha256_hex(slurp("$dir/prices.json")), 0, 12),
        'which is known by its hash');

    my $b = $http->get("/api/assessments/job/$id");
    is(json($b->{json}), json($job), 'asked again, the same');
    my ($row) = grep { $_->{jobId} eq $id }
        @{ $http->get('/api/assessments/jobs')->{json}{jobs} };
    is(json($row), json($job), 'in a list, the same');

    is($provider->stats->{requests}, 3, 'three requests');
    like($provider->stats->{last}, qr/"model":\s*"test-model"/, 'of the model');
}


# the newest version, the defaults, another model
{
    my $job = $t->wait_job(begin({ documentId => $doc, questionSet => 'fire' })
        ->{json}{jobId});

    is($job->{totalBatches}, 2, 'the newest version has three questions');
    is($job->{priority}, 0, 'priority');
    is($job->{maxCost}, undef, 'maxCost');
    is($job->{user}, undef, 'user');
    is(json($job->{metadata}), '{}', 'metadata');
    is($job->{status}, 'completed', 'status');

    $job = $t->wait_job(begin({ documentId => $doc, questionSet => 'fire@1',
        provider => 'local' })->{json}{jobId});
    is($job->{status}, 'completed', 'local');
    is(json($job->{cost}), 0, 'costs nothing');
    is($job->{priceVersion}, undef, 'by no price list');
    is($job->{totalBatches}, 3, 'and counts its batches');

    $job = $t->wait_job(begin({ documentId => $doc, questionSet => 'fire@2',
        model => 'dear-model' })->{json}{jobId});
    my $n = $job->{tokens};
    cmp_ok(abs($job->{cost} - ($n->{input} * 1000 + $n->{output} * 2000) / 1e6),
        '<', 1e-6, 'another model has its own price');
    like($provider->stats->{last}, qr/"model":\s*"dear-model"/,
        'and is the one asked');
}


# what is not known is not told as if it were
{
    my $job = $t->wait_job(begin({ documentId => $doc, questionSet => 'fire',
        model => 'free-model' })->{json}{jobId});
    is($job->{status}, 'completed', 'a model without a price');
    ok($job->{tokens}{input} > 0, 'its tokens are counted');
    is($job->{priceVersion}, undef, 'its cost is not: by no price list');

    $job = $t->wait_job(begin({ documentId => $doc, questionSet => 'fire',
        provider => 'local', model => 'free-model', maxCost => 0 })->{json}{jobId});
    is($job->{status}, 'completed', 'what costs nothing has any limit');
}


# upload and start in one
{
    my $bytes = pdf('The exits are checked.', 'The alarm is tested.');
    my $a = form([questionSet => 'fire@2'], [priority => 3],
        [provider => 'openai'], [model => 'test-model'], [maxCost => '1.5'],
        [callbackUrl => 'https://receiver.invalid/done'], [metadata => '{"a":[1]}'],
        [file => $bytes, 'both.pdf', 'application/pdf']);

    is($a->{status}, 202, 'a form with all fields') or diag($a->{body});
    is($a->{headers}{location}, "/api/assessments/job/$a->{json}{jobId}",
        'Location');

    my $d = $http->get("/api/documents/$a->{json}{documentId}")->{json};
    is($d->{filename}, 'both.pdf', 'the document is stored');
    is($d->{bytes}, length $bytes, 'as it is');

    my $job = $t->wait_job($a->{json}{jobId});
    is($job->{status}, 'completed', 'assessed') or diag(json($job));
    is($job->{priority}, 3, 'priority');
    is($job->{maxCost}, 1.5, 'maxCost');
    is(json($job->{metadata}), '{"a":[1]}', 'metadata');

    my $b = form([file => $bytes, 'again.pdf', 'application/pdf'],
        [questionSet => 'fire']);
    is($b->{status}, 202, 'the same bytes again');
    is($b->{json}{documentId}, $d->{documentId}, 'are the same document');
    isnt($b->{json}{jobId}, $a->{json}{jobId}, 'in another job');
    $t->wait_job($b->{json}{jobId});
}


# Prefer: wait is another test's; here: the answer is the Job
{
    my $a = $http->post('/api/assessments/start', json =>
        { documentId => $doc, questionSet => 'fire', provider => 'local' },
        headers => { Prefer => 'respond-async, wait=60' });
    is($a->{status}, 200, 'waited for');
    job_is($a->{json}, 'completed', 'the answer');
}


untouched($t, 'refused starts', sub {
    my %ok = (documentId => $doc, questionSet => 'fire');
    my @bad = (
        ['no document', { questionSet => 'fire' }, 400, '/documentId'],
        ['no question set', { documentId => $doc }, 400, '/questionSet'],
        ['an id that is none', { %ok, documentId => 'x' }, 400, '/documentId'],
        ['an id that is a number', { %ok, documentId => 5 }, 400, '/documentId'],
        ['an unknown document', { %ok, documentId => UNKNOWN }, 404,
            '/documentId'],
        ['an unknown set', { %ok, questionSet => 'none' }, 404, '/questionSet'],
        ['an unknown version', { %ok, questionSet => 'fire@3' }, 404,
            '/questionSet'],
        ['a name that is none', { %ok, questionSet => 'a b' }, 400,
            '/questionSet'],
        ['version 0', { %ok, questionSet => 'fire@0' }, 400, '/questionSet'],
        ['a version that is none', { %ok, questionSet => 'fire@x' }, 400,
            '/questionSet'],
        ['no version behind @', { %ok, questionSet => 'fire@' }, 400,
            '/questionSet'],
        ['a version too large', { %ok, questionSet => 'fire@99999999999' }, 400,
            '/questionSet'],
        ['a set that is null', { %ok, questionSet => undef }, 400,
            '/questionSet'],
        ['an unknown key', { %ok, document => 'x' }, 400, '/document'],
        ['a key in another case', { %ok, Priority => 1 }, 400, '/Priority'],
        ['a key to be escaped', { %ok, 'a/~' => 1 }, 400, '/a~1~0'],
        ['a priority too high', { %ok, priority => 101 }, 400, '/priority'],
        ['a priority too low', { %ok, priority => -101 }, 400, '/priority'],
        ['a priority that is text', { %ok, priority => '1' }, 400, '/priority'],
        ['a priority that is no whole', { %ok, priority => 1.5 }, 400,
            '/priority'],
        ['a negative maxCost', { %ok, maxCost => -1 }, 400, '/maxCost'],
        ['a maxCost that is text', { %ok, maxCost => '1' }, 400, '/maxCost'],
        ['a maxCost for a model without a price', { %ok, maxCost => 1,
            model => 'free-model' }, 422, '/maxCost'],
        ['an unknown provider', { %ok, provider => 'none' }, 422, '/provider'],
        ['an empty provider', { %ok, provider => '' }, 400, '/provider'],
        ['a model that is a number', { %ok, model => 4 }, 400, '/model'],
        ['a model that is too long', { %ok, model => 'x' x 300 }, 400, '/model'],
        ['a callback that is no URL', { %ok, callbackUrl => 'done' }, 400,
            '/callbackUrl'],
        ['a callback to a file', { %ok, callbackUrl => 'file:///etc/passwd' },
            400, '/callbackUrl'],
        ['metadata that is a list', { %ok, metadata => [] }, 400, '/metadata'],
        ['metadata that is text', { %ok, metadata => '{}' }, 400, '/metadata'],
        ['metadata that is too much', { %ok, metadata => { a => 'x' x 4096 } },
            400, '/metadata'],
        ['a file in JSON', { %ok, file => 'x' }, 400, '/file'],
    );

    problem_is(begin($_->[1]), $_->[2], $_->[3], $_->[0]) for @bad;

    my @file = (file => 'a new text to start with', 'n.txt', 'text/plain');
    my @set = (questionSet => 'fire');

    problem_is(form(\@set), 400, '/file', 'a form without a file');
    problem_is(form(\@file), 400, '/questionSet', 'a form without a set');
    problem_is(form(\@file, \@file, \@set), 400, '/file', 'two files');
    problem_is(form(\@file, \@set, \@set), 400, undef, 'a field twice');
    problem_is(form(\@file, \@set, [extra => 1]), 400, '/extra',
        'an unknown field');
    problem_is(form(\@file, \@set, [documentId => $doc]), 400, '/documentId',
        'a file and a document');
    problem_is(form(\@file, [questionSet => 'none']), 404, '/questionSet',
        'an unknown set in a form');
    problem_is(form(\@file, \@set, [priority => 'high']), 400, '/priority',
        'a priority that is no number');
    problem_is(form(\@file, \@set, [priority => '"5"']), 400, '/priority',
        'a quoted one');
    problem_is(form(\@file, \@set, [maxCost => '1,5']), 400, '/maxCost',
        'a maxCost that is no number');
    problem_is(form(\@file, \@set, [metadata => 'x']), 400, '/metadata',
        'metadata that is no object');
    problem_is(form(\@file, \@set, [provider => 'none']), 422, '/provider',
        'an unknown provider in a form');
    problem_is(form([file => '', 'e.txt', 'text/plain'], \@set), 400, '/file/0',
        'an empty file');
    problem_is(form([file => 'x', 'e.pdf', 'application/pdf'], \@set), 415,
        undef, 'a PDF that is none');

    my %cut = Assess::HTTP::multipart(\@set, \@file);
    problem_is($http->post('/api/assessments/start', %cut, body =>
        substr($cut{body}, 0, -6)), 400, undef, 'a form that is cut');
});

is(begin({ documentId => $doc, questionSet => 'fire', provider => 'local',
    metadata => { a => 'x' x 4088 } })->{status}, 202, 'metadata of 4 KiB');


# the queue, from within
{
    $provider->control(mode => 'hang');

    my $first = start($t, $doc, 'fire', model => 'one-1');
    ok(wait_until(30, sub {
        my $job = $http->get("/api/assessments/job/$first->{jobId}")->{json};
        return $job->{status} eq 'processing'
            && ($job->{stage} // '') eq 'llm_processing';
    }), 'the first one runs');

    job_is($http->get("/api/assessments/job/$first->{jobId}")->{json},
        'processing', 'a running one');

    my @jobs = map { start($t, $doc, 'fire', priority => $_)->{jobId} }
        (0, 0, 5, -5);
    my %place = map { $_ => $http->get("/api/assessments/job/$_")->{json} } @jobs;

    job_is($place{$jobs[0]}, 'queued', 'one that waits');
    is(json([map { $place{$_}{queuePosition} } @jobs]), '[2,3,1,4]',
        'places by priority, then by age');
    is($place{$jobs[0]}{$_}, undef, "it has no $_")
        for qw(stage startedAt completedAt error);
    is($place{$jobs[0]}{attempt}, 0, 'and no attempt yet');

    my $list = $http->get('/api/assessments/jobs?status=queued')->{json};
    is(json([map { $_->{queuePosition} } @{ $list->{jobs} }]), '[4,1,3,2]',
        'the same places in a list');

    my $c = $http->get('/api/assessments/counters')->{json};
    is($c->{queued}, 4, 'counted as queued');
    is($c->{processing}, 1, 'and as processing');
    is($http->get("/api/documents/$doc")->{json}{status}, 'processing',
        'the document is, too');
    problem_is($http->delete("/api/documents/$doc"), 409, undef,
        'it cannot be deleted now');

    $http->delete("/api/assessments/job/$_") for @jobs, $first->{jobId};
    $provider->control(reset => JSON::PP::true());
}

$t->done;
$provider->stop;
