#!/usr/bin/perl

# Results: so far and at the end, as JSON, CSV and NDJSON.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Assess::Contract;
use Assess::Provider;
use Assess::Test;
use JSON::PP ();

my $provider = Assess::Provider->new;
my $t = Assess::Test->new(env => { $provider->env });
my $http = $t->http;
my ($true, $false) = (JSON::PP::true(), JSON::PP::false());


# A reply with these answers, for the next request.
sub reply {
    my (@answers) = @_;

    my $coder = JSON::PP->new->ascii;
    my $content = $coder->encode({ answers => \@answers });

    $provider->control(reset => $true, next => [{ body => $coder->encode(
        { id => 'x', object => 'chat.completion', model => 'test-model',
          choices => [{ index => 0, finish_reason => 'stop', message =>
              { role => 'assistant', content => $content } }],
          usage => { prompt_tokens => 100, completion_tokens => 50,
                     total_tokens => 150 } }) }]);
}

sub results {
    my ($id, $format) = @_;
    return $http->get("/api/assessments/job/$id/results"
        . (defined $format ? "?format=$format" : ''));
}

# RFC 4180, read strictly; undef where it is none.
sub csv {
    my ($in) = @_;

    my (@rows, @row);

    while (length $in) {
        my $field;

        if ($in =~ s/\A"((?:[^"]|"")*)"//) {
            ($field = $1) =~ s/""/"/g;
        } elsif ($in =~ s/\A([^",\r\n]*)//) {
            $field = $1;
        }

        push @row, $field;

        if ($in =~ s/\A\r\n//) {
            push @rows, [@row];
            @row = ();
        } elsif ($in !~ s/\A,//) {
            return;
        }
    }

    return @row ? undef : \@rows;
}


my $doc = $t->upload("The exits, \"checked\" each week.\f"
    . "=SUM(A1) is a formula.\n-1 is a number, \@home one is not.",
    'text/plain');
my %want;

$http->put('/api/question-sets/odd', json => { questions => [
    { id => 'q1', text => 'Are the exits checked?' },
    { id => '-q2', text => 'Is there a formula?' },
    { id => 'q3', text => 'Is there a number?' },
    { id => 'q4', text => 'Is anybody home?' },
] });

reply(
    { questionId => 'q4', verdict => 'not_applicable', confidence => 0,
      rationale => "\ttab and \x{fc}ber, \x{20ac}", evidence => [] },
    { questionId => 'q1', verdict => 'compliant', confidence => 0.875,
      rationale => '=cmd|"/C calc"!A0', evidence => [
        { quote => 'The exits, “checked” each week.', page => 1 },
        { quote => '+never said, "not even" so', page => 1 } ] },
    { questionId => '-q2', verdict => 'non_compliant', confidence => 1,
      rationale => "two\r\nlines", evidence => [
        { quote => '=SUM(A1) is a formula.', page => 1 } ] },
    { questionId => 'q3', verdict => 'partially_compliant', confidence => 0.5,
      rationale => '-1', evidence => [
        { quote => '@home one is not.', page => 2 } ] },
);

my $id = start($t, $doc, 'odd')->{jobId};
my $job = $t->wait_job($id);

is($job->{status}, 'completed', 'the answers are taken') or diag(json($job));
is(json($job->{tokens}), '{"input":100,"output":50}', 'usage is what counts');


# JSON
{
    my $a = results($id);

    is($a->{status}, 200, 'results');
    like($a->{headers}{'content-type'}, qr{^application/json}, 'JSON');

    my $r = $a->{json};
    is(json([sort keys %$r]), json([sort qw(jobId assessmentId documentId
        questionSet complete summary answers)]), 'the keys of Results');
    is($r->{jobId}, $id, 'jobId');
    is($r->{documentId}, $doc, 'documentId');
    is($r->{assessmentId}, $job->{assessmentId}, 'assessmentId');
    is(json($r->{questionSet}), '{"name":"odd","version":1}', 'questionSet');
    is(json($r->{complete}), 'true', 'complete');
    is(json($r->{summary}), json({ compliant => 1, partially_compliant => 1,
        non_compliant => 1, not_applicable => 1, insufficient_evidence => 0 }),
        'summary');

    my @answers = @{ $r->{answers} };
    is(json([map { $_->{questionId} } @answers]), '["q1","-q2","q3","q4"]',
        'in the order of the questions');
    is(json([sort keys %{ $answers[0] }]), json([sort qw(questionId verdict
        confidence rationale evidence provider model cached)]),
        'the keys of an Answer');
    is(json([sort keys %{ $answers[0]{evidence}[0] }]),
        '["page","quote","verified"]', 'and of evidence');
    is(json([map { $_->{confidence} } @answers]), '[0.875,1,0.5,0]',
        'confidence, numbers');
    is(json([map { $_->{verdict} } @answers]), '["compliant","non_compliant",'
        . '"partially_compliant","not_applicable"]', 'verdicts');
    is($answers[0]{provider}, 'openai', 'provider');
    is($answers[0]{model}, 'test-model', 'model');
    is(json($answers[0]{cached}), 'false', 'cached');
    is($answers[1]{rationale}, "two\r\nlines", 'a rationale as it was given');

    is(json([map { map { [$_->{page}, $_->{verified}] } @{ $_->{evidence} } }
        @answers]), '[[1,true],[1,false],[2,true],[2,true]]',
        'quotes are checked: the page they stand on, and whether');
    is($answers[1]{evidence}[0]{quote}, '=SUM(A1) is a formula.', 'the quote');

    is(json(results($id, 'json')->{json}), json($r), 'format=json is the same');
    $want{answers} = \@answers;
}


