#!/usr/bin/perl

# What a start or a batch would cost: against what it costs then, without
# starting, sending or storing anything.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Assess::Contract;
use Assess::Process qw(wait_until write_file);
use Assess::Provider;
use Assess::Test;
use File::Temp qw(tempdir);
use Time::HiRes qw(time);

use constant { IN => 2.5e-6, CACHED => 1.25e-6, OUT => 1e-5 };

my $provider = Assess::Provider->new;
my $dir = tempdir('assess-s-XXXXXX', TMPDIR => 1, CLEANUP => 1);

write_file("$dir/prices.json", json({ map { $_ => {
    input_cost_per_token => IN, output_cost_per_token => OUT,
    cache_read_input_token_cost => CACHED } } qw(test-model other-model third-model) }));

my $t = Assess::Test->new(env => { $provider->env, ASSESS_JOBS => 4,
    ASSESS_PRICES => "$dir/prices.json", ASSESS_QUESTIONS_PER_BATCH => 5 },
    extra => "assess_answer_cache 1h;\n");
my $http = $t->http;

$provider->control(usage => { words => JSON::PP::true() });

question_set($t, 'a', 23);
question_set($t, 'b', 31);


sub estimate {
    my ($documents, $set, %more) = @_;

    return $http->post('/api/assessments/estimate', json => { %more,
        ref $documents ? (documentIds => $documents)
                       : (documentId => $documents), questionSet => $set });
}


# What these cost when they are done: dollars, tokens in and out.
sub spent {
    my ($documents, $set, %more) = @_;

    my @jobs = map { start($t, $_, $set, %more)->{jobId} } @$documents;
    my @sum = (0, 0, 0);

    for my $id (@jobs) {
        my $job = $t->wait_job($id);
        is($job->{status}, 'completed', 'a job') or diag(json($job));
        $sum[0] += $job->{cost};
        $sum[1] += $job->{tokens}{input};
        $sum[2] += $job->{tokens}{output};
    }

    return @sum;
}


sub near {
    my ($got, $want, $part, $name) = @_;

    cmp_ok(abs($got - $want), '<=', $part * $want, $name)
        or diag("$got for $want");
}


my @words = qw(exits alarm lighting extinguishers training doors signs storage
    assembly detectors record inspection corridor staircase monthly service
    competent person responsible building occupants evacuation drill);

sub text {
    my ($n, $seed) = @_;

    return join ' ', map { $words[($_ * $_ + $seed * 7 + $_) % @words]
        . ($_ % 11 == 10 ? '.' : '') . ($_ % 80 == 79 ? "\n\n" : '') } 1 .. $n;
}

my @docs = map { $t->upload(text($_, $_), 'text/plain', filename => "$_.txt") }
    40, 300, 900, 2500, 8000, 20000;
push @docs, $t->upload(pdf(map { text(180, $_) } 1 .. 9), 'application/pdf',
    filename => 'nine.pdf');


# before anybody has asked that model anything
my $cold;

untouched($t, 'an estimate', sub {
    my $a = estimate(\@docs, 'a');
    my $e = $cold = $a->{json};

    is($a->{status}, 200, 'an estimate') or diag($a->{body});
    is(json([sort keys %$e]), json([sort qw(documents inputTokens outputTokens
        estimatedCost recommendedBudget estimatedSeconds breakdown measured
        priceVersion)]), 'its keys');
    is($e->{documents}, 7, 'documents');
    ok(!$e->{measured}, 'by nothing that was measured');
    near($e->{recommendedBudget}, 1.2 * $e->{estimatedCost}, 1e-9,
        'a fifth more is recommended');
    cmp_ok($e->{estimatedSeconds}, '>', 0, 'it takes its time');

    my %by = map { $_->{documentType} => $_ } @{ $e->{breakdown} };

    is(join(' ', sort keys %by), 'pdf text', 'by the kind of documents');
    is($by{text}{count}, 6, 'texts');
    is($by{pdf}{count}, 1, 'and one other');
    near($by{text}{costPerDocument} * 6, $by{text}{cost}, 1e-9, 'each');
    near($by{pdf}{cost}, estimate($docs[6], 'a')->{json}{estimatedCost}, 0.01,
        'a PDF is not taken for one of the texts');
    near($by{text}{cost} + $by{pdf}{cost}, $e->{estimatedCost}, 1e-9,
        'which is all');
    near($e->{inputTokens} * IN + $e->{outputTokens} * OUT,
        $e->{estimatedCost}, 1e-4, 'the cost is that of the price file');
});

