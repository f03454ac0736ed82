#!/usr/bin/perl

# Documents in a bucket: as in a directory (t/storage.t), what is in there
# belongs to a document, or is known not to.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";

use Assess::Contract;
use Assess::Jobs qw(start_job);
use Assess::Process qw(slurp wait_until);
use Assess::S3;
use Assess::Test;

my $s3 = Assess::S3->new(buckets => ['docs']);
my $endpoint = $s3->endpoint;

my $t = Assess::Test->new(env => { ASSESS_JOBS => 4, ASSESS_LEASE => 1 },
    extra => <<"END");
assess_s3 here {
    endpoint    $endpoint;
    region      $Assess::S3::REGION;
    access_key  $Assess::S3::ACCESS;
    secret_key  $Assess::S3::SECRET;
    timeout     5s;
    tries       1;
}
assess_storage s3 here bucket=docs prefix=in/here/;
END
my $http = $t->http;

$t->allow_alarm(qr/exited on signal 9/);
$t->allow_alarm(qr/shared memory zone "assess" was locked by/);


# The bytes of an object, as the bucket has them.
sub object { return $s3->object('docs', "in/here/$_[0]") }

sub object_of {
    return $t->sql("select object from assess.documents where document_id = '$_[0]'");
}

sub strays { return $t->sql('select count(*) from assess.stray_objects') }

sub post {
    return $http->post('/api/documents', body => $_[0],
        headers => { 'Content-Type' => 'text/plain' });
}

sub logged {
    my ($pattern, $name) = @_;
    ok(wait_until(10, sub {
        (slurp($t->server->{home} . '/logs/error.log') // '') =~ $pattern }), $name);
}

# Signed with the sum of the bytes, for which the bucket looks.
my $text = join '', map {"Line $_ of what is in a bucket.\n"} 1 .. 20_000;
my $id = post($text)->{json}{documents}[0]{documentId};

ok(object(object_of($id)) eq $text, 'a document is an object');
is(post($text)->{status}, 200, 'the same bytes again');
is(scalar(grep {m{^PUT /docs/in/here/[0-9a-f]{32}/}} $s3->requests), 1,
    'are stored once');
is($t->sql('select count(*) from assess.document_contents'), 0,
    'nothing is in the database');


# --- read in parts

{
    my $before = () = $s3->requests;
    my $a = $http->get("/api/documents/$id/content",
        headers => { Range => 'bytes=300000-300009' });

    is($a->{status}, 206, 'a range');
    is($a->{body}, substr($text, 300_000, 10), 'to the byte');

    my @asked = ($s3->requests)[$before .. $before + 9];
    is(join(' ', grep { defined } @asked), 'GET /docs/in/here/' . object_of($id)
        . ' 206 bytes=300000-300009', 'is all that is asked for');
    ok($http->get("/api/documents/$id/content")->{body} eq $text, 'the whole');
}


# --- a job, and an outage

question_set($t, 'two', 2);

{
    is($t->wait_job(start_job($t, document => $id, set => 'two'))->{status},
        'completed', 'a job on it');

    my $other = post('waits for its bucket')->{json}{documents}[0]{documentId};

    $s3->fault('503 1000000');
    problem_is($http->get("/api/documents/$other/content"), 503, undef,
        'a bucket that is away');

    my $job = start_job($t, document => $other, set => 'two');
    logged(qr/job $job: the content of the document cannot be read now/,
        'a job waits');
    my $asked = () = $s3->requests;
    ok(wait_until(20, sub { $s3->requests >= $asked + 5 }), 'and tries again');
    is($http->get("/api/assessments/job/$job")->{json}{status}, 'processing',
        'but does not fail');

    my $a = post('into nothing');
    problem_is($a, 503, undef, 'nothing is stored');
    unlike($a->{body}, qr/docs|127\.0\.0\.1/, 'the client is not told where');
    logged(qr/storage "s3" cannot be written: .*bucket "docs" with 503/,
        'the log is');

    $s3->fault('503 0');
    is($t->wait_job($job)->{status}, 'completed', 'it is back');
    ok(wait_until(10, sub { post('into nothing')->{status} == 201 }),
        'documents are taken');
}


# --- killed while the bucket has not answered

{
    my ($before) = strays();
    my ($worker) = $t->server->workers;
    my $sock = $http->connect;
    my $body = 'on its way';

    $s3->fault('hang 1');
    print {$sock} "POST /api/documents HTTP/1.1\r\nHost: a\r\nContent-Type: "
        . "text/plain\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
    $sock->flush;

    ok(wait_until(10, sub { strays() == $before + 1 }),
        'what is on its way is known');
    kill 'KILL', $worker;
    ok(wait_until(10, sub { !grep { $_ == $worker } $t->server->workers }),
        'the worker dies');
    $s3->fault('hang 0');
    $t->server->wait_ready(30);

    # carried out after all
    my $object = $t->sql('select object from assess.stray_objects where due >'
        . " now() + interval '30 minutes' limit 1");
    $s3->store('docs', "in/here/$object", $body);
    ok(defined object($object), 'and its request is carried out');

    $t->sql('update assess.stray_objects set due = now()');
    ok(wait_until(20, sub { !defined object($object) && strays() == 0 }),
        'it is swept');
}


# --- the last of it

{
    my $object = object_of($id);

    is($http->delete("/api/documents/$id")->{status}, 204, 'deleted');
    ok(wait_until(20, sub { !defined object($object) && strays() == 0 }),
        'the object goes');
}


# --- refused

{
    my $d = post('refused')->{json}{documents}[0]{documentId};
    my $object = object_of($d);

    $t->sql('update assess.documents set object = object ||'
        . " 'x' where document_id = '$d'");
    my $job = $t->wait_job(start_job($t, document => $d, set => 'two'));
    is($job->{error}{code}, 'document_missing', 'an object that is not there');
}

my $log = slurp($t->server->{home} . '/logs/error.log');
unlike($log, qr/\Q$Assess::S3::SECRET\E/, 'the log has no key');

$t->done;
