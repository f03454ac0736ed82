#!/usr/bin/perl

# What was asked before is not asked again: the same answers, at no cost, for
# as long as the operator says, within the tenant.

use strict;
use warnings;

use Assess::Contract qw(json);
use Assess::Jobs qw(document question_set start_job);
use Assess::Process qw(slurp wait_until write_file);
use Assess::Provider;
use Assess::Test;

my $provider = Assess::Provider->new;
my $t = Assess::Test->new(env => { $provider->env, ASSESS_WORKERS => 2 },
    extra => "assess_answer_cache 2d;\n");
my $http = $t->http;


sub asked { return $provider->stats->{requests} }

sub results {
    my ($job) = @_;
    return $http->get("/api/assessments/job/$job/results")->{json};
}

sub run_job {
    my (%o) = @_;

    my $job = $t->wait_job(start_job($t, %o), 60,
        $http->with(%{ $o{headers} // {} }));
    is($job->{status}, 'completed', "a job of \"$o{set}\" completes");
    return $job;
}

sub count_is {
    my ($hits, $misses, $name) = @_;

    my $ready = $http->get('/api/health/ready')->{json};
    is(json($ready->{answerCache}), json({ hits => $hits, misses => $misses }),
        $name);
}


# --- the same again

my $text = join "\n\n", map { "Section $_. The fire doors of stair $_ are"
    . " tested every month, extinguisher number $_ hangs next to exit $_." }
    1 .. 40;
my $document = $t->upload($text, 'text/plain', filename => 'plan.txt');

question_set($t, 'twelve', 12);
my $first = run_job(document => $document, set => 'twelve');
my $asked = asked();
is($asked, 3, 'three requests');
count_is(0, 12, 'twelve answers were not there');

my $again = run_job(document => $document, set => 'twelve');
is(asked(), $asked, 'the same again asks nothing');
is($again->{cost}, 0, 'and costs nothing');
is(json($again->{tokens}), '{"input":0,"output":0}', 'no token');
is($again->{completedBatches}, 3, 'its batches are completed all the same');
count_is(12, 12, 'twelve were');

my @one = @{ results($first->{jobId})->{answers} };
my @two = @{ results($again->{jobId})->{answers} };
is(scalar(grep { $_->{cached} } @one), 0, 'none of the first is from the cache');
is(scalar(grep { !$_->{cached} } @two), 0, 'all of the second are');
$_->{cached} = undef for @one, @two;
is(json(\@two), json(\@one), 'and they are the same but for that');
ok((grep { $_->{evidence}[0] && $_->{evidence}[0]{verified} } @two),
    'with verified quotes');

like($http->get("/api/assessments/job/$again->{jobId}/results?format=csv")
    ->{body}, qr/,true\r\n/, 'a CSV says so');


# --- in part

question_set($t, 'fourteen', 14);
my $part = run_job(document => $document, set => 'fourteen');
is(asked(), $asked + 1, 'only the two new questions are asked');
is($part->{completedBatches}, 3, 'in three batches');
@two = @{ results($part->{jobId})->{answers} };
is(join('', map { $_->{cached} ? 'c' : '-' } @two), 'c' x 12 . '--',
    'each answer says where it is from');
is(join(' ', map { $_->{questionId} } @two), join(' ', map {"q$_"} 1 .. 14),
    'in the order of the questions');
$asked = asked();


# --- what differs is asked

sub differs {
    my ($name, %o) = @_;

    run_job(document => $document, set => 'twelve', %o);
    my $now = asked();
    cmp_ok($now, '>', $asked, "$name: asked");
    $asked = $now;
}

differs('another model', body => { model => 'test-model-2' });

differs('another document', document => $t->upload("$text Others.",
    'text/plain', filename => 'plan2.txt'));

my $a = $http->put('/api/question-sets/twelve', json => {
    instructions => 'Be strict.', questions => [map { { id => "q$_",
        text => "Are the fire doors of stair $_ tested?" } } 1 .. 12] });
is($a->{status}, 201, 'other instructions');
differs('other instructions');

$a = $http->put('/api/question-sets/twelve', json => {
    instructions => 'Be strict.', questions => [map { { id => "q$_",
        text => "Are the fire doors of stair $_ tested?",
        guidance => 'All of them.' } } 1 .. 12] });
differs('guidance');

my %other = ('X-Tenant' => 'other');
question_set($t, 'twelve', 12, %other);
my $theirs = $t->upload($text, 'text/plain', filename => 'plan.txt',
    headers => \%other);
differs('another tenant', document => $theirs, set => 'twelve',
    headers => \%other);


# --- a document takes its answers along

$a = $http->with(%other)->delete("/api/documents/$theirs");
is($a->{status}, 204, 'a document is deleted');
$theirs = $t->upload($text, 'text/plain', filename => 'plan.txt',
    headers => \%other);
differs('after that', document => $theirs, set => 'twelve',
    headers => \%other);


# --- a quote is checked in the document it is used for

$t->sql("update assess.assessment_answers set evidence = replace(evidence,"
    . " '\"quote\":\"', '\"quote\":\"never ') where not cached and job_id ="
    . " '$first->{jobId}'");
my $checked = run_job(document => $document, set => 'twelve@1');
is(scalar(grep { !$_->{cached} } @{ results($checked->{jobId})->{answers} }),
    0, 'all are from the cache');
is(scalar(grep { $_->{verified} } map { @{ $_->{evidence} } }
    @{ results($checked->{jobId})->{answers} }), 0, 'no quote is verified');
is(asked(), $asked, 'nothing is asked');


# --- too old, or not wanted

$t->sql("update assess.assessment_answers set created_at = created_at"
    . " - interval '49 hours'");
differs('older than two days', set => 'twelve@1');
run_job(document => $document, set => 'twelve@1');
is(asked(), $asked, 'and kept anew');

write_file($t->server->{env}{ASSESS_EXTRA}, "assess_answer_cache off;\n");
$t->server->reload;
differs('off', set => 'twelve@1');


# --- "local" finds as fast again

for (1 .. 2) {
    my $local = run_job(document => $document, set => 'twelve@1',
        body => { provider => 'local' });
    is(scalar(grep { $_->{cached} } @{ results($local->{jobId})->{answers} }),
        0, 'answers of "local" are never from the cache');
}

$t->done;