is($provider->stats->{requests}, 0, 'nobody was asked anything');
is($http->get('/api/assessments/jobs')->{json}{total}, 0, 'no job is there');

my @cost = spent(\@docs, 'a');

near($cold->{inputTokens}, $cost[1], 0.3, 'what is sent, before it is measured');


# what was measured makes the next one right, for other questions
{
    $t->home->reload if $t->home->can('reload');

    my $e;
    ok(wait_until(15, sub {
        $e = estimate(\@docs, 'b')->{json};
        return $e->{measured};
    }), 'usage was measured');

    my @more = spent(\@docs, 'b');

    near($e->{inputTokens}, $more[1], 0.1, 'tokens in');
    near($e->{outputTokens}, $more[2], 0.1, 'tokens out');
    near($e->{estimatedCost}, $more[0], 0.1, 'the cost');
    cmp_ok($e->{recommendedBudget}, '>', $more[0], 'the budget is enough');
}


# of what was answered before nothing is to be paid
{
    my $e = estimate(\@docs, 'b')->{json};

    is($e->{estimatedCost}, 0, 'all answers are there') or diag(json($e));
    is($e->{inputTokens}, 0, 'nothing would be sent');

    my $new = $t->upload(text(3000, 5), 'text/plain', filename => 'new.txt');

    $e = estimate([@docs, $new], 'b')->{json};
    my $alone = estimate($new, 'b')->{json};

    cmp_ok($alone->{estimatedCost}, '>', 0, 'but those of a new document');
    near($e->{estimatedCost}, $alone->{estimatedCost}, 1e-6,
        'which is all that is to be paid');

    my ($paid) = spent([$new], 'b');
    near($alone->{estimatedCost}, $paid, 0.15, 'one alone');
}


# what a provider has in its cache is cheaper, and expected to be
{
    $provider->control(usage => { words => JSON::PP::true(), cached => 0.5 });

    my ($paid, $in, $out) = spent([@docs[1 .. 3]], 'a', model => 'other-model');
    near($paid, $in * (IN + CACHED) / 2 + $out * OUT, 1e-3,
        'half of it from the cache');

    my $e;
    wait_until(15, sub {
        $e = estimate([@docs[4 .. 6]], 'b', model => 'other-model')->{json};
        return $e->{measured};
    });

    ($paid) = spent([@docs[4 .. 6]], 'b', model => 'other-model');
    near($e->{estimatedCost}, $paid, 0.15, 'so is the estimate');
}


