#!/usr/bin/perl

# What a worker has prepared of a document serves the next jobs on it, and
# those that come at the same time; it is never another document's.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Assess::Contract qw(json pdf pdf_encrypted);
use Assess::Jobs qw(document question_set start_job);
use Assess::Process qw(wait_until);
use Assess::Test;

my $t = Assess::Test->new(env => { ASSESS_JOBS => 4 },
    extra => "assess_document_cache 4m;\n");
my $http = $t->http;


sub results {
    my ($job) = @_;
    return $http->get("/api/assessments/job/$job/results")->{json}{answers};
}

# what a result says of the document, without the job's own
sub said {
    my ($job) = @_;

    return json([map { { id => $_->{questionId}, evidence => $_->{evidence},
        confidence => $_->{confidence} } } @{ results($job) }]);
}

sub run_job {
    my (%o) = @_;

    my $id = start_job($t, %o);
    my $job = $t->wait_job($id, 60, $http->with(%{ $o{headers} // {} }));
    is($job->{status}, 'completed', 'a job completes');
    return $id;
}

# how often something was there, and was not, since the last time
my %before = (hits => 0, misses => 0);

sub count_is {
    my ($hits, $misses, $name) = @_;

    my $now = $http->get('/api/health/ready')->{json}{documentCache};
    my %since = map { $_ => $now->{$_} - $before{$_} } qw(hits misses);

    is(json(\%since), json({ hits => $hits, misses => $misses }), $name);
    %before = %$now;
}

# nobody can read the content of a document until this is called
sub locked {
    return $t->cluster->held(
        'lock table assess.document_contents in access exclusive mode');
}

sub waiting_in_database {
    my ($n) = @_;

    return wait_until(20, sub { $n == $t->sql('select count(*) from pg_locks'
        . " where not granted and relation ="
        . " 'assess.document_contents'::regclass") });
}

sub processing {
    my (@jobs) = @_;

    return wait_until(20, sub { !grep { $http->get("/api/assessments/job/$_")
        ->{json}{status} ne 'processing' } @jobs });
}


# --- again, and what is something else

question_set($t, 'three', 3);
question_set($t, 'four', 4);

my $document = document($t);
my $first = run_job(document => $document, set => 'three');
count_is(0, 2, 'a document and a set that were not there');

my $second = run_job(document => $document, set => 'three');
count_is(2, 0, 'both are there for the next job');
is(said($second), said($first), 'which finds the same');
like(said($second), qr/"verified":true/, 'with verified quotes');

run_job(document => $document, set => 'four');
count_is(1, 1, 'another set is another one');

my $text = 'The fire doors of stair 1 are tested. The log is kept.';
my $here = $t->upload($text, 'text/plain');
run_job(document => $here, set => 'three');
count_is(1, 1, 'another document, too');


# --- it is what there is, and nothing of it is read again

$t->sql("delete from assess.document_pages where document_id = '$document'");
$t->sql('update assess.documents set extractor = null, pages = null'
    . " where document_id = '$document'");

my $third = run_job(document => $document, set => 'three');
is(said($third), said($first), 'the text is not read again');
is($t->sql('select count(*) from assess.document_pages'
    . " where document_id = '$document'"), 0, 'nor extracted');
count_is(2, 0, 'it was there');


# --- deleted and stored again

is($http->delete("/api/documents/$here")->{status}, 204, 'deleted');
my $anew = $t->upload($text, 'text/plain');
isnt($anew, $here, 'the same bytes are another document');
run_job(document => $anew, set => 'three');
count_is(1, 1, 'which is prepared anew');


# --- at once

my $pdf = $t->upload(pdf('The fire doors of stair 1 are tested monthly.',
    'The fire doors of stair 2 are tested weekly.'), 'application/pdf');
my $lock = locked();
my @jobs = map { start_job($t, document => $pdf, set => 'three') } 1 .. 4;
ok(processing(@jobs), 'four jobs on a new document run');
ok(waiting_in_database(1), 'one of them reads it');
$lock->();
is($t->wait_job($_)->{status}, 'completed', 'it completes') for @jobs;
is(said($_), said($jobs[0]), 'all found the same') for @jobs[1 .. 3];
count_is(7, 1, 'it was prepared once');


# --- who waits is free to go, and who leaves is followed by another

$pdf = $t->upload(pdf('The fire doors of stair 3 are tested.'),
    'application/pdf');
$lock = locked();
@jobs = start_job($t, document => $pdf, set => 'three');
ok(waiting_in_database(1), 'the first one reads');
push @jobs, start_job($t, document => $pdf, set => 'three') for 1 .. 3;
ok(processing(@jobs), 'three more run');

my @cancelled = @jobs[0 .. 2];
$http->delete("/api/assessments/job/$_") for @cancelled;
is($t->wait_job($_)->{status}, 'cancelled', 'cancelled') for @cancelled;

# the two that only waited have left, and their threads are free
my @others = map { start_job($t, document => $document, set => 'three') }
             1 .. 2;
is($t->wait_job($_)->{status}, 'completed',
    'another document is assessed meanwhile') for @others;

ok(waiting_in_database(1), 'the first one still reads');
$lock->();
is($t->wait_job($jobs[3])->{status}, 'completed', 'the fourth completes');
like(said($jobs[3]), qr/"verified":true/, 'with verified quotes');


# --- what cannot be read

my $bad = $t->upload(pdf_encrypted('x'), 'application/pdf');
$lock = locked();
@jobs = map { start_job($t, document => $bad, set => 'three') } 1 .. 4;
ok(processing(@jobs) && waiting_in_database(1), 'four jobs, one reads');
$lock->();
is($t->wait_job($_)->{error}{code}, 'document_encrypted',
    'each fails for itself') for @jobs;

my $job = $t->wait_job(start_job($t, document => $bad, set => 'three'));
is($job->{error}{code}, 'document_encrypted', 'the next one as well');


# --- bounded, and off

my $bytes = $http->get('/api/health/ready')->{json}{documentCache}{bytes};
ok($bytes > 16384 * 6, "what is kept: $bytes bytes");

my $large = join "\n\n", map { "Paragraph $_ about door " . $_ * 7
    . ' and exit ' . $_ * 13 . ', of which word' . $_ . ' is told.' }
    1 .. 12_000;
$document = $t->upload($large, 'text/plain');
run_job(document => $document, set => 'three');
cmp_ok($http->get('/api/health/ready')->{json}{documentCache}{bytes}, '<=',
    4 << 20, 'no more than the bound is kept');

my $off = $t->another(extra => "assess_document_cache off;\n");
my $a = $off->http->post('/api/assessments/start', json =>
    { documentId => $anew, questionSet => 'three' },
    headers => { Prefer => 'wait=60' });
is($a->{json}{status}, 'completed', 'without a cache');
is(json($off->http->get('/api/health/ready')->{json}{documentCache}),
    json({ hits => 0, misses => 0, bytes => 0 }), 'nothing is kept');

$t->done;