# CSV
{
    my $a = results($id, 'csv');

    is($a->{status}, 200, 'CSV');
    like($a->{headers}{'content-type'}, qr{^text/csv\b}, 'its type');

    my $text = $a->{body};
    ok(utf8::decode($text), 'UTF-8');

    my $rows = csv($text) or diag($text);
    ok($rows, 'RFC 4180');

    is(json($rows->[0]), json([qw(questionId verdict confidence rationale quote
        page verified provider model cached)]), 'the header');
    is(json([@$rows[1 .. $#$rows]]), json([
        ['q1', 'compliant', '0.875', q('=cmd|"/C calc"!A0),
            'The exits, “checked” each week.', '1', 'true', 'openai',
            'test-model', 'false'],
        ['q1', 'compliant', '0.875', q('=cmd|"/C calc"!A0),
            q('+never said, "not even" so), '1', 'false', 'openai',
            'test-model', 'false'],
        [q('-q2), 'non_compliant', '1', "two\r\nlines",
            q('=SUM(A1) is a formula.), '2', 'true', 'openai', 'test-model',
            'false'],
        ['q3', 'partially_compliant', '0.5', q('-1), q('@home one is not.), '2',
            'true', 'openai', 'test-model', 'false'],
        ['q4', 'not_applicable', '0', "'\ttab and über, €", '', '', '',
            'openai', 'test-model', 'false'],
    ]), 'a row for each piece of evidence, formulas made harmless');
}


# NDJSON
{
    my $a = results($id, 'ndjson');

    is($a->{status}, 200, 'NDJSON');
    like($a->{headers}{'content-type'}, qr{^application/(?:x-)?ndjson\b},
        'its type');
    like($a->{body}, qr/\}\n\z/, 'each line has its end');
    is(json([map { JSON::PP->new->utf8->decode($_) } split /\n/, $a->{body}]),
        json($want{answers}), 'the same answers, one a line');
}


# before the end
{
    $provider->control(reset => $true, mode => 'hang',
        next => [{ mode => 'ok' }]);
    question_set($t, 'ten', 10);

    # another document, so that no answer is known
    my $other = $t->upload('The record of exits number 1 and alarm number 2.',
        'text/plain');
    my $id = start($t, $other, 'ten')->{jobId};
    my $r = results($id);

    is($r->{status}, 200, 'results of a job that has hardly begun');
    is(json($r->{json}{complete}), 'false', 'are not complete');

    ok(wait_until(60, sub {
        $r = results($id);
        return @{ $r->{json}{answers} } == 5;
    }), 'the answers of the batch that is done are there');
    is(json($r->{json}{complete}), 'false', 'still not complete');

    my $sum = 0;
    $sum += $_ for values %{ $r->{json}{summary} };
    is($sum, 5, 'the summary is of these');
    my $n = () = results($id, 'ndjson')->{body} =~ /\n/g;
    is($n, 5, 'NDJSON has them');

    $job = $http->get("/api/assessments/job/$id")->{json};
    job_is($job, 'processing', 'its Job');
    is($job->{stage}, 'llm_processing', 'its stage');
    is($job->{completedBatches}, 1, 'its batches');
    ok($job->{progress} > 0 && $job->{progress} < 100, 'its progress');

    is($http->delete("/api/assessments/job/$id")->{status}, 202, 'cancelled');
    $r = results($id);
    is(scalar @{ $r->{json}{answers} }, 5, 'what was answered stays');
    is(json($r->{json}{complete}), 'false', 'and is not complete');
}


# local: an honest finder
{
    $provider->control(reset => $true);
    my $id = start($t, $doc, 'odd', provider => 'local')->{jobId};
    $t->wait_job($id);

    my $r = results($id)->{json};
    is(json($r->{complete}), 'true', 'local answers all');
    is(scalar @{ $r->{answers} }, 4, 'questions');
    is(scalar(grep { $_->{provider} eq 'local'
        && $_->{verdict} eq 'insufficient_evidence' && defined $_->{model} }
        @{ $r->{answers} }), 4, 'and judges none');
    is(scalar(grep { !$_->{verified} } map { @{ $_->{evidence} } }
        @{ $r->{answers} }), 0, 'all that it quotes stands there');
    is($provider->stats->{requests}, 0, 'nobody else is asked');
}

$t->done;
$provider->stop;