# a batch says what it was expected to cost
{
    my $batch = sub {
        my (%of) = @_;

        my $a = $http->post('/api/assessments/batch', json => {
            documentIds => [@docs[1 .. 4]], questionSet => 'a', %of });
        is($a->{status}, 202, 'a batch') or diag($a->{body});
        return "/api/assessments/batch/$a->{json}{batchId}";
    };

    my $told = estimate([@docs[1 .. 4]], 'a', model => 'third-model')->{json};
    my $path = $batch->(model => 'third-model');
    my $b;

    ok(wait_until(30, sub { $b = $http->get($path)->{json};
        defined $b->{estimatedCost} && $b->{status} eq 'completed' }),
        'it has an estimate, and keeps it') or diag(json($b));

    # what is known of that model has become more since
    near($b->{estimatedCost}, $told->{estimatedCost}, 0.25, 'as was told before');

    $path = $batch->(provider => 'local');
    ok(wait_until(30, sub { ($http->get($path)->{json}{estimatedCost} // -1)
        == 0 }), 'what runs here costs nothing');

    $path = $batch->(model => 'free-model');
    my ($id) = $path =~ m{([^/]+)$};
    ok(wait_until(30, sub { $t->sql('select cost_due from'
        . " assess.batch_assessments where batch_id = '$id'") eq 'infinity'
        && $http->get($path)->{json}{status} eq 'completed' }), 'looked at');
    is($http->get($path)->{json}{estimatedCost}, undef,
        'of a model without a price nothing is known');
}


# what is not known is not told as nothing
{
    my $e = estimate($docs[5], 'a', model => 'free-model')->{json};

    is($e->{estimatedCost}, undef, 'a model without a price');
    is($e->{recommendedBudget}, undef, 'and without a budget');
    is($e->{priceVersion}, undef, 'by no price list');
    is($e->{breakdown}[0]{cost}, undef, 'nor by the kind');
    cmp_ok($e->{inputTokens}, '>', 0, 'but its tokens');

    $e = estimate($docs[3], 'a', provider => 'local')->{json};
    is($e->{estimatedCost}, 0, 'what runs here costs nothing');
    is($e->{inputTokens}, 0, 'and sends nothing');
}


untouched($t, 'refused estimates', sub {
    my $post = sub { $http->post('/api/assessments/estimate', json => $_[0]) };
    my %ok = (questionSet => 'a');
    my @bad = (
        ['no document', { %ok }, 400, '/documentId'],
        ['both', { %ok, documentId => $docs[0], documentIds => [$docs[1]] },
            400, '/documentIds'],
        ['none of them', { %ok, documentIds => [] }, 400, '/documentIds'],
        ['no list', { %ok, documentIds => $docs[0] }, 400, '/documentIds'],
        ['too many', { %ok, documentIds => [map { UNKNOWN } 0 .. 10000] }, 400,
            '/documentIds'],
        ['no id', { %ok, documentIds => [$docs[0], 'x'] }, 400,
            '/documentIds/1'],
        ['one twice', { %ok, documentIds => [@docs[0, 1, 2, 1, 0]] }, 422,
            '/documentIds/3'],
        ['an unknown one', { %ok, documentIds => [$docs[0], UNKNOWN] }, 404,
            '/documentIds/1'],
        ['one alone', { %ok, documentId => UNKNOWN }, 404, '/documentId'],
        ['an unknown set', { documentId => $docs[0], questionSet => 'x' }, 404,
            '/questionSet'],
        ['no set', { documentId => $docs[0] }, 400, '/questionSet'],
        ['a URL', { %ok, url => 'https://example.org/a.pdf' }, 422, '/url'],
        ['an unknown key', { %ok, documentId => $docs[0], x => 1 }, 400, '/x'],
        ['an unknown provider', { %ok, documentId => $docs[0],
            provider => 'none' }, 422, '/provider'],
    );

    problem_is($post->($_->[1]), $_->[2], $_->[3], $_->[0]) for @bad;

    my $other = $http->with('X-Tenant' => 'other');
    problem_is($other->post('/api/assessments/estimate', json => { %ok,
        documentId => $docs[0] }), 404, '/questionSet', "another's set");
    question_set($t, 'a', 23, $other);
    problem_is($other->post('/api/assessments/estimate', json => { %ok,
        documentIds => [$docs[0]] }), 404, '/documentIds/0',
        "another's document");
    $t->sql("delete from assess.question_sets where tenant = 'other'");
    $t->sql("delete from assess.companies where tenant = 'other'");
});


# ten thousand, of which the texts are known
{
    $t->sql(<<'END');
with made as (
    insert into assess.documents (document_id, tenant, filename, content_type,
        kind, bytes, sha256, pages, extractor, text_bytes)
    select gen_random_uuid(), 'default', n || '.pdf', 'application/pdf', 1,
        100000, sha256(n::text::bytea), 1, d.extractor,
        length(p.text) * (1 + n % 7)
    from generate_series(1, 10000) n, assess.documents d, assess.document_pages p
    where d.filename = '300.txt' and p.document_id = d.document_id
    returning document_id, text_bytes)
insert into assess.document_pages (document_id, page, text)
    select m.document_id, 1, repeat(p.text, (m.text_bytes / length(p.text))::int)
    from made m, assess.documents d, assess.document_pages p
    where d.filename = '300.txt' and p.document_id = d.document_id
END

    my @all = split ' ', $t->sql("select document_id from assess.documents"
        . " where bytes = 100000");
    is(scalar @all, 10000, 'ten thousand documents');

    my $now = time;
    my $a = estimate(\@all, 'a');
    my $took = time - $now;

    is($a->{status}, 200, 'are estimated') or diag($a->{body});
    cmp_ok($took, '<', 2, 'at once');
    is($a->{json}{breakdown}[0]{count}, 10000, 'all of them');

    my $few = estimate([@all[0 .. 899]], 'a')->{json};
    near($few->{estimatedCost} / 900, $a->{json}{estimatedCost} / 10000, 0.05,
        'each as in a smaller number');
}

$t->done;
$provider->stop;
